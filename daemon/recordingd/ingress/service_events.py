"""Read the events of the service itself: calling events, file announcements, callbacks.

Called by `envelopes` with an opened envelope. Shapes: the Event Grid swagger 2018-01-01 and
communication-services-voice-video-events.md, which disagree, and Call Automation 2026-03-12. What
is optional there is optional here; only what makes an event useless when absent is insisted on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from recordingd.domain.calls import (
    AnnouncedFile,
    AnyCallEvent,
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallReference,
    CallStarted,
    EventIgnored,
    FilesAnnounced,
    IncomingCall,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    Party,
    RecordingStateChanged,
    StartRecordingFailed,
)
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress.fields import (
    Json,
    boolean_of,
    clean,
    code_of,
    integer_of,
    list_of,
    object_of,
    text_of,
    time_of,
)
from recordingd.ingress.notices import Notice
from recordingd.ingress.parties import find_party
from recordingd.ingress.subjects import parse_file_subject

# What the service writes for "no group".
_NIL_GUID = "00000000-0000-0000-0000-000000000000"
_STATES = {"active": True, "inactive": False}
_OWN_STORAGE = "acs"


def _started(notice: Notice) -> tuple[AnyCallEvent, ...]:
    data = notice.data
    event = CallStarted(
        about=_call(notice, needs_server_call_id=True),
        at=notice.at,
        started_by=find_party(object_of(data, "startedBy")),
        group_id=_id_in(data, "group"),
        room_id=_id_in(data, "room"),
        resource=notice.resource,
        is_two_party=boolean_of(data, "isTwoParty"),
        is_rooms_call=boolean_of(data, "isRoomsCall"),
    )
    return (event,)


def _ended(notice: Notice) -> tuple[AnyCallEvent, ...]:
    return (CallEnded(about=_call(notice), at=notice.at),)


def _added(notice: Notice) -> tuple[AnyCallEvent, ...]:
    return (ParticipantAdded(about=_call(notice), at=notice.at, party=_user(notice)),)


def _removed(notice: Notice) -> tuple[AnyCallEvent, ...]:
    return (ParticipantRemoved(about=_call(notice), at=notice.at, party=_user(notice)),)


def _incoming(notice: Notice) -> tuple[AnyCallEvent, ...]:
    data = notice.data
    event = IncomingCall(
        about=_call(notice, needs_server_call_id=True),
        at=notice.at,
        from_party=find_party(
            object_of(data, "from"), display_name=text_of(data, "callerDisplayName")
        ),
        to_party=find_party(object_of(data, "to")),
        resource=notice.resource,
        context=_headers(object_of(data, "customContext")),
    )
    return (event,)


def _connected(notice: Notice) -> tuple[AnyCallEvent, ...]:
    return (CallConnected(about=_call(notice), at=notice.at),)


def _disconnected(notice: Notice) -> tuple[AnyCallEvent, ...]:
    return (CallDisconnected(about=_call(notice), at=notice.at),)


def _participants(notice: Notice) -> tuple[AnyCallEvent, ...]:
    sequence = integer_of(notice.data, "sequenceNumber")
    if sequence is None:
        _refuse("data.sequenceNumber")
    if not isinstance(notice.data.get("participants"), list):
        _refuse("data.participants")
    parties = tuple(
        _listed_party(entry, index)
        for index, entry in enumerate(list_of(notice.data, "participants"))
    )
    event = ParticipantsUpdated(
        about=_call(notice), at=notice.at, parties=parties, sequence=sequence
    )
    return (event,)


def _state_changed(notice: Notice) -> tuple[AnyCallEvent, ...]:
    state = text_of(notice.data, "state") or text_of(notice.data, "recordingState") or ""
    is_active = _STATES.get(state.casefold())
    if is_active is None:
        reason = "data.state is neither active nor inactive"
        raise UnreadableEvent(reason, field="data.state")
    event = RecordingStateChanged(about=_recording(notice), at=notice.at, is_active=is_active)
    return (event,)


def _start_failed(notice: Notice) -> tuple[AnyCallEvent, ...]:
    result = object_of(notice.data, "resultInformation")
    event = StartRecordingFailed(
        about=_recording(notice),
        at=notice.at,
        code=code_of(result, "subCode") or code_of(result, "code") or "",
        message=text_of(result, "message") or "",
    )
    return (event,)


def _files(notice: Notice) -> tuple[AnyCallEvent, ...]:
    """Read an announcement; a chunk that cannot be fetched is told apart, not the whole refused.

    The readable chunks live for 24 h only, so they must not wait for somebody to look at the other.
    """
    data = notice.data
    about = _announced(notice)
    chunks = list_of(object_of(data, "recordingStorageInfo"), "recordingChunks")
    files = tuple(_file(chunk, index) for index, chunk in enumerate(chunks))
    storage = text_of(data, "storageType")
    readable = tuple(file for file in files if file is not None)
    if files and not readable:
        _refuse("data.recordingStorageInfo.recordingChunks[0].contentLocation")
    announced = FilesAnnounced(
        about=about,
        at=notice.at,
        files=readable,
        is_external=storage is not None and storage.casefold() != _OWN_STORAGE,
        started_at=time_of(data, "recordingStartTime"),
        duration_ms=integer_of(data, "recordingDurationMs"),
        session_end_reason=text_of(data, "sessionEndReason"),
    )
    unreadable = (index for index, file in enumerate(files) if file is None)
    return (
        announced,
        *(
            EventIgnored(
                about=about, at=notice.at, type_name=f"{notice.type_name}/recordingChunks[{index}]"
            )
            for index in unreadable
        ),
    )


SERVICE_EVENTS: Mapping[str, Callable[[Notice], tuple[AnyCallEvent, ...]]] = {
    "Microsoft.Communication.CallStarted": _started,
    "Microsoft.Communication.CallEnded": _ended,
    "Microsoft.Communication.CallParticipantAdded": _added,
    "Microsoft.Communication.CallParticipantRemoved": _removed,
    "Microsoft.Communication.IncomingCall": _incoming,
    "Microsoft.Communication.RecordingFileStatusUpdated": _files,
    "Microsoft.Communication.CallConnected": _connected,
    "Microsoft.Communication.CallDisconnected": _disconnected,
    "Microsoft.Communication.ParticipantsUpdated": _participants,
    "Microsoft.Communication.RecordingStateChanged": _state_changed,
    "Microsoft.Communication.StartRecordingFailed": _start_failed,
}


def _call(notice: Notice, *, needs_server_call_id: bool = False) -> CallReference:
    data = notice.data
    server_call_id = text_of(data, "serverCallId")
    about = notice.about(
        server_call_id=server_call_id,
        correlation_id=text_of(data, "correlationId"),
        connection_id=text_of(data, "callConnectionId"),
    )
    if about == CallReference() or (needs_server_call_id and server_call_id is None):
        _refuse("data.serverCallId")
    return about


def _recording(notice: Notice) -> CallReference:
    """Refer to the recording alone.

    The event also carries a callConnectionId and a correlationId, but those of a recording started
    by server call id are fresh ones that belong to no call (seen in live traffic).
    """
    server_call_id = text_of(notice.data, "serverCallId")
    about = notice.about(
        server_call_id=server_call_id,
        recording_id=text_of(notice.data, "recordingId"),
    )
    if about == CallReference():
        _refuse("data.recordingId")
    return about


def _announced(notice: Notice) -> CallReference:
    subject = parse_file_subject(notice.subject)
    server_call_id = subject.server_call_id or text_of(notice.data, "serverCallId")
    about = notice.about(
        server_call_id=server_call_id,
        correlation_id=subject.correlation_id,
        connection_id=subject.connection_id,
        recording_id=text_of(notice.data, "recordingId") or subject.recording_id,
    )
    if about == CallReference():
        _refuse("data.recordingId")
    return about


def _file(chunk: object, position: int) -> AnnouncedFile | None:
    if not isinstance(chunk, Mapping):
        return None
    document_id, content_url = text_of(chunk, "documentId"), text_of(chunk, "contentLocation")
    if document_id is None or content_url is None:
        return None
    index = integer_of(chunk, "index")
    return AnnouncedFile(
        document_id=document_id,
        chunk=position if index is None else index,
        content_url=content_url,
        metadata_url=text_of(chunk, "metadataLocation"),
        delete_url=text_of(chunk, "deleteLocation"),
        end_reason=text_of(chunk, "endReason"),
    )


def _user(notice: Notice) -> Party:
    party = find_party(
        object_of(notice.data, "user"), display_name=text_of(notice.data, "displayName")
    )
    if party is None:
        _refuse("data.user.rawId")
    return party


def _listed_party(entry: object, index: int) -> Party:
    # A list that leaves somebody out would pass for complete, and consent would be wrong.
    party = find_party(entry) if isinstance(entry, Mapping) else None
    if party is None:
        _refuse(f"data.participants[{index}].identifier.rawId")
    return party


def _id_in(data: Json, name: str) -> str | None:
    found = text_of(object_of(data, name), "id")
    return None if found == _NIL_GUID else found


def _headers(custom: Json) -> dict[str, str]:
    """Merge the caller's headers; a VoIP header wins over a SIP header of the same name."""
    both = {**object_of(custom, "sipHeaders"), **object_of(custom, "voipHeaders")}
    return {clean(name): clean(value) for name, value in both.items() if isinstance(value, str)}


def _refuse(field: str) -> NoReturn:
    reason = f"{field} is missing or unusable"
    raise UnreadableEvent(reason, field=field)
