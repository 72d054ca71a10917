"""The service's words, translated: request bodies out, answers and documents in.

Called by `client`, `media` and `errors`. Pure and lenient: unknown fields are ignored, because live
answers carry fields that the specification forbids, and nothing here raises over what a peer sent
but `Unreadable`. `Any` lives in this module and ends in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from recordingd.domain.calls import RawId
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import MediaMetadata, StartRequest

DURATION_MS_MAX = 400 * 366 * 86_400_000
CHANNEL_COUNT_MAX = 64
# Base64url in all traffic seen; anything a path can carry is taken, but no dot segment.
_RECORDING_ID = re.compile(r"(?!\.{1,2}$)[!-~]{1,4096}")


class Unreadable(ValueError):
    """An answer's body is not what the specification says; the text says what is missing."""


# --- requests -------------------------------------------------------------------------------------


def start_body(request: StartRequest) -> bytes:
    """Return the JSON of StartCallRecordingRequest, the same bytes for an equal request.

    Field order, spacing, the absence of nulls, and `channelAffinity` even when empty are those of
    azure-communication-callautomation 1.6.0, the only client whose requests were seen to work.
    """
    body = _call_named(request)
    if request.callback_url is not None:
        body["recordingStateCallbackUri"] = request.callback_url
    body["recordingContentType"] = request.content.value
    body["recordingChannelType"] = request.channels.value
    body["recordingFormatType"] = request.format.value
    body["channelAffinity"] = [
        {"channel": channel, "participant": identifier(raw_id)}
        for channel, raw_id in sorted(request.affinity.items())
    ]
    if request.start_paused:
        body["pauseOnStart"] = True
    if request.container is not None:
        body["externalStorage"] = {
            "recordingStorageKind": "azureBlobStorage",
            "recordingDestinationContainerUrl": request.container,
        }
    return json.dumps(body).encode()


def _call_named(request: StartRequest) -> dict[str, Any]:
    """Name the call: CallLocator, or `callConnectionId` beside which no locator may stand."""
    if request.connection_id is not None:
        return {"callConnectionId": request.connection_id}
    if request.group_call_id is not None:
        return {"callLocator": {"groupCallId": request.group_call_id, "kind": "groupCallLocator"}}
    return {"callLocator": {"serverCallId": request.server_call_id, "kind": "serverCallLocator"}}


# Which sub-object a raw id's prefix calls for (identifier_from_raw_id of the SDK); cloud names as
# the specification spells them: public, dod, gcch.
_TEAMS_USERS = {
    "8:orgid:": {"isAnonymous": False, "cloud": "public"},
    "8:dod:": {"isAnonymous": False, "cloud": "dod"},
    "8:gcch:": {"isAnonymous": False, "cloud": "gcch"},
    "8:teamsvisitor:": {"isAnonymous": True, "cloud": "public"},
}
_TEAMS_APPS = {"28:orgid:": "public", "28:dod:": "dod", "28:gcch:": "gcch"}
_USERS = {"8:acs:": "public", "8:dod-acs:": "dod", "8:gcch-acs:": "gcch"}


def identifier(raw_id: RawId) -> dict[str, Any]:
    """Return the CommunicationIdentifierModel of a raw id: the id itself, and what it stands for.

    A prefix that is not known sends the raw id alone, which the specification allows.
    """
    model: dict[str, Any] = {"rawId": raw_id}
    if raw_id.startswith("4:"):
        return model | {"phoneNumber": {"value": raw_id.removeprefix("4:")}}
    kind, _, rest = raw_id.partition(":")
    scope, separator, name = rest.partition(":")
    prefix = f"{kind}:{scope}{separator}"
    if prefix in _TEAMS_USERS:
        return model | {"microsoftTeamsUser": {"userId": name, **_TEAMS_USERS[prefix]}}
    if prefix in _TEAMS_APPS:
        return model | {"microsoftTeamsApp": {"appId": name, "cloud": _TEAMS_APPS[prefix]}}
    if prefix in _USERS and name.count("_") == 2:
        return model | {"teamsExtensionUser": _extension_user(name, _USERS[prefix])}
    if prefix in _USERS or prefix == "8:spool:":
        return model | {"communicationUser": {"id": raw_id}}
    return model


def _extension_user(name: str, cloud: str) -> dict[str, Any]:
    resource, tenant, user = name.split("_")
    return {"userId": user, "tenantId": tenant, "resourceId": resource, "cloud": cloud}


