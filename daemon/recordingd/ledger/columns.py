"""Column types: how our values stand in SQLite and in PostgreSQL.

Used by the table modules alone. Every type sorts the same way on both databases and reads back the
value that was written. SQLite tables are STRICT, so each type maps to one of its storage classes.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from recordingd.domain.durations import FOREVER, Forever
from recordingd.domain.errors import InvariantBroken

# Ids sort by code point on both databases, whatever collation a PostgreSQL cluster was made with.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A moment no real date reaches, so that "never" sorts behind every date without a second column.
_NEVER = datetime.max.replace(tzinfo=UTC)


def utc_text(moment: datetime) -> str:
    """Write a moment as fixed-width ISO 8601 with microseconds and `Z`: text order is time order.

    A time without a zone is InvariantBroken.
    """
    if moment.tzinfo is None:
        msg = f"a time without a zone reached the ledger: {moment.isoformat()}"
        raise InvariantBroken(msg)
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:26] + "Z"


def canonical_json(value: object) -> str:
    """Write a JSON value in the one form that equal values share, in ASCII.

    Times and enum members are written as text; anything else JSON does not know is InvariantBroken.
    """
    return _ENCODER.encode(value)


def _json_of(value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, enum.Enum):
        return value.value
    msg = f"{type(value).__name__} has no JSON form in the ledger"
    raise InvariantBroken(msg)


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, default=_json_of
)


def _is_postgresql(dialect: sa.Dialect) -> bool:
    return dialect.name == "postgresql"


class Horizon(sa.types.TypeDecorator[datetime | Forever]):
    """An aware UTC time with microseconds, or FOREVER, which stands behind every date.

    ISO text on SQLite, so that a person can read it, and timestamptz on PostgreSQL.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the storage."""
        if _is_postgresql(dialect):
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: datetime | Forever | None, dialect: sa.Dialect) -> object:
        """Write a moment."""
        if value is None:
            return None
        moment = _NEVER if isinstance(value, Forever) else value
        return moment if _is_postgresql(dialect) else utc_text(moment)

    def process_result_value(self, value: object, dialect: sa.Dialect) -> datetime | Forever | None:
        """Read a moment."""
        del dialect
        if value is None:
            return None
        if isinstance(value, datetime):
            moment = value.astimezone(UTC)
        else:
            moment = datetime.fromisoformat(str(value))
        return FOREVER if moment == _NEVER else moment


class Moment(Horizon):
    """A Horizon that is always a date."""

    cache_ok = True


class Flag(sa.types.TypeDecorator[bool]):
    """A boolean; 0 or 1 on SQLite."""

    impl = sa.Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the storage."""
        kind = sa.Boolean() if _is_postgresql(dialect) else sa.Integer()
        return dialect.type_descriptor(kind)

    def process_result_value(self, value: object, dialect: sa.Dialect) -> bool | None:
        """Read a flag."""
        del dialect
        return None if value is None else bool(value)


class Spelled(Protocol):
    """What one word tells whole."""

    @property
    def value(self) -> object:
        """The word."""


class Word(sa.types.TypeDecorator[Spelled]):
    """A value by its word as text, as a member of a closed set.

    `kind` makes the value from the word; of a closed set an unknown word is a ValueError.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: Callable[[Any], Spelled]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Spelled | None, dialect: sa.Dialect) -> object:
        """Write a value."""
        del dialect
        return None if value is None else value.value

    def process_result_value(self, value: object, dialect: sa.Dialect) -> Spelled | None:
        """Read a value."""
        del dialect
        return None if value is None else self.kind(value)


class Document(sa.types.TypeDecorator[object]):
    """A value kept as JSON: canonical text on SQLite, jsonb on PostgreSQL.

    `dump` gives JSON values and `parse` reads them back; neither sees None, which is NULL.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, dump: Callable[[Any], object], parse: Callable[[Any], object]) -> None:
        super().__init__()
        self.dump = dump
        self.parse = parse

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the storage."""
        if _is_postgresql(dialect):
            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> object:
        """Write a document."""
        if value is None:
            return None
        dumped = self.dump(value)
        return dumped if _is_postgresql(dialect) else canonical_json(dumped)

    def process_result_value(self, value: object, dialect: sa.Dialect) -> object:
        """Read a document."""
        del dialect
        if value is None:
            return None
        return self.parse(json.loads(value) if isinstance(value, str) else value)
