"""Policies that contradict each other, and policies that never have a say."""

from __future__ import annotations

import pytest
from tests.written import groups, read_policy

from recordingd.domain.policies import RecordingPolicy
from recordingd.planning.rivals import Rivals

EVERY = "{}"
SALES = "{tags: {queue: sales}}"
TOO_INVOLVED = ", ".join(f'"{n}*"' for n in range(60))
EARLY, LATE = {"validUntil": "2026-01-01T00:00:00Z"}, {"validFrom": "2026-01-01T00:00:00Z"}


def ties(*policies: RecordingPolicy) -> list[tuple[str, str]]:
    return [(t.later.name, t.first.name) for t in Rivals(policies, groups()).ties()]


def defeats(*policies: RecordingPolicy) -> list[tuple[str, str]]:
    return [(d.first.name, d.later.name) for d in Rivals(policies, groups()).defeats()]


def losers(*policies: RecordingPolicy) -> dict[str, list[str]]:
    found = Rivals(policies, groups()).losers()
    return {loser.policy.name: [winner.name for winner in loser.winners] for loser in found}


# --- ties -----------------------------------------------------------------------------------------


def test_every_policy_is_told_once_with_the_first_that_it_meets() -> None:
    some = [read_policy(name, f"{{tags: {{{name}: x}}}}") for name in "cab"]
    assert ties(*some) == [("b", "a"), ("c", "a")]


@pytest.mark.parametrize(
    ("one", "other", "is_tie"),
    [
        (("record", {}), ("record", {}), True),
        (("record", {}), ("skip", {}), True),
        (("skip", {}), ("skip", {}), False),
        (("require", {}), ("require", {}), True),
        (("require", {}), ("record", {}), False),
        (("forbid", {}), ("forbid", {}), False),
        (("forbid", {"captured": "keep"}), ("forbid", {}), True),
        (("record", {"priority": "1"}), ("record", {}), False),
        (("record", {"observe": "true"}), ("record", {}), False),
        (("record", EARLY), ("record", LATE), False),
        (("record", EARLY), ("record", EARLY), True),
        (("record", EARLY), ("record", {}), True),
    ],
)
def test_equals_that_say_different_things_at_one_time_are_a_tie(
    one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]], *, is_tie: bool
) -> None:
    a = read_policy("a", SALES, one[0], **one[1])
    b = read_policy("b", "{tags: {desk: x}}", other[0], **other[1])
    assert bool(ties(a, b)) is is_tie


def test_requires_meet_where_a_list_stays_incomplete() -> None:
    """What stays unknown counts for a require, and not for a record."""
    nobody, somebody = (f"{{participants: {{{q}: {{in: council}}}}}}" for q in ("none", "some"))
    assert ties(read_policy("a", nobody), read_policy("b", somebody)) == []
    requires = [read_policy(n, m, "require") for n, m in (("a", nobody), ("b", somebody))]
    assert ties(*requires) == [("b", "a")]


def test_third_policy_above_both_settles_nothing() -> None:
    above = read_policy("z", EVERY, priority="9")
    two = [read_policy(name, f"{{tags: {{{name}: x}}}}") for name in "ab"]
    assert ties(above, *two) == [("b", "a")]


def test_what_is_too_involved_counts_as_meeting() -> None:
    match = f"{{from: {{role: [{TOO_INVOLVED}], displayName: [{TOO_INVOLVED}]}}}}"
    [tie] = Rivals([read_policy(n, match) for n in "ab"], groups()).ties()
    assert tie.example is None


def test_meeting_comes_with_an_example() -> None:
    policies = [read_policy("a", SALES), read_policy("b", "{tags: {desk: x}}")]
    [tie] = Rivals(policies, groups()).ties()
    assert str(tie.example) == "tags.desk 'x', tags.queue 'sales'"


# --- require against forbid -----------------------------------------------------------------------


def test_require_is_defeated_by_every_forbid_that_it_meets_and_does_not_override() -> None:
    assert defeats(
        read_policy("must", SALES, "require", overrides="two"),
        read_policy("one", "{participants: {some: {in: council}}}", "forbid"),
        read_policy("two", EVERY, "forbid"),
        read_policy("three", "{tags: {queue: support}}", "forbid"),
        read_policy("four", EVERY, "forbid", observe="true"),
        read_policy("five", EVERY, "forbid", priority="1"),
    ) == [("must", "five"), ("must", "one")]


