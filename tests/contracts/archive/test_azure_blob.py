"""What a store in a container promises beyond the common contract."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from tests.azurite import Azurite
from tests.contracts.archive.conftest import open_container

from recordingd.archive.azure_blob import (
    DOCUMENT_BYTES_MAX,
    BlobArchive,
    account_key,
    shared_signature,
)
from recordingd.archive.blob_part import BLOCK_BYTES
from recordingd.domain.errors import StoreRefused
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId
from recordingd.runtime.system import SystemClock

FILE = FileId("0123456789abcdef0123456789ab")
WAV = MediaFormat.WAV
EXPORTED = "20260804/call/eyJQbGF0-6d1b/0-audiowav.0-uks-d1-ab.wav"
METADATA = "20260804/call/eyJQbGF0-6d1b/0-acsmetadata.0-uks-d1-ab.json"


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    with azurite.container(azurite.create_container()) as client:
        yield client


@pytest.fixture
def archive(azurite: Azurite, container: ContainerClient) -> Iterator[BlobArchive]:
    opened = open_container(azurite, container.url)
    yield opened
    opened.close()


def names(container: ContainerClient) -> list[str]:
    return sorted(blob.name for blob in container.list_blobs())


# --- on the way in --------------------------------------------------------------------------------


def test_blocks_are_staged_as_they_fill_and_show_nothing(
    archive: BlobArchive, container: ContainerClient
) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(bytes(2 * BLOCK_BYTES + 1))
    _, staged = container.get_blob_client(f"ab/{FILE}.wav").get_block_list("uncommitted")
    assert [block.size for block in staged] == [BLOCK_BYTES, BLOCK_BYTES]
    assert archive.find_stored(FILE, WAV) is None
    part.close()


def test_blob_carries_its_hash_and_its_type(
    archive: BlobArchive, container: ContainerClient
) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"audio")
    copy = part.commit()
    found = container.get_blob_client(copy.uri).get_blob_properties()
    assert found.metadata == {"sha256": copy.sha256}
    assert found.content_settings.content_type == "audio/wav"


def test_commit_that_is_repeated_after_a_crash_changes_nothing(
    archive: BlobArchive, container: ContainerClient
) -> None:
    def keep() -> object:
        part = archive.open_part(FILE, WAV)
        part.write(b"audio")
        copy = part.commit()
        return copy, container.get_blob_client(copy.uri).get_blob_properties().etag

    assert keep() == keep()


def test_metadata_that_is_there_already_is_not_written_again(
    archive: BlobArchive, container: ContainerClient
) -> None:
    blob = container.get_blob_client(f"ab/{FILE}.json")
    archive.write_metadata(FILE, b"{}")
    first = blob.get_blob_properties().etag
    archive.write_metadata(FILE, b"{}")
    assert blob.get_blob_properties().etag == first
    archive.write_metadata(FILE, b'{"chunkIndex": 0}')
    assert blob.download_blob().readall() == b'{"chunkIndex": 0}'


def test_no_file_is_ever_held_whole_in_memory(
    archive: BlobArchive, make_wav: Callable[..., bytes]
) -> None:
    second, seconds = make_wav(1)[44:], 1000
    header = make_wav(0)
    size = len(second) * seconds
    body = (
        header[:4] + (size + 36).to_bytes(4, "little") + header[8:40] + size.to_bytes(4, "little")
    )
    tracemalloc.start()
    try:
        part = archive.open_part(FILE, WAV)
        part.write(body)
        for _ in range(seconds):
            part.write(second)
        copy = part.commit()
        assert archive.hash_of(copy.uri) == copy.sha256
        assert archive.check_media(copy.uri, WAV).duration_ms == seconds * 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert copy.size_bytes == size + 44 > 30_000_000
    assert peak < 6 * BLOCK_BYTES


# --- what the service wrote there -----------------------------------------------------------------


def test_blob_that_the_service_wrote_is_read_where_it_lies(
    archive: BlobArchive, container: ContainerClient, make_wav: Callable[..., bytes]
) -> None:
    body = make_wav(0.5)
    container.upload_blob(EXPORTED, body)
    found = archive.find(EXPORTED)
    assert found is not None
    assert (found.uri, found.size_bytes) == (EXPORTED, len(body))
    assert found.sha256 == archive.hash_of(EXPORTED) == hashlib.sha256(body).hexdigest()
    assert archive.check_media(EXPORTED, WAV).duration_ms == 500


def test_deleting_what_the_service_wrote_leaves_its_neighbours(
    archive: BlobArchive, container: ContainerClient
) -> None:
    for name in (EXPORTED, METADATA, f"ab/{FILE}.json"):
        container.upload_blob(name, b"x")
    assert archive.delete(EXPORTED).startswith("deleted: HTTP 202, request ")
    assert names(container) == [METADATA, f"ab/{FILE}.json"]


def test_deleting_a_file_of_ours_takes_its_metadata_along(
    archive: BlobArchive, container: ContainerClient
) -> None:
    part = archive.open_part(FILE, WAV)
    part.write(b"audio")
    copy = part.commit()
    archive.write_metadata(FILE, b"{}")
    archive.delete(copy.uri)
    assert names(container) == []


def test_snapshots_go_with_their_blob(archive: BlobArchive, container: ContainerClient) -> None:
    blob = container.upload_blob(EXPORTED, b"audio")
    blob.create_snapshot()
    assert archive.delete(EXPORTED).startswith("deleted")
    assert list(container.list_blobs(include=["snapshots"])) == []


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_document_is_read_whole(
    archive: BlobArchive, container: ContainerClient, body: bytes
) -> None:
    container.upload_blob(METADATA, body)
    assert archive.read_document(METADATA) == body


def test_document_that_is_not_there_is_none(archive: BlobArchive) -> None:
    assert archive.read_document(METADATA) is None


def test_document_that_is_no_document_is_not_read(
    archive: BlobArchive, container: ContainerClient
) -> None:
    container.upload_blob(METADATA, bytes(DOCUMENT_BYTES_MAX))
    assert archive.read_document(METADATA) == bytes(DOCUMENT_BYTES_MAX)
    container.upload_blob(METADATA, bytes(DOCUMENT_BYTES_MAX + 1), overwrite=True)
    with pytest.raises(OSError, match="larger"):
        archive.read_document(METADATA)


# --- credentials and answers ----------------------------------------------------------------------


def signature(azurite: Azurite, container: ContainerClient, *, minutes: int = 5) -> str:
    return generate_container_sas(
        azurite.account,
        container.url.rpartition("/")[2],
        account_key=azurite.key,
        permission=ContainerSasPermissions(read=True),
        expiry=SystemClock().now_utc() + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize("mark", ["", "?"])
def test_shared_signature_opens_a_container_and_shows_nowhere(
    azurite: Azurite, container: ContainerClient, mark: str
) -> None:
    container.upload_blob(EXPORTED, b"audio")
    credential = shared_signature(mark + signature(azurite, container))
    archive = BlobArchive(StoreName("v"), container_url=container.url, credential=credential)
    assert archive.hash_of(EXPORTED) == hashlib.sha256(b"audio").hexdigest()
    assert archive.locate("a b/ü.wav") == f"{container.url}/a%20b/%C3%BC.wav"
    archive.close()


def test_credential_that_may_not_delete_is_a_refusal(
    azurite: Azurite, container: ContainerClient
) -> None:
    container.upload_blob(EXPORTED, b"audio")
    credential = shared_signature(signature(azurite, container))
    archive = BlobArchive(StoreName("v"), container_url=container.url, credential=credential)
    with pytest.raises(StoreRefused, match="HTTP 403, request "):
        archive.delete(EXPORTED)
    archive.close()


@pytest.mark.parametrize("secret", ["wrong key", "ended signature"])
def test_credential_that_opens_nothing_is_a_refusal(
    azurite: Azurite, container: ContainerClient, secret: str
) -> None:
    container.upload_blob(EXPORTED, b"audio")
    archive = BlobArchive(
        StoreName("v"),
        container_url=container.url,
        credential=account_key(container.url, "b3RoZXIta2V5")
        if secret == "wrong key"
        else shared_signature(signature(azurite, container, minutes=-1)),
    )
    for use in (archive.find, archive.hash_of, archive.delete, archive.read_document):
        with pytest.raises(StoreRefused, match="HTTP 403"):
            use(EXPORTED)
    archive.close()


def test_missing_container_is_never_taken_for_a_missing_blob(azurite: Azurite) -> None:
    archive = open_container(azurite, f"{azurite.blob_url}/nobody-made-this")
    for use in (archive.find, archive.delete, archive.read_document):
        with pytest.raises(StoreRefused, match="ContainerNotFound"):
            use(EXPORTED)
    archive.close()
