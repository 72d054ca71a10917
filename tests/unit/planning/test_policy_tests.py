"""Policy tests played: what happens in them, and what is found instead of what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.factories import (
    ALICE,
    BOB,
    SOURCE,
    T0,
    changed,
    make_call,
    make_consent_rule,
    make_context,
    make_party,
    make_pause_rule,
    make_policy,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import Parties
from recordingd.domain.durations import parse_finite_duration
from recordingd.domain.matchers import PartyField, PartyIs, Pattern, RuleName, Selector
from recordingd.domain.policies import Decision, PolicyName
from recordingd.domain.policy_tests import (
    Answers,
    AnyStep,
    AsksForPause,
    Ends,
    Expectation,
    ExpectedCapture,
    IsTagged,
    Joins,
    Leaves,
    PolicyTest,
    TimePasses,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.policy_tests import PlayedTest, play

ACTIVE, PAUSED, STOPPED = ExpectedCapture.ACTIVE, ExpectedCapture.PAUSED, ExpectedCapture.STOPPED
ASKING = make_policy(consent=make_consent_rule(Parties.ALL))


def make_test(*steps: AnyStep, **changes: object) -> PolicyTest:
    """Make a test of a call in which Alice is."""
    test = PolicyTest(
        name=RuleName("a-call"),
        source=SOURCE,
        call=make_call(),
        parties=(make_party(ALICE),),
        started_at=T0,
        is_list_complete=False,
        steps=steps,
        expect=(),
    )
    return changed(test, changes)


def expects(after: int, **fields: object) -> Expectation:
    return changed(Expectation(source=SOURCE, after=after), fields)


def answers(
    participant: str | None = None, answer: ConsentAnswer = ConsentAnswer.GRANTED
) -> Answers:
    return Answers(source=SOURCE, answer=answer, participant=participant)


def joins(who: str) -> Joins:
    return Joins(source=SOURCE, party=make_party(who))


def waits(length: str) -> TimePasses:
    return TimePasses(source=SOURCE, duration=parse_finite_duration(length))


def captures(played: PlayedTest) -> list[ExpectedCapture]:
    return [snapshot.capture for snapshot in played.snapshots]


def winners(test: PolicyTest, context: PlanningContext) -> Sequence[str | None]:
    return [
        s.verdict.winner.name if s.verdict.winner else None for s in play(test, context).snapshots
    ]


def test_call_is_looked_at_at_its_start_and_after_every_step() -> None:
    test = make_test(answers(), joins(BOB), answers(BOB), Ends(source=SOURCE))

    assert captures(play(test, make_context(ASKING))) == [PAUSED, ACTIVE, PAUSED, ACTIVE, STOPPED]


def test_step_by_itself_lets_no_time_run_out() -> None:
    many = [IsTagged(source=SOURCE, tags={"step": str(n)}) for n in range(200)]
    played = play(make_test(*many, answers()), make_context(ASKING))

    assert captures(played)[-1] is ACTIVE


@pytest.mark.parametrize(
    ("length", "capture"), [("29s", PAUSED), ("30s", STOPPED), ("31s", STOPPED)]
)
def test_written_wait_lets_time_run_out(length: str, capture: ExpectedCapture) -> None:
    played = play(make_test(waits(length)), make_context(ASKING))

    assert captures(played)[-1] is capture


def test_wait_is_counted_in_calendar_steps() -> None:
    played = play(make_test(waits("1y")), make_context())

    assert played.snapshots[1].at == played.snapshots[0].at.replace(year=T0.year + 1)


def test_fact_that_is_not_given_never_comes() -> None:
    caller = PartyIs(
        path="match.from",
        source=SOURCE,
        field=PartyField.FROM,
        selectors=(Selector(phones=(Pattern("+44*"),)),),
    )
    context = make_context(make_policy("by-caller", priority=9, match=caller), make_policy())
    played = play(make_test(), context)

    assert winners(make_test(), context) == ["support-line"]
    assert captures(played) == [ACTIVE]


@pytest.mark.parametrize(("is_complete", "winner"), [(True, "alone"), (False, None)])
def test_list_of_participants_is_complete_only_where_a_test_says_so(
    *, is_complete: bool, winner: str | None
) -> None:
    context = make_context(make_policy("alone", match=no_participant(BOB)))

    assert winners(make_test(is_list_complete=is_complete), context) == [winner]


def test_complete_list_follows_who_joins_and_leaves() -> None:
    context = make_context(make_policy("alone", match=no_participant(BOB)))
    steps = (joins(BOB), Leaves(source=SOURCE, participant=BOB))

    assert winners(make_test(*steps, is_list_complete=True), context) == ["alone", None, "alone"]


def test_somebody_who_leaves_is_no_longer_there() -> None:
    context = make_context(make_policy("with-bob", match=some_participant(BOB)))
    steps = (joins(BOB), Leaves(source=SOURCE, participant=BOB))

    assert winners(make_test(*steps), context) == [None, "with-bob", None]


def test_tags_change_what_matches() -> None:
    context = make_context(make_policy("sales", match=tag_is("queue", "sales")))
    steps = (IsTagged(source=SOURCE, tags={"queue": "sales"}),)

    assert winners(make_test(*steps), context) == [None, "sales"]


def test_silence_is_asked_for_and_ended() -> None:
    steps = (AsksForPause(source=SOURCE), AsksForPause(source=SOURCE, is_resume=True))
    context = make_context(pause_rules=(make_pause_rule(),))

    assert captures(play(make_test(*steps), context)) == [ACTIVE, PAUSED, ACTIVE]


def test_met_expectations_pass_without_a_word() -> None:
    test = make_test(answers(), expect=(expects(0, capture=PAUSED), expects(1, capture=ACTIVE)))
    played = play(test, make_context(ASKING))

    assert played.has_passed
    assert [(one.mismatches, one.reasons) for one in played.judged] == [((), ()), ((), ())]


def test_missed_expectation_says_what_came_instead_and_why() -> None:
    test = make_test(
        expect=(expects(0, capture=ACTIVE), expects(0, policy=PolicyName("support-line")))
    )
    played = play(test, make_context(ASKING))

    missed, met = played.judged
    assert not played.has_passed
    assert [str(m) for m in missed.mismatches] == ["capture: expected active, got paused"]
    assert f"support-line wins ({SOURCE})" in missed.reasons
    assert any("has not answered" in reason for reason in missed.reasons)
    assert met.mismatches == ()


def test_policy_that_loses_against_expectation_says_which_leaf_fails() -> None:
    sales = make_policy("sales", match=tag_is("queue", "sales"))
    test = make_test(expect=(expects(0, policy=sales.name),))
    (missed,) = play(test, make_context(make_policy(), sales)).judged

    leaf = "match.tags.queue wants queue is sales, the call has no such tag: no"
    assert f"sales ({SOURCE}): {leaf}" in missed.reasons


def test_policy_that_matches_and_loses_says_so() -> None:
    low = make_policy("low", priority=-1)
    test = make_test(expect=(expects(0, policy=low.name),))
    (missed,) = play(test, make_context(make_policy(), low)).judged

    assert "low matches and does not win" in missed.reasons


def test_same_test_gives_the_same_result() -> None:
    test = make_test(answers(), joins(BOB), expect=(expects(1, decision=Decision.RECORD),))
    first, second = play(test, make_context(ASKING)), play(test, make_context(ASKING))

    assert first.judged == second.judged
    assert [s.facts for s in first.snapshots] == [s.facts for s in second.snapshots]


def test_start_is_when_the_test_says() -> None:
    began = T0 + timedelta(days=30)
    (snapshot,) = play(make_test(started_at=began), make_context()).snapshots

    assert snapshot.facts.call.started_at == began
    assert [p.joined_at for p in snapshot.facts.participants] == [began]