# --- answers --------------------------------------------------------------------------------------


def read_recording_id(body: bytes) -> ServiceRecordingId:
    """Read the recording id of a RecordingStateResponse; opaque, with or without `=` padding.

    Raises Unreadable when there is none.
    """
    value = _object(body).get("recordingId")
    if not isinstance(value, str) or _RECORDING_ID.fullmatch(value) is None:
        msg = "no usable recordingId"
        raise Unreadable(msg)
    return ServiceRecordingId(value)


def read_is_active(body: bytes) -> bool:
    """Read whether a RecordingStateResponse says that audio is captured now.

    `inactive` means paused, not started yet, or stopping. Raises Unreadable when no state is given.
    """
    value = _object(body).get("recordingState")
    if not isinstance(value, str):
        msg = "no recordingState"
        raise Unreadable(msg)
    return value == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceError:
    """What an error body says; both are empty where it says nothing."""

    code: str = ""
    message: str = ""


def read_error(body: bytes) -> ServiceError:
    """Read a CommunicationErrorResponse, the storage hosts' own JSON, or nothing at all.

    `{"error": {"code", "message"}}` comes from the recording operations, `{"title", "status",
    "message"}` from the storage hosts, which as often send an empty body or a page for people.
    """
    try:
        document = _object(body)
    except Unreadable:
        return ServiceError()
    error = document.get("error")
    if isinstance(error, dict):
        return ServiceError(code=_text(error.get("code")), message=_text(error.get("message")))
    return ServiceError(message=_text(document.get("message")) or _text(document.get("title")))


def looks_like_html(content_type: str, start: bytes) -> bool:
    """Say whether a body is a page for people: a gateway's, a portal's, never a recording."""
    head = start[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_page = head.startswith((b"<!doctype html", b"<html"))
    return is_page or content_type.strip().lower().startswith(("text/html", "application/xhtml"))


# --- the metadata document (call-recording.md, "Metadata schema") ---------------------------------


def read_metadata(body: bytes) -> MediaMetadata:
    """Read a file's metadata document, None or nothing for whatever in it cannot be used.

    Live documents differ from the published schema: durations are floats (`5580.0`), `framerate`
    is in lower case, contentType and channelType were swapped in 2021, lines end in CRLF. None of
    the swapped or renamed fields is read.
    """
    try:
        document = _object(body)
    except Unreadable:
        document = {}
    audio = _dict(_dict(document.get("recordingInfo")).get("audioConfiguration"))
    channels = _whole(audio.get("channels"), CHANNEL_COUNT_MAX)
    return MediaMetadata(
        body=body,
        duration_ms=_whole(document.get("chunkDuration"), DURATION_MS_MAX),
        channels=channels or None,
        participants=_participants(document.get("participants")),
        pauses=_pauses(document.get("pauseResumeIntervals")),
    )


def _participants(value: object) -> Mapping[RawId, int | None]:
    found: dict[RawId, int | None] = {}
    for entry in map(_dict, _list(value)):
        raw_id = entry.get("participantId")
        # Lone surrogates, NUL and bidirectional marks are not printable, and no participant's id.
        if isinstance(raw_id, str) and raw_id and raw_id.isprintable():
            channel = _whole(entry.get("channel"), CHANNEL_COUNT_MAX)
            previous = found.get(RawId(raw_id))
            found[RawId(raw_id)] = previous if channel is None else channel
    return found


def _pauses(value: object) -> tuple[tuple[datetime, int], ...]:
    read = (
        (_moment(entry.get("startTime")), _whole(entry.get("duration"), DURATION_MS_MAX))
        for entry in map(_dict, _list(value))
    )
    return tuple((start, length) for start, length in read if start is not None and length)


def _moment(value: object) -> datetime | None:
    # Seven fractional digits are normal; a leap second, which Python cannot hold, becomes :59.
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip().replace(":60", ":59"))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- JSON -----------------------------------------------------------------------------------------


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        msg = "the body is not JSON"
        raise Unreadable(msg) from error
    if not isinstance(document, dict):
        msg = "the body is not a JSON object"
        raise Unreadable(msg)
    return document


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    # Codes come as strings of digits ("8522"); a number says the same.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _whole(value: object, largest: int) -> int | None:
    # NaN and the infinities fail the comparison too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        return None
    return round(value)
