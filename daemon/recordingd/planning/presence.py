"""Who is in a call, from joins, leavings and lists that come in any order.

Used by `planning.facts` only. Every join has its own row, and a row ends with the first leaving at
or after its join, so that the same events in any order leave the same people in the call. A leaving
that ends no row is remembered as an empty presence (joined and left at one moment), or a join that
comes after it would look as if it lasted. Knows nothing of consent, nor of what a presence means.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recordingd.domain.calls import Participant, Party, RawId

Rows = tuple[Participant, ...]


def joined(rows: Rows, party: Party, at: datetime) -> Rows:
    """Add one join; one that is known already only adds what it says of the party."""
    rows = tuple(_better_named(row, party) for row in rows)
    mine = _rows_of(rows, party.raw_id)
    if any(row.joined_at == at for row in mine):
        return rows
    ends = [row.left_at for row in mine if row.left_at is not None and row.left_at >= at]
    return _ordered(
        (*rows, Participant(party=party, joined_at=at, left_at=min(ends, default=None)))
    )


def left(rows: Rows, party: Party, at: datetime) -> Rows:
    """Add one leaving: it ends every presence that began before it and is not known to have ended.

    A presence that seemed to last longer ends here; what ended it until now is kept for others.
    """
    ends = {at}
    for row in _rows_of(rows, party.raw_id):
        if row.joined_at <= at and row.left_at is not None and row.left_at > at:
            ends.add(row.left_at)
    rows = tuple(
        replace(row, left_at=at)
        if row.party.raw_id == party.raw_id and _lasts_beyond(row, at)
        else row
        for row in rows
    )
    known = {row.left_at for row in _rows_of(rows, party.raw_id)}
    empty = [Participant(party=party, joined_at=e, left_at=e) for e in sorted(ends - known)]
    return _ordered((*rows, *empty))


def listed(rows: Rows, parties: tuple[Party, ...], at: datetime) -> Rows:
    """Add a complete list of who is in the call at a moment; it says nothing of those who joined
    or left after it.
    """
    names = {party.raw_id for party in parties}
    for row in rows:
        if row.is_present and row.joined_at <= at and row.party.raw_id not in names:
            rows = left(rows, row.party, at)
    present = {row.party.raw_id for row in rows if row.is_present}
    for party in parties:
        if party.raw_id not in present:
            rows = joined(rows, party, at)
    return rows


def _rows_of(rows: Rows, raw_id: RawId) -> list[Participant]:
    return [row for row in rows if row.party.raw_id == raw_id]


def _lasts_beyond(row: Participant, at: datetime) -> bool:
    return row.joined_at <= at and (row.left_at is None or row.left_at > at)


def _better_named(row: Participant, party: Party) -> Participant:
    if row.party.raw_id != party.raw_id:
        return row
    known = row.party
    better = replace(
        known,
        phone=known.phone or party.phone,
        display_name=known.display_name or party.display_name,
        role=known.role or party.role,
    )
    return replace(row, party=better)


def _ordered(rows: Rows) -> Rows:
    return tuple(sorted(rows, key=lambda row: (row.joined_at, row.party.raw_id)))
