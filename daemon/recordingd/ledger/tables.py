"""The tables beside the calls: what arrives, holds and purges, history, policies and operation.

Read by the modules that hold their statements, and by `migrations`, which bring a database to the
shape that `metadata` describes here with `call_tables`. Several tables have no writer yet; they
stand in the first schema because their keys would be hard to change later.
"""

from __future__ import annotations

import sqlalchemy as sa

from recordingd.ledger import call_tables
from recordingd.ledger import documents as doc
from recordingd.ledger.columns import COUNT, Document, Moment, Word
from recordingd.ledger.schema import arrival_seq, index, key, may, metadata, need, table, unique
from recordingd.ports.ledger import InboxState

__all__ = ["call_tables", "metadata"]

_TEXTS = Document(doc.dump_texts, doc.parse_texts)
_SOURCE = Document(doc.dump_source, doc.parse_source)
_IDS = Document(doc.dump_ids, doc.parse_ids)

# --- the ledger itself, and what arrives ----------------------------------------------------------

instances = table("instances", key(), need("generation", COUNT))

inbox = table(
    "inbox",
    arrival_seq(),
    need("channel"),
    need("source"),
    need("event_id"),
    may("context"),
    may("body", sa.LargeBinary()),
    need("received_at", Moment()),
    need("state", Word(InboxState)),
    may("error"),
    may("call_id"),
    may("applied_at", Moment()),
    unique("channel", "source", "event_id"),
    autoincrement=True,
)
index("ix_inbox_state", inbox, "state", "seq")
index("ix_inbox_bodies", inbox, "call_id", where="call_id IS NOT NULL AND body IS NOT NULL")

foreign_files = table(
    "foreign_files",
    need("document_id"),
    may("recording_id"),
    need("first_seen_at", Moment()),
    need("inbox_seq", COUNT),
    key("document_id"),
)
index("ix_foreign_files_recording_id", foreign_files, "recording_id")
index("ix_foreign_files_first_seen_at", foreign_files, "first_seen_at", "document_id")

# --- people, holds and purges ---------------------------------------------------------------------

subjects = table(
    "subjects",
    need("pseudonym"),
    need("raw_id_encrypted", sa.LargeBinary()),
    need("first_seen_at", Moment()),
    key("pseudonym"),
)

holds = table(
    "holds",
    need("name"),
    need("text"),
    need("source", _SOURCE),
    need("reason"),
    need("owner"),
    may("review_by"),
    need("policy_revision", COUNT),
    need("placed_by"),
    need("placed_at", Moment()),
    may("source_removed_at", Moment()),
    may("released_by"),
    may("release_reason"),
    may("released_at", Moment()),
    may("ends_at", Moment()),
    key("name"),
)

kept_readings = table(
    "kept_readings",
    need("words"),
    need("waiting", COUNT),
    need("read_at", Moment()),
    key(),
)

purge_gate = table(
    "purge_gate",
    need("generation", COUNT),
    may("frozen_reason"),
    may("frozen_at", Moment()),
    may("clock_witness", Moment()),
    key(),
)

# --- history --------------------------------------------------------------------------------------

audit = table(
    "audit",
    need("seq", COUNT),
    need("at", Moment()),
    need("kind"),
    may("call_id"),
    may("ref"),
    need("detail"),
    need("detail_digest"),
    need("prev_hash"),
    need("hash"),
    key("seq"),
)
index("ix_audit_call_id", audit, "call_id", "seq")

checkpoints = table(
    "checkpoints",
    need("seq", COUNT),
    need("head"),
    need("made_at", Moment()),
    need("place"),
    may("signature"),
    key("seq", "place"),
)

access = table(
    "access",
    arrival_seq(),
    need("at", Moment()),
    need("actor"),
    need("verb"),
    may("call_id"),
    may("ref"),
    autoincrement=True,
)
index("ix_access_call_id", access, "call_id", "seq")

# --- policies and operation -----------------------------------------------------------------------

policy_revisions = table(
    "policy_revisions",
    need("revision", COUNT),
    need("digest"),
    need("texts", _TEXTS),
    may("git_commit"),
    need("accepted_at", Moment()),
    key("revision"),
)

locked_rules = table(
    "locked_rules",
    need("rule"),
    need("policy_revision", COUNT),
    need("locked_at", Moment()),
    key("rule"),
)

approvals = table(
    "approvals",
    need("id"),
    need("plan_digest"),
    need("policy_digest"),
    need("recordings", _IDS),
    need("reason"),
    need("approved_by"),
    need("approved_at", Moment()),
    need("expires_at", Moment()),
    key("id"),
)

suspensions = table(
    "suspensions",
    need("id"),
    may("policy"),
    need("reason"),
    need("suspended_by"),
    need("suspended_at", Moment()),
    need("until", Moment()),
    may("lifted_by"),
    may("lifted_at", Moment()),
    key("id"),
)

leases = table(
    "leases",
    need("name"),
    may("owner"),
    may("leased_until", Moment()),
    need("fence", COUNT),
    key("name"),
)
