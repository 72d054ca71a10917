"""Carries out effects side by side, each target one at a time, and reports how each ended.

Owned by `runtime.service`; `runtime.reconciler` hands it effects whose intents are committed.
Control effects start at once; downloads wait their turn in the order of their deadlines, and few
files are read or purged at once. A cancelled effect reports nothing: its intent is in the ledger,
and the next start goes on there.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.plans import (
    DownloadFile,
    Effect,
    ObserveRecording,
    PauseRecording,
    PurgeFile,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    VerifyFile,
    target_of,
)
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.ports.ledger import LedgerRunner
from recordingd.runtime.effects import Ended, Tools, control, put_off, remove
from recordingd.runtime.exports import verify_export
from recordingd.runtime.fetching import fetch, verify
from recordingd.runtime.purging import purge
from recordingd.runtime.steps import Outgoing

_LOG = logging.getLogger("recordingd.effects")

# Effects that keep a thread busy for as long as a file is long, and how many of them may run at
# once: names of hosts are looked up in the same threads, and a pause must not wait for one.
FILE_WORK = (VerifyFile, PurgeFile)
FILE_WORK_MAX = 4

_Queued = tuple[datetime, int, DownloadFile, CallFacts]


@dataclass(slots=True)
class Executor:
    """Runs effects in one task group; `run` owns every task it ever starts.

    `told` hears of every outcome, before it is stored.
    """

    tools: Tools
    ledger: LedgerRunner
    context: Callable[[], PlanningContext]
    told: Callable[[Outgoing, CallFacts], None]
    downloads_max: int
    active_downloads: int = 0
    _busy: set[str] = field(default_factory=set)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _waiting: list[_Queued] = field(default_factory=list)
    _available: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _file_work: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILE_WORK_MAX))
    _group: asyncio.TaskGroup | None = None
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)
    _controls: int = 0
    _report: Callable[[Outgoing], Awaitable[None]] | None = None

    @property
    def queued_downloads(self) -> int:
        """How many downloads wait for their turn."""
        return len(self._waiting)

    @property
    def next_deadline(self) -> datetime | None:
        """The earliest deadline of the downloads that wait, None when none does."""
        return self._waiting[0][0] if self._waiting else None

    def busy(self) -> frozenset[str]:
        """Return the targets with an effect queued or under way."""
        return frozenset(self._busy)

    def dispatch(self, effect: Effect, facts: CallFacts) -> None:
        """Take over an effect whose intent is committed, with the facts it was committed with."""
        assert self._group is not None, "effects are dispatched while the executor runs"
        target = target_of(effect)
        assert target not in self._busy, "one effect per target"
        self._busy.add(target)
        if isinstance(effect, DownloadFile):
            heapq.heappush(self._waiting, (effect.deadline, next(self._order), effect, facts))
            self._available.release()
        else:
            self._group.create_task(self._control(effect, facts))

    async def run(self, report: Callable[[Outgoing], Awaitable[None]]) -> None:
        """Carry out effects until cancelled; `report` returns once an outcome is stored."""
        self._report = report
        async with asyncio.TaskGroup() as group:
            self._group = group
            for _ in range(self.downloads_max):
                group.create_task(self._download())

    def release(self, target: str) -> None:
        """Free a target whose effect's outcome is stored. Idempotent."""
        self._busy.discard(target)

    async def settle(self, seconds: float) -> bool:
        """Wait for the effects under way, downloads apart; False when some are left by then."""
        if self._controls == 0:
            return True
        self._quiet.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True

    async def _download(self) -> None:
        while True:
            await self._available.acquire()
            _, _, effect, facts = heapq.heappop(self._waiting)
            self.active_downloads += 1
            try:
                ended = await self._attempt(effect, facts)
            finally:
                self.active_downloads -= 1
            # A call whose outcomes cannot be stored must not keep others' files waiting.
            assert self._group is not None
            self._group.create_task(self._counted(self._end(effect, ended, facts)))

    async def _control(self, effect: Effect, facts: CallFacts) -> None:
        async with self._turn_of(effect):
            await self._counted(self._carry_out(effect, facts))

    def _turn_of(self, effect: Effect) -> AbstractAsyncContextManager[None]:
        return self._file_work if isinstance(effect, FILE_WORK) else nullcontext()

    async def _counted(self, work: Coroutine[object, object, None]) -> None:
        """Do what the end of the daemon waits for."""
        self._controls += 1
        try:
            await work
        finally:
            self._controls -= 1
            if self._controls == 0:
                self._quiet.set()

    async def _carry_out(self, effect: Effect, facts: CallFacts) -> None:
        await self._end(effect, await self._attempt(effect, facts), facts)

    async def _end(self, effect: Effect, ended: Ended, facts: CallFacts) -> None:
        """Store the outcome of an effect; its target is free again only then."""
        outgoing = Outgoing(effect=effect, ended=ended)
        self.told(outgoing, facts)
        assert self._report is not None
        await self._report(outgoing)

    async def _attempt(self, effect: Effect, facts: CallFacts) -> Ended:
        try:
            return await self._run(effect, facts)
        except Exception as error:  # noqa: BLE001 - see below
            # The one place where an effect's unexpected failure ends: it counts as not done and is
            # tried again, and the daemon lives on.
            _LOG.exception("%s of %s failed", type(effect).__name__, target_of(effect))
            return put_off(effect, facts, error, self.tools)

    async def _run(self, effect: Effect, facts: CallFacts) -> Ended:
        match effect:
            case DownloadFile():
                return await fetch(effect, facts, self.tools)
            case VerifyFile(in_container=None):
                return await verify(effect, facts, self.tools)
            case VerifyFile():
                return await verify_export(effect, facts, self.tools)
            case RemoveFile():
                return await remove(effect, facts, self.tools)
            case PurgeFile():
                return await purge(effect, facts, self.tools, self.ledger, context=self.context)
            case (
                StartRecording()
                | ObserveRecording()
                | PauseRecording()
                | ResumeRecording()
                | StopRecording()
            ):
                return await control(effect, facts, self.context(), self.tools)
