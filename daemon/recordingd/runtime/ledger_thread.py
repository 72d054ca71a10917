"""One thread that owns the ledger's connection and commits jobs in groups.

Implements `ports.ledger.LedgerRunner` for the daemon. While one group is being made durable, the
next one gathers: under load many jobs share one fsync, and a single job waits for nobody.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger.engine import JobResult, LedgerDatabase
from recordingd.ports.ledger import Ledger

T = TypeVar("T")
# Jobs per commit; a job is one call's step, so this bounds how long a commit can take.
GROUP_MAX = 256


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Ledger], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class LedgerThread:
    """Runs jobs against one database from its own thread. Open it with `start`, end with `stop`."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what was handed in, then close the database. Idempotent once started."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    async def run(self, job: Callable[[Ledger], T]) -> T:
        """Run a job in a transaction; durable once this returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work=job, loop=loop, done=done))
        return await done

    async def empty_log(self) -> None:
        """Let nothing that was erased linger in the ledger's write-ahead log.

        A reader in the way keeps it until the next time, and nothing is lost by that.
        """
        with suppress(LedgerFault):
            await asyncio.to_thread(self._database.truncate_log)

    def _work(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._run(group)
        self._database.close()

    def _next_group(self) -> list[_Job] | None:
        """Wait for one job and take what else is there; None at the end."""
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP_MAX:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                # The end was asked for: finish this group first.
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _run(self, group: list[_Job]) -> None:
        results = self._database.run_batch([job.work for job in group])
        for job, result in zip(group, results, strict=True):
            job.loop.call_soon_threadsafe(_settle, job.done, result)


def _settle(done: asyncio.Future[Any], result: JobResult) -> None:
    if done.done():
        # The caller was cancelled meanwhile; what it asked for is committed all the same.
        return
    if isinstance(result.error, StopIteration):
        # No future takes this one, and whoever waits would wait for ever.
        broken = InvariantBroken("a ledger job looked for a row that is not there")
        broken.__cause__ = result.error
        done.set_exception(broken)
    elif result.error is not None:
        done.set_exception(result.error)
    else:
        done.set_result(result.value)
