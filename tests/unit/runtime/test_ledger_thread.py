from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.factories import T0

from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger.engine import JobResult, LedgerDatabase, open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.ports.ledger import InboxEvent, InboxState, Ledger
from recordingd.runtime.ledger_thread import LedgerThread


class CountingDatabase:
    """A real ledger that remembers how many jobs shared each commit."""

    def __init__(self, database: LedgerDatabase) -> None:
        self.database = database
        self.groups: list[int] = []

    def run_batch(self, jobs: Sequence[Callable[[Ledger], Any]]) -> Sequence[JobResult]:
        self.groups.append(len(jobs))
        return self.database.run_batch(jobs)

    def close(self) -> None:
        self.database.close()


@pytest.fixture
def database(tmp_path: Path) -> CountingDatabase:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(url, instance="default", backup_dir=tmp_path)
    return CountingDatabase(open_ledger(url, instance="default", now=lambda: T0))


def run(database: CountingDatabase, story: Callable[[LedgerThread], Any]) -> None:
    async def inside() -> None:
        thread = LedgerThread(database)  # type: ignore[arg-type]  # it offers what the thread uses
        thread.start()
        try:
            await story(thread)
        finally:
            thread.stop()

    asyncio.run(inside())


def event(number: int) -> InboxEvent:
    return InboxEvent(
        channel="eventgrid",
        source="test",
        event_id=str(number),
        body=b"{}",
        context=None,
        received_at=T0,
    )


def append(number: int) -> Callable[[Ledger], int]:
    def job(ledger: Ledger) -> int:
        ledger.append_event(event(number))
        return number

    return job


def kept(ledger: Ledger) -> int:
    return ledger.inbox_counts()[InboxState.NEW]


def test_jobs_that_wait_together_share_a_commit(database: CountingDatabase) -> None:
    async def story(thread: LedgerThread) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(thread.run(append(n))) for n in range(100)]
        assert [task.result() for task in tasks] == list(range(100))
        assert len(database.groups) < 50

    run(database, story)


def test_job_that_fails_takes_no_other_with_it(database: CountingDatabase) -> None:
    def fail(ledger: Ledger) -> None:
        ledger.append_event(event(99))
        msg = "a bug"
        raise ZeroDivisionError(msg)

    async def story(thread: LedgerThread) -> None:
        first = asyncio.ensure_future(thread.run(append(1)))
        second = asyncio.ensure_future(thread.run(fail))
        third = asyncio.ensure_future(thread.run(append(2)))
        assert await first == 1
        with pytest.raises(ZeroDivisionError):
            await second
        assert await third == 2
        assert await thread.run(kept) == 2

    run(database, story)


def test_caller_that_went_away_does_not_disturb_the_others(database: CountingDatabase) -> None:
    async def story(thread: LedgerThread) -> None:
        gone = asyncio.ensure_future(thread.run(append(1)))
        await asyncio.sleep(0)
        gone.cancel()
        assert await thread.run(append(2)) == 2

    run(database, story)


def test_work_handed_in_before_the_end_is_finished(database: CountingDatabase) -> None:
    async def story(thread: LedgerThread) -> None:
        pending = [asyncio.ensure_future(thread.run(append(n))) for n in range(5)]
        await asyncio.sleep(0)
        await asyncio.to_thread(thread.stop)
        assert [await p for p in pending] == list(range(5))

    run(database, story)


def test_fault_of_the_database_reaches_whoever_asked(database: CountingDatabase) -> None:
    def refuse(_: Ledger) -> None:
        msg = "the disk is full"
        raise LedgerFault(msg)

    async def story(thread: LedgerThread) -> None:
        with pytest.raises(LedgerFault, match="disk is full"):
            await thread.run(refuse)

    run(database, story)


def test_job_that_finds_no_row_reaches_whoever_asked(database: CountingDatabase) -> None:
    async def story(thread: LedgerThread) -> None:
        with pytest.raises(InvariantBroken):
            async with asyncio.timeout(5):
                await thread.run(lambda _: next(iter(())))

    run(database, story)
