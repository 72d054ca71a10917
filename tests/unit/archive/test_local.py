"""What a local archive does when the disk does not do what it was asked."""

from __future__ import annotations

import errno
import hashlib
import stat
from pathlib import Path

import pytest

from recordingd.archive.disk import Disk
from recordingd.archive.local import LocalArchive
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId

FILE = FileId("0123456789abcdef0123456789ab")
WAV = MediaFormat.WAV


class SmallDisk(Disk):
    """Takes `room` bytes, at most three at once, then is full."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, block: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(descriptor, block[: min(3, self.room)])
        self.room -= taken
        return taken


class FailingSyncDisk(Disk):
    """Cannot make content durable."""

    def sync(self, descriptor: int) -> None:
        raise OSError(errno.EIO, f"Input/output error on {descriptor}")


def make_archive(folder: Path, disk: Disk | None = None) -> LocalArchive:
    return LocalArchive(
        StoreName("main"), root=folder / "deep" / "archive", parts=folder / "parts", disk=disk
    )


def test_short_writes_are_continued(tmp_path: Path) -> None:
    part = make_archive(tmp_path, SmallDisk(100)).open_part(FILE, WAV)
    part.write(b"0123456789")
    assert part.commit().sha256 == hashlib.sha256(b"0123456789").hexdigest()


def test_full_disk_keeps_what_it_took_and_can_continue(tmp_path: Path) -> None:
    disk = SmallDisk(7)
    part = make_archive(tmp_path, disk).open_part(FILE, WAV)
    with pytest.raises(OSError, match="No space"):
        part.write(b"0123456789")
    assert part.size_bytes == 7
    disk.room = 100
    part.write(b"789")
    assert part.commit().sha256 == hashlib.sha256(b"0123456789").hexdigest()


@pytest.mark.parametrize("how", ["close", "commit"])
def test_part_that_cannot_be_synced_is_discarded(tmp_path: Path, how: str) -> None:
    part = make_archive(tmp_path, FailingSyncDisk()).open_part(FILE, WAV)
    part.write(b"audio")
    with pytest.raises(OSError, match="Input/output"):
        getattr(part, how)()
    part.close()
    archive = make_archive(tmp_path)
    assert archive.find_stored(FILE, WAV) is None
    again = archive.open_part(FILE, WAV)
    assert again.size_bytes == 0
    again.close()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    part = archive.open_part(FILE, WAV)
    part.commit()
    archive.write_metadata(FILE, b"{}")
    made = list((tmp_path / "deep").rglob("*"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes == {"archive": 0o700, "ab": 0o700, f"{FILE}.wav": 0o600, f"{FILE}.json": 0o600}
    assert stat.S_IMODE((tmp_path / "parts").stat().st_mode) == 0o700


def test_metadata_lies_beside_the_file_and_is_replaced(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    archive.write_metadata(FILE, b"an older and longer document")
    archive.write_metadata(FILE, b"new")
    path = tmp_path / "deep" / "archive" / "ab" / f"{FILE}.json"
    assert path.read_bytes() == b"new"


def test_metadata_that_was_cut_off_is_written_from_the_start(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    archive.open_part(FILE, WAV).close()
    (tmp_path / "parts" / f"{FILE}.json.part").write_bytes(b"half of an ol")
    archive.write_metadata(FILE, b"new")
    path = tmp_path / "deep" / "archive" / "ab" / f"{FILE}.json"
    assert path.read_bytes() == b"new"


def test_link_in_place_of_a_part_is_not_followed(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    archive.open_part(FILE, WAV).close()
    part = tmp_path / "parts" / f"{FILE}.wav.part"
    part.unlink()
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    part.symlink_to(outside)
    with pytest.raises(OSError, match=r"symbolic links|ELOOP"):
        archive.open_part(FILE, WAV)
    assert outside.read_bytes() == b"precious"


def test_changed_byte_on_the_disk_changes_the_hash(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    part = archive.open_part(FILE, WAV)
    part.write(b"audio")
    copy = part.commit()
    Path(archive.locate(copy.uri)).write_bytes(b"audiO")
    assert archive.hash_of(copy.uri) != copy.sha256


def test_deleting_from_an_archive_never_used_is_absent(tmp_path: Path) -> None:
    assert make_archive(tmp_path).delete(f"ab/{FILE}.wav") == "absent"


def test_name_is_that_of_the_settings(tmp_path: Path) -> None:
    assert make_archive(tmp_path).name == "main"


@pytest.mark.parametrize("uri", [f"ff/{FILE}.wav", f"ab/{FILE}.json", f"{FILE}.wav"])
def test_name_that_a_directory_never_gives_is_refused(tmp_path: Path, uri: str) -> None:
    archive = make_archive(tmp_path)
    for use in (archive.hash_of, archive.find, archive.delete, archive.locate):
        with pytest.raises(InvariantBroken):
            use(uri)


def test_part_continues_after_a_restart(tmp_path: Path) -> None:
    part = make_archive(tmp_path).open_part(FILE, WAV)
    part.write(b"aud")
    part.close()
    again = make_archive(tmp_path).open_part(FILE, WAV)
    assert again.size_bytes == 3
    again.close()
