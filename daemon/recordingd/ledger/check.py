"""Looks for damage in a ledger, and repairs nothing.

Called by `cli` (`ledger check`) on a ledger opened for reading, also beside a running daemon. Finds
what the file itself says is broken, derived columns that do not follow from their facts, and a hash
chain that does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recordingd.domain.calls import CallId
from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger.audit import AuditHead, verify_chain
from recordingd.ledger.calls import derived_rows
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ledger.known import StoredCall
from recordingd.ledger.store import LedgerStore

_PAGE = 500


def check_ledger(ledger: LedgerDatabase, *, expected: AuditHead | None = None) -> Sequence[str]:
    """Return one sentence per finding, each with the ids it is about; none for a sound ledger.

    All is read from one snapshot. `expected` is a head of the audit chain that was kept elsewhere.
    A ledger that cannot be read to the end has that as its last finding.
    """
    findings: list[str] = []
    try:
        with ledger.transaction() as store:
            findings.extend(_check_store(store, expected))
    except LedgerFault as fault:
        findings.append(f"the ledger cannot be read any further: {fault}")
    return findings


def _check_store(store: LedgerStore, expected: AuditHead | None) -> Iterator[str]:
    yield from store.damages()
    yield from _check_calls(store)
    bad = verify_chain(store.audit_rows(), expected=expected)
    if bad is not None:
        yield f"audit: the chain does not hold from line {bad} on"


def _check_calls(store: LedgerStore) -> Iterator[str]:
    after: CallId | None = None
    while page := store.every_call(after=after, limit=_PAGE):
        for stored in store.load_stored(page):
            yield from _check_derived(stored)
        after = page[-1]


def _check_derived(stored: StoredCall) -> Iterator[str]:
    call_id = stored.facts.call.call_id
    try:
        of_call, rows = derived_rows(stored.facts)
    except InvariantBroken as broken:
        yield f"{call_id}: {broken}"
        return
    if of_call != stored.derived:
        yield f"{call_id}: its derived columns are {stored.derived} and should be {of_call}"
    for table, expected in rows.items():
        for key, (_, due) in expected.items():
            found = stored.rows[table][key][1]
            if found != due:
                yield f"{call_id}: {table} {key} has {found} derived and should have {due}"
