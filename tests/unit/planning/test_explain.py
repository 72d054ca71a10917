"""The answer to why a call is recorded or not, taken apart vote by vote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.factories import (
    BOB,
    after,
    make_call,
    make_context,
    make_participant,
    make_party,
    make_policy,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import Call
from recordingd.domain.matchers import AllOf, PartyField, PartyIs, Pattern, Selector
from recordingd.domain.policies import Decision, PolicyName, RecordingPolicy
from recordingd.domain.recordings import CallFacts
from recordingd.planning.explain import Explanation, PolicyAnswer, Result, explain
from recordingd.planning.truth import NO, UNKNOWN, YES
from recordingd.planning.ways_in import WayIn

SALES = tag_is("queue", "sales")
DIALLED = PartyIs(
    path="match.to",
    source=SALES.source,
    field=PartyField.TO,
    selectors=(Selector(phones=(Pattern("+1800*"),)),),
)
LATER = after(60)


def explained(
    *policies: RecordingPolicy,
    call: Call | None = None,
    seconds: float = 60,
    suspended: str = "",
) -> Explanation:
    """Explain a call that started at `T0`, one minute later unless told otherwise."""
    facts = CallFacts(call=call or make_call(), participants=(make_participant(BOB),))
    names = frozenset({PolicyName(suspended)} if suspended else ())
    return explain(facts, make_context(*policies, suspended=names), after(seconds))


def vote(explanation: Explanation, name: str) -> PolicyAnswer:
    found = explanation.vote_of(name)
    assert found is not None
    return found


def test_only_policy_that_matches_wins() -> None:
    found = explained(make_policy("all"))
    assert (found.decision, found.policy, found.runner_up) == (Decision.RECORD, "all", None)
    assert vote(found, "all").result is Result.WINS
    assert found.why == "all is the only policy that matches"


def test_without_a_match_nothing_wins() -> None:
    found = explained(make_policy("sales", match=SALES))
    assert (found.decision, found.policy) == (None, None)
    assert found.why == "no policy matches, so the call is not recorded"


def test_winner_and_runner_up_come_first_with_what_separates_them() -> None:
    found = explained(
        make_policy("a-third"), make_policy("winner", priority=9), make_policy("second", priority=5)
    )
    assert [v.policy for v in found.votes] == ["winner", "second", "a-third"]
    assert [v.result for v in found.votes] == [Result.WINS, Result.RUNNER_UP, Result.BEATEN]
    assert found.why == "winner stands before second: priority 9 beats 5"
    assert vote(found, "a-third").why == "winner beats it: priority 9 beats 0"


def test_policies_that_do_not_match_come_last_by_name() -> None:
    found = explained(
        make_policy("z-no", match=SALES, priority=9),
        make_policy("b-no", match=tag_is("desk", "x")),
        make_policy("yes"),
    )
    assert [v.policy for v in found.votes] == ["yes", "b-no", "z-no"]


def test_vote_that_does_not_match_names_the_leaves_that_say_no() -> None:
    match = AllOf(path="match", source=SALES.source, parts=(SALES, some_participant(BOB)))
    answer = vote(explained(make_policy("both", match=match)), "both")
    assert (answer.matched, answer.result) == (NO, Result.NO_MATCH)
    assert answer.why == "it does not match: match.tags.queue"
    assert [leaf.decides for leaf in answer.leaves] == [True, False]


def test_leaf_says_what_it_asked_for_and_what_was_there() -> None:
    call = make_call(tags={"queue": "support"})
    (leaf,) = vote(explained(make_policy("sales", match=SALES), call=call), "sales").leaves
    assert (leaf.path, leaf.matched) == ("match.tags.queue", NO)
    assert (leaf.expected, leaf.actual) == ("queue is sales", "support")
    assert (leaf.source, leaf.missing) == (SALES.source, None)


def test_tag_that_nobody_set_may_still_be_told_by_a_signal() -> None:
    (leaf,) = vote(explained(make_policy("sales", match=SALES)), "sales").leaves
    assert leaf.missing is not None
    assert leaf.missing.way_in is WayIn.SIGNALS


def test_unknown_leaf_says_which_way_in_would_tell_it() -> None:
    found = explained(make_policy("dialled", match=DIALLED), seconds=1)
    (leaf,) = vote(found, "dialled").leaves
    assert leaf.matched is UNKNOWN
    assert leaf.missing is not None
    assert leaf.missing.way_in is WayIn.INCOMING_CALL


@pytest.mark.parametrize(
    ("seconds", "undecided", "policy"), [(1.999, True, "dialled"), (2, False, None)]
)
def test_doubt_ends_when_the_call_is_settled(
    seconds: float, policy: str | None, *, undecided: bool
) -> None:
    found = explained(make_policy("dialled", match=DIALLED), seconds=seconds)
    assert (found.is_undecided, found.policy) == (undecided, policy)
    assert found.is_settled is not undecided


def test_while_in_doubt_it_says_what_holds_once_nothing_is_waited_for() -> None:
    found = explained(
        make_policy("dialled", match=DIALLED, priority=9), make_policy("all"), seconds=1
    )
    assert (found.policy, vote(found, "dialled").result) == ("dialled", Result.WOULD_WIN)
    assert found.outlook is not None
    assert (found.outlook.at, found.outlook.policy) == (after(2), "all")
    assert found.final_policy == "all"


def test_settled_call_has_no_other_outlook() -> None:
    found = explained(make_policy("all"))
    assert (found.outlook, found.final_policy) == (None, "all")


def test_unknown_counts_as_no_once_settled_and_says_so() -> None:
    nobody = make_policy("alone", match=no_participant(BOB), priority=9)
    answer = vote(explained(nobody, make_policy("all")), "alone")
    assert (answer.matched, answer.result) == (UNKNOWN, Result.NO_MATCH)
    assert answer.why.startswith("what is not known counts as no by now: match.participants")


def test_forbid_in_doubt_keeps_a_settled_call_undecided() -> None:
    forbid = make_policy("alone", Decision.FORBID, match=no_participant(BOB))
    found = explained(forbid, make_policy("all"))
    assert (found.is_undecided, found.outlook) == (True, None)
    assert "may still match" in found.why


def test_forbid_and_require_are_a_conflict() -> None:
    found = explained(make_policy("no", Decision.FORBID), make_policy("must", Decision.REQUIRE))
    assert (found.policy, found.conflicts) == ("no", ("must", "no"))
    assert "forbid beats every require" in found.why


def test_overridden_forbid_says_by_whom() -> None:
    must = make_policy("must", Decision.REQUIRE, overrides=(PolicyName("no"),))
    found = explained(make_policy("no", Decision.FORBID), must)
    assert (found.policy, found.why) == ("must", "must overrides no")
    assert vote(found, "no").result is Result.OVERRIDDEN


def test_observed_policy_never_wins_and_tells_whether_it_matches() -> None:
    found = explained(make_policy("shadow", is_observed=True))
    answer = vote(found, "shadow")
    assert (found.policy, answer.result, answer.matched) == (None, Result.OBSERVED, YES)
    assert answer.why == "it is only observed; it matches"


def test_suspended_policy_matches_nothing() -> None:
    answer = vote(explained(make_policy("all"), suspended="all"), "all")
    assert (answer.matched, answer.result) == (NO, Result.SUSPENDED)


@pytest.mark.parametrize(
    ("off", "matched"), [(timedelta(microseconds=-1), YES), (timedelta(0), NO), (timedelta(1), NO)]
)
def test_end_of_validity_is_a_leaf_of_its_own(off: timedelta, matched: object) -> None:
    found = explain(
        CallFacts(call=make_call()),
        make_context(make_policy("old", valid_until=LATER)),
        LATER + off,
    )
    answer = vote(found, "old")
    (leaf,) = answer.leaves
    assert (answer.matched, leaf.path, leaf.matched) == (matched, "validUntil", matched)
    assert leaf.decides is (matched is NO)


def test_validity_alone_decides_where_the_matcher_says_yes() -> None:
    old = make_policy("old", match=some_participant(BOB), valid_until=after(1))
    answer = vote(explained(old), "old")
    assert [(leaf.path, leaf.decides) for leaf in answer.leaves] == [
        ("match.participants.some", False),
        ("validUntil", True),
    ]


def test_call_that_is_over_is_judged_with_everybody_who_was_in_it() -> None:
    call = make_call(ended_at=after(30))
    left = make_participant(BOB, left_at=after(20))
    facts = CallFacts(call=call, participants=(left,))
    found = explain(facts, make_context(make_policy("bob", match=some_participant(BOB))), LATER)
    assert found.policy == "bob"


def test_call_that_ended_before_it_settled_is_settled() -> None:
    call = make_call(ended_at=after(1))
    facts = CallFacts(call=call)
    found = explain(facts, make_context(make_policy("dialled", match=DIALLED)), after(1))
    assert (found.is_settled, found.is_undecided) == (True, False)


def test_order_of_policies_changes_nothing() -> None:
    policies = [
        make_policy("a", match=SALES),
        make_policy("b", priority=3),
        make_policy("c", Decision.SKIP),
    ]
    assert explained(*policies) == explained(*reversed(policies))


def test_dialled_number_is_shown_as_it_was_compared() -> None:
    call = make_call(to_party=make_party("4:+18005550100"))
    (leaf,) = vote(explained(make_policy("dialled", match=DIALLED), call=call), "dialled").leaves
    assert (leaf.actual, leaf.matched) == ("+18005550100", YES)
