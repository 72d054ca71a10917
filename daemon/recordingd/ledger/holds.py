"""Legal holds as the ledger remembers them.

A part of `store`. Placing and releasing lock the purge gate exclusively and raise its generation,
so that neither commits over a claim (`gate`). Knows nothing of what a hold matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordingd.domain.holds import PlacedHold, Released
from recordingd.domain.matchers import RuleName
from recordingd.ledger.part import Part, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import holds, purge_gate

_COLUMNS = [c for c in holds.columns if c.name != "instance"]
_ALL = sa.select(*_COLUMNS).where(of_instance(holds)).order_by(holds.c.name)
_KEY = [holds.c.instance, holds.c.name]
_CHANGED = [c.name for c in _COLUMNS if c.name != "name"]


def _upserts() -> Mapping[str, sa.Executable]:
    in_sqlite, in_postgresql = sqlite.insert(holds), postgresql.insert(holds)
    return {
        "sqlite": in_sqlite.on_conflict_do_update(
            index_elements=_KEY, set_={name: in_sqlite.excluded[name] for name in _CHANGED}
        ),
        "postgresql": in_postgresql.on_conflict_do_update(
            index_elements=_KEY, set_={name: in_postgresql.excluded[name] for name in _CHANGED}
        ),
    }


_PLACE = _upserts()
_RAISE_GATE = (
    sa.update(purge_gate)
    .where(of_instance(purge_gate))
    .values(generation=purge_gate.c.generation + 1)
)


class Holds(Part):
    """Operations on holds; `ports.ledger.Ledger` holds their contracts."""

    def holds(self) -> Sequence[PlacedHold]:
        """Return every hold that was ever placed."""
        return [_hold_of(row) for row in self._tx.rows(_ALL)]

    def place_hold(self, hold: PlacedHold) -> None:
        """Write a hold as it is now, under the gate."""
        self._tx.change(_RAISE_GATE)
        released = hold.released
        self._tx.insert(
            _PLACE[self._tx.dialect],
            name=hold.name,
            text=hold.text,
            source=hold.source,
            reason=hold.reason,
            owner=hold.owner,
            review_by=None if hold.review_by is None else hold.review_by.isoformat(),
            policy_revision=hold.policy_revision,
            placed_by=hold.placed_by,
            placed_at=hold.placed_at,
            source_removed_at=hold.source_removed_at,
            released_by=None if released is None else released.by,
            release_reason=None if released is None else released.reason,
            released_at=None if released is None else released.at,
            ends_at=hold.ends_at,
        )


def _hold_of(row: Row) -> PlacedHold:
    released = None
    if row.released_at is not None:
        released = Released(at=row.released_at, by=row.released_by, reason=row.release_reason)
    return PlacedHold(
        name=RuleName(row.name),
        text=row.text,
        source=row.source,
        reason=row.reason,
        owner=row.owner,
        policy_revision=row.policy_revision,
        placed_by=row.placed_by,
        placed_at=row.placed_at,
        review_by=None if row.review_by is None else date.fromisoformat(row.review_by),
        source_removed_at=row.source_removed_at,
        released=released,
        ends_at=row.ends_at,
    )
