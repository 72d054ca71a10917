"""What the policies and the answers of the participants want of a call at this moment.

Called by `planning.planner`, and in parts by what explains it. Four questions are answered
separately and put together here: whether to record, whether audio may flow, whether a pause is
asked for, and whether what runs must end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.consent import BeforeDecision, ConsentNeed
from recordingd.domain.durations import Forever, add
from recordingd.domain.plans import Alarm, ReasonCode
from recordingd.domain.policies import Captured, Decision, RecordingPolicy, Until
from recordingd.domain.recordings import CallFacts, PauseReason, Recording, StopReason
from recordingd.planning.consent import ConsentState, ConsentView, assess
from recordingd.planning.consent_needs import predecessor_of, question_about, standing_of
from recordingd.planning.context import PlanningContext
from recordingd.planning.matching import Verdict
from recordingd.planning.pauses import NO_SILENCE, Silence, silence_of
from recordingd.planning.steps import earliest

WANTS = frozenset({Decision.RECORD, Decision.REQUIRE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a recording must end, and whether what it captured must go with it."""

    stop: StopReason
    code: ReasonCode
    text: str
    erases: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is wanted of one call now.

    `policy` is the one that wants the call recorded, None when nobody does. `pauses` are the
    reasons for silence with a sentence each. `waits_to_start` says that a start must wait until
    everybody has answered, silent or not. `questions` are those about consent that stand from now
    on. `changes_at` is when time alone may change any of it.
    """

    policy: RecordingPolicy | None
    pauses: Mapping[PauseReason, str]
    ending: Ending | None
    alarms: tuple[Alarm, ...]
    changes_at: datetime | None
    waits_to_start: bool = False
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consent:
    """What consent comes to for a call: the view, the need behind it, and what it newly asks.

    `is_uncovered` says that no rule covers the call though one has to.
    """

    view: ConsentView
    need: ConsentNeed | None = None
    questions: tuple[str, ...] = ()
    is_uncovered: bool = False


def wish(facts: CallFacts, context: PlanningContext, now: datetime) -> Wishes:
    """Ask every question about a call anew, with every fact there is."""
    verdict, settles_at = judge(facts, context, now)
    recording = facts.open_recording
    consent = _consent_of(facts, recording, context, now)
    silence = NO_SILENCE if recording is None else _silence_of(facts, context, now)
    policy = _wanted(verdict, is_settled=now >= settles_at) or _continued(
        facts, recording, verdict, context
    )
    ending = _ending(facts, verdict, consent.view, context)
    rotates_at = None if policy is None else _rotates_at(recording)
    if ending is None and rotates_at is not None and now >= rotates_at:
        ending, rotates_at = _seam(recording), None
    return Wishes(
        policy=policy,
        pauses=_pauses(verdict, consent.view, silence),
        ending=ending,
        alarms=(
            *_alarms(facts, verdict, is_settled=now >= settles_at),
            *_uncovered(facts, consent),
            *silence.alarms,
        ),
        changes_at=earliest(
            settles_at if now < settles_at and _may_settle(verdict, recording, context) else None,
            consent.view.changes_at,
            silence.changes_at,
            rotates_at,
        ),
        waits_to_start=_waits_to_start(consent),
        questions=consent.questions,
    )


def _wanted(verdict: Verdict, *, is_settled: bool) -> RecordingPolicy | None:
    """Return the policy to record by.

    How a call is recorded is frozen at its start, so a policy that may still lose to another one
    waits until the call is settled. One that only a forbid in doubt stands against may start,
    silently: nothing is captured, and nothing is late when the doubt is gone.
    """
    if verdict.decision is Decision.FORBID and verdict.is_undecided and verdict.may_record:
        other = verdict.runner_up
        return other if other is not None and other.decision in WANTS else None
    if verdict.decision not in WANTS or not (verdict.winner_is_certain or is_settled):
        return None
    return verdict.winner


def _continued(
    facts: CallFacts, recording: Recording | None, verdict: Verdict, context: PlanningContext
) -> RecordingPolicy | None:
    """Return the policy that goes on recording over a planned seam though it no longer matches.

    A recording lasts until the end of its call unless its policy says otherwise, and so does one
    that is made in parts.
    """
    part = recording or predecessor_of(facts, None)
    if part is None or verdict.is_undecided or verdict.decision is Decision.FORBID:
        return None
    policy = context.policies.by_name(part.policy)
    if policy is None or policy.name in context.suspended or policy.is_observed:
        return None
    return policy if policy.record is not None and policy.until is Until.CALL_END else None


def judge(facts: CallFacts, context: PlanningContext, now: datetime) -> tuple[Verdict, datetime]:
    """Return the policies' verdict on a call, and when unknown is taken as an answer."""
    settles_at = context.settles_at(facts.call)
    present = [p for p in facts.participants if p.is_present]
    verdict = context.policies.decide(
        facts.call, present, now=now, settled=now >= settles_at, suspended=context.suspended
    )
    return verdict, settles_at


def _may_settle(verdict: Verdict, recording: Recording | None, context: PlanningContext) -> bool:
    """Whether taking unknown as an answer may change what is wanted."""
    return verdict.is_undecided or (recording is not None and context.policies.has_live_rules)


# --- consent and pauses ---------------------------------------------------------------------------


def consent_of(
    facts: CallFacts, recording: Recording | None, context: PlanningContext, now: datetime
) -> ConsentView:
    """Return what consent says of a recording, under every rule that counts for it now."""
    return _consent_of(facts, recording, context, now).view


