"""What our client sends, and what the emulator answers and announces, beside the specification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import httpx
import pytest
from tests.conformance.emulated import Emulated, emulating
from tests.conformance.openapi import (
    FOLDER,
    NEW,
    OLD,
    Sent,
    Specification,
    check_callback,
    check_event,
    specification_of,
)
from tests.conformance.ours import client_of, plain_start

from recordingd.acs.client import AcsClient
from recordingd.acs.transport import SigningTransport, tls_context
from recordingd.domain.calls import RawId
from recordingd.domain.errors import CloudFault
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import StartRequest

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="RECORDINGD_CONTRACT_SAMPLES does not name a folder beside `openapi`"
)

VERSIONS = (OLD, "2024-04-15", "2024-09-15", "2025-05-15", "2025-06-15", NEW)
OUTPUTS: dict[str, dict[str, Any]] = {
    "video": {"content": Content.AUDIO_VIDEO, "format": MediaFormat.MP4},
    "mp3": {"format": MediaFormat.MP3},
    "wav": {"format": MediaFormat.WAV},
    "unmixed": {
        "channels": Channels.UNMIXED,
        "affinity": {
            0: RawId("8:acs:agent"),
            1: RawId("4:+4930123456"),
            2: RawId("8:orgid:user"),
            3: RawId("28:gcch:app"),
            4: RawId("28:bot"),
        },
    },
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "callback": {"callback_url": "https://recorder.contoso.example/callbacks/token"},
    "paused": {"start_paused": True},
    # Paused, so that there is nothing to export.
    "byos": {"start_paused": True, "container": "https://contoso.blob.core.windows.net/calls"},
}
RICHER = {"paused", "byos"}
STARTS = [
    (version, output, option)
    for version, output, option in product(VERSIONS, OUTPUTS, OPTIONS)
    if version != OLD or option not in RICHER
]


class Body(httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.data


@dataclass(slots=True)
class Listening(httpx.AsyncBaseTransport):
    """Real connections, with every request and its answer kept."""

    inner: SigningTransport = field(default_factory=lambda: SigningTransport(tls_context(None)))
    heard: list[tuple[Sent, int, bytes]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        await response.aclose()
        sent = Sent(
            method=request.method,
            path=request.url.raw_path.decode().partition("?")[0],
            query=request.url.query.decode(),
            headers=dict(request.headers),
            body=request.content.decode() or None,
        )
        self.heard.append((sent, response.status_code, body))
        return httpx.Response(
            response.status_code, headers=response.headers, stream=Body(body), request=request
        )

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.fixture(scope="module")
def plain() -> Iterator[Emulated]:
    with emulating("--strict", "--speed", "10", "--event-shape", "swagger") as service:
        yield service


async def whole_life(client: AcsClient, request: StartRequest) -> None:
    recording = (await client.start(request)).recording_id
    await client.fetch_is_active(recording)
    await client.pause(recording)
    await client.resume(recording)
    await client.stop(recording)


def conversation(
    service: Emulated, version: str, work: Callable[[AcsClient], Awaitable[None]]
) -> list[tuple[Sent, int, bytes]]:
    """Do some work and return what was said."""
    listening = Listening()

    async def inside() -> None:
        async with client_of(service, api_version=version, transport=listening) as client:
            await work(client)

    asyncio.run(inside())
    return listening.heard


def arrived(service: Emulated) -> list[Sent]:
    """Return the requests as the emulator saw them."""
    return [Sent.of(entry) for entry in service.ask("GET", "/requests")]


@pytest.mark.parametrize(("version", "output", "option"), STARTS, ids="-".join)
def test_requests_and_answers_of_a_recordings_life_conform(
    version: str, output: str, option: str, plain: Emulated
) -> None:
    specification = specification_of(version)
    call = plain.create_call()["serverCallId"]
    request = replace(plain_start(call), **OUTPUTS[output], **OPTIONS[option])
    plain.ask("DELETE", "/requests")
    heard = conversation(plain, version, lambda client: whole_life(client, request))
    requests = arrived(plain)
    assert len(requests) == len(heard) == 5
    assert [fault for sent in requests for fault in specification.check_request(sent)] == []
    assert answer_faults(specification, heard) == []


def answer_faults(specification: Specification, heard: list[tuple[Sent, int, bytes]]) -> list[str]:
    return [
        fault
        for sent, status, body in heard
        for fault in specification.check_answer(sent, status, body)
    ]


REFUSALS: list[tuple[str, dict[str, Any], int]] = [
    ("start.500", {}, 500),
    ("start.429", {}, 429),
    ("start.duplicate", {}, 400),
    (
        "service.error",
        {"status": 409, "code": "8571", "message": "Recording Operation Conflict"},
        409,
    ),
    ("service.error", {"status": 401, "code": "7501", "message": "Invalid Token"}, 401),
    ("service.error", {"status": 412, "code": "8583", "message": "Precondition failed"}, 412),
]


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(("fault", "params", "status"), REFUSALS)
def test_refusals_conform(
    fault: str, params: dict[str, Any], status: int, version: str, plain: Emulated
) -> None:
    request = plain_start(plain.create_call()["serverCallId"])
    plain.fault(fault, params=params)

    async def start(client: AcsClient) -> None:
        with pytest.raises(CloudFault):
            await client.start(request)

    heard = conversation(plain, version, start)
    assert [answer[1] for answer in heard] == [status]
    assert answer_faults(specification_of(version), heard) == []


@pytest.mark.parametrize("version", [OLD, NEW])
def test_answers_about_an_unknown_recording_conform(version: str, plain: Emulated) -> None:
    unknown = ServiceRecordingId("eyJQ")

    async def ask(client: AcsClient) -> None:
        for operation in (client.fetch_is_active, client.pause, client.resume, client.stop):
            with pytest.raises(CloudFault):
                await operation(unknown)

    heard = conversation(plain, version, ask)
    assert [answer[1] for answer in heard] == [404] * 4
    assert answer_faults(specification_of(version), heard) == []


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        (version, fault)
        for version, fault in product(VERSIONS, (None, "start.202ThenFailed"))
        # The oldest version knows no such callback.
        if version != OLD or fault is None
    ],
)
def test_callbacks_of_a_recording_conform(version: str, fault: str | None, plain: Emulated) -> None:
    call = plain.create_call()["serverCallId"]
    request = replace(plain_start(call), callback_url=plain.nowhere)
    if fault is not None:
        plain.fault(fault)

    async def record(client: AcsClient) -> None:
        recording = (await client.start(request)).recording_id
        plain.advance(5)
        if fault is None:
            await client.pause(recording)
            await client.stop(recording)

    conversation(plain, version, record)
    wanted = "RecordingStateChanged" if fault is None else "StartRecordingFailed"
    bodies = [
        entry["body"] for entry in plain.ask("GET", "/callbacks") if entry["serverCallId"] == call
    ]
    assert bodies
    assert {event["type"].rpartition(".")[2] for [event] in bodies} == {wanted}
    specification = specification_of(version)
    assert [f for [event] in bodies for f in check_callback(specification, event)] == []


def test_callbacks_of_a_call_conform(plain: Emulated) -> None:
    specification = specification_of(NEW)
    made = plain.ask("POST", "/calls", {"participants": [], "callbackUri": plain.nowhere})
    call = made["serverCallId"]
    plain.end_call(call)
    told = [entry for entry in plain.ask("GET", "/callbacks") if entry["serverCallId"] == call]
    # The files do not hold ParticipantsUpdated.
    checked = [e for e in told if e["type"] != "ParticipantsUpdated"]
    assert {entry["type"] for entry in checked} == {"CallConnected", "CallDisconnected"}
    assert [f for e in checked for f in check_callback(specification, e["body"][0])] == []


def test_events_conform(plain: Emulated) -> None:
    specification = Specification.read("eventgrid_")
    call = plain.ask(
        "POST",
        "/calls",
        {
            "from": "4:+4930123456",
            "to": "4:+18005550100",
            "participants": [{"id": "8:acs:agent", "displayName": "Agent"}],
        },
    )["serverCallId"]

    async def record(client: AcsClient) -> None:
        recording = (await client.start(plain_start(call))).recording_id
        plain.advance(20)
        await client.stop(recording)
        plain.advance(60)
        plain.chunks_of(recording)

    conversation(plain, NEW, record)
    plain.leave(call, "8:acs:agent")
    plain.end_call(call)
    told = [entry for entry in plain.ask("GET", "/events") if entry["serverCallId"] == call]
    assert {entry["type"] for entry in told} == EVENTS
    faults = [
        fault
        for entry in told
        for event in entry["body"]
        for fault in check_event(specification, entry["type"], event["data"])
    ]
    assert faults == []


EVENTS = {
    "IncomingCall",
    "CallStarted",
    "CallParticipantAdded",
    "CallParticipantRemoved",
    "CallEnded",
    "RecordingFileStatusUpdated",
}
