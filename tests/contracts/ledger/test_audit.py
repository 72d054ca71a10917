from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import pytest

from recordingd.domain.calls import CallId
from recordingd.domain.errors import InvariantBroken
from recordingd.ledger.audit import GENESIS_HASH, AuditHead, verify_chain
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ports.ledger import AuditRow, Ledger

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import HandClock, LedgerFile, Make

CALL = CallId("call-1")


def fill(ledger: LedgerDatabase, make: Make, clock: HandClock, count: int = 5) -> AuditHead:
    """Write lines in several commits, two in each, and return the head."""
    for n in range(count):
        clock.now += timedelta(seconds=1)
        with ledger.transaction() as store:
            store.append_audit(
                [
                    make.line(call_id=CALL, ref=f"r{n}", detail={"n": n, "name": "é\u2028"}),
                    make.line("other"),
                ]
            )
    with ledger.transaction() as store:
        return store.audit_head()


def rows_of(ledger: LedgerDatabase) -> list[AuditRow]:
    with ledger.transaction() as store:
        return list(store.audit_rows())


def test_lines_of_a_call_come_oldest_first_with_time_and_detail(
    ledger: LedgerDatabase, make: Make, clock: HandClock
) -> None:
    fill(ledger, make, clock, count=3)
    with ledger.transaction() as store:
        lines = store.audit_of(CALL)
    assert [line.ref for line in lines] == ["r0", "r1", "r2"]
    assert [line.seq for line in lines] == [1, 3, 5]
    assert lines[-1].at == clock.now
    assert json.loads(lines[1].detail) == {"n": 1, "name": "é\u2028"}


def test_line_is_readable_in_the_transaction_that_appended_it(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        store.append_audit([make.line(call_id=CALL)])
        assert len(store.audit_of(CALL)) == 1


def test_chain_starts_at_one_and_links_every_line(
    ledger: LedgerDatabase, make: Make, clock: HandClock
) -> None:
    fill(ledger, make, clock)
    rows = rows_of(ledger)
    assert [row.seq for row in rows] == list(range(1, 11))
    assert [row.prev_hash for row in rows] == [GENESIS_HASH, *(row.hash for row in rows[:-1])]
    assert verify_chain(rows) is None


def test_hash_can_be_computed_by_anybody(ledger: LedgerDatabase, make: Make) -> None:
    """The recipe is written out here anew: a checker in another language must get the same."""
    with ledger.transaction() as store:
        store.append_audit([make.line(call_id=CALL, ref="r1", detail={"b": 1, "a": None})])
    (row,) = rows_of(ledger)
    detail = hashlib.sha256(b'{"a":null,"b":1}').hexdigest()
    content = f'[1,"2026-03-01T12:00:00.000000Z","planned","call-1","r1","{detail}"]'
    assert row.hash == hashlib.sha256(("0" * 64 + content).encode()).hexdigest()


def test_empty_chain_is_sound(ledger: LedgerDatabase) -> None:
    assert verify_chain(rows_of(ledger)) is None


def test_chain_longer_than_a_page_is_read_whole(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_audit([make.line() for _ in range(2001)])
    rows = rows_of(ledger)
    assert len(rows) == 2001
    assert verify_chain(rows) is None


FLIPS = [
    ("at", "'2026-03-01T12:00:03.000001Z'"),
    ("kind", "'planneD'"),
    ("call_id", "'call-2'"),
    ("call_id", "NULL"),
    ("ref", "'r9'"),
    ("detail", "replace(detail, '2', '3')"),
    ("prev_hash", "replace(prev_hash, substr(prev_hash, 1, 1), 'x')"),
    ("hash", "replace(hash, substr(hash, 1, 1), 'x')"),
]


@pytest.mark.parametrize(("column", "value"), FLIPS)
def test_changed_column_is_found(
    ledger_file: LedgerFile, make: Make, clock: HandClock, column: str, value: str
) -> None:
    fill(ledger_file.open(), make, clock)
    ledger_file.tamper(f"UPDATE audit SET {column} = {value} WHERE seq = 5")  # noqa: S608
    assert verify_chain(rows_of(ledger_file.open())) == 5


@pytest.mark.parametrize("seq", [1, 4, 9])
def test_dropped_line_is_found(
    ledger_file: LedgerFile, make: Make, clock: HandClock, seq: int
) -> None:
    fill(ledger_file.open(), make, clock)
    ledger_file.tamper("DELETE FROM audit WHERE seq = ?", seq)
    assert verify_chain(rows_of(ledger_file.open())) == seq


def test_swapped_lines_are_found(ledger_file: LedgerFile, make: Make, clock: HandClock) -> None:
    fill(ledger_file.open(), make, clock)
    for old, new in ((3, -1), (4, 3), (-1, 4)):
        ledger_file.tamper("UPDATE audit SET seq = ? WHERE seq = ?", new, old)
    assert verify_chain(rows_of(ledger_file.open())) == 3


def test_cut_tail_is_found_only_with_a_head_that_was_kept(
    ledger_file: LedgerFile, make: Make, clock: HandClock
) -> None:
    head = fill(ledger_file.open(), make, clock)
    ledger_file.tamper("DELETE FROM audit WHERE seq > 7")
    rows = rows_of(ledger_file.open())
    assert verify_chain(rows) is None
    assert verify_chain(rows, expected=head) == 8


def test_rewritten_chain_is_found_with_a_head_that_was_kept(
    ledger_file: LedgerFile, make: Make, clock: HandClock
) -> None:
    ledger = ledger_file.open()
    head = fill(ledger, make, clock)
    ledger_file.tamper("DELETE FROM audit")
    clock.now += timedelta(days=1)
    fill(ledger, make, clock, count=8)
    rows = rows_of(ledger)
    assert verify_chain(rows) is None
    assert verify_chain(rows, expected=head) == head.seq


def test_chain_that_grew_since_the_head_was_kept_is_sound(
    ledger: LedgerDatabase, make: Make, clock: HandClock
) -> None:
    head = fill(ledger, make, clock)
    fill(ledger, make, clock)
    assert verify_chain(rows_of(ledger), expected=head) is None


def test_lines_of_a_failed_job_leave_no_gap(ledger: LedgerDatabase, make: Make) -> None:
    def fail(store: Ledger) -> NoReturn:
        store.append_audit([make.line("lost")])
        # Reading makes the lines that wait be written, those of the first job among them.
        store.audit_of(CALL)
        raise RuntimeError

    ledger.run_batch(
        [
            lambda store: store.append_audit([make.line("first")]),
            fail,
            lambda store: store.append_audit([make.line("last")]),
        ]
    )
    rows = rows_of(ledger)
    assert [row.kind for row in rows] == ["first", "last"]
    assert verify_chain(rows) is None


def test_line_with_a_value_that_has_no_json_form_is_refused(
    ledger: LedgerDatabase, make: Make
) -> None:
    with pytest.raises(InvariantBroken), ledger.transaction() as store:
        store.append_audit([make.line(detail={"x": object()})])


def test_generation_rises_with_every_change_and_only_then(
    ledger: LedgerDatabase, make: Make
) -> None:
    def generation() -> int:
        with ledger.transaction() as store:
            return store.generation()

    seen = [generation(), generation()]
    with ledger.transaction() as store:
        store.append_event(make.event())
    seen.append(generation())
    with ledger.transaction() as store:
        store.append_audit([make.line()])
    seen.append(generation())
    ledger.run_batch([lambda store: store.append_event(make.event("lost")) and 1 // 0])
    seen.append(generation())
    assert seen == [0, 0, 1, 2, 2]
