"""Which rules a call could match, and what is left to check of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.factories import ALICE, BOB, make_call, make_participant, some_participant, tag_is

from recordingd.domain.calls import Call, Direction
from recordingd.domain.matchers import AllOf, AnyOf, Condition, DirectionIs, Pattern, Selector
from recordingd.planning.candidates import CandidateIndex
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, UNKNOWN, YES, Facts, Truth

SALES, VIP = tag_is("queue", "sales"), tag_is("team", "vip")
NAMED_AGENT = replace(
    some_participant(ALICE),
    selectors=(Selector(ids=(Pattern(ALICE),), roles=(Pattern("agent"),)),),
)


def both(*parts: Condition) -> Condition:
    return AllOf(parts=parts, path="match", source=SALES.source)


def either(*parts: Condition) -> Condition:
    return AnyOf(parts=parts, path="match", source=SALES.source)


def answers(
    *conditions: Condition, call: Call, people: Sequence[str] = (), settled: bool = True
) -> list[tuple[int, Truth]]:
    """Return what each candidate says once the rest of it is checked, in the order of writing."""
    index = CandidateIndex(list(zip(conditions, range(len(conditions)), strict=True)), Groups({}))
    facts = Facts(call, [make_participant(raw_id) for raw_id in people], settled=settled)
    return sorted(((n, check(facts)) for n, check in index.find(facts)), key=lambda found: found[0])


@pytest.mark.parametrize(("team", "said"), [("vip", YES), ("other", NO)])
def test_part_that_the_index_did_not_look_up_is_still_checked(team: str, said: Truth) -> None:
    call = make_call(tags={"queue": "sales", "team": team})

    assert answers(both(SALES, VIP), call=call) == [(0, said)]


@pytest.mark.parametrize(("role", "said"), [("agent", YES), ("customer", NO)])
def test_rest_of_a_selector_is_still_checked(role: str, said: Truth) -> None:
    call = make_call(roles={ALICE: role})

    assert answers(NAMED_AGENT, call=call, people=[ALICE]) == [(0, said)]


def test_alternative_that_is_more_than_its_key_is_still_checked() -> None:
    call = make_call(tags={"queue": "sales", "team": "other"})

    assert answers(either(both(SALES, VIP), tag_is("room", "x")), call=call) == [(0, NO)]


def test_rule_about_a_value_that_may_still_come_is_found_in_doubt() -> None:
    incoming = DirectionIs(
        path="match.direction", source=SALES.source, directions=(Direction.INCOMING,)
    )

    assert answers(incoming, call=make_call(), settled=False) == [(0, UNKNOWN)]


def test_value_that_is_written_twice_finds_its_rule_once() -> None:
    twice = replace(SALES, patterns=(Pattern("sales"), Pattern("sales")))

    assert answers(twice, call=make_call(tags={"queue": "sales"})) == [(0, YES)]


def test_rule_that_is_found_in_two_fields_is_found_once() -> None:
    call = make_call(tags={"queue": "sales", "team": "vip"})

    assert answers(either(SALES, VIP), call=call) == [(0, YES)]


def test_prefix_and_exact_value_both_find_their_rules() -> None:
    call = make_call(tags={"queue": "sales"})

    assert answers(SALES, tag_is("queue", "sa*"), VIP, call=call) == [(0, YES), (1, YES)]


def test_two_participants_find_a_rule_for_each_of_them() -> None:
    rules = (some_participant(ALICE), some_participant(BOB))

    assert answers(*rules, call=make_call(), people=[ALICE, BOB]) == [(0, YES), (1, YES)]
