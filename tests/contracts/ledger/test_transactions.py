from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, NoReturn

import pytest

from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger import sqlite as ledger_sqlite
from recordingd.ledger.engine import Job, LedgerDatabase
from recordingd.ledger.store import LedgerStore
from recordingd.ledger.transaction import ConstraintBroken
from recordingd.ports.ledger import Ledger

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make


def append(make: Make, name: str) -> Job:
    return lambda store: store.append_event(make.event(name))


def append_and_fail(make: Make, name: str) -> Job:
    def job(store: Ledger) -> NoReturn:
        store.append_event(make.event(name))
        msg = f"no {name}"
        raise RuntimeError(msg)

    return job


def events_in(ledger: LedgerDatabase) -> list[str]:
    with ledger.transaction() as store:
        return [row.event.event_id for row in store.pending_events(1000)]


def test_block_that_raises_keeps_nothing_and_lets_the_error_pass(
    ledger: LedgerDatabase, make: Make
) -> None:
    def append_in_a_block() -> None:
        with ledger.transaction() as store:
            store.append_event(make.event())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_in_a_block()
    assert events_in(ledger) == []


def test_transaction_within_a_transaction_is_refused(ledger: LedgerDatabase) -> None:
    with ledger.transaction(), pytest.raises(InvariantBroken), ledger.transaction():
        pass


def test_ledger_goes_on_after_a_transaction_that_failed(ledger: LedgerDatabase, make: Make) -> None:
    ledger.run_batch([append_and_fail(make, "a")])
    ledger.run_batch([append(make, "b")])
    assert events_in(ledger) == ["b"]


def test_second_thread_waits_for_the_first(ledger: LedgerDatabase, make: Make) -> None:
    started = threading.Event()

    def other() -> None:
        started.set()
        ledger.run_batch([append(make, "second")])

    thread = threading.Thread(target=other)
    with ledger.transaction() as store:
        thread.start()
        assert started.wait(5)
        store.append_event(make.event("first"))
    thread.join(5)
    assert events_in(ledger) == ["first", "second"]


def test_results_come_in_the_order_of_the_jobs(ledger: LedgerDatabase, make: Make) -> None:
    results = ledger.run_batch([append(make, "a"), append(make, "a"), lambda _: "third"])
    assert [r.value for r in results] == [True, False, "third"]
    assert [r.error for r in results] == [None] * 3


def test_batch_of_nothing_has_no_results(ledger: LedgerDatabase) -> None:
    assert ledger.run_batch([]) == []


@pytest.mark.parametrize("failing", range(3))
def test_failing_job_is_undone_alone(ledger: LedgerDatabase, make: Make, failing: int) -> None:
    jobs = [append(make, name) for name in "abc"]
    jobs[failing] = append_and_fail(make, "x")
    results = ledger.run_batch(jobs)
    assert str(results[failing].error) == "no x"
    assert [r.error for n, r in enumerate(results) if n != failing] == [None, None]
    assert events_in(ledger) == [name for n, name in enumerate("abc") if n != failing]


def test_single_job_that_fails_keeps_nothing(ledger: LedgerDatabase, make: Make) -> None:
    (result,) = ledger.run_batch([append_and_fail(make, "x")])
    assert isinstance(result.error, RuntimeError)
    assert events_in(ledger) == []


