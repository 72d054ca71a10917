"""Identifiers look like the service's."""

import base64
import json
import re

import pytest

from recordingd.emulator.clock import Ids
from recordingd.emulator.identifiers import (
    identifier,
    new_document_id,
    new_recording_id,
    new_server_call_id,
    normal_raw_id,
    plain_time,
    raw_id_of,
    ticks_time,
)


def test_server_call_ids_hold_the_characters_that_break_clients() -> None:
    ids = Ids(1)
    for moment in (0.0, 1e9, 1.79e9, 4e9):
        made = new_server_call_id(ids, moment)
        assert "/" in made
        assert made.endswith("=")
        assert base64.b64decode(made, validate=True).startswith(
            b"https://api.flightproxy.skype.com/"
        )


def test_recording_id_is_unpadded_base64url_of_json() -> None:
    made = new_recording_id(Ids(1), "0300-guid")
    assert made.startswith("eyJQbGF0")
    assert "=" not in made
    body = json.loads(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    assert body["PlatformEndpointId"] == "0300-guid"
    assert set(body) == {"PlatformEndpointId", "ResourceSpecificId"}


def test_document_id_form() -> None:
    assert re.fullmatch(r"0-wus-d4-[0-9a-f]{32}", new_document_id(Ids(1)))


@pytest.mark.parametrize(
    ("raw_id", "kind"),
    [
        ("8:acs:r_u", "communicationUser"),
        ("4:+44123", "phoneNumber"),
        ("8:orgid:x", "microsoftTeamsUser"),
        ("28:orgid:x", "microsoftTeamsApp"),
        ("what", "unknown"),
    ],
)
def test_identifier_models_are_read_back(raw_id: str, kind: str) -> None:
    model = identifier(raw_id)
    assert model["kind"] == kind
    assert raw_id_of(model) == raw_id
    if kind != "unknown":
        assert raw_id_of({kind: model[kind]}) == raw_id


def test_phone_numbers_become_raw_ids() -> None:
    assert normal_raw_id("+44123") == "4:+44123"
    assert normal_raw_id("8:acs:x") == "8:acs:x"


def test_times_have_the_digits_of_the_service() -> None:
    assert re.fullmatch(r"1970-01-01T00:00:01\.2500007Z", ticks_time(1.25))
    assert plain_time(1.25) == "1970-01-01T00:00:01.250Z"
