"""Event Grid events of calls and recordings, as data and in their envelopes.

Pure functions that ``announcer`` calls. The two shapes of call data exist because the sources
disagree: communication-services-voice-video-events.md (``docs``) and the swagger of
Microsoft.Communication 2018-01-01 (``swagger``). Delivery is ``courier``'s business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recordingd.emulator.identifiers import identifier, ticks_time
from recordingd.emulator.options import EventSchema, EventShape
from recordingd.emulator.state import Call, Participant, Recording

# As in the swagger of 2021, in recorded events, in bring-your-own-storage.md, in the quickstart.
SUBJECT_FORMS = ("spec2021", "live", "byos", "callConnectionId")
_PREFIX = "Microsoft.Communication."
_USER_AGENT = "emulator-client/1.0 (os=linux; deviceType=Desktop)"
_NORMAL_END = {
    "code": 0,
    "subCode": 0,
    "phrase": "The conversation has ended. DiagCode: 0#0.@",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event before its envelope; `type` lacks the common prefix, `at` is epoch seconds.

    `key` groups events that are sent one after the other: the server call id.
    """

    id: str
    type: str
    subject: str
    data: Mapping[str, object]
    at: float
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLocation:
    """One entry of recordingChunks; `delete_url` is None for a customer's container."""

    document_id: str
    index: int
    end_reason: str
    content_url: str
    metadata_url: str
    delete_url: str | None

    def model(self) -> dict[str, object]:
        """Return it as events and the result operation carry it."""
        chunk: dict[str, object] = {
            "documentId": self.document_id,
            "index": self.index,
            "endReason": self.end_reason,
            "contentLocation": self.content_url,
            "metadataLocation": self.metadata_url,
        }
        return chunk | ({"deleteLocation": self.delete_url} if self.delete_url else {})


def topic(resource_name: str, subscription_id: str) -> str:
    """Return the resource path that events carry as ``topic`` or ``source``."""
    return (
        f"/subscriptions/{subscription_id}/resourcegroups/emulator/providers"
        f"/microsoft.communication/communicationservices/{resource_name}"
    )


def envelope(event: Event, schema: EventSchema, topic_path: str) -> dict[str, object]:
    """Return `event` in the envelope of `schema`."""
    if schema is EventSchema.CLOUD_EVENTS:
        return {
            "id": event.id,
            "source": topic_path,
            "type": _PREFIX + event.type,
            "subject": event.subject,
            "time": ticks_time(event.at),
            "specversion": "1.0",
            "data": event.data,
        }
    return {
        "id": event.id,
        "topic": topic_path,
        "subject": event.subject,
        "data": event.data,
        "eventType": _PREFIX + event.type,
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": ticks_time(event.at),
    }


def incoming_call_data(call: Call, context_token: str) -> dict[str, object]:
    """Return the data of IncomingCall; a call without a caller names its starter.

    Entries of the call's context whose key is ``userToUser`` or starts with ``X-MS-Custom`` are
    SIP headers, all others VoIP headers.
    """
    caller = call.caller or call.started_by
    sip = {key: value for key, value in call.context.items() if _is_sip(key)}
    voip = {key: value for key, value in call.context.items() if not _is_sip(key)}
    party = call.participants.get(caller)
    return {
        "to": identifier(call.callee or ""),
        "from": identifier(caller),
        "serverCallId": call.server_call_id,
        "callerDisplayName": party.display_name if party is not None else "",
        "customContext": {"sipHeaders": sip, "voipHeaders": voip},
        "incomingCallContext": context_token,
        "correlationId": call.correlation_id,
    }


def _is_sip(key: str) -> bool:
    return key.lower() == "usertouser" or key.lower().startswith("x-ms-custom")


def call_data(call: Call, shape: EventShape) -> dict[str, object]:
    """Return the data of CallStarted, which every other call event extends."""
    data: dict[str, object] = {
        "startedBy": _party(call.started_by, _role_of(call, call.started_by), shape),
        "serverCallId": call.server_call_id,
        "isTwoParty": call.group is None and call.room is None,
        "correlationId": call.correlation_id,
        "isRoomsCall": call.room is not None,
    }
    if call.group is not None:
        data["group"] = {"id": call.group}
    if call.room is not None:
        data["room"] = {"id": call.room}
    return data


def call_ended_data(call: Call, shape: EventShape, seconds: float) -> dict[str, object]:
    """Return the data of CallEnded after `seconds` of call."""
    data = call_data(call, shape)
    if shape is EventShape.DOCS:
        return {"durationOfCall": seconds} | data
    ended_by = {
        "communicationIdentifier": identifier(call.started_by),
        "type": "Participant",
        "name": "",
    }
    return data | {
        "endedBy": ended_by,
        "reason": dict(_NORMAL_END),
        "callDurationInSeconds": round(seconds, 3),
    }


def participant_data(call: Call, party: Participant, shape: EventShape) -> dict[str, object]:
    """Return the data of CallParticipantAdded and CallParticipantRemoved."""
    agent_key = "endpointType" if shape is EventShape.DOCS else "userAgent"
    return {
        "user": _party(party.raw_id, party.role, shape),
        "displayName": party.display_name,
        "participantId": party.participant_id,
        agent_key: _USER_AGENT,
    } | call_data(call, shape)


def file_data(
    recording: Recording, chunks: Sequence[ChunkLocation], *, duration_ms: int, is_external: bool
) -> dict[str, object]:
    """Return the data of RecordingFileStatusUpdated with the two undocumented live fields."""
    started_at = recording.activated_at or recording.accepted_at
    request = recording.request
    return {
        "recordingStorageInfo": {"recordingChunks": [chunk.model() for chunk in chunks]},
        "recordingStartTime": ticks_time(started_at),
        "recordingDurationMs": duration_ms,
        # Event Grid spells these in Pascal case, the REST interface in camel case.
        "recordingContentType": _pascal(request.content),
        "recordingChannelType": _pascal(request.channel),
        "recordingFormatType": _pascal(request.format),
        "recordingId": recording.shown_id,
        "storageType": "AzureBlob" if is_external else "ACS",
        "sessionEndReason": recording.end_reason,
    }


def file_subject(recording: Recording, form: str) -> str:
    """Return the subject of a file event in one of `SUBJECT_FORMS`; others read as ``live``."""
    call = recording.call
    subject = f"/recording/call/{call.correlation_id}"
    match form:
        case "spec2021":
            return f"{subject}/recordingId/{recording.shown_id}"
        case "byos":
            return f"{subject}/serverCallId/{call.server_call_id}"
        case "callConnectionId":
            return f"{subject}/callConnectionId/{recording.endpoint_id}"
        case _:
            return f"{subject}/serverCallId/{call.server_call_id}/recordingId/{recording.shown_id}"


def _party(raw_id: str, role: str, shape: EventShape) -> dict[str, object]:
    if shape is EventShape.SWAGGER:
        return {"communicationIdentifier": identifier(raw_id), "role": role}
    return identifier(raw_id, with_kind=False) | {"role": role}


def _role_of(call: Call, raw_id: str) -> str:
    party = call.participants.get(raw_id)
    return party.role if party is not None else ""


def _pascal(word: str) -> str:
    return word[:1].upper() + word[1:]
