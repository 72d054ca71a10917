"""How many recordings would go earlier than was promised, against what the settings allow.

Called by the sweep that counts them and by commands that show what is held back. What follows from
too many is `planning.guards`'.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.config.settings import Settings
from recordingd.planning.guards import MOVES_COUNT_FOR, DeleteLimits, too_many
from recordingd.ports.ledger import Ledger


def limits_of(settings: Settings) -> DeleteLimits:
    """Return how much may go earlier than was promised."""
    guards = settings.guards
    return DeleteLimits(
        count=guards.max_deletes_count,
        percent=guards.max_deletes_percent,
        size_bytes=guards.max_deletes_bytes,
    )


def find_too_many(ledger: Ledger, limits: DeleteLimits, now: datetime) -> str | None:
    """Count what would go earlier than was promised; return why it is too much, if it is."""
    moved = ledger.moved_items(after=now - MOVES_COUNT_FOR)
    return too_many(moved, ledger.kept_totals(), limits) if moved.count else None
