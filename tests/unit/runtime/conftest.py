"""A daemon's loop in one process: a real ledger in memory, a scripted service, a clock by hand."""

from __future__ import annotations

import asyncio
import itertools
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pytest
from tests.factories import CALL_ID, MAIN, T0, make_context, token_of

from recordingd.archive.local import LocalArchive
from recordingd.domain.calls import RawId
from recordingd.domain.errors import FaultDetail, NotFoundFault
from recordingd.domain.plans import Alarm, Mode
from recordingd.domain.recordings import CallFacts, RecordingId, ServiceRecordingId
from recordingd.ingress.envelopes import split
from recordingd.ledger.engine import LedgerDatabase, open_ledger
from recordingd.planning.context import PlanningContext
from recordingd.planning.transitions import Supplies
from recordingd.ports.cloud import Download, MediaMetadata, Started, StartRequest
from recordingd.ports.ledger import InboxEvent, Ledger
from recordingd.runtime.effects import Tools
from recordingd.runtime.executor import Executor
from recordingd.runtime.reconciler import Reconciler, Surroundings

T = TypeVar("T")
URL = "https://storage.asm.skype.com/v1/objects"


class HandMovedClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = T0
        self._moved = asyncio.Event()

    def now_utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - T0).total_seconds()

    async def sleep_until(self, moment: datetime) -> None:
        while self.now < moment:
            self._moved.clear()
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._moved.set()


class MiddleRand:
    """No spread at all."""

    def between(self, low: float, high: float) -> float:
        return (low + high) / 2


class InlineRunner:
    """Runs ledger jobs where they are asked for.

    `refuse` makes the next ones fail; `refuse_steps` so many steps of calls, as a bug would.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self.database = database
        self.refuse: list[Exception] = []
        self.refuse_steps = 0

    async def run(self, job: Callable[[Ledger], T]) -> T:
        await asyncio.sleep(0)
        if self.refuse:
            raise self.refuse.pop(0)
        if self.refuse_steps and "step" in job.__qualname__:
            self.refuse_steps -= 1
            raise ZeroDivisionError
        with self.database.transaction() as ledger:
            return job(ledger)


def sound(seconds: float = 1.0, channels: int = 1) -> bytes:
    """Make a silent WAV file as the service does."""
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(int(seconds * 16_000) * 2 * channels))
    return file.getvalue()


@dataclass
class ScriptedCloud:
    """The service: does as it is told, and remembers what it was asked.

    `faults` holds, by operation, what the next requests run into; a callable is called instead.
    """

    asked: list[tuple[str, object]] = field(default_factory=list)
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    active: bool = True
    is_over: bool = False
    content: bytes = field(default_factory=sound)
    duration_ms: int | None = 1000
    held_up: asyncio.Event | None = None

    def verbs(self, *wanted: str) -> list[str]:
        return [verb for verb, _ in self.asked if not wanted or verb in wanted]

    async def _ask(self, verb: str, what: object) -> None:
        self.asked.append((verb, what))
        if self.held_up is not None:
            await self.held_up.wait()
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)

    async def start(self, request: StartRequest) -> Started:
        await self._ask("start", request)
        self.active = not request.start_paused
        return Started(recording_id=ServiceRecordingId("service-1"))

    async def fetch_is_active(self, recording: ServiceRecordingId) -> bool:
        await self._ask("state", recording)
        if self.is_over:
            raise NotFoundFault(FaultDetail(operation="state", status=404, subcode="8522"))
        return self.active

    async def pause(self, recording: ServiceRecordingId) -> None:
        await self._ask("pause", recording)
        self.active = False

    async def resume(self, recording: ServiceRecordingId) -> None:
        await self._ask("resume", recording)
        self.active = True

    async def stop(self, recording: ServiceRecordingId) -> None:
        await self._ask("stop", recording)
        self.is_over = True

    @asynccontextmanager
    async def download(self, url: str, *, offset: int) -> AsyncIterator[Download]:
        await self._ask("download", (url, offset))

        async def blocks() -> AsyncIterator[bytes]:
            body = self.content[offset:]
            for at in range(0, len(body), 10_000):
                yield body[at : at + 10_000]
            for fault in self.faults.pop("body", []):
                raise fault

        yield Download(offset=offset, total_bytes=len(self.content), blocks=blocks())

    async def fetch_metadata(self, url: str) -> MediaMetadata:
        await self._ask("metadata", url)
        return MediaMetadata(
            body=b"{}",
            duration_ms=self.duration_ms,
            channels=1,
            participants={RawId("8:acs:alice"): None},
            pauses=(),
        )

    def read_metadata(self, body: bytes) -> MediaMetadata:
        return MediaMetadata(
            body=body, duration_ms=self.duration_ms, channels=1, participants={}, pauses=()
        )

    async def remove(self, url: str) -> None:
        await self._ask("remove", url)


@dataclass
class World:
    """Everything that the loop touches, and the loop; `context` may be changed on the way."""

    clock: HandMovedClock
    runner: InlineRunner
    cloud: ScriptedCloud
    archive: LocalArchive
    alarms: list[Alarm]
    reconciler: Reconciler
    executor: Executor
    context: PlanningContext
    poisoned: list[str]

    async def settle(self, turns: int = 60) -> None:
        """Turn the loop until nothing happens any more without time passing."""
        quiet = 0
        for _ in range(turns):
            version = self.version()
            await self.reconciler.run_once()
            await asyncio.sleep(0.001)
            is_quiet = not self.executor.busy() and self.version() == version
            quiet = quiet + 1 if is_quiet else 0
            if quiet == 3:
                return

    def version(self) -> int:
        return self.read(lambda ledger: ledger.generation())

    def say(self, body: bytes) -> None:
        """Commit what somebody posted to the webhook."""
        events = split(
            body,
            content_type="application/json",
            channel="eventgrid",
            context=None,
            received_at=self.clock.now,
        )
        self.commit(*events)

    def commit(self, *events: InboxEvent) -> None:
        with self.runner.database.transaction() as ledger:
            for event in events:
                ledger.append_event(event)
        self.reconciler.wake()

    def facts(self) -> CallFacts:
        with self.runner.database.transaction() as ledger:
            facts = ledger.load(CALL_ID)
        assert facts is not None
        return facts

    def read(self, job: Callable[[Ledger], T]) -> T:
        with self.runner.database.transaction() as ledger:
            return job(ledger)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Run a test's coroutine in a world of its own: `play(story, context=…, cloud=…)`."""
    opened: list[LedgerDatabase] = []

    def run(
        story: Callable[[World], object],
        *,
        context: PlanningContext | None = None,
        mode: Mode = Mode.ENFORCE,
        downloads_max: int = 2,
    ) -> None:
        async def inside() -> None:
            world = _build(tmp_path, opened, context or make_context(mode=mode), downloads_max)
            async with asyncio.TaskGroup() as group:
                work = group.create_task(world.executor.run(world.reconciler.report))
                await asyncio.sleep(0)
                try:
                    outcome = story(world)
                    assert asyncio.iscoroutine(outcome)
                    await outcome
                finally:
                    work.cancel()

        asyncio.run(inside())

    yield run
    for database in opened:
        database.close()


