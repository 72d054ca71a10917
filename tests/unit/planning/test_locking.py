from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.factories import EVERYTHING, changed, keep, some_participant, tag_is

from recordingd.domain.durations import parse_duration, parse_finite_duration
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    GroupName,
    Not,
    ParticipantsFit,
    Pattern,
    PlaceName,
    Quantifier,
    RuleName,
    Selector,
    Source,
)
from recordingd.domain.places import PlaceCode, Places
from recordingd.domain.policies import Group, PolicySet
from recordingd.domain.retention import Basis, CountFrom, EventClock, RetentionRule
from recordingd.planning.locking import is_at_least, shrinkages

WAS = Source(file="retention.yaml", line=3)
IS = Source(file="keeping.yaml", line=9)
SPEC = replace(keep("5y", "7y"), basis=Basis.LEGAL_OBLIGATION)
JANUARY = datetime(2027, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2027, 2, 1, tzinfo=UTC)


def rule(**changes: object) -> RetentionRule:
    """Make a locked rule; names of fields of its body may be given as well."""
    body = {name: changes.pop(name) for name in list(changes) if hasattr(SPEC, name)}
    made = RetentionRule(
        name=RuleName("mifid-ii"),
        source=WAS,
        match=tag_is("desk", "equities"),
        spec=changed(SPEC, body),
        priority=50,
        is_locked=True,
    )
    return changed(made, changes)


def tree(
    *rules: RetentionRule,
    members: tuple[Selector, ...] = (),
    places: frozenset[str] = frozenset(),
) -> PolicySet:
    traders, cautious = GroupName("traders"), PlaceName("cautious")
    codes = frozenset(PlaceCode(code) for code in places)
    return PolicySet(
        policies=(),
        groups={traders: Group(name=traders, source=WAS, members=members)},
        texts={},
        digest="",
        retention_rules=rules,
        places={cautious: Places(name=cautious, source=WAS, codes=codes)},
    )


def taken_back(was: RetentionRule, now: RetentionRule | None) -> list[str]:
    after = tree() if now is None else tree(replace(now, source=IS))
    return [found.what for found in shrinkages(tree(was), after)]


GROWN: Mapping[str, dict[str, object]] = {
    "nothing": {},
    "its text": {"description": "Five years, see the directive."},
    "a longer floor": {"keep_at_least": parse_duration("6y")},
    "a floor without end": {"keep_at_least": parse_duration("forever")},
    "a later deletion": {"delete_after": parse_duration("P7Y1D")},
    "no deletion at all": {"delete_after": parse_duration("forever")},
    "a longer time to decide": {"decide_after": parse_finite_duration("48h")},
    "a higher priority": {"priority": 60},
    "a wider matcher": {"match": EVERYTHING},
    "one more value": {
        "match": replace(tag_is("desk", "x"), patterns=(Pattern("rates"), Pattern("equit*")))
    },
}


@pytest.mark.parametrize("change", GROWN)
def test_locked_rule_may_grow(change: str) -> None:
    assert taken_back(rule(), rule(**GROWN[change])) == []


SHRUNK: Mapping[str, tuple[dict[str, object], str]] = {
    "unlocked": ({"is_locked": False}, "it is not locked any more"),
    "observed": ({"is_observed": True}, "it is only observed now"),
    "begins later": ({"valid_from": JANUARY}, "it is valid for a shorter time"),
    "ends": ({"valid_until": JANUARY}, "it is valid for a shorter time"),
    "shorter floor": ({"keep_at_least": parse_duration("3y")}, "keepAtLeast was 5y, is 3y"),
    "no floor": ({"keep_at_least": None}, "keepAtLeast was 5y, is not set"),
    "earlier deletion": ({"delete_after": parse_duration("6y")}, "deleteAfter was 7y, is 6y"),
    "no say in deletion": ({"delete_after": None}, "deleteAfter was 7y, is not set"),
    "less time to decide": (
        {"decide_after": parse_finite_duration("23h")},
        "decideAfter was 24h, is 23h",
    ),
    "weaker basis": (
        {"basis": Basis.BUSINESS_NEED},
        "basis was legalObligation, is businessNeed",
    ),
    "other clock": ({"count_from": CountFrom.STORED}, "countFrom was callEnd, is stored"),
    "named clock": (
        {"count_from": EventClock("case.closed")},
        "countFrom was callEnd, is event:case.closed",
    ),
    "lower priority": ({"priority": 40}, "priority was 50, is 40"),
    "other matcher": (
        {"match": tag_is("desk", "rates")},
        "it is not certain that it still matches every call that it matched",
    ),
    "narrower matcher": (
        {
            "match": AllOf(
                path="match", source=WAS, parts=(tag_is("desk", "equities"), tag_is("a", "b"))
            )
        },
        "it is not certain that it still matches every call that it matched",
    ),
}


@pytest.mark.parametrize("change", SHRUNK)
def test_locked_rule_may_not_shrink(change: str) -> None:
    changes, what = SHRUNK[change]
    assert taken_back(rule(), rule(**changes)) == [what]


def test_refusal_names_the_rule_what_was_what_is_and_both_places() -> None:
    (found,) = shrinkages(tree(rule()), tree(rule(source=IS, keep_at_least=parse_duration("3y"))))
    assert str(found) == (
        "retention rule 'mifid-ii' is locked and may only grow: keepAtLeast was 5y, is 3y"
        " (was retention.yaml:3, is keeping.yaml:9)"
    )


def test_everything_that_is_taken_back_is_told_at_once() -> None:
    now = rule(is_locked=False, keep_at_least=None, match=tag_is("desk", "rates"))
    assert len(taken_back(rule(), now)) == 3


