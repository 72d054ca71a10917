"""Recorded answers of the real service, where a folder of them is present."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from recordingd.acs.client import AcsClient
from recordingd.domain.errors import CloudFault, NotFoundFault, RetryableFault
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import MediaMetadata, StartRequest

FOLDER = os.environ.get("RECORDINGD_CONTRACT_SAMPLES", "")
ENDPOINT = "https://contoso.communication.azure.com"
STORAGE = "https://us-storage.asm.skype.com"
ID = ServiceRecordingId("eyJQ")
T = TypeVar("T")
Entry = dict[str, Any]
Connect = Callable[..., AcsClient]

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="RECORDINGD_CONTRACT_SAMPLES does not name a folder of recorded answers"
)


def load(number: int) -> Entry:
    document: Entry = json.loads(raw(number))
    return document


def raw(number: int) -> bytes:
    (path,) = Path(FOLDER).glob(f"{number:02}_*")
    return path.read_bytes()


class Body(httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.data:
            yield self.data


def answer(status: int, headers: dict[str, str], body: object) -> httpx.Response:
    data = body if isinstance(body, bytes) else b"" if body in (None, [], "") else encode(body)
    kept = {
        n: v
        for n, v in headers.items()
        if n.lower() not in {"content-length", "statuscode", "body", "transfer-encoding"}
    }
    return httpx.Response(status, headers=kept, stream=Body(data))


def encode(body: object) -> bytes:
    return json.dumps(body).encode()


def ask(
    connect: Connect, answers: list[httpx.Response], work: Callable[[AcsClient], Awaitable[T]]
) -> T:
    async def reply(_: httpx.Request) -> httpx.Response:
        return answers.pop(0)

    async def inside() -> T:
        options = {"storage_hosts": (".asm.skype.com",), "transport": httpx.MockTransport(reply)}
        async with connect(ENDPOINT, **options) as client:
            return await work(client)

    return asyncio.run(inside())


def entries(number: int) -> list[Entry]:
    return list(load(number)["Entries"])


def of(entry: Entry) -> httpx.Response:
    return answer(entry["StatusCode"], entry["ResponseHeaders"], entry["ResponseBody"])


def operation_of(entry: Entry) -> str:
    path = httpx.URL(entry["RequestUri"]).path
    if path.endswith(("/result", "hangup")) or "/calling/recordings" not in path:
        return "other"
    if path.endswith((":pause", ":resume")):
        return path.rpartition(":")[2]
    is_one = not path.rstrip("/").endswith("/recordings")
    return (
        {"POST": "start", "GET": "state", "DELETE": "stop"}[entry["RequestMethod"]]
        if is_one or entry["RequestMethod"] == "POST"
        else "other"
    )


def expect(connect: Connect, start: StartRequest, entry: Entry) -> str:
    """Put a recorded answer to the client and check that it reads what the answer says."""
    operation, status, body = operation_of(entry), entry["StatusCode"], entry["ResponseBody"]
    works: dict[str, Callable[[AcsClient], Awaitable[object]]] = {
        "start": lambda c: c.start(start),
        "state": lambda c: c.fetch_is_active(ID),
        "pause": lambda c: c.pause(ID),
        "resume": lambda c: c.resume(ID),
        "stop": lambda c: c.stop(ID),
    }
    if operation == "other":
        return operation
    if status == 404:
        with pytest.raises(NotFoundFault):
            ask(connect, [of(entry)], works[operation])
        return "gone"
    found = ask(connect, [of(entry)], works[operation])
    if operation == "start":
        assert getattr(found, "recording_id", None) == body["recordingId"]
    if operation == "state":
        assert found is (body["recordingState"] == "active")
    return operation


@pytest.mark.parametrize(
    ("number", "operations"),
    [
        (3, {"start", "state", "stop"}),
        (4, {"start", "stop"}),
        (5, {"start", "state", "pause", "resume", "stop", "gone"}),
        (6, {"start"}),
    ],
)
def test_recorded_answers_are_read(
    number: int, operations: set[str], connect: Connect, plain_start: StartRequest
) -> None:
    seen = {expect(connect, plain_start, entry) for entry in entries(number)}
    assert seen - {"other"} >= operations


@pytest.mark.parametrize("number", [27, 28])
@pytest.mark.parametrize("status", ["200", "202"])
def test_specified_answers_to_a_start_are_read(
    number: int, status: str, connect: Connect, plain_start: StartRequest
) -> None:
    body = load(number)["responses"][status]["body"]
    found = ask(connect, [answer(int(status), {}, body)], lambda c: c.start(plain_start))
    assert found.recording_id == body["recordingId"]


def test_call_that_is_not_established_is_retryable(
    connect: Connect, plain_start: StartRequest
) -> None:
    text = raw(16).decode()
    body = text.partition("string: '")[2].partition("'\n")[0].replace("\n        ", " ")
    with pytest.raises(RetryableFault) as caught:
        ask(connect, [answer(400, {}, body.encode())], lambda c: c.start(plain_start))
    assert caught.value.detail.subcode == "8501"


def test_oldest_answer_to_a_start_is_read(connect: Connect, plain_start: StartRequest) -> None:
    body = raw(17).decode().partition("string: '")[2].partition("'\n")[0].encode()
    found = ask(connect, [answer(200, {}, body)], lambda c: c.start(plain_start))
    assert found.recording_id == "sanitized"


def test_metadata_behind_a_recorded_redirect_is_read(connect: Connect) -> None:
    calls = load(7)["networkCallRecords"]
    answers = []
    for call in calls:
        response = call["Response"]
        headers = {n: v.replace("REDACTED", "us-storage") for n, v in response.items()}
        body = base64.b64decode(response["Body"])
        answers.append(answer(int(response["StatusCode"]), headers, body))
    found = ask(connect, answers, lambda c: c.fetch_metadata(f"{STORAGE}/v1/objects/x"))
    assert found.body == raw(8)
    assert_metadata(found, json.loads(raw(8)))


def test_recorded_metadata_with_200_and_a_content_range_is_read(connect: Connect) -> None:
    entry = next(
        e for e in entries(13) if e["RequestMethod"] == "GET" and "objects" in e["RequestUri"]
    )
    body = entry["ResponseBody"]
    data = base64.b64decode(body) if isinstance(body, str) else encode(body)
    found = ask(
        connect,
        [answer(entry["StatusCode"], {}, data)],
        lambda c: c.fetch_metadata(f"{STORAGE}/v1/objects/x"),
    )
    assert_metadata(found, json.loads(raw(14)))


def assert_metadata(found: MediaMetadata, document: Entry) -> None:
    assert found.duration_ms == document["chunkDuration"]
    assert found.channels == 1
    assert set(found.participants) == {p["participantId"] for p in document["participants"]}
    assert set(found.participants.values()) == {None}
    assert found.pauses == ()
    assert datetime.fromisoformat(document["chunkStartTime"]).tzinfo is not None


@pytest.mark.parametrize(
    ("number", "kind"), [(9, NotFoundFault), (10, RetryableFault), (11, None), (15, None)]
)
def test_recorded_removals_say_what_happened(
    number: int, kind: type[CloudFault] | None, connect: Connect
) -> None:
    document = load(number)
    if "Entries" in document:
        found = of(document["Entries"][0])
    else:
        response = document["networkCallRecords"][0]["Response"]
        found = answer(int(response["StatusCode"]), response, b"")

    def work(client: AcsClient) -> Awaitable[None]:
        return client.remove(f"{STORAGE}/v1/objects/x")

    if kind is None:
        ask(connect, [found], work)
        return
    with pytest.raises(kind):
        ask(connect, [found], work)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(404, b"", NotFoundFault), (401, b"", RetryableFault), (401, 19, RetryableFault)],
)
def test_recorded_refusals_of_downloads_say_what_happened(
    status: int, body: bytes | int, kind: type[CloudFault], connect: Connect
) -> None:
    data = raw(body) if isinstance(body, int) else body
    with pytest.raises(kind) as caught:
        ask(
            connect,
            [answer(status, {}, data)],
            lambda c: c.fetch_metadata(f"{STORAGE}/v1/objects/x"),
        )
    if data:
        assert caught.value.detail.message == "Unauthorized"
