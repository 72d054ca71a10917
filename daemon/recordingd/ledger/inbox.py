"""Received bodies: kept before they are answered, read in the order of arrival, wiped in the end.

A part of `store`. Never looks into a body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordingd.domain.calls import CallId
from recordingd.domain.errors import InvariantBroken
from recordingd.ledger.part import Part, given, of_instance
from recordingd.ledger.tables import inbox
from recordingd.ports.ledger import InboxEvent, InboxRow, InboxState

# The two databases spell it alike and SQLAlchemy types it twice.
_APPEND: Mapping[str, sa.Executable] = {
    "sqlite": sqlite.insert(inbox).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(inbox).on_conflict_do_nothing(),
}
_PENDING = (
    sa.select(
        inbox.c.seq,
        inbox.c.channel,
        inbox.c.source,
        inbox.c.event_id,
        inbox.c.body,
        inbox.c.context,
        inbox.c.received_at,
    )
    .where(of_instance(inbox), given(inbox.c.state))
    .order_by(inbox.c.seq)
    .limit(sa.bindparam("at_most"))
)
_MARK = sa.update(inbox).where(of_instance(inbox), given(inbox.c.seq))
# A body that was wiped cannot be read again.
_REOPEN = sa.update(inbox).where(
    of_instance(inbox), given(inbox.c.seq), given(inbox.c.state), inbox.c.body.is_not(None)
)
_WIPE = sa.update(inbox).where(
    of_instance(inbox), given(inbox.c.call_id), inbox.c.body.is_not(None)
)
_COUNTS = (
    sa.select(inbox.c.state, sa.func.count().label("row_count"))
    .where(of_instance(inbox))
    .group_by(inbox.c.state)
)


class Inbox(Part):
    """Operations on received bodies; `ports.ledger.Ledger` holds their contracts."""

    def append_event(self, event: InboxEvent) -> bool:
        """Add an event; one that is poison on arrival is never pending."""
        added = self._tx.insert(
            _APPEND[self._tx.dialect],
            channel=event.channel,
            source=event.source,
            event_id=event.event_id,
            body=event.body,
            context=event.context,
            received_at=event.received_at,
            state=InboxState.NEW if event.poison is None else InboxState.POISON,
            error=event.poison,
        )
        return added == 1

    def pending_events(self, limit: int) -> Sequence[InboxRow]:
        """Return events not applied yet."""
        found = self._tx.rows(_PENDING, at_state=InboxState.NEW, at_most=limit)
        return [
            InboxRow(
                seq=row.seq,
                event=InboxEvent(
                    channel=row.channel,
                    source=row.source,
                    event_id=row.event_id,
                    body=row.body,
                    context=row.context,
                    received_at=row.received_at,
                ),
            )
            for row in found
        ]

    def mark_applied(self, seq: int, *, call_id: CallId | None, at: datetime) -> None:
        """Record that an event's facts are in."""
        self._mark(seq, state=InboxState.APPLIED, call_id=call_id, error=None, applied_at=at)

    def mark_poison(self, seq: int, *, error: str, at: datetime) -> None:
        """Record that an event cannot be understood."""
        self._mark(seq, state=InboxState.POISON, call_id=None, error=error, applied_at=at)

    def _mark(self, seq: int, **values: object) -> None:
        if self._tx.change(_MARK, at_seq=seq, **values) == 0:
            msg = f"the inbox has no event {seq}"
            raise InvariantBroken(msg)

    def reopen_events(self, seqs: Sequence[int]) -> None:
        """Make applied events pending again."""
        for seq in seqs:
            self._tx.change(
                _REOPEN,
                at_seq=seq,
                at_state=InboxState.APPLIED,
                state=InboxState.NEW,
                call_id=None,
                applied_at=None,
            )

    def inbox_counts(self) -> Mapping[InboxState, int]:
        """Count events by state."""
        counted = {row.state: row.row_count for row in self._tx.rows(_COUNTS)}
        return {state: counted.get(state, 0) for state in InboxState}

    def wipe_call_bodies(self, call_id: CallId) -> None:
        """Empty the inbox bodies of a call."""
        self._tx.change(_WIPE, at_call_id=call_id, body=None)
