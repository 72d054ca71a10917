"""The emulator's answers beside samples of the real service, where those are present.

``RECORDINGD_CONTRACT_SAMPLES`` names the folder of samples; without it these tests are skipped,
and the other tests of this folder hold the same facts.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate

FOLDER = os.environ.get("RECORDINGD_CONTRACT_SAMPLES")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="RECORDINGD_CONTRACT_SAMPLES is not set")
VOLATILE = {"Content-Length", "Transfer-Encoding", "X-Ms-Client-Version"}


def sample(number: str) -> Any:  # noqa: ANN401  JSON
    (path,) = Path(FOLDER or "").glob(f"{number}_*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_start_and_stop_look_like_recorded_traffic(emulate: "Emulate") -> None:
    start, stop = sample("04")["Entries"]

    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            body = dict(start["RequestBody"])
            body |= {"callConnectionId": call["callConnectionId"], "recordingFormatType": "wav"}
            headers = {"x-ms-client-request-id": "1", "Repeatability-Request-ID": "2"}
            answer = await world.rest("POST", "", body, headers)
            assert answer.status_code == start["StatusCode"]
            assert set(answer.json()) == set(start["ResponseBody"])
            for name in start["ResponseHeaders"].keys() - VOLATILE:
                assert name in answer.headers, name
            path = f"/{answer.json()['recordingId']}"
            ended = await world.rest("DELETE", path, headers={"x-ms-client-request-id": "1"})
            assert ended.status_code == stop["StatusCode"]
            for name in stop["ResponseHeaders"].keys() - VOLATILE:
                assert name in ended.headers, name

    asyncio.run(scene())


def test_callbacks_have_the_recorded_fields(emulate: "Emulate") -> None:
    recorded = sample("01")

    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a", callbackUri=f"{world.webhook.url}/x")
            await world.start(call, recordingStateCallbackUri=f"{world.webhook.url}/y")
            await asyncio.sleep(0.2)
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallDisconnected"))
            for name in recorded.keys() - {"IncomingCall"}:
                made = world.webhook.of_type(name)[0]
                assert set(made) == set(recorded[name]), name
                assert set(made["data"]) == set(recorded[name]["data"]), name

    asyncio.run(scene())


def test_call_events_have_the_documented_fields(emulate: "Emulate") -> None:
    documented = {event["eventType"].rpartition(".")[2]: event for event in sample("26")}

    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a", group="g", room="r")
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallEnded"))
            for name, event in documented.items():
                made = world.webhook.of_type(name)[0]
                assert set(made) == set(event), name
                assert set(made["data"]) == set(event["data"]), name

    asyncio.run(scene())


def test_file_event_and_metadata_have_the_recorded_fields(emulate: "Emulate") -> None:
    event, metadata = sample("20"), sample("14")

    async def scene() -> None:
        async with emulate(metadata_quirks=frozenset({"float", "framerate", "crlf"})) as world:
            video: dict[str, Any] = {
                "recordingContentType": "audioVideo",
                "recordingFormatType": "mp4",
            }
            chunk = await world.made_file(**video)
            (made,) = world.webhook.of_type("RecordingFileStatusUpdated")
            assert set(made) >= set(event)
            assert set(made["data"]) >= set(event["data"])
            document = (await world.storage(chunk["metadataLocation"])).json()
            assert list(document) == list(metadata)
            assert set(document["recordingInfo"]) == set(metadata["recordingInfo"])
            for name in ("audioConfiguration", "videoConfiguration"):
                made_part = set(document["recordingInfo"][name])
                assert made_part == set(metadata["recordingInfo"][name])

    asyncio.run(scene())
