"""A new revision acts on calls that live within one step: forbid, consent and pause rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    ALICE,
    BOB,
    RECORDING,
    T0,
    TICK,
    after,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_pause_rule,
    make_paused,
    make_policy,
    make_recording,
    make_request,
    make_rule_of_consent,
    make_running,
    make_supplies,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import BeforeDecision, ConsentMode
from recordingd.domain.plans import (
    CloseRecording,
    NoteQuestions,
    PauseRecording,
    ReasonCode,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from recordingd.domain.policies import Decision
from recordingd.domain.recordings import CallFacts, Capture, Outcome, StopReason
from recordingd.planning import outcomes
from recordingd.planning.advance import Advance, advance
from recordingd.planning.context import PlanningContext

LIVE = make_facts(recordings=make_running(observed_at=after(60)), participants=make_participant())
NOTICE = replace(make_consent_rule(), mode=ConsentMode.NOTICE)
NOW = after(61)


def step(facts: CallFacts, context: PlanningContext, now: datetime = NOW) -> Advance:
    return advance(facts, context, make_supplies(), busy=set(), now=now)


def open_reasons(done: Advance) -> set[str]:
    return set(map(str, done.facts.open_pauses(RECORDING)))


def test_call_goes_on_as_it_is_while_nothing_changes() -> None:
    assert step(LIVE, make_context()).effects == ()


# --- a rule comes ---------------------------------------------------------------------------------


def test_new_forbid_stops_a_live_recording() -> None:
    done = step(LIVE, make_context(make_policy(), make_policy("council", Decision.FORBID)))

    (stop,) = done.effects
    assert isinstance(stop, StopRecording)
    assert stop.stop_reason is StopReason.FORBIDDEN


def test_new_consent_rule_pauses_a_live_recording() -> None:
    done = step(LIVE, make_context(consent_rules=(make_rule_of_consent(),)))

    assert [type(e) for e in done.effects] == [PauseRecording]
    assert open_reasons(done) == {"consent"}


def test_new_pause_rule_pauses_a_call_whose_tag_says_so() -> None:
    facts = replace(LIVE, call=make_call(tags={"payment": "active"}))

    done = step(facts, make_context(pause_rules=(make_pause_rule(tags={"payment": "active"}),)))

    assert [type(e) for e in done.effects] == [PauseRecording]
    assert open_reasons(done) == {"pause:card-payment"}


def test_new_pause_rule_takes_over_a_request_that_nobody_answered() -> None:
    facts = replace(LIVE, requests=(make_request(after(60)),))
    before = step(facts, make_context())

    after_ = step(before.facts, make_context(pause_rules=(make_pause_rule(),)), NOW + TICK)

    assert (open_reasons(before), open_reasons(after_)) == ({"operator"}, {"pause:card-payment"})
    assert after_.facts.recordings[0].capture_wanted is Capture.ACTIVE


# --- how long there is to answer ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "is_over"),
    [(after(91) - TICK, False), (after(91), True), (after(91) + TICK, True)],
)
def test_time_to_answer_a_new_rule_begins_when_it_comes(now: datetime, *, is_over: bool) -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))
    asked = step(LIVE, context)
    assert [type(a) for a in asked.applied].count(NoteQuestions) == 1

    done = step(asked.facts, context, now)

    stops = [e for e in done.effects if isinstance(e, StopRecording)]
    assert [s.stop_reason for s in stops] == ([StopReason.CONSENT_TIMEOUT] if is_over else [])


def test_time_to_answer_begins_anew_when_a_rule_asks_for_more() -> None:
    """Whoever was only told must not lose the recording to a rule that is a moment old."""
    told = replace(LIVE, consents=(make_answer(ConsentAnswer.NOTIFIED, ALICE),))
    mild = make_context(consent_rules=(make_rule_of_consent(spec=NOTICE),))
    strict = make_context(consent_rules=(make_rule_of_consent(),))
    before = step(told, mild, after(60))
    assert open_reasons(before) == set()

    done = step(before.facts, strict)

    assert [type(e) for e in done.effects] == [PauseRecording]
    assert done.facts.recordings[0].stop_reason is None


def test_question_is_noted_once() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))
    first = step(LIVE, context)

    second = step(first.facts, context, NOW + TICK)

    assert first.facts.recordings[0].asked == second.facts.recordings[0].asked
    assert set(first.facts.recordings[0].asked.values()) == {NOW}


def test_answers_that_were_given_before_count_for_a_new_rule() -> None:
    agreed = replace(LIVE, consents=(make_answer(ConsentAnswer.GRANTED, ALICE),))

    done = step(agreed, make_context(consent_rules=(make_rule_of_consent(),)))

    assert done.effects == ()
    assert open_reasons(done) == set()


# --- a rule goes ----------------------------------------------------------------------------------


def test_audio_goes_on_when_the_last_rule_that_asked_is_gone() -> None:
    asked = step(LIVE, make_context(consent_rules=(make_rule_of_consent(),)))
    paused = outcomes.capture_changed(asked.facts, RECORDING, Capture.PAUSED, NOW)

    done = step(paused, make_context(), NOW + TICK)

    (resume,) = done.effects
    assert isinstance(resume, ResumeRecording)
    assert resume.why.code is ReasonCode.CONSENT_GRANTED


def test_end_of_one_reason_never_lifts_another() -> None:
    """The payment is over, and somebody has still not answered."""
    recording = make_paused(consent=make_consent_rule(timeout="10m"))
    facts = make_facts(
        recordings=recording,
        participants=make_participant(),
        requests=(make_request(after(5)),),
    )
    context = make_context(pause_rules=(make_pause_rule(),))
    both = step(facts, context, after(6))
    assert open_reasons(both) == {"consent", "pause:card-payment"}

    resumed = replace(
        both.facts, requests=(*facts.requests, make_request(after(7), is_resume=True))
    )
    done = step(resumed, context, after(8))

    assert open_reasons(done) == {"consent"}
    assert not any(isinstance(e, ResumeRecording) for e in done.effects)


# --- before the start -----------------------------------------------------------------------------

PATIENT = make_rule_of_consent(
    spec=replace(make_consent_rule(), before_decision=BeforeDecision.NOT_STARTED)
)
WAITING = make_facts(recordings=make_recording(), participants=make_participant())


def test_start_that_waits_for_everybody_goes_out_once_they_agreed() -> None:
    context = make_context(consent_rules=(PATIENT,))
    waiting = step(WAITING, context, after(3))
    assert (waiting.effects, waiting.wake_at) == ((), after(33))

    agreed = replace(waiting.facts, consents=(make_answer(ConsentAnswer.GRANTED, ALICE),))
    (start,) = step(agreed, context, after(4)).effects

    assert isinstance(start, StartRecording)
    assert not start.start_paused


@pytest.mark.parametrize(
    ("answer", "now", "stop"),
    [
        (ConsentAnswer.DENIED, after(2), StopReason.CONSENT_DENIED),
        (None, after(31), StopReason.CONSENT_TIMEOUT),
    ],
)
def test_start_that_waits_in_vain_is_never_sent(
    answer: ConsentAnswer | None, now: datetime, stop: StopReason
) -> None:
    context = make_context(consent_rules=(PATIENT,))
    waiting = step(WAITING, context, after(1)).facts
    answers = () if answer is None else (make_answer(answer, ALICE),)

    done = step(replace(waiting, consents=answers), context, now)

    (closed,) = (a for a in done.applied if isinstance(a, CloseRecording))
    assert (closed.outcome, closed.stop_reason) == (Outcome.NOT_RECORDED, stop)
    assert done.effects == ()


def test_recording_that_runs_when_such_a_rule_comes_is_paused() -> None:
    done = step(LIVE, make_context(consent_rules=(PATIENT,)))

    assert [type(e) for e in done.effects] == [PauseRecording]


def test_call_without_the_rule_that_is_required_starts_in_silence_and_stays_so() -> None:
    context = make_context(require_consent_rule=True)
    facts = make_facts(participants=(make_participant(), make_participant(BOB, T0)))

    done = step(facts, context, after(1))

    (start,) = done.effects
    assert isinstance(start, StartRecording)
    assert start.start_paused
    assert "ConsentRuleMissing" in [a.name for a in done.alarms]
