"""Calls and recordings in the JSON form that commands and the HTTP surface show.

Called by `cli` and by the daemon's backend with facts they read. Names and shapes are an interface
that others rely on; text output is made from the same objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

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
from recordingd.planning.consent import ConsentState
from recordingd.planning.derivation import Derived, FileState, derive, is_blocked_by_storage
from recordingd.ports.ledger import ForeignFile

Locate = Callable[[Copy], str]
Json = dict[str, object]


def recordings_of(facts: CallFacts, *, now: datetime, locate: Locate) -> Iterator[Json]:
    """Yield the recordings of a call, oldest first; `locate` gives the path or URL of a copy."""
    derived = derive(facts)
    for recording in facts.recordings:
        yield recording_json(facts, recording, derived, now=now, locate=locate)


def recording_json(
    facts: CallFacts, recording: Recording, derived: Derived, *, now: datetime, locate: Locate
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
            _file_json(facts, f, derived.files[f.id], now=now, locate=locate)
            for f in facts.files_of(recording.id)
        ],
        "keepUntil": moment(dates.keep_until, forever="forever"),
        "deleteAt": moment(dates.delete_at, forever="never"),
        "deleteRule": dates.delete_rule,
        "undecided": False,
        "heldBy": [],
        "detail": recording.detail,
    }


def _consent(facts: CallFacts, recording: Recording) -> ConsentState:
    """Say where consent stands, as far as the recording itself shows it."""
    if recording.consent is None or recording.consent.mode is ConsentMode.NONE:
        return ConsentState.NOT_REQUIRED
    if recording.stop_reason is StopReason.CONSENT_DENIED:
        return ConsentState.DENIED
    if recording.stop_reason is StopReason.CONSENT_TIMEOUT:
        return ConsentState.NO_RESPONSE
    is_pending = PauseReason.CONSENT in facts.open_pauses(recording.id)
    was_granted = recording.resumed_at is not None or (
        recording.first_sent_at is not None and not recording.start_paused
    )
    return ConsentState.GRANTED if was_granted and not is_pending else ConsentState.PENDING


def _file_json(
    facts: CallFacts, file: RecordingFile, state: FileState, *, now: datetime, locate: Locate
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
        "blockedBy": "storage" if is_blocked_by_storage(facts, file.id) else None,
    }


def call_json(facts: CallFacts, *, now: datetime, locate: Locate) -> Json:
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
        "recordings": list(recordings_of(facts, now=now, locate=locate)),
    }


def foreign_json(file: ForeignFile) -> Json:
    """Return one file that was announced for a recording that is not ours."""
    return {
        "documentId": file.document_id,
        "recordingId": file.recording_id,
        "firstSeenAt": moment(file.first_seen_at),
    }


def moment(value: datetime | Forever | None, *, forever: str = "forever") -> str | None:
    """Write a moment in RFC 3339, UTC; None stays None."""
    if value is None:
        return None
    if isinstance(value, Forever):
        return forever
    return value.isoformat().replace("+00:00", "Z")
