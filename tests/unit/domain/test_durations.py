"""Durations as policies write them, and their calendar arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recordingd.domain.durations import (
    FOREVER,
    Duration,
    add,
    parse_duration,
    parse_finite_duration,
    timedelta_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15s", Duration(seconds=15)),
        ("10m", Duration(seconds=600)),
        ("24h", Duration(seconds=86_400)),
        ("90d", Duration(days=90)),
        ("6w", Duration(days=42)),
        ("7y", Duration(months=84)),
        ("0s", Duration()),
        ("P1Y6M", Duration(months=18)),
        ("PT30S", Duration(seconds=30)),
        ("P2W", Duration(days=14)),
        ("P1DT2H3M4S", Duration(days=1, seconds=7384)),
        ("P1M", Duration(months=1)),
        ("PT1M", Duration(seconds=60)),
        ("forever", FOREVER),
        ("400y", Duration(months=4800)),
    ],
)
def test_duration_is_read_as_it_is_written(text: str, expected: object) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "s",
        "-1d",
        "1.5h",
        "1d2h",
        "P",
        "PT",
        "P1DT",
        "PT1D",
        "1D",
        "d1",
        " 1d",
        "1d\n",
        "١d",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["401y", "999999999d", "P999999Y", "999999999w"])
def test_more_than_four_hundred_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than 400 years; write forever"):
        parse_duration(text)


def test_long_duration_that_is_read_can_be_written_and_read_again() -> None:
    long = parse_duration("PT100000000M1S")

    assert parse_duration(str(long)) == long


def test_forever_is_refused_where_it_must_end() -> None:
    with pytest.raises(ValueError, match="not possible here"):
        parse_finite_duration("forever")


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (Duration(), "0s"),
        (Duration(seconds=90), "90s"),
        (Duration(seconds=120), "2m"),
        (Duration(seconds=7200), "2h"),
        (Duration(days=14), "14d"),
        (Duration(months=24), "2y"),
        (Duration(months=18), "P18M"),
        (Duration(months=1, days=2, seconds=3), "P1M2DT3S"),
        (Duration(days=1, seconds=1), "P1DT1S"),
    ],
)
def test_duration_is_written_in_its_shortest_form(duration: Duration, text: str) -> None:
    assert str(duration) == text


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2024-02-29", "1y", "2025-02-28"),
        ("2024-02-29", "4y", "2028-02-29"),
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
        ("2026-12-31", "P2M", "2027-02-28"),
        ("2026-12-15", "P1M", "2027-01-15"),
        ("2026-11-30", "P1M", "2026-12-30"),
        ("2026-03-28T22:00:00", "24h", "2026-03-29T22:00:00"),
        ("2026-02-28", "1d", "2026-03-01"),
    ],
)
def test_calendar_steps_are_those_of_utc(start: str, text: str, end: str) -> None:
    assert add(moment(start), parse_duration(text)) == moment(end)


def test_forever_never_comes() -> None:
    assert add(moment("2026-01-01"), FOREVER) is FOREVER


def test_length_of_a_duration_counts_an_average_month() -> None:
    assert timedelta_of(Duration(months=1)).total_seconds() == 30.436875 * 86_400
    assert timedelta_of(Duration(days=1, seconds=1)).total_seconds() == 86_401
