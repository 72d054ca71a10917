"""The daemon's rules by themselves: a ledger in memory, policy files, and a clock by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.factories import (
    after,
    changed,
    keep,
    make_call,
    make_copy,
    make_facts,
    make_keeping,
    make_stopped,
    make_verified,
)
from tests.unit.runtime.conftest import HandMovedClock, InlineRunner
from tests.unit.runtime.trees import POLICY, make_settings, write_tree

from recordingd.config.settings import Settings
from recordingd.domain.calls import ServerCallId, call_id_of
from recordingd.domain.holds import PlacedHold
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import FileId, RecordingId
from recordingd.ledger.engine import open_ledger
from recordingd.ports.ledger import Ledger, PolicyRevision
from recordingd.runtime.in_force import InForce, Reloaded, Rules, take_into_force

ALL = {"all.yaml": POLICY.format(name="everything")}


@dataclass
class Office:
    """A ledger, policy files, and a clock; the daemon's rules once it has begun."""

    settings: Settings
    runner: InlineRunner
    clock: HandMovedClock
    rules: Rules | None = None

    def write(self, *texts: str, **files: str) -> None:
        """Replace the files; the policy that records everything stays."""
        more = {f"{n}.yaml": text for n, text in enumerate(texts)}
        write_tree(self.settings, ALL | more | {f"{n}.yaml": text for n, text in files.items()})

    def begin(self, *, is_strict: bool = False) -> InForce:
        """Start as a daemon does."""
        now = self.clock.now_utc()
        taken = take_into_force(self.settings, self.runner, now=now, is_strict=is_strict)
        in_force = asyncio.run(taken)
        self.rules = Rules(
            settings=self.settings, ledger=self.runner, clock=self.clock, in_force=in_force
        )
        asyncio.run(self.rules.read_circumstances())
        return in_force

    def reload(self, *, is_check: bool = False) -> Reloaded:
        assert self.rules is not None
        return asyncio.run(self.rules.reload(by="ada", is_check=is_check))

    def keep(self, count: int, **changes: object) -> None:
        """Put recordings into the ledger, as `keep_recordings` does."""
        with self.runner.database.transaction() as ledger:
            keep_recordings(ledger, count, changes=changes)

    def accepted(self) -> PolicyRevision | None:
        with self.runner.database.transaction() as ledger:
            return ledger.latest_revision()

    def hold(self) -> PlacedHold:
        with self.runner.database.transaction() as ledger:
            (hold,) = ledger.holds()
            return hold

    def audit(self) -> list[str]:
        with self.runner.database.transaction() as ledger:
            return [row.kind for row in ledger.audit_rows()]


def keep_recordings(
    ledger: Ledger,
    count: int,
    *,
    first: int = 0,
    ended_at: datetime | None = None,
    changes: Mapping[str, object] | None = None,
) -> None:
    """Put recordings `r0`, `r1` … into a ledger that the policy `everything` keeps for a year.

    They are numbered from `first`. Each has a call of its own that ended, at 60 s unless told, and
    a file with one copy of 64,000 bytes; `changes` are fields of the recordings.
    """
    keeping = make_keeping(keep(delete_after="1y"), rule="everything#retention", revision=1)
    for n in range(first, first + count):
        server_call_id = ServerCallId(f"call-{n}")
        call = make_call(
            call_id=call_id_of(server_call_id),
            server_call_id=server_call_id,
            ended_at=ended_at or after(60),
        )
        recording = make_stopped(
            id=RecordingId(f"r{n}"),
            recording_id=f"service-{n}",
            callback_token_hash=f"token-{n}",
            policy=PolicyName("everything"),
            keeping=(keeping,),
            keeping_revision=1,
        )
        recording = changed(recording, changes or {})
        file = make_verified(
            id=FileId(f"f{n}"), document_id=f"document-{n}", recording=recording.id
        )
        copy = make_copy(file.id)
        facts = make_facts(call, recordings=recording, files=file, copies=copy)
        ledger.save(facts, audit=[])


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """Give an office with one policy that records everything, and close its ledger at the end."""
    clock = HandMovedClock()
    database = open_ledger("sqlite://", instance="default", now=clock.now_utc)
    yield Office(settings=make_settings(folder), runner=InlineRunner(database), clock=clock)
    database.close()
