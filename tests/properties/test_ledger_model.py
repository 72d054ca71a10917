"""The ledger against a dictionary: any sequence of operations leaves both with the same content.

The machine drives a real file, closes and opens it again in between, makes jobs fail in the middle
of their work, and saves snapshots that are no longer true.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recordingd.domain.calls import CallReference, Participant, Party, RawId, ServerCallId
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.errors import InvariantBroken, StaleSnapshot
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import Channels, Content, MediaFormat, PolicyName, StoreName
from recordingd.domain.recordings import (
    Attempt,
    AttemptId,
    CallFacts,
    DocumentId,
    FileId,
    Recording,
    RecordingFile,
    RecordingId,
    ServiceRecordingId,
    Verb,
)
from recordingd.domain.retention import Keeping, RetentionSpec
from recordingd.ledger.audit import verify_chain
from recordingd.ledger.check import check_ledger
from recordingd.ledger.codec import ordered
from recordingd.ledger.engine import LedgerDatabase, open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.planning.derivation import derive
from recordingd.planning.facts import new_call
from recordingd.ports.ledger import AuditEntry, InboxEvent, InboxState, Ledger, RecordingFilter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = st.sampled_from(["one", "two", "three", "four"])
EVENT_IDS = st.sampled_from([f"e{n}" for n in range(8)])
LENGTHS = st.sampled_from([None, FOREVER, Duration(days=1), Duration(days=30), Duration(months=7)])
Change = Callable[[CallFacts], CallFacts]


@cache
def template() -> bytes:
    """Return a fresh ledger's bytes: migrating anew for every example would take all the time."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        upgrade(f"sqlite:///{path}", instance="contoso", backup_dir=Path(directory))
        return path.read_bytes()


@dataclass
class Model:
    """What the ledger should hold."""

    calls: dict[str, CallFacts] = field(default_factory=dict)
    events: dict[str, InboxState] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


