"""Conditions that no call can meet."""

from __future__ import annotations

import pytest
from tests.written import groups, read_matcher

from recordingd.planning.barren import find_barren
from recordingd.planning.overlap import Overlap


def barren(match: str, *, is_lifetime: bool = False) -> list[tuple[str, str | None]]:
    overlap = Overlap(groups(), is_lifetime=is_lifetime)
    return [
        (found.condition.path, None if found.against is None else found.against.path)
        for found in find_barren(read_matcher(match), overlap)
    ]


@pytest.mark.parametrize(
    "match",
    [
        "{}",
        "{tags: {queue: a}, room: a}",
        "{not: {to: []}}",
        "{any: [{room: a}, {room: b}]}",
        "{participants: {some: {in: council}, none: {in: agents}}}",
        '{hours: {between: ["22:00", "06:00"], timezone: UTC}}',
        "{participants: {count: {min: 2, max: 2}}}",
    ],
)
def test_matcher_that_can_hold_has_nothing_barren(match: str) -> None:
    assert barren(match) == []


@pytest.mark.parametrize(
    ("match", "path"),
    [
        ("{tags: {queue: []}}", "match.tags.queue"),
        ("{room: []}", "match.room"),
        ("{direction: []}", "match.direction"),
        ("{from: []}", "match.from"),
        ("{participants: {some: []}}", "match.participants.some"),
        ("{participants: {every: []}}", "match.participants.every"),
        ("{participants: {count: {min: 3, max: 2}}}", "match.participants.count"),
        ("{any: []}", "match.any"),
        ("{not: {}}", "match.not"),
        ('{hours: {between: ["09:00", "09:00"], timezone: UTC}}', "match.hours"),
        (
            '{startedBetween: ["2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]}',
            "match.startedBetween",
        ),
        ("{sample: 0%}", "match.sample"),
        ('{to: {id: "8:acs:a", phone: "+44*"}}', "match.to"),
        ("{to: {in: council, notIn: council}}", "match.to"),
        ('{participants: {some: {kind: phoneNumber, id: "8:acs:a"}}}', "match.participants.some"),
    ],
)
def test_leaf_that_never_holds_is_named(match: str, path: str) -> None:
    assert barren(match) == [(path, None)]


@pytest.mark.parametrize(
    ("match", "path", "against"),
    [
        (
            "{participants: {some: {in: council}, none: {in: council}}}",
            "match.participants.none",
            "match.participants.some",
        ),
        (
            "{participants: {some: {in: council}, count: {max: 0}}}",
            "match.participants.count",
            "match.participants.some",
        ),
        ("{all: [{room: a}, {room: b}]}", "match.all[1].room", "match.all[0].room"),
        ("{room: a, not: {room: a}}", "match.not", "match.room"),
        (
            "{room: a, any: [{room: b}, {direction: incoming}]}",
            "match.any[0].room",
            "match.room",
        ),
        (
            "{room: a, any: [{room: b, direction: incoming}, {resource: r}]}",
            "match.any[0].room",
            "match.room",
        ),
    ],
)
def test_conditions_that_contradict_each_other_are_named(
    match: str, path: str, against: str
) -> None:
    assert barren(match) == [(path, against)]


def test_every_alternative_that_never_holds_is_named() -> None:
    match = "{any: [{tags: {queue: []}}, {to: []}]}"
    assert barren(match) == [("match.any[0].tags.queue", None), ("match.any[1].to", None)]


def test_what_takes_three_to_contradict_is_named_as_a_whole() -> None:
    two_sorts = (
        '{some: {in: council}, every: {id: ["8:acs:c1", "8:acs:x"]}, none: {id: "8:acs:c1"}}'
    )
    assert barren(f"{{participants: {two_sorts}}}") == [("match", None)]


def test_tag_had_two_values_in_its_lifetime() -> None:
    match = "{all: [{tags: {queue: a}}, {tags: {queue: b}}]}"
    assert barren(match) == [("match.all[1].tags.queue", "match.all[0].tags.queue")]
    assert barren(match, is_lifetime=True) == []


def test_what_is_too_involved_is_left_alone() -> None:
    texts = ", ".join(f'"{n}*"' for n in range(60))
    assert barren(f"{{from: {{role: [{texts}], displayName: [{texts}]}}}}") == []
