"""Which schema a ledger has, compared with the one this program knows.

Used by `engine` and `upgrading`. Reads one row and loads nothing of Alembic, so that opening a
ledger stays fast.
"""

from __future__ import annotations

import enum

import sqlalchemy as sa

from recordingd.domain.errors import LedgerFault, LedgerOutdated
from recordingd.ledger.transaction import faults_named

# The revisions of `migrations`, oldest first; the last one is what `tables` describes.
REVISIONS = ("0001",)
_VERSION_TABLE = "alembic_version"
_VERSION = sa.select(sa.column("version_num", sa.Text())).select_from(sa.table(_VERSION_TABLE))


class SchemaState(enum.Enum):
    """How a ledger's schema stands to this program's."""

    MISSING = "missing"
    CURRENT = "current"
    OUTDATED = "outdated"
    NEWER = "newer"


def read_version(connection: sa.Connection) -> str | None:
    """Return a ledger's revision; "" when it has none yet, None when there is no table at all.

    A database that holds other tables and no revision is a LedgerFault: it is somebody else's.
    """
    with faults_named():
        names = sa.inspect(connection).get_table_names()
        if not names:
            return None
        if _VERSION_TABLE not in names:
            msg = "the database holds tables that are not of a ledger"
            raise LedgerFault(msg)
        found = connection.scalar(_VERSION)
        return "" if found is None else str(found)


def state_of(version: str | None) -> SchemaState:
    """Say how a revision stands to this program's."""
    if version is None:
        return SchemaState.MISSING
    if version == REVISIONS[-1]:
        return SchemaState.CURRENT
    is_older = version == "" or version in REVISIONS
    return SchemaState.OUTDATED if is_older else SchemaState.NEWER


def require_current(version: str | None) -> None:
    """Raise LedgerOutdated unless a revision is this program's."""
    complaints = {
        SchemaState.MISSING: "the ledger is empty; 'recordingd ledger upgrade' creates it",
        SchemaState.OUTDATED: (
            f"the ledger is at revision '{version}'; run 'recordingd ledger upgrade'"
        ),
        SchemaState.NEWER: (
            f"the ledger is at revision '{version}', which this program does not know: it belongs "
            "to a newer one, and 'recordingd ledger upgrade' goes forward only"
        ),
    }
    complaint = complaints.get(state_of(version))
    if complaint is not None:
        raise LedgerOutdated(complaint)
