"""Judge a stored file by what is known of it: the soft checks that make a file suspect.

Called by `runtime.fetching` after the hard checks (length, hash, container) have passed. A suspect
file is kept, and the service's copy is left to expire by itself.
"""

from __future__ import annotations

from recordingd.domain.policies import CHANNELS_MAX, Channels
from recordingd.domain.recordings import Recording, RecordingFile

# Rounding of the service's own figure and of a codec's last frame.
DURATION_TOLERANCE_MS = 2_000


def find_suspicion(
    recording: Recording, file: RecordingFile, *, duration_ms: int, audio_channels: int | None
) -> str | None:
    """Return why a file may not be what was announced, None when nothing speaks against it.

    Durations are compared with the metadata's `chunkDuration`, channels with what was asked for and
    the highest channel that the metadata lists (call-recording.md, Metadata).
    """
    if not file.has_metadata:
        return "the service gave no metadata to compare with"
    announced = file.metadata_duration_ms
    if announced is not None and abs(announced - duration_ms) > DURATION_TOLERANCE_MS:
        return f"it lasts {duration_ms} ms where the metadata says {announced} ms"
    if audio_channels is None:
        return None
    if recording.channels is Channels.MIXED:
        return None if audio_channels == 1 else f"mixed audio has {audio_channels} channels"
    listed = file.metadata_channels or 0
    if not listed <= audio_channels <= CHANNELS_MAX:
        return f"{audio_channels} channels, where the metadata lists {listed}"
    return None
