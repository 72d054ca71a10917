"""Lenient reading of single wire fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.ingress import fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:00:00Z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02t10:00:00z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02T10:00:00.1234567Z", datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-02T10:00:00.9999999+00:00", datetime(2026, 3, 2, 10, 0, 0, 999999, tzinfo=UTC)),
        ("2026-03-02T10:00:00.5Z", datetime(2026, 3, 2, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2026-03-02T10:00:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02 10:00:00 Z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02T12:00:00+02:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02T04:30:00-0530", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.5Z", datetime(2017, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_time_is_read_into_utc_microseconds(text: str, expected: datetime) -> None:
    assert fields.parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-02",
        "2026-02-30T00:00:00Z",
        "2026-03-02T10:00:61Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T10:00:00+25:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-01:00",
        "1999-12-31T23:59:59Z",
        "٢٠٢٦-03-02T10:00:00Z",
    ],
)
def test_text_that_is_no_time_is_no_time(text: str) -> None:
    assert fields.parse_time(text) is None


@given(st.text(max_size=60))
def test_arbitrary_text_never_breaks_time_reading(text: str) -> None:
    moment = fields.parse_time(text)
    assert moment is None or moment.tzinfo is UTC


@given(st.integers(0, 7_900 * 365 * 86_400 * 10**6))
def test_written_time_reads_back(microseconds: int) -> None:
    moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert fields.parse_time(moment.isoformat()) == moment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (6620, 6620),
        (5580.0, 5580),
        (49.7, 49),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (-1, None),
        (True, None),
        ("7", None),
        (None, None),
    ],
)
def test_integer_is_read_from_any_number_it_fits(value: object, expected: int | None) -> None:
    assert fields.integer_of({"n": value}, "n") == expected


@pytest.mark.parametrize(("value", "expected"), [(8553, "8553"), ("8553", "8553"), ({}, None)])
def test_code_is_read_from_number_or_text(value: object, expected: str | None) -> None:
    assert fields.code_of({"c": value}, "c") == expected


def test_nul_in_text_is_made_visible() -> None:
    assert fields.text_of({"t": "a\0b"}, "t") == "a␀b"


@pytest.mark.parametrize("value", [None, "", 5, [], {"a": 1}])
def test_text_of_another_type_is_absent(value: object) -> None:
    assert fields.text_of({"t": value}, "t") is None


@pytest.mark.parametrize("text", ["\u202eevil", "😀", "é"])
def test_unusual_characters_are_kept(text: str) -> None:
    assert fields.text_of({"t": text}, "t") == text