def test_interrupt_passes_through_and_keeps_nothing(ledger: LedgerDatabase, make: Make) -> None:
    def interrupt(store: Ledger) -> NoReturn:
        store.append_event(make.event("x"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.run_batch([append(make, "a"), interrupt])
    assert events_in(ledger) == []


def test_broken_constraint_fails_its_own_job_only(ledger: LedgerDatabase, make: Make) -> None:
    bad = make.facts(recordings=(make.recording("r1"), make.recording("r2")))
    first, second, third = ledger.run_batch(
        [append(make, "a"), lambda store: store.save(bad, audit=()), append(make, "b")]
    )
    assert isinstance(second.error, InvariantBroken)
    assert (first.error, third.error) == (None, None)
    assert events_in(ledger) == ["a", "b"]


def test_job_that_swallows_a_fault_of_the_database_fails(
    ledger: LedgerDatabase, make: Make
) -> None:
    bad = make.facts(recordings=(make.recording("r1"), make.recording("r2")))

    def swallow(store: Ledger) -> str:
        with pytest.raises(InvariantBroken):
            store.save(bad, audit=())
        return "all is well"

    assert isinstance(ledger.run_batch([swallow])[0].error, LedgerFault)
    results = ledger.run_batch([append(make, "a"), swallow, append(make, "b")])
    assert isinstance(results[1].error, LedgerFault)
    assert events_in(ledger) == ["a", "b"]
    with ledger.transaction() as store:
        assert store.load(bad.call.call_id) is None


def test_commit_that_fails_keeps_nothing_of_any_job(ledger_file: LedgerFile, make: Make) -> None:
    ledger = ledger_file.open()
    dangling = make.facts(files=(make.file(),))

    def defer(store: Ledger) -> None:
        # References are then checked by the commit itself, the only statement that can fail late.
        assert isinstance(store, LedgerStore)
        store._tx.command("PRAGMA defer_foreign_keys=ON")
        store.save(dangling, audit=())

    for jobs in ([defer], [append(make, "a"), defer, append(make, "b")]):
        results = ledger.run_batch(jobs)
        assert [type(r.error) for r in results] == [ConstraintBroken] * len(jobs)
    assert events_in(ledger) == []
    with ledger.transaction() as store:
        assert store.load(dangling.call.call_id) is None


def test_writer_locks_the_ledger_before_its_first_statement(
    ledger_file: LedgerFile, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sqlite, "BUSY_TIMEOUT_SECONDS", 0.01)
    first, second = ledger_file.open(), ledger_file.open()
    with first.transaction():
        (result,) = second.run_batch([append(make, "a")])
    assert isinstance(result.error, LedgerFault)


def test_job_waits_for_its_commit(ledger_file: LedgerFile, make: Make) -> None:
    ledger = ledger_file.open()
    seen_elsewhere: list[int] = []

    def look(store: Ledger) -> None:
        store.append_event(make.event("b"))
        seen_elsewhere.extend(row[0] for row in ledger_file.tamper("SELECT count(*) FROM inbox"))

    ledger.run_batch([append(make, "a"), look])
    seen_elsewhere.extend(row[0] for row in ledger_file.tamper("SELECT count(*) FROM inbox"))
    assert seen_elsewhere == [0, 2]


def test_full_disk_fails_every_job_that_had_not_failed_by_itself(
    ledger_file: LedgerFile, make: Make
) -> None:
    ledger = ledger_file.open()
    ledger.run_batch([append(make, "before")])
    pages = ledger_file.tamper("PRAGMA page_count")[0][0]
    # The limit belongs to the connection: what follows meets SQLITE_FULL as on a full disk.
    ledger_sqlite.run_pragma(ledger._connection, f"max_page_count={pages}")
    big = make.event("big", body=b"x" * 1_000_000)
    results = ledger.run_batch(
        [
            append(make, "a"),
            append_and_fail(make, "x"),
            lambda store: store.append_event(big),
            append(make, "b"),
        ]
    )
    assert isinstance(results[1].error, RuntimeError)
    for n in (0, 2, 3):
        assert isinstance(results[n].error, LedgerFault)
    ledger_sqlite.run_pragma(ledger._connection, "max_page_count=1000000")
    assert events_in(ledger) == ["before"]
    assert ledger.run_batch([append(make, "after")])[0].value is True


def test_full_disk_that_a_job_swallows_commits_nothing(ledger_file: LedgerFile, make: Make) -> None:
    ledger = ledger_file.open()
    pages = ledger_file.tamper("PRAGMA page_count")[0][0]
    ledger_sqlite.run_pragma(ledger._connection, f"max_page_count={pages}")

    def swallow(store: Ledger) -> None:
        for name in ("big", "small"):
            with pytest.raises(LedgerFault):
                store.append_event(make.event(name, body=b"x" * 1_000_000 * (name == "big")))

    for jobs in ([swallow], [append(make, "a"), swallow, append(make, "b")]):
        assert all(isinstance(r.error, LedgerFault) for r in ledger.run_batch(jobs))
    assert events_in(ledger) == []


def test_locked_ledger_is_a_fault(
    ledger_file: LedgerFile, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sqlite, "BUSY_TIMEOUT_SECONDS", 0.01)
    ledger = ledger_file.open()
    with closing(sqlite3.connect(ledger_file.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (result,) = ledger.run_batch([append(make, "a")])
        assert isinstance(result.error, LedgerFault)
        assert "locked" in str(result.error)
        other.execute("ROLLBACK")
    assert ledger.run_batch([append(make, "a")])[0].value is True


def test_faults_do_not_quote_what_was_to_be_written(ledger: LedgerDatabase, make: Make) -> None:
    secret = make.participant("4:+18005550123")
    bad = make.facts(
        participants=(secret,), recordings=(make.recording("r1"), make.recording("r2"))
    )
    (result,) = ledger.run_batch([lambda store: store.save(bad, audit=())])
    error: BaseException | None = result.error
    assert error is not None
    while error is not None:
        assert "5550123" not in str(error)
        error = error.__cause__
