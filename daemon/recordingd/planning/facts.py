"""Fold events into what is known of a call.

Facts are sets: events may come late, twice or out of order, and the same ones in any order give
the same facts wherever the service lets them. Called by `runtime.reconciler` inside the transaction
that marks an event as applied. Decides nothing: what follows from a fact is the planner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recordingd.domain.calls import (
    Call,
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallEvent,
    CallReference,
    CallStarted,
    CallTagged,
    CaptureRequested,
    ConsentAnswered,
    FilesAnnounced,
    IncomingCall,
    MomentTold,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    RecordingStateChanged,
    ServerCallId,
    StartRecordingFailed,
    call_id_of,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    CaptureRequest,
    Consent,
    DocumentId,
    FileId,
    Outcome,
    Recording,
    RecordingFile,
    ServiceRecordingId,
)
from recordingd.planning import presence
from recordingd.planning.containers import blob_name
from recordingd.planning.derivation import deadline_of
from recordingd.planning.labels import moment_told, rung, tagged
from recordingd.planning.rows import with_recording

# How far the service's clock and ours may differ before times of both are compared wrongly.
CLOCK_DIFFERENCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What folding an event needs besides the event.

    `received_at` is when the event was committed; `new_id` gives fresh ids; `service_retention` is
    how long the service keeps files; `tag_headers` says which header of an incoming call becomes
    which tag (tag -> header).
    """

    received_at: datetime
    new_id: Callable[[], str]
    service_retention: timedelta
    tag_headers: Mapping[str, str]


def new_call(server_call_id: ServerCallId, *, seen_at: datetime) -> CallFacts:
    """Make the facts of a call of which nothing else is known yet."""
    call = Call(
        call_id=call_id_of(server_call_id), server_call_id=server_call_id, first_seen_at=seen_at
    )
    return CallFacts(call=call)


def fold(facts: CallFacts, event: CallEvent, reading: Reading) -> CallFacts:
    """Return the facts with one event added; the same facts when it says nothing new."""
    # Nothing happens after it was received: the clock of a reporter that says so runs ahead, and
    # its time would outrank what is read or answered until ours has caught up.
    event = replace(event, at=min(event.at, reading.received_at))
    facts = replace(facts, call=_with_ids(facts.call, event.about))
    match event:
        case CallStarted():
            return replace(facts, call=_started(facts.call, event))
        case CallEnded():
            return replace(facts, call=_ended(facts.call, event.at))
        case IncomingCall():
            return replace(facts, call=rung(facts.call, event, reading.tag_headers))
        case ParticipantAdded():
            facts = _established(facts, event.at)
            rows = presence.joined(facts.participants, event.party, event.at)
            return replace(facts, participants=rows)
        case ParticipantRemoved():
            rows = presence.left(facts.participants, event.party, event.at)
            return replace(facts, participants=rows)
        case ParticipantsUpdated():
            return _roster(_established(facts, event.at), event)
        case CallConnected():
            return _established(facts, event.at)
        case CallDisconnected():
            return replace(facts, call=_disconnected(facts.call, event.about))
        case CallTagged():
            return replace(facts, call=tagged(facts.call, event))
        case MomentTold():
            return replace(facts, call=moment_told(facts.call, event))
        case ConsentAnswered():
            return _answered(facts, event, reading)
        case CaptureRequested():
            return _capture_requested(facts, event, reading)
        case RecordingStateChanged():
            return _state_reported(_established(facts, event.at), event)
        case StartRecordingFailed():
            return _start_failed(facts, event, reading.received_at)
        case FilesAnnounced():
            return _announced(facts, event, reading)
        case _:
            return facts


def recording_of(facts: CallFacts, about: CallReference) -> Recording | None:
    """Find the recording an event is about: by our callback token, then by the service's id.

    Failing both, a start of ours whose id never came back: what the service says of a recording in
    this call can then only be about that one, or about a foreign one beside it, which the service
    does not allow (Call Automation error codes, 8553 "Duplicate Recording"). An event that names no
    recording, as those of a customer's own storage may (bring-your-own-storage.md, Notifications),
    is about the latest one that was sent.
    """
    token = about.callback_token_hash
    for recording in facts.recordings:
        known = recording.recording_id
        if token is not None and token == recording.callback_token_hash:
            return recording
        if known is not None and about.recording_id is not None and same_id(known, about):
            return recording
    sent = [
        r
        for r in facts.recordings
        if r.first_sent_at is not None and r.outcome in {None, Outcome.LOST}
    ]
    if about.recording_id is not None:
        sent = [r for r in sent if r.recording_id is None]
    return sent[-1] if sent else None


