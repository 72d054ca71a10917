"""One settings document with its defaults, relative paths and secrets.

Used by `config.settings_reader`; knows where values stand and what paths are relative to, and no
section by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from recordingd.config.diagnostics import Findings, Place
from recordingd.config.secret import Secret, SecretKind
from recordingd.config.secret_words import looks_secret
from recordingd.config.settings_values import NamedSecret
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import parse_finite_duration, timedelta_of


class SettingsSource:
    """What is left of a settings document after the schema check, and how to read it."""

    def __init__(
        self,
        path: Path,
        document: Document,
        *,
        data: Plain,
        environ: Mapping[str, str],
        findings: Findings,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow links
        self.document = document
        self.data = data
        self.environ = environ
        self.findings = findings
        self.secrets: list[Secret] = []
        self.state_dir = self._find_state_dir()

    def get(self, *path: str) -> Plain:
        """Return a value by its path; None when it, or anything on the way, is missing."""
        value = self.data
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def is_written(self, *path: str) -> bool:
        """Say whether a key stands in the file, right or wrong."""
        value = self.document.data
        for part in path:
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def at(self, *path: str | int) -> Place:
        """Return where a value stands."""
        return self.document.at(*path)

    def span(self, *path: str, default: str) -> timedelta:
        """Return a length of time."""
        return timedelta_of(parse_finite_duration(self.get(*path) or default))

    def beside_settings(self, name: str) -> Path:
        """Return the path of something that is read: relative to the settings file."""
        return Path(os.path.normpath(self.path.parent / name))

    def in_state_dir(self, name: str) -> Path:
        """Return the path of something that is written: relative to the state directory."""
        return Path(os.path.normpath(self.state_dir / name))

    def _find_state_dir(self) -> Path:
        """Return where everything is written; systemd may name several, the first is ours."""
        written = self.get("stateDir")
        if written is not None:
            return self.beside_settings(written)
        given = self.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        return Path(given) if given else self.path.parent

    def secret_at(self, *path: str) -> Secret | None:
        """Return the secret at a path, remembering it; None when there is none."""
        return self.secret(self.get(*path), path)

    def secret(self, value: Plain, path: PathParts) -> Secret | None:
        """Make a reference, remembering it; None where the schema found it faulty."""
        if not isinstance(value, dict) or len(value) != 1:
            return None
        [(kind_name, name)] = value.items()
        kind = SecretKind(kind_name)
        if looks_secret(name):
            self.document.hide(*path)
        secret = Secret(
            kind=kind,
            name=name,
            path=self._secret_path(kind, name),
            place=self.at(*path),
            environ=self.environ,
        )
        self.secrets.append(secret)
        return secret

    def _secret_path(self, kind: SecretKind, name: str) -> Path | None:
        if kind is SecretKind.FILE:
            return self.beside_settings(name)
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        return Path(folder, name) if kind is SecretKind.CREDENTIAL and folder else None

    def secrets_in(self, *path: str) -> tuple[Secret, ...]:
        """Return every secret of a list."""
        entries = enumerate(self.get(*path) or ())
        found = (self.secret(value, (*path, n)) for n, value in entries)
        return tuple(secret for secret in found if secret is not None)

    def named_secrets(self, *path: str) -> tuple[NamedSecret, ...]:
        """Return every named secret of a list; a name that is there twice is an error."""
        found: dict[str, NamedSecret] = {}
        for n, entry in enumerate(self.get(*path) or ()):
            secret = self.secret(entry.get("secret"), (*path, n, "secret"))
            name = entry.get("name")
            if secret is None or name is None:
                continue
            if name in found:
                message = f"the name '{name}' is here twice"
                self.findings.error(self.at(*path, n, "name"), "settings/duplicate", message)
            found[name] = NamedSecret(name=name, secret=secret)
        return tuple(found.values())
