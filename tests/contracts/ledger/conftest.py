"""A ledger per test, on every database there is, and factories for what goes into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from recordingd.domain.calls import Participant, Party, RawId, ServerCallId
from recordingd.domain.durations import Duration
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import Channels, Content, MediaFormat, PolicyName, StoreName
from recordingd.domain.recordings import (
    Attempt,
    AttemptId,
    CallFacts,
    Copy,
    DocumentId,
    FileId,
    Receipt,
    Recording,
    RecordingFile,
    RecordingId,
    Verb,
)
from recordingd.domain.retention import Keeping, RetentionSpec
from recordingd.ledger.engine import LedgerDatabase, open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.planning.facts import new_call
from recordingd.ports.ledger import AuditEntry, InboxEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANCE = "contoso"


T = TypeVar("T")


def _with(value: T, changes: Mapping[str, object]) -> T:
    """Replace fields of a value; a name it does not have is a TypeError."""
    return cast("T", cast("Any", replace)(value, **changes))


@dataclass
class HandClock:
    """The time, moved by hand."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Make:
    """Values with defaults that fit together: everything belongs to one call unless told."""

    now: datetime = NOON

    def event(self, event_id: str = "e1", **changes: object) -> InboxEvent:
        event = InboxEvent(
            channel="eventgrid",
            source="/topics/calls",
            event_id=event_id,
            body=b'{"id":1}',
            context=None,
            received_at=self.now,
        )
        return _with(event, changes)

    def facts(self, name: str = "one", **changes: object) -> CallFacts:
        """Facts of a call; keys that CallFacts lacks are fields of the call itself."""
        facts = new_call(ServerCallId(f"server-{name}"), seen_at=self.now)
        collections = {k: v for k, v in changes.items() if hasattr(facts, k)}
        of_call = {k: v for k, v in changes.items() if k not in collections}
        return _with(facts, {"call": _with(facts.call, of_call), **collections})

    def participant(self, raw_id: str = "8:acs:a", **changes: object) -> Participant:
        participant = Participant(party=Party(raw_id=RawId(raw_id)), joined_at=self.now)
        return _with(participant, changes)

    def recording(self, name: str = "r1", **changes: object) -> Recording:
        recording = Recording(
            id=RecordingId(name),
            policy=PolicyName("all-calls"),
            policy_revision=1,
            source=Source(file="all.yaml", line=3),
            expected_at=self.now,
            content=Content.AUDIO,
            channels=Channels.MIXED,
            format=MediaFormat.WAV,
            archive=StoreName("local"),
            container=None,
            purpose="recording",
            consent=None,
            keeping=(self.keeping(delete_after=Duration(days=30)),),
            keeping_revision=1,
            affinity={},
        )
        return _with(recording, changes)

    def keeping(self, rule: str = "all-calls#retention", **spec: object) -> Keeping:
        """What a rule said of a recording; `spec` are the fields of its body."""
        return Keeping(
            rule=RuleName(rule),
            source=Source(file="all.yaml", line=3),
            revision=1,
            priority=0,
            spec=_with(RetentionSpec(), spec),
        )

    def file(self, name: str = "f1", **changes: object) -> RecordingFile:
        file = RecordingFile(
            id=FileId(name),
            document_id=DocumentId(f"document-{name}"),
            recording=RecordingId("r1"),
            chunk=0,
            content_url="https://storage.example/content",
            metadata_url=None,
            delete_url=None,
            is_external=False,
            announced_at=self.now,
            deadline=self.now + timedelta(hours=24),
        )
        return _with(file, changes)

    def copy(self, **changes: object) -> Copy:
        copy = Copy(
            file=FileId("f1"),
            store=StoreName("local"),
            uri="f1.wav",
            size_bytes=10,
            sha256="00",
            durable_at=self.now,
        )
        return _with(copy, changes)

    def attempt(self, name: str = "a1", **changes: object) -> Attempt:
        attempt = Attempt(
            id=AttemptId(name),
            verb=Verb.START,
            target="r1",
            reason="a policy wants it",
            policy_revision=1,
            facts_version=1,
            fence=0,
            intended_at=self.now,
        )
        return _with(attempt, changes)

    def receipt(self, **changes: object) -> Receipt:
        receipt = Receipt(
            file=FileId("f1"),
            document_id=DocumentId("document-f1"),
            recording=RecordingId("r1"),
            sha256="00",
            size_bytes=10,
            copies=((StoreName("local"), "f1.wav", "deleted"),),
            rule="all-calls#retention",
            policy_revision=1,
            hold_check="no holds at generation 0",
            actor="recordingd",
            due_at=self.now,
            purged_at=self.now,
        )
        return _with(receipt, changes)

    def line(self, kind: str = "planned", **changes: object) -> AuditEntry:
        entry = AuditEntry(kind=kind, call_id=None, ref=None, detail={"reason": "test"})
        return _with(entry, changes)


def _open_file(directory: Path, clock: HandClock) -> LedgerDatabase:
    url = f"sqlite:///{directory / 'ledger.db'}"
    upgrade(url, instance=INSTANCE, backup_dir=directory / "backups")
    return open_ledger(url, instance=INSTANCE, now=clock)


def _open_memory(directory: Path, clock: HandClock) -> LedgerDatabase:
    del directory
    return open_ledger("sqlite://", instance=INSTANCE, now=clock)


# Every implementation of the port; a new database joins here and meets every promise at once.
IMPLEMENTATIONS: dict[str, Callable[[Path, HandClock], LedgerDatabase]] = {
    "sqlite-file": _open_file,
    "sqlite-memory": _open_memory,
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def ledger(
    request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock
) -> Iterator[LedgerDatabase]:
    opened = IMPLEMENTATIONS[request.param](tmp_path, clock)
    yield opened
    opened.close()


@dataclass
class LedgerFile:
    """A ledger in a file of its own, that can be opened again and tampered with."""

    path: Path
    clock: HandClock
    _open: list[LedgerDatabase] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def open(self, *, read_only: bool = False, instance: str = INSTANCE) -> LedgerDatabase:
        opened = open_ledger(self.url, instance=instance, now=self.clock, read_only=read_only)
        self._open.append(opened)
        return opened

    def close(self) -> None:
        for opened in self._open:
            opened.close()

    def tamper(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement behind the ledger's back, as a person with a shell could."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()


@pytest.fixture
def ledger_file(tmp_path: Path, clock: HandClock) -> Iterator[LedgerFile]:
    made = LedgerFile(path=tmp_path / "ledger.db", clock=clock)
    upgrade(made.url, instance=INSTANCE, backup_dir=tmp_path / "backups")
    yield made
    made.close()