def announced_recording(facts: CallFacts, event: FilesAnnounced) -> Recording | None:
    """Find the recording that announced files belong to; None when they are not ours.

    A start whose id is unknown claims only what was captured after it was sent, give or take the
    difference of two clocks.
    """
    recording = recording_of(facts, event.about)
    if recording is None or recording.recording_id is not None:
        return recording
    ended_at, sent_at = _end_of(event), recording.first_sent_at
    if ended_at is not None and sent_at is not None and ended_at < sent_at - CLOCK_DIFFERENCE:
        return None
    return recording


def same_id(known: ServiceRecordingId, about: CallReference) -> bool:
    """Compare recording ids with and without base64 padding: the service sends both."""
    return known.rstrip("=") == (about.recording_id or "").rstrip("=")


def observed(recording: Recording, *, is_active: bool, at: datetime) -> Recording:
    """Return a recording with one more reading of the service's state; older ones change nothing.

    What was active once was established, whatever order its events come in.
    """
    if is_active:
        recording = replace(recording, active_seen_at=_earliest(recording.active_seen_at, at))
    if recording.observed_at is not None and at < recording.observed_at:
        return recording
    return replace(
        recording,
        observed_at=at,
        observe_after=None,
        active_since=(recording.active_since or at) if is_active else None,
        inactive_since=None if is_active else (recording.inactive_since or at),
    )


def _with_ids(call: Call, about: CallReference) -> Call:
    return replace(
        call,
        correlation_id=call.correlation_id or about.correlation_id,
        connection_id=call.connection_id or about.connection_id,
    )


def _started(call: Call, event: CallStarted) -> Call:
    return replace(
        call,
        started_at=_earliest(call.started_at, event.at),
        started_by=call.started_by or event.started_by,
        group_id=call.group_id or event.group_id,
        room_id=call.room_id or event.room_id,
        resource=call.resource or event.resource,
        is_two_party=call.is_two_party if event.is_two_party is None else event.is_two_party,
        is_rooms_call=call.is_rooms_call if event.is_rooms_call is None else event.is_rooms_call,
    )


def _established(facts: CallFacts, at: datetime) -> CallFacts:
    """What happens in a call shows that it was established, even where CallStarted never came."""
    return replace(facts, call=replace(facts.call, started_at=_earliest(facts.call.started_at, at)))


def _disconnected(call: Call, about: CallReference) -> Call:
    """The list of participants is kept up to date, and starts are sent, through one connection."""
    is_ours = call.connection_id == about.connection_id
    return replace(
        call,
        roster_complete_at=None,
        connection_id=None if is_ours else call.connection_id,
    )


def _ended(call: Call, at: datetime) -> Call:
    return replace(call, ended_at=_earliest(call.ended_at, at))


def _earliest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)


def _roster(facts: CallFacts, event: ParticipantsUpdated) -> CallFacts:
    known = facts.call.participants_seq
    if known is not None and event.sequence <= known:
        return facts
    call = replace(
        facts.call,
        participants_seq=event.sequence,
        roster_complete_at=facts.call.roster_complete_at or event.at,
    )
    rows = presence.listed(facts.participants, event.parties, event.at)
    return replace(facts, call=call, participants=rows)


def _answered(facts: CallFacts, event: ConsentAnswered, reading: Reading) -> CallFacts:
    consent = Consent(
        id=reading.new_id(),
        answer=event.answer,
        participant=event.participant,
        purpose=event.purpose,
        method=event.method,
        reporter=event.reporter,
        answered_at=event.at,
        received_at=reading.received_at,
        valid_until=event.valid_until,
    )
    return replace(facts, consents=(*facts.consents, consent))


def _capture_requested(facts: CallFacts, event: CaptureRequested, reading: Reading) -> CallFacts:
    """Add a request; the same one told again is no new one, which would ask for longer silence."""
    said = (event.is_resume, event.reporter, event.at)
    if any((r.is_resume, r.reporter, r.at) == said for r in facts.requests):
        return facts
    request = CaptureRequest(
        id=reading.new_id(),
        is_resume=event.is_resume,
        reporter=event.reporter,
        at=event.at,
        received_at=reading.received_at,
    )
    return replace(facts, requests=(*facts.requests, request))


