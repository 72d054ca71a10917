"""Write the metadata document that lies beside each file.

Called by ``service`` when a file is made. Documented form by default; quirks reproduce what
recorded traffic had instead. Sources: call-recording.md, Metadata; metadata downloaded in June
and November 2021.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recordingd.emulator.encoding import (
    FRAME_RATE,
    MP3_BIT_RATE,
    MP4_AUDIO_BIT_RATE,
    VIDEO_BIT_RATE,
    VIDEO_HEIGHT,
    VIDEO_WIDTH,
)
from recordingd.emulator.identifiers import ticks_time
from recordingd.emulator.media import SAMPLE_RATE
from recordingd.emulator.state import Span

QUIRKS = frozenset({"float", "framerate", "crlf", "swapped", "noChannels"})
_WAV_BIT_RATE = 256_000  # per channel, call-recording.md


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFacts:
    """What a metadata document tells; times in epoch seconds of the emulator's clock."""

    resource_id: str
    correlation_id: str
    document_id: str
    chunk: int
    started_at: float
    duration_ms: int
    pauses: Sequence[Span]
    content: str
    channel: str
    format: str
    audio_channels: int
    participants: Sequence[str]
    channels: Mapping[int, str]


def write_metadata(facts: MetadataFacts, quirks: frozenset[str]) -> bytes:
    """Return the document; `quirks` is a subset of `QUIRKS`, each a deviation once recorded."""
    duration = facts.duration_ms
    document: dict[str, object] = {
        "resourceId": facts.resource_id,
        "callId": facts.correlation_id,
        "chunkDocumentId": facts.document_id,
        "chunkIndex": facts.chunk,
        "chunkStartTime": ticks_time(facts.started_at),
        "chunkDuration": float(duration) if "float" in quirks else duration,
        "pauseResumeIntervals": [
            {"startTime": ticks_time(start), "duration": round((end - start) * 1000)}
            for start, end in facts.pauses
        ],
        "recordingInfo": _recording_info(facts, quirks),
        "participants": _participants(facts, quirks),
    }
    text = json.dumps(document, indent=2)
    return (text.replace("\n", "\r\n") if "crlf" in quirks else text).encode()


def _recording_info(facts: MetadataFacts, quirks: frozenset[str]) -> dict[str, object]:
    content, channel = facts.content, facts.channel
    if "swapped" in quirks:
        # As in June 2021: the two values had changed places.
        content, channel = channel, content
    rates = {"wav": _WAV_BIT_RATE, "mp3": MP3_BIT_RATE, "mp4": MP4_AUDIO_BIT_RATE}
    info: dict[str, object] = {
        "contentType": content,
        "channelType": channel,
        "format": facts.format,
        "audioConfiguration": {
            "sampleRate": SAMPLE_RATE,
            "bitRate": rates[facts.format],
            "channels": facts.audio_channels,
        },
    }
    if facts.content == "audioVideo":
        info["videoConfiguration"] = {
            "longerSideLength": VIDEO_WIDTH,
            "shorterSideLength": VIDEO_HEIGHT,
            "framerate" if "framerate" in quirks else "frameRate": FRAME_RATE,
            "bitRate": VIDEO_BIT_RATE,
        }
    return info


def _participants(facts: MetadataFacts, quirks: frozenset[str]) -> list[dict[str, object]]:
    channel_of = {raw_id: channel for channel, raw_id in facts.channels.items()}
    if "noChannels" in quirks:
        channel_of = {}
    return [
        {"participantId": raw_id}
        | ({"channel": channel_of[raw_id]} if raw_id in channel_of else {})
        for raw_id in facts.participants
    ]
