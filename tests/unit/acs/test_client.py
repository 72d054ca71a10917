from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from recordingd.acs.client import AcsClient
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
)
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import StartRequest

if TYPE_CHECKING:
    from tests.unit.acs.conftest import StillClock, Stub

MakeClient = Callable[..., AcsClient]
Work = Callable[[AcsClient], Awaitable[object]]
T = TypeVar("T")
ID = ServiceRecordingId("eyJQbGF0==")


def error(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "m"}})


def run(client: AcsClient, work: Callable[[AcsClient], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with client:
            return await work(client)

    return asyncio.run(inside())


@pytest.mark.parametrize("status", [200, 202])
def test_start_takes_200_and_202(
    status: int, make_client: MakeClient, plain_start: StartRequest, make_stub: type[Stub]
) -> None:
    answer = {"recordingId": ID, "recordingState": "inactive", "undeclared": {}}
    stub = make_stub([httpx.Response(status, json=answer)])
    started = run(make_client(stub), lambda c: c.start(plain_start))
    assert started.recording_id == ID


def test_start_sends_what_the_service_documents(
    make_client: MakeClient, plain_start: StartRequest, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, json={"recordingId": ID})])
    run(make_client(stub), lambda c: c.start(plain_start))
    sent = stub.requests[0]
    assert (sent.method, str(sent.url)) == (
        "POST",
        "https://contoso.communication.azure.com/calling/recordings?api-version=2026-03-12",
    )
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["repeatability-request-id"] == "50c5d7eb-3fff-4097-8ecc-bb91eef95f05"
    assert sent.headers["repeatability-first-sent"] == "Tue, 04 Aug 2026 09:59:30 GMT"
    assert "x-ms-host" not in sent.headers
    assert json.loads(sent.content)["callLocator"]["serverCallId"] == "SCID"


def test_start_sent_again_differs_in_its_date_and_signature_alone(
    make_client: MakeClient,
    plain_start: StartRequest,
    make_stub: type[Stub],
    still_clock: StillClock,
) -> None:
    stub = make_stub([error(503, "9999"), httpx.Response(200, json={"recordingId": ID})])

    async def twice(client: AcsClient) -> None:
        with pytest.raises(RetryableFault):
            await client.start(plain_start)
        still_clock.advance(1)
        await client.start(plain_start)

    run(make_client(stub, clock=still_clock), twice)
    first, second = stub.requests
    assert first.content == second.content
    differing = {k for k, v in first.headers.items() if second.headers[k] != v}
    assert differing == {"x-ms-date", "authorization"}


@pytest.mark.parametrize(
    ("work", "method", "path"),
    [
        (lambda c: c.pause(ID), "POST", "/calling/recordings/eyJQbGF0%3D%3D:pause"),
        (lambda c: c.resume(ID), "POST", "/calling/recordings/eyJQbGF0%3D%3D:resume"),
        (lambda c: c.stop(ID), "DELETE", "/calling/recordings/eyJQbGF0%3D%3D"),
    ],
)
def test_orders_go_to_the_quoted_recording_with_an_empty_body(
    work: Work, method: str, path: str, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(204)])
    run(make_client(stub), work)
    sent = stub.requests[0]
    assert sent.method == method
    assert sent.url.raw_path.decode() == f"{path}?api-version=2026-03-12"
    assert sent.content == b""


@pytest.mark.parametrize(("state", "is_active"), [("active", True), ("inactive", False)])
def test_state_is_read_back(
    state: str, *, is_active: bool, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, json={"recordingId": ID, "recordingState": state})])
    assert run(make_client(stub), lambda c: c.fetch_is_active(ID)) is is_active


def test_recording_that_is_over_is_not_found(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([error(404, "8522")])
    with pytest.raises(NotFoundFault):
        run(make_client(stub), lambda c: c.fetch_is_active(ID))


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (lambda c: c.pause(ID), AmbiguousFault),
        (lambda c: c.stop(ID), AmbiguousFault),
        (lambda c: c.fetch_is_active(ID), RetryableFault),
        (lambda c: c.remove("https://us.asm.skype.com/v1/objects/x"), AmbiguousFault),
        (lambda c: c.fetch_metadata("https://us.asm.skype.com/v1/objects/x"), RetryableFault),
    ],
)
def test_page_with_status_200_is_never_success(
    work: Work, kind: type[CloudFault], make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, html="<html>sign in</html>")])
    with pytest.raises(kind):
        run(make_client(stub), work)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>sign in</html>"),
        httpx.Response(200, json={}),
        httpx.Response(202, content=b""),
        httpx.Response(204),
    ],
)
def test_start_answered_without_an_id_is_ambiguous(
    answer: httpx.Response,
    make_client: MakeClient,
    plain_start: StartRequest,
    make_stub: type[Stub],
) -> None:
    with pytest.raises(AmbiguousFault):
        run(make_client(make_stub([answer])), lambda c: c.start(plain_start))


@pytest.mark.parametrize("changes", [{"start_paused": True}, {"container": "https://a/c"}])
def test_version_that_would_ignore_a_pause_is_refused_unsent(
    changes: dict[str, Any],
    make_client: MakeClient,
    plain_start: StartRequest,
    make_stub: type[Stub],
) -> None:
    stub = make_stub([])
    client = make_client(stub, api_version="2023-10-15")
    with pytest.raises(PermanentFault, match="start paused"):
        run(client, lambda c: c.start(replace(plain_start, **changes)))
    assert stub.requests == []


@pytest.mark.parametrize("api_version", ["2023-10-15", "2024-09-15"])
def test_version_that_knows_no_connections_is_refused_unsent(
    api_version: str, make_client: MakeClient, plain_start: StartRequest, make_stub: type[Stub]
) -> None:
    stub = make_stub([])
    client = make_client(stub, api_version=api_version)
    named = replace(plain_start, server_call_id=None, connection_id="0400")
    with pytest.raises(PermanentFault, match="connection id"):
        run(client, lambda c: c.start(named))
    assert stub.requests == []


@pytest.mark.parametrize("api_version", ["2024-04-15", "2024-06-15-preview", "2026-03-12"])
def test_versions_that_know_pauses_start_paused(
    api_version: str, make_client: MakeClient, plain_start: StartRequest, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, json={"recordingId": ID})])
    client = make_client(stub, api_version=api_version)
    run(client, lambda c: c.start(replace(plain_start, start_paused=True)))
    assert json.loads(stub.requests[0].content)["pauseOnStart"] is True


def test_plain_start_works_with_the_oldest_version(
    make_client: MakeClient, plain_start: StartRequest, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, json={"recordingId": ID})])
    client = make_client(stub, api_version="2023-03-06")
    assert run(client, lambda c: c.start(plain_start)).recording_id == ID
