from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recordingd.ledger.check import check_ledger
from recordingd.ledger.engine import LedgerDatabase

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make


def fill(ledger: LedgerDatabase, make: Make) -> None:
    facts = make.facts(recordings=(make.recording(),), files=(make.file(),))
    with ledger.transaction() as store:
        saved = store.save(facts, audit=[make.line()])
        stopped = replace(saved.recordings[0], first_sent_at=make.now, stopped_at=make.now)
        store.save(replace(saved, recordings=(stopped,)), audit=[make.line()])


def findings(ledger_file: LedgerFile) -> list[str]:
    return list(check_ledger(ledger_file.open(read_only=True)))


def test_sound_ledger_has_no_findings(ledger_file: LedgerFile, make: Make) -> None:
    fill(ledger_file.open(), make)
    assert findings(ledger_file) == []


DERIVED = [
    ("UPDATE calls SET needs_attention = 0", "call-"),
    ("UPDATE calls SET next_at = '2026-01-01T00:00:00.000000Z'", "call-"),
    ("UPDATE recordings SET state = 'kept'", "r1"),
    ("UPDATE recordings SET delete_at = '2026-01-01T00:00:00.000000Z'", "r1"),
    ("UPDATE recordings SET keep_until = '9999-12-31T23:59:59.999999Z'", "r1"),
    ("UPDATE files SET state = 'verified'", "f1"),
    ("UPDATE files SET verified_at = announced_at", "f1"),
]


@pytest.mark.parametrize(("statement", "named"), DERIVED)
def test_derived_column_that_does_not_follow_is_found(
    ledger_file: LedgerFile, make: Make, statement: str, named: str
) -> None:
    fill(ledger_file.open(), make)
    ledger_file.tamper(statement)
    assert any(named in finding for finding in findings(ledger_file))


def test_check_repairs_nothing(ledger_file: LedgerFile, make: Make) -> None:
    fill(ledger_file.open(), make)
    ledger_file.tamper("UPDATE files SET state = 'verified'")
    assert findings(ledger_file) == findings(ledger_file) != []


def test_broken_chain_is_found_with_its_line(ledger_file: LedgerFile, make: Make) -> None:
    fill(ledger_file.open(), make)
    ledger_file.tamper("UPDATE audit SET kind = 'other' WHERE seq = 2")
    assert findings(ledger_file) == ["audit: the chain does not hold from line 2 on"]


def test_row_that_refers_to_nothing_is_found(ledger_file: LedgerFile, make: Make) -> None:
    fill(ledger_file.open(), make)
    ledger_file.tamper("DELETE FROM recordings")
    assert any(f.startswith("files: row 1 refers to nothing") for f in findings(ledger_file))


def test_value_that_cannot_be_read_is_found(ledger_file: LedgerFile, make: Make) -> None:
    fill(ledger_file.open(), make)
    ledger_file.tamper("UPDATE recordings SET content = 'smell'")
    assert any("smell" in finding for finding in findings(ledger_file))


def test_damaged_index_is_found(ledger_file: LedgerFile, make: Make) -> None:
    ledger = ledger_file.open()
    fill(ledger, make)
    ledger.truncate_log()
    ledger.close()
    root = ledger_file.tamper(
        "SELECT rootpage FROM sqlite_master WHERE name = 'ix_recordings_state'"
    )[0][0]
    size = ledger_file.tamper("PRAGMA page_size")[0][0]
    with ledger_file.path.open("r+b") as file:
        file.seek((root - 1) * size + size - 40)
        file.write(b"\x00" * 40)
    assert any(f.startswith("file: ") for f in findings(ledger_file))
