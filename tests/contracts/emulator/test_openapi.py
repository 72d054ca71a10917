"""The emulator beside the official specification, where its subsets are present.

The folder ``openapi`` lies beside the one that ``RECORDINGD_CONTRACT_SAMPLES`` names; without it
these tests are skipped, and the other tests of this folder hold the same facts.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft4Validator

from recordingd.emulator.app import EventShape
from recordingd.emulator.strictness import MODELS, Field

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate

FOLDER = Path(os.environ.get("RECORDINGD_CONTRACT_SAMPLES", "")).parent / "openapi"
pytestmark = pytest.mark.skipif(
    not os.environ.get("RECORDINGD_CONTRACT_SAMPLES"),
    reason="RECORDINGD_CONTRACT_SAMPLES is not set",
)
OLD, NEW = "2023-10-15", "2026-03-12"
# Fields that recorded answers and events have and the specification does not declare.
LIVE_EXTRAS = {"version", "publicEventType", "eventSource"}
# The identifier and the error lie in files that the subsets only refer to.
COMMON: dict[str, Any] = {
    "CommunicationIdentifierModel": {
        "type": "object",
        "required": ["rawId"],
        "properties": {"rawId": {"type": "string"}, "kind": {"type": "string"}},
    },
    "CommunicationErrorResponse": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            }
        },
    },
}


def definitions(name: str) -> dict[str, Any]:
    text = next(FOLDER.glob(f"*{name}*.json")).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["definitions"]
    return {key: inward(value) for key, value in (found | COMMON).items()}


def inward(value: Any) -> Any:  # noqa: ANN401  JSON
    """Return a schema whose references all lead to the definitions beside it."""
    if isinstance(value, list):
        return [inward(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/definitions/{value['$ref'].rpartition('/')[2]}"}
    return {key: inward(entry) for key, entry in value.items()}


def check(body: object, model: str, known: dict[str, Any]) -> None:
    Draft4Validator({"$ref": f"#/definitions/{model}", "definitions": known}).validate(body)


def declared(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in LIVE_EXTRAS}


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("model", sorted(MODELS.keys() - COMMON.keys()))
def test_tables_of_strict_reading_are_the_specification(model: str, version: str) -> None:
    known = definitions(version)
    if model not in known:
        parts = {"CommunicationUser", "PhoneNumber", "MicrosoftTeamsUser", "MicrosoftTeamsApp"}
        later = {"TeamsExtensionUser"} | ({"ExternalStorage"} if version == OLD else set())
        assert model in parts | later
        return
    official = known[model]
    ours = {name: rule for name, rule in MODELS[model].items() if rule.since <= version}
    assert set(ours) == set(official["properties"])
    for name, rule in ours.items():
        stated = official["properties"][name]
        stated = known[stated["$ref"].rpartition("/")[2]] if "$ref" in stated else stated
        check_rule(rule, stated, version)
        is_required = rule.is_required or version < rule.required_before
        assert is_required == (name in official.get("required", []))


def check_rule(rule: Field, stated: dict[str, Any], version: str) -> None:
    assert stated["type"] == (rule.type if rule.type in {"string", "boolean", "integer", "array"}
                              else "object")  # fmt: skip
    values = [value for value, since in rule.values.items() if since <= version]
    assert sorted(values) == sorted(stated.get("enum", []))
    if rule.of:
        assert stated["items"] == {"$ref": f"#/definitions/{rule.of}"}
    if "maximum" in stated:
        assert (rule.minimum, rule.maximum) == (stated["minimum"], stated["maximum"])


@pytest.mark.parametrize("version", [OLD, NEW])
def test_answers_and_callbacks_fit_the_specification(emulate: "Emulate", version: str) -> None:
    known = definitions(version)

    async def scene() -> None:
        async with emulate(api_version=version) as world:
            uri = f"{world.webhook.url}/x"
            call = await world.call("8:acs:a", "+44123", callbackUri=uri)
            if version == NEW:
                await world.fault("start.202ThenFailed")
                body = {"callConnectionId": call["callConnectionId"], "recordingFormatType": "wav"}
                failing = await world.rest("POST", "", body | {"recordingStateCallbackUri": uri})
                check(failing.json(), "RecordingStateResponse", known)
                await world.until(lambda: world.webhook.of_type("StartRecordingFailed"))
            locator = {"serverCallId": call["serverCallId"], "kind": "serverCallLocator"}
            body = {"callLocator": locator, "recordingFormatType": "wav"}
            started = await world.rest(
                "POST", "", body | {"recordingStateCallbackUri": uri}, version=version
            )
            check(started.json(), "RecordingStateResponse", known)
            path = f"/{started.json()['recordingId']}"
            check(
                (await world.rest("GET", path, version=version)).json(),
                "RecordingStateResponse",
                known,
            )
            again = await world.rest("POST", "", body, version=version)
            check(again.json(), "CommunicationErrorResponse", known)
            await world.until(lambda: world.webhook.of_type("RecordingStateChanged"))
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("CallDisconnected"))
            gone = await world.rest("GET", path, version=version)
            check(gone.json(), "CommunicationErrorResponse", known)
            for name in ("CallConnected", "CallDisconnected", "RecordingStateChanged"):
                for event in world.webhook.of_type(name):
                    check(declared(event["data"]), name, known)
            for event in world.webhook.of_type("StartRecordingFailed"):
                check(declared(event["data"]), "StartRecordingFailed", known)

    asyncio.run(scene())


def test_events_fit_the_specification(emulate: "Emulate") -> None:
    known = definitions("eventgrid")

    async def scene() -> None:
        async with emulate(event_shape=EventShape.SWAGGER) as world:
            call = await world.call("8:acs:a", "8:acs:b", group="g", room="r")
            await world.start(call)
            await asyncio.sleep(0.1)
            await world.leave_or_end(call["serverCallId"])
            await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
            names = {
                "CallStarted", "CallEnded", "CallParticipantAdded", "CallParticipantRemoved",
                "RecordingFileStatusUpdated",
            }  # fmt: skip
            for name in names:
                found = world.webhook.of_type(name)
                assert found
                for event in found:
                    model = f"Acs{name}EventData"
                    check(event["data"], model, known)

    asyncio.run(scene())
