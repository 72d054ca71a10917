"""Whether one call fits two matchers, and what such a call is like."""

from __future__ import annotations

import itertools

import pytest
from tests.written import groups, read_matcher

from recordingd.planning.overlap import CERTAIN, EXCLUDED, POSSIBLE, UNCERTAIN, Goal, Overlap
from recordingd.planning.people import TooInvolved
from recordingd.planning.truth import Truth

LONDON = "timezone: Europe/London"


def meet(one: str, other: str, *, is_lifetime: bool = False) -> bool:
    overlap = Overlap(groups(), is_lifetime=is_lifetime)
    goals = [Goal(read_matcher(one)), Goal(read_matcher(other))]
    return overlap.find(goals) is not None


def example(match: str) -> str:
    return str(Overlap(groups()).find([Goal(read_matcher(match))]))


# --- matchers that meet ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{}", "{}"),
        ('{room: "a*"}', "{room: ab}"),
        ('{room: "a*"}', '{room: "ab*"}'),
        ("{not: {direction: incoming}}", "{not: {direction: outgoing}}"),
        ("{not: {isRoomsCall: true}}", "{not: {isRoomsCall: false}}"),
        ("{from: {phone: +4420123}}", "{to: {phone: +4420123}}"),
        ("{from: {phone: +4420123}}", "{from: {in: agents}}"),
        ('{from: {phone: "+44*"}}', '{from: {id: "4:+4420*"}}'),
        ('{from: {phone: "+44*"}}', '{from: {id: "4:4420*"}}'),
        ("{from: {kind: teamsExtensionUser}}", '{from: {id: "8:acs:x"}}'),
        ("{from: {role: a}}", '{from: {role: "*", displayName: b}}'),
        ('{from: {id: "8:acs:a"}}', '{not: {from: {role: "*"}}}'),
        ("{from: {place: US-CA}}", "{from: {place: DE}}"),
        ('{participants: {some: {id: "8:acs:a"}}}', '{participants: {some: {id: "8:acs:b"}}}'),
        ("{participants: {count: {max: 1}}}", "{participants: {some: {in: council}}}"),
        ("{participants: {every: {in: council}}}", "{participants: {count: {min: 2}}}"),
        ("{participants: {none: {in: agents}}}", "{participants: {some: {in: council}}}"),
        ("{sample: 10%}", "{not: {sample: 5%}}"),
        (
            f"{{hours: {{days: mon, {LONDON}}}}}",
            f'{{hours: {{between: ["09:00", "17:00"], {LONDON}}}}}',
        ),
        (
            f'{{hours: {{between: ["22:00", "06:00"], {LONDON}}}}}',
            f'{{hours: {{between: ["05:00", "07:00"], {LONDON}}}}}',
        ),
        (f"{{hours: {{days: mon, {LONDON}}}}}", "{hours: {days: tue, timezone: Asia/Tokyo}}"),
        (
            '{startedBetween: ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]}',
            '{startedBetween: ["2026-01-31T23:59:59Z", "2026-03-01T00:00:00Z"]}',
        ),
        (
            '{startedBetween: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]}',
            f"{{hours: {{days: wed, {LONDON}}}}}",
        ),
    ],
)
def test_matchers_meet(one: str, other: str) -> None:
    assert meet(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{room: "a*"}', '{room: "b*"}'),
        ('{room: "*"}', '{not: {room: "*"}}'),
        ('{serverCallId: "a*"}', '{not: {serverCallId: "*"}}'),
        ("{isRoomsCall: true}", "{isRoomsCall: false}"),
        ("{from: {phone: +4420123}}", "{from: {notIn: agents}}"),
        ("{from: {phone: +4420123}}", '{from: {id: "8:acs:x"}}'),
        ("{from: {kind: phoneNumber}}", '{from: {id: "8:acs:x"}}'),
        ("{from: {kind: microsoftTeamsUser}}", '{from: {id: "8:acs:x"}}'),
        ('{from: {kind: phoneNumber, id: "8:*"}}', "{}"),
        ("{from: {in: agents}}", "{from: {in: council}}"),
        ("{participants: {every: {in: agents}}}", "{participants: {some: {in: council}}}"),
        ("{participants: {every: {in: council}}}", "{participants: {count: {min: 3}}}"),
        ("{participants: {count: {max: 0}}}", '{participants: {some: {id: "*"}}}'),
        ("{participants: {count: {max: 0}}}", '{participants: {every: {id: "*"}}}'),
        ("{participants: {none: {in: council}}}", "{not: {participants: {none: {in: council}}}}"),
        ("{participants: {count: {min: 2}}}", "{not: {participants: {count: {min: 2}}}}"),
        ("{participants: {count: {max: 2}}}", "{not: {participants: {count: {max: 2}}}}"),
        ('{from: {id: "4:+44*"}}', '{not: {from: {phone: "+44*"}}}'),
        (
            '{participants: {some: {id: "8:acs:c1", role: a}}}',
            '{participants: {some: {id: "8:acs:c1", role: b}}}',
        ),
        ("{sample: 5%}", "{not: {sample: 10%}}"),
        ("{not: {sample: 100%}}", "{}"),
        (f"{{hours: {{days: mon, {LONDON}}}}}", f"{{hours: {{days: [tue, wed], {LONDON}}}}}"),
        (
            f'{{hours: {{between: ["09:00", "17:00"], {LONDON}}}}}',
            f'{{hours: {{between: ["17:00", "09:00"], {LONDON}}}}}',
        ),
        (
            f'{{hours: {{days: mon, between: ["22:00", "06:00"], {LONDON}}}}}',
            f'{{hours: {{days: wed, between: ["05:00", "07:00"], {LONDON}}}}}',
        ),
        (
            '{startedBetween: ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]}',
            '{startedBetween: ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]}',
        ),
        (
            '{startedBetween: ["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"]}',
            f"{{hours: {{days: sun, {LONDON}}}}}",
        ),
    ],
)
def test_matchers_never_meet(one: str, other: str) -> None:
    assert not meet(one, other)


