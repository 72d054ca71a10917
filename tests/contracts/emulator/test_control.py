"""The control API and the program itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
import uvloop

from recordingd.emulator import app

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate

READY = {
    "endpoint", "connectionString", "caFile", "control", "storageHosts", "openIdConfiguration",
    "issuer", "audience", "eventsEntra", "entra", "resourceHost",
}  # fmt: skip
RECORDING = {
    "recordingId", "serverCallId", "state", "startedAt", "endedAt", "capturedMs", "pausedMs",
    "channels", "files",
}  # fmt: skip
FILE = {
    "documentId", "chunk", "exists", "expiresAt", "sizeBytes", "sha256", "downloads", "deletedAt",
}  # fmt: skip


def test_calls_and_participants(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call({"id": "8:acs:a", "hz": 440, "displayName": "Ann"})
            assert {"serverCallId", "correlationId", "callConnectionId"} <= set(call)
            path = f"/calls/{quote(call['serverCallId'], safe='')}/participants"
            joined = await world.post(path, id="+441234")
            assert joined["id"] == "4:+441234"
            (seen,) = (await world.control.get("/calls")).json()
            assert (seen["serverCallId"], seen["state"]) == (call["serverCallId"], "connected")
            assert [p["id"] for p in seen["participants"]] == ["8:acs:a", "4:+441234"]
            await world.leave_or_end(call["serverCallId"], "+441234")
            await world.leave_or_end(call["serverCallId"])
            (seen,) = (await world.control.get("/calls")).json()
            assert (seen["state"], seen["participants"]) == ("ended", [])

    asyncio.run(scene())


def test_recordings_have_the_promised_fields(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.made_file()
            (recording,) = await world.recordings()
            assert set(recording) >= RECORDING
            assert set(recording["files"][0]) >= FILE
            ((start, end),) = recording["capturedMs"]
            assert 40 <= start < end

    asyncio.run(scene())


def test_requests_are_logged_with_the_signature_masked(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.start(call)
            (entry,) = (await world.control.get("/requests")).json()
            assert (entry["method"], entry["path"], entry["status"]) == (
                "POST", "/calling/recordings", 200,
            )  # fmt: skip
            assert json.loads(entry["body"])["callLocator"]["serverCallId"] == call["serverCallId"]
            assert entry["headers"]["authorization"].endswith("&Signature=***")

    asyncio.run(scene())


BAD_INPUT: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/calls", {"participants": [{"hz": 1}]}, 400, "id:"),
    ("POST", "/calls", [], 400, "body:"),
    ("POST", "/clock", {}, 400, "advanceSeconds:"),
    ("POST", "/clock", {"advanceSeconds": -1}, 400, "advanceSeconds:"),
    ("POST", "/clock", {"advanceSeconds": 1e11}, 400, "advanceSeconds:"),
    ("POST", "/faults", {"name": "x"}, 400, "name:"),
    ("POST", "/events/replay", {"count": "x"}, 400, "count:"),
    ("GET", "/requests?limit=x", None, 400, "limit:"),
    ("DELETE", "/calls/nope", None, 404, "no such call"),
    ("DELETE", "/calls/nope/participants/x", None, 404, "no such call"),
    ("GET", "/nothing", None, 404, "no such operation"),
]


def test_bad_control_input_is_explained(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            for method, path, body, status, field in BAD_INPUT:
                answer = await world.control.request(method, path, json=body)
                assert answer.status_code == status, (method, path)
                assert answer.json()["error"].startswith(field)

    asyncio.run(scene())


def test_faults_are_listed_and_cleared(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("stop.500", count=3)
            entries = {f["name"]: f for f in (await world.control.get("/faults")).json()}
            assert entries["stop.500"]["armed"] == [{"count": 3, "skip": 0, "match": {}}]
            await world.control.delete("/faults")
            entries = {f["name"]: f for f in (await world.control.get("/faults")).json()}
            assert entries["stop.500"]["armed"] == []

    asyncio.run(scene())


def test_clock_moves_only_ahead_of_real_time(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            assert (await world.control.get("/clock")).json()["aheadSeconds"] == 0
            moved = await world.post("/clock", advanceSeconds=3600)
            assert moved["aheadSeconds"] == 3600
            call = await world.call("8:acs:a")
            # Signatures are judged by real time, so a client's are still good.
            assert (await world.start(call)).status_code == 200

    asyncio.run(scene())


def test_scenario_plays_a_call(emulate: "Emulate", tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    steps = [
        {"at": 0, "call": {"participants": [{"id": "8:acs:a"}]}, "as": "one"},
        {"at": 0.1, "join": {"call": "one", "id": "8:acs:b", "speech": [[0, 0.1]]}},
        {"at": 0.2, "leave": {"call": "one", "id": "8:acs:b"}},
        {"at": 0.3, "end": {"call": "one"}},
        {"at": 0.4, "replay": {"type": "CallEnded"}},
    ]
    scenario.write_text(json.dumps({"steps": steps}))

    async def scene() -> None:
        async with emulate(scenario=scenario) as world:
            await world.until(lambda: len(world.webhook.of_type("CallEnded")) == 2)
            assert len(world.webhook.of_type("CallParticipantAdded")) == 2

    asyncio.run(scene())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_prints_its_ready_line_and_ends_on_a_signal(number: signal.Signals) -> None:
    code = "import sys; from recordingd.emulator.app import main; sys.exit(main(sys.argv[1:]))"
    arguments = [
        "--listen",
        "127.0.0.1:0",
        "--speed",
        "10",
        "--storage-host",
        "localhost",
        "b.test",
    ]
    root = str(Path(app.__file__).resolve().parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    assert set(ready) == READY
    assert ready["storageHosts"] == ["localhost", "b.test"]
    assert ready["connectionString"].startswith(f"endpoint={ready['endpoint']};accesskey=")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen", "nowhere"],
        ["--speed", "0"],
        ["--access-key", "!"],
        ["--events-to", "ftp://x"],
        ["--event-schema", "x"],
        ["--scenario", "/nonexistent/file.json"],
        ["--unknown"],
    ],
)
def test_usage_errors_exit_with_64(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = app.main(arguments)
    except SystemExit as left:
        status = int(str(left.code))
    assert status == 64
    assert capsys.readouterr().err


def test_rotated_key_is_refused_until_the_client_changes_too(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.post("/keys", accessKeys=["bmV3IGtleQ=="])
            assert (await world.start(call)).status_code == 401
            await world.post("/keys", accessKeys=["bmV3IGtleQ==", world.key])
            assert (await world.start(call)).status_code == 200

    asyncio.run(scene())


def test_forgotten_recording_ends_by_itself(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(recording_seconds_max=60.0) as world:
            call = await world.call("8:acs:a")
            await world.start(call)
            await asyncio.sleep(0.1)
            await world.post("/clock", advanceSeconds=3600 * 24 * 365)
            (recording,) = await world.recordings()
            assert recording["state"] == "ended"
            ((start, end),) = recording["capturedMs"]
            assert end - start == pytest.approx(60_000, abs=2)

    asyncio.run(scene())


def test_connection_faults_work_on_the_programs_own_event_loop(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault("start.lostResponse")
            with pytest.raises(httpx.TransportError):
                await world.start(call)
            chunk_answer = await world.start(call, {"Repeatability-Request-ID": "x"})
            assert chunk_answer.json()["error"]["code"] == "8553"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


def test_service_can_be_called_without_sockets() -> None:
    async def scene() -> None:
        async with app.EmulatorServer() as server:
            transport = httpx.ASGITransport(app=server.emulator.front)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                assert (await client.get("/calling/recordings/x")).status_code == 401

    asyncio.run(scene())
