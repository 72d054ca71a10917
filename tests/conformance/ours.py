"""Our own client, as the tests of this folder use it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import httpx
from tests.conformance.emulated import Emulated

from recordingd.acs.client import AcsClient, AcsOptions
from recordingd.acs.credentials import AccessKeyAuthorizer, parse_connection_string
from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.calls import ServerCallId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.emulator.clock import real_now
from recordingd.ports.cloud import StartRequest

STORAGE_HOSTS = ("127.0.0.1", "localhost")


class WallClock:
    """The time that the emulator judges signatures by."""

    def now_utc(self) -> datetime:
        return datetime.fromtimestamp(real_now(), UTC)

    def monotonic(self) -> float:
        return real_now()

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


def client_of(
    service: Emulated,
    *,
    api_version: str = "2026-03-12",
    exchange: ExchangeOptions | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AcsClient:
    """Make a client of an emulator; `transport` stands in for its connections."""
    resource = parse_connection_string(service.connection_string)
    return AcsClient(
        resource.endpoint,
        AccessKeyAuthorizer([resource.credential]),
        clock=WallClock(),
        options=AcsOptions(
            api_version=api_version,
            storage_hosts=STORAGE_HOSTS,
            exchange=exchange or ExchangeOptions(),
        ),
        transport=transport,
    )


def plain_start(server_call_id: str = "SCID") -> StartRequest:
    """Make a request for a mixed recording in wav; its repeatability id is the call's own."""
    return StartRequest(
        server_call_id=ServerCallId(server_call_id),
        content=Content.AUDIO,
        channels=Channels.MIXED,
        format=MediaFormat.WAV,
        affinity={},
        start_paused=False,
        container=None,
        callback_url=None,
        request_id=str(UUID(bytes=sha256(server_call_id.encode()).digest()[:16], version=4)),
        first_sent_at=datetime.fromtimestamp(real_now(), UTC),
    )