def test_ten_digits_are_all_numbers() -> None:
    every = ", ".join(f'{{phone: "+44{digit}*"}}' for digit in range(10))
    assert not meet('{from: {phone: "+44*"}}', f"{{not: {{from: [{every}, {{phone: +44}}]}}}}")


def test_nine_digits_leave_some() -> None:
    most = ", ".join(f'{{phone: "+44{digit}*"}}' for digit in range(9))
    assert meet('{from: {phone: "+44*"}}', f"{{not: {{from: [{most}]}}}}")


def test_everybody_may_come_from_a_long_list() -> None:
    ids = ", ".join(f'"8:acs:{n}"' for n in range(20))
    every = f"{{participants: {{every: {{id: [{ids}]}}}}}}"
    assert meet(every, "{participants: {count: {min: 20}}}")


@pytest.mark.parametrize(("count", "fits"), [(3, True), (4, False)])
def test_everybody_comes_from_a_short_list_once(count: int, *, fits: bool) -> None:
    every = "{participants: {every: {id: [a, b, c]}}}"
    assert meet(every, f"{{participants: {{count: {{min: {count}}}}}}}") is fits


def test_tag_has_one_value_at_a_time_and_many_in_a_lifetime() -> None:
    one, other = "{tags: {queue: a}}", "{tags: {queue: b}}"
    assert not meet(one, other)
    assert meet(one, other, is_lifetime=True)


def test_value_that_a_tag_never_had_is_none_of_its_lifetime() -> None:
    assert not meet("{tags: {queue: a}}", "{not: {tags: {queue: a}}}", is_lifetime=True)


# --- truths ---------------------------------------------------------------------------------------

NOBODY = "{participants: {none: {in: council}}}"
SOMEBODY = "{participants: {some: {in: council}}}"


