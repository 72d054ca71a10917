"""Read communication identifiers into parties.

Called by the readers of this package. The shapes are those of CommunicationIdentifierModel (Call
Automation 2026-03-12) and of the calling events, which nest it under `communicationIdentifier` in
the Event Grid swagger and spell it flat in the documentation; both are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from recordingd.domain.calls import Party, PartyKind, Phone, RawId
from recordingd.ingress.fields import Json, object_of, text_of

E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)

_PHONE_PREFIX = "4:"
_KINDS_BY_NAME = {kind.value: kind for kind in PartyKind}
# Prefixes of raw ids, as the service's own clients read them (identifier_from_raw_id).
_KINDS_BY_PREFIX = {
    "8:acs:": PartyKind.COMMUNICATION_USER,
    "8:spool:": PartyKind.COMMUNICATION_USER,
    "8:dod-acs:": PartyKind.COMMUNICATION_USER,
    "8:gcch-acs:": PartyKind.COMMUNICATION_USER,
    "8:orgid:": PartyKind.TEAMS_USER,
    "8:teamsvisitor:": PartyKind.TEAMS_USER,
    "8:dod:": PartyKind.TEAMS_USER,
    "8:gcch:": PartyKind.TEAMS_USER,
    "28:orgid:": PartyKind.TEAMS_APP,
    "28:dod:": PartyKind.TEAMS_APP,
    "28:gcch:": PartyKind.TEAMS_APP,
    _PHONE_PREFIX: PartyKind.PHONE_NUMBER,
}
# A raw id of a Teams extension user is an ACS prefix, then resource, tenant and user id.
_EXTENSION_PARTS = 3


def find_party(
    holder: Json, *, display_name: str | None = None, role: str | None = None
) -> Party | None:
    """Read a party from an identifier, or from an object that holds one; None when there is none.

    A role or a display name beside the identifier counts when none is given.
    """
    identifier = _identifier_in(holder)
    raw_id = text_of(identifier, "rawId") or _composed_raw_id(identifier)
    if raw_id is None:
        return None
    return Party(
        raw_id=RawId(raw_id),
        kind=_kind_of(identifier, raw_id),
        phone=_phone_of(identifier, raw_id),
        display_name=display_name or text_of(holder, "displayName"),
        role=role or text_of(holder, "role"),
    )


def _identifier_in(holder: Json) -> Json:
    # Some examples of the specification spell the key in lower case (call_ended.json).
    for name, value in holder.items():
        if name.lower() in {"communicationidentifier", "identifier"} and isinstance(value, Mapping):
            return value
    return holder


def _composed_raw_id(identifier: Json) -> str | None:
    """Make a raw id of the typed part of an identifier that came without one."""
    user = text_of(object_of(identifier, "communicationUser"), "id")
    phone = text_of(object_of(identifier, "phoneNumber"), "value")
    teams = text_of(object_of(identifier, "microsoftTeamsUser"), "userId")
    if user is not None:
        return user
    if phone is not None:
        return _PHONE_PREFIX + phone
    return None if teams is None else f"8:orgid:{teams}"


def _kind_of(identifier: Json, raw_id: str) -> PartyKind:
    named = _KINDS_BY_NAME.get(text_of(identifier, "kind") or "")
    if named not in (None, PartyKind.UNKNOWN):
        return named
    for name, kind in _KINDS_BY_NAME.items():
        if isinstance(identifier.get(name), Mapping):
            return kind
    return _kind_by_prefix(raw_id)


def _kind_by_prefix(raw_id: str) -> PartyKind:
    for prefix, kind in _KINDS_BY_PREFIX.items():
        if not raw_id.startswith(prefix):
            continue
        parts = raw_id.removeprefix(prefix).split("_")
        if prefix.endswith("acs:") and len(parts) == _EXTENSION_PARTS:
            return PartyKind.TEAMS_EXTENSION_USER
        return kind
    return PartyKind.UNKNOWN


def _phone_of(identifier: Json, raw_id: str) -> Phone | None:
    value = text_of(object_of(identifier, "phoneNumber"), "value")
    if value is None and raw_id.startswith(_PHONE_PREFIX):
        value = raw_id.removeprefix(_PHONE_PREFIX)
    return Phone(value) if value is not None and E164.fullmatch(value) else None
