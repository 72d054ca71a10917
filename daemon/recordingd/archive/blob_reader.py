"""Read a blob in pieces: from its start to its end, or anywhere, and never the whole at once.

Called by `azure_blob`. A blob that changes while it is read is an OSError: every piece is of the
version that was there at first.
"""

from __future__ import annotations

import hashlib
import io
import os

from azure.core import MatchConditions
from azure.storage.blob import BlobClient

from recordingd.archive.blob_faults import told_apart

# What one request reads; the library holds about ten times as much while it does.
PIECE_BYTES = 1024 * 1024


def hash_and_size(blob: BlobClient) -> tuple[str, int]:
    """Return the SHA-256 in hex and the length of a blob, read from start to end."""
    with open_blob(blob) as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def open_blob(blob: BlobClient) -> io.BufferedReader:
    """Open a blob as a file that can seek; FileNotFoundError when it is not there."""
    return io.BufferedReader(_Ranges(blob), PIECE_BYTES)


class _Ranges(io.RawIOBase):
    """A blob as a raw file: every read is one ranged request."""

    def __init__(self, blob: BlobClient) -> None:
        self._blob = blob
        self._at = 0
        with told_apart(blob.blob_name):
            properties = blob.get_blob_properties()
        self._size, self._etag = properties.size, properties.etag

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            msg = "a place before the start"
            raise ValueError(msg)
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # narrower than the buffer protocol
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        with told_apart(self._blob.blob_name):
            piece = self._blob.download_blob(
                offset=self._at,
                length=length,
                etag=self._etag,
                match_condition=MatchConditions.IfNotModified,
            ).readall()
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
