"""What an action of a plan changes in a call's facts.

Called by `planning.advance` inside the transaction that stores the result. An action that changes
the ledger alone is carried out here; of an effect the intent is stored, enough to go on after a
crash at any moment before its end (`planning.outcomes`). Reads no clock; `now` is an argument.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.plans import (
    VERBS,
    BringForwardErasure,
    ChangeKeeping,
    ClosePause,
    CloseRecording,
    Effect,
    ExpectRecording,
    LedgerAction,
    MarkFileExpired,
    MarkFileLost,
    NoteQuestions,
    ObserveRecording,
    OpenPause,
    PresumeCallEnded,
    ResumeRecording,
    StartRecording,
    StopRecording,
    target_of,
)
from recordingd.domain.recordings import (
    Attempt,
    AttemptId,
    AttemptOutcome,
    CallFacts,
    Capture,
    Pause,
    Recording,
    RecordingId,
    Verb,
)
from recordingd.planning.attempts import drop_attempt, with_attempt
from recordingd.planning.consent_needs import questions_to_carry
from recordingd.planning.containers import destination
from recordingd.planning.context import PlanningContext
from recordingd.planning.rows import file_by_id, recording_by_id, with_file, with_recording
from recordingd.planning.starting import RESEND_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """Fresh values that a transition may need.

    `token_of` gives the callback token of a recording, the same one every time; only its hash is
    stored.
    """

    new_id: Callable[[], str]
    new_request_id: Callable[[], str]
    token_of: Callable[[RecordingId], str]


def token_hash(token: str) -> str:
    """Return what is stored of a callback token."""
    return hashlib.sha256(token.encode()).hexdigest()


# --- changes of the ledger alone ------------------------------------------------------------------


def apply(
    facts: CallFacts,
    action: LedgerAction,
    context: PlanningContext,
    supplies: Supplies,
    *,
    now: datetime,
) -> CallFacts:
    """Carry out an action that changes nothing but the ledger."""
    match action:
        case ExpectRecording():
            return _expect(facts, action, context, supplies, now=now)
        case OpenPause():
            pause = Pause(recording=action.recording, reason=action.pause, opened_at=now)
            return replace(facts, pauses=(*facts.pauses, pause))
        case ClosePause():
            return _close_pause(facts, action, now)
        case NoteQuestions():
            return _note_questions(facts, action, now)
        case PresumeCallEnded():
            return replace(facts, call=replace(facts.call, ended_at=action.at))
        case CloseRecording():
            recording = recording_by_id(facts, action.recording)
            closed = replace(
                recording,
                outcome=action.outcome,
                stop_reason=recording.stop_reason or action.stop_reason,
                detail=action.why.text,
            )
            return with_recording(drop_attempt(facts, recording.id, now), closed)
        case MarkFileLost():
            lost = replace(file_by_id(facts, action.file), lost_at=now)
            return with_file(drop_attempt(facts, action.file, now), lost)
        case MarkFileExpired():
            file = file_by_id(facts, action.file)
            expired = replace(file, removed_at=file.deadline)
            return with_file(drop_attempt(facts, action.file, now), expired)
        case BringForwardErasure():
            recording = recording_by_id(facts, action.recording)
            return with_recording(facts, replace(recording, erase_at=action.at))
        case ChangeKeeping():
            recording = recording_by_id(facts, action.recording)
            changed = replace(
                recording,
                keeping=action.keeping,
                keeping_revision=action.revision,
                delete_moved_at=now if action.moves_earlier else recording.delete_moved_at,
            )
            return with_recording(facts, changed)


def _expect(
    facts: CallFacts,
    action: ExpectRecording,
    context: PlanningContext,
    supplies: Supplies,
    *,
    now: datetime,
) -> CallFacts:
    spec, why = action.spec, action.why
    assert why.policy is not None
    assert why.source is not None
    archive, container = destination(spec, context)
    recording_id = RecordingId(supplies.new_id())
    recording = Recording(
        id=recording_id,
        policy=why.policy,
        policy_revision=context.revision,
        source=why.source,
        expected_at=now,
        content=spec.content,
        channels=spec.channels,
        format=spec.format,
        archive=archive,
        container=container,
        purpose=action.purpose,
        consent=action.consent,
        keeping=action.keeping,
        keeping_revision=context.revision,
        affinity={},
        rotate_every=spec.rotate_every,
        asked=questions_to_carry(facts),
        callback_token_hash=token_hash(supplies.token_of(recording_id)),
    )
    return replace(facts, recordings=(*facts.recordings, recording))


def _note_questions(facts: CallFacts, action: NoteQuestions, now: datetime) -> CallFacts:
    recording = recording_by_id(facts, action.recording)
    asked = {**dict.fromkeys(action.questions, now), **recording.asked}
    return with_recording(facts, replace(recording, asked=asked))


def _close_pause(facts: CallFacts, action: ClosePause, now: datetime) -> CallFacts:
    def closed(pause: Pause) -> Pause:
        is_meant = (pause.recording, pause.reason) == (action.recording, action.pause)
        return replace(pause, closed_at=now) if is_meant and pause.closed_at is None else pause

    return replace(facts, pauses=tuple(closed(p) for p in facts.pauses))


# --- effects --------------------------------------------------------------------------------------


def begin(
    facts: CallFacts,
    effect: Effect,
    context: PlanningContext,
    supplies: Supplies,
    *,
    now: datetime,
) -> CallFacts:
    """Store the intent of an effect before anything is sent.

    An unfinished attempt of the same verb is continued, one of another verb is dropped: what was
    wanted then is not wanted now. Reading back leaves no trace.
    """
    if isinstance(effect, ObserveRecording):
        return facts
    facts = _intend(facts, effect, supplies, now=now)
    target, verb = target_of(effect), VERBS[type(effect)]
    attempt = facts.open_attempt(target)
    if attempt is not None and attempt.verb is not verb:
        facts, attempt = drop_attempt(facts, target, now), None
    if attempt is None:
        attempt = Attempt(
            id=AttemptId(supplies.new_id()),
            verb=verb,
            target=target,
            reason=effect.why.text,
            policy_revision=context.revision,
            facts_version=facts.call.facts_version,
            fence=facts.call.fence,
            intended_at=now,
        )
        facts = replace(facts, attempts=(*facts.attempts, attempt))
    sent = replace(
        attempt,
        sent_at=now,
        tries=attempt.tries + 1,
        retry_at=None,
        outcome=AttemptOutcome.AMBIGUOUS if _may_have_started(attempt) else None,
    )
    return with_attempt(facts, sent)


def _may_have_started(attempt: Attempt) -> bool:
    """Whether an earlier try of a start has no answer, so that a recording of it may be running."""
    return (
        attempt.verb is Verb.START
        and attempt.tries > 0
        and attempt.outcome in {None, AttemptOutcome.AMBIGUOUS}
    )


def _intend(facts: CallFacts, effect: Effect, supplies: Supplies, *, now: datetime) -> CallFacts:
    """Store what must be known should the answer be lost."""
    match effect:
        case StartRecording():
            return _intend_start(facts, effect, supplies, now=now)
        case ResumeRecording():
            # From now on it may have captured something, so that it can have a file.
            row = recording_by_id(facts, effect.recording)
            return with_recording(facts, replace(row, resumed_at=row.resumed_at or now))
        case StopRecording():
            row = recording_by_id(facts, effect.recording)
            reason = row.stop_reason or effect.stop_reason
            return with_recording(facts, replace(row, stop_reason=reason))
        case _:
            return facts


def _intend_start(
    facts: CallFacts, effect: StartRecording, supplies: Supplies, *, now: datetime
) -> CallFacts:
    """Freeze the request, so that the same one can be sent twice.

    A start that was certainly refused long ago gets a new id: the service may have forgotten the
    old one, and nothing of it can be running. One of unknown outcome never does.
    """
    recording = recording_by_id(facts, effect.recording)
    attempt = facts.open_attempt(recording.id)
    was_refused = attempt is not None and attempt.outcome is AttemptOutcome.RETRYABLE
    first = recording.first_sent_at
    if first is not None and not (was_refused and now >= first + RESEND_FOR):
        return facts
    sent = replace(
        recording,
        affinity=dict(effect.affinity),
        start_paused=effect.start_paused,
        capture_wanted=Capture.PAUSED if effect.start_paused else Capture.ACTIVE,
        start_request_id=supplies.new_request_id(),
        first_sent_at=now,
    )
    return with_recording(facts, sent)
