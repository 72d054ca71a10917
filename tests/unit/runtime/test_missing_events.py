"""The sweep that notices missing events asks the ledger what it needs to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import pytest
from tests.factories import T0, make_call, make_facts, make_running

from recordingd.domain.recordings import CallFacts
from recordingd.ingress.arrivals import FIRST_WITHIN, SILENT_FOR, Arrivals
from recordingd.ledger.engine import LedgerDatabase, open_ledger
from recordingd.ports.ledger import InboxEvent, Ledger
from recordingd.runtime.sweeps import Sweeps
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

T = TypeVar("T")


class Runner:
    """Runs ledger jobs where they are asked for."""

    def __init__(self, database: LedgerDatabase) -> None:
        self.database = database

    async def run(self, job: Callable[[Ledger], T]) -> T:
        with self.database.transaction() as ledger:
            return job(ledger)


class StillClock:
    """A clock that shows one moment."""

    def __init__(self, after: timedelta) -> None:
        self.now = T0 + after

    def now_utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


def alarms_after(after: timedelta, *, event: bool, facts: CallFacts | None = None) -> list[str]:
    """Sweep once, this long after the start, over a ledger that holds an event, a call, or none."""
    metrics = Metrics()
    alarms = Alarms(metrics)
    received = InboxEvent(
        channel="eventgrid",
        source="/t",
        event_id="1",
        body=b"{}",
        context=None,
        received_at=T0 - timedelta(days=3),
    )
    unused = cast("Any", None)
    with closing(open_ledger("sqlite://", instance="default", now=lambda: T0)) as database:
        with database.transaction() as ledger:
            if event:
                ledger.append_event(received)
            if facts is not None:
                ledger.save(facts, audit=())
        sweeps = Sweeps(
            ledger=Runner(database),
            reconciler=unused,
            archives={},
            clock=StillClock(after),
            alarms=alarms,
            metrics=metrics,
            tell=unused,
            rules=unused,
            arrivals=Arrivals(metrics=metrics, alarms=alarms, started_at=T0),
        )
        asyncio.run(sweeps.look_for_events())
    return [alarm.name for alarm in alarms.active()]


@pytest.mark.parametrize(("event", "alarms"), [(False, ["EventsMissing"]), (True, [])])
def test_events_of_an_earlier_daemon_count_as_received(*, event: bool, alarms: list[str]) -> None:
    assert alarms_after(FIRST_WITHIN, event=event) == alarms


def test_running_recording_makes_silence_suspicious() -> None:
    facts = make_facts(make_call(), recordings=make_running())
    assert alarms_after(SILENT_FOR, event=True, facts=facts) == ["EventsMissing"]


def test_quiet_night_is_not_suspicious() -> None:
    assert alarms_after(timedelta(hours=12), event=True) == []
