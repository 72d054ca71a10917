"""What every archive promises, whatever it keeps its files in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from recordingd.domain.errors import InvariantBroken, MediaFault
from recordingd.domain.policies import MediaFormat
from recordingd.domain.recordings import FileId
from recordingd.ports.archive import Archive, StoredCopy

FILE = FileId("0123456789abcdef0123456789ab")
OTHER = FileId("ffff456789abcdef0123456789ab")
WAV = MediaFormat.WAV
Reopen = Callable[[], Archive]


@pytest.fixture
def archive(reopen: Reopen) -> Archive:
    return reopen()


def keep(archive: Archive, body: bytes, *, file: FileId = FILE) -> StoredCopy:
    part = archive.open_part(file, WAV)
    part.write(body)
    return part.commit()


def test_committed_file_is_named_by_its_id_and_hashed(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    assert copy.size_bytes == 5
    assert copy.sha256 == hashlib.sha256(b"audio").hexdigest()
    assert copy.uri == f"ab/{FILE}.wav"


def test_committed_file_is_found_after_a_restart(archive: Archive, reopen: Reopen) -> None:
    copy = keep(archive, b"audio")
    assert reopen().find_stored(FILE, WAV) == copy


def test_unfinished_file_is_not_found_as_stored(archive: Archive) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"aud")
    part.close()
    assert archive.find_stored(FILE, WAV) is None


@pytest.mark.parametrize("kind", [MediaFormat.MP3, MediaFormat.MP4])
def test_file_of_another_kind_is_not_found(archive: Archive, kind: MediaFormat) -> None:
    keep(archive, b"audio")
    assert archive.find_stored(FILE, kind) is None


def test_part_continues_with_the_next_try(archive: Archive) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"aud")
    part.close()
    again = archive.open_part(FILE, WAV)
    assert again.size_bytes == 3
    again.write(b"io")
    assert again.commit().sha256 == hashlib.sha256(b"audio").hexdigest()


def test_part_says_after_a_restart_where_to_go_on(archive: Archive, reopen: Reopen) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"aud")
    part.close()
    again = reopen().open_part(FILE, WAV)
    again.write(b"audio"[again.size_bytes :])
    assert again.commit().sha256 == hashlib.sha256(b"audio").hexdigest()


def test_long_file_is_written_in_pieces_of_any_length(archive: Archive, reopen: Reopen) -> None:
    body = bytes(range(256)) * 40_000
    part = archive.open_part(FILE, WAV)
    for start in range(0, len(body), 999_999):
        part.write(body[start : start + 999_999])
    copy = part.commit()
    assert (copy.size_bytes, copy.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert reopen().hash_of(copy.uri) == copy.sha256


def test_copy_is_found_by_its_name(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    assert archive.find(copy.uri) == copy
    archive.delete(copy.uri)
    assert archive.find(copy.uri) is None


def test_part_is_gone_after_its_commit(archive: Archive) -> None:
    keep(archive, b"audio")
    part = archive.open_part(FILE, WAV)
    assert part.size_bytes == 0
    part.close()


def test_truncated_part_starts_again_at_zero(archive: Archive) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"<html>")
    part.truncate()
    assert part.size_bytes == 0
    part.write(b"audio")
    assert part.commit().sha256 == hashlib.sha256(b"audio").hexdigest()


def test_part_is_closed_any_number_of_times(archive: Archive) -> None:
    part = archive.open_part(FILE, WAV)
    part.close()
    part.close()
    committed = archive.open_part(FILE, WAV)
    committed.commit()
    committed.close()


def test_part_is_open_once_at_a_time(archive: Archive) -> None:
    part = archive.open_part(FILE, WAV)
    with pytest.raises(OSError, match="unavailable"):
        archive.open_part(FILE, WAV)
    part.close()
    archive.open_part(FILE, WAV).close()


def test_parts_of_two_files_do_not_meet(archive: Archive) -> None:
    first, second = archive.open_part(FILE, WAV), archive.open_part(OTHER, WAV)
    first.write(b"1")
    second.write(b"22")
    assert (first.commit().size_bytes, second.commit().size_bytes) == (1, 2)


def test_commit_of_a_second_try_replaces_the_first(archive: Archive) -> None:
    keep(archive, b"first")
    copy = keep(archive, b"second")
    assert archive.find_stored(FILE, WAV) == copy


def test_hash_is_of_what_is_stored_now(archive: Archive) -> None:
    copy = keep(archive, b"audio" * 100_000)
    assert archive.hash_of(copy.uri) == copy.sha256


def test_hash_of_a_missing_copy_is_an_os_error(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    archive.delete(copy.uri)
    with pytest.raises(OSError, match=r".+"):
        archive.hash_of(copy.uri)


def test_deleted_copy_is_gone_and_says_so_once(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    archive.write_metadata(FILE, b"{}")
    assert archive.delete(copy.uri).partition(":")[0] == "deleted"
    assert archive.delete(copy.uri).partition(":")[0] == "absent"
    assert archive.find_stored(FILE, WAV) is None


def test_delete_takes_the_part_with_it(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    part = archive.open_part(FILE, WAV)
    part.write(b"aud")
    part.close()
    archive.delete(copy.uri)
    again = archive.open_part(FILE, WAV)
    assert again.size_bytes == 0
    again.close()


def test_delete_leaves_other_files_alone(archive: Archive) -> None:
    copy, other = keep(archive, b"audio"), keep(archive, b"other", file=OTHER)
    archive.delete(copy.uri)
    assert archive.find_stored(OTHER, WAV) == other


@pytest.mark.parametrize(
    "name", ["", "a", "../../etc/passwd", "0-eus-d1-00", "ABCD", "ab/cd", "a\0"]
)
def test_file_id_that_is_not_ours_is_refused(archive: Archive, name: str) -> None:
    with pytest.raises(InvariantBroken):
        archive.open_part(FileId(name), WAV)
    with pytest.raises(InvariantBroken):
        archive.write_metadata(FileId(name), b"{}")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "ab/../../secret.wav",
        f"../ab/{FILE}.wav",
        f"ab/./{FILE}.wav",
        f"ab/..\\{FILE}.wav",
        f"ab/{FILE}.wav/",
        f"ab/{FILE}.wav\n",
    ],
)
def test_uri_that_leads_out_of_the_store_is_refused(archive: Archive, uri: str) -> None:
    for use in (archive.hash_of, archive.find, archive.delete, archive.locate):
        with pytest.raises(InvariantBroken):
            use(uri)


def test_media_is_checked_where_it_lies(archive: Archive, make_wav: Callable[..., bytes]) -> None:
    copy = keep(archive, make_wav(0.5, channels=2))
    facts = archive.check_media(copy.uri, WAV)
    assert (facts.duration_ms, facts.audio_channels) == (500, 2)


def test_body_that_is_no_media_is_a_fault(archive: Archive) -> None:
    copy = keep(archive, b"<html>Service Unavailable</html>")
    with pytest.raises(MediaFault):
        archive.check_media(copy.uri, WAV)


def test_copy_is_located_for_a_person(archive: Archive) -> None:
    copy = keep(archive, b"audio")
    assert archive.locate(copy.uri).endswith(copy.uri)


def test_free_share_is_a_share(archive: Archive) -> None:
    assert 0.0 <= archive.free_share() <= 1.0
