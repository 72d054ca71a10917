"""What every part of the store has: the transaction it runs its statements in."""

from __future__ import annotations

import sqlalchemy as sa

from recordingd.ledger.transaction import Transaction


class Part:
    """A group of the ledger's operations, all within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx


def of_instance(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that every statement has: rows of the transaction's own instance."""
    return table.c.instance == sa.bindparam("at_instance")


def given(column: sa.Column[object]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has the value of its parameter `at_<column>`."""
    return column == sa.bindparam(f"at_{column.name}")


def spelled_as(column: sa.Column[object]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of the `spellings` of a recording's id."""
    return column.in_([sa.bindparam(name) for name in spellings("")])


def spellings(recording_id: str) -> dict[str, str]:
    """Return a service's recording id without and with its base64 padding: it sends both."""
    bare = recording_id.rstrip("=")
    return {"at_bare": bare, "at_padded": f"{bare}=", "at_padded_twice": f"{bare}=="}
