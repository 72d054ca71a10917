"""Everything that `validate` looks at, and what it found.

Called by `cli`, and by nothing that records. Works offline and reads no secret. Never learns how
findings are printed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recordingd.config.diagnostics import Diagnostic, Findings, Place, SourceFile, Span
from recordingd.config.drafts import PolicyContext, WaysIn
from recordingd.config.policy_files import check_policies, is_policy_path, policy_paths
from recordingd.config.strict_yaml import parse_documents, read_source

if TYPE_CHECKING:
    from recordingd.config.settings import Settings

SETTINGS_NAME = "recordingd.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """Every file that was read, and every finding by file and position."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def is_valid(self) -> bool:
        """Whether nothing found makes a file unusable."""
        return not any(found.is_error for found in self.diagnostics)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `validate -f json` prints."""
        return {
            "valid": self.is_valid,
            "files": list(self.files),
            "diagnostics": [found.as_json() for found in self.diagnostics],
        }


def context_of(settings: Settings, now: datetime | None = None) -> PolicyContext:
    """Return what settings say that policies are checked against."""
    return PolicyContext(
        stores={name: store.container for name, store in settings.stores.items()},
        is_container_list=settings.has_named_stores,
        ceiling=settings.ceiling,
        has_callbacks=settings.callback_tokens is not None,
        api_version=settings.acs.api_version,
        archive=settings.archive,
        immutable_for={
            name: store.immutable_for
            for name, store in settings.stores.items()
            if store.immutable_for is not None
        },
        requires_consent_rule=settings.requires_consent_rule,
        ways_in=_ways_into(settings),
        now=now,
    )


def _ways_into(settings: Settings) -> WaysIn:
    has_webhook = bool(settings.webhook_secrets) or settings.webhook_entra is not None
    return WaysIn(
        has_events=has_webhook or settings.storage_queue is not None,
        has_reporters=bool(settings.reporters),
        context_tags=frozenset(settings.tags_from_context),
    )


def validate_paths(
    paths: Sequence[Path],
    *,
    config: Path | None = None,
    now: datetime | None = None,
    environ: Mapping[str, str] | None = None,
) -> ValidationReport:
    """Check settings files, policy directories and policy files.

    A settings file brings its policies with it, and so does a directory that holds a
    `recordingd.yaml`. Policies are checked against the settings found beside or above them. Policy
    files named one by one are checked together with the files around them, whose own faults are
    left out. Without paths the settings of `config` are checked.
    """
    validation = _Validation(now=now, environ=environ)
    for path in paths or ([] if config is None else [config]):
        validation.add(path)
    return validation.finish()


class _Validation:
    """One run over some paths."""

    def __init__(self, *, now: datetime | None, environ: Mapping[str, str] | None) -> None:
        self._now = now
        self._environ = environ
        self._findings = Findings()
        self._files: dict[str, None] = {}
        self._single: dict[Path, list[Path]] = {}

    def add(self, path: Path) -> None:
        if not path.exists():
            self._complain(path, "file/missing", f"'{path}' does not exist")
        elif path.is_dir():
            settings = path / SETTINGS_NAME
            if settings.is_file():
                self._add_settings(settings)
            else:
                self._add_tree(path)
        elif _is_settings(path):
            self._add_settings(path)
        elif is_policy_path(path.name) and not path.name.startswith("."):
            self._single.setdefault(path.parent, []).append(path)
        else:
            message = f"'{path}' is neither settings nor a policy file (*.yaml, *.yml)"
            self._complain(path, "file/not-policies", message)

    def finish(self) -> ValidationReport:
        for folder, files in self._single.items():
            self._add_single(folder, files)
        return ValidationReport(files=tuple(self._files), diagnostics=self._findings.diagnostics)

    def _complain(self, path: Path, code: str, message: str) -> None:
        place = Place(file=SourceFile(path=str(path), shown=str(path), text=""), span=Span())
        self._findings.error(place, code, message)

    def _add_settings(self, path: Path) -> None:
        self._files[str(path)] = None
        diagnostics, settings = _check_settings(path, self._environ)
        self._findings.extend(diagnostics)
        if settings is None:
            return
        # Shown as somebody standing here would type it, not as the daemon resolves it.
        policies = path.parent / os.path.relpath(settings.policies, settings.path.parent)
        if policies.exists():
            self._read_tree(policies, context_of(settings, self._now))
        else:
            self._complain(policies, "file/missing", f"'{policies}' does not exist")

    def _add_tree(self, root: Path) -> None:
        self._read_tree(root, self._context_near(root))

    def _read_tree(self, root: Path, context: PolicyContext) -> None:
        self._files |= dict.fromkeys(str(path) for path in policy_paths(root, Findings()))
        diagnostics, _ = check_policies(root, context)
        self._findings.extend(diagnostics)

    def _add_single(self, folder: Path, files: Sequence[Path]) -> None:
        self._files |= dict.fromkeys(str(path) for path in files)
        diagnostics, _ = check_policies(folder, self._context_near(folder))
        wanted = {str(path) for path in files}
        self._findings.extend(
            found
            for found in diagnostics
            if found.file in wanted or any(other.file in wanted for other in found.related)
        )

    def _context_near(self, root: Path) -> PolicyContext:
        """Use the settings in a directory or the one above; none, where they are not usable."""
        for folder in (root, root.absolute().parent):
            path = folder / SETTINGS_NAME
            if path.is_file():
                _, settings = _check_settings(path, self._environ)
                if settings is not None:
                    return context_of(settings, self._now)
        return PolicyContext(now=self._now)


def _check_settings(
    path: Path, environ: Mapping[str, str] | None
) -> tuple[tuple[Diagnostic, ...], Settings | None]:
    # Loads what the daemon needs; many policies are checked where there are no settings.
    from recordingd.config.settings import check_settings

    return check_settings(path, environ)


def _is_settings(path: Path) -> bool:
    """Say whether a file holds settings; a file that cannot be read tells when it is checked."""
    ignored = Findings()
    file = read_source(path, relative=path.name, shown=str(path), findings=ignored)
    documents = [] if file is None else parse_documents(file, ignored)
    if not documents:
        return path.name == SETTINGS_NAME
    data = documents[0].data
    return isinstance(data, dict) and data.get("kind") == "Settings"
