"""The tables of what is known of a call; a column is named after the field it holds.

Read by `codec`, `calls` and `listing`. `call_id` follows the instance in every key. Columns under
"derived" are written from `planning.derivation` in the transaction that writes the facts.
"""

from __future__ import annotations

from recordingd.domain.calls import ConsentAnswer, Direction, PartyKind
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.domain.recordings import (
    AttemptOutcome,
    Capture,
    Outcome,
    PauseReason,
    StopReason,
    Verb,
)
from recordingd.ledger import consent_documents
from recordingd.ledger import documents as doc
from recordingd.ledger.columns import COUNT, Document, Flag, Horizon, Moment, Word
from recordingd.ledger.schema import (
    index,
    key,
    may,
    need,
    of_call,
    of_file,
    of_recording,
    table,
    unique,
)

_TEXTS = Document(doc.dump_texts, doc.parse_texts)
_PAST_TAGS = Document(doc.dump_past_tags, doc.parse_past_tags)
_MOMENTS = Document(doc.dump_moments, doc.parse_moments)
_PARTY = Document(doc.dump_party, doc.parse_party)

calls = table(
    "calls",
    need("call_id"),
    need("server_call_id"),
    need("first_seen_at", Moment()),
    may("correlation_id"),
    may("connection_id"),
    may("started_at", Moment()),
    may("ended_at", Moment()),
    may("direction", Word(Direction)),
    may("started_by", _PARTY),
    may("from_party", _PARTY),
    may("to_party", _PARTY),
    may("group_id"),
    may("room_id"),
    may("resource"),
    may("is_two_party", Flag()),
    may("is_rooms_call", Flag()),
    need("context", _TEXTS),
    need("tags", _TEXTS),
    need("roles", _TEXTS),
    need("past_tags", _PAST_TAGS),
    need("moments", _MOMENTS),
    may("participants_seq", COUNT),
    may("roster_complete_at", Moment()),
    need("facts_version", COUNT),
    need("fence", COUNT),
    may("lease_owner"),
    may("lease_until", Moment()),
    # derived
    need("needs_attention", Flag()),
    may("next_at", Moment()),
    key("call_id"),
    unique("server_call_id"),
)
index("ix_calls_correlation_id", calls, "correlation_id", "first_seen_at")
index("ix_calls_connection_id", calls, "connection_id", "first_seen_at")
index("ix_calls_attention", calls, "needs_attention", "call_id")
index("ix_calls_next_at", calls, "next_at", "call_id")
index("ix_calls_live", calls, "started_at", where="ended_at IS NULL")

participants = table(
    "participants",
    need("call_id"),
    need("raw_id"),
    need("joined_at", Moment()),
    may("left_at", Moment()),
    need("kind", Word(PartyKind)),
    may("phone"),
    may("display_name"),
    may("role"),
    may("place"),
    may("pseudonym"),
    key("call_id", "raw_id", "joined_at"),
    of_call(),
)

recordings = table(
    "recordings",
    need("call_id"),
    need("id"),
    need("policy"),
    need("policy_revision", COUNT),
    need("source", Document(doc.dump_source, doc.parse_source)),
    need("expected_at", Moment()),
    need("content", Word(Content)),
    need("channels", Word(Channels)),
    need("format", Word(MediaFormat)),
    need("archive"),
    may("container"),
    need("purpose"),
    may("consent", Document(consent_documents.dump_consent, consent_documents.parse_consent)),
    need("keeping", Document(doc.dump_keepings, doc.parse_keepings)),
    need("keeping_revision", COUNT),
    need("affinity", Document(doc.dump_affinity, doc.parse_affinity)),
    may("rotate_every", Document(doc.dump_length, doc.parse_length)),
    need("asked", _MOMENTS),
    need("start_paused", Flag()),
    may("callback_token_hash"),
    may("start_request_id"),
    may("first_sent_at", Moment()),
    may("recording_id"),
    may("accepted_at", Moment()),
    may("active_seen_at", Moment()),
    may("active_since", Moment()),
    may("inactive_since", Moment()),
    may("observed_at", Moment()),
    may("observe_after", Moment()),
    may("capture_wanted", Word(Capture)),
    may("capture_changed_at", Moment()),
    may("resumed_at", Moment()),
    may("stop_reason", Word(StopReason)),
    may("stopped_at", Moment()),
    may("duration_ms", COUNT),
    may("erase_at", Moment()),
    may("delete_moved_at", Moment()),
    may("outcome", Word(Outcome)),
    may("detail"),
    # derived
    need("state"),
    may("keep_until", Horizon()),
    may("delete_at", Horizon()),
    may("delete_rule"),
    key("call_id", "id"),
    unique("id"),
    unique("recording_id"),
    unique("callback_token_hash"),
    of_call(),
)
index(
    "uq_recordings_open",
    recordings,
    "call_id",
    unique=True,
    where="outcome IS NULL AND stopped_at IS NULL",
)
index("ix_recordings_state", recordings, "state", "call_id")
index("ix_recordings_policy", recordings, "policy", "call_id")
index(
    "ix_recordings_delete_moved_at",
    recordings,
    "delete_moved_at",
    where="delete_moved_at IS NOT NULL",
)

