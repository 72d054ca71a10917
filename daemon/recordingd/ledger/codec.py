"""Rows of call data and the values they stand for, one table-driven codec per kind.

Used by `calls` and `listing`. A column holds the field of the same name, in the type that
`call_tables` gives it; a participant alone is spread out, its party beside its times. Knows no
connection and runs no statement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from recordingd.domain.calls import Call, Participant, Party
from recordingd.domain.recordings import (
    Attempt,
    CallFacts,
    CaptureRequest,
    Consent,
    Copy,
    Pause,
    Receipt,
    Recording,
    RecordingFile,
)
from recordingd.ledger import call_tables as t

Values = dict[str, object]
# A value as it is stored, and the derived columns that stand beside it.
Stored = tuple[object, tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCodec:
    """How one kind of value stands in one table.

    `facts_field` is the collection of CallFacts it belongs to. `read` returns the values of
    `columns` from a value, and `make` a value from a mapping of them; `derived` are columns that no
    value holds. `key` names the columns that tell two rows of a call apart and `key_of` reads them;
    `place_of` is what rows are sorted by.
    """

    table: sa.Table
    facts_field: str
    columns: tuple[str, ...]
    derived: tuple[str, ...]
    read: Callable[[Any], tuple[object, ...]]
    make: Callable[..., object]
    key: tuple[str, ...]
    key_of: Callable[[Any], Hashable]
    place_of: Callable[[Any], Any]

    def row_of(self, value: object, derived: Sequence[object]) -> Values:
        """Return the columns of a value, without those of its call."""
        return dict(zip((*self.columns, *self.derived), (*self.read(value), *derived), strict=True))

    def value_of(self, row: Sequence[object]) -> Stored:
        """Read `columns` and then `derived`, as they were selected."""
        count = len(self.columns)
        return self.make(**dict(zip(self.columns, row[:count], strict=True))), tuple(row[count:])


def _codec(
    table: sa.Table,
    kind: type[Any],
    *,
    facts_field: str | None = None,
    key: tuple[str, ...],
    order: tuple[str, ...],
    derived: tuple[str, ...] = (),
) -> RowCodec:
    names = tuple(f.name for f in dataclasses.fields(kind))
    return RowCodec(
        table=table,
        facts_field=facts_field or table.name,
        columns=names,
        derived=derived,
        read=attrgetter(*names),
        make=kind,
        key=key,
        key_of=attrgetter(*key),
        place_of=attrgetter(*order),
    )


_PARTY_COLUMNS = tuple(f.name for f in dataclasses.fields(Party))


def _make_participant(
    *,
    joined_at: datetime,
    left_at: datetime | None,
    **party: Any,  # noqa: ANN401 - a party's fields
) -> Participant:
    return Participant(party=Party(**party), joined_at=joined_at, left_at=left_at)


CALL = _codec(
    t.calls,
    Call,
    facts_field="call",
    key=("call_id",),
    order=("call_id",),
    derived=("needs_attention", "next_at"),
)

PARTICIPANTS = RowCodec(
    table=t.participants,
    facts_field="participants",
    columns=(*_PARTY_COLUMNS, "joined_at", "left_at"),
    derived=(),
    read=attrgetter(*(f"party.{name}" for name in _PARTY_COLUMNS), "joined_at", "left_at"),
    make=_make_participant,
    key=("raw_id", "joined_at"),
    key_of=attrgetter("party.raw_id", "joined_at"),
    place_of=attrgetter("joined_at", "party.raw_id"),
)

# What belongs to a call, in an order in which rows may be inserted: what is referred to first.
COLLECTIONS: tuple[RowCodec, ...] = (
    PARTICIPANTS,
    _codec(
        t.recordings,
        Recording,
        key=("id",),
        order=("expected_at", "id"),
        derived=("state", "keep_until", "delete_at", "delete_rule"),
    ),
    _codec(
        t.pauses,
        Pause,
        key=("recording", "reason", "opened_at"),
        order=("opened_at", "recording", "reason.value"),
    ),
    _codec(t.files, RecordingFile, key=("id",), order=("announced_at", "id"), derived=("state",)),
    _codec(t.copies, Copy, key=("file", "store"), order=("durable_at", "file", "store")),
    _codec(t.attempts, Attempt, key=("id",), order=("intended_at", "id")),
    _codec(t.consents, Consent, key=("id",), order=("received_at", "id")),
    _codec(
        t.capture_requests,
        CaptureRequest,
        facts_field="requests",
        key=("id",),
        order=("received_at", "id"),
    ),
    _codec(t.receipts, Receipt, key=("file",), order=("purged_at", "file")),
)


def ordered(facts: CallFacts) -> CallFacts:
    """Return facts with every collection sorted by time, then id, as they are always loaded."""
    collections: dict[str, Any] = {
        codec.facts_field: tuple(sorted(getattr(facts, codec.facts_field), key=codec.place_of))
        for codec in COLLECTIONS
    }
    return replace(facts, **collections)
