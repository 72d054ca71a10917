"""From "this call is wanted" to a start on the wire.

Called by `planning.planner` while a call has no recording id. A recording is written down the
moment it is wanted; its start waits for the participant of an assigned channel where the policy
says so; and a start whose outcome is unknown is sent again unchanged for as long as the service
remembers its repeatability id, then left to a callback or a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from recordingd.domain.calls import RawId
from recordingd.domain.durations import timedelta_of
from recordingd.domain.plans import (
    Alarm,
    CloseRecording,
    ExpectRecording,
    ReasonCode,
    StartRecording,
    Why,
)
from recordingd.domain.policies import IfAbsent, RecordSpec, WaitFor
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Outcome,
    Recording,
    StopReason,
    Verb,
)
from recordingd.planning.backoff import backed_off
from recordingd.planning.capture import erasure
from recordingd.planning.consent_needs import predecessor_of
from recordingd.planning.context import PlanningContext
from recordingd.planning.retention import first_keepings
from recordingd.planning.steps import NOTHING, Step, act, because, effect, held_back, merge, wait
from recordingd.planning.wishes import Ending, Wishes

# The service remembers a repeatability id for a while that its documents do not name; design
# decision: the same request is sent again for at most 4 minutes after it was first sent.
RESEND_FOR = timedelta(minutes=4)
# How long after the end of its call a start of unknown outcome may still be resolved by a file:
# files come "typically a few minutes after" (call-recording.md, Event Grid notifications).
UNRESOLVED_FOR = timedelta(hours=2)
# A recording that ended by itself in a call that still seems to live is started again, but only
# after the end of the call has had this long to arrive, and ever more slowly when it happens again.
RESTART_AFTER = timedelta(seconds=10)
RESTART_AFTER_MAX = timedelta(minutes=5)


def plan_expectation(
    facts: CallFacts, wishes: Wishes, context: PlanningContext, now: datetime
) -> Step:
    """Write down a wanted recording; wait a little where an earlier one ended by itself."""
    policy = wishes.policy
    if policy is None or policy.record is None or not facts.call.is_live or _is_over(facts):
        return NOTHING
    before = predecessor_of(facts, None)
    if before is None and (restart_at := _restart_at(facts)) is not None and now < restart_at:
        return wait(restart_at)
    seam = "" if before is None else f": it goes on after the planned seam of {before.id}"
    expected = ExpectRecording(
        call_id=facts.call.call_id,
        why=Why(
            code=ReasonCode.POLICY_WANTS,
            text=f"{policy.name} wants this call recorded{seam}",
            policy=policy.name,
            source=policy.source,
        ),
        spec=policy.record,
        consent=policy.consent,
        keeping=first_keepings(facts, policy, context, now),
        purpose=policy.purpose,
    )
    return act(expected)


def _restart_at(facts: CallFacts) -> datetime | None:
    """Return when a call may be recorded again whose recordings ended by themselves."""
    ends = [
        r.stopped_at
        for r in facts.recordings
        if r.stopped_at is not None and r.stop_reason is not StopReason.ROTATED
    ]
    if not ends:
        return None
    return max(ends) + backed_off(len(ends), first=RESTART_AFTER, longest=RESTART_AFTER_MAX)


def _is_over(facts: CallFacts) -> bool:
    """Whether recording this call has ended for a reason that lasts as long as the call does."""
    return any(
        r.outcome in {Outcome.REFUSED, Outcome.LOST}
        or r.stop_reason not in {None, StopReason.NO_LONGER_MATCHED, StopReason.ROTATED}
        for r in facts.recordings
    )


def plan_start(
    facts: CallFacts,
    recording: Recording,
    wishes: Wishes,
    context: PlanningContext,
    *,
    now: datetime,
) -> Step:
    """Send the start of a recording that was never sent, or close it when it is not wanted."""
    if wishes.ending is not None:
        return act(*_give_up(facts, recording, wishes.ending), alarms=_missed(facts, wishes.ending))
    if wishes.waits_to_start or (wishes.pauses and not context.can_start_paused):
        # Nothing may be captured before audio may flow; without silence that means no start.
        return Step(wake_at=wishes.changes_at)
    policy = context.policies.by_name(recording.policy)
    spec = policy.record if policy is not None else None
    affinity, absent = assign(facts, spec, context)
    alarms: tuple[Alarm, ...] = ()
    if absent and spec is not None:
        if isinstance(spec.if_absent, WaitFor):
            until = recording.expected_at + timedelta_of(spec.if_absent.duration)
            if now < until:
                return wait(until)
        elif spec.if_absent is IfAbsent.ALARM:
            channels = ", ".join(map(str, absent))
            alarms = (
                Alarm.of("AssignedParticipantAbsent", call=facts.call.call_id, channels=channels),
            )
    start = StartRecording(
        call_id=facts.call.call_id,
        why=because(ReasonCode.POLICY_WANTS, f"{recording.policy} wants it", recording),
        recording=recording.id,
        affinity=affinity,
        start_paused=bool(wishes.pauses),
    )
    return effect(start, alarms=alarms)


def assign(
    facts: CallFacts, spec: RecordSpec | None, context: PlanningContext
) -> tuple[Mapping[int, RawId], tuple[int, ...]]:
    """Choose who is recorded on which channel; return that, and the channels nobody fits.

    The first participant present that fits, in the order of joining, and none on two channels.
    """
    affinity: dict[int, RawId] = {}
    present = [p.party for p in facts.participants if p.is_present]
    assignments = spec.assign if spec is not None else ()
    for assignment in assignments:
        for party in present:
            is_free = party.raw_id not in affinity.values()
            if is_free and context.policies.fits(assignment.selectors, party, facts.call.roles):
                affinity[assignment.channel] = party.raw_id
                break
    absent = tuple(a.channel for a in assignments if a.channel not in affinity)
    return affinity, absent


def plan_unresolved(
    facts: CallFacts, recording: Recording, wishes: Wishes, *, now: datetime
) -> Step:
    """Resolve a start that was sent and whose recording id is unknown.

    What must go is noted now: its file may be the first that is heard of it, after the call's end.
    """
    erasures = () if wishes.ending is None else erasure(facts, recording, wishes.ending, now)
    return merge(act(*erasures), _resolve(facts, recording, wishes, now=now))


def _resolve(facts: CallFacts, recording: Recording, wishes: Wishes, *, now: datetime) -> Step:
    attempt = facts.open_attempt(recording.id)
    first_sent_at = recording.first_sent_at
    assert first_sent_at is not None
    was_refused_for_now = attempt is not None and attempt.outcome is AttemptOutcome.RETRYABLE
    if was_refused_for_now and wishes.ending is not None:
        # The service certainly did not start it, and nobody wants it any more.
        return act(*_give_up(facts, recording, wishes.ending), alarms=_missed(facts, wishes.ending))
    if (later := held_back(facts, recording.id, Verb.START, now)) is not None:
        return wait(later)
    if attempt is not None and (was_refused_for_now or now < first_sent_at + RESEND_FOR):
        again = StartRecording(
            call_id=facts.call.call_id,
            why=because(
                ReasonCode.START_UNRESOLVED,
                "the start has no answer: the same one again",
                recording,
            ),
            recording=recording.id,
            affinity=recording.affinity,
            start_paused=recording.start_paused,
        )
        return effect(again)
    return _wait_for_news(facts, recording, now)


def _wait_for_news(facts: CallFacts, recording: Recording, now: datetime) -> Step:
    ids = {"call": facts.call.call_id, "recording": recording.id}
    alarm = Alarm.of("StartUnresolved", **ids)
    ended_at = facts.call.ended_at
    if ended_at is None:
        return Step(alarms=(alarm,))
    if now < ended_at + UNRESOLVED_FOR:
        return wait(ended_at + UNRESOLVED_FOR, alarms=(alarm,))
    text = "the start was never answered, and no callback or file came"
    closed = CloseRecording(
        call_id=facts.call.call_id,
        why=because(ReasonCode.NEVER_ANNOUNCED, text, recording),
        recording=recording.id,
        outcome=Outcome.LOST,
    )
    return act(closed, alarms=(Alarm.of("FileLost", **ids),))


def _give_up(facts: CallFacts, recording: Recording, ending: Ending) -> tuple[CloseRecording, ...]:
    is_missed = ending.stop is StopReason.CALL_ENDED
    closed = CloseRecording(
        call_id=facts.call.call_id,
        why=because(ending.code, f"{ending.text} before it could start", recording),
        recording=recording.id,
        outcome=Outcome.REFUSED if is_missed else Outcome.NOT_RECORDED,
        stop_reason=ending.stop,
    )
    return (closed,)


def _missed(facts: CallFacts, ending: Ending) -> tuple[Alarm, ...]:
    if ending.stop is not StopReason.CALL_ENDED:
        return ()
    return (Alarm.of("RecordingRefused", call=facts.call.call_id),)
