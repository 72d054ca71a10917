"""A local archive on a disk that loses power, or a process that is killed, after any operation.

The disk is the real one, watched: it knows which bytes and which names were synced, and can show
what a reboot would find. Of what was not synced it shows both extremes, because the order in which
a file system writes it back is its own affair.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recordingd.archive.disk import Disk
from recordingd.archive.local import LocalArchive
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId

FILE = FileId("0123456789abcdef0123456789ab")
WAV = MediaFormat.WAV
BODY = b"0123456789" * 5
SHA256 = hashlib.sha256(BODY).hexdigest()


class PowerLoss(BaseException):
    """The machine stops here; nothing of the program runs on."""


class WatchedDisk(Disk):
    """Remembers what was synced, and stops before the operation number `fails_at`.

    `forgets` names operations that claim success and do nothing: the bugs this must catch.
    """

    def __init__(
        self, *, fails_at: int = sys.maxsize, forgets: frozenset[str] = frozenset()
    ) -> None:
        self.operations: list[str] = []
        self._fails_at = fails_at
        self._forgets = forgets
        self._contents: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}

    def _step(self, operation: str) -> bool:
        if len(self.operations) >= self._fails_at:
            raise PowerLoss
        self.operations.append(operation)
        return operation not in self._forgets

    def open_for_writing(self, path: Path) -> int:
        self._step("open")
        return super().open_for_writing(path)

    def write(self, descriptor: int, block: memoryview) -> int:
        self._step("write")
        return super().write(descriptor, block[:20])

    def truncate(self, descriptor: int) -> None:
        self._step("truncate")
        super().truncate(descriptor)

    def sync(self, descriptor: int) -> None:
        if self._step("sync"):
            size = os.fstat(descriptor).st_size
            self._contents[os.fstat(descriptor).st_ino] = os.pread(descriptor, size, 0)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename")
        super().rename(source, target)

    def unlink(self, path: Path) -> bool:
        self._step("unlink")
        return super().unlink(path)

    def make_directory(self, path: Path) -> None:
        self._step("mkdir")
        super().make_directory(path)

    def sync_directory(self, path: Path) -> None:
        if self._step("sync-directory"):
            self._names[path] = {entry.name: entry.stat().st_ino for entry in path.iterdir()}

    def reboot(self, folder: Path, into: Path, *, keeps_names: bool) -> Path:
        """Lay out what a reboot finds: synced bytes, under the synced or the latest names."""
        names = self._latest_names(folder) if keeps_names else self._names
        self._lay_out(folder, into, names)
        return into

    def _latest_names(self, folder: Path) -> dict[Path, dict[str, int]]:
        directories = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        return {
            directory: {entry.name: entry.stat().st_ino for entry in directory.iterdir()}
            for directory in directories
        }

    def _lay_out(self, source: Path, target: Path, names: dict[Path, dict[str, int]]) -> None:
        target.mkdir()
        for name, inode in names.get(source, {}).items():
            if (source / name).is_dir():
                self._lay_out(source / name, target / name, names)
            else:
                (target / name).write_bytes(self._contents.get(inode, b""))


def archive_in(folder: Path, disk: Disk | None = None) -> LocalArchive:
    return LocalArchive(
        StoreName("main"), root=folder / "archive", parts=folder / "parts", disk=disk
    )


def store(archive: LocalArchive) -> None:
    """Keep the file as a download does: continue the part, or trust what is already stored."""
    if archive.find_stored(FILE, WAV) is not None:
        return
    part = archive.open_part(FILE, WAV)
    try:
        part.write(BODY[part.size_bytes :])
        part.commit()
    finally:
        part.close()


def reboots(disk: WatchedDisk, folder: Path, into: Path) -> Iterator[Path]:
    for keeps_names in (False, True):
        yield disk.reboot(folder, into / f"names-{keeps_names}", keeps_names=keeps_names)


def operations_of(act: Callable[[LocalArchive], None], folder: Path) -> list[str]:
    disk = WatchedDisk()
    folder.mkdir()
    act(archive_in(folder, disk))
    return disk.operations


def test_content_is_synced_before_the_name_and_the_name_before_success(tmp_path: Path) -> None:
    steps = operations_of(store, tmp_path / "order")
    last_write = len(steps) - 1 - steps[::-1].index("write")
    assert steps[last_write + 1 :] == [
        "sync",
        "mkdir",
        "rename",
        "sync-directory",
        "sync-directory",
        "sync-directory",
    ]


def test_stored_file_survives_a_power_loss_right_after(tmp_path: Path) -> None:
    folder, disk = tmp_path / "disk", WatchedDisk()
    folder.mkdir()
    store(archive_in(folder, disk))
    for after in reboots(disk, folder, tmp_path):
        found = archive_in(after).find_stored(FILE, WAV)
        assert found is not None
        assert found.sha256 == SHA256


def _loss_at(step: int, folder: Path) -> WatchedDisk:
    folder.mkdir()
    disk = WatchedDisk(fails_at=step)
    with pytest.raises(PowerLoss):
        store(archive_in(folder, disk))
    return disk


def test_power_loss_at_any_step_never_shows_a_torn_file(tmp_path: Path) -> None:
    for step in range(len(operations_of(store, tmp_path / "count"))):
        folder = tmp_path / f"disk-{step}"
        disk = _loss_at(step, folder)
        (tmp_path / f"after-{step}").mkdir()
        for after in reboots(disk, folder, tmp_path / f"after-{step}"):
            found = archive_in(after).find_stored(FILE, WAV)
            assert found is None or found.sha256 == SHA256, f"torn at step {step}"


def test_power_loss_at_any_step_is_repaired_by_the_next_try(tmp_path: Path) -> None:
    for step in range(len(operations_of(store, tmp_path / "count"))):
        folder = tmp_path / f"disk-{step}"
        disk = _loss_at(step, folder)
        (tmp_path / f"after-{step}").mkdir()
        for after in reboots(disk, folder, tmp_path / f"after-{step}"):
            store(archive_in(after))
            assert archive_in(after).hash_of(f"ab/{FILE}.wav") == SHA256
            assert not list((after / "parts").iterdir())


def test_found_file_is_durable_even_when_its_commit_was_cut_off(tmp_path: Path) -> None:
    """The process dies between rename and sync, finds the file again, and then the power fails."""
    step = operations_of(store, tmp_path / "count").index("rename") + 1
    folder, disk = tmp_path / "disk", WatchedDisk(fails_at=step)
    folder.mkdir()
    with pytest.raises(PowerLoss):
        store(archive_in(folder, disk))
    second = WatchedDisk()
    second.sync_directory(folder)
    assert archive_in(folder, second).find_stored(FILE, WAV) is not None
    for after in reboots(second, folder, tmp_path):
        assert archive_in(after).find_stored(FILE, WAV) is not None


def test_deletion_survives_a_power_loss_right_after(tmp_path: Path) -> None:
    folder, disk = tmp_path / "disk", WatchedDisk()
    folder.mkdir()
    archive = archive_in(folder, disk)
    store(archive)
    archive.write_metadata(FILE, b"{}")
    archive.delete(f"ab/{FILE}.wav")
    for after in reboots(disk, folder, tmp_path):
        assert [path for path in after.rglob("*") if path.is_file()] == []


def test_deletion_that_was_cut_off_is_completed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    store(archive_in(folder))
    archive_in(folder).write_metadata(FILE, b"{}")
    names = WatchedDisk(fails_at=4)
    with pytest.raises(PowerLoss):
        archive_in(folder, names).delete(f"ab/{FILE}.wav")
    disk = WatchedDisk()
    disk.sync_directory(folder)
    disk.sync_directory(folder / "archive")
    assert archive_in(folder, disk).delete(f"ab/{FILE}.wav") == "absent"
    after = disk.reboot(folder, tmp_path / "after", keeps_names=False)
    assert [path for path in after.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("forgotten", ["sync", "sync-directory"])
def test_forgotten_sync_would_be_seen(tmp_path: Path, forgotten: str) -> None:
    """The watched disk itself is sound: without either sync the promise does not hold."""
    folder, disk = tmp_path / "disk", WatchedDisk(forgets=frozenset({forgotten}))
    folder.mkdir()
    store(archive_in(folder, disk))
    hashes = {
        found.sha256 if (found := archive_in(after).find_stored(FILE, WAV)) else None
        for after in reboots(disk, folder, tmp_path)
    }
    assert hashes != {SHA256}


_KILLED = """
import os, signal, sys
from pathlib import Path
from recordingd.archive.disk import Disk
from recordingd.archive.local import LocalArchive
from recordingd.domain.policies import (MediaFormat)

