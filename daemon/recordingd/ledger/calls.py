"""Calls with everything that belongs to them: loaded whole, saved by difference.

A part of `store`. A save meets only the facts it was made from: one UPDATE of the call checks
version and fence before any other row is touched. Derived columns are written here and nowhere
else, from `planning.derivation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import sqlalchemy as sa

from recordingd.domain.calls import Call, CallId, CallReference
from recordingd.domain.errors import InvariantBroken, StaleSnapshot
from recordingd.domain.recordings import CallFacts, Recording, RecordingFile
from recordingd.ledger.audit import AuditChain, ChainMark
from recordingd.ledger.call_tables import calls, recordings
from recordingd.ledger.codec import (
    CALL,
    COLLECTIONS,
    PARTICIPANTS,
    RowCodec,
    Stored,
    Values,
    ordered,
)
from recordingd.ledger.known import KnownCalls, Rows, StoredCall
from recordingd.ledger.part import given, of_instance, spelled_as, spellings
from recordingd.ledger.transaction import ConstraintBroken, Transaction
from recordingd.planning.derivation import Derived, derive
from recordingd.ports.ledger import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """The statements of one kind of rows."""

    of_one: sa.Select[tuple[object, ...]]
    of_many: sa.Select[tuple[object, ...]]
    insert: sa.Insert
    update: sa.Update
    delete: sa.Delete


def _statements(codec: RowCodec) -> _Statements:
    table = codec.table
    chosen = [table.c[name] for name in (*codec.columns, *codec.derived)]
    in_instance = of_instance(table)
    by_key = (in_instance, given(table.c.call_id), *(given(table.c[name]) for name in codec.key))
    return _Statements(
        of_one=sa.select(*chosen).where(in_instance, given(table.c.call_id)),
        of_many=sa.select(*chosen, table.c.call_id).where(
            in_instance, table.c.call_id.in_(sa.bindparam("at_call_ids", expanding=True))
        ),
        insert=sa.insert(table),
        update=sa.update(table).where(*by_key),
        delete=sa.delete(table).where(*by_key),
    )


_CALL = _statements(CALL)
_ROWS = {codec.facts_field: _statements(codec) for codec in COLLECTIONS}
_LOCK_CALL = _CALL.of_one.with_for_update()
_STATE = sa.select(calls.c.facts_version, calls.c.fence).where(
    of_instance(calls), given(calls.c.call_id)
)
_LOCK_STATE = _STATE.with_for_update()
_UPDATE_CALL = sa.update(calls).where(
    of_instance(calls),
    given(calls.c.call_id),
    given(calls.c.facts_version),
    given(calls.c.fence),
)


def _finder(
    table: sa.Table, condition: sa.ColumnElement[bool], *order: sa.ColumnElement[object]
) -> sa.Select[tuple[object]]:
    return sa.select(table.c.call_id).where(of_instance(table), condition).order_by(*order).limit(1)


_NEWEST = (calls.c.first_seen_at.desc(), calls.c.call_id)
_BY_TOKEN = _finder(recordings, given(recordings.c.callback_token_hash))
_BY_RECORDING = _finder(recordings, spelled_as(recordings.c.recording_id))
_BY_SERVER_CALL = _finder(calls, given(calls.c.server_call_id))
_BY_CONNECTION = _finder(calls, given(calls.c.connection_id), *_NEWEST)
_BY_CORRELATION = _finder(calls, given(calls.c.correlation_id), *_NEWEST)


class Calls(AuditChain):
    """Operations on one call; `ports.ledger.Ledger` holds their contracts."""

    def __init__(self, tx: Transaction, known: KnownCalls) -> None:
        super().__init__(tx)
        self._known = known
        self._seen: dict[CallId, StoredCall] = {}

    def find_call(self, reference: CallReference) -> CallId | None:
        """Return the call an event is about."""
        recording_id = reference.recording_id
        spelled = spellings(recording_id) if recording_id is not None else {}
        questions: tuple[tuple[sa.Executable, dict[str, str | None]], ...] = (
            (_BY_TOKEN, {"at_callback_token_hash": reference.callback_token_hash}),
            (_BY_RECORDING, {"at_bare": None, **spelled}),
            (_BY_SERVER_CALL, {"at_server_call_id": reference.server_call_id}),
            (_BY_CONNECTION, {"at_connection_id": reference.connection_id}),
            (_BY_CORRELATION, {"at_correlation_id": reference.correlation_id}),
        )
        for statement, conditions in questions:
            if None in conditions.values():
                continue
            row = self._tx.first(statement, **conditions)
            if row is not None:
                return CallId(row.call_id)
        return None

    def load(self, call_id: CallId) -> CallFacts | None:
        """Return everything known of a call."""
        stored = self._load_stored(call_id)
        return None if stored is None else stored.facts

    def load_stored(self, call_ids: Sequence[CallId]) -> Sequence[StoredCall]:
        """Return calls with their derived columns, in the order asked for, without locking them.

        Calls that are not there are left out.
        """
        if not call_ids:
            return []
        found: dict[CallId, Stored] = {}
        for *row, call_id in self._tx.rows(_CALL.of_many, at_call_ids=call_ids):
            found[call_id] = CALL.value_of(row)
        collections: dict[CallId, dict[str, list[Stored]]] = {c: {} for c in call_ids}
        for codec in COLLECTIONS:
            statement = _ROWS[codec.facts_field].of_many
            for *row, call_id in self._tx.rows(statement, at_call_ids=call_ids):
                rows = collections[call_id].setdefault(codec.facts_field, [])
                rows.append(codec.value_of(row))
        return [_stored_call(found[c], collections[c]) for c in call_ids if c in found]

    def save(self, facts: CallFacts, *, audit: Sequence[AuditEntry]) -> CallFacts:
        """Write the difference to what is stored."""
        call = facts.call
        old = self._load_stored(call.call_id)
        _refuse_stale(call, None if old is None else old.facts.call)
        raised = replace(call, facts_version=call.facts_version + 1)
        saved = ordered(replace(facts, call=raised))
        derived, rows = derived_rows(saved)
        if old is not None:
            _refuse_vanished(saved, old, rows)
        self._write_call(saved.call, derived, is_new=old is None)
        for codec in COLLECTIONS:
            before: Rows = {} if old is None else old.rows[codec.facts_field]
            self._write_rows(codec, call.call_id, before, rows[codec.facts_field])
        self.append_audit(audit)
        self._seen[call.call_id] = StoredCall(facts=saved, derived=derived, rows=rows)
        return saved

    def undo_to(self, mark: ChainMark) -> None:
        """Forget what was read and chained since; calls are read anew when next wanted."""
        super().undo_to(mark)
        self._seen.clear()

    def remember(self) -> None:
        """Keep what was read and written for later transactions; this one was committed."""
        self._known.keep(self._seen)

    def _load_stored(self, call_id: CallId) -> StoredCall | None:
        stored = self._seen.get(call_id)
        if stored is not None:
            return stored
        stored = self._find_known(call_id) or self._read_stored(call_id)
        if stored is not None:
            self._seen[call_id] = stored
        return stored

    def _find_known(self, call_id: CallId) -> StoredCall | None:
        if call_id not in self._known:
            return None
        statement = _STATE if self._tx.is_read_only else _LOCK_STATE
        row = self._tx.first(statement, at_call_id=call_id)
        if row is None:
            return None
        return self._known.find(call_id, facts_version=row.facts_version, fence=row.fence)

    def _read_stored(self, call_id: CallId) -> StoredCall | None:
        statement = _CALL.of_one if self._tx.is_read_only else _LOCK_CALL
        row = self._tx.first(statement, at_call_id=call_id)
        if row is None:
            return None
        collections = {
            codec.facts_field: [
                codec.value_of(tuple(found))
                for found in self._tx.rows(_ROWS[codec.facts_field].of_one, at_call_id=call_id)
            ]
            for codec in COLLECTIONS
        }
        return _stored_call(CALL.value_of(tuple(row)), collections)

    def _write_call(self, call: Call, derived: tuple[object, ...], *, is_new: bool) -> None:
        row = CALL.row_of(call, derived)
        if is_new:
            self._insert_call(row)
            return
        seen = {"at_facts_version": call.facts_version - 1, "at_fence": row.pop("fence")}
        if self._tx.change(_UPDATE_CALL, at_call_id=row.pop("call_id"), **seen, **row) == 0:
            raise _stale(call)

    def _insert_call(self, row: Values) -> None:
        try:
            self._tx.insert(_CALL.insert, **row)
        except ConstraintBroken as error:
            if not self._tx.has_other_writers:
                raise
            msg = f"another writer met {row['call_id']} first"
            raise StaleSnapshot(msg) from error

    def _write_rows(self, codec: RowCodec, call_id: CallId, before: Rows, after: Rows) -> None:
        added = [
            {"call_id": call_id, **codec.row_of(*stored)}
            for key, stored in after.items()
            if key not in before
        ]
        changed = [
            {"at_call_id": call_id, **_update_of(codec, stored)}
            for key, stored in after.items()
            if key in before and before[key] != stored
        ]
        wiped = [
            {"at_call_id": call_id, **_key_of(codec, stored)}
            for key, stored in before.items()
            if key not in after
        ]
        statements = _ROWS[codec.facts_field]
        if wiped:
            self._tx.change_many(statements.delete, wiped)
        # What ends makes room for what begins: there is one open recording, one attempt per target.
        if changed:
            self._tx.change_many(statements.update, changed)
        if added:
            self._tx.insert_many(statements.insert, added)


def derived_rows(facts: CallFacts) -> tuple[tuple[object, ...], Mapping[str, Rows]]:
    """Return the derived columns of a call, and every row it has with its derived columns."""
    derived = derive(facts)
    rows = {codec.facts_field: _rows_of(codec, facts, derived) for codec in COLLECTIONS}
    return (derived.needs_attention, derived.next_at), rows


def _rows_of(codec: RowCodec, facts: CallFacts, derived: Derived) -> Rows:
    values: Sequence[object] = getattr(facts, codec.facts_field)
    rows = {codec.key_of(value): (value, _derived_of(value, derived)) for value in values}
    if len(rows) < len(values):
        msg = f"two {codec.facts_field} of {facts.call.call_id} have one key"
        raise InvariantBroken(msg)
    return rows


def _derived_of(value: object, derived: Derived) -> tuple[object, ...]:
    if isinstance(value, Recording):
        of_recording = derived.recordings[value.id]
        return (
            str(of_recording.state),
            of_recording.keep_until,
            of_recording.delete_at,
            of_recording.delete_rule,
        )
    if isinstance(value, RecordingFile):
        return (str(derived.files[value.id]),)
    return ()


def _stored_call(call: Stored, collections: Mapping[str, Sequence[Stored]]) -> StoredCall:
    values: dict[str, Any] = {
        name: tuple(value for value, _ in stored) for name, stored in collections.items()
    }
    return StoredCall(
        facts=ordered(CallFacts(call=cast("Call", call[0]), **values)),
        derived=call[1],
        rows={
            codec.facts_field: {
                codec.key_of(stored[0]): stored for stored in collections.get(codec.facts_field, ())
            }
            for codec in COLLECTIONS
        },
    )


def _update_of(codec: RowCodec, stored: Stored) -> Values:
    row = codec.row_of(*stored)
    return {**{f"at_{name}": row.pop(name) for name in codec.key}, **row}


def _key_of(codec: RowCodec, stored: Stored) -> Values:
    row = codec.row_of(*stored)
    return {f"at_{name}": row[name] for name in codec.key}


def _stale(call: Call) -> StaleSnapshot:
    return StaleSnapshot(f"{call.call_id} is not at version {call.facts_version} any more")


def _refuse_stale(given_call: Call, stored: Call | None) -> None:
    seen = (given_call.facts_version, given_call.fence)
    if stored is None and given_call.facts_version != 0:
        raise _stale(given_call)
    if stored is not None and seen != (stored.facts_version, stored.fence):
        raise _stale(given_call)


def _refuse_vanished(facts: CallFacts, old: StoredCall, rows: Mapping[str, Rows]) -> None:
    for codec in COLLECTIONS:
        is_wiped = codec is PARTICIPANTS and bool(facts.receipts)
        vanished = old.rows[codec.facts_field].keys() - rows[codec.facts_field].keys()
        if vanished and not is_wiped:
            msg = f"{len(vanished)} {codec.facts_field} of {facts.call.call_id} have vanished"
            raise InvariantBroken(msg)
