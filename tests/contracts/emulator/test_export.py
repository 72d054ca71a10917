"""Recordings exported to a customer's container, and events delivered to a customer's queue."""

import asyncio
import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.queue import QueueSasPermissions, generate_queue_sas

from recordingd.emulator.app import EventSchema
from recordingd.emulator.clock import real_now, utc

if TYPE_CHECKING:
    from tests.azurite import Azurite
    from tests.contracts.emulator.conftest import Emulate, World

UNKNOWN_CONTAINER = "https://contoso.blob.core.windows.net/vault"


def destination(url: str) -> dict[str, Any]:
    return {
        "externalStorage": {
            "recordingStorageKind": "azureBlobStorage",
            "recordingDestinationContainerUrl": url,
        }
    }


async def downloaded(azurite: "Azurite", container: str, url: str) -> bytes:
    name = url.removeprefix(f"{container}/")

    def read() -> bytes:
        with azurite.container(container) as client:
            return client.download_blob(name).readall()

    return await asyncio.to_thread(read)


async def file_event(world: "World") -> dict[str, Any]:
    events = await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
    event: dict[str, Any] = events[0]
    return event


def test_recording_lies_in_the_container_in_the_documented_layout(
    emulate: "Emulate", azurite: "Azurite"
) -> None:
    container = azurite.create_container()

    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file(**destination(container))
            event = await file_event(world)
            call_id = event["subject"].split("/")[3]
            document = re.escape(chunk["documentId"])
            folder = rf"\d{{8}}/{call_id}/{chunk['recordingId'][:8]}-[0-9a-f-]{{36}}"
            content = chunk["contentLocation"]
            assert re.fullmatch(
                rf"{re.escape(container)}/{folder}/0-audio\.{document}\.wav", content
            )
            metadata = re.sub(r"0-audio\.(.*)\.wav", r"0-acsmetadata.\1.json", content)
            assert chunk["metadataLocation"] == metadata
            assert "deleteLocation" not in chunk
            assert event["data"]["storageType"] == "AzureBlob"
            assert event["data"]["recordingId"] == chunk["recordingId"]
            (recording,) = await world.recordings()
            (file,) = recording["files"]
            assert not file["exists"]
            data = await downloaded(azurite, container, content)
            assert len(data) == file["sizeBytes"]
            described = json.loads(await downloaded(azurite, container, metadata))
            assert described["chunkDocumentId"] == chunk["documentId"]

    asyncio.run(scene())


def test_sas_and_a_folder_within_the_container_are_respected(
    emulate: "Emulate", azurite: "Azurite"
) -> None:
    container = azurite.create_container()
    sas = generate_container_sas(
        azurite.account,
        urlsplit(container).path.rpartition("/")[2],
        azurite.key,
        permission=ContainerSasPermissions(write=True, create=True),
        expiry=utc(real_now() + 3600),
    )

    async def scene() -> None:
        async with emulate(account_keys={}) as world:
            chunk = await world.made_file(**destination(f"{container}/calls/uk?{sas}"))
            location = chunk["contentLocation"]
            assert location.startswith(f"{container}/calls/uk/20")
            assert "sig=" not in location
            assert await downloaded(azurite, container, location)

    asyncio.run(scene())


@pytest.mark.parametrize("reason", ["fault", "missing container", "unknown account"])
def test_failed_export_is_announced_on_the_service(
    emulate: "Emulate", azurite: "Azurite", reason: str
) -> None:
    container = {
        "fault": f"{azurite.blob_url}/whatever",
        "missing container": f"{azurite.blob_url}/never-made",
        "unknown account": UNKNOWN_CONTAINER,
    }[reason]

    async def scene() -> None:
        async with emulate() as world:
            if reason == "fault":
                await world.fault("files.exportFailed")
            chunk = await world.made_file(**destination(container))
            event = await file_event(world)
            assert event["data"]["storageType"] == "ACS"
            assert chunk["contentLocation"].startswith(f"{world.endpoint}/v1/objects/")
            assert (await world.storage(chunk["contentLocation"])).status_code == 200
            result = await world.rest(
                "GET", f"/{chunk['recordingId']}/result", version="2024-09-01-preview"
            )
            assert [error["code"] for error in result.json()["errors"]] == ["ExportFailed"]
            await world.post("/clock", advanceSeconds=24 * 3600)
            assert (await world.storage(chunk["contentLocation"])).status_code == 404

    asyncio.run(scene())


async def messages(azurite: "Azurite", queue: str, count: int) -> list[dict[str, Any]]:
    """Return `count` events from the queue, in order of their arrival."""

    def read() -> list[str]:
        with azurite.queue(queue) as client:
            return [message.content for message in client.receive_messages(max_messages=32)]

    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += await asyncio.to_thread(read)
    return [json.loads(base64.b64decode(text, validate=True)) for text in found]


@pytest.mark.parametrize("schema", list(EventSchema))
def test_events_go_into_a_queue_one_by_one(
    emulate: "Emulate", azurite: "Azurite", schema: EventSchema
) -> None:
    queue = azurite.create_queue()

    async def scene() -> None:
        async with emulate(events_to=None, events_to_queue=queue, event_schema=schema) as world:
            call = await world.call("8:acs:a", "8:acs:b")
            await world.leave_or_end(call["serverCallId"])
            events = await messages(azurite, queue, 6)
            kinds = [event.get("eventType") or event["type"] for event in events]
            assert [kind.rpartition(".")[2] for kind in kinds] == [
                "CallStarted", "CallParticipantAdded", "CallParticipantAdded",
                "CallParticipantRemoved", "CallParticipantRemoved", "CallEnded",
            ]  # fmt: skip
            assert {event["data"]["serverCallId"] for event in events} == {call["serverCallId"]}

    asyncio.run(scene())


def test_webhook_and_queue_both_get_every_event(emulate: "Emulate", azurite: "Azurite") -> None:
    queue = azurite.create_queue()
    sas = generate_queue_sas(
        azurite.account,
        urlsplit(queue).path.rpartition("/")[2],
        azurite.key,
        permission=QueueSasPermissions(add=True),
        expiry=utc(real_now() + 3600),
    )

    async def scene() -> None:
        async with emulate(events_to_queue=f"{queue}?{sas}", account_keys={}) as world:
            await world.call("8:acs:a")
            queued = await messages(azurite, queue, 2)
            await world.until(lambda: len(world.webhook.events) == 2)
            assert [event["id"] for event in queued] == [e["id"] for e in world.webhook.events]
            listed = (await world.control.get("/events")).json()
            assert all("sig=" not in entry["url"] for entry in listed)

    asyncio.run(scene())


def test_queue_that_is_made_late_gets_the_event(emulate: "Emulate", azurite: "Azurite") -> None:
    queue = f"{azurite.queue_url}/made-late"

    async def scene() -> None:
        async with emulate(events_to=None, events_to_queue=queue) as world:
            await world.call("8:acs:a")
            couriers = world.server.emulator.announcer
            await world.until(lambda: all(p.attempts for p in couriers.queue.history))
            with azurite.queue(queue) as client:
                await asyncio.to_thread(client.create_queue)
            assert len(await messages(azurite, queue, 2)) == 2

    asyncio.run(scene())
