"""The directory that holds the ledger, the archive and the parts: made, locked, and given a key.

Called by `runtime.service` before anything else is opened. Two daemons on one directory would each
believe that they own every recording, so the second one is refused.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recordingd.domain.errors import StateDirectoryBusy

_KEY_BYTES = 32


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a state directory, made if need be, for as long as the block runs."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another recordingd owns {directory}; only one may run on a state directory"
            raise StateDirectoryBusy(msg) from error
        yield
    finally:
        os.close(descriptor)


def state_key(directory: Path) -> bytes:
    """Return the directory's own secret, made at first use with mode 0600 and kept ever after.

    Pseudonyms and callback tokens are derived from it, so that a restart knows them again.
    """
    path = directory / "pseudonym.key"
    if not path.exists():
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    return path.read_bytes()
