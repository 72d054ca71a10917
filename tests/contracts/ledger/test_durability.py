"""What was acknowledged survives a SIGKILL, at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

import recordingd

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile

ROUNDS = 20
ACKNOWLEDGED_PER_ROUND = 12

# For every line of its input it forks a child that opens the ledger and appends batches of three
# until it is killed; an id is printed only after its batch is durable.
WRITERS = """
import os, sys
from datetime import UTC, datetime
from recordingd.ledger.engine import open_ledger
from recordingd.ports.ledger import AuditEntry, InboxEvent

AT = datetime(2026, 3, 1, tzinfo=UTC)

def append(event_id):
    def job(store):
        store.append_audit([AuditEntry(kind="seen", call_id=None, ref=event_id, detail={})])
        return store.append_event(InboxEvent(channel="eventgrid", source="s", event_id=event_id,
            body=b"x" * 700, context=None, received_at=AT))
    return job

def write(url, name):
    ledger = open_ledger(url, instance="contoso", now=lambda: AT)
    n = 0
    while True:
        ids = [f"{name}-{n + k}" for k in range(3)]
        for result in ledger.run_batch([append(i) for i in ids]):
            assert result.error is None and result.value, result
        print("\\n".join(ids), flush=True)
        n += 3

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        write(sys.argv[1], line.strip())
    print(f"writer {child}", flush=True)
    print(f"ended {os.WTERMSIG(os.waitpid(child, 0)[1])}", flush=True)
"""


def acknowledged_before_a_kill(inward: IO[str], outward: IO[str], name: str) -> list[str]:
    """Let a writer begin, kill it in the middle of its work, and return the ids it had printed."""
    print(name, file=inward, flush=True)
    seen: list[str] = []
    writer = 0
    for line in outward:
        word, _, number = line.strip().partition(" ")
        if word == "ended":
            assert int(number) == signal.SIGKILL
            break
        if word == "writer":
            writer = int(number)
        else:
            seen.append(word)
        if writer and len(seen) >= ACKNOWLEDGED_PER_ROUND:
            os.kill(writer, signal.SIGKILL)
            writer = 0
    return seen


@pytest.mark.slow
def test_every_acknowledged_event_is_there_after_a_kill(ledger_file: LedgerFile) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(recordingd.__file__).parents[1])}
    command = [sys.executable, "-c", WRITERS, ledger_file.url]
    acknowledged: set[str] = set()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for n in range(ROUNDS):
            acknowledged |= {*acknowledged_before_a_kill(writers.stdin, writers.stdout, str(n))}
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED_PER_ROUND
    with ledger_file.open().transaction() as store:
        kept = {row.event.event_id for row in store.pending_events(1_000_000)}
        chained = {row.ref for row in store.audit_rows()}
        assert list(store.damages()) == []
    assert acknowledged <= kept
    # A batch is all or nothing, its audit lines with it.
    assert chained == kept
    assert len(kept) % 3 == 0
