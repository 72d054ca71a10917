"""Questions across calls: which need a look, which have recordings in some state, how many.

A part of `store`. Each query stands on one index, and tests pin the plans: on SQLite a wrong guess
turns a look-up into a scan of everything that was ever kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from recordingd.domain.calls import CallId
from recordingd.domain.recordings import CallFacts, FileId
from recordingd.domain.retention import KeptTotals, MovedItems
from recordingd.ledger.call_tables import calls, copies, files, recordings
from recordingd.ledger.calls import Calls
from recordingd.ledger.part import given, of_instance
from recordingd.ports.ledger import RecordingFilter

FOUND_MAX = 10
# Sorts behind every id: the highest code point.
_LAST = "\U0010ffff"

_AFTER: sa.BindParameter[str] = sa.bindparam("at_cursor")
_AT_MOST: sa.BindParameter[int] = sa.bindparam("at_most")

_open_calls = (
    sa.select(calls.c.call_id)
    .where(of_instance(calls), given(calls.c.needs_attention), calls.c.call_id > _AFTER)
    .order_by(calls.c.call_id)
    .limit(_AT_MOST)
    .subquery()
)
# An expression no index holds: asked for calls in order, SQLite would walk all of them by their key
# rather than sort the few that are due.
_UNINDEXED_ID = calls.c.call_id.concat("")
_due_calls = (
    sa.select(calls.c.call_id)
    .where(of_instance(calls), calls.c.next_at <= sa.bindparam("at_due_by"), _UNINDEXED_ID > _AFTER)
    .order_by(_UNINDEXED_ID)
    .limit(_AT_MOST)
    .subquery()
)
# Two indexes answer two questions; one condition with OR would walk all calls as well.
NEEDING_ATTENTION = (
    sa.union(
        sa.select(_open_calls.c.call_id),
        sa.select(_due_calls.c.call_id),
    )
    .order_by("call_id")
    .limit(_AT_MOST)
)

_WITH_RECORDINGS = (
    sa.select(recordings.c.call_id)
    .where(of_instance(recordings), recordings.c.call_id > _AFTER)
    .distinct()
    .order_by(recordings.c.call_id)
    .limit(_AT_MOST)
)
_IN_STATES = recordings.c.state.in_(sa.bindparam("at_states", expanding=True))
# By whether states and a policy are asked for.
LISTINGS: Mapping[tuple[bool, bool], sa.Select[tuple[str]]] = {
    (False, False): _WITH_RECORDINGS,
    (True, False): _WITH_RECORDINGS.where(_IN_STATES),
    (False, True): _WITH_RECORDINGS.where(given(recordings.c.policy)),
    (True, True): _WITH_RECORDINGS.where(_IN_STATES, given(recordings.c.policy)),
}

_FOUND = sa.select(recordings.c.call_id, recordings.c.id).where(of_instance(recordings))


def _starting(column: sa.Column[str]) -> sa.Select[tuple[str, str]]:
    """Compare as a range and not with LIKE, which knows neither the index nor the case."""
    return _FOUND.where(
        column >= sa.bindparam("at_prefix"),
        column <= sa.bindparam("at_prefix_end"),
    )


FIND_RECORDING = (
    sa.union(_starting(recordings.c.id), _starting(recordings.c.recording_id))
    .order_by("id")
    .limit(FOUND_MAX)
)
_FOUND_CALL = sa.select(calls.c.call_id).where(of_instance(calls))
THIS_CALL = _FOUND_CALL.where(given(calls.c.server_call_id))
FIND_CALL = (
    sa.union(
        *(
            _FOUND_CALL.where(
                column >= sa.bindparam("at_prefix"), column <= sa.bindparam("at_prefix_end")
            )
            for column in (calls.c.call_id, calls.c.server_call_id)
        )
    )
    .order_by("call_id")
    .limit(FOUND_MAX)
)
FIND_FILE = sa.select(files.c.call_id, files.c.id).where(
    of_instance(files), given(files.c.document_id)
)
RECORDING_COUNTS = (
    sa.select(recordings.c.state, sa.func.count().label("row_count"))
    .where(of_instance(recordings))
    .group_by(recordings.c.state)
)
LIVE_CALLS = (
    sa.select(sa.func.count().label("live_count"))
    .select_from(calls)
    .where(of_instance(calls), calls.c.started_at.is_not(None), calls.c.ended_at.is_(None))
)
_KEPT = "kept"
_MOVED = sa.and_(
    of_instance(recordings),
    recordings.c.delete_moved_at > sa.bindparam("at_after"),
    # Nearly everything is kept, and little has moved: as above, no index may find the state.
    recordings.c.state.concat("") == _KEPT,
)
MOVED_COUNT = sa.select(sa.func.count().label("moved_count")).select_from(recordings).where(_MOVED)
MOVED_BYTES = (
    sa.select(sa.func.coalesce(sa.func.sum(copies.c.size_bytes), 0).label("moved_bytes"))
    # Outer joins keep their order: SQLite would begin with every copy there is.
    .select_from(recordings.outerjoin(files).outerjoin(copies))
    .where(_MOVED, copies.c.deleted_at.is_(None))
)
EVERY_CALL = (
    sa.select(calls.c.call_id)
    .where(of_instance(calls), calls.c.call_id > _AFTER)
    .order_by(calls.c.call_id)
    .limit(_AT_MOST)
)
# Walked by key: whoever asks for the calls of the last weeks asks seldom, and no index has to be
# kept for that with every call.
CALLS_SINCE = EVERY_CALL.where(calls.c.first_seen_at >= sa.bindparam("at_since"))


class Listing(Calls):
    """Operations across calls; `ports.ledger.Ledger` holds their contracts."""

    def calls_needing_attention(
        self, *, due_by: datetime, after: CallId | None, limit: int
    ) -> Sequence[CallId]:
        """Return calls that are open or due."""
        found = self._tx.rows(
            NEEDING_ATTENTION,
            at_needs_attention=True,
            at_due_by=due_by,
            at_cursor=after or "",
            at_most=limit,
        )
        return [CallId(row.call_id) for row in found]

    def list_calls(self, wanted: RecordingFilter) -> Sequence[CallFacts]:
        """Return calls that have recordings; states and policy must be those of one recording."""
        conditions: dict[str, object] = {"at_cursor": wanted.cursor or "", "at_most": wanted.limit}
        if wanted.states:
            conditions["at_states"] = sorted(wanted.states)
        if wanted.policy is not None:
            conditions["at_policy"] = wanted.policy
        statement = LISTINGS[bool(wanted.states), wanted.policy is not None]
        found = [CallId(row.call_id) for row in self._tx.rows(statement, **conditions)]
        return [stored.facts for stored in self.load_stored(found)]

    def calls_since(
        self, since: datetime, *, after: CallId | None, limit: int
    ) -> Sequence[CallFacts]:
        """Return calls first seen since a moment, by call id."""
        found = self._tx.rows(CALLS_SINCE, at_since=since, at_cursor=after or "", at_most=limit)
        return [stored.facts for stored in self.load_stored([CallId(r.call_id) for r in found])]

    def every_call(self, *, after: CallId | None, limit: int) -> Sequence[CallId]:
        """Return calls by id, at most `limit`, after one."""
        found = self._tx.rows(EVERY_CALL, at_cursor=after or "", at_most=limit)
        return [CallId(row.call_id) for row in found]

    def find_recording(self, prefix: str) -> Sequence[tuple[CallId, str]]:
        """Return recordings by the start of their id or service id."""
        found = self._tx.rows(FIND_RECORDING, at_prefix=prefix, at_prefix_end=prefix + _LAST)
        return [(CallId(row.call_id), row.id) for row in found]

    def find_calls(self, prefix: str) -> Sequence[CallId]:
        """Return calls by the start of their id or server call id."""
        found = self._tx.rows(THIS_CALL, at_server_call_id=prefix) or self._tx.rows(
            FIND_CALL, at_prefix=prefix, at_prefix_end=prefix + _LAST
        )
        return [CallId(row.call_id) for row in found]

    def find_file(self, document_id: str) -> tuple[CallId, FileId] | None:
        """Return the call and file of a document id."""
        row = self._tx.first(FIND_FILE, at_document_id=document_id)
        return None if row is None else (CallId(row.call_id), FileId(row.id))

    def recording_counts(self) -> Mapping[str, int]:
        """Count recordings by derived state."""
        return {row.state: row.row_count for row in self._tx.rows(RECORDING_COUNTS)}

    def moved_items(self, *, after: datetime) -> MovedItems:
        """Count the kept recordings whose deletion came earlier after a moment."""
        (counted,) = self._tx.rows(MOVED_COUNT, at_after=after)
        (weighed,) = self._tx.rows(MOVED_BYTES, at_after=after)
        return MovedItems(count=int(counted.moved_count), size_bytes=int(weighed.moved_bytes))

    def kept_totals(self) -> KeptTotals:
        """Count everything that is kept."""
        return KeptTotals(count=self.recording_counts().get(_KEPT, 0))

    def live_call_count(self) -> int:
        """Count calls that are established and not over."""
        (row,) = self._tx.rows(LIVE_CALLS)
        return int(row.live_count)
