"""What a store in a container makes of answers that Azurite cannot give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from recordingd.archive.azure_blob import BlobArchive, Credential, account_key
from recordingd.domain.errors import ConfigurationError, StoreRefused
from recordingd.domain.policies import StoreName

URI = "20260804/call/audio.wav"
REQUEST_ID = "5a1b-request"


@dataclass
class Service:
    """A blob service that answers each method as it is told, and remembers what it was asked."""

    answers: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def say(self, method: str, status: int, code: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if code:
            named["x-ms-error-code"] = code
        self.answers[method] = (status, named)


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.asked.append((self.command, self.path))
            status, headers = told.answers[self.command]
            self.send_response(status)
            for name, value in {"x-ms-request-id": REQUEST_ID, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_DELETE = answer  # noqa: N815 - the library names them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}/contoso/vault"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_store(service: Service) -> Iterator[Callable[..., BlobArchive]]:
    opened: list[BlobArchive] = []

    def make(credential: Credential | None = None, url: str | None = None) -> BlobArchive:
        url = url or service.url
        given = credential or account_key(url, "a2V5")
        opened.append(BlobArchive(StoreName("vault"), container_url=url, credential=given))
        return opened[-1]

    yield make
    for archive in opened:
        archive.close()


@pytest.fixture
def archive(open_store: Callable[..., BlobArchive]) -> BlobArchive:
    return open_store()


# --- protected blobs ------------------------------------------------------------------------------


def refusal(archive: BlobArchive) -> StoreRefused:
    with pytest.raises(StoreRefused) as caught:
        archive.delete(URI)
    return caught.value


def test_blob_under_a_retention_policy_says_until_when(
    archive: BlobArchive, service: Service
) -> None:
    service.say("DELETE", 409, "BlobImmutableDueToPolicy")
    until = {"x_ms_immutability_policy_until_date": "Tue, 04 Aug 2031 10:00:00 GMT"}
    service.say("HEAD", 200, **until, x_ms_immutability_policy_mode="Locked")
    refused = refusal(archive)
    assert refused.until == datetime(2031, 8, 4, 10, tzinfo=UTC)
    assert refused.answer == f"BlobImmutableDueToPolicy (HTTP 409, request {REQUEST_ID})"


def test_blob_under_a_legal_hold_has_no_end(archive: BlobArchive, service: Service) -> None:
    service.say("DELETE", 409, "BlobImmutableDueToLegalHold")
    until = {"x_ms_immutability_policy_until_date": "Tue, 04 Aug 2031 10:00:00 GMT"}
    service.say("HEAD", 200, **until, x_ms_legal_hold="true")
    assert refusal(archive).until is None


def test_protected_blob_without_a_date_is_refused_all_the_same(
    archive: BlobArchive, service: Service
) -> None:
    service.say("DELETE", 409, "BlobImmutableDueToPolicy")
    service.say("HEAD", 503)
    assert refusal(archive).until is None


def test_other_conflicts_are_refused_without_a_further_question(
    archive: BlobArchive, service: Service
) -> None:
    service.say("DELETE", 409, "LeaseIdMissing")
    assert "LeaseIdMissing" in str(refusal(archive))
    assert [method for method, _ in service.asked] == ["DELETE"]


def test_deletion_that_the_account_can_undo_says_so(archive: BlobArchive, service: Service) -> None:
    service.say("DELETE", 202, x_ms_delete_type_permanent="false")
    expected = f"deleted: HTTP 202, request {REQUEST_ID}, kept by soft delete"
    assert archive.delete(URI) == expected


def test_blob_that_is_gone_is_absent_with_the_stores_word_for_it(
    archive: BlobArchive, service: Service
) -> None:
    service.say("DELETE", 404, "BlobNotFound")
    assert archive.delete(URI) == f"absent: BlobNotFound (HTTP 404, request {REQUEST_ID})"


# --- trouble on the way ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 412, 429, 500, 503])
def test_passing_trouble_is_an_os_error_after_one_request(
    archive: BlobArchive, service: Service, status: int
) -> None:
    service.say("HEAD", status)
    with pytest.raises(OSError, match=f"HTTP {status}"):
        archive.hash_of(URI)
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_answer_that_will_stay_the_same_is_a_refusal(
    archive: BlobArchive, service: Service, status: int
) -> None:
    service.say("HEAD", status)
    with pytest.raises(StoreRefused, match=f"HTTP {status}"):
        archive.hash_of(URI)


def test_redirect_is_not_followed(archive: BlobArchive, service: Service) -> None:
    service.say("HEAD", 302, Location=service.url.replace("/contoso", "/evil"))
    with pytest.raises(OSError, match="HTTP 302"):
        archive.hash_of(URI)
    assert [path.split("/")[1] for _, path in service.asked] == ["contoso"]


def test_store_that_is_not_there_is_an_os_error(open_store: Callable[..., BlobArchive]) -> None:
    archive = open_store(url="http://127.0.0.1:1/contoso/vault")
    with pytest.raises(OSError, match="no answer from the store"):
        archive.hash_of(URI)


def test_proxy_of_the_environment_sees_nothing(
    archive: BlobArchive, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    service.say("HEAD", 404, "BlobNotFound")
    assert archive.find(URI) is None
    assert len(service.asked) == 1


# --- credentials ----------------------------------------------------------------------------------


class Refused:
    """An identity that may not sign in."""

    def get_token(self, *scopes: str, **_: object) -> NoReturn:
        msg = f"no identity for {scopes}\nTroubleshooting"
        raise ClientAuthenticationError(msg)


class Granted:
    """An identity whose token must not travel in the open."""

    def get_token(self, *_scopes: str, **_: object) -> AccessToken:
        return AccessToken("secret-token", 4_000_000_000)


def test_identity_that_may_not_sign_in_is_a_refusal(
    open_store: Callable[..., BlobArchive],
) -> None:
    archive = open_store(Refused(), url="https://127.0.0.1:1/contoso/vault")
    with pytest.raises(StoreRefused, match="no credential: no identity for"):
        archive.hash_of(URI)


def test_token_is_never_sent_without_tls(
    open_store: Callable[..., BlobArchive], service: Service
) -> None:
    with pytest.raises(ConfigurationError, match="not https"):
        open_store(Granted())
    assert service.asked == []


@pytest.mark.parametrize("key", ["", "not base64!", "Zm9v\x00"])
def test_key_that_is_none_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not base64") as caught:
        account_key("https://contoso.blob.core.windows.net/vault", key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://contoso.blob.core.windows.net/vault", "contoso"),
        ("http://127.0.0.1:10000/devstoreaccount1/vault", "devstoreaccount1"),
    ],
)
def test_key_belongs_to_the_account_that_the_url_names(url: str, account: str) -> None:
    assert account_key(url, "a2V5").named_key.name == account
