"""Reading communication identifiers."""

from __future__ import annotations

from typing import Any

import pytest

from recordingd.domain.calls import PartyKind
from recordingd.ingress.parties import find_party

ACS = "8:acs:11111111-1111-1111-1111-111111111111_22222222-2222-2222-2222-222222222222"


@pytest.mark.parametrize(
    "shape",
    [
        {"rawId": ACS, "communicationUser": {"id": ACS}, "role": "agent"},
        {"communicationIdentifier": {"rawId": ACS, "kind": "communicationUser"}, "role": "agent"},
        {"communicationidentifier": {"rawId": ACS}, "role": "agent"},
        {"identifier": {"rawId": ACS}, "role": "agent"},
        {"communicationUser": {"id": ACS}, "role": "agent"},
    ],
    ids=["flat", "nested", "lower-case", "listed", "without raw id"],
)
def test_every_shape_gives_the_same_party(shape: dict[str, Any]) -> None:
    party = find_party(shape)
    assert party is not None
    assert (party.raw_id, party.kind, party.role) == (ACS, PartyKind.COMMUNICATION_USER, "agent")


@pytest.mark.parametrize(
    ("raw_id", "kind"),
    [
        (ACS, PartyKind.COMMUNICATION_USER),
        ("8:gcch-acs:r_u", PartyKind.COMMUNICATION_USER),
        ("8:spool:u", PartyKind.COMMUNICATION_USER),
        ("8:acs:resource_tenant_user", PartyKind.TEAMS_EXTENSION_USER),
        ("8:orgid:u", PartyKind.TEAMS_USER),
        ("8:teamsvisitor:u", PartyKind.TEAMS_USER),
        ("28:orgid:bot", PartyKind.TEAMS_APP),
        ("4:+18005550100", PartyKind.PHONE_NUMBER),
        ("48:conf", PartyKind.UNKNOWN),
        ("{caller-id}", PartyKind.UNKNOWN),
    ],
)
def test_kind_follows_the_prefix_when_none_is_named(raw_id: str, kind: PartyKind) -> None:
    party = find_party({"rawId": raw_id})
    assert party is not None
    assert party.kind is kind


@pytest.mark.parametrize("kind", [k for k in PartyKind if k is not PartyKind.UNKNOWN])
def test_named_kind_wins_over_the_prefix(kind: PartyKind) -> None:
    party = find_party({"rawId": "4:+18005550100", "kind": kind.value})
    assert party is not None
    assert party.kind is kind


@pytest.mark.parametrize("kind", ["unknown", "somethingNew", None, 3])
def test_kind_that_says_nothing_leaves_it_to_the_content(kind: object) -> None:
    party = find_party({"rawId": "x", "kind": kind, "phoneNumber": {"value": "+18005550100"}})
    assert party is not None
    assert party.kind is PartyKind.PHONE_NUMBER


@pytest.mark.parametrize(
    ("identifier", "phone"),
    [
        ({"rawId": "4:+18005550100"}, "+18005550100"),
        ({"rawId": "4:x", "phoneNumber": {"value": "+18005550100"}}, "+18005550100"),
        ({"phoneNumber": {"value": "+18005550100"}}, "+18005550100"),
        ({"rawId": "4:anonymous", "phoneNumber": {"value": "anonymous"}}, None),
        ({"rawId": "4:+0123"}, None),
        ({"rawId": "4:+1234567890123456"}, None),
        ({"rawId": ACS}, None),
    ],
)
def test_phone_is_kept_only_as_e164(identifier: dict[str, Any], phone: str | None) -> None:
    party = find_party(identifier)
    assert party is not None
    assert party.phone == phone


@pytest.mark.parametrize(
    ("identifier", "raw_id"),
    [
        ({"phoneNumber": {"value": "+18005550100"}}, "4:+18005550100"),
        ({"microsoftTeamsUser": {"userId": "u-1"}}, "8:orgid:u-1"),
    ],
)
def test_raw_id_is_made_of_the_typed_part_when_missing(
    identifier: dict[str, Any], raw_id: str
) -> None:
    party = find_party(identifier)
    assert party is not None
    assert party.raw_id == raw_id


@pytest.mark.parametrize("identifier", [{}, {"rawId": 7}, {"kind": "communicationUser"}])
def test_identifier_that_names_nobody_is_no_party(identifier: dict[str, Any]) -> None:
    assert find_party(identifier) is None
