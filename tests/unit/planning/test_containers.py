"""Which container a recording is written to, and which blob a URL means in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.factories import MAIN, make_context, make_file, make_spec

from recordingd.domain.plans import InContainer
from recordingd.domain.policies import RecordSpec, StoreName
from recordingd.planning.containers import blob_name, destination, find_blob
from recordingd.planning.context import ContainerStore, PlanningContext

VAULT, SPARE, OTHER = StoreName("vault"), StoreName("spare"), StoreName("other")
URL = "https://contoso.blob.core.windows.net/vault"
BLOB = "20260804/call/eyJQbGF0-guid/0-audiomp3.document.mp3"
CONTEXT = make_context(
    containers={
        OTHER: ContainerStore(url="https://contoso.blob.core.windows.net/other"),
        VAULT: ContainerStore(url=URL, on_export_failure=SPARE),
    }
)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"{URL}/{BLOB}", BLOB),
        (f"{URL}/a%20b/c.wav", "a b/c.wav"),
        (f"{URL}/a.wav?sv=2026&sig=secret", "a.wav"),
        ("HTTPS://CONTOSO.blob.core.windows.net:443/vault/a.wav", "a.wav"),
    ],
)
def test_url_within_the_container_means_a_blob(url: str, name: str) -> None:
    assert blob_name(URL, url) == name


@pytest.mark.parametrize(
    "url",
    [
        "",
        URL,
        f"{URL}/",
        f"{URL}-other/a.wav",
        "https://contoso.blob.core.windows.net/Vault/a.wav",
        "http://contoso.blob.core.windows.net/vault/a.wav",
        "https://contoso.blob.core.windows.net:8443/vault/a.wav",
        "https://evil.example/vault/a.wav",
        "https://contoso.blob.core.windows.net@evil.example/vault/a.wav",
        "https://evil.example@contoso.blob.core.windows.net/vault/a.wav",
        "https://contoso.blob.core.windows.net.evil.example/vault/a.wav",
        f"{URL}/../other/a.wav",
        f"{URL}/%2e%2e/other/a.wav",
        f"{URL}/a/./b.wav",
        f"{URL}//a.wav",
        f"{URL}/a%00.wav",
        f"{URL}/..%5cother%5ca.wav",
        f"{URL}/a.wav#fragment",
        "https://contoso.blob.core.windows.net:x/vault/a.wav",
        "https://[::1/vault/a.wav",
        "file:///vault/a.wav",
    ],
)
def test_url_elsewhere_or_out_of_the_container_means_none(url: str) -> None:
    assert blob_name(URL, url) is None


def test_file_is_found_with_its_metadata_in_the_store_that_holds_it() -> None:
    file = make_file(content_url=f"{URL}/{BLOB}", metadata_url=f"{URL}/0-acsmetadata.json")
    found = find_blob(CONTEXT.containers, file)
    assert found == InContainer(store=VAULT, uri=BLOB, metadata_uri="0-acsmetadata.json")


@pytest.mark.parametrize("metadata_url", [None, "https://storage.asm.skype.com/v1/objects/x"])
def test_metadata_that_lies_elsewhere_is_not_looked_for(metadata_url: str | None) -> None:
    file = make_file(content_url=f"{URL}/{BLOB}", metadata_url=metadata_url)
    found = find_blob(CONTEXT.containers, file)
    assert found is not None
    assert found.metadata_uri is None


def test_file_in_a_container_that_is_no_store_is_not_found() -> None:
    file = make_file(content_url="https://contoso.blob.core.windows.net/unknown/a.wav")
    assert find_blob(CONTEXT.containers, file) is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (make_spec(), (MAIN, None)),
        (replace(make_spec(), archive=SPARE), (SPARE, None)),
        (replace(make_spec(), storage=VAULT), (SPARE, URL)),
        (
            replace(make_spec(), storage=OTHER),
            (MAIN, "https://contoso.blob.core.windows.net/other"),
        ),
        (replace(make_spec(), container=URL), (SPARE, URL)),
        (replace(make_spec(), container="https://a.example/b"), (MAIN, "https://a.example/b")),
        (replace(make_spec(), storage=StoreName("gone")), (MAIN, None)),
    ],
    ids=[
        "the service keeps it",
        "a store of its own",
        "a container",
        "a container without a store for failures",
        "a container by its URL",
        "a container that is no store",
        "a store that is gone",
    ],
)
def test_destination_of_a_recording(
    spec: RecordSpec, expected: tuple[StoreName, str | None]
) -> None:
    assert destination(spec, CONTEXT) == expected


def test_destination_without_containers_is_the_archive() -> None:
    context: PlanningContext = make_context()
    assert destination(make_spec(), context) == (MAIN, None)
