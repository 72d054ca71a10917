"""What rehearsed calls have tried of the rules they were played under."""

from __future__ import annotations

import pytest
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    T0,
    after,
    make_call,
    make_context,
    make_facts,
    make_hold,
    make_party,
    make_pause_rule,
    make_policy,
    make_retention_rule,
    make_rule_of_consent,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import ParticipantAdded, ParticipantRemoved
from recordingd.domain.matchers import AllOf, Condition
from recordingd.planning.context import PlanningContext
from recordingd.planning.coverage import Coverage, Use, coverage_of
from recordingd.planning.rehearsal import Happening, Snapshot, rehearse
from recordingd.planning.truth import NO, YES

SALES = tag_is("queue", "sales")


def calls(context: PlanningContext, *queues: str) -> list[Snapshot]:
    """Play one call for each queue, with Alice in it."""
    joined = ParticipantAdded(about=ABOUT, at=T0, party=make_party(ALICE))
    played = [Happening(at=after(5), events=(joined,))]
    return [
        snapshot
        for queue in queues
        for snapshot in rehearse(make_facts(make_call(tags={"queue": queue})), played, context)
    ]


def covered(context: PlanningContext, *queues: str) -> Coverage:
    return coverage_of(context.policies, calls(context, *queues))


def both(*parts: Condition) -> AllOf:
    return AllOf(path="match", source=SALES.source, parts=parts)


@pytest.mark.parametrize(
    ("queues", "seen"),
    [((), set()), (("sales",), {YES}), (("support",), {NO}), (("sales", "support"), {YES, NO})],
)
def test_leaf_is_covered_by_each_answer_that_was_seen(
    queues: tuple[str, ...], seen: set[object]
) -> None:
    (rule,) = covered(make_context(make_policy(match=SALES)), *queues).rules

    assert rule.leaves[0].seen == seen
    assert (rule.covered, rule.total) == (len(seen), 2)


def test_every_leaf_counts_by_itself() -> None:
    """A policy that never matches may have been tried in all its parts."""
    policy = make_policy(match=both(SALES, some_participant(BOB)))
    (rule,) = covered(make_context(policy), "sales", "support").rules

    assert [leaf.path for leaf in rule.leaves] == ["match.tags.queue", "match.participants.some"]
    assert [leaf.missing for leaf in rule.leaves] == [frozenset(), {YES}]
    assert rule.use is Use.NEVER_MATCHED


def test_leaf_that_is_not_known_covers_nothing() -> None:
    (rule,) = covered(make_context(make_policy(match=no_participant(BOB))), "sales").rules

    assert rule.leaves[0].seen == frozenset()


def test_matcher_of_every_call_has_one_branch() -> None:
    context = make_context(make_policy())

    assert (covered(context).covered, covered(context).total) == (0, 1)
    assert covered(context, "sales").percent == 100


def test_policy_has_won_lost_or_never_matched() -> None:
    winner = make_policy("winner", priority=2, match=SALES)
    loser = make_policy("loser", priority=1, match=SALES)
    stranger = make_policy("stranger", match=tag_is("queue", "support"))
    rules = covered(make_context(winner, loser, stranger), "sales").rules

    assert [(rule.name, rule.use) for rule in rules] == [
        ("winner", Use.WON),
        ("loser", Use.LOST_ONLY),
        ("stranger", Use.NEVER_MATCHED),
    ]


def test_policy_that_won_once_has_won() -> None:
    always = make_policy("always")
    rival = make_policy("rival", priority=1, match=SALES)
    rules = covered(make_context(always, rival), "support", "sales").rules

    assert {rule.name: rule.use for rule in rules} == {"always": Use.WON, "rival": Use.WON}


def test_observed_policy_can_match_and_never_win() -> None:
    watched = make_policy("watched", is_observed=True, match=SALES)
    (rule,) = covered(make_context(watched), "sales").rules

    assert (rule.use, rule.leaves[0].seen) == (Use.LOST_ONLY, frozenset({YES}))


def test_rules_of_every_kind_are_covered() -> None:
    context = make_context(
        make_policy(),
        consent_rules=(make_rule_of_consent(match=SALES),),
        pause_rules=(make_pause_rule(match=SALES),),
        retention_rules=(make_retention_rule(match=SALES),),
        holds=(make_hold(match=SALES),),
    )
    never, once = covered(context, "support"), covered(context, "support", "sales")

    assert [rule.kind for rule in once.rules] == [
        "RecordingPolicy",
        "ConsentRule",
        "PauseRule",
        "RetentionRule",
        "LegalHold",
    ]
    assert [rule.use for rule in never.rules[1:]] == [Use.NEVER_MATCHED] * 4
    assert [rule.use for rule in once.rules[1:]] == [Use.MATCHED] * 4
    assert (never.covered, once.covered, once.total) == (5, 9, 9)


def test_retention_is_asked_about_everybody_who_ever_took_part() -> None:
    context = make_context(
        make_policy(match=some_participant(ALICE)),
        retention_rules=(make_retention_rule(match=some_participant(ALICE)),),
    )
    party = make_party(ALICE)
    happenings = [
        Happening(at=T0, events=(ParticipantAdded(about=ABOUT, at=T0, party=party),)),
        Happening(at=after(5), events=(ParticipantRemoved(about=ABOUT, at=after(5), party=party),)),
    ]
    snapshots = list(rehearse(make_facts(), happenings, context))
    policy, retention = coverage_of(context.policies, snapshots).rules

    assert policy.leaves[0].seen == {YES, NO}
    assert retention.leaves[0].seen == {YES}


def test_percentage_is_that_of_all_branches() -> None:
    context = make_context(make_policy("one", match=SALES), make_policy("two"))

    assert round(covered(context, "sales").percent, 1) == 66.7


def test_tree_without_rules_has_nothing_to_cover() -> None:
    context = make_context(make_policy())
    empty = Coverage(rules=())

    assert empty.percent == 100
    assert coverage_of(context.policies, []).percent == 0
