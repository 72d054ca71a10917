"""What is accepted of a locked rule really keeps everything that it kept, for at least as long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.properties.test_matching_laws import CONDITIONS, HERE, PARTICIPANTS, calls

from recordingd.domain.durations import Duration, add
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    GroupName,
    Not,
    ParticipantsFit,
    PartyField,
    PartyIs,
    Pattern,
    Quantifier,
    RuleName,
    Selector,
    TagIs,
    TextIs,
)
from recordingd.domain.policies import Group, PolicySet
from recordingd.domain.retention import RetentionRule, RetentionSpec
from recordingd.planning.conditions import compile_condition
from recordingd.planning.locking import is_at_least, shrinkages
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, UNKNOWN, YES, Facts

AT = {"path": st.just("match"), "source": st.just(HERE)}
IDS = ("8:acs:a", "8:acs:ab", "8:acs:b", "8:acs:*", "4:*")
MEMBERS = st.lists(
    st.one_of(
        st.sampled_from(IDS).map(lambda text: Selector(ids=(Pattern(text),))),
        st.sampled_from(["+1", "+1*"]).map(lambda text: Selector(phones=(Pattern(text),))),
    ),
    max_size=3,
)
RANK = {NO: 0, UNKNOWN: 1, YES: 2}


def tree(match: Condition, agents: list[Selector]) -> PolicySet:
    groups = {
        GroupName(name): Group(name=GroupName(name), source=HERE, members=tuple(members))
        for name, members in (("agents", agents), ("nobody", []))
    }
    rule = RetentionRule(
        name=RuleName("r"), source=HERE, match=match, spec=RetentionSpec(), is_locked=True
    )
    return PolicySet(policies=(), groups=groups, texts={}, digest="", retention_rules=(rule,))


def truth_in(policies: PolicySet, facts: Facts) -> int:
    (rule,) = policies.retention_rules
    return RANK[compile_condition(rule.match, Groups(policies.groups))(facts)]


@st.composite
def edits(draw: st.DrawFn, match: Condition) -> Condition:
    """Change a matcher somewhere, as a person would who widens it, or does not."""
    if draw(st.integers(0, 3)) == 0:
        return draw(CONDITIONS)
    match match:
        case AllOf(parts=parts) | AnyOf(parts=parts) if parts:
            n = draw(st.integers(0, len(parts) - 1))
            other = draw(edits(parts[n]))
            kept = parts[:n] + parts[n + 1 :]
            return replace(match, parts=draw(st.sampled_from([kept, (*kept, other)])))
        case Not(part=part):
            return replace(match, part=draw(edits(part)))
        case TextIs(patterns=patterns) | TagIs(patterns=patterns):
            return replace(match, patterns=(*patterns, Pattern(draw(st.sampled_from("ab*")))))
        case _:
            parts = (draw(CONDITIONS), match)
            return draw(
                st.sampled_from(
                    [
                        AnyOf(path="match", source=HERE, parts=parts),
                        AllOf(path="match", source=HERE, parts=parts),
                    ]
                )
            )


@st.composite
def changes(draw: st.DrawFn) -> tuple[PolicySet, PolicySet]:
    match = draw(CONDITIONS)
    members = draw(MEMBERS)
    others = draw(st.sampled_from([members, members[1:], [*members, *draw(MEMBERS)]]))
    return tree(match, members), tree(draw(edits(match)), others)


FACTS = st.builds(Facts, calls(), PARTICIPANTS, settled=st.booleans())


@given(changes(), FACTS)
def test_accepted_matcher_matches_whatever_the_old_one_matched(
    change: tuple[PolicySet, PolicySet], facts: Facts
) -> None:
    before, after = change
    assume(not shrinkages(before, after))
    assert truth_in(after, facts) >= truth_in(before, facts)


@given(CONDITIONS, MEMBERS)
def test_rule_that_does_not_change_is_always_accepted(
    match: Condition, members: list[Selector]
) -> None:
    assert shrinkages(tree(match, members), tree(match, members)) == ()


@given(CONDITIONS, CONDITIONS, MEMBERS)
def test_alternative_is_always_accepted(
    match: Condition, other: Condition, members: list[Selector]
) -> None:
    wider = AnyOf(path="match", source=HERE, parts=(other, match))
    assert shrinkages(tree(match, members), tree(wider, members)) == ()


IN_AGENTS = Selector(in_groups=(GroupName("agents"),))
NOT_IN_AGENTS = Selector(not_in=(GroupName("agents"),))
ABOUT_AGENTS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(
        st.builds(
            ParticipantsFit,
            quantifier=st.sampled_from(Quantifier),
            selectors=st.sampled_from([(IN_AGENTS,), (NOT_IN_AGENTS,)]),
            **AT,
        ),
        st.builds(
            PartyIs,
            field=st.sampled_from(PartyField),
            selectors=st.sampled_from([(IN_AGENTS,), (NOT_IN_AGENTS,)]),
            **AT,
        ),
    ),
    lambda inner: st.builds(Not, part=inner, **AT),
    max_leaves=2,
)


@st.composite
def memberships(draw: st.DrawFn) -> tuple[list[Selector], list[Selector]]:
    """Draw a group before and after somebody joined, or after somebody left."""
    few, more = draw(MEMBERS), draw(MEMBERS)
    return draw(st.sampled_from([(few, few + more), (few + more, few)]))


@given(ABOUT_AGENTS, memberships(), FACTS)
def test_accepted_group_makes_the_rule_match_whatever_it_matched(
    match: Condition, members: tuple[list[Selector], list[Selector]], facts: Facts
) -> None:
    before, after = (tree(match, list(those)) for those in members)
    assume(not shrinkages(before, after))
    facts.is_complete = True
    assert truth_in(after, facts) >= truth_in(before, facts)


DURATIONS = st.builds(
    Duration,
    months=st.integers(0, 30) | st.integers(0, 4000),
    days=st.integers(0, 70) | st.integers(0, 3000),
    seconds=st.integers(0, 200_000),
)
# Ends of months, in years around leap years and around centuries without one.
MOMENTS = st.builds(
    lambda year, month, back: datetime(year, month, 1, tzinfo=UTC) - timedelta(days=back),
    st.integers(1895, 1904) | st.integers(2023, 2029) | st.integers(2095, 2104),
    st.integers(1, 12),
    st.integers(1, 4),
)


@given(DURATIONS, DURATIONS, MOMENTS)
def test_longer_length_ends_later_from_any_moment(
    new: Duration, old: Duration, moment: datetime
) -> None:
    assume(is_at_least(new, old))
    assert_not_before(add(moment, new), add(moment, old))


MONTHS = st.integers(0, 60) | st.integers(1, 40).map(lambda years: 12 * years)


@given(MONTHS, st.integers(0, 3), st.integers(-3, 3), MOMENTS)
def test_months_and_days_that_are_close_are_never_misjudged(
    months: int, before: int, off: int, moment: datetime
) -> None:
    stepped = Duration(months=before + months)
    counted = Duration(months=before, days=max(0, round(months * 30.436875) + off))
    for one, other in ((stepped, counted), (counted, stepped)):
        if is_at_least(one, other):
            assert_not_before(add(moment, one), add(moment, other))


def assert_not_before(one: object, other: object) -> None:
    assert isinstance(one, datetime)
    assert isinstance(other, datetime)
    assert one >= other


@given(DURATIONS)
def test_length_is_at_least_itself(duration: Duration) -> None:
    assert is_at_least(duration, duration)
