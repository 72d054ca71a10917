"""The few disk operations whose order durability rests on.

Called by `local`, and replaced in tests by a disk that loses power between any two of them: what is
not asked for here did not survive. Every method raises OSError as the operating system does.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


class Disk:
    """The machine's own file system."""

    def open_for_writing(self, path: Path) -> int:
        """Open a file to append to, creating it when it is not there; never follow a link."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, FILE_MODE)

    def write(self, descriptor: int, block: memoryview) -> int:
        """Write some of a block at the file's position; return how many bytes were taken."""
        return os.write(descriptor, block)

    def truncate(self, descriptor: int) -> None:
        """Empty a file and go to its beginning."""
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def sync(self, descriptor: int) -> None:
        """Make a file's content durable; its name is another matter."""
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name at once, replacing what had it; durable after both syncs."""
        source.rename(target)

    def unlink(self, path: Path) -> bool:
        """Remove a name; False when it was not there. Durable after the directory's sync."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True

    def make_directory(self, path: Path) -> None:
        """Make one directory, or leave the one that is there."""
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
