"""What the control surface shows of calls and recordings, as JSON values.

Pure functions over the state; the field names are what tests rely on. Offsets in ``capturedMs``
and ``pausedMs`` are milliseconds since ``startedAt``; an interval that is still open ends now.
"""

from collections.abc import Mapping, Sequence

from recordingd.emulator.identifiers import plain_time
from recordingd.emulator.state import (
    Call,
    Participant,
    Recording,
    RecordingState,
    Span,
    StoredFile,
)


def call_view(call: Call) -> dict[str, object]:
    """Return one entry of ``GET /calls``; participants are those present."""
    return {
        "serverCallId": call.server_call_id,
        "correlationId": call.correlation_id,
        "callConnectionId": call.call_connection_id,
        "state": call.state.value,
        "startedAt": plain_time(call.created_at),
        "endedAt": plain_time(call.ended_at) if call.ended_at is not None else None,
        "participants": [party_view(party) for party in call.present()],
    }


def party_view(party: Participant) -> dict[str, object]:
    """Return a participant as it was given, with the tone it has."""
    return {
        "id": party.raw_id,
        "displayName": party.display_name,
        "role": party.role,
        "hz": party.hz,
    }


def recording_view(
    recording: Recording, channels: Mapping[int, str], now: float
) -> dict[str, object]:
    """Return one entry of ``GET /recordings``."""
    until = recording.ended_at if recording.ended_at is not None else now
    captured = recording.captured.spans(until)
    paused = recording.paused.spans(until)
    request = recording.request
    return {
        "recordingId": recording.recording_id,
        "serverCallId": recording.call.server_call_id,
        "state": _state(recording),
        "startedAt": plain_time(recording.accepted_at),
        "activatedAt": _time(recording.activated_at),
        "endedAt": _time(recording.ended_at),
        "endReason": recording.end_reason or None,
        "content": request.content,
        "channel": request.channel,
        "format": request.format,
        "foreign": recording.is_foreign,
        "pauseOnStart": request.is_paused_on_start,
        "callbackUri": request.callback_uri,
        "externalStorage": request.container_url,
        "capturedMs": _offsets(captured, recording.accepted_at),
        "pausedMs": _offsets(paused, recording.accepted_at),
        "capturedAt": [[plain_time(start), plain_time(end)] for start, end in captured],
        "pausedAt": [[plain_time(start), plain_time(end)] for start, end in paused],
        "channels": {str(number): raw_id for number, raw_id in channels.items()},
        "files": [file_view(file, now) for file in recording.files],
    }


def file_view(file: StoredFile, now: float) -> dict[str, object]:
    """Return a stored file; ``exists`` is false once deleted, expired or exported."""
    return {
        "documentId": file.document_id,
        "chunk": file.chunk,
        "exists": file.exists(now),
        "expiresAt": plain_time(file.expires_at),
        "sizeBytes": file.size_bytes,
        "sha256": file.sha256,
        "downloads": file.downloads,
        "deletedAt": _time(file.deleted_at),
        "endReason": file.end_reason,
        "exportedTo": file.container_prefix,
    }


def _state(recording: Recording) -> str:
    state = recording.state
    # "startingPaused" is a detail of the state table; to an onlooker it is paused.
    if state is RecordingState.STARTING_PAUSED:
        state = RecordingState.PAUSED
    return str(state.value)


def _time(moment: float | None) -> str | None:
    return plain_time(moment) if moment is not None else None


def _offsets(spans: Sequence[Span], origin: float) -> list[list[int]]:
    return [[round((start - origin) * 1000), round((end - origin) * 1000)] for start, end in spans]
