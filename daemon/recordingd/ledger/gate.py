"""The purge gate and the holds it guards.

A part of `store`. A claim locks the gate's one row shared and a hold locks it exclusively, so that
neither commits over the other; SQLite has one writer at a time and needs no more than that.
"""

from __future__ import annotations

import sqlalchemy as sa

from recordingd.domain.errors import LedgerFault, UnsafePlan
from recordingd.ledger.part import Part, of_instance
from recordingd.ledger.tables import holds, purge_gate

_CLAIM = (
    sa.select(purge_gate.c.generation, purge_gate.c.frozen_reason)
    .where(of_instance(purge_gate))
    .with_for_update(read=True)
)
# A released hold still counts until its grace is over.
_HOLD_IN_FORCE = (
    sa.select(sa.literal(1))
    .select_from(holds)
    .where(
        of_instance(holds),
        sa.or_(holds.c.released_at.is_(None), holds.c.grace_until > sa.bindparam("at_now")),
    )
    .limit(1)
)


class PurgeGate(Part):
    """Operations on the gate; `ports.ledger.Ledger` holds their contracts."""

    def claim_purge(self) -> int:
        """Lock the purge gate shared until the transaction ends."""
        if self._tx.is_read_only:
            msg = "a purge cannot be claimed in a ledger that was opened for reading only"
            raise LedgerFault(msg)
        row = self._tx.first(_CLAIM)
        if row is None:
            msg = "the ledger has no purge gate"
            raise LedgerFault(msg)
        if row.frozen_reason is not None:
            msg = f"purges are frozen: {row.frozen_reason}"
            raise UnsafePlan(msg)
        return int(row.generation)

    def has_holds(self) -> bool:
        """Say whether any hold is in force."""
        return self._tx.first(_HOLD_IN_FORCE, at_now=self._tx.now()) is not None
