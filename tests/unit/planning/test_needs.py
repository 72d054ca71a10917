"""What matchers cannot do without, and the index over that."""

from __future__ import annotations

import pytest
from tests.written import groups, read_matcher

from recordingd.domain.matchers import Pattern
from recordingd.planning.needs import NeedsIndex, needs_of
from recordingd.planning.texts import Texts


def needs(match: str) -> dict[str, Texts]:
    return dict(needs_of(read_matcher(match), groups()))


def texts(*patterns: str) -> Texts:
    return Texts.of(map(Pattern, patterns))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{}", {}),
        ('{tags: {queue: [a, "b*"]}}', {"tags.queue": texts("a", "b*")}),
        ("{room: a, isRoomsCall: true}", {"room": texts("a"), "isRoomsCall": texts("True")}),
        ("{direction: [incoming]}", {"direction": texts("incoming")}),
        ('{from: {id: "8:acs:a"}}', {"from": texts("8:acs:a")}),
        (
            "{to: {phone: +4420}}",
            {"to": texts("4:+4420", "4:+4420_*", "4:4420", "4:4420_*")},
        ),
        ('{to: {phone: "+44*"}}', {"to": texts("4:+44*", "4:44*")}),
        ("{to: {in: council}}", {"to": texts("8:acs:c1", "8:acs:c2")}),
        ('{to: [{id: "8:acs:a"}, {role: agent}]}', {}),
        ('{participants: {some: {id: "8:acs:a"}}}', {"participants": texts("8:acs:a")}),
        ('{participants: {every: {id: "8:acs:a"}}}', {}),
        ("{not: {room: a}}", {}),
        ("{any: [{room: a}, {room: b, resource: c}]}", {"room": texts("a", "b")}),
        ("{any: [{room: a}, {resource: c}]}", {}),
        ("{any: []}", {}),
        ("{all: [{room: [a, b]}, {room: a}]}", {"room": texts("a")}),
        ("{hours: {days: mon, timezone: UTC}}", {}),
    ],
)
def test_needs_of_a_matcher(match: str, expected: dict[str, Texts]) -> None:
    assert needs(match) == expected


MATCHERS = [
    "{room: a}",
    '{room: "a*"}',
    '{room: "ab*"}',
    "{room: b}",
    "{tags: {queue: a}}",
    "{}",
    '{participants: {some: {id: "8:acs:a"}}}',
]
INDEX = NeedsIndex([needs(match) for match in MATCHERS])


def numbers(found: int) -> list[int]:
    return [n for n in range(len(MATCHERS)) if found >> n & 1]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{room: a}", [0, 1, 4, 5, 6]),
        ("{room: abc}", [1, 2, 4, 5, 6]),
        ('{room: "a*"}', [0, 1, 2, 4, 5, 6]),
        ('{room: "*"}', [0, 1, 2, 3, 4, 5, 6]),
        ("{room: []}", [4, 5, 6]),
        ("{room: b, tags: {queue: b}}", [3, 5, 6]),
        ("{}", [0, 1, 2, 3, 4, 5, 6]),
        ('{participants: {some: {id: "8:acs:b"}}}', [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_matchers_that_could_meet_another(match: str, expected: list[int]) -> None:
    assert numbers(INDEX.could_meet(needs(match))) == expected


@pytest.mark.parametrize(
    ("having", "expected"),
    [
        ({}, [5]),
        ({"room": {"a"}}, [0, 1, 5]),
        ({"room": {"abc"}, "tags.queue": {"a"}}, [1, 2, 4, 5]),
        ({"participants": {"8:acs:a", "8:acs:b"}}, [5, 6]),
        ({"participants": {"8:acs:b"}}, [5]),
    ],
)
def test_matchers_that_could_fit_a_call(having: dict[str, set[str]], expected: list[int]) -> None:
    found = INDEX.could_fit({name: frozenset(texts) for name, texts in having.items()})
    assert numbers(found) == expected
