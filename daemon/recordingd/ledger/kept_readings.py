"""When everything that is kept was held against the rules in force last: one row per instance.

A part of `store`. Knows neither what the rules say nor what is kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordingd.domain.retention import KeptReading
from recordingd.ledger.part import Part, of_instance
from recordingd.ledger.tables import kept_readings

_COLUMNS = [c for c in kept_readings.columns if c.name != "instance"]
_CHANGED = [c.name for c in _COLUMNS]
_LAST = sa.select(*_COLUMNS).where(of_instance(kept_readings))


def _in_sqlite() -> sa.Executable:
    statement = sqlite.insert(kept_readings)
    return statement.on_conflict_do_update(
        index_elements=[kept_readings.c.instance],
        set_={name: statement.excluded[name] for name in _CHANGED},
    )


def _in_postgresql() -> sa.Executable:
    statement = postgresql.insert(kept_readings)
    return statement.on_conflict_do_update(
        index_elements=[kept_readings.c.instance],
        set_={name: statement.excluded[name] for name in _CHANGED},
    )


_NOTE = {"sqlite": _in_sqlite(), "postgresql": _in_postgresql()}


class KeptReadings(Part):
    """Operations on the one row; `ports.ledger.Ledger` holds their contracts."""

    def note_kept_reading(self, reading: KeptReading) -> None:
        """Write down that everything that is kept was held against the rules."""
        self._tx.insert(
            _NOTE[self._tx.dialect],
            words=reading.words,
            waiting=reading.waiting,
            read_at=reading.read_at,
        )

    def kept_reading(self) -> KeptReading | None:
        """Return when everything that is kept was held against the rules last."""
        row = self._tx.first(_LAST)
        if row is None:
            return None
        return KeptReading(words=row.words, waiting=int(row.waiting), read_at=row.read_at)
