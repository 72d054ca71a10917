"""When nobody has to read again all that is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.factories import T0, after, changed, keep, make_context, make_policy, make_retention_rule

from recordingd.domain.durations import Duration, parse_duration
from recordingd.domain.matchers import GroupName, Pattern, PlaceName, Selector, Source
from recordingd.domain.places import PlaceCode, Places
from recordingd.domain.policies import Group, PolicySet
from recordingd.domain.retention import KeptReading
from recordingd.planning.keeping_words import keeping_words, says_nothing_new

TEXT = "kind: RetentionRule\nname: mifid-ii\nkeepAtLeast: 5y\n"
CEILING = parse_duration("10y")
HERE = Source(file="mifid.yaml", line=1)


def rules(text: str = TEXT, line: int = 1, **changes: object) -> PolicySet:
    policy = changed(make_policy(retention=keep(None, "1y")), changes)
    rule = make_retention_rule(source=Source(file="mifid.yaml", line=line))
    made = make_context(policy, retention_rules=(rule,)).policies.policies
    return replace(made, texts={"mifid.yaml": text})


def words(policies: PolicySet) -> str:
    return keeping_words(policies, CEILING)


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        rules("---\nkind: Group\n---\n" + TEXT, line=4),
        rules(description="another description"),
        replace(rules(), digest="1" * 64),
    ],
    ids=["moved", "described", "other digest"],
)
def test_words_do_not_depend_on_what_says_nothing_of_keeping(same: PolicySet) -> None:
    assert words(same) == words(rules())


@pytest.mark.parametrize(
    "other",
    [
        rules(TEXT.replace("5y", "6y")),
        rules(priority=7),
        rules(is_observed=True),
        rules(valid_until=after(days=1)),
        replace(rules(), retention_rules=()),
    ],
    ids=["rule", "priority", "observed", "validity", "no rule"],
)
def test_words_change_with_everything_that_decides_how_long(other: PolicySet) -> None:
    assert words(other) != words(rules())


def test_words_change_with_the_retention_within_a_policy() -> None:
    longer = make_context(make_policy(retention=keep(None, "2y"))).policies.policies
    shorter = make_context(make_policy(retention=keep(None, "1y"))).policies.policies
    assert words(longer) != words(shorter)


def test_words_change_with_the_members_of_groups_and_not_with_their_order() -> None:
    def group(*members: str) -> PolicySet:
        selectors = tuple(Selector(ids=(Pattern(m),)) for m in members)
        name = GroupName("traders")
        return replace(rules(), groups={name: Group(name=name, source=HERE, members=selectors)})

    assert words(group("a", "b")) == words(group("b", "a")) != words(group("a"))


def test_words_change_with_the_codes_of_places() -> None:
    def places(*codes: str) -> PolicySet:
        name = PlaceName("west")
        found = Places(name=name, source=HERE, codes=frozenset(map(PlaceCode, codes)))
        return replace(rules(), places={name: found})

    assert words(places("US-CA", "US-WA")) == words(places("US-WA", "US-CA"))
    assert words(places("US-CA")) != words(places("US-WA"))


@pytest.mark.parametrize("ceiling", [None, parse_duration("9y"), parse_duration("forever")])
def test_words_change_with_the_ceiling(ceiling: Duration | None) -> None:
    assert keeping_words(rules(), ceiling) != words(rules())


# --- whether they say anything new ----------------------------------------------------------------


def is_old(
    policies: PolicySet, *, waiting: int = 0, read_at: datetime = T0, now: datetime | None = None
) -> bool:
    since = KeptReading(words=words(policies), waiting=waiting, read_at=read_at)
    return says_nothing_new(policies, CEILING, since=since, now=now or after(hours=1))


def test_same_words_say_nothing_new() -> None:
    assert is_old(rules())


def test_other_words_may_say_something_new() -> None:
    since = KeptReading(words=words(rules()), waiting=0, read_at=T0)
    other = rules(TEXT.replace("5y", "6y"))
    assert not says_nothing_new(other, CEILING, since=since, now=T0)
    assert not says_nothing_new(rules(), None, since=since, now=T0)


def test_what_waits_for_an_approved_plan_is_looked_at_again() -> None:
    assert not is_old(rules(), waiting=1)


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
@pytest.mark.parametrize(
    ("moment", "is_same"),
    [
        (T0, True),
        (T0 + timedelta(microseconds=1), False),
        (after(hours=1), False),
        (after(hours=1, seconds=1), True),
    ],
)
def test_rule_that_begins_or_ends_meanwhile_says_something_new(
    field: str, moment: datetime, *, is_same: bool
) -> None:
    (policy,), (rule,) = rules().policies, rules().retention_rules
    turning = {field: moment}
    assert is_old(replace(rules(), policies=(changed(policy, turning),))) is is_same
    assert is_old(replace(rules(), retention_rules=(changed(rule, turning),))) is is_same


def test_look_at_the_past_asks_the_same() -> None:
    policies = rules(valid_until=after(minutes=30))
    assert not is_old(policies, read_at=after(hours=1), now=T0)
