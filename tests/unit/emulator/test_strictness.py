from typing import Any

import pytest

from recordingd.emulator.strictness import known_fields, violation

NEW = "2026-03-12"
LOCATOR: dict[str, Any] = {"callLocator": {"serverCallId": "s", "kind": "serverCallLocator"}}
USER: dict[str, Any] = {"rawId": "8:acs:a", "communicationUser": {"id": "8:acs:a"}}


@pytest.mark.parametrize(
    "body",
    [
        LOCATOR,
        {"callConnectionId": "c"},
        {},
        LOCATOR | dict.fromkeys(["recordingContentType", "channelAffinity", "pauseOnStart"]),
        LOCATOR | {"channelAffinity": [], "audioChannelParticipantOrdering": [USER]},
        LOCATOR | {"channelAffinity": [{"channel": 0, "participant": USER}]},
        LOCATOR | {"channelAffinity": [{"channel": 4, "participant": USER}]},
        LOCATOR | {"audioChannelParticipantOrdering": [{"phoneNumber": {"value": "+44"}}]},
    ],
)
def test_what_the_swagger_allows(body: dict[str, Any]) -> None:
    assert violation(body, NEW) is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "body"),
        (LOCATOR | {"other": 1}, "other"),
        ({"callLocator": "s"}, "callLocator"),
        ({"callLocator": {"kind": "other"}}, "callLocator.kind"),
        ({"callLocator": {"else": 1}}, "callLocator.else"),
        (LOCATOR | {"recordingContentType": "Audio"}, "recordingContentType"),
        (LOCATOR | {"recordingContentType": 1}, "recordingContentType"),
        (LOCATOR | {"pauseOnStart": "true"}, "pauseOnStart"),
        (LOCATOR | {"channelAffinity": {}}, "channelAffinity"),
        (LOCATOR | {"channelAffinity": [{"channel": 0}]}, r"channelAffinity\[\].participant"),
        (LOCATOR | {"channelAffinity": [{"channel": -1, "participant": USER}]}, "from 0 to 4"),
        (LOCATOR | {"channelAffinity": [{"channel": 5, "participant": USER}]}, "from 0 to 4"),
        (LOCATOR | {"channelAffinity": [{"channel": True, "participant": USER}]}, "integer"),
        (LOCATOR | {"audioChannelParticipantOrdering": [{"communicationUser": {}}]}, "id"),
        (LOCATOR | {"externalStorage": {}}, "recordingStorageKind"),
        (LOCATOR | {"externalStorage": {"recordingStorageKind": "s3"}}, "recordingStorageKind"),
    ],
)
def test_what_it_does_not_allow_is_named(body: object, named: str) -> None:
    found = violation(body, NEW)
    assert found is not None
    assert named.replace("\\", "") in found


@pytest.mark.parametrize(
    ("field", "before", "since"),
    [
        ({"pauseOnStart": True}, "2023-10-15", "2024-04-15"),
        (
            {"externalStorage": {"recordingStorageKind": "azureCommunicationServices"}},
            "2023-10-15",
            "2024-04-15",
        ),
        ({"callConnectionId": "c"}, "2024-04-15", "2024-06-15-preview"),
    ],
)
def test_field_is_allowed_from_its_first_version_on(
    field: dict[str, Any], before: str, since: str
) -> None:
    assert violation(LOCATOR | field, before) is not None
    assert violation(LOCATOR | field, since) is None
    assert known_fields(field, before) == {}
    assert known_fields(field, since) == field


def test_locator_was_required_until_there_was_another_way() -> None:
    assert violation({}, "2023-10-15") == "callLocator is required."
    assert violation({}, NEW) is None


def test_lenient_reading_keeps_what_nobody_knows() -> None:
    assert known_fields({"somethingNew": 1}, "2023-10-15") == {"somethingNew": 1}
