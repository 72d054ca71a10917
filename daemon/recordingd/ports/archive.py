"""Where recordings are kept: after a download, or where the service writes them itself.

Implemented by `archive.local` for a directory and by `archive.azure_blob` for a container. Methods
are synchronous and may block: the runtime calls them in worker threads. OSError says that something
did not work this time, FileNotFoundError that a copy is not there, StoreRefused that the store
answered no; callers treat all of them as retryable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """A durable copy: `uri` names it within its store, `sha256` is of what was written, in hex."""

    uri: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What a look into a stored file found; `audio_channels` is None where unknowable."""

    duration_ms: int
    audio_channels: int | None


class Part(Protocol):
    """A file on its way in, continued by the next try.

    What was flushed survives a restart where the store can say what it holds; elsewhere a part is
    empty after one, and `size_bytes` says so.
    """

    @property
    def size_bytes(self) -> int:
        """How many bytes are there."""
        ...

    def truncate(self) -> None:
        """Start again at byte 0."""
        ...

    def write(self, block: bytes) -> None:
        """Append a block."""
        ...

    def close(self) -> None:
        """Let go of the file and keep the part for the next try. Idempotent."""
        ...

    def commit(self) -> StoredCopy:
        """Make the whole part durable under its final name.

        In a directory: fsync, rename, fsync of the directory, in that order. The part is gone
        afterwards. Repeating it after a crash in between gives the same result.
        """
        ...


class Archive(Protocol):
    """One store of files. Names never come from the wire: they are made of our own file id."""

    @property
    def name(self) -> StoreName:
        """The store's name in the settings."""
        ...

    def open_part(self, file: FileId, kind: MediaFormat) -> Part:
        """Open the part of a file, with what an earlier try left of it."""
        ...

    def find_stored(self, file: FileId, kind: MediaFormat) -> StoredCopy | None:
        """Return the durable copy of a file, hashed anew; None when there is none."""
        ...

    def find(self, uri: str) -> StoredCopy | None:
        """Return the durable copy of a name, hashed anew; None when there is none.

        A container takes the names of blobs that the service wrote there, a directory its own only.
        """
        ...

    def read_document(self, uri: str) -> bytes | None:
        """Return a metadata document that the service wrote beside a copy; None when there is none.

        Raises OSError for one that is larger than any such document.
        """
        ...

    def hash_of(self, uri: str) -> str:
        """Read a copy back from where it lies and return its SHA-256 in hex."""
        ...

    def check_media(self, uri: str, kind: MediaFormat) -> MediaFacts:
        """Look into a copy; MediaFault when it is not a file of that kind."""
        ...

    def write_metadata(self, file: FileId, body: bytes) -> None:
        """Keep the service's metadata document beside the file, durably. Replaces an older one."""
        ...

    def delete(self, uri: str) -> str:
        """Delete a copy, its metadata and its part, durably; return what happened, for a receipt.

        The answer begins with `deleted` or `absent`: idempotent, a copy that is not there answers
        so. Of a blob that the service wrote only itself is deleted: its metadata is another name.
        """
        ...

    def locate(self, uri: str) -> str:
        """Return the path or URL that a person can open."""
        ...

    def free_share(self) -> float:
        """Return the free share of the store's volume, from 0.0 to 1.0; 1.0 where it has no end."""
        ...
