"""The durable record of what was seen, meant and done.

Implemented by `ledger.store` on SQLite (PostgreSQL through the same code). All methods are
synchronous and run inside a transaction that the caller's runner opened: `LedgerRunner.run`
executes one job atomically, and its result is durable once it returns. Errors are LedgerFault and
its kinds.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from recordingd.domain.approvals import Approval
from recordingd.domain.calls import CallId, CallReference
from recordingd.domain.holds import PlacedHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.recordings import CallFacts, FileId, ServiceRecordingId
from recordingd.domain.retention import KeptReading, KeptTotals, MovedItems
from recordingd.domain.suspensions import Suspension

T = TypeVar("T")


class InboxState(enum.Enum):
    """What became of a received body."""

    NEW = "new"
    APPLIED = "applied"
    POISON = "poison"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent:
    """One event as it arrived, unparsed; unique by channel, source and event id.

    `channel` is `eventgrid`, `callbacks` or `signals:<reporter>`; `context` is what the channel
    authenticated beside it (the hash of a callback token, the reporter's name).
    """

    channel: str
    source: str
    event_id: str
    body: bytes
    context: str | None
    received_at: datetime
    poison: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """An inbox event with its place in the order of arrival."""

    seq: int
    event: InboxEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the hash chain, stored as it is: nothing in it may name a person.

    `call_id` and `ref` are our ids; the chain holds the digest of `detail`, which stands beside it.
    """

    kind: str
    call_id: CallId | None
    ref: str | None
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """An audit line as it stands in the chain, hashes in hex."""

    seq: int
    at: datetime
    kind: str
    call_id: str | None
    ref: str | None
    detail: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file announced for a recording that is not ours; `inbox_seq` keeps its announcement."""

    document_id: str
    recording_id: str | None
    first_seen_at: datetime
    inbox_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRevision:
    """One accepted policy tree; `texts` is every file by path, enough to load it again.

    `git_commit` is the commit that its files stand in, with `+changes` behind it where they differ
    from it; None where they lie in no repository.
    """

    revision: int
    digest: str
    texts: Mapping[str, str]
    git_commit: str | None
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRule:
    """Since which revision, and when, a rule may only grow."""

    revision: int
    locked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """Which calls to list: empty fields do not restrict. `cursor` is the last call id seen."""

    states: frozenset[str] = frozenset()
    policy: str | None = None
    cursor: str | None = None
    limit: int = 1000


class Ledger(Protocol):
    """Reads and writes within one transaction."""

    # inbox
    def append_event(self, event: InboxEvent) -> bool:
        """Add an event; False, without effect, when the same one is there already."""
        ...

    def pending_events(self, limit: int) -> Sequence[InboxRow]:
        """Return events not applied yet, in the order of arrival."""
        ...

    def mark_applied(self, seq: int, *, call_id: CallId | None, at: datetime) -> None:
        """Record that an event's facts are in; its call is remembered for wiping the body."""
        ...

    def mark_poison(self, seq: int, *, error: str, at: datetime) -> None:
        """Record that an event cannot be understood; it is kept."""
        ...

    def reopen_events(self, seqs: Sequence[int]) -> None:
        """Make applied events pending again, to be read with what is known now."""
        ...

    def inbox_counts(self) -> Mapping[InboxState, int]:
        """Count events by state; every state is a key."""
        ...

    # calls
    def find_call(self, reference: CallReference) -> CallId | None:
        """Return the call an event is about, by the first of: callback token, the service's
        recording id, server call id, connection id, correlation id. None when no call is known.
        """
        ...

    def load(self, call_id: CallId) -> CallFacts | None:
        """Return everything known of a call; None when nothing is. Locks it for this transaction
        where the database has other writers.
        """
        ...

    def save(self, facts: CallFacts, *, audit: Sequence[AuditEntry]) -> CallFacts:
        """Write the difference to what is stored, the derived columns, and the audit lines.

        The stored facts must be at `facts.call.facts_version` and `facts.call.fence`, else
        StaleSnapshot. Returns the facts with the version raised by one. A row that vanished from
        the facts is an InvariantBroken, except participants wiped by a purge.
        """
        ...

    def calls_needing_attention(
        self, *, due_by: datetime, after: CallId | None, limit: int
    ) -> Sequence[CallId]:
        """Return calls that are open, or whose next date is not later than a moment, by id."""
        ...

    def list_calls(self, wanted: RecordingFilter) -> Sequence[CallFacts]:
        """Return calls that have recordings, by call id, at most `limit`, after the cursor."""
        ...

    def calls_since(
        self, since: datetime, *, after: CallId | None, limit: int
    ) -> Sequence[CallFacts]:
        """Return calls that were first seen at a moment or later, by call id, at most `limit`,
        after one. Walks all calls there are: for questions that a person asks.
        """
        ...

    def find_recording(self, prefix: str) -> Sequence[tuple[CallId, str]]:
        """Return (call id, our recording id) of every recording whose id, or service id, starts
        with a prefix; at most 10.
        """
        ...

    def find_calls(self, prefix: str) -> Sequence[CallId]:
        """Return calls whose id or server call id starts with a prefix, by id; at most 10. A server
        call id that is the whole prefix gives its call alone.
        """
        ...

    def find_file(self, document_id: str) -> tuple[CallId, FileId] | None:
        """Return the call and file of a document id, purged ones included."""
        ...

    def recording_counts(self) -> Mapping[str, int]:
        """Count recordings by derived state; states without recordings are left out."""
        ...

    def live_call_count(self) -> int:
        """Count calls that are established and not over."""
        ...

    def moved_items(self, *, after: datetime) -> MovedItems:
        """Count the kept recordings whose deletion came earlier after a moment, without an
        approved plan, and the bytes of the copies that are left of them.
        """
        ...

    def kept_totals(self) -> KeptTotals:
        """Count everything that is kept."""
        ...

    def note_kept_reading(self, reading: KeptReading) -> None:
        """Write down that all that is kept was held against the rules; the last time counts."""
        ...

    def kept_reading(self) -> KeptReading | None:
        """Return when everything that is kept was held against the rules last; None for never."""
        ...

    # foreign recordings
    def add_foreign(self, file: ForeignFile) -> None:
        """Remember a file that is not ours. Idempotent by document id."""
        ...

    def take_foreign(self, recording: ServiceRecordingId) -> Sequence[int]:
        """Forget the foreign files of a recording that turned out to be ours; return the inbox
        numbers of their announcements.
        """
        ...

    def list_foreign(self, limit: int) -> Sequence[ForeignFile]:
        """Return foreign files, newest first."""
        ...

    # holds and purges
    def claim_purge(self) -> int:
        """Lock the purge gate shared until the transaction ends; return its generation.

        Raises UnsafePlan when purges are frozen. Placing a hold locks it exclusively, so a claim
        and a hold never commit over each other.
        """
        ...

    def purge_generation(self) -> int:
        """Return the purge gate's generation and lock nothing; every change of a hold raises it."""
        ...

    def holds(self) -> Sequence[PlacedHold]:
        """Return every hold that was ever placed, by name; those that ended are among them."""
        ...

    def place_hold(self, hold: PlacedHold) -> None:
        """Write a hold as it is now, new or changed, released or not; its name is its key.

        Locks the purge gate exclusively and raises its generation.
        """
        ...

    def wipe_call_bodies(self, call_id: CallId) -> None:
        """Empty the inbox bodies of a call whose recordings are purged. Idempotent."""
        ...

    # policies
    def latest_revision(self) -> PolicyRevision | None:
        """Return the newest accepted policy tree; None before the first."""
        ...

    def revision(self, number: int) -> PolicyRevision | None:
        """Return one accepted policy tree by its number."""
        ...

    def revision_at(self, moment: datetime) -> PolicyRevision | None:
        """Return the newest policy tree accepted until a moment; None when there was none yet."""
        ...

    def revisions(self, limit: int) -> Sequence[PolicyRevision]:
        """Return accepted policy trees, newest first, at most `limit`."""
        ...

    def add_revision(
        self, *, digest: str, texts: Mapping[str, str], git_commit: str | None, at: datetime
    ) -> PolicyRevision:
        """Accept a policy tree under the next number."""
        ...

    def name_commit(self, revision: int, git_commit: str) -> None:
        """Write down that a tree accepted before now stands in a commit."""
        ...

    def locked_rules(self) -> Mapping[RuleName, LockedRule]:
        """Return every rule that was ever accepted as locked."""
        ...

    def lock_rules(self, rules: Iterable[RuleName], *, revision: int, at: datetime) -> None:
        """Remember rules as locked from a revision on; none of them may be locked already."""
        ...

    # what people decided
    def add_suspension(self, suspension: Suspension) -> None:
        """Write a new suspension; its id must be new."""
        ...

    def suspensions(self, *, now: datetime) -> Sequence[Suspension]:
        """Return what is suspended at a moment, oldest first: neither lifted nor over."""
        ...

    def lift_suspension(self, suspension_id: str, *, by: str, at: datetime) -> None:
        """End a suspension before its time. Without effect on one that was lifted before."""
        ...

    def add_approval(self, approval: Approval) -> None:
        """Write a new approval; its id must be new."""
        ...

    def approvals_for(self, policy_digest: str, *, now: datetime) -> Sequence[Approval]:
        """Return the approvals for a policy set that have not expired, oldest first."""
        ...

    # audit
    def append_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Add lines to the hash chain that belong to no change of a call."""
        ...

    def audit_of(self, call_id: CallId) -> Sequence[AuditRow]:
        """Return the lines about a call, oldest first."""
        ...

    def generation(self) -> int:
        """Return a number that rises with every committed change of the ledger."""
        ...


class LedgerRunner(Protocol):
    """Runs jobs against the ledger, each atomically."""

    async def run(self, job: Callable[[Ledger], T]) -> T:
        """Run a job in a transaction; durable once this returns.

        The job may run in another thread, once, and together with others in one commit: it must
        not keep the ledger. When it raises, nothing of it is kept and the error passes through.
        """
        ...
