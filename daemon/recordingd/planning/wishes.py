"""What the policies and the answers of the participants want of a call at this moment.

Called by `planning.planner` only. Three questions are answered separately and put together here:
whether to record, whether audio may flow, and whether what runs must end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.plans import Alarm, ReasonCode
from recordingd.domain.policies import Captured, Decision, RecordingPolicy, Until
from recordingd.domain.recordings import CallFacts, PauseReason, Recording, StopReason
from recordingd.planning.consent import ConsentQuestion, ConsentState, ConsentView, assess
from recordingd.planning.context import PlanningContext
from recordingd.planning.matching import Verdict
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
    reasons for silence with a sentence each. `changes_at` is when time alone may change any of it.
    """

    policy: RecordingPolicy | None
    pauses: dict[PauseReason, str]
    ending: Ending | None
    alarms: tuple[Alarm, ...]
    changes_at: datetime | None


def wish(facts: CallFacts, context: PlanningContext, now: datetime) -> Wishes:
    """Ask every question about a call anew, with every fact there is."""
    verdict, settles_at = judge(facts, context, now)
    recording = facts.open_recording
    wanted = _wanted(verdict, is_settled=now >= settles_at)
    consent = consent_of(facts, recording, context, now)
    pauses: dict[PauseReason, str] = {}
    if verdict.is_undecided:
        pauses[PauseReason.SETTLE] = "it is not yet known whether this call may be recorded"
    if consent.state is ConsentState.PENDING:
        pauses[PauseReason.CONSENT] = consent.reason
    return Wishes(
        policy=wanted,
        pauses=pauses,
        ending=_ending(facts, verdict, consent, context),
        alarms=_alarms(facts, verdict, is_settled=now >= settles_at),
        changes_at=earliest(
            settles_at if verdict.is_undecided and now < settles_at else None, consent.changes_at
        ),
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


def judge(facts: CallFacts, context: PlanningContext, now: datetime) -> tuple[Verdict, datetime]:
    """Return the policies' verdict on a call, and when unknown is taken as an answer."""
    call = facts.call
    settles_at = (call.started_at or call.first_seen_at) + context.settle
    present = [p for p in facts.participants if p.is_present]
    verdict = context.policies.decide(call, present, now=now, settled=now >= settles_at)
    return verdict, settles_at


def consent_of(
    facts: CallFacts, recording: Recording | None, context: PlanningContext, now: datetime
) -> ConsentView:
    """Return what consent says of a recording, under the rule it was started with."""
    if recording is None or recording.consent is None:
        return ConsentView(state=ConsentState.NOT_REQUIRED, reason="the policy asks for no consent")
    question = ConsentQuestion(
        spec=recording.consent,
        purpose=recording.purpose,
        asked_at=recording.expected_at,
        is_internal=lambda party: context.policies.is_internal(party, facts.call.roles),
    )
    return assess(facts, question, now)


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
    if consent.state is ConsentState.DENIED:
        return Ending(
            stop=StopReason.CONSENT_DENIED,
            code=ReasonCode.CONSENT_DENIED,
            text=consent.reason,
            erases=True,
        )
    if facts.call.has_ended:
        return Ending(
            stop=StopReason.CALL_ENDED, code=ReasonCode.CALL_ENDED, text="the call has ended"
        )
    if consent.state is ConsentState.NO_RESPONSE:
        return Ending(
            stop=StopReason.CONSENT_TIMEOUT,
            code=ReasonCode.CONSENT_TIMEOUT,
            text=consent.reason,
            erases=True,
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
