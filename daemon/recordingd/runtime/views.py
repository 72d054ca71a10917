"""Calls and recordings in the JSON form that commands and the HTTP surface show.

Called by `cli` and by the daemon's backend with facts they read. Names and shapes are an interface
that others rely on; text output is made from the same objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import ConsentMode
from recordingd.domain.durations import Forever
from recordingd.domain.recordings import (
    CallFacts,
    Copy,
    PauseReason,
    Recording,
    RecordingFile,
    StopReason,
)
from recordingd.domain.suspensions import Suspension
from recordingd.planning.consent import ConsentState
from recordingd.planning.derivation import (
    Derived,
    FileState,
    RecordingState,
    derive,
    is_blocked_by_storage,
)
from recordingd.planning.guards import held_words
from recordingd.ports.ledger import ForeignFile

Locate = Callable[[Copy], str]
Json = dict[str, object]
_GONE = frozenset({RecordingState.PURGED, RecordingState.LOST, RecordingState.NOT_RECORDED})


def recordings_of(
    facts: CallFacts, *, now: datetime, locate: Locate, held_by: Sequence[str] = ()
) -> Iterator[Json]:
    """Yield the recordings of a call, oldest first.

    `locate` gives the path or URL of a copy; `held_by` are the holds that keep what it recorded.
    """
    derived = derive(facts)
    for recording in facts.recordings:
        yield recording_json(facts, recording, derived, now=now, locate=locate, held_by=held_by)


def recording_json(
    facts: CallFacts,
    recording: Recording,
    derived: Derived,
    *,
    now: datetime,
    locate: Locate,
    held_by: Sequence[str] = (),
) -> Json:
    """Return one recording with its files."""
    dates = derived.recordings[recording.id]
    return {
        "id": recording.id,
        "recordingId": recording.recording_id,
        "serverCallId": facts.call.server_call_id,
        "policy": recording.policy,
        "policyRevision": recording.policy_revision,
        "state": dates.state.value,
        "content": recording.content.value,
        "channels": recording.channels.value,
        "format": recording.format.value,
        "startedAt": moment(recording.active_seen_at or recording.accepted_at),
        "endedAt": moment(recording.stopped_at),
        "consent": _consent(facts, recording).value,
        "pauses": [
            {
                "reason": p.reason.value,
                "openedAt": moment(p.opened_at),
                "closedAt": moment(p.closed_at),
            }
            for p in facts.pauses
            if p.recording == recording.id
        ],
        "files": [
            _file_json(facts, f, derived.files[f.id], now=now, locate=locate, held_by=held_by)
            for f in facts.files_of(recording.id)
        ],
        "keepUntil": moment(dates.keep_until, forever="forever"),
        "deleteAt": moment(dates.delete_at, forever="never"),
        "deleteRule": dates.delete_rule,
        "undecided": dates.is_undecided,
        "heldBy": [] if dates.state in _GONE else list(held_by),
        "detail": recording.detail,
    }


def _consent(facts: CallFacts, recording: Recording) -> ConsentState:
    """Say where consent stands, as far as the recording itself shows it."""
    is_pending = PauseReason.CONSENT in facts.open_pauses(recording.id)
    inline = recording.consent
    is_asked_inline = inline is not None and inline.mode is not ConsentMode.NONE
    if not (is_asked_inline or recording.asked or is_pending):
        return ConsentState.NOT_REQUIRED
    if recording.stop_reason is StopReason.CONSENT_DENIED:
        return ConsentState.DENIED
    if recording.stop_reason is StopReason.CONSENT_WITHDRAWN:
        return ConsentState.WITHDRAWN
    if recording.stop_reason is StopReason.CONSENT_TIMEOUT:
        return ConsentState.NO_RESPONSE
    was_granted = recording.resumed_at is not None or (
        recording.first_sent_at is not None and not recording.start_paused
    )
    if is_pending or not was_granted:
        return ConsentState.PENDING
    said = {c.answer for c in facts.consents if c.purpose == recording.purpose}
    is_told_only = ConsentAnswer.NOTIFIED in said and ConsentAnswer.GRANTED not in said
    return ConsentState.NOTIFIED if is_told_only else ConsentState.GRANTED


def _file_json(
    facts: CallFacts,
    file: RecordingFile,
    state: FileState,
    *,
    now: datetime,
    locate: Locate,
    held_by: Sequence[str],
) -> Json:
    copies = facts.copies_of(file.id)
    is_gone = file.removed_at or file.purged_at or file.lost_at
    return {
        "documentId": file.document_id,
        "chunk": file.chunk,
        "state": state.value,
        "sizeBytes": file.size_bytes,
        "sha256": file.sha256,
        "path": locate(copies[0]) if copies else (file.content_url if file.is_external else None),
        "durationMs": file.duration_ms,
        "audioChannels": file.audio_channels,
        "onService": not file.is_external and is_gone is None and now < file.deadline,
        "deadline": moment(file.deadline),
        "suspect": file.suspect,
        "quarantined": False,
        "blockedBy": _blocked_by(facts, file, state, held_by),
    }


def _blocked_by(
    facts: CallFacts, file: RecordingFile, state: FileState, held_by: Sequence[str]
) -> str | None:
    """Say what keeps a file from being deleted, whether it is due or not."""
    if held_by and state is FileState.KEPT:
        return held_words(held_by)
    return "storage" if is_blocked_by_storage(facts, file.id) else None


def call_json(
    facts: CallFacts, *, now: datetime, locate: Locate, held_by: Sequence[str] = ()
) -> Json:
    """Return one call with its participants and recordings."""
    call = facts.call
    return {
        "id": call.call_id,
        "serverCallId": call.server_call_id,
        "startedAt": moment(call.started_at),
        "endedAt": moment(call.ended_at),
        "from": call.from_party.raw_id if call.from_party is not None else None,
        "to": call.to_party.raw_id if call.to_party is not None else None,
        "tags": dict(call.tags),
        "participants": [
            {
                "id": p.party.raw_id,
                "joinedAt": moment(p.joined_at),
                "leftAt": moment(p.left_at),
            }
            for p in facts.participants
        ],
        "recordings": list(recordings_of(facts, now=now, locate=locate, held_by=held_by)),
    }


def foreign_json(file: ForeignFile) -> Json:
    """Return one file that was announced for a recording that is not ours."""
    return {
        "documentId": file.document_id,
        "recordingId": file.recording_id,
        "firstSeenAt": moment(file.first_seen_at),
    }


def suspension_json(suspension: Suspension) -> Json:
    """Return one suspension as `status` shows it."""
    return {
        "scope": suspension.scope,
        "until": moment(suspension.until),
        "reason": suspension.reason,
        "by": suspension.suspended_by,
        "at": moment(suspension.suspended_at),
    }


def moment(value: datetime | Forever | None, *, forever: str = "forever") -> str | None:
    """Write a moment in RFC 3339, UTC; None stays None."""
    if value is None:
        return None
    if isinstance(value, Forever):
        return forever
    return value.isoformat().replace("+00:00", "Z")
