"""Silence, audio and the end of a running recording, moment by moment."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from tests.factories import (
    ALICE,
    RECORDING,
    TICK,
    after,
    keep,
    make_answer,
    make_attempt,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_keeping,
    make_participant,
    make_paused,
    make_put_off,
    make_request,
    make_running,
    make_supplies,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import ConsentSpec
from recordingd.domain.plans import (
    BringForwardErasure,
    ClosePause,
    Effect,
    ObserveRecording,
    OpenPause,
    PauseRecording,
    ReasonCode,
    ResumeRecording,
    StopRecording,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    Pause,
    PauseReason,
    Recording,
    StopReason,
    Verb,
)
from recordingd.domain.retention import Basis
from recordingd.planning import outcomes
from recordingd.planning.advance import advance
from recordingd.planning.capture import is_silence_confirmed
from recordingd.planning.facts import observed
from recordingd.planning.planner import plan_call

CONTEXT = make_context()
WINDOW = timedelta(seconds=15)
ASKING: ConsentSpec = make_consent_rule()


def make_asked(recording: Recording, *, granted: bool, joined: float = 0) -> CallFacts:
    """Make a call of one participant, who has agreed or was asked just now."""
    consents = (make_answer(participant=ALICE),) if granted else ()
    return make_facts(
        recordings=recording,
        participants=make_participant(joined_at=after(joined)),
        consents=consents,
    )


def effects_of(facts: CallFacts, now: datetime) -> list[type[Effect]]:
    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=now)
    return [type(e) for e in done.effects]


# --- silence --------------------------------------------------------------------------------------


def test_active_recording_is_paused_when_somebody_joins_who_was_not_asked() -> None:
    facts = make_asked(make_running(consent=ASKING), granted=False, joined=20)

    assert effects_of(facts, after(20)) == [PauseRecording]


def test_running_recording_is_resumed_once_everybody_has_agreed() -> None:
    facts = make_asked(make_paused(consent=ASKING), granted=True)

    assert effects_of(facts, after(5)) == [ResumeRecording]


def test_pause_is_repeated_when_audio_still_flows() -> None:
    paused_at = after(20)
    recording = make_running(
        consent=ASKING,
        capture_wanted=Capture.PAUSED,
        capture_changed_at=paused_at,
        observed_at=after(20.4),
    )
    facts = make_asked(recording, granted=False, joined=20)

    assert effects_of(facts, after(20.5) - TICK) == []
    assert effects_of(facts, after(20.5)) == [PauseRecording]
    assert effects_of(facts, after(20.5) + TICK) == [PauseRecording]


def test_pause_is_repeated_when_the_answer_to_a_start_was_lost() -> None:
    """An event told the id of a start without an answer, and that it captures."""
    recording = make_paused(
        consent=ASKING,
        capture_changed_at=None,
        inactive_since=None,
        active_seen_at=after(1),
        active_since=after(1),
    )

    assert effects_of(make_asked(recording, granted=False), after(2)) == [PauseRecording]


@pytest.mark.parametrize(
    ("name", "recording", "is_confirmed"),
    [
        ("never read", make_paused(inactive_since=None, observed_at=None), False),
        ("read as inactive in the start window", make_paused(), False),
        (
            "read as inactive after it was active",
            make_paused(active_seen_at=after(0.5)),
            True,
        ),
        (
            "read before it was asked for",
            make_paused(active_seen_at=after(0.5), capture_changed_at=after(1)),
            False,
        ),
        (
            "read as active",
            make_paused(active_since=after(1), active_seen_at=after(1), inactive_since=None),
            False,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_silence_counts_only_once_it_is_certain(
    name: str, recording: Recording, *, is_confirmed: bool
) -> None:
    assert is_silence_confirmed(recording, WINDOW, after(3)) is is_confirmed, name


@pytest.mark.parametrize(
    ("now", "is_confirmed"),
    [(after(15) - TICK, False), (after(15), True), (after(15) + TICK, True)],
)
def test_inactive_counts_as_silence_after_the_start_window(
    now: datetime, *, is_confirmed: bool
) -> None:
    assert is_silence_confirmed(make_paused(), WINDOW, now) is is_confirmed


@dataclass
class Stubborn:
    """A service that accepts pauses and goes on capturing; every request takes `latency`."""

    facts: CallFacts
    latency: timedelta
    now: datetime
    sent: list[tuple[datetime, Verb]] = field(default_factory=list)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            done = advance(self.facts, CONTEXT, make_supplies(), busy=set(), now=self.now)
            self.facts = done.facts
            if not done.effects:
                assert done.wake_at is not None
                assert done.wake_at > self.now
                self.now = done.wake_at
                continue
            (effect,) = done.effects
            answer, verb = self._answer(effect)
            self.sent.append((self.now, verb))
            if verb is Verb.STOP:
                return
            self.now += self.latency
            self.facts = answer(self.facts)

    def _answer(self, effect: Effect) -> tuple[Callable[[CallFacts], CallFacts], Verb]:
        match effect:
            case PauseRecording():
                return lambda facts: outcomes.capture_changed(
                    facts, RECORDING, Capture.PAUSED, self.now
                ), Verb.PAUSE
            case ObserveRecording():
                return lambda facts: outcomes.state_read(
                    facts, RECORDING, is_active=True, now=self.now
                ), Verb.OBSERVE
            case _:
                return lambda facts: facts, Verb.STOP


@pytest.mark.parametrize("latency_ms", [1, 50, 300, 2_000, 10_000])
def test_three_unconfirmed_pauses_become_a_stop_however_slow_the_service_is(
    latency_ms: int,
) -> None:
    facts = make_asked(make_running(consent=make_consent_rule(timeout="10m")), granted=False)
    service = Stubborn(facts=facts, latency=timedelta(milliseconds=latency_ms), now=after(20))

    service.run(steps=100)

    controls = [verb for _, verb in service.sent if verb is not Verb.OBSERVE]
    assert controls == [Verb.PAUSE, Verb.PAUSE, Verb.PAUSE, Verb.STOP]
    assert service.facts.recordings[0].stop_reason is StopReason.PAUSE_UNCONFIRMED


def test_three_unconfirmed_pauses_fit_into_two_seconds() -> None:
    facts = make_asked(make_running(consent=ASKING), granted=False, joined=20)
    service = Stubborn(facts=facts, latency=timedelta(milliseconds=50), now=after(20))

    service.run(steps=100)

    assert service.now - after(20) <= timedelta(seconds=2)


def test_capture_that_cannot_be_silenced_alarms_until_it_is_over() -> None:
    recording = make_running(consent=ASKING, stop_reason=StopReason.PAUSE_UNCONFIRMED)
    facts = make_asked(recording, granted=False, joined=20)

    plan = plan_call(facts, CONTEXT, after(21))

    assert [type(e) for e in plan.effects] == [StopRecording]
    assert "CaptureUncontrolled" in [a.name for a in plan.alarms]


def test_pauses_of_an_earlier_silence_do_not_count() -> None:
    """It was silent since, and somebody else resumed it."""
    earlier = tuple(
        make_attempt(
            Verb.PAUSE,
            id=f"pause-{n}",
            intended_at=after(20 + n),
            finished_at=after(20 + n),
            outcome=AttemptOutcome.OK,
        )
        for n in range(3)
    )
    recording = make_running(
        consent=make_consent_rule(timeout="10m"),
        capture_wanted=Capture.PAUSED,
        capture_changed_at=after(22),
        active_since=after(40),
        observed_at=after(40),
    )
    pause = Pause(recording=RECORDING, reason=PauseReason.CONSENT, opened_at=after(20))
    facts = make_facts(
        recordings=recording, participants=make_participant(), attempts=earlier, pauses=pause
    )

    assert effects_of(facts, after(41)) == [PauseRecording]


def test_failed_pause_waits_for_its_turn() -> None:
    attempt = make_put_off(Verb.PAUSE, retry_at=after(20.3), intended_at=after(20))
    facts = make_facts(
        recordings=make_running(consent=ASKING),
        participants=make_participant(joined_at=after(20)),
        attempts=attempt,
        pauses=Pause(recording=RECORDING, reason=PauseReason.CONSENT, opened_at=after(20)),
    )

    assert effects_of(facts, after(20.3) - TICK) == []
    assert effects_of(facts, after(20.3)) == [PauseRecording]


def test_pause_that_somebody_asked_for_is_not_resumed_over() -> None:
    facts = make_facts(recordings=make_running(), requests=make_request(after(3)))

    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(4))

    assert [type(e) for e in done.effects] == [PauseRecording]
    assert done.facts.open_pauses(RECORDING) == {PauseReason.OPERATOR}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (PauseReason.CONSENT, ReasonCode.CONSENT_PENDING),
        (PauseReason.OPERATOR, ReasonCode.PAUSE_ASKED),
    ],
)
def test_silence_says_what_asks_for_it(reason: PauseReason, code: ReasonCode) -> None:
    asked = (make_request(),) if reason == PauseReason.OPERATOR else ()
    recording = make_running(consent=None if asked else ASKING)
    facts = replace(make_asked(recording, granted=False, joined=20), requests=asked)

    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(21))

    (opened,) = (a for a in done.applied if isinstance(a, OpenPause))
    assert (opened.pause, opened.why.code) == (reason, code)
    assert [e.why.code for e in done.effects] == [code]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (PauseReason.CONSENT, ReasonCode.CONSENT_GRANTED),
        (PauseReason.SETTLE, ReasonCode.PAUSE_OVER),
        (PauseReason("pause:card-payment"), ReasonCode.PAUSE_OVER),
    ],
)
def test_audio_says_which_silence_is_over(reason: PauseReason, code: ReasonCode) -> None:
    pause = Pause(recording=RECORDING, reason=reason, opened_at=after(3))
    facts = make_facts(recordings=make_paused(), pauses=pause)

    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(4))

    (closed,) = (a for a in done.applied if isinstance(a, ClosePause))
    assert (closed.pause, closed.why.code) == (reason, code)
    assert [(type(e), e.why.code) for e in done.effects] == [(ResumeRecording, code)]


# --- audio ----------------------------------------------------------------------------------------


def test_audio_that_never_began_is_resumed_after_the_start_window() -> None:
    recording = make_running(
        active_seen_at=None, active_since=None, inactive_since=after(1), observed_at=after(14.9)
    )
    facts = make_facts(recordings=recording)

    assert effects_of(facts, after(15) - TICK) == []
    assert effects_of(facts, after(15)) == [ResumeRecording]
    assert effects_of(facts, after(15) + TICK) == [ResumeRecording]


def test_resume_is_not_repeated_before_it_can_show() -> None:
    recording = make_running(
        active_since=None,
        inactive_since=after(20.2),
        observed_at=after(20.2),
        capture_changed_at=after(20),
    )

    assert ResumeRecording not in effects_of(make_facts(recordings=recording), after(21))


def test_refused_resume_waits_for_its_turn() -> None:
    attempt = make_put_off(Verb.RESUME, retry_at=after(6))
    facts = make_facts(recordings=make_paused(), attempts=attempt)

    assert effects_of(facts, after(6) - TICK) == []
    assert effects_of(facts, after(6)) == [ResumeRecording]


def test_confirmed_recording_is_read_every_half_minute() -> None:
    facts = make_facts(recordings=make_running())

    assert effects_of(facts, after(31) - TICK) == []
    assert effects_of(facts, after(31)) == [ObserveRecording]


def test_unconfirmed_recording_is_read_quickly_and_then_ever_more_slowly() -> None:
    moments = []
    recording = make_running(
        active_seen_at=None, active_since=None, inactive_since=None, observed_at=None
    )
    for _ in range(12):
        wake_at = plan_call(make_facts(recordings=recording), CONTEXT, after(0)).wake_at
        assert wake_at is not None
        moments.append((wake_at - after(0)).total_seconds())
        recording = observed(recording, is_active=False, at=wake_at)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]

    assert moments[0] == 0.25
    assert gaps == sorted(gaps)
    assert gaps[-1] <= 5


def test_failed_reading_is_not_repeated_at_once() -> None:
    facts = make_facts(recordings=make_running(observe_after=after(40)))

    assert effects_of(facts, after(40) - TICK) == []
    assert effects_of(facts, after(40)) == [ObserveRecording]


# --- the end --------------------------------------------------------------------------------------


def test_recording_of_an_ended_call_is_stopped() -> None:
    facts = make_facts(make_call(ended_at=after(60)), recordings=make_running())

    assert effects_of(facts, after(60)) == [StopRecording]


def test_refusal_stops_and_erases() -> None:
    facts = make_facts(
        recordings=make_running(consent=ASKING),
        participants=make_participant(),
        consents=make_answer(ConsentAnswer.DENIED, ALICE, after(10)),
    )

    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(10))

    assert [type(e) for e in done.effects] == [StopRecording]
    assert done.facts.recordings[0].erase_at == after(10)
    assert done.facts.recordings[0].stop_reason is StopReason.CONSENT_DENIED


def test_erasure_that_a_legal_obligation_stands_against_says_so() -> None:
    legal = make_keeping(keep("5y", basis=Basis.LEGAL_OBLIGATION), "mifid-ii")
    facts = make_facts(
        recordings=make_running(consent=ASKING, keeping=(legal,)),
        participants=make_participant(),
        consents=make_answer(ConsentAnswer.DENIED, ALICE, after(10)),
    )

    done = advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(10))

    (erasure,) = [a for a in done.applied if isinstance(a, BringForwardErasure)]
    assert erasure.why.text.endswith(
        "what was captured goes too, but not before the legal obligation of mifid-ii is over"
    )


def test_end_that_was_asked_for_goes_on_when_its_reason_goes_away() -> None:
    """The service may have stopped it already; what was refused is not resumed."""
    recording = make_running(consent=ASKING, stop_reason=StopReason.CONSENT_DENIED)
    facts = make_asked(recording, granted=True)

    assert effects_of(facts, after(20)) == [StopRecording]


def test_failed_stop_waits_for_its_turn() -> None:
    attempt = make_put_off(Verb.STOP, retry_at=after(65))
    facts = make_facts(make_call(ended_at=after(60)), recordings=make_running(), attempts=attempt)

    assert effects_of(facts, after(65) - TICK) == []
    assert effects_of(facts, after(65)) == [StopRecording]
