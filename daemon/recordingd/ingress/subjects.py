"""Read the subject of a RecordingFileStatusUpdated event, which alone names its call.

Called by `service_events`. Four forms are known (call-recording.md, "Event Grid notifications"; the
Event Grid specification; bring-your-own-storage.md; the Python quickstart).
"""

from __future__ import annotations

from dataclasses import dataclass

_START = "recording/call/"
_RECORDING = "/recordingId/"
_SERVER_CALL = "/serverCallId/"
_CONNECTION = "/callConnectionId/"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSubject:
    """What the subject names; `correlation_id` is the call id, which is not the server call id."""

    correlation_id: str | None = None
    server_call_id: str | None = None
    connection_id: str | None = None
    recording_id: str | None = None


def parse_file_subject(subject: str) -> FileSubject:
    """Read any of the forms; what is not there is None.

    Server call ids are base64 and may contain `/` and `=`, so the call is cut off from the left and
    the recording from the right, at the markers.
    """
    _, start, rest = subject.partition(_START)
    if not start:
        return FileSubject()
    call, marker, recording = rest.rpartition(_RECORDING)
    if not marker:
        call, recording = recording, ""
    correlation, found, value = _split_at_first(call)
    return FileSubject(
        correlation_id=correlation or None,
        server_call_id=value or None if found == _SERVER_CALL else None,
        connection_id=value or None if found == _CONNECTION else None,
        recording_id=recording or None,
    )


def _split_at_first(text: str) -> tuple[str, str, str]:
    places = {text.find(marker): marker for marker in (_SERVER_CALL, _CONNECTION)}
    places.pop(-1, None)
    if not places:
        return text, "", ""
    marker = places[min(places)]
    before, _, after = text.partition(marker)
    return before, marker, after
