"""Start requests: what is accepted, what is refused with which subcode."""

from typing import Any

import pytest

from recordingd.emulator.starts import OUTPUTS, RefusedError, read_start
from recordingd.emulator.state import StartRequest

LOCATOR = {"callLocator": {"serverCallId": "abc", "kind": "serverCallLocator"}}
USER = {"rawId": "8:acs:a", "communicationUser": {"id": "8:acs:a"}}


def read(
    body: dict[str, Any], version: str = "2026-03-12", *, strict: bool = False
) -> StartRequest:
    return read_start(body, api_version=version, strict=strict)


def output_of(content: str | None, channel: str | None, form: str | None) -> tuple[str, str, str]:
    request = read(
        {
            **LOCATOR,
            "recordingContentType": content,
            "recordingChannelType": channel,
            "recordingFormatType": form,
        }
    )
    return request.content, request.channel, request.format


@pytest.mark.parametrize("row", OUTPUTS)
def test_documented_outputs_are_accepted(row: tuple[str, str, str]) -> None:
    assert output_of(*row) == row


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ((None, None, None), ("audio", "mixed", "mp3")),
        ((None, "unmixed", None), ("audio", "unmixed", "wav")),
        (("audioVideo", None, None), ("audioVideo", "mixed", "mp4")),
        ((None, None, "wav"), ("audio", "mixed", "wav")),
    ],
)
def test_absent_outputs_are_filled_in(
    given: tuple[str | None, str | None, str | None], row: tuple[str, str, str]
) -> None:
    assert output_of(*given) == row


@pytest.mark.parametrize(
    "given",
    [
        ("audio", "unmixed", "mp3"),
        ("audio", "unmixed", "mp4"),
        ("audioVideo", "unmixed", "mp4"),
        ("audio", "mixed", "mp4"),
        ("audioVideo", "mixed", "wav"),
        ("AUDIO", "mixed", "wav"),
    ],
)
def test_other_combinations_are_refused(given: tuple[str, str, str]) -> None:
    with pytest.raises(RefusedError) as caught:
        output_of(*given)
    assert (caught.value.status, caught.value.code) == (400, "8523")


@pytest.mark.parametrize(
    "body",
    [
        LOCATOR,
        {**LOCATOR, "channelAffinity": [], "audioChannelParticipantOrdering": []},
        {**LOCATOR, "channelAffinity": None, "pauseOnStart": None, "externalStorage": None},
        {"callLocator": {"groupCallId": "g", "kind": "groupCallLocator"}},
        {"callConnectionId": "c", "callLocator": None},
        {**LOCATOR, "somethingNew": 1},
        {**LOCATOR, "recordingStateCallbackUri": "/not/absolute/uri"},
        {**LOCATOR, "externalStorage": {"recordingStorageKind": "azureCommunicationServices"}},
    ],
)
def test_lenient_reading_accepts(body: dict[str, Any]) -> None:
    read(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"callLocator": {}},
        {**LOCATOR, "callConnectionId": "c"},
        {"callLocator": {"roomId": "r", "kind": "roomCallLocator"}},
        {**LOCATOR, "pauseOnStart": "yes"},
        {**LOCATOR, "channelAffinity": [{"channel": 0}]},
        {**LOCATOR, "channelAffinity": [{"channel": 5, "participant": USER}]},
        {**LOCATOR, "channelAffinity": [{"channel": 1, "participant": USER}] * 2},
        {**LOCATOR, "audioChannelParticipantOrdering": [{}]},
        {**LOCATOR, "externalStorage": {"recordingStorageKind": "azureBlobStorage"}},
        {**LOCATOR, "externalStorage": {"recordingStorageKind": "other"}},
    ],
)
def test_wrong_bodies_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        read(body)
    assert (caught.value.status, caught.value.code) == (400, "8523")


def test_strict_reading_refuses_unknown_fields() -> None:
    with pytest.raises(RefusedError, match="somethingNew"):
        read({**LOCATOR, "somethingNew": 1}, strict=True)


def test_old_versions_know_no_call_connection_id() -> None:
    with pytest.raises(RefusedError):
        read({"callConnectionId": "c"}, version="2023-10-15")


def test_identifiers_are_read_from_any_part() -> None:
    request = read(
        {
            **LOCATOR,
            "audioChannelParticipantOrdering": [
                {"phoneNumber": {"value": "+44123"}},
                {"communicationUser": {"id": "8:acs:b"}},
            ],
            "channelAffinity": [{"channel": 4, "participant": USER}, {"participant": USER}],
        }
    )
    assert request.ordering == ("4:+44123", "8:acs:b")
    assert request.affinity == (("8:acs:a", 4), ("8:acs:a", None))
