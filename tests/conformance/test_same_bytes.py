"""A start of ours and of the official Python client, at the same moment and with the same key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any

import httpx
import pytest
from azure.communication.callautomation import (
    AzureBlobContainerRecordingStorage,
    CallAutomationClient,
    ChannelAffinity,
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import HttpRequest
from tests.conformance.ours import plain_start
from tests.sdk import Caught, Net

from recordingd.acs.client import AcsClient, AcsOptions
from recordingd.acs.credentials import AccessKeyAuthorizer, AccessKeyCredential
from recordingd.acs.endpoint import parse_endpoint
from recordingd.acs.signing import format_date
from recordingd.config.api_versions import can_start_paused
from recordingd.domain.calls import RawId
from recordingd.domain.errors import PermanentFault
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.ports.cloud import StartRequest

ENDPOINT = "https://contoso.communication.azure.com"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CALLBACK = "https://recorder.contoso.example/callbacks/token"
CONTAINER = "https://contoso.blob.core.windows.net/recordings"
# What of a request the service reads; agents and correlation ids are each client's own.
READ = ("content-type", "repeatability-request-id", "repeatability-first-sent")
SIGNED = ("x-ms-date", "x-ms-content-sha256", "authorization")

# Name, ours, and what the official client is told.
OUTPUTS: dict[str, tuple[Content, Channels, MediaFormat]] = {
    "video": (Content.AUDIO_VIDEO, Channels.MIXED, MediaFormat.MP4),
    "mp3": (Content.AUDIO, Channels.MIXED, MediaFormat.MP3),
    "wav": (Content.AUDIO, Channels.MIXED, MediaFormat.WAV),
    "unmixed": (Content.AUDIO, Channels.UNMIXED, MediaFormat.WAV),
}
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "callback": ({"callback_url": CALLBACK}, {"recording_state_callback_url": CALLBACK}),
    "paused": ({"start_paused": True}, {"pause_on_start": True}),
    "byos": (
        {"container": CONTAINER},
        {"recording_storage": AzureBlobContainerRecordingStorage(CONTAINER)},
    ),
    "channels": (
        {"affinity": {1: RawId("4:+4930123456"), 0: RawId("8:acs:a_b")}},
        {
            "channel_affinity": [
                ChannelAffinity(CommunicationUserIdentifier("8:acs:a_b"), 0),
                ChannelAffinity(PhoneNumberIdentifier("+4930123456"), 1),
            ]
        },
    ),
}
CHOICES = [
    (output, chosen)
    for output in OUTPUTS
    for chosen in product((False, True), repeat=len(OPTIONS))
    # Channels are assigned in unmixed recordings only; our policies refuse it elsewhere.
    if output == "unmixed" or not chosen[-1]
]


@dataclass(frozen=True, slots=True)
class ClockAt:
    moment: datetime

    def now_utc(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


def official(request_id: str, first_sent: str, **wish: Any) -> HttpRequest:  # noqa: ANN401  theirs
    """Return the request that the official client makes of a wish."""
    net = Net()
    client = CallAutomationClient(ENDPOINT, AzureKeyCredential(KEY), transport=net)
    headers = {"Repeatability-Request-ID": request_id, "Repeatability-First-Sent": first_sent}
    with pytest.raises(Caught):
        client.start_recording(headers=headers, **wish)
    (sent,) = net.sent
    return sent


def request_of(start: StartRequest, *, at: datetime, version: str = "2026-03-12") -> httpx.Request:
    """Return the request that our client makes of a start."""
    made: list[httpx.Request] = []

    async def catch(request: httpx.Request) -> httpx.Response:
        made.append(request)
        raise Caught

    async def send() -> None:
        client = AcsClient(
            parse_endpoint(ENDPOINT),
            AccessKeyAuthorizer([AccessKeyCredential(KEY)]),
            clock=ClockAt(at),
            options=AcsOptions(api_version=version),
            transport=httpx.MockTransport(catch),
        )
        async with client:
            await client.start(start)

    with pytest.raises(Caught):
        asyncio.run(send())
    (request,) = made
    return request


@pytest.mark.parametrize(("output", "chosen"), CHOICES)
def test_start_equals_the_official_one_to_the_signature(
    output: str, chosen: tuple[bool, ...]
) -> None:
    content, channels, media = OUTPUTS[output]
    picked = [both for both, is_chosen in zip(OPTIONS.values(), chosen, strict=True) if is_chosen]
    ours = replace(plain_start("SCID"), content=content, channels=channels, format=media)
    for changes, _ in picked:
        ours = replace(ours, **changes)
    theirs = official(
        ours.request_id,
        format_date(ours.first_sent_at),
        server_call_id=ours.server_call_id,
        recording_content_type=content.value,
        recording_channel_type=channels.value,
        recording_format_type=media.value,
        **{name: value for _, wish in picked for name, value in wish.items()},
    )
    named = {name.lower(): value for name, value in theirs.headers.items()}
    request = request_of(ours, at=parsedate_to_datetime(named["x-ms-date"]))
    body = theirs.body
    assert request.content == (body.encode() if isinstance(body, str) else body)
    assert (request.method, str(request.url)) == (theirs.method, theirs.url)
    assert {n: request.headers[n] for n in (*READ, *SIGNED)} == {
        n: named[n] for n in (*READ, *SIGNED)
    }


@pytest.mark.parametrize("version", ["2023-10-15", "2024-04-15", "2026-03-12"])
@pytest.mark.parametrize("option", ["paused", "byos"])
def test_start_that_a_version_would_misread_is_never_sent(option: str, version: str) -> None:
    changes, _ = OPTIONS[option]
    start = replace(plain_start(), **changes)
    if can_start_paused(version):
        request = request_of(start, at=start.first_sent_at, version=version)
        assert request.url.params["api-version"] == version
        return
    with pytest.raises(PermanentFault, match=version):
        request_of(start, at=start.first_sent_at, version=version)
