from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recordingd.domain.durations import FOREVER
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.policies import Content
from recordingd.ledger.columns import Horizon, Word, canonical_json, utc_text

SQLITE = sa.make_url("sqlite://").get_dialect()()
POSTGRESQL = sa.make_url("postgresql+psycopg://").get_dialect()()
TIMES = st.datetimes(timezones=st.just(UTC))


@given(first=TIMES, second=TIMES)
def test_text_of_times_sorts_as_the_times(first: datetime, second: datetime) -> None:
    assert (utc_text(first) < utc_text(second)) == (first < second)


def test_text_of_a_time_is_utc_with_microseconds() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert utc_text(datetime(2026, 1, 1, 8, 59, 59, tzinfo=tokyo)) == "2025-12-31T23:59:59.000000Z"


def test_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvariantBroken):
        utc_text(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@given(moment=TIMES.filter(lambda t: t < datetime.max.replace(tzinfo=UTC)))
def test_never_stands_behind_every_date(moment: datetime) -> None:
    written = Horizon().process_bind_param(FOREVER, SQLITE)
    assert isinstance(written, str)
    assert written > utc_text(moment)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
def test_never_reads_back_as_never(dialect: sa.Dialect) -> None:
    written = Horizon().process_bind_param(FOREVER, dialect)
    assert Horizon().process_result_value(written, dialect) is FOREVER


def test_time_read_from_postgresql_is_utc() -> None:
    local = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    found = Horizon().process_result_value(local, POSTGRESQL)
    assert isinstance(found, datetime)
    assert found.isoformat() == "2026-01-01T00:00:00+00:00"


def test_unknown_word_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="smell"):
        Word(Content).process_result_value("smell", SQLITE)


def test_equal_values_have_one_json_text() -> None:
    assert canonical_json({"b": [1, None], "a": "é\ud800"}) == '{"a":"\\u00e9\\ud800","b":[1,null]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


def test_times_and_members_of_closed_sets_have_a_json_text() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = canonical_json({"at": at, "content": Content.AUDIO})
    assert json.loads(text) == {"at": "2026-01-01T00:00:00.000000Z", "content": "audio"}


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}])
def test_value_without_a_json_form_is_refused(value: object) -> None:
    with pytest.raises(InvariantBroken):
        canonical_json({"x": value})
