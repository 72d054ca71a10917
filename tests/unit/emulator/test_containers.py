import asyncio
from pathlib import Path

import pytest

from recordingd.emulator.containers import BlobFile, Exporter, ExportFailedError, read_place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://contoso.blob.core.windows.net/vault",
            ("contoso", "https://contoso.blob.core.windows.net/vault", "", ""),
        ),
        (
            "https://contoso.blob.core.windows.net/vault/calls/uk/",
            ("contoso", "https://contoso.blob.core.windows.net/vault", "calls/uk", ""),
        ),
        (
            "http://127.0.0.1:10000/devstoreaccount1/vault/calls?sv=1&sig=s",
            ("devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1/vault", "calls",
             "sv=1&sig=s"),
        ),
        (
            "http://localhost:10000/account/vault",
            ("account", "http://localhost:10000/account/vault", "", ""),
        ),
    ],
)  # fmt: skip
def test_place_is_read_from_either_form(url: str, expected: tuple[str, str, str, str]) -> None:
    place = read_place(url)
    assert (place.account, place.url, place.folder, place.sas) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vault",
        "ftp://contoso.blob.core.windows.net/vault",
        "https://contoso.blob.core.windows.net/",
        "http://127.0.0.1:10000/account",
    ],
)
def test_url_without_a_container_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="names no container"):
        read_place(url)


def test_refusal_does_not_show_the_sas() -> None:
    with pytest.raises(ValueError, match="names no container") as caught:
        read_place("https://contoso.blob.core.windows.net/?sig=secret")
    assert "secret" not in str(caught.value)


def test_account_that_nothing_opens_fails_before_any_request() -> None:
    place = read_place("https://contoso.blob.core.windows.net/vault")
    file = BlobFile(name="x", content=Path("/nonexistent"))
    with pytest.raises(ExportFailedError, match="contoso"):
        asyncio.run(Exporter(account_keys={"other": "a2V5"}).export(place, [file]))
