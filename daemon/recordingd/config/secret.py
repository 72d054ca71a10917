"""Secrets by reference: where they come from, and reading them when they are needed.

Made by `config.settings_reader`, revealed by `runtime.wiring` for the adapter that needs one. A
value is never kept here, so that no dump of the settings can show it.
"""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recordingd.config.diagnostics import Place
from recordingd.config.secret_words import without_secrets
from recordingd.domain.errors import ConfigurationError

# Larger than any key or connection string; a wrong path may name anything.
SECRET_BYTES_MAX = 64 * 1024
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever may write to a pipe; its kind is looked at afterwards."""
    return os.open(path, flags | os.O_NONBLOCK)


class SecretKind(enum.Enum):
    """Where a secret comes from."""

    CREDENTIAL = "credential"
    FILE = "file"
    ENV = "env"


class SecretUnavailable(ConfigurationError):
    """A secret cannot be read; the message says why and never what."""

    def __init__(self, message: str) -> None:
        super().__init__((message,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A reference to a secret, and where in the settings it stands.

    `path` is the file to read, None for an environment variable and for a credential of a process
    that was given none.
    """

    kind: SecretKind
    name: str
    path: Path | None
    place: Place = field(repr=False, compare=False)
    environ: Mapping[str, str] = field(repr=False, compare=False)

    def __str__(self) -> str:
        # Who takes a reference for the secret itself must not find it in a log.
        return f"{self.kind.value} {without_secrets(self.name)}"

    def reveal(self) -> str:
        """Read the secret, without one final newline.

        Raises SecretUnavailable when it is missing, empty, not text, or a file that others than its
        owner can read.
        """
        value = self._from_environment() if self.kind is SecretKind.ENV else self._from_file()
        value = value.removesuffix("\n").removesuffix("\r")
        if not value:
            msg = f"{self} is empty"
            raise SecretUnavailable(msg)
        return value

    def _from_environment(self) -> str:
        value = self.environ.get(self.name)
        if value is None:
            msg = f"environment variable {self.name} is not set"
            raise SecretUnavailable(msg)
        return value

    def _from_file(self) -> str:
        if self.path is None:
            msg = f"credential {self.name} is not there: $CREDENTIALS_DIRECTORY is not set"
            raise SecretUnavailable(msg)
        try:
            with open(self.path, "rb", opener=_open_at_once) as stream:
                self._check_mode(os.fstat(stream.fileno()))
                body = stream.read(SECRET_BYTES_MAX + 1)
        except OSError as error:
            msg = f"{self} cannot be read: {error.strerror or error}"
            raise SecretUnavailable(msg) from None
        if len(body) > SECRET_BYTES_MAX:
            msg = f"{self} is larger than {SECRET_BYTES_MAX // 1024} KiB"
            raise SecretUnavailable(msg)
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            msg = f"{self} is not text"
            raise SecretUnavailable(msg) from None

    def _check_mode(self, status: os.stat_result) -> None:
        """Refuse a file that others can use; systemd guards credentials by itself."""
        if not stat.S_ISREG(status.st_mode):
            msg = f"{self} is not a file"
            raise SecretUnavailable(msg)
        mode = stat.S_IMODE(status.st_mode)
        if self.kind is SecretKind.FILE and mode & _FOR_OTHERS:
            msg = f"{self} can be used by others (mode {mode:04o}); run chmod 600 {self.path}"
            raise SecretUnavailable(msg)
