"""Every recorded or published event of the real service is understood.

Runs where the environment variable RECORDINGD_CONTRACT_SAMPLES names the folder of samples.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recordingd.domain.calls import (
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallStarted,
    EventIgnored,
    FilesAnnounced,
    IncomingCall,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    RecordingStateChanged,
)
from recordingd.ingress import envelopes

Wire = dict[str, Any]
RECEIVED_AT = datetime(2026, 3, 2, tzinfo=UTC)
FOLDER = os.environ.get("RECORDINGD_CONTRACT_SAMPLES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="RECORDINGD_CONTRACT_SAMPLES is not set")

EXPECTED: dict[str, tuple[type, ...]] = {
    "01": (
        IncomingCall,
        CallConnected,
        ParticipantsUpdated,
        RecordingStateChanged,
        CallDisconnected,
    ),
    "02": (RecordingStateChanged,),
    "20": (FilesAnnounced,),
    "21": (FilesAnnounced,),
    "22": (FilesAnnounced,),
    "23": (CallEnded,),
    "24": (ParticipantAdded,),
    "25": (IncomingCall,),
    "26": (CallStarted, CallEnded, ParticipantAdded, ParticipantRemoved),
    "29": (CallConnected,),
    "30": (EventIgnored,),
}


def events_in(content: list[Wire] | Wire) -> Iterator[Wire]:
    """Yield the events of a sample: one, an array, or one per name with the envelope left off."""
    if isinstance(content, list):
        yield from content
    elif "id" in content:
        yield content
    else:
        for name, event in content.items():
            bare = {"id": name, "eventType": f"Microsoft.Communication.{name}", "data": event}
            yield event if "id" in event else bare


@pytest.mark.parametrize("number", sorted(EXPECTED))
def test_sample_is_understood(number: str) -> None:
    (path,) = Path(FOLDER or "").glob(f"{number}_*.json")
    body = json.dumps(list(events_in(json.loads(path.read_text())))).encode()
    inbox = envelopes.split(
        body,
        content_type="application/json",
        channel="eventgrid",
        context=None,
        received_at=RECEIVED_AT,
    )
    events = [event for row in inbox for event in envelopes.read(row)]
    assert tuple(type(event) for event in events) == EXPECTED[number]
    assert all(event.at < RECEIVED_AT for event in events if not isinstance(event, IncomingCall))
