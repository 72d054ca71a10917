"""Identifiers and times in the forms in which the service writes them.

Called wherever a body or a subject is built or read. It decides nothing about calls; it only
knows how raw ids, server call ids, recording ids, document ids and timestamps look.
"""

import base64
import itertools
import json
from collections.abc import Mapping

from recordingd.emulator.clock import Ids, utc

_E164_PREFIX = "+"
_CONVERSATION_ROOT = "https://api.flightproxy.skype.com/api/v2/cp/conv-emul"
_TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET ticks (100 ns) of 1970-01-01
# Parts of the identifier model in the order in which a raw id is looked for when rawId is absent
# (CommunicationIdentifierModel of the 2026-03-12 swagger).
_RAW_ID_SOURCES = (
    ("communicationUser", "id", ""),
    ("phoneNumber", "value", "4:"),
    ("microsoftTeamsUser", "userId", "8:orgid:"),
    ("microsoftTeamsApp", "appId", "28:orgid:"),
)


def normal_raw_id(text: str) -> str:
    """Return the raw id of an E.164 number or of a raw id as it is."""
    return f"4:{text}" if text.startswith(_E164_PREFIX) else text


def is_communication_user(raw_id: str) -> bool:
    """Tell whether `raw_id` is a user of the resource (``8:acs:``), the kind that has events."""
    return raw_id.startswith("8:acs:")


def identifier(raw_id: str, *, with_kind: bool = True) -> dict[str, object]:
    """Return the CommunicationIdentifierModel of `raw_id`, as answers and events carry it."""
    kind, part = _identifier_part(raw_id)
    model: dict[str, object] = {"kind": kind} if with_kind else {}
    model["rawId"] = raw_id
    if part is not None:
        model[kind] = part
    return model


def _identifier_part(raw_id: str) -> tuple[str, dict[str, object] | None]:
    if is_communication_user(raw_id):
        return "communicationUser", {"id": raw_id}
    if raw_id.startswith("4:"):
        return "phoneNumber", {"value": raw_id.removeprefix("4:")}
    if raw_id.startswith("8:orgid:"):
        return "microsoftTeamsUser", {"userId": raw_id.removeprefix("8:orgid:")}
    if raw_id.startswith("28:orgid:"):
        return "microsoftTeamsApp", {"appId": raw_id.removeprefix("28:orgid:")}
    return "unknown", None


def raw_id_of(model: object) -> str | None:
    """Return the raw id that a request's identifier model names, or None when it names none."""
    if not isinstance(model, Mapping):
        return None
    raw_id = model.get("rawId")
    if isinstance(raw_id, str) and raw_id:
        return raw_id
    for part, key, prefix in _RAW_ID_SOURCES:
        value = model.get(part)
        if isinstance(value, Mapping) and isinstance(text := value.get(key), str) and text:
            return prefix + text
    return None


def new_server_call_id(ids: Ids, moment: float) -> str:
    """Return a server call id like the live ones: base64 of a conversation URL.

    The result always contains ``/`` and ends with ``=``, the two characters that break clients
    which put it in a path or split a subject on slashes.
    """
    ticks = _TICKS_AT_EPOCH + round(moment * 1e7)
    token = base64.urlsafe_b64encode(ids.octets(16)).decode().rstrip("=")
    # The question mark becomes a slash when it is the third byte of its group, and padding needs
    # a length that is no multiple of three; one of these nine spellings has both.
    for region, client in itertools.product(("1", "01", "001"), ("1", "11", "111")):
        url = f"{_CONVERSATION_ROOT}-{region}.conv.skype.com/conv/{token}?i={client}&e={ticks}"
        encoded = base64.b64encode(url.encode()).decode()
        if encoded.endswith("=") and "/" in encoded:
            return encoded
    raise AssertionError(token)


def new_recording_id(ids: Ids, endpoint_id: str) -> str:
    """Return a recording id: unpadded base64url of a JSON object that names `endpoint_id`."""
    body = {"PlatformEndpointId": endpoint_id, "ResourceSpecificId": ids.guid()}
    text = json.dumps(body, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def normal_recording_id(text: str) -> str:
    """Return `text` without padding: live ids have none, the swagger's examples do."""
    return text.rstrip("=")


def new_document_id(ids: Ids) -> str:
    """Return a document id of the form ``0-<region>-d<n>-<32 hex>``."""
    return f"0-wus-d4-{ids.octets(16).hex()}"


def ticks_time(moment: float) -> str:
    """Return `moment` with the seven fractional digits of .NET, ending in ``Z``."""
    at = utc(moment)
    # The seventh digit is below our resolution; a fixed one still exercises the client's parser.
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}7Z"


def offset_time(moment: float) -> str:
    """Return `moment` as `ticks_time` does, but with the ``+00:00`` of callbacks."""
    return ticks_time(moment).removesuffix("Z") + "+00:00"


def plain_time(moment: float) -> str:
    """Return `moment` in RFC 3339 with milliseconds, the form of the control API."""
    return utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")
