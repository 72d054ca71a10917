"""The recording operations, driven by the official SDK and checked on the wire."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.communication.callautomation import (
    ChannelAffinity,
    CommunicationUserIdentifier,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from recordingd.emulator.app import EmulatorOptions, EmulatorServer

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, World

WAV: dict[str, Any] = {
    "recording_content_type": RecordingContent.AUDIO,
    "recording_channel_type": RecordingChannel.MIXED,
    "recording_format_type": RecordingFormat.WAV,
}


def test_sdk_starts_pauses_resumes_and_stops(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a", "8:acs:b")
            await asyncio.to_thread(life_of_a_recording, world, call["serverCallId"])

    asyncio.run(scene())


def life_of_a_recording(world: "World", server_call_id: str) -> None:
    with world.sdk() as client:
        started = client.start_recording(server_call_id=server_call_id, **WAV)
        assert started.recording_state == "inactive"
        recording_id = str(started.recording_id)
        while client.get_recording_properties(recording_id).recording_state == "inactive":
            pass
        client.pause_recording(recording_id)
        assert client.get_recording_properties(recording_id).recording_state == "inactive"
        client.resume_recording(recording_id)
        assert client.get_recording_properties(recording_id).recording_state == "active"
        client.stop_recording(recording_id)
        with pytest.raises(ResourceNotFoundError, match=r"\(8522\) Recording not found\."):
            client.get_recording_properties(recording_id)


def test_sdk_starts_by_call_connection_id_with_affinity(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a", "8:acs:b")

            def start() -> str:
                with world.sdk() as client:
                    return str(
                        client.start_recording(
                            call_connection_id=call["callConnectionId"],
                            recording_channel_type=RecordingChannel.UNMIXED,
                            recording_format_type=RecordingFormat.WAV,
                            recording_content_type=RecordingContent.AUDIO,
                            channel_affinity=[
                                ChannelAffinity(
                                    target_participant=CommunicationUserIdentifier("8:acs:b"),
                                    channel=0,
                                )
                            ],
                        ).recording_id
                    )

            recording_id = await asyncio.to_thread(start)
            await asyncio.sleep(0.3)
            (recording,) = await world.recordings()
            assert recording["recordingId"] == recording_id
            assert recording["channels"] == {"0": "8:acs:b", "1": "8:acs:a"}
            log = (await world.control.get("/requests")).json()
            assert log[0]["status"] == 202

    asyncio.run(scene())


def test_wrong_key_is_refused(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(access_key="AAAA") as world:
            answer = await world.http.get(
                f"{world.endpoint}/calling/recordings/x?api-version=2026-03-12"
            )
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "7509"

    asyncio.run(scene())


def test_start_answer_has_the_recorded_headers_and_fields(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            headers = {
                "Repeatability-Request-ID": "7f4b1d2e-0000-4000-8000-000000000001",
                "Repeatability-First-Sent": "Sun, 06 Nov 1994 08:49:37 GMT",
                "x-ms-client-request-id": "echo-me",
            }
            answer = await world.start(call, headers)
            assert answer.status_code == 200
            assert set(answer.json()) == {"recordingId", "recordingState", "recordingKind"}
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert answer.headers["repeatability-result"] == "accepted"
            assert answer.headers["x-ms-client-request-id"] == "echo-me"
            assert answer.headers["x-microsoft-skype-chain-id"]
            assert "2026-03-12" in answer.headers["api-supported-versions"]
            again = await world.start(call, headers)
            assert again.json()["recordingId"] == answer.json()["recordingId"]
            assert len(await world.recordings()) == 1

    asyncio.run(scene())


def test_old_api_version_has_no_recording_kind(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            body = {
                "callLocator": {"serverCallId": call["serverCallId"]},
                "recordingContentType": "audio",
                "recordingFormatType": "wav",
            }
            answer = await world.rest("POST", "", body, version="2023-10-15")
            assert set(answer.json()) == {"recordingId", "recordingState"}

    asyncio.run(scene())


def test_operations_answer_with_the_documented_codes(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            path = "/" + (await world.start(call)).json()["recordingId"]
            answers = [
                await world.rest(method, path + suffix)
                for method, suffix in (
                    ("POST", ":pause"),
                    ("POST", ":resume"),
                    ("DELETE", ""),
                    ("DELETE", ""),
                    ("POST", ":pause"),
                )
            ]
            assert [answer.status_code for answer in answers] == [202, 202, 204, 404, 404]
            assert not answers[0].content
            assert answers[3].json() == {
                "error": {"code": "8522", "message": "Recording not found."}
            }

    asyncio.run(scene())


def test_padded_recording_id_is_the_same(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            recording_id = (await world.start(call)).json()["recordingId"]
            assert (await world.rest("GET", f"/{recording_id}==")).status_code == 200

    asyncio.run(scene())


async def _refused(
    world: "World", body: dict[str, Any], version: str = "2026-03-12"
) -> tuple[int, str]:
    answer = await world.rest("POST", "", body, version=version)
    return answer.status_code, answer.json()["error"]["code"]


def test_starts_are_refused_with_the_documented_subcodes(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            live = await world.call("8:acs:a", group="g-1")
            young = await world.call("8:acs:a", establishedAfterSeconds=60)
            over = await world.call("8:acs:a")
            await world.leave_or_end(over["serverCallId"])
            wav = {"recordingFormatType": "wav"}

            def by(call: dict[str, Any]) -> dict[str, Any]:
                return {"callLocator": {"serverCallId": call["serverCallId"]}} | wav

            assert await _refused(world, by({"serverCallId": "nope"})) == (404, "8522")
            assert await _refused(world, by(young)) == (400, "8501")
            assert await _refused(world, by(over)) == (400, "8528")
            assert await _refused(world, by(live) | {"recordingChannelType": "x"}) == (400, "8523")
            assert (await world.start(live)).status_code == 200
            assert await _refused(world, by(live)) == (400, "8553")
            group = {"callLocator": {"groupCallId": "g-1", "kind": "groupCallLocator"}} | wav
            assert await _refused(world, group) == (400, "8553")
            assert await _refused(world, by(live), "1999-01-01-x") != (200, "")

    asyncio.run(scene())


def test_missing_encoder_is_an_internal_error(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            world.server.emulator.recorder.can_encode = False
            call = await world.call("8:acs:a")
            answer = await world.start(call, recordingFormatType="mp3")
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "9999")

    asyncio.run(scene())


def test_strict_refuses_unknown_fields_and_lenient_does_not(emulate: "Emulate") -> None:
    async def scene(*, strict: bool) -> int:
        async with emulate(strict=strict) as world:
            call = await world.call("8:acs:a")
            return int((await world.start(call, surprise=1)).status_code)

    assert asyncio.run(scene(strict=True)) == 400
    assert asyncio.run(scene(strict=False)) == 200


def test_pause_on_start_captures_nothing_until_resumed(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            first = (await world.start(call, pauseOnStart=True)).json()["recordingId"]
            await asyncio.sleep(0.3)
            assert (await world.rest("GET", f"/{first}")).json()["recordingState"] == "inactive"
            await world.rest("DELETE", f"/{first}")
            second = (await world.start(call, pauseOnStart=True)).json()["recordingId"]
            await asyncio.sleep(0.3)
            await world.rest("POST", f"/{second}:resume")
            await asyncio.sleep(0.1)
            await world.rest("DELETE", f"/{second}")
            await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
            unheard, heard = await world.recordings()
            assert (unheard["files"], unheard["capturedMs"]) == ([], [])
            assert heard["pausedMs"][0][1] == heard["capturedMs"][0][0]
            events = world.webhook.of_type("RecordingFileStatusUpdated")
            assert [event["data"]["recordingId"] for event in events] == [second]

    asyncio.run(scene())


def test_end_of_the_call_ends_its_recording(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            assert (await world.rest("GET", f"/{chunk['recordingId']}")).status_code == 404
            (event,) = world.webhook.of_type("RecordingFileStatusUpdated")
            assert event["data"]["sessionEndReason"] == "CallEnded"
            answer = await world.rest(
                "GET", f"/{chunk['recordingId']}/result", version="2024-09-01-preview"
            )
            places = answer.json()["recordingStorageInfo"]["recordingChunks"]
            assert places == event["data"]["recordingStorageInfo"]["recordingChunks"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("start.500", (500, "9999")),
        ("start.duplicate", (400, "8553")),
        ("start.429", (429, "8589")),
    ],
)
def test_start_faults_execute_nothing(
    emulate: "Emulate", name: str, expected: tuple[int, str]
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault(name)
            answer = await world.start(call)
            assert (answer.status_code, answer.json()["error"]["code"]) == expected
            assert await world.recordings() == []
            assert (await world.start(call)).status_code == 200

    asyncio.run(scene())


@pytest.mark.parametrize(("name", "count"), [("lostResponse", 1), ("resetBeforeExecute", 0)])
def test_reset_starts(emulate: "Emulate", name: str, count: int) -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault(f"start.{name}", match={"serverCallId": call["serverCallId"]})
            headers = {"Repeatability-Request-ID": "one"}
            with pytest.raises(httpx.TransportError):
                await world.start(call, headers)
            assert len(await world.recordings()) == count
            assert (await world.start(call, headers)).status_code == 200
            assert len(await world.recordings()) == 1
            log = (await world.control.get("/requests")).json()
            assert [entry["status"] for entry in log] == [None, 200]

    asyncio.run(scene())


def test_ignored_pause_goes_on_capturing(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            path = "/" + (await world.start(call)).json()["recordingId"]
            await asyncio.sleep(0.25)
            await world.fault("pause.ignored")
            assert (await world.rest("POST", f"{path}:pause")).status_code == 202
            assert (await world.rest("GET", path)).json()["recordingState"] == "active"

    asyncio.run(scene())


def test_sdk_repeats_a_start_that_lost_its_answer(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault("start.500")

            def start() -> None:
                with world.sdk() as client:
                    client.start_recording(server_call_id=call["serverCallId"], **WAV)

            await asyncio.to_thread(start)
            log = (await world.control.get("/requests")).json()
            sent = [entry["headers"]["repeatability-request-id"] for entry in log]
            assert len(sent) == 2
            assert len(set(sent)) == 1

    asyncio.run(scene())


def test_service_error_answers_any_operation(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault(
                "service.error", status=403, code="7504", match={"operation": "start"}
            )

            def start() -> None:
                with world.sdk() as client:
                    client.start_recording(server_call_id=call["serverCallId"], **WAV)

            with pytest.raises(HttpResponseError, match="7504"):
                await asyncio.to_thread(start)

    asyncio.run(scene())


def test_tls_endpoint_is_trusted_through_its_ca() -> None:
    async def scene() -> None:
        async with EmulatorServer(EmulatorOptions(tls=True)) as server:
            context = ssl.create_default_context(cafile=str(server.ready["caFile"]))
            async with httpx.AsyncClient(verify=context, trust_env=False) as client:
                answer = await client.get(f"{server.ready['endpoint']}/calling/recordings/x")
            assert answer.status_code == 401

    asyncio.run(scene())


def test_garbage_does_not_end_the_emulator(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            port = int(world.endpoint.rpartition(":")[2])
            for junk in (b"\x00\xff\r\n\r\n", b"GET /%zz%ff HTTP/1.1\r\nHost: x\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(junk)
                await writer.drain()
                await reader.read(10)
                writer.close()
            deep = "[" * 50_000
            url = f"{world.endpoint}/calling/recordings?api-version=2026-03-12"
            assert (await world.http.post(url, content=deep)).status_code == 401
            assert (await world.http.post(url, content=b"x" * 2_000_000)).status_code == 413
            assert (await world.start(call)).status_code == 200

    asyncio.run(scene())