def test_forbid_that_stays_in_doubt_defeats_too() -> None:
    nobody, somebody = (f"{{participants: {{{q}: {{in: council}}}}}}" for q in ("none", "some"))
    must, never = read_policy("must", somebody, "require"), read_policy("never", nobody, "forbid")
    assert defeats(must, never) == [("must", "never")]


# --- policies that never win ----------------------------------------------------------------------


def test_narrower_policy_below_never_wins() -> None:
    narrow, wide = read_policy("narrow", SALES), read_policy("wide", EVERY, "skip", priority="1")
    assert losers(narrow, wide) == {"narrow": ["wide"]}


@pytest.mark.parametrize(
    "wide",
    ["{}", '{tags: {queue: "s*"}}', '{serverCallId: "*"}', "{sample: 100%}", "{not: {sample: 0%}}"],
)
def test_policy_that_means_more_shadows(wide: str) -> None:
    assert losers(read_policy("narrow", SALES), read_policy("wide", wide, priority="1")) == {
        "narrow": ["wide"]
    }


@pytest.mark.parametrize(
    "wide",
    [
        read_policy("wide", EVERY),
        read_policy("wide", EVERY, priority="1", observe="true"),
        read_policy("wide", EVERY, priority="1", validUntil="2026-01-01T00:00:00Z"),
        read_policy("wide", "{tags: {queue: sales}, direction: incoming}"),
        read_policy("wide", '{tags: {queue: "x*"}}', priority="1"),
    ],
    ids=["below", "observed", "over", "narrower", "elsewhere"],
)
def test_policy_that_wins_some_call_is_no_loser(wide: RecordingPolicy) -> None:
    assert losers(read_policy("narrow", SALES), wide) == {}


def test_policy_within_the_time_of_a_stronger_one_never_wins() -> None:
    narrow = read_policy("narrow", SALES, **EARLY)
    assert losers(narrow, read_policy("wide", EVERY, priority="1", **EARLY)) == {"narrow": ["wide"]}
    assert losers(narrow, read_policy("wide", EVERY, priority="1", **LATE)) == {}


def test_several_win_together() -> None:
    assert losers(
        read_policy("all", SALES),
        read_policy("in", "{direction: incoming}", priority="1"),
        read_policy("not-in", "{not: {direction: incoming}}", "skip", priority="2"),
        read_policy("room", "{room: a}", priority="3"),
    ) == {"all": ["in", "not-in"]}


def test_only_those_that_are_needed_are_named() -> None:
    assert losers(
        read_policy("all", SALES),
        read_policy("most", "{not: {room: a}}", priority="9"),
        read_policy("every", EVERY, "skip", priority="1"),
    ) == {"all": ["every"]}


def test_one_after_another_in_time_win_together() -> None:
    assert losers(
        read_policy("all", SALES),
        read_policy("early", EVERY, priority="1", **EARLY),
        read_policy("late", EVERY, priority="2", **LATE),
    ) == {"all": ["early", "late"]}


def test_forbid_shadows_every_priority() -> None:
    assert losers(read_policy("r", SALES, priority="9"), read_policy("f", EVERY, "forbid")) == {
        "r": ["f"]
    }


def test_forbid_in_doubt_shadows_nothing() -> None:
    nobody = "{participants: {none: {in: council}}}"
    assert losers(read_policy("r", SALES), read_policy("f", nobody, "forbid")) == {}


def test_require_that_overrides_the_forbid_wins() -> None:
    forbid = read_policy("f", EVERY, "forbid")
    assert losers(read_policy("m", SALES, "require", overrides="f"), forbid) == {}
    assert losers(read_policy("m", SALES, "require"), forbid) == {"m": ["f"]}


def test_forbid_that_is_always_overridden_never_wins() -> None:
    forbid = read_policy("f", SALES, "forbid")
    assert losers(read_policy("m", EVERY, "require", overrides="f"), forbid) == {"f": ["m"]}
    assert losers(read_policy("m", "{room: a}", "require", overrides="f"), forbid) == {}


def test_record_loses_to_the_forbid_or_to_what_overrides_it() -> None:
    assert losers(
        read_policy("r", SALES),
        read_policy("f", EVERY, "forbid"),
        read_policy("m", "{room: a}", "require", overrides="f"),
    ) == {"r": ["f", "m"]}


def test_policy_that_matches_nothing_is_no_loser() -> None:
    never = read_policy("never", "{tags: {queue: []}}")
    assert losers(never, read_policy("wide", EVERY, priority="1")) == {}
