"""One step of one call: a ledger job that reads its facts, folds, plans, and writes.

Called by `runtime.reconciler`, inside the transaction of the runner. Pure but for the ledger it is
handed: no clock, no network, and nothing that outlives the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.calls import CallEvent, CallId, FilesAnnounced, RecordingStateChanged
from recordingd.domain.plans import Alarm, Effect
from recordingd.domain.policies import OnFailure
from recordingd.domain.recordings import CallFacts, Outcome, Recording
from recordingd.planning.advance import Advance, advance
from recordingd.planning.context import PlanningContext
from recordingd.planning.facts import Reading, announced_recording, fold, new_call
from recordingd.planning.outcomes import is_fully_purged
from recordingd.planning.transitions import Supplies
from recordingd.ports.ledger import AuditEntry, ForeignFile, Ledger
from recordingd.runtime.effects import Ended
from recordingd.runtime.journal import (
    action_line,
    event_line,
    intent_line,
    learned_ids,
    outcome_line,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One event of the inbox, understood: what it means, and what folding it needs."""

    seq: int
    event: CallEvent
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An effect that has ended, and how."""

    effect: Effect
    ended: Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What one turn of the loop holds fixed: the moment, the context, and fresh values."""

    now: datetime
    context: PlanningContext
    supplies: Supplies


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A call after its step; `facts` is None when nothing is known of the call.

    `has_ended_now` says that the call was over for the first time after it, `reopened` that events
    which were put aside as foreign are pending again. `alarms` are what its events ask a person to
    look at.
    """

    facts: CallFacts | None
    advance: Advance | None
    has_ended_now: bool = False
    reopened: bool = False
    alarms: tuple[Alarm, ...] = ()


def step_call(
    ledger: Ledger,
    call_id: CallId,
    cycle: Cycle,
    *,
    busy: AbstractSet[str],
    incoming: Sequence[Incoming] = (),
    outgoing: Outgoing | None = None,
) -> Stepped:
    """Take one call one step further, and store the result with everything that led to it."""
    stored = ledger.load(call_id)
    facts, audit = _fold_all(ledger, stored, incoming, cycle)
    if facts is None:
        return Stepped(facts=None, advance=None)
    alarms = _refusals(stored, facts, cycle.context)
    if outgoing is not None:
        facts = outgoing.ended.change(facts, cycle.now)
        audit.append(
            outcome_line(outgoing.effect, outgoing.ended.outcome.value, outgoing.ended.detail)
        )
    done = advance(facts, cycle.context, cycle.supplies, busy=busy, now=cycle.now)
    audit.extend(action_line(a, cycle.context.revision) for a in done.applied)
    audit.extend(intent_line(e, cycle.context.revision) for e in done.effects)
    saved = done.facts
    if saved != stored or audit:
        saved = ledger.save(saved, audit=audit)
    if is_fully_purged(saved):
        ledger.wipe_call_bodies(call_id)
    before = stored.recordings if stored is not None else ()
    return Stepped(
        facts=saved,
        advance=done,
        has_ended_now=saved.call.has_ended and (stored is None or not stored.call.has_ended),
        reopened=_reclaim(ledger, before, saved),
        alarms=alarms,
    )


def _refusals(
    stored: CallFacts | None, facts: CallFacts, context: PlanningContext
) -> tuple[Alarm, ...]:
    """Tell of starts that were accepted first and that an event now says have failed.

    A start that is refused at once alarms where its answer is read.
    """
    known = stored.recordings if stored is not None else ()
    refused_before = {r.id for r in known if r.outcome is Outcome.REFUSED}
    alarms = []
    for recording in facts.recordings:
        if recording.outcome is not Outcome.REFUSED or recording.id in refused_before:
            continue
        policy = context.policies.by_name(recording.policy)
        if policy is None or policy.on_failure is not OnFailure.CONTINUE:
            ids = {"call": facts.call.call_id, "recording": recording.id}
            alarms.append(Alarm.of("RecordingRefused", **ids))
    return tuple(alarms)


def _fold_all(
    ledger: Ledger, stored: CallFacts | None, incoming: Sequence[Incoming], cycle: Cycle
) -> tuple[CallFacts | None, list[AuditEntry]]:
    facts, audit = stored, []
    for item in incoming:
        if _is_foreign(facts, item.event):
            put_aside(ledger, item, cycle.now)
            continue
        if facts is None:
            server_call_id = item.event.about.server_call_id
            assert server_call_id is not None, "a call is named before its events are folded"
            facts = new_call(server_call_id, seen_at=item.reading.received_at)
        facts = fold(facts, item.event, item.reading)
        audit.append(event_line(facts.call.call_id, item.event, item.seq))
        ledger.mark_applied(item.seq, call_id=facts.call.call_id, at=cycle.now)
    return facts, audit


def _is_foreign(facts: CallFacts | None, event: CallEvent) -> bool:
    """Whether an event is about a recording that is not ours."""
    if isinstance(event, FilesAnnounced):
        return facts is None or announced_recording(facts, event) is None
    return isinstance(event, RecordingStateChanged) and facts is None


def put_aside(ledger: Ledger, item: Incoming, now: datetime) -> None:
    """Close an event that changes no call of ours.

    Files of a foreign recording are listed, and neither downloaded nor deleted.
    """
    if isinstance(item.event, FilesAnnounced):
        for file in item.event.files:
            foreign = ForeignFile(
                document_id=file.document_id,
                recording_id=item.event.about.recording_id,
                first_seen_at=item.reading.received_at,
                inbox_seq=item.seq,
            )
            ledger.add_foreign(foreign)
    ledger.mark_applied(item.seq, call_id=None, at=now)


def _reclaim(ledger: Ledger, before: Sequence[Recording], saved: CallFacts) -> bool:
    """Read announcements again that came before we knew that their recording is ours."""
    reopened = False
    for recording_id in learned_ids(before, saved.recordings):
        seqs = ledger.take_foreign(recording_id)
        if seqs:
            ledger.reopen_events(seqs)
            reopened = True
    return reopened