def _build(
    tmp_path: Path, opened: list[LedgerDatabase], context: PlanningContext, downloads_max: int
) -> World:
    clock = HandMovedClock()
    database = open_ledger("sqlite://", instance="default", now=clock.now_utc)
    opened.append(database)
    runner = InlineRunner(database)
    cloud = ScriptedCloud()
    archive = LocalArchive(MAIN, root=tmp_path / "archive", parts=tmp_path / "parts")
    alarms: list[Alarm] = []
    poisoned: list[str] = []
    ids = itertools.count(1)

    def callback_url_of(recording: RecordingId) -> str:
        return f"https://recorder.example/callbacks/{recording}"

    executor = Executor(
        tools=Tools(
            cloud=cloud,
            archives={MAIN: archive},
            clock=clock,
            rand=MiddleRand(),
            callback_url_of=callback_url_of,
        ),
        ledger=runner,
        context=lambda: world.context,
        told=lambda outgoing, _: alarms.extend(outgoing.ended.alarms),
        downloads_max=downloads_max,
    )

    def ignore(*_: object) -> None:
        """Hear of something that no test asks about."""

    reconciler = Reconciler(
        around=Surroundings(
            ledger=runner,
            clock=clock,
            supplies=Supplies(
                new_id=lambda: f"{next(ids):032x}",
                new_request_id=lambda: f"00000000-0000-4000-8000-{next(ids):012d}",
                token_of=token_of,
            ),
            context=lambda: world.context,
            tag_headers={},
            service_retention=timedelta(hours=24),
            dispatch=executor.dispatch,
            busy=executor.busy,
            release=executor.release,
            alarm=alarms.append,
            noticed=ignore,
            stepped=ignore,
            poisoned=poisoned.append,
        )
    )
    world = World(
        clock=clock,
        runner=runner,
        cloud=cloud,
        archive=archive,
        alarms=alarms,
        reconciler=reconciler,
        executor=executor,
        context=context,
        poisoned=poisoned,
    )
    return world
