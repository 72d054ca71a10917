"""What was seen of the service, or is documented in two ways, each as a fault by name."""

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from recordingd.emulator.app import EventSchema, EventShape, StartStatus

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, Json, World

FILE_DATA = {
    "recordingStorageInfo", "recordingStartTime", "recordingDurationMs", "recordingContentType",
    "recordingChannelType", "recordingFormatType", "recordingId", "storageType",
    "sessionEndReason",
}  # fmt: skip
PREVIEW = "2024-09-01-preview"


async def file_event(world: "World") -> dict[str, Any]:
    event = (await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"), 20))[-1]
    return dict(event)


@pytest.mark.parametrize(
    ("form", "middle"),
    [
        ("spec2021", "/recordingId/{recordingId}"),
        ("live", "/serverCallId/{serverCallId}/recordingId/{recordingId}"),
        ("byos", "/serverCallId/{serverCallId}"),
        ("callConnectionId", "/callConnectionId/"),
    ],
)
def test_subject_of_the_file_event(emulate: "Emulate", form: str, middle: str) -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("events.subjectForm", form=form)
            chunk = await world.made_file()
            (call,) = (await world.control.get("/calls")).json()
            wanted = f"/recording/call/{call['correlationId']}" + middle.format(
                serverCallId=call["serverCallId"], recordingId=chunk["recordingId"]
            )
            subject = (await file_event(world))["subject"]
            if form == "callConnectionId":
                # Started by server call id, the recording has a connection of its own.
                subject = subject[: len(wanted)]
            assert subject == wanted

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        (
            "events.missingFields",
            {"recordingContentType", "recordingChannelType", "recordingFormatType"},
        ),
        ("events.noRecordingId", {"recordingId"}),
    ],
)
def test_file_event_without_optional_fields(
    emulate: "Emulate", fault: str, missing: set[str]
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault(fault, match={"type": "RecordingFileStatusUpdated"})
            await world.made_file()
            assert FILE_DATA - (await file_event(world))["data"].keys() == missing

    asyncio.run(scene())


def test_padded_recording_id_is_shown_everywhere_and_understood(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("start.paddedId")
            call = await world.call("8:acs:a")
            uri = f"{world.webhook.url}/x"
            started = (await world.start(call, recordingStateCallbackUri=uri)).json()
            padded = started["recordingId"]
            assert padded.endswith("==")
            (changed,) = await world.until(lambda: world.webhook.of_type("RecordingStateChanged"))
            assert changed["data"]["recordingId"] == padded
            for spelling in (padded, padded.rstrip("=")):
                answer = await world.rest("GET", f"/{spelling}")
                assert answer.json()["recordingId"] == padded
            await world.leave_or_end(call["serverCallId"])
            event = await file_event(world)
            assert event["data"]["recordingId"] == padded
            assert event["subject"].endswith(f"/recordingId/{padded}")

    asyncio.run(scene())


def test_one_call_event_comes_in_the_other_shape(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("events.otherShape", match={"type": "CallParticipantAdded"})
            call = await world.call("8:acs:a")
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallEnded"))
            (added,) = world.webhook.of_type("CallParticipantAdded")
            (removed,) = world.webhook.of_type("CallParticipantRemoved")
            assert added["data"]["user"]["communicationIdentifier"]["rawId"] == "8:acs:a"
            assert removed["data"]["user"]["rawId"] == "8:acs:a"

    asyncio.run(scene())


def test_lower_case_identifier_and_example_spelling_of_cloud_events(emulate: "Emulate") -> None:
    settings = {"event_schema": EventSchema.CLOUD_EVENTS, "event_shape": EventShape.SWAGGER}

    async def scene() -> None:
        async with emulate(**settings) as world:
            await world.fault("events.lowerCaseIdentifier", match={"type": "CallEnded"})
            await world.fault("events.specVersion", match={"type": "CallEnded"})
            await world.fault("events.foreignTopic", match={"type": "CallEnded"})
            call = await world.call("8:acs:a")
            await world.leave_or_end(call["serverCallId"])
            (ended,) = await world.until(lambda: world.webhook.of_type("CallEnded"))
            assert ended["data"]["endedBy"]["communicationidentifier"]["rawId"] == "8:acs:a"
            assert ended["data"]["startedBy"]["communicationidentifier"]["rawId"] == "8:acs:a"
            assert (ended["specVersion"], "specversion" in ended) == ("1.0", False)
            assert ended["source"].endswith("/fabrikam")
            (started,) = world.webhook.of_type("CallStarted")
            assert started["specversion"] == "1.0"
            assert started["source"].endswith("/emulator")

    asyncio.run(scene())


def test_result_may_hold_errors(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            path = f"/{chunk['recordingId']}/result"
            assert (await world.rest("GET", path, version=PREVIEW)).json()["errors"] == []
            await world.fault("result.errors", code="X", message="because")
            errors = (await world.rest("GET", path, version=PREVIEW)).json()["errors"]
            assert errors == [{"code": "X", "message": "because"}]

    asyncio.run(scene())


@pytest.mark.parametrize("operation", ["pause", "resume"])
def test_pause_and_resume_are_refused_or_lose_their_answer(
    emulate: "Emulate", operation: str
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            started = (await world.start(call)).json()
            path = f"/{started['recordingId']}:{operation}"
            await world.fault(f"{operation}.notAllowed")
            refused = await world.rest("POST", path)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "8573")
            await world.fault(f"{operation}.404")
            assert (await world.rest("POST", path)).status_code == 404
            assert (await world.rest("POST", path)).status_code == 202

    asyncio.run(scene())


def test_any_operation_may_be_throttled_and_state_not_found(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            path = f"/{(await world.start(call)).json()['recordingId']}"
            await world.fault("service.429", match={"operation": "stop"}, retryAfter="7")
            await world.fault("state.404")
            assert (await world.rest("GET", path)).status_code == 404
            assert (await world.rest("GET", path)).status_code == 200
            throttled = await world.rest("DELETE", path)
            assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
            assert (await world.rest("DELETE", path)).status_code == 204

    asyncio.run(scene())


def test_storage_refuses_with_the_body_of_2023(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            await world.fault("storage.jsonErrors")
            answer = await world.http.get(chunk["contentLocation"])
            assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")
            assert (await world.http.get(chunk["contentLocation"])).content == b""

    asyncio.run(scene())


def test_content_answers_differ_in_status_and_headers(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            url = (await world.made_file())["contentLocation"]
            await world.fault("download.partial")
            partial = await world.storage(url)
            size = len(partial.content)
            assert partial.status_code == 206
            assert partial.headers["content-range"] == f"bytes 0-{size - 1}/{size}"
            await world.fault("download.noContentRange")
            assert "content-range" not in (await world.storage(url)).headers

    asyncio.run(scene())


@pytest.mark.parametrize("status", [401, 404])
def test_delete_is_refused_and_leaves_the_file(emulate: "Emulate", status: int) -> None:
    async def scene() -> None:
        async with emulate() as world:
            await world.fault("files.deletedataUrl")
            chunk = await world.made_file()
            assert chunk["deleteLocation"].endswith("/content/deletedata")
            await world.fault(f"delete.{status}")
            assert (await world.storage(chunk["deleteLocation"], "DELETE")).status_code == status
            assert (await world.storage(chunk["contentLocation"])).status_code == 200
            assert (await world.storage(chunk["deleteLocation"], "DELETE")).status_code == 200
            assert (await world.storage(chunk["contentLocation"])).status_code == 404

    asyncio.run(scene())


@pytest.mark.parametrize(("fault", "expected"), [(None, ["active"]), ("callbacks.afterEnd", None)])
def test_end_of_the_call_sends_no_recording_state_unless_asked(
    emulate: "Emulate", fault: str | None, expected: list[str] | None
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            if fault is not None:
                await world.fault(fault)
            uri = f"{world.webhook.url}/x"
            call = await world.call("8:acs:a", callbackUri=uri)
            await world.start(call, recordingStateCallbackUri=uri)
            await asyncio.sleep(0.2)
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallDisconnected"))
            states = [e["data"]["state"] for e in world.webhook.of_type("RecordingStateChanged")]
            assert states == (expected or ["active", "inactive"])

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("setting", "version", "by_connection", "status"),
    [
        (StartStatus.DOCUMENTED, "2026-03-12", True, 202),
        (StartStatus.DOCUMENTED, "2026-03-12", False, 200),
        (StartStatus.DOCUMENTED, "2025-06-15", True, 200),
        (StartStatus.OK, "2026-03-12", True, 200),
        (StartStatus.ACCEPTED, "2026-03-12", False, 202),
        (StartStatus.ACCEPTED, "2025-05-15", False, 202),
        (StartStatus.ACCEPTED, "2024-09-15", False, 200),
        (StartStatus.ACCEPTED, "2023-10-15", False, 200),
    ],
)
def test_status_of_an_accepted_start(
    emulate: "Emulate", setting: StartStatus, version: str, *, by_connection: bool, status: int
) -> None:
    async def scene() -> None:
        async with emulate(start_status=setting) as world:
            call = await world.call("8:acs:a")
            body = {"recordingFormatType": "wav"} | named(call, by_connection=by_connection)
            assert (await world.rest("POST", "", body, version=version)).status_code == status

    asyncio.run(scene())


def named(call: "Json", *, by_connection: bool) -> dict[str, Any]:
    if by_connection:
        return {"callConnectionId": call["callConnectionId"]}
    return {"callLocator": {"serverCallId": call["serverCallId"], "kind": "serverCallLocator"}}


NEWER_FIELDS: dict[str, Any] = {
    "pauseOnStart": True,
    "externalStorage": {"recordingStorageKind": "azureCommunicationServices"},
}


@pytest.mark.parametrize(
    ("name", "strict", "version"),
    list(itertools.product(NEWER_FIELDS, [True, False], ["2023-10-15", "2024-04-15"])),
)
def test_fields_of_later_versions(
    emulate: "Emulate", name: str, version: str, *, strict: bool
) -> None:
    async def scene() -> None:
        async with emulate(strict=strict) as world:
            call = await world.call("8:acs:a")
            body = named(call, by_connection=False) | {"recordingFormatType": "wav"}
            answer = await world.rest(
                "POST", "", body | {name: NEWER_FIELDS[name]}, version=version
            )
            is_refused = strict and version == "2023-10-15"
            assert answer.status_code == (400 if is_refused else 200)
            if is_refused:
                assert answer.json()["error"]["code"] == "8523"
                return
            (recording,) = await world.recordings()
            is_paused = name == "pauseOnStart" and version != "2023-10-15"
            assert recording["pauseOnStart"] == is_paused

    asyncio.run(scene())
