"""The hash chain of everything that was decided and done.

A part of `store`; `check` and `cli` verify it. Line n holds sha256 of line n-1's hash and of its
own content, so that a flipped byte or a dropped row shows, and with a head that was kept elsewhere
a shortened chain too. Lines hold our ids and plain words, never a person's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from recordingd.domain.calls import CallId
from recordingd.ledger.columns import canonical_json, utc_text
from recordingd.ledger.part import Part, given, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import audit, instances
from recordingd.ledger.transaction import Transaction
from recordingd.ports.ledger import AuditEntry, AuditRow

FIRST_SEQ = 1
GENESIS_HASH = "0" * 64
_PAGE = 1000
# Any number will do, as long as nothing else of ours locks it ("recordingd" in ASCII, shortened).
_CHAIN_LOCK = 0x7265636F7264

_COLUMNS = [column for column in audit.c if column.name != "instance"]
_OF_CALL = (
    sa.select(*_COLUMNS).where(of_instance(audit), given(audit.c.call_id)).order_by(audit.c.seq)
)
_PAGE_AFTER = (
    sa.select(*_COLUMNS)
    .where(of_instance(audit), audit.c.seq > sa.bindparam("at_seq"))
    .order_by(audit.c.seq)
    .limit(_PAGE)
)
_HEAD = (
    sa.select(audit.c.seq, audit.c.hash)
    .where(of_instance(audit))
    .order_by(audit.c.seq.desc())
    .limit(1)
)
_INSERT = sa.insert(audit)
_GENERATION = sa.select(instances.c.generation).where(of_instance(instances))
_RAISE_GENERATION = (
    sa.update(instances).where(of_instance(instances)).values(generation=instances.c.generation + 1)
)
_LOCK_CHAIN = sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The last line of a chain: its number, and its hash in hex."""

    seq: int
    hash: str


EMPTY_CHAIN = AuditHead(seq=FIRST_SEQ - 1, hash=GENESIS_HASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line before it has its place in the chain."""

    at: datetime
    entry: AuditEntry
    detail: str


class ChainMark(NamedTuple):
    """How far the lines of a transaction had come at some moment of it."""

    appended: int
    written: int


class AuditChain(Part):
    """Operations on the chain; `ports.ledger.Ledger` holds their contracts.

    Lines wait in memory and are written last, once per commit: the head is read once for a whole
    batch, and where other writers exist it is locked for a moment only.
    """

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx)
        self._lines: list[_Line] = []
        self._written = 0

    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Add lines to the chain; all of one call have the same time."""
        if not entries:
            return
        at = self._tx.now()
        self._lines += [
            _Line(at=at, entry=entry, detail=canonical_json(dict(entry.detail)))
            for entry in entries
        ]

    def audit_of(self, call_id: CallId) -> Sequence[AuditRow]:
        """Return the lines about a call."""
        self.write_audit()
        return [_row_of(row) for row in self._tx.rows(_OF_CALL, at_call_id=call_id)]

    def audit_rows(self) -> Iterator[AuditRow]:
        """Return every line in order, read in pages."""
        self.write_audit()
        last = EMPTY_CHAIN.seq
        while page := self._tx.rows(_PAGE_AFTER, at_seq=last):
            yield from map(_row_of, page)
            last = page[-1].seq

    def audit_head(self) -> AuditHead:
        """Return the last line, EMPTY_CHAIN before the first."""
        self.write_audit()
        return self._head()

    def generation(self) -> int:
        """Return the number of commits that changed this ledger."""
        (row,) = self._tx.rows(_GENERATION)
        return int(row.generation)

    def mark(self) -> ChainMark:
        """Remember how far the lines have come, for `undo_to`."""
        return ChainMark(appended=len(self._lines), written=self._written)

    def undo_to(self, mark: ChainMark) -> None:
        """Forget later lines; the caller has rolled back to where the mark was taken.

        An earlier line that was written in the meantime was rolled back as well, and waits again.
        """
        del self._lines[mark.appended :]
        self._written = mark.written

    def write_audit(self) -> None:
        """Chain and write the lines that wait."""
        waiting = self._lines[self._written :]
        if not waiting:
            return
        head = self._head(lock=True)
        rows: list[dict[str, object]] = []
        for line in waiting:
            row = _chained(line, head)
            head = AuditHead(seq=row.seq, hash=row.hash)
            rows.append({**asdict(row), "detail_digest": _digest(row.detail)})
        self._tx.insert_many(_INSERT, rows)
        self._written = len(self._lines)

    def raise_generation(self) -> None:
        """Count this transaction as one that changed something."""
        self._tx.change(_RAISE_GENERATION)

    def _head(self, *, lock: bool = False) -> AuditHead:
        if lock and self._tx.dialect == "postgresql":
            self._tx.rows(_LOCK_CHAIN)
        row = self._tx.first(_HEAD)
        return EMPTY_CHAIN if row is None else AuditHead(seq=row.seq, hash=row.hash)


def verify_chain(rows: Iterable[AuditRow], *, expected: AuditHead | None = None) -> int | None:
    """Return the number of the first line that is wrong or missing; None when all are right.

    `rows` is the whole chain in order. `expected` is a head that was kept outside of the ledger:
    without one, lines cut off at the end cannot be missed.
    """
    head = EMPTY_CHAIN
    for row in rows:
        due = head.seq + 1
        if row.seq != due or row.prev_hash != head.hash or row.hash != _hash_of(row):
            return due
        if expected is not None and row.seq == expected.seq and row.hash != expected.hash:
            return due
        head = AuditHead(seq=row.seq, hash=row.hash)
    if expected is not None and head.seq < expected.seq:
        return head.seq + 1
    return None


def _chained(line: _Line, head: AuditHead) -> AuditRow:
    row = AuditRow(
        seq=head.seq + 1,
        at=line.at,
        kind=line.entry.kind,
        call_id=line.entry.call_id,
        ref=line.entry.ref,
        detail=line.detail,
        prev_hash=head.hash,
        hash="",
    )
    return replace(row, hash=_hash_of(row))


def _hash_of(row: AuditRow) -> str:
    content = [row.seq, utc_text(row.at), row.kind, row.call_id, row.ref, _digest(row.detail)]
    return _digest(row.prev_hash + canonical_json(content))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _row_of(row: Row) -> AuditRow:
    return AuditRow(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        call_id=row.call_id,
        ref=row.ref,
        detail=row.detail,
        prev_hash=row.prev_hash,
        hash=row.hash,
    )
