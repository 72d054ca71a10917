"""Keep recordings in a directory.

Implements `ports.archive` for `runtime`, which calls it in worker threads. A file lives at
`<last two hex of its id>/<id>.<ext>` with the service's metadata beside it as `<id>.json`; what is
still being downloaded lives in a folder of parts on the same volume. Names are made of our own ids
alone, so nothing from the wire can point anywhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from recordingd.archive import media_check, names
from recordingd.archive.disk import Disk
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId
from recordingd.ports.archive import MediaFacts, StoredCopy

_DELETED = "deleted"
_ABSENT = "absent"


class LocalPart:
    """The part of a file; made by `LocalArchive.open_part` and used by one thread at a time.

    Opening it reads what is already there, so that the hash always covers the whole part. It is
    locked while it is open: a download that was given up and still runs in its thread cannot write
    into the next try.
    """

    def __init__(self, path: Path, target: Path, *, disk: Disk) -> None:
        self._path = path
        self._target = target
        self._disk = disk
        self._hash = hashlib.sha256()
        self._size = 0
        self._descriptor = disk.open_for_writing(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._hash, self._size = _hash_and_size(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    @property
    def size_bytes(self) -> int:
        """How many bytes are there."""
        return self._size

    def truncate(self) -> None:
        """Start again at byte 0."""
        self._disk.truncate(self._descriptor)
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        """Append a block. After an OSError the bytes that were taken are there and are counted."""
        rest = memoryview(block)
        while rest:
            taken = self._disk.write(self._descriptor, rest)
            self._hash.update(rest[:taken])
            self._size += taken
            rest = rest[taken:]

    def close(self) -> None:
        """Let go of the file, flushed as far as the disk allows, and keep the part. Idempotent."""
        if self._descriptor < 0:
            return
        try:
            self._flush()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def commit(self) -> StoredCopy:
        """Make the whole part durable under its final name, and close it."""
        copy = StoredCopy(
            uri=f"{self._target.parent.name}/{self._target.name}",
            size_bytes=self._size,
            sha256=self._hash.hexdigest(),
        )
        shard, root = self._target.parent, self._target.parent.parent
        try:
            # The content first: a name that outlives a power cut must never show less than all.
            self._flush()
            self._disk.make_directory(shard)
            self._disk.rename(self._path, self._target)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1
        # All three each time, though only the first holds the new name: a crash may have come
        # between making the shard and syncing its parent, and the old name must not come back.
        for directory in (shard, root, self._path.parent):
            self._disk.sync_directory(directory)
        return copy

    def _flush(self) -> None:
        try:
            self._disk.sync(self._descriptor)
        except OSError:
            # After a failed fsync the kernel may have dropped the pages and forgotten the error, so
            # nothing that was written can be trusted.
            self._disk.unlink(self._path)
            raise


class LocalArchive:
    """A store in the directory `root`, with unfinished files in `parts` on the same volume.

    Both are made when first needed, with mode 0700; files have mode 0600.
    """

    def __init__(
        self, name: StoreName, *, root: Path, parts: Path, disk: Disk | None = None
    ) -> None:
        self._name = name
        self._root = root
        self._parts = parts
        self._disk = disk or Disk()
        self._is_prepared = False

    @property
    def name(self) -> StoreName:
        """The store's name in the settings."""
        return self._name

    def open_part(self, file: FileId, kind: MediaFormat) -> LocalPart:
        """Open the part of a file, with what an earlier try left of it.

        Raises BlockingIOError while another part of the same file is open.
        """
        target = self._root / names.uri_of(file, kind)
        self._prepare()
        return LocalPart(self._part_of(target), target, disk=self._disk)

    def find_stored(self, file: FileId, kind: MediaFormat) -> StoredCopy | None:
        """Return the durable copy of a file, hashed anew; None when there is none."""
        return self.find(names.uri_of(file, kind))

    def find(self, uri: str) -> StoredCopy | None:
        """Return the durable copy of a name, hashed anew; None when there is none.

        The content was synced before it got this name; a crash may have left the name itself in the
        cache only, so it is made durable before it counts.
        """
        path = self._path_of(uri)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            digest, size = _hash_and_size(descriptor)
        finally:
            os.close(descriptor)
        self._sync_names(path.parent, self._root, self._parts)
        return StoredCopy(uri=uri, size_bytes=size, sha256=digest.hexdigest())

    def hash_of(self, uri: str) -> str:
        """Read a copy back from the disk and return its SHA-256 in hex."""
        descriptor = os.open(self._path_of(uri), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            # Else the pages that were just written would be compared with themselves.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            digest, _ = _hash_and_size(descriptor)
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def check_media(self, uri: str, kind: MediaFormat) -> MediaFacts:
        """Look into a copy; MediaFault when it is not a file of that kind."""
        return media_check.check(self._path_of(uri), kind)

    def read_document(self, uri: str) -> bytes | None:
        """Return a document that lies beside a copy; None when it is not there."""
        raise names.refuse(uri)

    def write_metadata(self, file: FileId, body: bytes) -> None:
        """Keep the service's metadata document beside the file, durably. Replaces an older one."""
        target = self._root / names.metadata_uri_of(file)
        self._prepare()
        part = LocalPart(self._part_of(target), target, disk=self._disk)
        try:
            part.truncate()
            part.write(body)
            part.commit()
        finally:
            part.close()

    def delete(self, uri: str) -> str:
        """Delete a copy, its metadata and its part, durably; return `deleted` or `absent`.

        The answer is about the copy. The directories are synced even when nothing was there: an
        earlier try may have been cut off between removing a name and making that durable.
        """
        path = self._path_of(uri)
        metadata = path.with_suffix(".json")
        was_there = self._disk.unlink(path)
        for other in (metadata, self._part_of(path), self._part_of(metadata)):
            self._disk.unlink(other)
        self._sync_names(path.parent, self._parts)
        return _DELETED if was_there else _ABSENT

    def locate(self, uri: str) -> str:
        """Return the path that a person can open."""
        return str(self._path_of(uri))

    def free_share(self) -> float:
        """Return the free share of the store's volume, from 0.0 to 1.0."""
        self._prepare()
        volume = os.statvfs(self._root)
        return volume.f_bavail / volume.f_blocks if volume.f_blocks else 0.0

    def _path_of(self, uri: str) -> Path:
        if names.file_of(uri) is None:
            raise names.refuse(uri)
        return self._root / uri

    def _part_of(self, target: Path) -> Path:
        return self._parts / f"{target.name}.part"

    def _sync_names(self, *directories: Path) -> None:
        for directory in directories:
            if directory.is_dir():
                self._disk.sync_directory(directory)

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        for directory in (self._root, self._parts):
            self._make_durable(directory)
        self._is_prepared = True

    def _make_durable(self, directory: Path) -> None:
        if not directory.parent.exists():
            self._make_durable(directory.parent)
        self._disk.make_directory(directory)
        self._disk.sync_directory(directory.parent)


def _hash_and_size(descriptor: int) -> tuple[hashlib._Hash, int]:
    with open(descriptor, "rb", closefd=False) as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest, file.tell()
