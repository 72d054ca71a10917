"""Call Automation callbacks: the CloudEvents posted to a call's or a recording's callback URI.

Pure functions that ``announcer`` calls; each returns the one-element array that is the body.
Sources: events recorded by the SDKs' live tests; RecordingStateChanged and StartRecordingFailed
of the 2026-03-12 swagger.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from recordingd.emulator.identifiers import identifier, offset_time
from recordingd.emulator.state import Call, Recording, wire_state

_PREFIX = "Microsoft.Communication."
_SUCCESS = {"code": 200, "subCode": 0, "message": ""}
_NORMAL_END = {
    "code": 200,
    "subCode": 7000,
    "message": "The conversation has ended. DiagCode: 0#7000.@",
}
# First versions whose events carry the field, as far as recorded events tell.
_RECORDING_KIND_SINCE = "2024-04-15"
_RESULT_SINCE = "2024-09-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What every callback of one moment shares: a fresh id, the time and the api-version."""

    id: str
    at: float
    version: str


def recording_state_changed(recording: Recording, occasion: Occasion) -> list[dict[str, object]]:
    """Return RecordingStateChanged; its state is named ``state``, not ``recordingState``."""
    source = _recording_source(recording, "RecordingStateChanged")
    data: dict[str, object] = {
        "eventSource": source,
        "recordingId": recording.shown_id,
        "state": wire_state(recording.state),
        "startDateTime": offset_time(recording.activated_at or recording.accepted_at),
    }
    if occasion.version >= _RECORDING_KIND_SINCE:
        data["recordingKind"] = "azureCommunicationServices"
    if occasion.version >= _RESULT_SINCE:
        data["resultInformation"] = dict(_SUCCESS)
    data |= {
        "version": occasion.version,
        "callConnectionId": recording.endpoint_id,
        "serverCallId": recording.call.server_call_id,
        "correlationId": recording.correlation_id,
        "publicEventType": f"{_PREFIX}RecordingStateChanged",
    }
    return _array("RecordingStateChanged", source, data, occasion)


def start_recording_failed(
    recording: Recording, occasion: Occasion, result: Mapping[str, object]
) -> list[dict[str, object]]:
    """Return StartRecordingFailed with `result` as its resultInformation."""
    source = _recording_source(recording, "StartRecordingFailed")
    data: dict[str, object] = {
        "eventSource": source,
        "recordingId": recording.shown_id,
        "resultInformation": dict(result),
        "version": occasion.version,
        "callConnectionId": recording.endpoint_id,
        "serverCallId": recording.call.server_call_id,
        "correlationId": recording.correlation_id,
        "publicEventType": f"{_PREFIX}StartRecordingFailed",
    }
    return _array("StartRecordingFailed", source, data, occasion)


def call_connected(call: Call, occasion: Occasion) -> list[dict[str, object]]:
    """Return CallConnected."""
    return _call_event("CallConnected", call, occasion, {}, _SUCCESS)


def call_disconnected(call: Call, occasion: Occasion) -> list[dict[str, object]]:
    """Return CallDisconnected with the result of a normal end, the last callback of a call."""
    return _call_event("CallDisconnected", call, occasion, {}, _NORMAL_END)


def participants_updated(call: Call, occasion: Occasion) -> list[dict[str, object]]:
    """Return ParticipantsUpdated with everybody who is present, phone users included."""
    parties = [
        {"identifier": identifier(party.raw_id), "isMuted": False, "isOnHold": False}
        for party in call.present()
    ]
    data = {"participants": parties, "sequenceNumber": call.updates}
    return _call_event("ParticipantsUpdated", call, occasion, data, _SUCCESS)


def _call_event(
    kind: str,
    call: Call,
    occasion: Occasion,
    first: Mapping[str, object],
    result: Mapping[str, object],
) -> list[dict[str, object]]:
    data = {
        **first,
        "version": occasion.version,
        "resultInformation": dict(result),
        "callConnectionId": call.call_connection_id,
        "serverCallId": call.server_call_id,
        "correlationId": call.correlation_id,
        "publicEventType": _PREFIX + kind,
    }
    return _array(kind, f"calling/callConnections/{call.call_connection_id}", data, occasion)


def _recording_source(recording: Recording, kind: str) -> str:
    return f"calling/recordings/{recording.call.server_call_id}/{recording.shown_id}/{kind}"


def _array(
    kind: str, source: str, data: Mapping[str, object], occasion: Occasion
) -> list[dict[str, object]]:
    return [
        {
            "id": occasion.id,
            "source": source,
            "type": _PREFIX + kind,
            "data": dict(data),
            "time": offset_time(occasion.at),
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "subject": source,
        }
    ]
