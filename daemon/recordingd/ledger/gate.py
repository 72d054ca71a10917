"""The purge gate.

A part of `store`. A claim locks the gate's one row shared and a hold locks it exclusively
(`holds`), so that neither commits over the other; SQLite has one writer at a time and needs no more
than that.
"""

from __future__ import annotations

import sqlalchemy as sa

from recordingd.domain.errors import LedgerFault, UnsafePlan
from recordingd.ledger.part import Part, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import purge_gate

_LOOK = sa.select(purge_gate.c.generation, purge_gate.c.frozen_reason).where(
    of_instance(purge_gate)
)
_CLAIM = _LOOK.with_for_update(read=True)


class PurgeGate(Part):
    """Operations on the gate; `ports.ledger.Ledger` holds their contracts."""

    def claim_purge(self) -> int:
        """Lock the purge gate shared until the transaction ends."""
        if self._tx.is_read_only:
            msg = "a purge cannot be claimed in a ledger that was opened for reading only"
            raise LedgerFault(msg)
        row = self._row(_CLAIM)
        if row.frozen_reason is not None:
            msg = f"purges are frozen: {row.frozen_reason}"
            raise UnsafePlan(msg)
        return int(row.generation)

    def purge_generation(self) -> int:
        """Return the purge gate's generation."""
        return int(self._row(_LOOK).generation)

    def _row(self, statement: sa.Select[tuple[int, str | None]]) -> Row:
        row = self._tx.first(statement)
        if row is None:
            msg = "the ledger has no purge gate"
            raise LedgerFault(msg)
        return row
