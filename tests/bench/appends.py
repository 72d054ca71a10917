"""Events made durable per second by the ledger, against raw SQLite in batches of the same size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.bench.measure import Row, seconds_of

from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.ports.ledger import InboxEvent, Ledger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BATCH = 100
BATCHES = 40
BODY = b"{" + b"x" * 608 + b"}"
_RAW_TABLE = """
CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, channel TEXT NOT NULL,
  source TEXT NOT NULL, event_id TEXT NOT NULL, body BLOB, received_at TEXT NOT NULL,
  state TEXT NOT NULL, UNIQUE (instance, channel, source, event_id))
"""
_RAW_INSERT = """
INSERT INTO inbox (instance, channel, source, event_id, body, received_at, state)
VALUES ('bench', 'eventgrid', '/topics/calls', ?, ?, '2026-03-02T12:00:00Z', 'new')
"""


def compare(directory: Path, target: str) -> Row:
    """Append events with one durable commit per batch, each side into a database of its own."""
    url = f"sqlite:///{directory / 'ledger.db'}"
    upgrade(url, instance="bench", backup_dir=directory / "backups")
    ids = count()
    with (
        closing(open_ledger(url, instance="bench", now=lambda: NOON)) as ledger,
        closing(sqlite3.connect(directory / "raw.db", isolation_level=None)) as raw,
    ):
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _RAW_TABLE):
            raw.execute(statement)

        def ours() -> None:
            for _ in range(BATCHES):
                results = ledger.run_batch([_append(next(ids)) for _ in range(BATCH)])
                assert all(r.value is True for r in results), results

        def baseline() -> None:
            for _ in range(BATCHES):
                raw.execute("BEGIN IMMEDIATE")
                raw.executemany(_RAW_INSERT, [(f"e{next(ids)}", BODY) for _ in range(BATCH)])
                raw.execute("COMMIT")

        by_ledger, by_raw = seconds_of(ours, baseline)
    rows = BATCH * BATCHES
    return Row(
        what=f"ledger appends in groups of {BATCH} (against raw SQLite)",
        unit="/s",
        ours=rows / by_ledger,
        baseline=rows / by_raw,
        target=target,
    )


def _append(n: int) -> Callable[[Ledger], bool]:
    event = InboxEvent(
        channel="eventgrid",
        source="/topics/calls",
        event_id=f"e{n}",
        body=BODY,
        context=None,
        received_at=NOON,
    )
    return lambda ledger: ledger.append_event(event)
