"""What a start puts on the wire, beside what the official SDK puts there for the same wish."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.communication.callautomation import (
    AzureBlobContainerRecordingStorage,
    CallAutomationClient,
    ChannelAffinity,
    CommunicationIdentifier,
    CommunicationUserIdentifier,
    MicrosoftTeamsAppIdentifier,
    MicrosoftTeamsUserIdentifier,
    PhoneNumberIdentifier,
    UnknownIdentifier,
)
from azure.core.credentials import AzureKeyCredential
from tests.sdk import Caught, Net

from recordingd.acs.client import AcsClient
from recordingd.domain.calls import RawId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import StartRequest

ENDPOINT = "https://contoso.communication.azure.com"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
REQUEST_ID = "50c5d7eb-3fff-4097-8ecc-bb91eef95f05"
CALLBACK = "https://recorder.contoso.example/callbacks/token"
CONTAINER = "https://contoso.blob.core.windows.net/recordings"
# Headers that carry no meaning for the service, or differ because time has passed.
INCIDENTAL = {
    *("user-agent", "x-ms-client-request-id", "x-ms-return-client-request-id", "host"),
    *("x-ms-date", "authorization", "accept-encoding", "connection"),
}


@dataclass(frozen=True, slots=True)
class Wire:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def wire_of(method: str, url: str, headers: Mapping[str, str], body: object) -> Wire:
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in headers.items()}
    kept = {name: value for name, value in named.items() if name not in INCIDENTAL}
    data = body.encode() if isinstance(body, str) else body or b""
    assert isinstance(data, bytes)
    return Wire(method, parts.path, parts.query, kept, data)


def of_the_sdk(ask: Callable[[CallAutomationClient], object]) -> Wire:
    net = Net()
    client = CallAutomationClient(ENDPOINT, AzureKeyCredential(KEY), transport=net)
    with pytest.raises(Caught):
        ask(client)
    (sent,) = net.sent
    return wire_of(sent.method, sent.url, sent.headers, sent.body)


def of_ours(
    connect: Callable[..., AcsClient], ask: Callable[[AcsClient], Awaitable[object]]
) -> Wire:
    sent: list[httpx.Request] = []

    async def catch(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise Caught

    async def inside() -> None:
        async with connect(ENDPOINT, transport=httpx.MockTransport(catch)) as client:
            await ask(client)

    with pytest.raises(Caught):
        asyncio.run(inside())
    (request,) = sent
    return wire_of(request.method, str(request.url), request.headers, request.content)


STARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "mixed": (
        {"content": Content.AUDIO, "channels": Channels.MIXED, "format": MediaFormat.MP3},
        {
            "recording_content_type": "audio",
            "recording_channel_type": "mixed",
            "recording_format_type": "mp3",
        },
    ),
    "video": (
        {"content": Content.AUDIO_VIDEO, "channels": Channels.MIXED, "format": MediaFormat.MP4},
        {
            "recording_content_type": "audioVideo",
            "recording_channel_type": "mixed",
            "recording_format_type": "mp4",
        },
    ),
    "unmixed": (
        {
            "channels": Channels.UNMIXED,
            "format": MediaFormat.WAV,
            "affinity": {1: RawId("4:+4930123456"), 0: RawId("8:acs:a_b")},
        },
        {
            "recording_content_type": "audio",
            "recording_channel_type": "unmixed",
            "recording_format_type": "wav",
            "channel_affinity": [
                ChannelAffinity(CommunicationUserIdentifier("8:acs:a_b"), 0),
                ChannelAffinity(PhoneNumberIdentifier("+4930123456"), 1),
            ],
        },
    ),
    "paused": (
        {"start_paused": True},
        {
            "recording_content_type": "audio",
            "recording_channel_type": "mixed",
            "recording_format_type": "wav",
            "pause_on_start": True,
        },
    ),
    "byos": (
        {"container": CONTAINER, "start_paused": True},
        {
            "recording_content_type": "audio",
            "recording_channel_type": "mixed",
            "recording_format_type": "wav",
            "pause_on_start": True,
            "recording_storage": AzureBlobContainerRecordingStorage(CONTAINER),
        },
    ),
}


@pytest.mark.parametrize("name", STARTS)
def test_start_equals_the_sdks_to_the_byte(
    name: str, connect: Callable[..., AcsClient], plain_start: StartRequest
) -> None:
    changes, wish = STARTS[name]
    request = replace(plain_start, callback_url=CALLBACK, request_id=REQUEST_ID, **changes)
    headers = {
        "Repeatability-Request-ID": REQUEST_ID,
        "Repeatability-First-Sent": "Tue, 04 Aug 2026 10:00:00 GMT",
    }
    theirs = of_the_sdk(
        lambda client: client.start_recording(
            server_call_id=request.server_call_id,
            recording_state_callback_url=CALLBACK,
            headers=headers,
            **wish,
        )
    )
    assert of_ours(connect, lambda client: client.start(request)) == theirs


@pytest.mark.parametrize(
    ("named", "wish"),
    [
        ({"group_call_id": "29228d3e-040e-4656"}, {"group_call_id": "29228d3e-040e-4656"}),
        ({"connection_id": "0400"}, {"call_connection_id": "0400"}),
    ],
)
def test_call_named_in_another_way_equals_the_sdks(
    named: dict[str, str],
    wish: dict[str, Any],
    connect: Callable[..., AcsClient],
    plain_start: StartRequest,
) -> None:
    changes: dict[str, Any] = {"server_call_id": None, "request_id": REQUEST_ID, **named}
    request = replace(plain_start, callback_url=CALLBACK, **changes)
    headers = {
        "Repeatability-Request-ID": REQUEST_ID,
        "Repeatability-First-Sent": "Tue, 04 Aug 2026 10:00:00 GMT",
    }
    theirs = of_the_sdk(
        lambda client: client.start_recording(
            recording_state_callback_url=CALLBACK,
            recording_content_type="audio",
            recording_channel_type="mixed",
            recording_format_type="wav",
            headers=headers,
            **wish,
        )
    )
    assert of_ours(connect, lambda client: client.start(request)) == theirs


@pytest.mark.parametrize("operation", ["pause", "resume", "stop", "fetch_is_active"])
@pytest.mark.parametrize("recording", ["eyJQbGF0Zm9ybQ", "eyJQbGF0Zm9ybQ==", "a/b~c d+e:f"])
def test_other_operations_equal_the_sdks(
    operation: str, recording: str, connect: Callable[..., AcsClient]
) -> None:
    theirs = {
        "pause": CallAutomationClient.pause_recording,
        "resume": CallAutomationClient.resume_recording,
        "stop": CallAutomationClient.stop_recording,
        "fetch_is_active": CallAutomationClient.get_recording_properties,
    }[operation]
    sdk = of_the_sdk(lambda client: theirs(client, recording))
    ours = of_ours(
        connect, lambda client: getattr(client, operation)(ServiceRecordingId(recording))
    )
    sdk.headers.setdefault("content-length", "0")
    ours.headers.setdefault("content-length", "0")
    assert ours == sdk


IDENTIFIERS: dict[str, CommunicationIdentifier] = {
    "8:acs:a_b": CommunicationUserIdentifier("8:acs:a_b"),
    "4:+4930123456": PhoneNumberIdentifier("+4930123456"),
    "4:+4930123456_5f": PhoneNumberIdentifier("+4930123456_5f"),
    "4:anonymous": PhoneNumberIdentifier("anonymous"),
    "8:orgid:u": MicrosoftTeamsUserIdentifier("u", raw_id="8:orgid:u"),
    "8:dod:u": MicrosoftTeamsUserIdentifier("u", raw_id="8:dod:u", cloud="DOD"),
    "8:gcch:u": MicrosoftTeamsUserIdentifier("u", raw_id="8:gcch:u", cloud="GCCH"),
    "8:teamsvisitor:u": MicrosoftTeamsUserIdentifier("u", is_anonymous=True),
    "28:orgid:app": MicrosoftTeamsAppIdentifier("app", raw_id="28:orgid:app"),
    "28:gcch:app": MicrosoftTeamsAppIdentifier("app", raw_id="28:gcch:app", cloud="GCCH"),
    "28:bot": UnknownIdentifier("28:bot"),
    "8:other:x": UnknownIdentifier("8:other:x"),
}


@pytest.mark.parametrize("raw_id", IDENTIFIERS)
def test_participants_are_described_as_by_the_sdk(
    raw_id: str, connect: Callable[..., AcsClient], plain_start: StartRequest
) -> None:
    request = replace(plain_start, affinity={0: RawId(raw_id)})
    ours = of_ours(connect, lambda client: client.start(request))
    theirs = of_the_sdk(
        lambda client: client.start_recording(
            server_call_id="x", channel_affinity=[ChannelAffinity(IDENTIFIERS[raw_id], 0)]
        )
    )
    # The SDK shouts cloud names; the specification and the service's own answers do not.
    shouted = json.loads(theirs.body)["channelAffinity"]
    for member in ("microsoftTeamsUser", "microsoftTeamsApp"):
        if member in shouted[0]["participant"]:
            described = shouted[0]["participant"][member]
            described["cloud"] = described["cloud"].lower()
    assert json.loads(ours.body)["channelAffinity"] == shouted
