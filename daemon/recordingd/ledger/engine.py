"""Opens a ledger and runs jobs in its transactions.

`runtime` opens one for writing and calls it from one thread; `cli` opens others for reading.
Decides nothing about what is stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger.instances import ensure_instance, require_instance
from recordingd.ledger.known import KnownCalls
from recordingd.ledger.locations import locate
from recordingd.ledger.prepared import PreparedStatements
from recordingd.ledger.sqlite import connect, connect_memory, disconnect, run_pragma
from recordingd.ledger.store import LedgerStore
from recordingd.ledger.tables import metadata
from recordingd.ledger.transaction import Transaction, faults_named
from recordingd.ledger.versions import read_version, require_current
from recordingd.ports.ledger import Ledger

Job = Callable[[Ledger], object]
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job of a batch returned, or the error for which nothing of it was kept."""

    value: object = None
    error: Exception | None = None


class LedgerDatabase:
    """An open ledger. It has one transaction at a time: a second thread waits for the first."""

    def __init__(
        self, connection: sa.Connection, *, instance: str, now: Now, is_read_only: bool
    ) -> None:
        self._connection = connection
        self._instance = instance
        self._now = now
        self._is_read_only = is_read_only
        self._known = KnownCalls()
        self._prepared = PreparedStatements(connection.dialect)
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[LedgerStore]:
        """Begin a transaction; commit at the end of the block, or roll back when it raises.

        What was written is durable once the block was left; the store must not be kept. Raises
        LedgerFault when the database cannot be locked, written or committed, and then nothing of
        the block was kept.
        """
        with self._lock:
            store = self._begin()
            try:
                yield store
                store.finish()
                with faults_named():
                    self._connection.commit()
                store.remember()
            finally:
                self._roll_back_rest()

    def run_batch(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        """Run jobs in order within one transaction and one commit; return their results in order.

        A job that raises is rolled back alone and its error stands in its result. Results are
        durable once this returns. When the commit fails, its error is that of every job that had
        not failed by itself. Raises only what is no Exception, and then keeps nothing.
        """
        if len(jobs) == 1:
            return [_result_of(partial(self._run_alone, jobs[0]))]
        results: list[JobResult] = []
        commit = _result_of(partial(self._run_group, jobs, results))
        if commit.error is None:
            return results
        done = [*results, *([JobResult()] * (len(jobs) - len(results)))]
        return [commit if result.error is None else result for result in done]

    def truncate_log(self) -> None:
        """Move everything from the write-ahead log into the file and empty the log.

        Until then the log can hold what was erased. LedgerFault while a reader is in the way.
        """
        with self._lock:
            is_busy, *_ = run_pragma(self._connection, "wal_checkpoint(TRUNCATE)")
        if is_busy:
            msg = "the ledger's write-ahead log is still being read"
            raise LedgerFault(msg)

    def close(self) -> None:
        """Close the ledger; a writer first lets SQLite refresh its statistics. Idempotent."""
        with self._lock:
            if self._connection.closed:
                return
            if not self._is_read_only:
                # The statistics of last time will do where a full disk allows no new ones.
                with suppress(LedgerFault):
                    run_pragma(self._connection, "optimize")
            disconnect(self._connection)

    def _run_alone(self, job: Job) -> object:
        with self.transaction() as store:
            return job(store)

    def _run_group(self, jobs: Sequence[Job], results: list[JobResult]) -> None:
        with self.transaction() as store:
            results.extend(_result_of(partial(_run_apart, store, job)) for job in jobs)

    def _begin(self) -> LedgerStore:
        if self._connection.in_transaction():
            msg = "a transaction of the ledger was begun within another"
            raise InvariantBroken(msg)
        with faults_named():
            self._connection.begin()
        tx = Transaction(
            self._connection,
            self._prepared,
            instance=self._instance,
            now=self._now,
            is_read_only=self._is_read_only,
        )
        return LedgerStore(tx, self._known)

    def _roll_back_rest(self) -> None:
        """Leave no transaction open, whatever happened; after a commit there is nothing to do.

        SQLAlchemy takes a transaction whose commit failed for closed, and the database does not:
        the driver is told first.
        """
        with faults_named():
            self._connection.connection.rollback()
            self._connection.rollback()


def _run_apart(store: LedgerStore, job: Job) -> object:
    with store.apart():
        return job(store)


def _result_of(work: Callable[[], object]) -> JobResult:
    try:
        return JobResult(value=work())
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked for the job
        return JobResult(error=error)


def open_ledger(url: str, *, instance: str, now: Now, read_only: bool = False) -> LedgerDatabase:
    """Open an existing ledger; `sqlite://` is a new one in memory.

    `now` stamps audit lines. A ledger opened for reading only cannot write, whatever is called.
    Raises LedgerMissing when there is none, LedgerOutdated when its schema is not this program's,
    else LedgerFault: when it is not a ledger, when it lies on a network file system, or when it
    holds nothing of this instance.
    """
    location = locate(url)
    with faults_named():
        if location.path is None:
            connection = connect_memory()
        else:
            connection = connect(location.path, mode="ro" if read_only else "rw")
        try:
            with connection.begin():
                if location.path is None:
                    metadata.create_all(connection)
                    ensure_instance(connection, instance)
                else:
                    require_current(read_version(connection))
                    require_instance(connection, instance)
        except BaseException:
            disconnect(connection)
            raise
    return LedgerDatabase(connection, instance=instance, now=now, is_read_only=read_only)
