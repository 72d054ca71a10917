"""Create every table of the first release.

Frozen: it says what the tables were then, in words of its own, and never imports the present ones.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WORD = sa.Text()
_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
_FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
_JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
_BYTES = sa.LargeBinary()

_metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _table(name: str, *parts: sa.schema.SchemaItem, autoincrement: bool = False) -> None:
    sa.Table(
        name,
        _metadata,
        *_need("instance"),
        *parts,
        sqlite_strict=True,
        sqlite_autoincrement=autoincrement,
    )


def _need(*names: str, kind: sa.types.TypeEngine[Any] = _KEY) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _may(*names: str, kind: sa.types.TypeEngine[Any] = _KEY) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def _seq() -> sa.Column[Any]:
    return sa.Column("seq", _COUNT, primary_key=True, autoincrement=True)


def _key(*names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("instance", *names)


def _unique(*names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("instance", *names)


def _of(table: str, **columns: str) -> sa.ForeignKeyConstraint:
    columns = {"instance": "instance", **columns}
    return sa.ForeignKeyConstraint(list(columns), [f"{table}.{c}" for c in columns.values()])


def _index(
    name: str, table: str, *columns: str, unique: bool = False, where: str | None = None
) -> None:
    condition = None if where is None else sa.text(where)
    sa.Index(
        name,
        *(_metadata.tables[table].c[c] for c in ("instance", *columns)),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


_table(
    "access",
    _seq(),
    *_need("at", kind=_MOMENT),
    *_need("actor", "verb"),
    *_may("call_id", "ref"),
    autoincrement=True,
)
_index("ix_access_call_id", "access", "call_id", "seq")

_table(
    "approvals",
    *_need("id", "plan_digest", "policy_digest"),
    *_need("recordings", kind=_JSON),
    *_need("reason", "approved_by"),
    *_need("approved_at", "expires_at", kind=_MOMENT),
    _key("id"),
)

_table(
    "audit",
    *_need("seq", kind=_COUNT),
    *_need("at", kind=_MOMENT),
    *_need("kind"),
    *_may("call_id", "ref"),
    *_need("detail", "detail_digest", "prev_hash", "hash"),
    _key("seq"),
)
_index("ix_audit_call_id", "audit", "call_id", "seq")

_table(
    "calls",
    *_need("call_id", "server_call_id"),
    *_need("first_seen_at", kind=_MOMENT),
    *_may("correlation_id", "connection_id"),
    *_may("started_at", "ended_at", kind=_MOMENT),
    *_may("direction", kind=_WORD),
    *_may("started_by", "from_party", "to_party", kind=_JSON),
    *_may("group_id", "room_id", "resource"),
    *_may("is_two_party", "is_rooms_call", kind=_FLAG),
    *_need("context", "tags", "roles", "past_tags", "moments", kind=_JSON),
    *_may("participants_seq", kind=_COUNT),
    *_may("roster_complete_at", kind=_MOMENT),
    *_need("facts_version", "fence", kind=_COUNT),
    *_may("lease_owner"),
    *_may("lease_until", kind=_MOMENT),
    *_need("needs_attention", kind=_FLAG),
    *_may("next_at", kind=_MOMENT),
    _key("call_id"),
    _unique("server_call_id"),
)
_index("ix_calls_attention", "calls", "needs_attention", "call_id")
_index("ix_calls_connection_id", "calls", "connection_id", "first_seen_at")
_index("ix_calls_correlation_id", "calls", "correlation_id", "first_seen_at")
_index("ix_calls_live", "calls", "started_at", where="ended_at IS NULL")
_index("ix_calls_next_at", "calls", "next_at", "call_id")

_table(
    "checkpoints",
    *_need("seq", kind=_COUNT),
    *_need("head"),
    *_need("made_at", kind=_MOMENT),
    *_need("place"),
    *_may("signature"),
    _key("seq", "place"),
)

_table(
    "foreign_files",
    *_need("document_id"),
    *_may("recording_id"),
    *_need("first_seen_at", kind=_MOMENT),
    *_need("inbox_seq", kind=_COUNT),
    _key("document_id"),
)
_index("ix_foreign_files_first_seen_at", "foreign_files", "first_seen_at", "document_id")
_index("ix_foreign_files_recording_id", "foreign_files", "recording_id")

_table(
    "holds",
    *_need("name", "text"),
    *_need("source", kind=_JSON),
    *_need("reason", "owner"),
    *_may("review_by"),
    *_need("policy_revision", kind=_COUNT),
    *_need("placed_by"),
    *_need("placed_at", kind=_MOMENT),
    *_may("source_removed_at", kind=_MOMENT),
    *_may("released_by", "release_reason"),
    *_may("released_at", "ends_at", kind=_MOMENT),
    _key("name"),
)

_table(
    "inbox",
    _seq(),
    *_need("channel", "source", "event_id"),
    *_may("context"),
    *_may("body", kind=_BYTES),
    *_need("received_at", kind=_MOMENT),
    *_need("state", kind=_WORD),
    *_may("error", "call_id"),
    *_may("applied_at", kind=_MOMENT),
    _unique("channel", "source", "event_id"),
    autoincrement=True,
)
_index("ix_inbox_bodies", "inbox", "call_id", where="call_id IS NOT NULL AND body IS NOT NULL")
_index("ix_inbox_state", "inbox", "state", "seq")

_table("instances", *_need("generation", kind=_COUNT), _key())

_table(
    "kept_readings",
    *_need("words"),
    *_need("waiting", kind=_COUNT),
    *_need("read_at", kind=_MOMENT),
    _key(),
)

_table(
    "leases",
    *_need("name"),
    *_may("owner"),
    *_may("leased_until", kind=_MOMENT),
    *_need("fence", kind=_COUNT),
    _key("name"),
)

_table(
    "locked_rules",
    *_need("rule"),
    *_need("policy_revision", kind=_COUNT),
    *_need("locked_at", kind=_MOMENT),
    _key("rule"),
)

_table(
    "policy_revisions",
    *_need("revision", kind=_COUNT),
    *_need("digest"),
    *_need("texts", kind=_JSON),
    *_may("git_commit"),
    *_need("accepted_at", kind=_MOMENT),
    _key("revision"),
)

_table(
    "purge_gate",
    *_need("generation", kind=_COUNT),
    *_may("frozen_reason"),
    *_may("frozen_at", "clock_witness", kind=_MOMENT),
    _key(),
)

_table(
    "subjects",
    *_need("pseudonym"),
    *_need("raw_id_encrypted", kind=_BYTES),
    *_need("first_seen_at", kind=_MOMENT),
    _key("pseudonym"),
)

_table(
    "suspensions",
    *_need("id"),
    *_may("policy"),
    *_need("reason", "suspended_by"),
    *_need("suspended_at", "until", kind=_MOMENT),
    *_may("lifted_by"),
    *_may("lifted_at", kind=_MOMENT),
    _key("id"),
)

_table(
    "attempts",
    *_need("call_id", "id"),
    *_need("verb", kind=_WORD),
    *_need("target", "reason"),
    *_need("policy_revision", "facts_version", "fence", kind=_COUNT),
    *_need("intended_at", kind=_MOMENT),
    *_may("sent_at", kind=_MOMENT),
    *_need("tries", kind=_COUNT),
    *_may("retry_at", kind=_MOMENT),
    *_may("outcome", kind=_WORD),
    *_may("detail"),
    *_may("finished_at", kind=_MOMENT),
    _key("call_id", "id"),
    _of("calls", call_id="call_id"),
)
_index(
    "uq_attempts_unfinished",
    "attempts",
    "call_id",
    "target",
    unique=True,
    where="finished_at IS NULL",
)

_table(
    "capture_requests",
    *_need("call_id", "id"),
    *_need("is_resume", kind=_FLAG),
    *_need("reporter"),
    *_need("at", "received_at", kind=_MOMENT),
    _key("call_id", "id"),
    _of("calls", call_id="call_id"),
)

_table(
    "consents",
    *_need("call_id", "id"),
    *_need("answer", kind=_WORD),
    *_may("participant"),
    *_need("purpose", "method", "reporter"),
    *_need("answered_at", "received_at", kind=_MOMENT),
    *_may("valid_until", kind=_MOMENT),
    _key("call_id", "id"),
    _of("calls", call_id="call_id"),
)

_table(
    "participants",
    *_need("call_id", "raw_id"),
    *_need("joined_at", kind=_MOMENT),
    *_may("left_at", kind=_MOMENT),
    *_need("kind", kind=_WORD),
    *_may("phone", "display_name", "role", "place", "pseudonym"),
    _key("call_id", "raw_id", "joined_at"),
    _of("calls", call_id="call_id"),
)

_table(
    "recordings",
    *_need("call_id", "id", "policy"),
    *_need("policy_revision", kind=_COUNT),
    *_need("source", kind=_JSON),
    *_need("expected_at", kind=_MOMENT),
    *_need("content", "channels", "format", kind=_WORD),
    *_need("archive"),
    *_may("container"),
    *_need("purpose"),
    *_may("consent", kind=_JSON),
    *_need("keeping", kind=_JSON),
    *_need("keeping_revision", kind=_COUNT),
    *_need("affinity", kind=_JSON),
    *_may("rotate_every", kind=_JSON),
    *_need("asked", kind=_JSON),
    *_need("start_paused", kind=_FLAG),
    *_may("callback_token_hash", "start_request_id"),
    *_may("first_sent_at", kind=_MOMENT),
    *_may("recording_id"),
    *_may("accepted_at", "active_seen_at", "active_since", "inactive_since", kind=_MOMENT),
    *_may("observed_at", "observe_after", kind=_MOMENT),
    *_may("capture_wanted", kind=_WORD),
    *_may("capture_changed_at", "resumed_at", kind=_MOMENT),
    *_may("stop_reason", kind=_WORD),
    *_may("stopped_at", kind=_MOMENT),
    *_may("duration_ms", kind=_COUNT),
    *_may("erase_at", "delete_moved_at", kind=_MOMENT),
    *_may("outcome", kind=_WORD),
    *_may("detail"),
    *_need("state"),
    *_may("keep_until", "delete_at", kind=_MOMENT),
    *_may("delete_rule"),
    _key("call_id", "id"),
    _unique("id"),
    _unique("recording_id"),
    _unique("callback_token_hash"),
    _of("calls", call_id="call_id"),
)
_index(
    "ix_recordings_delete_moved_at",
    "recordings",
    "delete_moved_at",
    where="delete_moved_at IS NOT NULL",
)
_index("ix_recordings_policy", "recordings", "policy", "call_id")
_index("ix_recordings_state", "recordings", "state", "call_id")
_index(
    "uq_recordings_open",
    "recordings",
    "call_id",
    unique=True,
    where="outcome IS NULL AND stopped_at IS NULL",
)

_table(
    "files",
    *_need("call_id", "id", "document_id", "recording"),
    *_need("chunk", kind=_COUNT),
    *_need("content_url"),
    *_may("metadata_url", "delete_url"),
    *_need("is_external", kind=_FLAG),
    *_need("announced_at", "deadline", kind=_MOMENT),
    *_may("size_bytes", kind=_COUNT),
    *_may("sha256"),
    *_may("metadata_duration_ms", "metadata_channels", kind=_COUNT),
    *_need("has_metadata", kind=_FLAG),
    *_may("duration_ms", "audio_channels", kind=_COUNT),
    *_may("verified_at", kind=_MOMENT),
    *_may("suspect"),
    *_may("removed_at", "lost_at", "purged_at", kind=_MOMENT),
    *_need("state"),
    _key("call_id", "id"),
    _unique("id"),
    _unique("document_id"),
    _of("recordings", call_id="call_id", recording="id"),
)

_table(
    "intervals",
    *_need("call_id", "recording"),
    *_need("started_at", kind=_MOMENT),
    *_may("ended_at", kind=_MOMENT),
    *_need("kind", "source"),
    _key("call_id", "recording", "started_at"),
    _of("recordings", call_id="call_id", recording="id"),
)

_table(
    "pauses",
    *_need("call_id", "recording"),
    *_need("reason", kind=_WORD),
    *_need("opened_at", kind=_MOMENT),
    *_may("closed_at", kind=_MOMENT),
    _key("call_id", "recording", "reason", "opened_at"),
    _of("recordings", call_id="call_id", recording="id"),
)

_table(
    "copies",
    *_need("call_id", "file", "store", "uri"),
    *_need("size_bytes", kind=_COUNT),
    *_need("sha256"),
    *_need("durable_at", kind=_MOMENT),
    *_may("delete_intent_at", "deleted_at", kind=_MOMENT),
    *_may("answer"),
    _key("call_id", "file", "store"),
    _of("files", call_id="call_id", file="id"),
)

_table(
    "receipts",
    *_need("call_id", "file", "document_id", "recording"),
    *_may("sha256"),
    *_may("size_bytes", kind=_COUNT),
    *_need("copies", kind=_JSON),
    *_need("rule"),
    *_need("policy_revision", kind=_COUNT),
    *_need("hold_check", "actor"),
    *_need("due_at", "purged_at", kind=_MOMENT),
    _key("call_id", "file"),
    _unique("document_id"),
    _of("files", call_id="call_id", file="id"),
)


def upgrade() -> None:
    """Create the tables; one that is there already is not one of ours, and an error."""
    _metadata.create_all(op.get_bind(), checkfirst=False)