def test_list_that_may_be_incomplete_leaves_both_possible() -> None:
    overlap = Overlap(groups())
    nobody, somebody = Goal(read_matcher(NOBODY), POSSIBLE), Goal(read_matcher(SOMEBODY))
    example = overlap.find([nobody, somebody])
    assert example is not None
    assert not example.is_complete
    assert overlap.meets(nobody, example)
    assert overlap.find([Goal(nobody.condition), somebody]) is None


def test_complete_list_of_nobody_leaves_open_who_everybody_was() -> None:
    every = read_matcher("{participants: {every: {in: council}}}")
    nobody = Goal(read_matcher("{participants: {count: {max: 0}}}"))
    overlap = Overlap(groups())
    assert overlap.find([Goal(every, UNCERTAIN), nobody]) is not None
    assert overlap.find([Goal(every, POSSIBLE), nobody]) is not None
    assert overlap.find([Goal(every, CERTAIN), nobody]) is None
    assert overlap.find([Goal(every, EXCLUDED), nobody]) is None


@pytest.mark.parametrize(
    ("wanted", "missed"),
    [
        (CERTAIN, UNCERTAIN),
        (POSSIBLE, EXCLUDED),
        (EXCLUDED, POSSIBLE),
        (UNCERTAIN, CERTAIN),
    ],
)
def test_goal_is_met_or_missed(wanted: frozenset[Truth], missed: frozenset[Truth]) -> None:
    goal = Goal(read_matcher(NOBODY), wanted)
    assert goal.missed.wanted == missed
    assert goal.missed.missed == goal
    overlap = Overlap(groups())
    assert overlap.find([goal, goal.missed]) is None
    assert overlap.find([], [[goal, goal.missed]]) is not None


def test_clause_is_met_by_one_of_its_goals() -> None:
    overlap = Overlap(groups())
    a, b = (Goal(read_matcher(f"{{room: {name}}}")) for name in "ab")
    found = overlap.find([a.missed], [[a, b]])
    assert found is not None
    assert overlap.meets(b, found)
    assert overlap.find([a.missed, b.missed], [[a, b]]) is None


# --- too much -------------------------------------------------------------------------------------


def test_too_many_alternatives_are_given_up() -> None:
    """Whoever picks 14 of 16 people misses one of their pairs; trying all picks takes too long."""
    pairs = itertools.combinations(range(16), 2)
    some = ", ".join(f"{{participants: {{some: {{role: [r{a}, r{b}]}}}}}}" for a, b in pairs)
    with pytest.raises(TooInvolved):
        meet(f"{{all: [{some}]}}", "{participants: {count: {max: 14}}}")


def test_too_many_kinds_of_people_are_given_up() -> None:
    texts = ", ".join(f'"{n}*"' for n in range(60))
    with pytest.raises(TooInvolved):
        meet(f"{{from: {{role: [{texts}], displayName: [{texts}]}}}}", "{from: {role: x}}")


# --- examples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ("{}", "any call"),
        ("{not: {room: a}}", "any call"),
        ("{tags: {queue: sales}, direction: incoming}", "direction incoming, tags.queue 'sales'"),
        ('{room: "a*"}', "room 'a…'"),
        ("{isRoomsCall: false}", "isRoomsCall false"),
        ('{to: {phone: "+1800*"}}', "to +18000000000"),
        ("{to: {role: agent}}", "to somebody (agent)"),
        (
            '{participants: {every: {id: "8:acs:a*"}, count: {min: 5}}}',
            "participants 8:acs:a… and 8:acs:a… and 8:acs:a… and 2 more",
        ),
        ("{participants: {count: {max: 0}}}", "no participants"),
        (
            '{startedBetween: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]}',
            "started 2026-01-01T00:00+0000",
        ),
        ("{sample: 10%}", "any call"),
        (
            "{tags: {a: x, b: x, c: x, d: x, e: x, f: x, g: x}}",
            "tags.a 'x', tags.b 'x', tags.c 'x', tags.d 'x', tags.e 'x', tags.f 'x', and so on",
        ),
    ],
)
def test_example_is_told_in_words(match: str, words: str) -> None:
    assert example(match) == words
