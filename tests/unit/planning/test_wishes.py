"""What is wanted of a call: the strictest reason to end it, and the reasons for silence."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import (
    ALICE,
    TICK,
    after,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_policy,
    make_running,
    no_participant,
    tag_is,
)

from recordingd.domain.calls import Call, ConsentAnswer
from recordingd.domain.policies import Captured, Decision, Until
from recordingd.domain.recordings import PauseReason, StopReason
from recordingd.planning.context import PlanningContext
from recordingd.planning.wishes import Ending, wish

ENDED = make_call(ended_at=after(60))


def ending(
    context: PlanningContext,
    *,
    call: Call | None = None,
    answer: ConsentAnswer | None = None,
    seconds: float = 20,
) -> Ending | None:
    facts = make_facts(
        call,
        recordings=make_running(consent=make_consent_rule()),
        participants=make_participant(),
        consents=() if answer is None else make_answer(answer, ALICE),
    )
    return wish(facts, context, after(seconds)).ending


def forbidding(captured: Captured) -> PlanningContext:
    return make_context(make_policy("council", Decision.FORBID, captured=captured))


@pytest.mark.parametrize("captured", Captured)
def test_forbid_says_what_becomes_of_what_was_captured(captured: Captured) -> None:
    found = ending(forbidding(captured), answer=ConsentAnswer.DENIED, call=ENDED, seconds=61)

    assert found is not None
    assert found.stop is StopReason.FORBIDDEN
    assert found.erases is (captured is Captured.DELETE)


def test_refusal_outranks_the_end_of_the_call() -> None:
    """Both may be told at once; what was refused must not be kept for it."""
    found = ending(make_context(), answer=ConsentAnswer.DENIED, call=ENDED, seconds=61)

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CONSENT_DENIED, True)


def test_end_of_the_call_outranks_a_late_answer() -> None:
    found = ending(make_context(), call=ENDED, seconds=61)

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CALL_ENDED, False)


@pytest.mark.parametrize(("seconds", "is_over"), [(30 - 0.001, False), (30, True), (30.001, True)])
def test_missing_answer_ends_the_recording_when_its_time_is_over(
    seconds: float, *, is_over: bool
) -> None:
    found = ending(make_context(), seconds=seconds)

    assert (found is not None) is is_over
    assert found is None or (found.stop, found.erases) == (StopReason.CONSENT_TIMEOUT, True)


@pytest.mark.parametrize(
    ("until", "stop"),
    [(Until.CALL_END, None), (Until.WHILE_MATCHED, StopReason.NO_LONGER_MATCHED)],
)
def test_lost_match_ends_only_what_is_recorded_while_it_matches(
    until: Until, stop: StopReason | None
) -> None:
    context = make_context(make_policy(match=tag_is("queue", "support"), until=until))

    found = ending(context, answer=ConsentAnswer.GRANTED)

    assert (None if found is None else found.stop) is stop


def test_match_of_another_policy_goes_on_with_the_recording() -> None:
    unmatched = make_policy(match=tag_is("queue", "support"), until=Until.WHILE_MATCHED)

    assert (
        ending(make_context(unmatched, make_policy("other")), answer=ConsentAnswer.GRANTED) is None
    )


def test_policy_that_is_gone_ends_nothing() -> None:
    context = make_context(make_policy("other", match=tag_is("queue", "support")))

    assert ending(context, answer=ConsentAnswer.GRANTED) is None


# --- silence --------------------------------------------------------------------------------------

UNDECIDED = make_context(
    make_policy(), make_policy("council", Decision.FORBID, match=no_participant(ALICE))
)


@pytest.mark.parametrize(
    ("now", "alarms"),
    [
        (after(2) - TICK, []),
        (after(2), ["ForbidUndecided"]),
        (after(2) + TICK, ["ForbidUndecided"]),
    ],
)
def test_undecided_forbid_is_silent_and_alarms_once_it_should_be_settled(
    now: datetime, alarms: list[str]
) -> None:
    found = wish(make_facts(recordings=make_running()), UNDECIDED, now)

    assert set(found.pauses) == {PauseReason.SETTLE}
    assert [a.name for a in found.alarms] == alarms


def test_pending_answer_is_a_reason_of_its_own_beside_an_undecided_forbid() -> None:
    facts = make_facts(
        recordings=make_running(consent=make_consent_rule()), participants=make_participant()
    )

    assert set(wish(facts, UNDECIDED, after(1)).pauses) == {
        PauseReason.SETTLE,
        PauseReason.CONSENT,
    }


def test_rule_of_the_recording_counts_and_not_the_one_in_force_now() -> None:
    facts = make_facts(recordings=make_running(), participants=make_participant())
    context = make_context(make_policy(consent=make_consent_rule()))

    assert wish(facts, context, after(5)).pauses == {}
