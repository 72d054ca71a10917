"""The ledger within one transaction: every operation of `ports.ledger.Ledger`, from its parts.

Made by `engine` for each transaction or batch, and gone with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from recordingd.ledger.damages import Damages
from recordingd.ledger.decided import Decided
from recordingd.ledger.foreign import Foreign
from recordingd.ledger.gate import PurgeGate
from recordingd.ledger.holds import Holds
from recordingd.ledger.inbox import Inbox
from recordingd.ledger.kept_readings import KeptReadings
from recordingd.ledger.listing import Listing
from recordingd.ledger.revisions import Revisions


class LedgerStore(
    Inbox, Listing, Foreign, PurgeGate, Holds, Revisions, Decided, KeptReadings, Damages
):
    """Reads and writes within one transaction."""

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Undo what the block did when it raises, and only that; the error passes through.

        A block that swallowed a fault of the database raises it again here.
        """
        mark = self.mark()
        self._tx.command("SAVEPOINT job")
        try:
            yield
            self._tx.require_sound()
        except BaseException:
            self._tx.recover()
            self._tx.command("ROLLBACK TO SAVEPOINT job")
            self._tx.command("RELEASE SAVEPOINT job")
            self.undo_to(mark)
            raise
        self._tx.command("RELEASE SAVEPOINT job")

    def finish(self) -> None:
        """Write what waited for the end; the commit comes next, and nothing in between.

        LedgerFault when a statement failed and what it left behind was not undone.
        """
        self._tx.require_sound()
        self.write_audit()
        if self._tx.has_changed:
            self.raise_generation()
