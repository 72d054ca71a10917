"""A whole daemon in one process, put together as the real one is and turned by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.factories import CALL_ID, MAIN
from tests.unit.runtime.conftest import HandMovedClock, InlineRunner, MiddleRand, ScriptedCloud
from tests.unit.runtime.trees import make_settings

from recordingd.archive.local import LocalArchive
from recordingd.config.settings import Settings
from recordingd.domain.recordings import CallFacts
from recordingd.ingress.envelopes import split
from recordingd.ledger.engine import open_ledger
from recordingd.ports.ledger import Ledger
from recordingd.runtime.assembly import Daemon, Outside, assemble

T = TypeVar("T")


@dataclass
class CountedIds:
    """Ids in the order in which they are asked for."""

    _next: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new(self) -> str:
        return f"{next(self._next):032x}"

    def request_id(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._next):012d}"


@dataclass
class Stand:
    """A daemon, everything it was given, and its clock."""

    daemon: Daemon
    settings: Settings
    clock: HandMovedClock
    runner: InlineRunner

    def say(self, body: bytes) -> None:
        """Commit what somebody posted to the webhook."""
        events = split(
            body,
            content_type="application/json",
            channel="eventgrid",
            context=None,
            received_at=self.clock.now,
        )
        with self.runner.database.transaction() as ledger:
            for event in events:
                ledger.append_event(event)

    def read(self, job: Callable[[Ledger], T]) -> T:
        with self.runner.database.transaction() as ledger:
            return job(ledger)

    def facts(self) -> CallFacts:
        facts = self.read(lambda ledger: ledger.load(CALL_ID))
        assert facts is not None
        return facts

    def alarms(self) -> set[str]:
        return {alarm.name for alarm in self.daemon.watch.alarms.active()}


async def make_stand(folder: Path) -> Stand:
    """Put a daemon together that records everything; nothing of it runs by itself."""
    settings, clock = make_settings(folder), HandMovedClock()
    runner = InlineRunner(open_ledger("sqlite://", instance="default", now=clock.now_utc))
    outside = Outside(
        settings=settings,
        ledger=runner,
        cloud=ScriptedCloud(),
        archives={MAIN: LocalArchive(MAIN, root=folder / "archive", parts=folder / "parts")},
        clock=clock,
        ids=CountedIds(),
        rand=MiddleRand(),
        key=b"k" * 32,
    )
    daemon = await assemble(outside, is_strict=False)
    return Stand(daemon=daemon, settings=settings, clock=clock, runner=runner)
