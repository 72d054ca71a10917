from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from recordingd.domain.calls import Call, Participant, Party, RawId, ServerCallId
from recordingd.domain.recordings import (
    Attempt,
    CallFacts,
    Consent,
    Copy,
    Pause,
    Receipt,
    Recording,
    RecordingFile,
)
from recordingd.ledger.codec import CALL, COLLECTIONS, RowCodec, ordered
from recordingd.planning.facts import new_call

KINDS = {
    "call": Call,
    "participants": Participant,
    "recordings": Recording,
    "pauses": Pause,
    "files": RecordingFile,
    "copies": Copy,
    "attempts": Attempt,
    "consents": Consent,
    "receipts": Receipt,
}
CODECS = {codec.facts_field: codec for codec in (CALL, *COLLECTIONS)}
SQLITE = sa.make_url("sqlite://").get_dialect()()
POSTGRESQL = sa.make_url("postgresql+psycopg://").get_dialect()()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# Times from the year 5 to the year 9987, so that they are dates in every zone.
_TIMES = st.builds(
    lambda seconds, microseconds, zone_minutes: (
        NOON + timedelta(seconds=seconds, microseconds=microseconds)
    ).astimezone(timezone(timedelta(minutes=zone_minutes))),
    st.integers(-63_700_000_000, 251_000_000_000),
    st.integers(0, 999_999),
    st.integers(-14 * 60, 14 * 60),
)


def values(hint: object) -> st.SearchStrategy[Any]:
    """Return any value of a type, as the fields of our dataclasses use types."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, typing.NewType):
        return values(hint.__supertype__)
    if origin in {types.UnionType, typing.Union}:
        return st.one_of(*(values(a) for a in arguments))
    if origin is tuple:
        parts = arguments[:1] if arguments[-1] is Ellipsis else arguments
        if arguments[-1] is Ellipsis:
            return st.lists(values(parts[0]), max_size=3).map(tuple)
        return st.tuples(*(values(p) for p in parts))
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if origin is Mapping:
        return st.dictionaries(*(values(a) for a in arguments), max_size=3)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{f.name: values(hints[f.name]) for f in dataclasses.fields(hint)})
    return _plain(hint)


def _plain(hint: object) -> st.SearchStrategy[Any]:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    plain: dict[object, st.SearchStrategy[Any]] = {
        datetime: _TIMES,
        str: st.text(max_size=20),
        int: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans(),
        type(None): st.none(),
    }
    return plain[hint]


def through(column: sa.Column[Any], value: object, dialect: sa.Dialect) -> object:
    """Write a value into a column and read it back, without a database in between."""
    write = column.type.dialect_impl(dialect).bind_processor(dialect)
    read = column.type.dialect_impl(dialect).result_processor(dialect, None)
    written = value if write is None else write(value)
    assert written is None or isinstance(written, str | int | bytes | datetime), type(written)
    return written if read is None else read(written)


def stored_and_read(codec: RowCodec, value: object, dialect: sa.Dialect) -> object:
    row = codec.row_of(value, [None] * len(codec.derived))
    read = [through(codec.table.c[name], given, dialect) for name, given in row.items()]
    return codec.value_of(read)[0]


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_value_reads_back_as_it_was_written(name: str, data: st.DataObject) -> None:
    value = data.draw(values(KINDS[name]))
    assert stored_and_read(CODECS[name], value, SQLITE) == value


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_field_has_a_column_and_every_column_a_source(name: str) -> None:
    codec = CODECS[name]
    fields = {f.name for f in dataclasses.fields(KINDS[name])}
    if name == "participants":
        fields = fields - {"party"} | {f.name for f in dataclasses.fields(Party)}
    assert set(codec.columns) == fields
    assert set(codec.columns) | set(codec.derived) <= set(codec.table.c.keys())


@pytest.mark.parametrize("name", sorted(KINDS))
def test_column_that_may_not_be_null_never_holds_none(name: str) -> None:
    """What a field can be decides whether its column can be NULL."""
    codec = CODECS[name]
    hints = {**typing.get_type_hints(Party), **typing.get_type_hints(KINDS[name])}
    for column in codec.columns:
        can_be_none = type(None) in typing.get_args(hints[column])
        assert codec.table.c[column].nullable == can_be_none, column


def test_every_collection_of_a_call_is_stored() -> None:
    assert {f.name for f in dataclasses.fields(CallFacts)} == set(CODECS)


def test_key_is_what_the_table_takes_for_one() -> None:
    for codec in COLLECTIONS:
        expected = {"instance", "call_id", *codec.key}
        assert set(codec.table.primary_key.columns.keys()) == expected


@given(order=st.permutations(range(9)))
def test_order_of_rows_does_not_depend_on_the_order_they_came_in(order: list[int]) -> None:
    rows = [
        Participant(
            party=Party(raw_id=RawId("abc"[n % 3])), joined_at=NOON + timedelta(seconds=n // 3)
        )
        for n in range(9)
    ]
    shuffled = tuple(rows[n] for n in order)
    facts = replace(new_call(ServerCallId("s"), seen_at=NOON), participants=shuffled)
    assert ordered(facts).participants == tuple(rows)


def test_documents_are_json_values_on_postgresql() -> None:
    call = replace(new_call(ServerCallId("s"), seen_at=NOON).call, tags={"a": "b"}, started_at=NOON)
    row = CALL.row_of(call, [None, None])
    dialect = POSTGRESQL
    tags = CALL.table.c.tags.type
    assert isinstance(tags, sa.types.TypeDecorator)
    assert tags.process_bind_param(row["tags"], dialect) == {"a": "b"}
    started = CALL.table.c.started_at.type
    assert isinstance(started, sa.types.TypeDecorator)
    assert started.process_bind_param(row["started_at"], dialect) == NOON