def _resolved(recording: Recording, about: CallReference, at: datetime) -> Recording:
    """Give a recording whose start had no answer the id that the service now tells."""
    if recording.recording_id is not None or about.recording_id is None:
        return recording
    return replace(
        recording,
        recording_id=ServiceRecordingId(about.recording_id),
        accepted_at=recording.accepted_at or at,
        outcome=None if recording.outcome is Outcome.LOST else recording.outcome,
    )


def _state_reported(facts: CallFacts, event: RecordingStateChanged) -> CallFacts:
    recording = recording_of(facts, event.about)
    if recording is None:
        return facts
    recording = _resolved(recording, event.about, event.at)
    if event.is_active and facts.open_recording is None and recording.stopped_at is None:
        # It was given up, and captures all the same: back under control with it.
        recording = replace(recording, outcome=None, detail=None)
    return with_recording(facts, observed(recording, is_active=event.is_active, at=event.at))


def _start_failed(facts: CallFacts, event: StartRecordingFailed, at: datetime) -> CallFacts:
    recording = recording_of(facts, event.about)
    if recording is None or not recording.is_open or recording.active_seen_at is not None:
        return facts
    detail = f"the service gave up the start: {event.code} {event.message}".strip()
    attempts = tuple(
        replace(a, outcome=AttemptOutcome.PERMANENT, detail=detail, finished_at=at, retry_at=None)
        if a.target == recording.id and a.finished_at is None
        else a
        for a in facts.attempts
    )
    refused = replace(recording, outcome=Outcome.REFUSED, detail=detail)
    return with_recording(replace(facts, attempts=attempts), refused)


def _announced(facts: CallFacts, event: FilesAnnounced, reading: Reading) -> CallFacts:
    recording = announced_recording(facts, event)
    if recording is None:
        return facts
    known = {f.document_id for f in facts.files} | {r.document_id for r in facts.receipts}
    ended_at = _end_of(event)
    added = tuple(
        RecordingFile(
            id=FileId(reading.new_id()),
            document_id=DocumentId(f.document_id),
            recording=recording.id,
            chunk=f.chunk,
            content_url=f.content_url,
            metadata_url=f.metadata_url,
            delete_url=f.delete_url,
            is_external=_is_exported(recording, f.content_url, event),
            announced_at=event.at,
            deadline=deadline_of(event.at, ended_at, reading.service_retention),
        )
        for f in {f.document_id: f for f in event.files}.values()
        if f.document_id not in known
    )
    facts = with_recording(facts, _resolved(_reopened(recording, event), event.about, event.at))
    facts = replace(facts, files=(*facts.files, *added))
    if event.session_end_reason == "CallEnded" and ended_at is not None:
        facts = replace(facts, call=_ended_if_unknown(facts.call, ended_at))
    return facts


def _is_exported(recording: Recording, content_url: str, event: FilesAnnounced) -> bool:
    """Whether a file lies in the customer's container.

    Of a recording that was to be exported the URL tells: the announcement of a failed export holds
    a URL on the service (bring-your-own-storage.md, Notifications), and in which of its fields it
    says so is not documented.
    """
    if recording.container is None:
        return event.is_external
    return blob_name(recording.container, content_url) is not None


def _reopened(recording: Recording, event: FilesAnnounced) -> Recording:
    """A recording that was given up has a file after all; one that captured has a length."""
    if recording.outcome is not None:
        recording = replace(
            recording, outcome=None, stopped_at=recording.stopped_at or _end_of(event) or event.at
        )
    captured = recording.active_seen_at or event.started_at or event.at
    return replace(
        recording,
        active_seen_at=captured,
        duration_ms=recording.duration_ms or event.duration_ms,
        capture_wanted=recording.capture_wanted or Capture.ACTIVE,
    )


def _end_of(event: FilesAnnounced) -> datetime | None:
    """Return when what was recorded ended: before it was announced, however long it claims to be.

    A length that nobody can believe must cost neither the file nor the end of its keeping.
    """
    if event.started_at is None or event.duration_ms is None:
        return None
    try:
        return min(event.started_at + timedelta(milliseconds=event.duration_ms), event.at)
    except OverflowError:
        return event.at


def _ended_if_unknown(call: Call, at: datetime) -> Call:
    """The end of a recording by the end of its call stands in for an event that never came."""
    return call if call.ended_at is not None else replace(call, ended_at=at)