class LedgerMachine(RuleBasedStateMachine):
    """Operations on the ledger, each done to the model as well."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        (self.directory / "ledger.db").write_bytes(template())
        self.model = Model()
        self.count = 0
        self.older: dict[str, CallFacts] = {}
        self.ledger = self.open()

    def open(self) -> LedgerDatabase:
        return open_ledger(
            f"sqlite:///{self.directory / 'ledger.db'}", instance="contoso", now=self.now
        )

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.count)

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count:04}"

    def teardown(self) -> None:
        findings = check_ledger(self.ledger)
        self.ledger.close()
        shutil.rmtree(self.directory)
        assert findings == []

    # --- the inbox --------------------------------------------------------------------------------

    @rule(event_id=EVENT_IDS)
    def append(self, event_id: str) -> None:
        with self.ledger.transaction() as store:
            was_added = store.append_event(self.event(event_id))
        assert was_added == (event_id not in self.model.events)
        self.model.events.setdefault(event_id, InboxState.NEW)

    @rule(is_poison=st.booleans())
    def take_next(self, *, is_poison: bool) -> None:
        pending = [e for e, state in self.model.events.items() if state is InboxState.NEW]
        with self.ledger.transaction() as store:
            rows = store.pending_events(1)
            assert [row.event.event_id for row in rows] == pending[:1]
            for row in rows:
                if is_poison:
                    store.mark_poison(row.seq, error="no data", at=self.now())
                else:
                    store.mark_applied(row.seq, call_id=None, at=self.now())
        for event_id in pending[:1]:
            self.model.events[event_id] = InboxState.POISON if is_poison else InboxState.APPLIED

    @rule(event_id=EVENT_IDS)
    def reopen(self, event_id: str) -> None:
        seqs = [n for n, known in enumerate(self.model.events, start=1) if known == event_id]
        with self.ledger.transaction() as store:
            store.reopen_events(seqs)
        if self.model.events.get(event_id) is InboxState.APPLIED:
            self.model.events[event_id] = InboxState.NEW

    def event(self, event_id: str) -> InboxEvent:
        return InboxEvent(
            channel="eventgrid",
            source="s",
            event_id=event_id,
            body=b"{}",
            context=None,
            received_at=NOON,
        )

    # --- calls ------------------------------------------------------------------------------------

    @rule(name=NAMES)
    def meet(self, name: str) -> None:
        facts = new_call(ServerCallId(name), seen_at=self.now())
        if name in self.model.calls:
            self.refuse(facts, StaleSnapshot)
        else:
            self.save(name, facts)

    @rule(name=NAMES, raw_id=st.sampled_from(["8:acs:a", "4:+1800", "8:acs:b"]))
    def join(self, name: str, raw_id: str) -> None:
        self.fresh("")
        row = Participant(party=Party(raw_id=RawId(raw_id)), joined_at=self.now())
        self.change(name, lambda f: replace(f, participants=(row, *f.participants)))

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        self.change(name, lambda f: replace(f, call=replace(f.call, ended_at=self.now())))

    @rule(name=NAMES, keep=LENGTHS, delete=LENGTHS, policy=st.sampled_from(["sales", "support"]))
    def expect_recording(
        self,
        name: str,
        keep: Duration | None,
        delete: Duration | None,
        policy: str,
    ) -> None:
        recording = Recording(
            id=RecordingId(self.fresh("r")),
            policy=PolicyName(policy),
            policy_revision=1,
            source=Source(file="a.yaml", line=1),
            expected_at=self.now(),
            content=Content.AUDIO,
            channels=Channels.MIXED,
            format=MediaFormat.WAV,
            archive=StoreName("local"),
            container=None,
            purpose="recording",
            consent=None,
            keeping=(
                Keeping(
                    rule=RuleName(f"{policy}#retention"),
                    source=None,
                    revision=1,
                    priority=0,
                    spec=RetentionSpec(keep_at_least=keep, delete_after=delete),
                ),
            ),
            keeping_revision=1,
            affinity={1: RawId("8:acs:a")},
        )
        facts = self.model.calls.get(name)
        if facts is None:
            return
        wanted = replace(facts, recordings=(*facts.recordings, recording))
        if facts.open_recording is None:
            self.save(name, wanted)
        else:
            self.refuse(wanted, InvariantBroken)

    @rule(name=NAMES)
    def stop_recording(self, name: str) -> None:
        self.change(
            name,
            lambda f: replace(
                f,
                recordings=tuple(
                    replace(
                        r,
                        recording_id=r.recording_id or ServiceRecordingId(f"service-{r.id}"),
                        stopped_at=r.stopped_at or self.now(),
                    )
                    for r in f.recordings
                ),
            ),
        )

    @rule(name=NAMES)
    def announce_file(self, name: str) -> None:
        file_id = self.fresh("f")

        def announced(facts: CallFacts) -> CallFacts:
            files = tuple(
                RecordingFile(
                    id=FileId(file_id),
                    document_id=DocumentId(f"d-{file_id}"),
                    recording=r.id,
                    chunk=0,
                    content_url="https://storage.example/c",
                    metadata_url=None,
                    delete_url=None,
                    is_external=False,
                    announced_at=self.now(),
                    deadline=self.now() + timedelta(hours=24),
                )
                for r in facts.recordings[-1:]
            )
            return replace(facts, files=(*facts.files, *files))

        self.change(name, announced)

    @rule(name=NAMES)
    def keep_files(self, name: str) -> None:
        self.change(
            name,
            lambda f: replace(
                f,
                files=tuple(
                    replace(x, verified_at=self.now(), removed_at=self.now()) for x in f.files
                ),
            ),
        )

    @rule(name=NAMES, on=st.sampled_from(["r", "f"]))
    def intend(self, name: str, on: str) -> None:
        """Begin the next attempt on a target; one that was under way ends in the same save."""
        attempt = Attempt(
            id=AttemptId(self.fresh("a")),
            verb=Verb.OBSERVE,
            target=on,
            reason="test",
            policy_revision=1,
            facts_version=1,
            fence=0,
            intended_at=self.now(),
        )

        def begun(facts: CallFacts) -> CallFacts:
            ended = tuple(
                replace(a, finished_at=self.now())
                if a.target == on and a.finished_at is None
                else a
                for a in facts.attempts
            )
            return replace(facts, attempts=(attempt, *ended))

        self.change(name, begun)

    @precondition(lambda self: self.older)
    @rule(data=st.data())
    def save_what_is_no_longer_true(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.older)))
        self.refuse(self.older[name], StaleSnapshot)

    @precondition(lambda self: self.model.calls)
    @rule(data=st.data())
    def lose_a_row(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.calls)))
        facts = self.model.calls[name]
        if facts.participants:
            self.refuse(replace(facts, participants=facts.participants[1:]), InvariantBroken)

    def change(self, name: str, change: Change) -> None:
        facts = self.model.calls.get(name)
        if facts is not None:
            self.save(name, change(facts))

    def save(self, name: str, facts: CallFacts) -> None:
        """Save in a batch, between two jobs that fail after having changed the same call."""
        line = AuditEntry(kind=self.fresh("k"), call_id=facts.call.call_id, ref=None, detail={})

        def spoil(store: Ledger) -> None:
            found = store.load(facts.call.call_id) or facts
            late = Participant(party=Party(raw_id=RawId("lost")), joined_at=NOON)
            store.save(replace(found, participants=(*found.participants, late)), audit=[line])
            store.append_event(self.event("lost"))
            store.audit_of(facts.call.call_id)
            raise ZeroDivisionError

        first, saved, last = self.ledger.run_batch(
            [spoil, lambda store: store.save(facts, audit=[line]), spoil]
        )
        assert isinstance(first.error, ZeroDivisionError)
        assert isinstance(last.error, ZeroDivisionError)
        raised = replace(facts.call, facts_version=facts.call.facts_version + 1)
        assert saved.error is None
        assert saved.value == ordered(replace(facts, call=raised))
        if name in self.model.calls:
            self.older[name] = self.model.calls[name]
        self.model.calls[name] = ordered(replace(facts, call=raised))
        self.model.lines.append(line.kind)

    def refuse(self, facts: CallFacts, kind: type[Exception]) -> None:
        line = AuditEntry(kind="lost", call_id=None, ref=None, detail={})
        (result,) = self.ledger.run_batch([lambda store: store.save(facts, audit=[line])])
        assert isinstance(result.error, kind), result

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.ledger = self.open()

    # --- what holds after every step --------------------------------------------------------------

    @invariant()
    def calls_are_those_of_the_model(self) -> None:
        with self.ledger.transaction() as store:
            ids = sorted(f.call.call_id for f in self.model.calls.values())
            assert store.every_call(after=None, limit=100) == ids
            for name, facts in self.model.calls.items():
                assert store.load(facts.call.call_id) == facts
                assert store.find_call(CallReference(server_call_id=ServerCallId(name))) == (
                    facts.call.call_id
                )
            assert [s.facts for s in store.load_stored(ids)] == self.by_id()

    @invariant()
    def listings_are_those_of_the_model(self) -> None:
        derived = [(f, derive(f)) for f in self.by_id()]
        horizon = NOON + timedelta(days=2)
        due = [
            f.call.call_id
            for f, d in derived
            if d.needs_attention or (d.next_at is not None and d.next_at <= horizon)
        ]
        counts: dict[str, int] = {}
        for _, d in derived:
            for recording in d.recordings.values():
                counts[recording.state] = counts.get(recording.state, 0) + 1
        with self.ledger.transaction() as store:
            found = store.calls_needing_attention(due_by=horizon, after=None, limit=100)
            assert list(found) == due
            assert store.recording_counts() == counts
            assert list(store.list_calls(RecordingFilter(policy="sales"))) == [
                f for f, _ in derived if any(r.policy == "sales" for r in f.recordings)
            ]
            for facts, _ in derived:
                for file in facts.files:
                    assert store.find_file(file.document_id) == (facts.call.call_id, file.id)

    @invariant()
    def inbox_is_that_of_the_model(self) -> None:
        with self.ledger.transaction() as store:
            pending = [row.event.event_id for row in store.pending_events(100)]
            counts = store.inbox_counts()
        states = list(self.model.events.values())
        assert pending == [e for e, s in self.model.events.items() if s is InboxState.NEW]
        assert counts == {state: states.count(state) for state in InboxState}

    @invariant()
    def chain_holds_every_line_and_no_other(self) -> None:
        with self.ledger.transaction() as store:
            rows = list(store.audit_rows())
        assert [row.kind for row in rows] == self.model.lines
        assert verify_chain(rows) is None

    def by_id(self) -> list[CallFacts]:
        return sorted(self.model.calls.values(), key=lambda f: f.call.call_id)


LedgerMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, derandomize=True
)
TestLedger = LedgerMachine.TestCase
