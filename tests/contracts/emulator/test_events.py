"""Event Grid deliveries and callbacks: handshakes, envelopes, shapes, retries, faults."""

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from recordingd.emulator.app import EventSchema, EventShape

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, Webhook, World

# Required fields of the Event Grid swagger (Microsoft.Communication, 2018-01-01), by data type.
CALLING_REQUIRED = {"startedBy", "serverCallId", "correlationId"}
ENVELOPES = {
    "eventgrid": {
        "id", "topic", "subject", "data",
        "eventType", "dataVersion", "metadataVersion", "eventTime",
    },
    "cloudevents": {"id", "source", "type", "subject", "time", "specversion", "data"},
}  # fmt: skip
GROUP = "6d16b954-0531-4262-9cdd-c4b85da5c5d8"
DURATION = {"docs": "durationOfCall", "swagger": "callDurationInSeconds"}
AGENT = {"docs": "endpointType", "swagger": "userAgent"}


def settings(schema: str, shape: str) -> dict[str, Any]:
    return {"event_schema": EventSchema(schema), "event_shape": EventShape(shape)}


@pytest.mark.parametrize(("schema", "shape"), list(itertools.product(ENVELOPES, DURATION)))
def test_events_of_a_call_in_every_envelope_and_shape(
    emulate: "Emulate", schema: str, shape: str
) -> None:
    async def scene() -> None:
        async with emulate(**settings(schema, shape)) as world:
            call = await world.call(
                {"id": "8:acs:a", "displayName": "Ann", "role": "Presenter"},
                "+441234",
                **{"from": "+441234", "to": "8:acs:app", "group": GROUP},
                context={"X-MS-Custom-Queue": "sales", "userToUser": "u", "tenant": "t"},
            )
            await world.start(call)
            await asyncio.sleep(0.3)
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
            for event in world.webhook.events:
                assert set(event) == ENVELOPES[schema]
            check_incoming(world.webhook, call)
            check_call_events(world.webhook, call, shape)
            check_file_event(world.webhook, call)

    asyncio.run(scene())


def check_incoming(webhook: "Webhook", call: dict[str, Any]) -> None:
    (incoming,) = webhook.of_type("IncomingCall")
    data = incoming["data"]
    assert incoming["subject"] == "/caller/4:+441234/recipient/8:acs:app"
    assert data["from"]["phoneNumber"] == {"value": "+441234"}
    assert data["to"]["communicationUser"] == {"id": "8:acs:app"}
    assert data["customContext"] == {
        "sipHeaders": {"X-MS-Custom-Queue": "sales", "userToUser": "u"},
        "voipHeaders": {"tenant": "t"},
    }
    assert data["serverCallId"] == call["serverCallId"]
    assert data["correlationId"] == call["correlationId"]


def check_call_events(webhook: "Webhook", call: dict[str, Any], shape: str) -> None:
    started, added, removed, ended = (
        webhook.of_type(name)
        for name in ("CallStarted", "CallParticipantAdded", "CallParticipantRemoved", "CallEnded")
    )
    assert len(started) == len(ended) == 1
    # Phone users have no calling events of their own.
    assert len(added) == len(removed) == 1
    for event in (*started, *added, *removed, *ended):
        assert set(event["data"]) >= CALLING_REQUIRED
        starter = event["data"]["startedBy"]
        starter = starter["communicationIdentifier"] if shape == "swagger" else starter
        assert starter["rawId"] == "4:+441234"
        assert event["data"]["group"]["id"]
    assert started[0]["subject"] == f"call/{call['serverCallId']}/startedBy/4:+441234"
    assert added[0]["subject"] == f"call/{call['serverCallId']}/participant/8:acs:a"
    assert ended[0]["subject"] == f"call/{call['serverCallId']}"
    assert isinstance(ended[0]["data"][DURATION[shape]], float)
    assert added[0]["data"]["displayName"] == "Ann"
    assert added[0]["data"]["user"]["role"] == "Presenter"
    assert added[0]["data"][AGENT[shape]]


