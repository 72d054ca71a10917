"""Bodies as Event Grid posts them, in its own schema, about the one call of these tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from tests.factories import SERVER_CALL_ID, T0

SERVICE = "service-1"


def body(kind: str, data: dict[str, object], *, number: str, at: datetime, subject: str) -> bytes:
    event = {
        "id": number,
        "topic": "/subscriptions/x/providers/microsoft.communication/communicationservices/uk",
        "subject": subject,
        "data": data,
        "eventType": f"Microsoft.Communication.{kind}",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": at.isoformat(),
    }
    return json.dumps([event]).encode()


def call_started(number: str = "started", at: datetime = T0) -> bytes:
    data: dict[str, object] = {
        "startedBy": {"rawId": "8:acs:alice", "communicationUser": {"id": "8:acs:alice"}},
        "serverCallId": SERVER_CALL_ID,
        "correlationId": "correlation-1",
        "isRoomsCall": False,
    }
    subject = f"call/{SERVER_CALL_ID}/startedBy/8:acs:alice"
    return body("CallStarted", data, number=number, at=at, subject=subject)


def call_ended(number: str = "ended", at: datetime = T0 + timedelta(seconds=10)) -> bytes:
    data: dict[str, object] = {
        "startedBy": {"rawId": "8:acs:alice", "communicationUser": {"id": "8:acs:alice"}},
        "serverCallId": SERVER_CALL_ID,
        "correlationId": "correlation-1",
    }
    return body("CallEnded", data, number=number, at=at, subject=f"call/{SERVER_CALL_ID}")


def file_ready(
    document: str = "0-wus-d1-1",
    *,
    number: str = "file",
    recording: str = SERVICE,
    at: datetime = T0 + timedelta(seconds=20),
    with_call: bool = True,
) -> bytes:
    host = "https://us-storage.asm.skype.com/v1/objects"
    chunk = {
        "documentId": document,
        "index": 0,
        "endReason": "SessionEnded",
        "contentLocation": f"{host}/{document}/content/audio",
        "metadataLocation": f"{host}/{document}/content/acsmetadata",
        "deleteLocation": f"{host}/{document}",
    }
    data: dict[str, object] = {
        "recordingStorageInfo": {"recordingChunks": [chunk]},
        "recordingStartTime": (at - timedelta(seconds=5)).isoformat(),
        "recordingDurationMs": 1000,
        "recordingId": recording,
        "storageType": "ACS",
        "sessionEndReason": "CallEnded",
    }
    call = f"/serverCallId/{SERVER_CALL_ID}" if with_call else ""
    subject = f"/recording/call/correlation-9{call}/recordingId/{recording}"
    return body("RecordingFileStatusUpdated", data, number=number, at=at, subject=subject)