class Mortal(Disk):
    left = int(sys.argv[2])

def mortal(name):
    def step(self, *arguments):
        Mortal.left -= 1
        if Mortal.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return getattr(Disk, name)(self, *arguments)
    return step

for name in ("open_for_writing", "write", "sync", "rename", "make_directory", "sync_directory"):
    setattr(Mortal, name, mortal(name))

folder = Path(sys.argv[1])
archive = LocalArchive("main", root=folder / "archive", parts=folder / "parts", disk=Mortal())
part = archive.open_part(sys.argv[3], MediaFormat.WAV)
body = bytes.fromhex(sys.argv[4])[part.size_bytes:]
for at in range(0, len(body), 20):
    part.write(body[at:at + 20])
part.commit()
"""


@pytest.mark.parametrize("lives", range(14))
def test_killed_process_leaves_what_the_next_one_completes(tmp_path: Path, lives: int) -> None:
    arguments = [sys.executable, "-c", _KILLED, str(tmp_path), str(lives), FILE, BODY.hex()]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(arguments, check=False, timeout=60, env=environment)
    assert ended.returncode in (0, -signal.SIGKILL)
    store(archive_in(tmp_path))
    assert archive_in(tmp_path).hash_of(f"ab/{FILE}.wav") == SHA256
    assert not list((tmp_path / "parts").iterdir())
