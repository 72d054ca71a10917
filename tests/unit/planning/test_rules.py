"""Which consent, pause, retention rules and holds fit a call, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    ALICE,
    BOB,
    SOURCE,
    T0,
    TICK,
    after,
    changed,
    make_call,
    make_context,
    make_hold,
    make_participant,
    make_pause_rule,
    make_retention_rule,
    make_rule_of_consent,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import Call, Participant
from recordingd.domain.holds import Released
from recordingd.domain.matchers import (
    AnyOf,
    Condition,
    FlagField,
    FlagIs,
    ParticipantCount,
    Quantifier,
)
from recordingd.planning.rules import RuleHit
from recordingd.planning.truth import YES

Find = Callable[..., dict[str, str]]
LISTED = make_call(roster_complete_at=T0)
HERE = make_participant(ALICE)
GONE = make_participant(BOB, left_at=after(10))


def find_consent(
    match: Condition,
    call: Call | None = None,
    *people: Participant,
    settled: bool = True,
    now: datetime = T0,
    **changes: object,
) -> dict[str, str]:
    """Return the names of the consent rules that fit, with how sure that is."""
    rule = changed(make_rule_of_consent("rule", match=match), changes)
    policies = make_context(consent_rules=(rule,)).policies
    hits = policies.consent_rules_for(call or make_call(), people, now=now, settled=settled)
    return {hit.rule.name: hit.truth.value for hit in hits}


def find_pause(match: Condition, call: Call | None = None, *people: Participant) -> dict[str, str]:
    policies = make_context(pause_rules=(make_pause_rule("rule", match=match),)).policies
    hits = policies.pause_rules_for(call or make_call(), people, now=T0, settled=True)
    return {hit.rule.name: hit.truth.value for hit in hits}


def find_retention(
    match: Condition, call: Call | None = None, *people: Participant
) -> dict[str, str]:
    policies = make_context(retention_rules=(make_retention_rule("rule", match=match),)).policies
    hits = policies.retention_rules_for(call or make_call(), people, now=T0, settled=True)
    return {hit.rule.name: hit.truth.value for hit in hits}


def find_holds(match: Condition, call: Call | None = None, *people: Participant) -> dict[str, str]:
    policies = make_context(holds=(make_hold("rule", match=match),)).policies
    hits = policies.holds_for(call or make_call(), people, now=T0, settled=True)
    return {hit.rule.name: hit.truth.value for hit in hits}


EVERY_KIND = pytest.mark.parametrize("find", [find_consent, find_pause, find_retention, find_holds])
NOW_ONLY = pytest.mark.parametrize("find", [find_consent, find_pause])
LIFETIME = pytest.mark.parametrize("find", [find_retention, find_holds])


@EVERY_KIND
@pytest.mark.parametrize(("value", "found"), [("billing", {"rule": "yes"}), ("sales", {})])
def test_rule_fits_by_the_conditions_that_policies_have(
    find: Find, value: str, found: dict[str, str]
) -> None:
    assert find(tag_is("queue", "billing"), make_call(tags={"queue": value})) == found


@EVERY_KIND
def test_rule_that_may_fit_is_told_as_such(find: Find) -> None:
    assert find(no_participant(ALICE), make_call(), make_participant(BOB)) == {"rule": "unknown"}


@pytest.mark.parametrize(("settled", "found"), [(False, {"rule": "unknown"}), (True, {})])
def test_fact_that_may_still_come_leaves_a_rule_in_doubt_until_the_call_is_settled(
    found: dict[str, str], *, settled: bool
) -> None:
    in_a_room = FlagIs(path="match", source=SOURCE, field=FlagField.IS_ROOMS_CALL, value=True)

    assert find_consent(in_a_room, make_call(started_at=None), settled=settled) == found


def test_rules_are_told_by_name() -> None:
    rules = tuple(make_rule_of_consent(name) for name in ("b", "c", "a"))
    policies = make_context(consent_rules=rules).policies

    hits = policies.consent_rules_for(make_call(), (), now=T0, settled=True)

    assert [hit.rule.name for hit in hits] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("now", "is_found"),
    [
        (after(10) - TICK, False),
        (after(10), True),
        (after(20) - TICK, True),
        (after(20), False),
        (after(20) + TICK, False),
    ],
)
def test_rule_fits_within_its_validity_only(now: datetime, *, is_found: bool) -> None:
    found = find_consent(
        tag_is("queue", "*"),
        make_call(tags={"queue": "x"}),
        now=now,
        valid_from=after(10),
        valid_until=after(20),
    )
    assert bool(found) is is_found


# --- observed -------------------------------------------------------------------------------------


def test_observed_consent_and_pause_rules_are_told_apart() -> None:
    policies = make_context(
        consent_rules=(make_rule_of_consent("c", is_observed=True),),
        pause_rules=(make_pause_rule("p", is_observed=True), make_pause_rule("q")),
    ).policies
    call = make_call()

    shadow = policies.shadow_rules_for(call, (), now=T0, settled=True)

    assert policies.consent_rules_for(call, (), now=T0, settled=True) == ()
    acting = policies.pause_rules_for(call, (), now=T0, settled=True)
    assert [hit.rule.name for hit in acting] == ["q"]
    assert [hit.rule.name for hit in shadow] == ["c", "p"]


def test_observed_retention_rule_is_among_the_others_for_its_floor() -> None:
    rules = (make_retention_rule("b"), make_retention_rule("a", is_observed=True))
    policies = make_context(retention_rules=rules).policies

    hits = policies.retention_rules_for(make_call(), (), now=T0, settled=True)

    assert hits == tuple(RuleHit(rule=rule, truth=YES) for rule in reversed(rules))


def test_released_hold_is_told_all_the_same() -> None:
    hold = make_hold(released=Released(at=T0, by="legal", reason="closed"))
    policies = make_context(holds=(hold,)).policies

    assert policies.holds_for(make_call(), (), now=after(days=99), settled=True) == (
        RuleHit(rule=hold, truth=YES),
    )


# --- a lifetime -----------------------------------------------------------------------------------


@NOW_ONLY
def test_rule_about_a_live_call_looks_at_those_who_are_there(find: Find) -> None:
    assert find(some_participant(BOB), make_call(), HERE, GONE) == {}


@LIFETIME
def test_rule_about_a_lifetime_looks_at_everybody_who_was_there(find: Find) -> None:
    assert find(some_participant(BOB), make_call(), HERE, GONE) == {"rule": "yes"}


@NOW_ONLY
def test_rule_about_a_live_call_looks_at_the_tags_as_they_are(find: Find) -> None:
    call = make_call(tags={"queue": "sales"}, past_tags={"queue": ("billing",)})
    assert find(tag_is("queue", "billing"), call) == {}


@LIFETIME
@pytest.mark.parametrize("value", ["billing", "support", "sales"])
def test_rule_about_a_lifetime_looks_at_every_value_a_tag_had(find: Find, value: str) -> None:
    call = make_call(tags={"queue": "sales"}, past_tags={"queue": ("billing", "support")})
    assert find(tag_is("queue", value), call) == {"rule": "yes"}


@LIFETIME
def test_rule_about_a_lifetime_finds_no_value_that_a_tag_never_had(find: Find) -> None:
    call = make_call(tags={"queue": "sales"}, past_tags={"queue": ("billing",), "desk": ("fx",)})
    assert find(tag_is("queue", "fx"), call) == {}


@LIFETIME
@pytest.mark.parametrize(
    ("quantifier", "who", "found"),
    [
        (Quantifier.EVERY, "8:acs:*", {"rule": "yes"}),
        (Quantifier.EVERY, ALICE, {}),
        (Quantifier.NONE, BOB, {}),
        (Quantifier.NONE, "28:*", {"rule": "yes"}),
    ],
)
def test_everybody_and_nobody_are_said_of_all_who_ever_took_part(
    find: Find, quantifier: Quantifier, who: str, found: dict[str, str]
) -> None:
    leaf = replace(some_participant(who), quantifier=quantifier)
    assert find(leaf, LISTED, HERE, GONE) == found


@LIFETIME
def test_count_is_of_all_who_ever_took_part(find: Find) -> None:
    two = ParticipantCount(path="match", source=SOURCE, minimum=2, maximum=2)
    assert find(two, LISTED, HERE, GONE) == {"rule": "yes"}


@LIFETIME
def test_list_that_is_not_complete_leaves_nobody_in_doubt(find: Find) -> None:
    assert find(no_participant(BOB), make_call(), HERE) == {"rule": "unknown"}


@LIFETIME
def test_past_value_is_found_through_the_index_too(find: Find) -> None:
    either = AnyOf(
        path="match",
        source=SOURCE,
        parts=(tag_is("queue", "bill*"), tag_is("desk", "equities")),
    )
    call = make_call(tags={"queue": "sales"}, past_tags={"queue": ("billing",)})
    assert find(either, call) == {"rule": "yes"}
