"""A call, its recording service and a daemon in virtual time, for walks with seeded faults.

The service is a model of what the documents promise and no more: a start is remembered by its
request id, `inactive` has three meanings, what never captured has no file. The daemon around
`planning.advance` is the smallest that carries effects out: answers are lost, come late, or come
after a restart. Time is a heap of happenings; nothing sleeps.
"""

from __future__ import annotations

import enum
import hashlib
import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.factories import (
    MAIN,
    SERVER_CALL_ID,
    T0,
    make_reading,
    make_supplies,
)

from recordingd.domain.calls import (
    AnnouncedFile,
    CallEvent,
    CallReference,
    FilesAnnounced,
    RecordingStateChanged,
)
from recordingd.domain.plans import (
    DownloadFile,
    Effect,
    ObserveRecording,
    PauseRecording,
    PurgeFile,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    VerifyFile,
    target_of,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    Copy,
    Receipt,
    RecordingFile,
    ServiceRecordingId,
)
from recordingd.planning import attempts, outcomes, transitions
from recordingd.planning.advance import Advance, advance
from recordingd.planning.backoff import backed_off
from recordingd.planning.context import PlanningContext
from recordingd.planning.facts import Reading, fold, new_call
from recordingd.planning.rows import file_by_id, recording_by_id

Change = Callable[[CallFacts, datetime], CallFacts]
STEPS_MAX = 4_000