def test_missing_locked_rule_is_taken_back() -> None:
    (found,) = shrinkages(tree(rule()), tree())
    assert (found.what, found.is_at) == ("it is missing", None)
    assert "retention.yaml:3" in str(found)


def test_renamed_locked_rule_is_missing_and_its_new_name_is_told() -> None:
    renamed = rule(name=RuleName("mifid-2"), source=IS)
    (found,) = shrinkages(tree(rule()), tree(renamed))
    assert "'mifid-2' at keeping.yaml:9 says the same" in found.what


def test_unlocked_rule_may_do_anything() -> None:
    assert taken_back(rule(is_locked=False), None) == []


def test_rule_that_becomes_locked_may_change_at_that_moment() -> None:
    assert taken_back(rule(is_locked=False), rule(keep_at_least=parse_duration("1y"))) == []


def test_weaker_basis_may_become_stronger() -> None:
    assert taken_back(rule(basis=Basis.BUSINESS_NEED), rule()) == []


def test_validity_may_become_longer() -> None:
    was = rule(valid_from=JANUARY, valid_until=FEBRUARY)
    assert taken_back(was, rule(valid_from=JANUARY)) == []
    assert taken_back(was, rule(valid_until=FEBRUARY)) == []


def test_rule_that_deleted_nothing_may_not_begin_to() -> None:
    was = rule(delete_after=None)
    assert taken_back(was, rule(delete_after=parse_duration("forever"))) == []
    assert taken_back(was, rule()) == ["deleteAfter was not set, is 7y"]


# --- groups and places ----------------------------------------------------------------------------

ADA, BOB = Selector(ids=(Pattern("8:acs:ada"),)), Selector(ids=(Pattern("8:acs:bob"),))
EVERYBODY = Selector(ids=(Pattern("8:acs:*"),))
IN_TRADERS = replace(some_participant(""), selectors=(Selector(in_groups=(GroupName("traders"),)),))
NOT_IN_TRADERS = replace(
    some_participant(""), selectors=(Selector(not_in=(GroupName("traders"),)),)
)
NONE_IN_TRADERS = replace(IN_TRADERS, quantifier=Quantifier.NONE)
NOT_SOME_IN_TRADERS = Not(path="match", source=WAS, part=IN_TRADERS)
LOST = "group 'traders', which it names, has lost members"
GOT = "group 'traders', which it names, has got members"


@pytest.mark.parametrize(
    ("match", "was", "now", "found"),
    [
        (IN_TRADERS, (ADA,), (ADA, BOB), []),
        (IN_TRADERS, (ADA, BOB), (EVERYBODY,), []),
        (IN_TRADERS, (ADA, BOB), (ADA,), [LOST]),
        (IN_TRADERS, (EVERYBODY,), (ADA, BOB), [LOST]),
        (NOT_IN_TRADERS, (ADA, BOB), (ADA,), []),
        (NOT_IN_TRADERS, (ADA,), (ADA, BOB), [GOT]),
        (NONE_IN_TRADERS, (ADA, BOB), (ADA,), []),
        (NONE_IN_TRADERS, (ADA,), (ADA, BOB), [GOT]),
        (NOT_SOME_IN_TRADERS, (ADA,), (ADA, BOB), [GOT]),
        (Not(path="match", source=WAS, part=NONE_IN_TRADERS), (ADA, BOB), (ADA,), [LOST]),
    ],
)
def test_group_that_a_locked_rule_names_is_a_part_of_it(
    match: Condition, was: tuple[Selector, ...], now: tuple[Selector, ...], found: list[str]
) -> None:
    before, after = tree(rule(match=match), members=was), tree(rule(match=match), members=now)
    assert [s.what for s in shrinkages(before, after)] == found


def test_group_that_is_gone_has_lost_its_members() -> None:
    named = rule(match=IN_TRADERS)
    after = replace(tree(named), groups={})
    assert [s.what for s in shrinkages(tree(named, members=(ADA,)), after)] == [LOST]


def test_group_of_an_alternative_that_went_with_others_still_counts() -> None:
    either = AnyOf(path="match", source=WAS, parts=(IN_TRADERS, tag_is("a", "b")))
    before = tree(rule(match=either), members=(ADA,))
    assert [s.what for s in shrinkages(before, tree(rule(match=either)))] == [LOST]


def in_places(*places: str) -> ParticipantsFit:
    return replace(some_participant(""), selectors=(Selector(places=places),))


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        (("US-CA",), ("US-CA", "US-WA"), []),
        (("US-CA", "US-WA"), ("US-CA",), ["places 'cautious', which it names, lost entries"]),
    ],
)
def test_places_that_a_locked_rule_names_are_a_part_of_it(
    was: tuple[str, ...], now: tuple[str, ...], found: list[str]
) -> None:
    named = rule(match=in_places("cautious", "unknown"))
    before, after = (tree(named, places=frozenset(codes)) for codes in (was, now))
    assert [s.what for s in shrinkages(before, after)] == found


# --- lengths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "old", "is_never_shorter"),
    [
        ("7y", "7y", True),
        ("forever", "400y", True),
        ("400y", "forever", False),
        ("24h", "1d", True),
        ("23h", "1d", False),
        ("1y", "365d", True),
        ("1y", "366d", False),
        ("366d", "1y", True),
        ("365d", "1y", False),
        ("P1M", "28d", True),
        ("P1M", "29d", False),
        ("31d", "P1M", True),
        ("30d", "P1M", False),
        ("P1Y1D", "1y", True),
        ("P13M", "P1Y28D", True),
        ("P13M", "P1Y29D", False),
    ],
)
def test_length_is_at_least_another_only_if_no_calendar_makes_it_shorter(
    new: str, old: str, *, is_never_shorter: bool
) -> None:
    assert is_at_least(parse_duration(new), parse_duration(old)) is is_never_shorter
