"""Times of the day and week, and moments that tell them apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.written import read_matcher

from recordingd.domain.matchers import StartedBetween, WithinHours
from recordingd.planning.hours import compile_hours, moments_of


def hours(text: str) -> WithinHours:
    leaf = read_matcher(f"{{hours: {{{text}, timezone: Europe/London}}}}")
    assert isinstance(leaf, WithinHours)
    return leaf


def span(start: str, end: str) -> StartedBetween:
    leaf = read_matcher(f'{{startedBetween: ["{start}", "{end}"]}}')
    assert isinstance(leaf, StartedBetween)
    return leaf


@pytest.mark.parametrize(
    ("moment", "is_within"),
    [
        # Monday, 1 June 2026; London is an hour ahead of UTC.
        ("2026-06-01T07:59:59", False),
        ("2026-06-01T08:00:00", True),
        ("2026-06-01T15:59:59", True),
        ("2026-06-01T16:00:00", False),
        ("2026-06-02T09:00:00", False),
    ],
)
def test_hours_are_half_open_and_local(moment: str, *, is_within: bool) -> None:
    is_open = compile_hours(hours('days: mon, between: ["09:00", "17:00"]'))
    assert is_open(datetime.fromisoformat(f"{moment}+00:00")) is is_within


@pytest.mark.parametrize(
    ("moment", "is_within"),
    [
        ("2026-06-01T20:59:59", False),
        ("2026-06-01T21:00:00", True),
        ("2026-06-02T04:59:59", True),
        ("2026-06-02T05:00:00", False),
        ("2026-06-01T04:00:00", False),
        ("2026-06-08T22:00:00", False),
        ("2026-06-09T04:00:00", False),
    ],
)
def test_hours_across_midnight_belong_to_the_day_they_start(
    moment: str, *, is_within: bool
) -> None:
    leaf = hours('days: mon, between: ["22:00", "06:00"], except: ["2026-06-08"]')
    assert compile_hours(leaf)(datetime.fromisoformat(f"{moment}+00:00")) is is_within


def signatures(*leaves: WithinHours) -> set[tuple[bool, ...]]:
    tests = [compile_hours(leaf) for leaf in leaves]
    return {tuple(test(moment) for test in tests) for moment in moments_of([], leaves)}


def test_moments_tell_hours_apart() -> None:
    early, late = hours('between: ["09:00", "12:00"]'), hours('between: ["11:00", "17:00"]')
    assert signatures(early, late) == {(False, False), (True, False), (True, True), (False, True)}


def test_moments_tell_excepted_days_apart() -> None:
    every, most = hours("days: mon"), hours('days: mon, except: ["2026-06-01"]')
    assert signatures(every, most) == {(False, False), (True, True), (True, False)}


def test_moments_tell_the_night_after_an_excepted_day_apart() -> None:
    night = 'between: ["22:00", "06:00"]'
    every, most = hours(night), hours(f'{night}, except: ["2026-06-01"]')
    small_hours = hours('between: ["02:00", "04:00"]')
    assert (True, False, True) in signatures(every, most, small_hours)


def test_moments_tell_spans_apart() -> None:
    one = span("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z")
    other = span("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z")
    found = {
        (one.start <= m < one.end, other.start <= m < other.end)
        for m in moments_of([one, other], [])
    }
    assert found == {(False, False), (True, False), (True, True), (False, True)}


@pytest.mark.parametrize(
    "edge", [("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("2026-01-01T00:00:00Z",) * 2]
)
def test_edges_of_time_are_no_trouble(edge: tuple[str, str]) -> None:
    night = hours('days: sun, between: ["22:00", "06:00"], except: ["9999-12-31", "0001-01-01"]')
    is_open = compile_hours(night)
    moments = moments_of([span(*edge)], [night])
    assert {is_open(moment) for moment in moments} == {True, False}
    assert all(moment > datetime.min.replace(tzinfo=UTC) for moment in moments)