class Dice:
    """Repeatable chance from a seed."""

    def __init__(self, seed: int) -> None:
        self._seed, self._count = seed, itertools.count()

    def below(self, limit: int) -> int:
        digest = hashlib.blake2b(f"{self._seed}/{next(self._count)}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "big") % limit

    def seconds(self, low: float, high: float) -> timedelta:
        return timedelta(milliseconds=int(low * 1000) + self.below(int((high - low) * 1000) + 1))

    def is_lucky(self, percent: int) -> bool:
        return self.below(100) < percent


class Fault(enum.Enum):
    """What can happen to a request."""

    NONE = "none"
    REFUSED_FOR_NOW = "503"
    LOST_BEFORE = "the request never arrived"
    LOST_AFTER = "carried out, and the answer was lost"


@dataclass(slots=True)
class ServiceRecording:
    """One recording as the service holds it; `captured` are spans of audio."""

    id: ServiceRecordingId
    request_id: str
    started_at: datetime
    is_active: bool
    active_from: datetime | None
    captured: list[tuple[datetime, datetime]] = field(default_factory=list)
    ended_at: datetime | None = None

    def set_active(self, now: datetime, *, is_active: bool) -> None:
        if self.active_from is not None and not is_active:
            self.captured.append((self.active_from, now))
        if is_active and self.active_from is None:
            self.active_from = now
        elif not is_active:
            self.active_from = None
        self.is_active = is_active


@dataclass(slots=True)
class World:
    """The service, the daemon and the time between them; one per walk.

    `audits` see every step of the daemon before its effects run.
    """

    context: PlanningContext
    dice: Dice
    fault_percent: int = 0
    faults_left: int = 12
    audits: Sequence[Callable[[World, Advance], None]] = ()
    now: datetime = T0
    facts: CallFacts = field(default_factory=lambda: new_call(SERVER_CALL_ID, seen_at=T0))
    service: list[ServiceRecording] = field(default_factory=list)
    has_ended: bool = False
    removed: set[str] = field(default_factory=set)
    documents: list[str] = field(default_factory=list)
    effects_run: list[tuple[datetime, Effect]] = field(default_factory=list)
    steps: int = 0
    _busy: dict[str, int] = field(default_factory=dict)
    _heap: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _supplies: transitions.Supplies = field(default_factory=make_supplies)
    _reading: Reading = field(default_factory=make_reading)
    _wake_at: datetime | None = None

    # --- time -------------------------------------------------------------------------------------

    def at(self, moment: datetime, happening: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (max(moment, self.now), next(self._order), happening))

    def run(self, until: datetime) -> None:
        """Let everything happen that is due by a moment."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, happening = heapq.heappop(self._heap)
            happening()
        self.now = until

    def tell(self, event: CallEvent, *, delays: tuple[float, float] = (0, 0)) -> None:
        """Deliver an event at least once, late by some seconds of the given span."""
        times = 2 if self.dice.is_lucky(15) else 1
        for _ in range(times):
            self.at(max(event.at, self.now) + self.dice.seconds(*delays), self._folding(event))

    def _folding(self, event: CallEvent) -> Callable[[], None]:
        def deliver() -> None:
            reading = replace(self._reading, received_at=self.now)
            self.facts = fold(self.facts, event, reading)
            self.step()

        return deliver

    def restart(self) -> None:
        """Lose every answer that is under way; what was asked may have been done all the same."""
        self._busy.clear()
        self.step()

    # --- the daemon -------------------------------------------------------------------------------

    def step(self) -> None:
        self.steps += 1
        assert self.steps < STEPS_MAX, f"it runs hot: {self.effects_run[-3:]}"
        done = advance(self.facts, self.context, self._supplies, busy=set(self._busy), now=self.now)
        for audit in self.audits:
            audit(self, done)
        version = done.facts.call.facts_version + 1
        self.facts = replace(done.facts, call=replace(done.facts.call, facts_version=version))
        for effect in done.effects:
            self._carry_out(effect)
        self._wake_at = done.wake_at
        if done.wake_at is not None:
            assert done.wake_at > self.now, f"asked to be woken at once: {done}"
            self.at(done.wake_at, self._waking(done.wake_at))

    def _waking(self, moment: datetime) -> Callable[[], None]:
        def wake() -> None:
            if self._wake_at == moment:
                self.step()

        return wake

    def _carry_out(self, effect: Effect) -> None:
        target, ticket = target_of(effect), next(self._order)
        assert target not in self._busy
        self._busy[target] = ticket
        self.effects_run.append((self.now, effect))
        change = self._ask(effect)

        def report() -> None:
            if self._busy.get(target) == ticket:
                del self._busy[target]
                self.facts = change(self.facts, self.now)
                self.step()

        slow = self.fault_percent and self.dice.is_lucky(20)
        self.at(self.now + self.dice.seconds(0.02, 3.0 if slow else 0.1), report)

    def _roll(self) -> Fault:
        if self.faults_left == 0 or not self.dice.is_lucky(self.fault_percent):
            return Fault.NONE
        self.faults_left -= 1
        return (Fault.REFUSED_FOR_NOW, Fault.LOST_BEFORE, Fault.LOST_AFTER)[self.dice.below(3)]

    def _ask(self, effect: Effect) -> Change:
        """Send a request; return what its answer, or the lack of one, changes in the facts."""
        fault = self._roll()
        if fault is Fault.REFUSED_FOR_NOW:
            return self._put_off(effect, AttemptOutcome.RETRYABLE, "HTTP 503")
        change = None if fault is Fault.LOST_BEFORE else self._answer(effect)
        if fault is Fault.NONE:
            assert change is not None
            return change
        return self._put_off(effect, AttemptOutcome.AMBIGUOUS, "no response")

    def _put_off(self, effect: Effect, outcome: AttemptOutcome, detail: str) -> Change:
        target = target_of(effect)

        def change(facts: CallFacts, now: datetime) -> CallFacts:
            if isinstance(effect, ObserveRecording):
                return outcomes.state_unread(facts, effect.recording, now + _seconds(1))
            attempt = facts.open_attempt(target)
            tries = attempt.tries if attempt is not None else 1
            first = _seconds(0.3 if isinstance(effect, PauseRecording) else 0.5)
            delay = backed_off(tries, first=first, longest=_seconds(10))
            return attempts.put_off(facts, target, outcome, detail=detail, retry_at=now + delay)

        return change

    # --- the service ------------------------------------------------------------------------------

    def _answer(self, effect: Effect) -> Change:
        match effect:
            case StartRecording():
                return self._start(effect)
            case ObserveRecording() | PauseRecording() | ResumeRecording() | StopRecording():
                return self._control(effect)
            case DownloadFile():
                return self._download(effect)
            case VerifyFile():
                return self._verify(effect)
            case RemoveFile():
                return self._remove(effect)
            case PurgeFile():
                return self._purge(effect)

    def running(self) -> ServiceRecording | None:
        return next((r for r in self.service if r.ended_at is None), None)

    def _start(self, effect: StartRecording) -> Change:
        row = recording_by_id(self.facts, effect.recording)
        assert row.start_request_id is not None
        again = next((r for r in self.service if r.request_id == row.start_request_id), None)
        if again is None and self.has_ended:

            def gone(facts: CallFacts, now: datetime) -> CallFacts:
                refused = outcomes.refused(facts, row.id, detail="HTTP 404/8522", now=now)
                return outcomes.call_is_gone(refused, now)

            return gone
        if again is None and self.running() is not None:
            return self._put_off(effect, AttemptOutcome.AMBIGUOUS, "HTTP 400/8553")
        if again is None:
            again = self._begin(row.start_request_id, is_active=not effect.start_paused)
        service_id = again.id
        return lambda facts, now: outcomes.started(facts, row.id, service_id, now)

    def _begin(self, request_id: str, *, is_active: bool) -> ServiceRecording:
        begun = ServiceRecording(
            id=ServiceRecordingId(f"service-{len(self.service)}"),
            request_id=request_id,
            started_at=self.now,
            is_active=is_active,
            active_from=self.now if is_active else None,
        )
        self.service.append(begun)
        return begun

    def _control(
        self, effect: ObserveRecording | PauseRecording | ResumeRecording | StopRecording
    ) -> Change:
        ours = recording_by_id(self.facts, effect.recording)
        known = next(r for r in self.service if r.id == ours.recording_id)
        if known.ended_at is not None:
            reason = effect.stop_reason if isinstance(effect, StopRecording) else None
            return lambda facts, now: outcomes.stopped(facts, ours.id, reason, now)
        match effect:
            case ObserveRecording():
                is_active = known.is_active
                return lambda facts, now: outcomes.state_read(
                    facts, ours.id, is_active=is_active, now=now
                )
            case StopRecording():
                self.end(known)
                reason = effect.stop_reason
                return lambda facts, now: outcomes.stopped(facts, ours.id, reason, now)
            case PauseRecording() | ResumeRecording():
                is_resumed = isinstance(effect, ResumeRecording)
                self._switch(known, is_active=is_resumed)
                wanted = Capture.ACTIVE if is_resumed else Capture.PAUSED
                return lambda facts, now: outcomes.capture_changed(facts, ours.id, wanted, now)

    def _switch(self, known: ServiceRecording, *, is_active: bool) -> None:
        known.set_active(self.now, is_active=is_active)
        if self.dice.is_lucky(60):
            about = CallReference(server_call_id=SERVER_CALL_ID, recording_id=known.id)
            self.tell(
                RecordingStateChanged(about=about, at=self.now, is_active=is_active),
                delays=(0.1, 2),
            )

    def end(self, known: ServiceRecording) -> None:
        """End a recording on the service, for whatever reason; what it captured becomes files."""
        known.set_active(self.now, is_active=False)
        known.ended_at = self.now
        if not known.captured:
            return
        chunks = 1 + self.dice.below(2)
        files = []
        for chunk in range(chunks):
            document = f"{known.id}-document-{chunk}"
            self.documents.append(document)
            files.append(
                AnnouncedFile(
                    document_id=document,
                    chunk=chunk,
                    content_url="https://storage.example/c",
                    metadata_url=None,
                    delete_url="https://storage.example/d",
                    end_reason="SessionEnded",
                )
            )
        about = CallReference(server_call_id=SERVER_CALL_ID, recording_id=known.id)
        announced = FilesAnnounced(
            about=about,
            at=self.now + _seconds(3),
            files=tuple(files),
            is_external=False,
            started_at=known.started_at,
            duration_ms=int((self.now - known.started_at).total_seconds() * 1000),
        )
        self.tell(announced, delays=(0, 300))

    # --- files ------------------------------------------------------------------------------------

    def _download(self, effect: DownloadFile) -> Change:
        file = file_by_id(self.facts, effect.file)
        assert file.document_id not in self.removed

        def change(facts: CallFacts, now: datetime) -> CallFacts:
            copy = Copy(
                file=file.id, store=MAIN, uri=file.id, size_bytes=9, sha256="ab", durable_at=now
            )
            return outcomes.copied(facts, copy, file_by_id(facts, file.id), now)

        return change

    def _verify(self, effect: VerifyFile) -> Change:
        def change(facts: CallFacts, now: datetime) -> CallFacts:
            return outcomes.verified(facts, file_by_id(facts, effect.file), now)

        return change

    def _remove(self, effect: RemoveFile) -> Change:
        file = file_by_id(self.facts, effect.file)
        assert file.verified_at is not None, "removed before a verified copy was kept"
        assert self.facts.copies_of(file.id)
        self.removed.add(file.document_id)
        return lambda facts, now: outcomes.removed(facts, effect.file, now)

    def _purge(self, effect: PurgeFile) -> Change:
        assert effect.due_at <= self.now

        def change(facts: CallFacts, now: datetime) -> CallFacts:
            file: RecordingFile = file_by_id(facts, effect.file)
            receipt = Receipt(
                file=file.id,
                document_id=file.document_id,
                recording=file.recording,
                sha256=file.sha256,
                size_bytes=file.size_bytes,
                copies=(),
                rule=effect.rule,
                policy_revision=effect.revision,
                hold_check="none",
                actor="walk",
                due_at=effect.due_at,
                purged_at=now,
            )
            return outcomes.purged(facts, receipt, now)

        return change


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
