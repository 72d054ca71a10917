"""Make a known recording capture, be silent, or end, and read back that it does.

Called by `planning.planner` for a recording whose id is known. The service has one word,
`inactive`, for a recording that has not started, is paused, or is stopping (RecordingState,
2026-03-12), so a pause counts only after audio was seen before it, or after the time a start can
take has passed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from recordingd.domain.plans import (
    Alarm,
    BringForwardErasure,
    ClosePause,
    LedgerAction,
    ObserveRecording,
    OpenPause,
    PauseRecording,
    ReasonCode,
    ResumeRecording,
    StopRecording,
)
from recordingd.domain.recordings import (
    CallFacts,
    Capture,
    PauseReason,
    Recording,
    StopReason,
    Verb,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import anchors_of, dates_of
from recordingd.planning.steps import Step, act, because, effect, held_back, merge, wait
from recordingd.planning.wishes import Ending, Wishes

# A pause that cannot be confirmed three times becomes a stop; with a service that answers at once
# that is within two seconds.
PAUSE_TRIES_MAX = 3
# How long a pause that the service accepted may take to show before it is asked for again.
PAUSE_SHOWS_WITHIN = timedelta(milliseconds=500)
# How often a recording is read back: quickly while what was asked is not confirmed, then rarely,
# since callbacks bring what changes.
CONFIRM_EVERY_MIN = timedelta(milliseconds=250)
CONFIRM_EVERY_MAX = timedelta(seconds=5)
OBSERVE_EVERY = timedelta(seconds=30)
_CODE_OF = {
    StopReason.CALL_ENDED: ReasonCode.CALL_ENDED,
    StopReason.FORBIDDEN: ReasonCode.POLICY_FORBIDS,
    StopReason.NO_LONGER_MATCHED: ReasonCode.NO_LONGER_MATCHED,
    StopReason.ROTATED: ReasonCode.ROTATED,
    StopReason.CONSENT_DENIED: ReasonCode.CONSENT_DENIED,
    StopReason.CONSENT_WITHDRAWN: ReasonCode.CONSENT_WITHDRAWN,
    StopReason.CONSENT_TIMEOUT: ReasonCode.CONSENT_TIMEOUT,
    StopReason.PAUSE_UNCONFIRMED: ReasonCode.PAUSE_UNCONFIRMED,
}
# Why silence begins and ends; every other reason is a pause that somebody asked for.
_CODES_OF_PAUSE = {
    PauseReason.CONSENT: (ReasonCode.CONSENT_PENDING, ReasonCode.CONSENT_GRANTED),
    PauseReason.SETTLE: (ReasonCode.UNDECIDED, ReasonCode.PAUSE_OVER),
}
_CODES_OF_A_PAUSE = (ReasonCode.PAUSE_ASKED, ReasonCode.PAUSE_OVER)


def plan_capture(
    facts: CallFacts,
    recording: Recording,
    wishes: Wishes,
    context: PlanningContext,
    *,
    now: datetime,
) -> Step:
    """Plan the next effect on a known recording: an end first, then silence, then audio."""
    ending = wishes.ending or _ending_begun(recording)
    if ending is not None:
        return merge(
            act(*erasure(facts, recording, ending, now)),
            _stop(facts, recording, ending, now=now),
        )
    reasons = act(*_pause_changes(facts, recording, wishes))
    if wishes.pauses:
        return merge(reasons, _silence(facts, recording, wishes, context, now=now))
    return merge(reasons, _audio(facts, recording, context, now=now))


def _ending_begun(recording: Recording) -> Ending | None:
    """Go on with an end that was asked for: the service may have carried it out already."""
    if recording.stop_reason is None:
        return None
    return Ending(
        stop=recording.stop_reason,
        code=_CODE_OF[recording.stop_reason],
        text="its end was asked for already",
    )


def erasure(
    facts: CallFacts, recording: Recording, ending: Ending, now: datetime
) -> tuple[LedgerAction, ...]:
    """Bring its deletion forward where an ending says so; once, and never back."""
    if not ending.erases or recording.erase_at is not None:
        return ()
    text = f"{ending.text}: what was captured goes too"
    obligation = dates_of(recording.keeping, anchors_of(facts, recording)).legal_floor
    if obligation is not None:
        text = f"{text}, but not before the legal obligation of {obligation.rule} is over"
    erase = BringForwardErasure(
        call_id=facts.call.call_id,
        why=because(ending.code, text, recording),
        recording=recording.id,
        at=now,
    )
    return (erase,)


def _stop(facts: CallFacts, recording: Recording, ending: Ending, *, now: datetime) -> Step:
    alarms: tuple[Alarm, ...] = ()
    if StopReason.PAUSE_UNCONFIRMED in {ending.stop, recording.stop_reason}:
        ids = {"call": facts.call.call_id, "recording": recording.id}
        alarms = (Alarm.of("CaptureUncontrolled", **ids),)
    if (later := held_back(facts, recording.id, Verb.STOP, now)) is not None:
        return wait(later, alarms=alarms)
    stop = StopRecording(
        call_id=facts.call.call_id,
        why=because(ending.code, ending.text, recording),
        recording=recording.id,
        stop_reason=ending.stop,
    )
    return effect(stop, alarms=alarms)


def _pause_changes(
    facts: CallFacts, recording: Recording, wishes: Wishes
) -> tuple[LedgerAction, ...]:
    is_open = facts.open_pauses(recording.id)
    opened = [
        OpenPause(
            call_id=facts.call.call_id,
            why=because(_codes_of(reason)[0], text, recording),
            recording=recording.id,
            pause=reason,
        )
        for reason, text in wishes.pauses.items()
        if reason not in is_open
    ]
    closed = [
        ClosePause(
            call_id=facts.call.call_id,
            why=because(_codes_of(reason)[1], f"{reason} no longer asks", recording),
            recording=recording.id,
            pause=reason,
        )
        for reason in sorted(is_open - set(wishes.pauses), key=str)
    ]
    return (*opened, *closed)


def _codes_of(reason: PauseReason) -> tuple[ReasonCode, ReasonCode]:
    return _CODES_OF_PAUSE.get(reason, _CODES_OF_A_PAUSE)


def is_read_since_change(recording: Recording) -> bool:
    """Whether the service was read after the last thing we asked of the recording."""
    changed, seen = recording.capture_changed_at, recording.observed_at
    return seen is not None and (changed is None or seen > changed)


def is_silence_confirmed(recording: Recording, start_window: timedelta, now: datetime) -> bool:
    """Whether a recording certainly captures nothing.

    `inactive` alone is no proof: before the first `active` it may be a start still on its way.
    """
    if not is_read_since_change(recording) or recording.inactive_since is None:
        return False
    if recording.active_seen_at is not None:
        return True
    return recording.accepted_at is not None and now >= recording.accepted_at + start_window


def _silence(
    facts: CallFacts,
    recording: Recording,
    wishes: Wishes,
    context: PlanningContext,
    *,
    now: datetime,
) -> Step:
    if recording.capture_wanted is not Capture.PAUSED:
        return _pause(facts, recording, wishes, now=now)
    is_active = is_read_since_change(recording) and recording.active_since is not None
    changed_at = recording.capture_changed_at
    # Without such a moment the answer to a start was lost, and nothing is on its way.
    if is_active and (changed_at is None or now >= changed_at + PAUSE_SHOWS_WITHIN):
        return _pause(facts, recording, wishes, now=now)
    confirmed = is_silence_confirmed(recording, context.start_window, now)
    return _observe(facts, recording, is_confirmed=confirmed, now=now)


def _pause(facts: CallFacts, recording: Recording, wishes: Wishes, *, now: datetime) -> Step:
    if _pauses_tried(facts, recording) >= PAUSE_TRIES_MAX:
        ending = Ending(
            stop=StopReason.PAUSE_UNCONFIRMED,
            code=ReasonCode.PAUSE_UNCONFIRMED,
            text="three pauses were not confirmed",
        )
        return _stop(facts, recording, ending, now=now)
    if (later := held_back(facts, recording.id, Verb.PAUSE, now)) is not None:
        return wait(later)
    reason, words = next(iter(wishes.pauses.items()))
    why = because(_codes_of(reason)[0], f"audio may not flow now: {words}", recording)
    return effect(PauseRecording(call_id=facts.call.call_id, why=why, recording=recording.id))


def _pauses_tried(facts: CallFacts, recording: Recording) -> int:
    """Count the pauses sent since silence is owed and was not had, however slow the service is."""
    opened = [
        p.opened_at for p in facts.pauses if p.recording == recording.id and p.closed_at is None
    ]
    owed_since = [m for m in (min(opened, default=None), recording.active_since) if m is not None]
    since = max(owed_since, default=recording.expected_at)
    return sum(
        a.tries
        for a in facts.attempts
        if (a.target, a.verb) == (recording.id, Verb.PAUSE) and a.intended_at >= since
    )


def _audio(
    facts: CallFacts, recording: Recording, context: PlanningContext, *, now: datetime
) -> Step:
    is_read = is_read_since_change(recording)
    changed_at = recording.capture_changed_at or recording.accepted_at or recording.expected_at
    if recording.capture_wanted is Capture.PAUSED:
        return _resume(facts, recording, _why_silence_ends(facts, recording), now=now)
    if is_read and recording.active_since is not None:
        return _observe(facts, recording, is_confirmed=True, now=now)
    if (
        is_read
        and recording.inactive_since is not None
        and now >= changed_at + context.start_window
    ):
        return _resume(facts, recording, ReasonCode.CAPTURE_DRIFTED, now=now)
    return _observe(facts, recording, is_confirmed=False, now=now)


def _why_silence_ends(facts: CallFacts, recording: Recording) -> ReasonCode:
    """Return the code of the reason that closed last; a start in silence may have had no row."""
    closed = [
        (p.closed_at, str(p.reason), p.reason)
        for p in facts.pauses
        if p.recording == recording.id and p.closed_at is not None
    ]
    reason = max(closed)[2] if closed else PauseReason.CONSENT
    return _codes_of(reason)[1]


def _resume(facts: CallFacts, recording: Recording, code: ReasonCode, *, now: datetime) -> Step:
    if (later := held_back(facts, recording.id, Verb.RESUME, now)) is not None:
        return wait(later)
    why = because(code, "nothing asks for silence", recording)
    return effect(ResumeRecording(call_id=facts.call.call_id, why=why, recording=recording.id))


def _observe(facts: CallFacts, recording: Recording, *, is_confirmed: bool, now: datetime) -> Step:
    changed_at = recording.capture_changed_at or recording.accepted_at or recording.expected_at
    last = max(changed_at, recording.observed_at or changed_at)
    pace = OBSERVE_EVERY if is_confirmed else _confirmation_pace(last - changed_at)
    due_at = max(last + pace, recording.observe_after or last)
    if now < due_at:
        return wait(due_at)
    why = because(ReasonCode.STATE_UNKNOWN, "it is time to read it back", recording)
    return effect(ObserveRecording(call_id=facts.call.call_id, why=why, recording=recording.id))


def _confirmation_pace(elapsed: timedelta) -> timedelta:
    """Read back quickly at first and ever more slowly, since a change shows within seconds."""
    return min(max(elapsed / 2, CONFIRM_EVERY_MIN), CONFIRM_EVERY_MAX)
