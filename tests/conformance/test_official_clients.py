"""The official clients, unmodified, against the emulator over HTTPS."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.emulated import WAIT_SECONDS, Emulated
from tests.conformance.official import NAMES, OfficialClient, Refused
from tests.scenarios.processes import until

from recordingd.emulator.clock import real_now, utc
from recordingd.emulator.tls import make_tls_files

WAV = {
    "recording_content_type": "audio",
    "recording_channel_type": "mixed",
    "recording_format_type": "wav",
}
OUTPUTS = [
    ("audioVideo", "mixed", "mp4"),
    ("audio", "mixed", "mp3"),
    ("audio", "mixed", "wav"),
    ("audio", "unmixed", "wav"),
]
WRONG_KEY = base64.b64encode(b"not the key of this resource").decode()


def started(service: Emulated, client: OfficialClient, **more: object) -> str:
    """Begin a call and a recording of it; return when it captures."""
    call = service.create_call()["serverCallId"]
    recording = client.ask("start", server_call_id=call, **WAV | more)
    assert isinstance(recording, str), recording

    def is_active() -> bool:
        return bool(client.ask("state", recording_id=recording) == "active")

    until(is_active, WAIT_SECONDS, "the recording is active")
    return recording


def filed(service: Emulated, client: OfficialClient) -> dict[str, Any]:
    """Record for a while; return the announced chunk."""
    recording = started(service, client)
    service.advance(5)
    assert client.ask("stop", recording_id=recording) is None
    service.advance(60)
    (chunk,) = service.chunks_of(recording)
    return chunk


def test_recording_goes_from_start_to_stop(service: Emulated, client: OfficialClient) -> None:
    recording = started(service, client)
    assert client.ask("pause", recording_id=recording) is None
    assert client.ask("state", recording_id=recording) == "inactive"
    assert client.ask("resume", recording_id=recording) is None
    assert client.ask("state", recording_id=recording) == "active"
    assert client.ask("stop", recording_id=recording) is None
    assert client.ask("state", recording_id=recording) == Refused(404)


def test_file_and_metadata_are_downloaded(service: Emulated, client: OfficialClient) -> None:
    chunk = filed(service, client)
    content = client.download(chunk["contentLocation"])
    assert content[:4] == b"RIFF"
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    # "bytes=8-11": the clients name an inclusive end.
    assert client.download(chunk["contentLocation"], offset=8, length=4) == b"WAVE"
    metadata = json.loads(client.download(chunk["metadataLocation"]))
    assert metadata["chunkDocumentId"] == chunk["documentId"]


def test_file_is_deleted_once(service: Emulated, client: OfficialClient) -> None:
    chunk = filed(service, client)
    assert client.ask("delete", recording_url=chunk["deleteLocation"]) is None
    assert client.ask("delete", recording_url=chunk["deleteLocation"]) == Refused(404)
    assert client.ask("download", recording_url=chunk["contentLocation"]) == Refused(404)
    assert client.ask("download", recording_url=chunk["metadataLocation"]) == Refused(404)


@pytest.mark.parametrize("output", OUTPUTS, ids="-".join)
def test_every_documented_output_can_be_started(
    output: tuple[str, str, str], service: Emulated, client: OfficialClient
) -> None:
    recording = started(service, client, **dict(zip(WAV, output, strict=True)))
    shown = next(r for r in service.ask("GET", "/recordings") if r["recordingId"] == recording)
    assert (shown["content"], shown["channel"], shown["format"]) == output
    assert client.ask("stop", recording_id=recording) is None


@pytest.mark.parametrize(
    "output", [("audio", "unmixed", "mp3"), ("audioVideo", "unmixed", "mp4")], ids="-".join
)
def test_other_output_is_refused(
    output: tuple[str, str, str], service: Emulated, client: OfficialClient
) -> None:
    call = service.create_call()["serverCallId"]
    given = dict(zip(WAV, output, strict=True))
    assert client.ask("start", server_call_id=call, **given) == Refused(400)


def test_recording_started_paused_is_silent_until_resumed(
    service: Emulated, client: OfficialClient
) -> None:
    call = service.create_call()["serverCallId"]
    recording = client.ask("start", server_call_id=call, pause_on_start=True, **WAV)
    service.advance(20)
    assert client.ask("state", recording_id=recording) == "inactive"
    assert client.ask("resume", recording_id=recording) is None
    assert client.ask("state", recording_id=recording) == "active"


@pytest.mark.parametrize("name", NAMES)
def test_wrong_key_is_refused_everywhere(
    name: str, service: Emulated, launch: Callable[..., OfficialClient]
) -> None:
    owner = launch(name)
    chunk = filed(service, owner)
    recording = started(service, owner)
    call = service.create_call()["serverCallId"]
    wrong = f"endpoint={service.endpoint};accesskey={WRONG_KEY}"
    stranger = launch(name, connection_string=wrong)
    refused = Refused(401)
    assert stranger.ask("start", server_call_id=call, **WAV) == refused
    for operation in ("state", "pause", "resume", "stop"):
        assert stranger.ask(operation, recording_id=recording) == refused
    for location in (chunk["contentLocation"], chunk["metadataLocation"]):
        assert stranger.ask("download", recording_url=location) == refused
    assert stranger.ask("delete", recording_url=chunk["deleteLocation"]) == refused
    assert owner.ask("state", recording_id=recording) == "active"
    assert owner.download(chunk["contentLocation"])


@pytest.mark.parametrize("name", NAMES)
def test_client_that_trusts_another_authority_sends_nothing(
    name: str, service: Emulated, launch: Callable[..., OfficialClient], tmp_path: Path
) -> None:
    other = make_tls_files(tmp_path, ["127.0.0.1"], utc(real_now()))
    client = launch(name, ca_file=str(other.ca_file))
    service.ask("DELETE", "/requests")
    assert client.ask("state", recording_id="eyJQ") == Refused(None)
    assert service.ask("GET", "/requests") == []
