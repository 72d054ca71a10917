"""The queries that run all the time stand on their index, with and without statistics."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.calls import CallId, CallReference, ServerCallId
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ledger.store import LedgerStore
from recordingd.ports.ledger import InboxState, RecordingFilter

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make

CALL = CallId("call-1")


def hot_paths(store: LedgerStore, make: Make) -> None:
    """Run every query of the loop once."""
    store.pending_events(10)
    store.append_event(make.event("new"))
    store.mark_applied(1, call_id=CALL, at=make.now)
    store.reopen_events([1])
    store.wipe_call_bodies(CALL)
    reference = CallReference(
        callback_token_hash="t",
        recording_id="r",
        server_call_id=ServerCallId("s"),
        connection_id="c",
        correlation_id="k",
    )
    store.find_call(reference)
    store.load(CALL)
    store.load_stored([CALL])
    store.calls_needing_attention(due_by=make.now, after=CALL, limit=100)
    for states in (frozenset[str](), frozenset({"kept"}), frozenset({"kept", "lost"})):
        for policy in (None, "all-calls"):
            store.list_calls(RecordingFilter(states=states, policy=policy, limit=10))
    store.find_recording("r")
    store.find_calls("c")
    store.find_file("d")
    store.live_call_count()
    store.moved_items(after=make.now)
    store.take_foreign(ServiceRecordingId("r"))
    store.list_foreign(10)
    store.audit_of(CALL)
    store.append_audit([make.line()])
    store.audit_head()
    store.generation()
    store.claim_purge()
    store.latest_revision()
    store.revision_at(make.now)
    store.revisions(10)
    store.every_call(after=None, limit=10)
    store.calls_since(make.now, after=CALL, limit=10)


@contextmanager
def plans_of_statements_in(ledger: LedgerDatabase) -> Iterator[dict[str, list[str]]]:
    """Give, once the block is left, the plan of every statement that ran in it.

    The statements are noted as SQLite ran them, with the values in place of the parameters.
    """
    plans: dict[str, list[str]] = {}
    seen: list[str] = []
    driver = ledger._connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.set_trace_callback(seen.append)
    yield plans
    driver.set_trace_callback(None)
    for statement in seen:
        if re.match("SELECT|UPDATE|DELETE", statement):
            plan = driver.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            plans[statement] = [row[-1] for row in plan]


def fill(ledger: LedgerDatabase, make: Make, count: int = 300) -> None:
    """Keep enough rows, most of them done with, for the planner to care."""
    with ledger.transaction() as store:
        for n in range(count):
            store.append_event(make.event(str(n)))
            store.mark_applied(n + 1, call_id=CallId(f"call-{n}"), at=make.now)
            recording = make.recording(f"r{n}", stopped_at=make.now, first_sent_at=make.now)
            file = make.file(f"f{n}", recording=f"r{n}", verified_at=make.now, removed_at=make.now)
            facts = make.facts(str(n), ended_at=make.now, recordings=(recording,), files=(file,))
            store.save(facts, audit=[make.line()])


@pytest.fixture(params=["fresh", "filled", "filled and analyzed"])
def plans(
    request: pytest.FixtureRequest, ledger_file: LedgerFile, make: Make
) -> dict[str, list[str]]:
    ledger = ledger_file.open()
    fill(ledger, make, count=1 if request.param == "fresh" else 300)
    if request.param == "filled and analyzed":
        ledger.close()
        ledger_file.tamper("ANALYZE")
        ledger = ledger_file.open()
    with plans_of_statements_in(ledger) as found, ledger.transaction() as store:
        hot_paths(store, make)
    return found


def test_no_hot_query_scans_a_table(plans: dict[str, list[str]]) -> None:
    assert len(plans) > 30
    # A query without conditions on a table would be listed as a bare SCAN of it; scans of a
    # subquery's or a list's few rows are what the plan is meant to do.
    tables = r"SCAN (calls|inbox|recordings|files|participants|attempts|audit|foreign_files)\b"
    scans = {
        statement: step
        for statement, steps in plans.items()
        for step in steps
        if re.match(tables, step)
    }
    assert scans == {}


INDEXES = {
    r"FROM inbox.*ORDER BY inbox.seq": "ix_inbox_state (instance=? AND state=?)",
    r"UPDATE inbox.*call_id = \S+ AND": "ix_inbox_bodies (instance=? AND call_id=?)",
    r"calls.correlation_id = ": "ix_calls_correlation_id (instance=? AND correlation_id=?)",
    r"calls.connection_id = ": "ix_calls_connection_id (instance=? AND connection_id=?)",
    r"calls.ended_at IS NULL": "ix_calls_live (instance=?",
    r"needs_attention = ": "ix_calls_attention (instance=? AND needs_attention=?",
    r"calls.next_at <= ": "ix_calls_next_at (instance=? AND next_at<?)",
    r"recordings.delete_moved_at > ": "ix_recordings_delete_moved_at (instance=? AND",
    r"FROM audit.*audit.call_id = ": "ix_audit_call_id (instance=? AND call_id=?)",
}


@pytest.mark.parametrize("query", sorted(INDEXES))
def test_query_stands_on_its_index(plans: dict[str, list[str]], query: str) -> None:
    found = [steps for s, steps in plans.items() if re.search(query, s, re.DOTALL)]
    assert found
    for steps in found:
        assert any(INDEXES[query] in step for step in steps), steps


@pytest.mark.parametrize(
    "query", [r"FROM inbox.*ORDER BY inbox.seq", r"DISTINCT.*WHERE.*call_id > \S+\s+ORDER BY"]
)
def test_page_is_read_in_order_and_not_sorted(plans: dict[str, list[str]], query: str) -> None:
    found = [steps for s, steps in plans.items() if re.search(query, s, re.DOTALL)]
    assert found
    for steps in found:
        assert not any("TEMP B-TREE" in step for step in steps), steps


def test_counting_by_state_reads_the_index_alone(ledger_file: LedgerFile, make: Make) -> None:
    ledger = ledger_file.open()
    fill(ledger, make, count=20)
    with plans_of_statements_in(ledger) as found, ledger.transaction() as store:
        assert store.recording_counts() == {"kept": 20}
        assert store.inbox_counts()[InboxState.APPLIED] == 20
    for index in ("ix_recordings_state", "ix_inbox_state"):
        assert any(
            f"USING COVERING INDEX {index}" in step for steps in found.values() for step in steps
        )
