"""Policies that somebody suspended for a while match nothing."""

from __future__ import annotations

import pytest
from tests.factories import T0, make_call, make_context, make_policy, tag_is

from recordingd.domain.policies import Decision, PolicyName
from recordingd.planning.matching import Verdict
from recordingd.planning.truth import NO, YES

FIRST, SECOND = PolicyName("first"), PolicyName("second")
POLICIES = make_context(
    make_policy(FIRST, priority=2),
    make_policy(SECOND, priority=1),
    make_policy("shadow", is_observed=True),
).policies


def decide(*suspended: str) -> Verdict:
    names = frozenset(map(PolicyName, suspended))
    return POLICIES.decide(make_call(), (), now=T0, settled=True, suspended=names)


@pytest.mark.parametrize(
    ("suspended", "winner"),
    [
        ((), "first"),
        (("first",), "second"),
        (("second",), "first"),
        (("first", "second"), None),
        (("no-such-policy",), "first"),
    ],
)
def test_next_policy_wins_while_one_is_suspended(
    suspended: tuple[str, ...], winner: str | None
) -> None:
    found = decide(*suspended).winner

    assert (None if found is None else found.name) == winner


def test_suspended_forbid_forbids_nothing() -> None:
    council = make_policy("council", Decision.FORBID)
    policies = make_context(council, make_policy(FIRST)).policies
    suspended = frozenset({council.name})

    verdict = policies.decide(make_call(), (), now=T0, settled=True, suspended=suspended)

    assert verdict.decision is Decision.RECORD


def test_suspended_policy_is_not_even_seen() -> None:
    assert [p.name for p in decide().shadow] == ["shadow"]
    assert decide("shadow").shadow == ()


def test_votes_say_that_a_policy_is_suspended() -> None:
    votes = {vote.policy.name: vote for vote in decide("first").votes}

    assert (votes[FIRST].matched, votes[SECOND].matched) == (NO, YES)
    (leaf,) = votes[FIRST].leaves()
    assert (leaf.path, leaf.actual, leaf.matched) == ("suspended", "suspended", NO)
    assert votes[SECOND].leaves() == ()


def test_other_leaves_of_a_suspended_policy_stand_beside_it() -> None:
    policy = make_policy(FIRST, match=tag_is("queue", "support"))
    policies = make_context(policy).policies
    call = make_call(tags={"queue": "support"})

    verdict = policies.decide(call, (), now=T0, settled=True, suspended=frozenset({policy.name}))

    assert [(leaf.path, leaf.matched) for vote in verdict.votes for leaf in vote.leaves()] == [
        ("match.tags.queue", YES),
        ("suspended", NO),
    ]
