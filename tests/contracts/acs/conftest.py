"""Clients of the adapter, alone and beside an emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from tests.conformance.openapi import faults_of_ours

from recordingd.acs.client import AcsClient, AcsOptions
from recordingd.acs.credentials import AccessKeyAuthorizer, AccessKeyCredential
from recordingd.acs.endpoint import parse_endpoint
from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.calls import RawId, ServerCallId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.emulator.app import EmulatorOptions, EmulatorServer
from recordingd.emulator.calls import CallSpec, PartySpec
from recordingd.emulator.clock import real_now
from recordingd.emulator.events import ChunkLocation
from recordingd.ports.clock import Clock
from recordingd.ports.cloud import StartRequest

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NOW = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
HOSTS = ("127.0.0.1", "localhost")
AGENT, CUSTOMER = RawId("8:acs:agent"), RawId("4:+4930123456")
T = TypeVar("T")


class StillClock:
    """A clock for requests that nobody checks the age of."""

    def now_utc(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


@pytest.fixture
def connect() -> Callable[..., AcsClient]:
    def make(
        endpoint: str,
        *,
        key: str = KEY,
        storage_hosts: tuple[str, ...] = ("127.0.0.1",),
        exchange: ExchangeOptions | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> AcsClient:
        return AcsClient(
            parse_endpoint(endpoint),
            AccessKeyAuthorizer([AccessKeyCredential(key)]),
            clock=clock or StillClock(),
            options=AcsOptions(storage_hosts=storage_hosts, exchange=exchange or ExchangeOptions()),
            transport=transport,
        )

    return make


@pytest.fixture
def plain_start() -> StartRequest:
    return StartRequest(
        server_call_id=ServerCallId("aHR0cHM6Ly9hcGk/aT0xJmU9Mg=="),
        content=Content.AUDIO,
        channels=Channels.MIXED,
        format=MediaFormat.WAV,
        affinity={},
        start_paused=False,
        container=None,
        callback_url=None,
        request_id="50c5d7eb-3fff-4097-8ecc-bb91eef95f05",
        first_sent_at=NOW,
    )


class WallClock:
    """The time that the emulator judges signatures by."""

    def now_utc(self) -> datetime:
        return datetime.fromtimestamp(real_now(), UTC)

    def monotonic(self) -> float:
        return real_now()

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


@dataclass(frozen=True, slots=True)
class World:
    """An emulator, a call in it, and a client."""

    server: EmulatorServer
    client: AcsClient
    request: StartRequest

    def fault(self, name: str, **params: object) -> None:
        self.server.emulator.faults.arm({"name": name, **params})

    def advance(self, seconds: float) -> None:
        self.server.emulator.clock.advance(seconds)

    def recordings(self) -> int:
        return len(self.server.emulator.recorder.by_id)

    async def start(self) -> ServiceRecordingId:
        recording = (await self.client.start(self.request)).recording_id
        self.advance(1)
        return recording

    async def filed(self) -> None:
        # The emulator writes files in a thread and tells nobody but the event's receiver.
        for _ in range(4000):
            if self.server.emulator.filing.documents:
                return
            await asyncio.sleep(0.005)
        pytest.fail("no file was made within 20 s")

    async def make_file(self, *, seconds: float = 20.0) -> ChunkLocation:
        """Record for a while and return where the file is."""
        filing = self.server.emulator.filing
        recording = await self.start()
        self.advance(seconds)
        await self.client.stop(recording)
        await self.filed()
        self.advance(60)
        (file,) = filing.documents.values()
        return filing.location(file)


Work = Callable[[World], Awaitable[T]]


@pytest.fixture
def live(connect: Callable[..., AcsClient], plain_start: StartRequest) -> Callable[..., object]:
    """Return a runner: it opens a world, does some work in it, and returns the result."""

    @asynccontextmanager
    async def world(*, tls: bool, key: str | None) -> AsyncIterator[World]:
        async with EmulatorServer(EmulatorOptions(storage_hosts=HOSTS, tls=tls)) as server:
            spec = CallSpec(participants=(PartySpec(raw_id=AGENT), PartySpec(raw_id=CUSTOMER)))
            call = server.emulator.calls.create(spec)
            ca_file = server.ready.get("caFile")
            client = connect(
                str(server.ready["endpoint"]),
                key=key or server.options.access_key,
                storage_hosts=HOSTS,
                exchange=ExchangeOptions(ca_file=Path(str(ca_file)) if ca_file else None),
                clock=WallClock(),
            )
            request = replace(plain_start, server_call_id=ServerCallId(call.server_call_id))
            async with client:
                yield World(server, client, request)
            assert faults_of_ours(server.emulator.control.log.entries) == []

    def run(work: Work[T], *, tls: bool = False, key: str | None = None) -> T:
        async def inside() -> T:
            async with world(tls=tls, key=key) as opened:
                return await work(opened)

        return asyncio.run(inside())

    return run
