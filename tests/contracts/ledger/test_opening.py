from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.errors import LedgerFault, LedgerOutdated
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.sqlite import run_pragma
from recordingd.ledger.upgrading import upgrade

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import HandClock, LedgerFile, Make

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "busy_timeout": 5000,
}


@pytest.mark.parametrize("pragma", sorted(PRAGMAS))
def test_writer_has_the_pragma(ledger_file: LedgerFile, pragma: str) -> None:
    assert run_pragma(ledger_file.open()._connection, pragma) == (PRAGMAS[pragma],)


def test_missing_ledger_is_a_fault_that_names_the_command(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(LedgerFault, match="recordingd ledger upgrade"):
        open_ledger(f"sqlite:///{path}", instance="contoso", now=clock)
    assert not path.exists()


def test_empty_file_is_outdated(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(LedgerOutdated, match="recordingd ledger upgrade"):
        open_ledger(f"sqlite:///{tmp_path / 'empty.db'}", instance="contoso", now=clock)


@pytest.mark.parametrize("version", ["9999", ""])
def test_ledger_of_another_schema_is_outdated(ledger_file: LedgerFile, version: str) -> None:
    if version:
        ledger_file.tamper("UPDATE alembic_version SET version_num = ?", version)
    else:
        ledger_file.tamper("DELETE FROM alembic_version")
    with pytest.raises(LedgerOutdated, match="recordingd ledger upgrade"):
        ledger_file.open()


def test_file_that_is_no_database_is_a_fault(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "text.db").write_text("not a database at all " * 100)
    with pytest.raises(LedgerFault, match="not a database"):
        open_ledger(f"sqlite:///{tmp_path / 'text.db'}", instance="contoso", now=clock)


def test_database_of_somebody_else_is_a_fault(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE music (title TEXT)")
    with pytest.raises(LedgerFault, match="not of a ledger"):
        open_ledger(f"sqlite:///{path}", instance="contoso", now=clock)
    with pytest.raises(LedgerFault, match="not of a ledger"):
        upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=tmp_path / "backups")


@pytest.mark.parametrize("url", ["postgresql://u:secret@h/db", "nonsense", "mysql://h/db"])
def test_other_databases_are_refused_without_repeating_the_url(clock: HandClock, url: str) -> None:
    with pytest.raises(LedgerFault) as caught:
        open_ledger(url, instance="contoso", now=clock)
    assert "secret" not in str(caught.value)


def test_unknown_instance_is_a_fault_that_names_the_known(ledger_file: LedgerFile) -> None:
    with pytest.raises(LedgerFault, match=r"'fabrikam'.*'contoso'"):
        ledger_file.open(instance="fabrikam")


def test_instances_share_a_file_and_see_nothing_of_each_other(
    ledger_file: LedgerFile, make: Make, tmp_path: Path
) -> None:
    upgrade(ledger_file.url, instance="fabrikam", backup_dir=tmp_path)
    facts = make.facts(started_at=make.now, recordings=(make.recording(callback_token_hash="t"),))
    for instance in ("contoso", "fabrikam"):
        with ledger_file.open(instance=instance).transaction() as store:
            assert store.append_event(make.event())
            assert store.load(facts.call.call_id) is None
            assert store.save(facts, audit=[make.line()]).call.facts_version == 1
            assert store.live_call_count() == 1
            assert store.audit_head().seq == 1
            assert store.recording_counts() == {"expected": 1}


def test_reader_sees_what_was_committed(ledger_file: LedgerFile, make: Make) -> None:
    writer, reader = ledger_file.open(), ledger_file.open(read_only=True)
    with writer.transaction() as store:
        store.append_event(make.event())
    with reader.transaction() as store:
        assert len(store.pending_events(10)) == 1


def test_reader_is_not_kept_out_by_a_writer(ledger_file: LedgerFile, make: Make) -> None:
    reader = ledger_file.open(read_only=True)
    with ledger_file.open().transaction() as writing:
        writing.append_event(make.event())
        with reader.transaction() as store:
            assert store.pending_events(10) == []


def test_reader_cannot_write_through_the_port(ledger_file: LedgerFile, make: Make) -> None:
    reader = ledger_file.open(read_only=True)
    with pytest.raises(LedgerFault, match="reading only"), reader.transaction() as store:
        store.append_event(make.event())


@pytest.mark.parametrize("statement", ["DELETE FROM inbox", "PRAGMA user_version = 7"])
def test_reader_cannot_write_behind_the_port(ledger_file: LedgerFile, statement: str) -> None:
    reader = ledger_file.open(read_only=True)
    with pytest.raises(LedgerFault, match="readonly"), reader.transaction() as store:
        store._tx.command(statement)


def test_ledger_can_be_opened_again_after_closing(ledger_file: LedgerFile, make: Make) -> None:
    first = ledger_file.open()
    with first.transaction() as store:
        store.append_event(make.event())
    first.close()
    first.close()
    with ledger_file.open().transaction() as store:
        assert len(store.pending_events(10)) == 1


def test_erased_body_is_in_no_file_once_the_log_is_truncated(
    ledger_file: LedgerFile, make: Make
) -> None:
    canary = b"canary-4711-canary"
    ledger = ledger_file.open()
    call_id = make.facts().call.call_id
    with ledger.transaction() as store:
        store.append_event(make.event(body=canary * 500))
        seq = store.pending_events(1)[0].seq
        store.mark_applied(seq, call_id=call_id, at=make.now)
    with ledger.transaction() as store:
        store.wipe_call_bodies(call_id)
    ledger.truncate_log()
    for path in ledger_file.path.parent.glob("ledger.db*"):
        assert canary not in path.read_bytes()


def test_log_that_is_being_read_cannot_be_truncated(
    ledger_file: LedgerFile, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recordingd.ledger.sqlite.BUSY_TIMEOUT_SECONDS", 0.01)
    writer, reader = ledger_file.open(), ledger_file.open(read_only=True)
    with reader.transaction() as store:
        store.pending_events(1)
        with writer.transaction() as writing:
            writing.append_event(make.event())
        with pytest.raises(LedgerFault, match="still being read"):
            writer.truncate_log()
    writer.truncate_log()
