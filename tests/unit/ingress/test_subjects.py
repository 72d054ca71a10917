"""The four known forms of the subject of a file announcement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.ingress.subjects import FileSubject, parse_file_subject

CALL = "add67a69-debe-4998-9f92-5a0d8f6dc00c"
SERVER = "aHR0cHM6Ly9hcGkvY29udi9R/aT0xMC0x+Mg=="
RECORDING = "eyJQbGF0Zm9ybSI6ImEifQ"
BASE64 = st.text("ABCZabcz0189+/=", min_size=1, max_size=40)


@pytest.mark.parametrize("start", ["/recording/call/", "recording/call/"])
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (
            f"{CALL}/recordingId/{RECORDING}",
            FileSubject(correlation_id=CALL, recording_id=RECORDING),
        ),
        (
            f"{CALL}/serverCallId/{SERVER}/recordingId/{RECORDING}",
            FileSubject(correlation_id=CALL, server_call_id=SERVER, recording_id=RECORDING),
        ),
        (
            f"{CALL}/serverCallId/{SERVER}",
            FileSubject(correlation_id=CALL, server_call_id=SERVER),
        ),
        (
            f"{CALL}/callConnectionId/05002380-aaae",
            FileSubject(correlation_id=CALL, connection_id="05002380-aaae"),
        ),
        (CALL, FileSubject(correlation_id=CALL)),
        ("", FileSubject()),
        (f"/serverCallId/{SERVER}/recordingId/", FileSubject(server_call_id=SERVER)),
    ],
)
def test_every_known_form_is_read(start: str, rest: str, expected: FileSubject) -> None:
    assert parse_file_subject(start + rest) == expected


@pytest.mark.parametrize("subject", ["", "call/abc", "/caller/a/recipient/b"])
def test_another_subject_names_nothing(subject: str) -> None:
    assert parse_file_subject(subject) == FileSubject()


@given(BASE64)
def test_server_call_id_survives_its_slashes(server: str) -> None:
    subject = f"/recording/call/{CALL}/serverCallId/{server}/recordingId/{RECORDING}"
    assert parse_file_subject(subject).server_call_id == server


def test_marker_of_a_recording_within_the_call_is_read_from_the_right() -> None:
    subject = f"/recording/call/{CALL}/serverCallId/a/recordingId/b/recordingId/{RECORDING}"
    found = parse_file_subject(subject)
    assert (found.server_call_id, found.recording_id) == ("a/recordingId/b", RECORDING)
