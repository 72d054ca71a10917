"""Compare what the policies want of a call with what is known of it; return what to do next.

Called by the daemon's loop, by `plan`, and by everything that explains either. The order of the
questions: what is wanted, how long it is kept, a start that is missing or unresolved, silence or
audio or an end, files. Plans at most one effect per recording and one per file. Knows nothing of
how effects are carried out, nor of what keeps them from running: `planning.guards` says that.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.domain.plans import CallPlan, NoteQuestions, ReasonCode
from recordingd.domain.recordings import CallFacts
from recordingd.planning.capture import plan_capture
from recordingd.planning.context import PlanningContext
from recordingd.planning.erasing import plan_erasures
from recordingd.planning.files import plan_files
from recordingd.planning.keeping import plan_keeping
from recordingd.planning.presumption import plan_presumed_end
from recordingd.planning.starting import plan_expectation, plan_start, plan_unresolved
from recordingd.planning.steps import NOTHING, Step, act, because, earliest, merge
from recordingd.planning.wishes import Wishes, wish


def plan_call(facts: CallFacts, context: PlanningContext, now: datetime) -> CallPlan:
    """Return what is to be done for one call at a moment; the same input gives the same plan."""
    wishes = wish(facts, context, now)
    step = merge(
        plan_presumed_end(facts, now),
        _note_questions(facts, wishes),
        plan_keeping(facts, context, now),
        plan_erasures(facts, context, now),
        _control(facts, wishes, context, now),
        plan_files(facts, context, now),
    )
    is_undecided_live = facts.call.is_live or facts.open_recording is not None
    return CallPlan(
        call_id=facts.call.call_id,
        facts_version=facts.call.facts_version,
        ledger=step.ledger,
        effects=step.effects,
        alarms=(*(wishes.alarms if is_undecided_live else ()), *step.alarms),
        wake_at=earliest(step.wake_at, wishes.changes_at if is_undecided_live else None),
    )


def _note_questions(facts: CallFacts, wishes: Wishes) -> Step:
    """Write down since when a question about consent stands: its time limit counts from there."""
    recording = facts.open_recording
    if recording is None or not wishes.questions:
        return NOTHING
    text = "consent rules ask something that was not asked before"
    noted = NoteQuestions(
        call_id=facts.call.call_id,
        why=because(ReasonCode.CONSENT_ASKED, text, recording),
        recording=recording.id,
        questions=wishes.questions,
    )
    return act(noted)


def _control(facts: CallFacts, wishes: Wishes, context: PlanningContext, now: datetime) -> Step:
    recording = facts.open_recording
    if recording is None:
        return plan_expectation(facts, wishes, context, now)
    if recording.first_sent_at is None:
        return plan_start(facts, recording, wishes, context, now=now)
    if recording.recording_id is None:
        return plan_unresolved(facts, recording, wishes, now=now)
    return plan_capture(facts, recording, wishes, context, now=now)
