"""Bring forward the deletion of recordings that are over, for what became known since.

Called by `planning.planner`. A refusal may reach us after the end, and a consent may be taken back
at any time; and what erases one part of a recording that was made in parts erases those before it.
What keeps a recording all the same, a hold or a legal obligation, is not looked at here.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import ConsentMode, ConsentSpec
from recordingd.domain.plans import BringForwardErasure, ReasonCode, Why
from recordingd.domain.recordings import CallFacts, Recording, StopReason
from recordingd.planning.consent import ConsentState, refusal_of
from recordingd.planning.consent_needs import inline_rule, question_about, standing_of
from recordingd.planning.consent_rules import combine
from recordingd.planning.context import PlanningContext
from recordingd.planning.steps import NOTHING, Step, act, because

_REFUSING = frozenset({ConsentAnswer.DENIED, ConsentAnswer.WITHDRAWN})
_CODE_OF = {
    ConsentState.DENIED: ReasonCode.CONSENT_DENIED,
    ConsentState.WITHDRAWN: ReasonCode.CONSENT_WITHDRAWN,
}
# What counts for a recording whose consent rules are all gone: what they asked goes on mattering.
_ASKED_ONCE = ConsentSpec(mode=ConsentMode.EXPLICIT)


def plan_erasures(facts: CallFacts, context: PlanningContext, now: datetime) -> Step:
    """Erase what somebody refused too late for its end, and the parts before what is erased."""
    is_refused = any(c.answer in _REFUSING for c in facts.consents)
    is_in_parts = any(r.stop_reason is StopReason.ROTATED for r in facts.recordings)
    if not (is_refused or is_in_parts):
        return NOTHING
    planned: list[BringForwardErasure] = []
    next_goes = False
    for recording in reversed(facts.recordings):
        why: Why | None = None
        if _may_be_erased(facts, recording):
            why = _as_a_part(recording) if next_goes else None
            if why is None and is_refused:
                why = _for_refusal(facts, recording, context, now)
        if why is not None:
            erased = BringForwardErasure(
                call_id=facts.call.call_id, why=why, recording=recording.id, at=now
            )
            planned.append(erased)
        next_goes = recording.erase_at is not None or why is not None
    return act(*planned)


def _may_be_erased(facts: CallFacts, recording: Recording) -> bool:
    """Whether a recording is over, and something of it is or may still come that must go."""
    if recording.is_open or recording.erase_at is not None or recording.outcome is not None:
        return False
    files = facts.files_of(recording.id)
    return not files or any(f.purged_at is None for f in files)


def _as_a_part(recording: Recording) -> Why | None:
    if recording.stop_reason is not StopReason.ROTATED:
        return None
    text = "it is a part of what was recorded, and the next part is erased"
    return because(ReasonCode.ROTATED, text, recording)


def _for_refusal(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Why | None:
    standing = standing_of(facts, recording, context, now)
    need = standing.need
    if need is None and recording.asked:
        need = combine([(inline_rule(recording), _ASKED_ONCE)])
    if need is None or need.mode is ConsentMode.NONE:
        return None
    question = question_about(facts, recording, need, context, asked_at=standing.asked_at)
    refusal = refusal_of(facts, question, until=recording.stopped_at)
    if refusal is None or not refusal.erases:
        return None
    text = f"{refusal.reason}: what was captured goes too"
    return because(_CODE_OF[refusal.state], text, recording)