def check_file_event(webhook: "Webhook", call: dict[str, Any]) -> None:
    (event,) = webhook.of_type("RecordingFileStatusUpdated")
    data = event["data"]
    assert event["subject"] == (
        f"/recording/call/{call['correlationId']}/serverCallId/{call['serverCallId']}"
        f"/recordingId/{data['recordingId']}"
    )
    assert data["recordingContentType"] == "Audio"
    assert data["recordingChannelType"] == "Mixed"
    assert data["recordingFormatType"] == "Wav"
    assert (data["storageType"], data["sessionEndReason"]) == ("ACS", "CallEnded")
    assert isinstance(data["recordingDurationMs"], int)
    (chunk,) = data["recordingStorageInfo"]["recordingChunks"]
    assert set(chunk) == {
        "documentId", "index", "endReason", "contentLocation", "metadataLocation", "deleteLocation",
    }  # fmt: skip


def test_outbound_call_is_not_offered(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.call("8:acs:a", **{"from": "8:acs:a", "to": "+44"}, direction="outbound")
            await world.until(lambda: world.webhook.of_type("CallParticipantAdded"))
            assert not world.webhook.of_type("IncomingCall")

    asyncio.run(scene())


def test_notification_headers(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.call("8:acs:a")
            await world.until(lambda: world.webhook.received)
            entry = world.webhook.received[0]
            assert entry["path"] == "/events?key=secret"
            assert isinstance(entry["body"], list)
            assert len(entry["body"]) == 1
            assert entry["headers"]["aeg-event-type"] == "Notification"
            assert entry["headers"]["aeg-subscription-name"]
            assert entry["headers"]["aeg-delivery-count"] == "0"

    asyncio.run(scene())


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
def test_nothing_is_delivered_before_the_handshake(emulate: "Emulate", schema: str) -> None:
    async def scene() -> None:
        async with emulate(validates=False, **settings(schema, "docs")) as world:
            await world.call("8:acs:a")
            await asyncio.sleep(0.5)
            assert world.webhook.received == []
            world.webhook.validates = True
            await world.until(lambda: len(world.webhook.received) == 2)

    asyncio.run(scene())


def test_validation_url_proves_the_endpoint(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(validates=False) as world:
            await world.call("8:acs:a")
            code = await world.until(lambda: world.server.emulator.announcer.validation_code)
            url = f"{world.endpoint}/eventsubscriptions/validate?id={code}"
            assert (await world.http.get(url)).status_code == 200
            await world.until(lambda: len(world.webhook.received) == 2)

    asyncio.run(scene())


def test_failed_deliveries_are_repeated_and_refused_ones_dropped(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(statuses=[503, 400]) as world:
            await world.call("8:acs:a")
            await world.until(lambda: len(world.webhook.received) == 3)
            events = (await world.control.get("/events")).json()
            assert {e["type"]: (e["status"], e["attempts"]) for e in events} == {
                "CallStarted": ("delivered", 2),
                "CallParticipantAdded": ("dropped", 1),
            }

    asyncio.run(scene())


def test_callbacks_of_a_call_and_a_recording(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a", "+44", callbackUri=f"{world.webhook.url}/calls")
            uri = f"{world.webhook.url}/recordings"
            started = (await world.start(call, recordingStateCallbackUri=uri)).json()
            path = f"/{started['recordingId']}"
            await asyncio.sleep(0.25)
            await world.rest("POST", f"{path}:pause")
            await world.rest("POST", f"{path}:resume")
            await world.rest("DELETE", path)
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallDisconnected"))
            states = world.webhook.of_type("RecordingStateChanged")
            assert [event["data"]["state"] for event in states] == [
                "active", "inactive", "active", "inactive",
            ]  # fmt: skip
            source = f"calling/recordings/{call['serverCallId']}{path}/RecordingStateChanged"
            assert (states[0]["source"], states[0]["subject"]) == (source, source)
            assert set(states[0]["data"]) == {
                "eventSource", "recordingId", "state", "startDateTime", "recordingKind",
                "resultInformation", "version", "callConnectionId", "serverCallId",
                "correlationId", "publicEventType",
            }  # fmt: skip
            (connected,) = world.webhook.of_type("CallConnected")
            assert connected["data"]["callConnectionId"] == call["callConnectionId"]
            updated = world.webhook.of_type("ParticipantsUpdated")[0]["data"]
            raw_ids = [entry["identifier"]["rawId"] for entry in updated["participants"]]
            assert raw_ids == ["8:acs:a", "4:+44"]
            (ended,) = world.webhook.of_type("CallDisconnected")
            assert ended["data"]["resultInformation"]["subCode"] == 7000

    asyncio.run(scene())


def test_accepted_start_may_fail_later(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            await world.fault("start.202ThenFailed")
            uri = f"{world.webhook.url}/recordings"
            body = {"callConnectionId": call["callConnectionId"], "recordingStateCallbackUri": uri}
            answer = await world.rest("POST", "", body | {"recordingFormatType": "wav"})
            assert answer.status_code == 202
            (failed,) = await world.until(lambda: world.webhook.of_type("StartRecordingFailed"))
            assert failed["data"]["recordingId"] == answer.json()["recordingId"]
            assert failed["data"]["callConnectionId"] == call["callConnectionId"]
            (recording,) = await world.recordings()
            assert recording["state"] == "failed"
            assert (await world.start(call)).status_code == 200

    asyncio.run(scene())


def test_file_faults(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("files.twin")
            await world.fault("files.chunks", chunks=3)
            chunk = await world.made_file()
            events = await world.until(lambda: file_events(world, 2))
            assert {e["data"]["recordingId"] for e in events} == {chunk["recordingId"]}
            chunks = [
                c for e in events for c in e["data"]["recordingStorageInfo"]["recordingChunks"]
            ]
            assert [c["index"] for c in chunks] == [0, 1, 2, 0, 1, 2]
            assert len({c["documentId"] for c in chunks}) == 6

    asyncio.run(scene())


def file_events(world: "World", count: int = 1) -> list[dict[str, Any]]:
    """Return the file events once there are at least `count`, else none."""
    found = world.webhook.of_type("RecordingFileStatusUpdated")
    return found if len(found) >= count else []


def test_one_event_per_chunk_and_foreign_urls(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("files.chunks")
            await world.fault("files.splitEvents")
            await world.fault("files.foreignUrl")
            await world.made_file()
            events = await world.until(lambda: file_events(world, 3))
            urls = [
                event["data"]["recordingStorageInfo"]["recordingChunks"][0]["contentLocation"]
                for event in events
            ]
            assert sum(url.startswith("https://evil.example/") for url in urls) == 1

    asyncio.run(scene())


def test_file_event_may_never_come(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("files.none")
            call = await world.call("8:acs:a")
            await world.start(call)
            await asyncio.sleep(0.3)
            await world.leave_or_end(call["serverCallId"])
            await world.post("/clock", advanceSeconds=10)

            recorder = world.server.emulator.recorder
            await world.until(lambda: [r for r in recorder.by_id.values() if r.files])
            await asyncio.sleep(0.2)
            assert not file_events(world)

    asyncio.run(scene())


def test_long_recordings_are_cut_after_four_hours(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(chunk_seconds_max=40.0) as world:
            call = await world.call("8:acs:a")
            await world.start(call)
            await asyncio.sleep(0.3)
            await world.post("/clock", advanceSeconds=90)
            await world.leave_or_end(call["serverCallId"])
            (event,) = await world.until(lambda: file_events(world))
            chunks = event["data"]["recordingStorageInfo"]["recordingChunks"]
            assert [c["endReason"] for c in chunks] == [
                "ChunkMaximumTimeExceeded", "ChunkMaximumTimeExceeded", "SessionEnded",
            ]  # fmt: skip

    asyncio.run(scene())


def test_past_events_are_sent_again(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.call("8:acs:a")
            await world.until(lambda: len(world.webhook.received) == 2)
            assert await world.post("/events/replay", type="CallStarted") == {"replayed": 1}
            await world.until(lambda: len(world.webhook.received) == 3)
            first, again = world.webhook.of_type("CallStarted")
            assert first == again

    asyncio.run(scene())


def test_recordings_of_others_are_announced(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            made = await world.post("/recordings/foreign", seconds=1)
            (event,) = await world.until(lambda: file_events(world))
            assert event["data"]["recordingId"] == made["recordingId"]
            chunk = event["data"]["recordingStorageInfo"]["recordingChunks"][0]
            answer = await world.storage(chunk["contentLocation"])
            assert len(answer.content) == 44 + 32_000
            (recording,) = await world.recordings()
            assert recording["foreign"]
            assert not world.webhook.of_type("CallStarted")

    asyncio.run(scene())
