"""The resources that a ledger holds, each with its own row of counters and its own purge gate.

Used by `engine` and `upgrading`.
"""

from __future__ import annotations

import sqlalchemy as sa

from recordingd.domain.errors import LedgerFault
from recordingd.ledger.tables import instances, purge_gate


def ensure_instance(connection: sa.Connection, instance: str) -> None:
    """Give an instance its rows, unless it has them."""
    if instance in _instances_of(connection):
        return
    connection.execute(sa.insert(instances), {"instance": instance, "generation": 0})
    connection.execute(sa.insert(purge_gate), {"instance": instance, "generation": 0})


def require_instance(connection: sa.Connection, instance: str) -> None:
    """Raise LedgerFault, naming those there are, when a ledger holds nothing of an instance."""
    known = _instances_of(connection)
    if instance not in known:
        held = ", ".join(f"'{name}'" for name in known) or "none"
        msg = (
            f"the ledger does not hold the instance '{instance}' (it holds: {held}); "
            "'recordingd ledger upgrade' adds it"
        )
        raise LedgerFault(msg)


def _instances_of(connection: sa.Connection) -> list[str]:
    statement = sa.select(instances.c.instance).order_by(instances.c.instance)
    return list(connection.execute(statement).scalars())