pauses = table(
    "pauses",
    need("call_id"),
    need("recording"),
    need("reason", Word(PauseReason)),
    need("opened_at", Moment()),
    may("closed_at", Moment()),
    key("call_id", "recording", "reason", "opened_at"),
    of_recording(),
)

intervals = table(
    "intervals",
    need("call_id"),
    need("recording"),
    need("started_at", Moment()),
    may("ended_at", Moment()),
    need("kind"),
    need("source"),
    key("call_id", "recording", "started_at"),
    of_recording(),
)

files = table(
    "files",
    need("call_id"),
    need("id"),
    need("document_id"),
    need("recording"),
    need("chunk", COUNT),
    need("content_url"),
    may("metadata_url"),
    may("delete_url"),
    need("is_external", Flag()),
    need("announced_at", Moment()),
    need("deadline", Moment()),
    may("size_bytes", COUNT),
    may("sha256"),
    may("metadata_duration_ms", COUNT),
    may("metadata_channels", COUNT),
    need("has_metadata", Flag()),
    may("duration_ms", COUNT),
    may("audio_channels", COUNT),
    may("verified_at", Moment()),
    may("suspect"),
    may("removed_at", Moment()),
    may("lost_at", Moment()),
    may("purged_at", Moment()),
    # derived
    need("state"),
    key("call_id", "id"),
    unique("id"),
    unique("document_id"),
    of_recording(),
)

copies = table(
    "copies",
    need("call_id"),
    need("file"),
    need("store"),
    need("uri"),
    need("size_bytes", COUNT),
    need("sha256"),
    need("durable_at", Moment()),
    may("delete_intent_at", Moment()),
    may("deleted_at", Moment()),
    may("answer"),
    key("call_id", "file", "store"),
    of_file(),
)

attempts = table(
    "attempts",
    need("call_id"),
    need("id"),
    need("verb", Word(Verb)),
    need("target"),
    need("reason"),
    need("policy_revision", COUNT),
    need("facts_version", COUNT),
    need("fence", COUNT),
    need("intended_at", Moment()),
    may("sent_at", Moment()),
    need("tries", COUNT),
    may("retry_at", Moment()),
    may("outcome", Word(AttemptOutcome)),
    may("detail"),
    may("finished_at", Moment()),
    key("call_id", "id"),
    of_call(),
)
index(
    "uq_attempts_unfinished",
    attempts,
    "call_id",
    "target",
    unique=True,
    where="finished_at IS NULL",
)

consents = table(
    "consents",
    need("call_id"),
    need("id"),
    need("answer", Word(ConsentAnswer)),
    may("participant"),
    need("purpose"),
    need("method"),
    need("reporter"),
    need("answered_at", Moment()),
    need("received_at", Moment()),
    may("valid_until", Moment()),
    key("call_id", "id"),
    of_call(),
)

capture_requests = table(
    "capture_requests",
    need("call_id"),
    need("id"),
    need("is_resume", Flag()),
    need("reporter"),
    need("at", Moment()),
    need("received_at", Moment()),
    key("call_id", "id"),
    of_call(),
)

receipts = table(
    "receipts",
    need("call_id"),
    need("file"),
    need("document_id"),
    need("recording"),
    may("sha256"),
    may("size_bytes", COUNT),
    need("copies", Document(doc.dump_copies, doc.parse_copies)),
    need("rule"),
    need("policy_revision", COUNT),
    need("hold_check"),
    need("actor"),
    need("due_at", Moment()),
    need("purged_at", Moment()),
    key("call_id", "file"),
    unique("document_id"),
    of_file(),
)
