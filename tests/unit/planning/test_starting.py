"""From a wanted call to a start on the wire, and starts whose outcome is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    RECORDING,
    TICK,
    after,
    make_answer,
    make_attempt,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_paused,
    make_policy,
    make_put_off,
    make_recording,
    make_sent,
    make_silent_context,
    make_spec,
    make_stopped,
    make_supplies,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import Call, ConsentAnswer
from recordingd.domain.durations import Duration
from recordingd.domain.plans import CallPlan, CloseRecording, ExpectRecording, StartRecording
from recordingd.domain.policies import Decision, IfAbsent, Until, WaitFor
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Outcome,
    Recording,
    RecordingId,
    StopReason,
    Verb,
)
from recordingd.planning import attempts
from recordingd.planning.advance import Advance, advance
from recordingd.planning.context import PlanningContext
from recordingd.planning.planner import plan_call

WAIT_20S = WaitFor(duration=Duration(seconds=20))
ASKING = make_context(make_policy(consent=make_consent_rule()))


def step(facts: CallFacts, now: datetime, context: PlanningContext | None = None) -> Advance:
    return advance(facts, context or make_context(), make_supplies(), busy=set(), now=now)


def the_start(plan: Advance | CallPlan) -> StartRecording:
    (start,) = plan.effects
    assert isinstance(start, StartRecording)
    return start


# --- expecting ------------------------------------------------------------------------------------


def test_wanted_call_is_expected_and_started_in_one_step() -> None:
    done = step(make_facts(), after(1))

    assert the_start(done).start_paused is False
    assert done.facts.recordings[0].expected_at == after(1)
    assert done.facts.recordings[0].first_sent_at == after(1)


@pytest.mark.parametrize(
    "call",
    [
        make_call(started_at=None),
        make_call(ended_at=after(1)),
        make_call(started_at=None, ended_at=after(1)),
    ],
    ids=["not established", "over", "over before it began"],
)
def test_call_that_does_not_live_is_not_recorded(call: Call) -> None:
    assert step(make_facts(call), after(2)).facts.recordings == ()


@pytest.mark.parametrize("decision", [Decision.SKIP, Decision.FORBID])
def test_call_that_no_policy_wants_is_not_recorded(decision: Decision) -> None:
    context = make_context(make_policy(decision=decision))

    assert step(make_facts(), after(1), context).facts.recordings == ()


@pytest.mark.parametrize(
    ("now", "is_restarted"),
    [(after(70) - TICK, False), (after(70), True), (after(70) + TICK, True)],
)
def test_recording_that_ended_by_itself_is_followed_by_another_after_a_while(
    now: datetime, *, is_restarted: bool
) -> None:
    done = step(make_facts(recordings=make_stopped()), now)

    assert (len(done.facts.recordings) == 2) is is_restarted
    assert is_restarted or done.wake_at == after(70)


@pytest.mark.parametrize(
    "earlier",
    [
        make_sent(outcome=Outcome.REFUSED),
        make_sent(outcome=Outcome.LOST),
        make_recording(outcome=Outcome.NOT_RECORDED, stop_reason=StopReason.FORBIDDEN),
        make_sent(outcome=Outcome.NOT_RECORDED, stop_reason=StopReason.CONSENT_TIMEOUT),
        make_stopped(stop_reason=StopReason.FORBIDDEN),
        make_stopped(stop_reason=StopReason.CONSENT_DENIED),
        make_stopped(stop_reason=StopReason.CONSENT_TIMEOUT),
        make_stopped(stop_reason=StopReason.PAUSE_UNCONFIRMED),
    ],
    ids=lambda r: f"{r.outcome}-{r.stop_reason}",
)
def test_call_is_not_recorded_again_after_an_end_that_lasts(earlier: Recording) -> None:
    assert step(make_facts(recordings=earlier), after(hours=1)).facts.recordings == (earlier,)


@pytest.mark.parametrize(
    "earlier",
    [
        make_stopped(stop_reason=StopReason.NO_LONGER_MATCHED),
        make_recording(outcome=Outcome.NOT_RECORDED, stop_reason=StopReason.NO_LONGER_MATCHED),
    ],
    ids=["stopped", "never started"],
)
def test_call_that_matches_again_is_recorded_again(earlier: Recording) -> None:
    assert len(step(make_facts(recordings=earlier), after(hours=1)).facts.recordings) == 2


# --- how it starts --------------------------------------------------------------------------------


def test_start_is_paused_while_consent_is_pending() -> None:
    facts = make_facts(participants=make_participant())

    assert the_start(step(facts, after(1), ASKING)).start_paused is True


def test_start_is_not_paused_once_everybody_has_agreed() -> None:
    facts = make_facts(participants=make_participant(), consents=make_answer(participant=ALICE))

    assert the_start(step(facts, after(1), ASKING)).start_paused is False


def test_start_is_paused_while_it_is_undecided_whether_the_call_is_forbidden() -> None:
    forbid = make_policy("council", Decision.FORBID, match=no_participant(ALICE))
    context = make_context(make_policy(), forbid)

    done = step(make_facts(), after(2) - TICK, context)

    assert the_start(done).start_paused is True
    assert done.wake_at == after(2)


@pytest.mark.parametrize(
    ("now", "is_started"), [(after(2) - TICK, False), (after(2), True), (after(2) + TICK, True)]
)
def test_start_waits_where_the_service_cannot_start_in_silence(
    now: datetime, *, is_started: bool
) -> None:
    undecided = make_policy("quiet", match=no_participant(ALICE), priority=1)
    context = make_context(make_policy(), undecided, can_start_paused=False)

    done = step(make_facts(), now, context)

    assert [type(e) for e in done.effects] == [StartRecording] * is_started
    assert is_started or done.wake_at == after(2)


def test_start_waits_for_everybody_where_the_service_cannot_start_in_silence() -> None:
    context = replace(ASKING, can_start_paused=False)
    asked = make_facts(participants=make_participant())
    agreed = make_facts(participants=make_participant(), consents=make_answer(participant=ALICE))

    assert step(asked, after(1), context).effects == ()
    assert the_start(step(agreed, after(1), context)).start_paused is False


def test_first_participant_that_fits_is_assigned_and_nobody_twice() -> None:
    spec = make_spec(assign={0: "8:acs:*", 1: "8:acs:*", 2: AGENT})
    facts = make_facts(
        participants=(
            make_participant(ALICE, after(1)),
            make_participant(BOB, after(2), left_at=after(3)),
            make_participant(AGENT, after(3)),
        )
    )

    done = step(facts, after(4), make_context(make_policy(record=spec)))

    assert the_start(done).affinity == {0: ALICE, 1: AGENT}
    assert done.facts.recordings[0].affinity == {0: ALICE, 1: AGENT}


def test_absent_participant_holds_up_nothing_by_default() -> None:
    context = make_context(make_policy(record=make_spec(assign={0: AGENT})))

    done = step(make_facts(), after(1), context)

    assert the_start(done).affinity == {}
    assert done.alarms == ()


def test_absent_participant_alarms_where_the_policy_says_so() -> None:
    spec = make_spec(assign={0: AGENT}, if_absent=IfAbsent.ALARM)

    done = step(make_facts(), after(1), make_context(make_policy(record=spec)))

    assert len(done.effects) == 1
    assert [a.name for a in done.alarms] == ["AssignedParticipantAbsent"]


@pytest.mark.parametrize(
    ("now", "is_started"),
    [(after(20) - TICK, False), (after(20), True), (after(20) + TICK, True)],
)
def test_start_waits_for_an_absent_participant_as_long_as_the_policy_says(
    now: datetime, *, is_started: bool
) -> None:
    spec = make_spec(assign={0: AGENT}, if_absent=WAIT_20S)

    done = step(
        make_facts(recordings=make_recording()), now, make_context(make_policy(record=spec))
    )

    assert bool(done.effects) is is_started
    assert is_started or done.wake_at == after(20)


def test_start_waits_no_longer_once_the_participant_is_there() -> None:
    spec = make_spec(assign={0: AGENT}, if_absent=WAIT_20S)
    facts = make_facts(recordings=make_recording(), participants=make_participant(AGENT, after(5)))

    done = step(facts, after(5), make_context(make_policy(record=spec)))

    assert the_start(done).affinity == {0: AGENT}


# --- starts without an answer ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "is_sent"),
    [(after(240) - TICK, True), (after(240), False), (after(240) + TICK, False)],
)
@pytest.mark.parametrize("outcome", [None, AttemptOutcome.AMBIGUOUS])
def test_ambiguous_start_is_sent_again_unchanged_for_four_minutes(
    now: datetime, outcome: AttemptOutcome | None, *, is_sent: bool
) -> None:
    sent = make_sent(affinity={0: AGENT})
    attempt = make_attempt(Verb.START, outcome=outcome)

    done = step(make_facts(recordings=sent, attempts=attempt), now)

    assert bool(done.effects) is is_sent
    assert done.facts.recordings == (sent,)


def test_start_without_an_answer_alarms_after_four_minutes() -> None:
    facts = make_facts(
        recordings=make_sent(), attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS)
    )

    assert [a.name for a in step(facts, after(240)).alarms] == ["StartUnresolved"]


@pytest.mark.parametrize(
    ("now", "is_new"), [(after(240) - TICK, False), (after(240), True), (after(240) + TICK, True)]
)
def test_start_that_was_refused_for_now_gets_a_new_id_after_four_minutes(
    now: datetime, *, is_new: bool
) -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_put_off(Verb.START))

    done = step(facts, now)

    assert len(done.effects) == 1
    assert (done.facts.recordings[0].start_request_id == "request-1") is is_new
    assert (done.facts.recordings[0].first_sent_at == now) is is_new


def test_start_without_an_answer_never_gets_a_new_id_whatever_a_later_try_is_told() -> None:
    """The first try may be running: a second request would be a second recording, or lose it."""
    facts = make_facts(
        recordings=make_sent(), attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS)
    )
    facts = step(facts, after(1)).facts
    facts = attempts.put_off(
        facts, RECORDING, AttemptOutcome.RETRYABLE, detail="HTTP 503", retry_at=after(2)
    )

    done = step(facts, after(300))

    assert done.effects == ()
    assert done.facts.recordings[0].start_request_id == "request-0"


def test_start_in_flight_at_a_crash_is_of_unknown_outcome_from_then_on() -> None:
    facts = step(
        make_facts(recordings=make_sent(), attempts=make_attempt(Verb.START)), after(1)
    ).facts
    facts = attempts.put_off(
        facts, RECORDING, AttemptOutcome.RETRYABLE, detail="HTTP 503", retry_at=after(2)
    )

    assert step(facts, after(300)).effects == ()


def test_start_waits_for_its_turn() -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_put_off(Verb.START, retry_at=after(5)))

    assert step(facts, after(5) - TICK).effects == ()
    assert the_start(step(facts, after(5))).recording == RECORDING


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (after(60, hours=2) - TICK, None),
        (after(60, hours=2), Outcome.LOST),
        (after(60, hours=2) + TICK, Outcome.LOST),
    ],
)
def test_start_without_an_answer_is_lost_two_hours_after_the_call(
    now: datetime, outcome: Outcome | None
) -> None:
    facts = make_facts(
        make_call(ended_at=after(60)),
        recordings=make_sent(),
        attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS),
    )

    done = step(facts, now)

    assert done.facts.recordings[0].outcome is outcome
    assert (done.facts.open_attempt(RECORDING) is None) is (outcome is not None)


def test_refusal_is_noted_while_a_start_has_no_answer() -> None:
    """Its file may be the first that is heard of it, when nobody asks about consent any more."""
    facts = make_facts(
        recordings=make_sent(consent=make_consent_rule()),
        participants=make_participant(),
        consents=make_answer(ConsentAnswer.DENIED, ALICE, after(5)),
        attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS),
    )

    assert step(facts, after(5), ASKING).facts.recordings[0].erase_at == after(5)


# --- giving up ------------------------------------------------------------------------------------


def test_start_that_was_refused_for_now_is_given_up_when_its_call_ends() -> None:
    facts = make_facts(
        make_call(ended_at=after(9)), recordings=make_sent(), attempts=make_put_off(Verb.START)
    )

    done = step(facts, after(9))

    assert done.facts.recordings[0].outcome is Outcome.REFUSED
    assert [a.name for a in done.alarms] == ["RecordingRefused"]
    assert done.facts.open_attempt(RECORDING) is None


def test_unsent_recording_of_a_forbidden_call_is_not_recorded() -> None:
    forbid = make_policy("council", Decision.FORBID)
    facts = make_facts(recordings=make_recording())

    done = step(facts, after(1), make_context(make_policy(), forbid))

    (recording,) = done.facts.recordings
    assert recording.outcome is Outcome.NOT_RECORDED
    assert recording.stop_reason is StopReason.FORBIDDEN
    assert done.effects == ()


def test_timeout_during_refused_starts_does_not_ask_everybody_anew() -> None:
    facts = make_facts(
        recordings=make_sent(consent=make_consent_rule()),
        participants=make_participant(),
        attempts=make_put_off(Verb.START, retry_at=after(31)),
    )

    done = step(facts, after(30), ASKING)

    assert [r.stop_reason for r in done.facts.recordings] == [StopReason.CONSENT_TIMEOUT]
    assert done.effects == ()


def test_recording_that_never_started_comes_back_with_its_match() -> None:
    tagged = make_policy(match=tag_is("queue", "support"), until=Until.WHILE_MATCHED)
    context = make_context(tagged)
    facts = make_facts(recordings=make_recording())

    unmatched = step(facts, after(1), context).facts
    call = make_call(tags={"queue": "support"})
    matched = step(make_facts(call, recordings=unmatched.recordings), after(2), context)

    assert [r.outcome for r in matched.facts.recordings] == [Outcome.NOT_RECORDED, None]
    assert the_start(matched).recording != RECORDING


def test_expected_recording_starts_although_its_policy_no_longer_matches() -> None:
    done = step(make_facts(recordings=make_recording()), after(1), make_silent_context())

    assert the_start(done).recording == RECORDING


def test_participants_of_a_policy_are_asked_again_with_each_fact() -> None:
    context = make_context(make_policy(match=some_participant(ALICE)))

    before = plan_call(make_facts(participants=make_participant(BOB)), context, after(1))
    now = plan_call(make_facts(participants=make_participant(ALICE)), context, after(1))

    assert before.ledger == ()
    assert [type(a) for a in now.ledger] == [ExpectRecording]


def test_recording_closed_by_the_planner_says_why() -> None:
    facts = make_facts(make_call(ended_at=after(1)), recordings=make_recording())

    (closed,) = plan_call(facts, make_context(), after(1)).ledger

    assert isinstance(closed, CloseRecording)
    assert closed.stop_reason is StopReason.CALL_ENDED
    assert closed.why.text == "the call has ended before it could start"


def test_paused_recording_that_ended_by_itself_is_followed_by_another() -> None:
    paused = make_paused(
        id=RecordingId("earlier"), stopped_at=after(20), outcome=Outcome.NOT_RECORDED
    )
    facts = make_facts(recordings=paused)

    assert len(step(facts, after(20) + timedelta(seconds=10)).facts.recordings) == 2