def _consent_of(
    facts: CallFacts, recording: Recording | None, context: PlanningContext, now: datetime
) -> _Consent:
    if recording is None:
        return _Consent(view=_NO_CONSENT)
    standing = standing_of(facts, recording, context, now)
    if standing.need is not None:
        question = question_about(
            facts, recording, standing.need, context, asked_at=standing.asked_at
        )
        view = assess(facts, question, now)
        return _Consent(view=view, need=standing.need, questions=standing.new)
    if not context.require_consent_rule:
        return _Consent(view=_NO_CONSENT)
    reason = "no consent rule covers this call, and the settings ask for one"
    view = ConsentView(state=ConsentState.PENDING, reason=reason)
    return _Consent(view=view, is_uncovered=True)


_NO_CONSENT = ConsentView(state=ConsentState.NOT_REQUIRED, reason="no rule asks for consent")


def _waits_to_start(consent: _Consent) -> bool:
    if consent.need is None or not consent.view.is_pending:
        return False
    return consent.need.before_decision is BeforeDecision.NOT_STARTED


def _uncovered(facts: CallFacts, consent: _Consent) -> tuple[Alarm, ...]:
    if not consent.is_uncovered:
        return ()
    return (Alarm.of("ConsentRuleMissing", call=facts.call.call_id),)


def _silence_of(facts: CallFacts, context: PlanningContext, now: datetime) -> Silence:
    policies = context.policies
    # A rule that may fit counts as one that does: what is not known is taken for the strictest.
    hits = policies.pause_rules_for(
        facts.call,
        facts.participants,
        now=now,
        settled=now >= context.settles_at(facts.call),
    )
    if not hits and not facts.requests:
        return NO_SILENCE
    matching = [hit.rule for hit in hits]
    return silence_of(facts, matching, policies.policies.pause_rules, now)


def _pauses(verdict: Verdict, consent: ConsentView, silence: Silence) -> dict[PauseReason, str]:
    pauses: dict[PauseReason, str] = {}
    if verdict.is_undecided:
        pauses[PauseReason.SETTLE] = "it is not yet known whether this call may be recorded"
    # Silence unless a state is known to let audio through, or to end the recording below: one that
    # nobody thought of here must not be heard.
    if not (consent.may_flow or consent.state in _ENDING):
        pauses[PauseReason.CONSENT] = consent.reason
    return {**pauses, **silence.reasons}


# --- endings --------------------------------------------------------------------------------------


_REFUSED = {
    ConsentState.DENIED: (StopReason.CONSENT_DENIED, ReasonCode.CONSENT_DENIED),
    ConsentState.WITHDRAWN: (StopReason.CONSENT_WITHDRAWN, ReasonCode.CONSENT_WITHDRAWN),
}
_ENDING = frozenset({*_REFUSED, ConsentState.NO_RESPONSE})


def _ending(
    facts: CallFacts, verdict: Verdict, consent: ConsentView, context: PlanningContext
) -> Ending | None:
    """Say why a recording must end; the strictest reason first, since it decides what is erased."""
    winner = verdict.winner
    if verdict.decision is Decision.FORBID and not verdict.is_undecided and winner is not None:
        return Ending(
            stop=StopReason.FORBIDDEN,
            code=ReasonCode.POLICY_FORBIDS,
            text=f"{winner.name} forbids recording this call",
            erases=winner.captured is Captured.DELETE,
        )
    if consent.state in _REFUSED:
        stop, code = _REFUSED[consent.state]
        return Ending(stop=stop, code=code, text=consent.reason, erases=consent.erases)
    if facts.call.has_ended:
        return Ending(
            stop=StopReason.CALL_ENDED, code=ReasonCode.CALL_ENDED, text="the call has ended"
        )
    if consent.state is ConsentState.NO_RESPONSE:
        return Ending(
            stop=StopReason.CONSENT_TIMEOUT,
            code=ReasonCode.CONSENT_TIMEOUT,
            text=consent.reason,
            erases=consent.erases,
        )
    return _no_longer_matched(facts.open_recording, verdict, context)


def _no_longer_matched(
    recording: Recording | None, verdict: Verdict, context: PlanningContext
) -> Ending | None:
    if recording is None or verdict.decision in WANTS or verdict.is_undecided:
        return None
    policy = context.policies.by_name(recording.policy)
    if policy is None or policy.until is not Until.WHILE_MATCHED:
        return None
    return Ending(
        stop=StopReason.NO_LONGER_MATCHED,
        code=ReasonCode.NO_LONGER_MATCHED,
        text=f"{policy.name} records while it matches, and no longer does",
    )


def _rotates_at(recording: Recording | None) -> datetime | None:
    """Return when a recording is to end so that the next one follows it; None for never.

    Never while its start is unresolved: the next one would need a second id.
    """
    if recording is None or recording.rotate_every is None or recording.accepted_at is None:
        return None
    moment = add(recording.accepted_at, recording.rotate_every)
    return None if isinstance(moment, Forever) else moment


def _seam(recording: Recording | None) -> Ending:
    length = None if recording is None else recording.rotate_every
    return Ending(
        stop=StopReason.ROTATED,
        code=ReasonCode.ROTATED,
        text=f"a planned seam after {length}: the next recording follows at once",
    )


def _alarms(facts: CallFacts, verdict: Verdict, *, is_settled: bool) -> tuple[Alarm, ...]:
    call = facts.call.call_id
    alarms: list[Alarm] = []
    if verdict.conflicts:
        policies = ", ".join(verdict.conflicts)
        alarms.append(Alarm.of("PolicyConflict", call=call, policies=policies))
    is_at_stake = verdict.may_record or facts.open_recording is not None
    if verdict.is_undecided and is_settled and is_at_stake:
        alarms.append(Alarm.of("ForbidUndecided", call=call))
    return tuple(alarms)
