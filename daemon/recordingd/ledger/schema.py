"""How a table of the ledger is put together: its name rules, its columns and its keys.

Used by `call_tables` and `tables`. `instance` (which resource of the service) leads every key and
index, so that several can share one database; SQLite tables are STRICT.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from recordingd.ledger.columns import COUNT, KEY

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def table(name: str, *parts: sa.schema.SchemaItem, autoincrement: bool = False) -> sa.Table:
    """Make a table with the instance in front; SQLite checks the type of every value in it."""
    return sa.Table(
        name,
        metadata,
        need("instance", KEY),
        *parts,
        sqlite_strict=True,
        sqlite_autoincrement=autoincrement,
    )


def need(name: str, kind: sa.types.TypeEngine[Any] = KEY) -> sa.Column[Any]:
    """Make a column that always has a value."""
    return sa.Column(name, kind, nullable=False)


def may(name: str, kind: sa.types.TypeEngine[Any] = KEY) -> sa.Column[Any]:
    """Make a column that is NULL where the field is None."""
    return sa.Column(name, kind, nullable=True)


def arrival_seq() -> sa.Column[int]:
    """Number rows in the order of arrival; a number is never used again, even after deletion."""
    return sa.Column("seq", COUNT, primary_key=True, autoincrement=True)


def key(*names: str) -> sa.PrimaryKeyConstraint:
    """Make the primary key: the instance, then these columns."""
    return sa.PrimaryKeyConstraint("instance", *names)


def unique(*names: str) -> sa.UniqueConstraint:
    """Make these columns unique within the instance; NULLs are never equal."""
    return sa.UniqueConstraint("instance", *names)


def of_call() -> sa.ForeignKeyConstraint:
    """Tie a row to its call."""
    return sa.ForeignKeyConstraint(["instance", "call_id"], ["calls.instance", "calls.call_id"])


def of_recording() -> sa.ForeignKeyConstraint:
    """Tie a row to a recording of the same call."""
    return sa.ForeignKeyConstraint(
        ["instance", "call_id", "recording"],
        ["recordings.instance", "recordings.call_id", "recordings.id"],
    )


def of_file() -> sa.ForeignKeyConstraint:
    """Tie a row to a file of the same call."""
    return sa.ForeignKeyConstraint(
        ["instance", "call_id", "file"], ["files.instance", "files.call_id", "files.id"]
    )


def index(
    name: str, table: sa.Table, *columns: str, unique: bool = False, where: str | None = None
) -> sa.Index:
    """Make an index that leads with the instance; `where` limits it to the rows that say so."""
    condition = None if where is None else sa.text(where)
    return sa.Index(
        name,
        *(table.c[c] for c in ("instance", *columns)),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
