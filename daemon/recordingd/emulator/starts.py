"""Read and judge the body of a start request.

Called by ``service``; returns a `StartRequest` or raises `RefusedError` with the documented
subcode. It knows nothing of which calls exist. Sources: StartCallRecordingRequest of the
2023-10-15 and 2026-03-12 swagger; call-recording.md, supported outputs; recorded requests, where
absent, null and [] all occur.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from recordingd.emulator.identifiers import raw_id_of
from recordingd.emulator.media import CHANNELS_MAX
from recordingd.emulator.state import StartRequest
from recordingd.emulator.strictness import known_fields, violation

# Every documented combination; the first row that agrees with what a request gives fills in what
# it leaves out. The first row is what a start without any of the three was seen to produce.
OUTPUTS = (
    ("audio", "mixed", "mp3"),
    ("audio", "mixed", "wav"),
    ("audio", "unmixed", "wav"),
    ("audioVideo", "mixed", "mp4"),
)


class RefusedError(Exception):
    """An operation that the service refuses: HTTP status, subcode and message of the body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Carry the parts of the error answer; `code` is the subcode as a string."""
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    """Return the refusal 400 "8523", the documented answer to something wrong in the body."""
    return RefusedError(400, "8523", message)


def read_start(body: Mapping[str, object], *, api_version: str, strict: bool) -> StartRequest:
    """Return the validated request; `strict` also refuses what the swagger does not allow.

    Fields that `api_version` does not know are ignored when it is not strict.
    """
    if strict and (found := violation(body, api_version)) is not None:
        raise invalid(found)
    body = known_fields(body, api_version)
    connection_id = _text(body, "callConnectionId")
    server_call_id, group_call_id = _locator(body)
    given = [part for part in (connection_id, server_call_id, group_call_id) if part is not None]
    if len(given) != 1:
        msg = "Exactly one of callLocator and callConnectionId must be given."
        raise invalid(msg)
    content, channel, output_format = _output(body)
    return StartRequest(
        server_call_id=server_call_id,
        group_call_id=group_call_id,
        call_connection_id=connection_id,
        callback_uri=_text(body, "recordingStateCallbackUri"),
        content=content,
        channel=channel,
        format=output_format,
        ordering=_ordering(body),
        affinity=_affinity(body),
        is_paused_on_start=_flag(body, "pauseOnStart"),
        container_url=_container(body),
    )


def _text(body: Mapping[str, object], key: str) -> str | None:
    value = body.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        msg = f"{key} must be a string."
        raise invalid(msg)
    return value


def _flag(body: Mapping[str, object], key: str) -> bool:
    value = body.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        msg = f"{key} must be a boolean."
        raise invalid(msg)
    return value


def _list(body: Mapping[str, object], key: str) -> list[object]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"{key} must be an array."
        raise invalid(msg)
    return value


def _locator(body: Mapping[str, object]) -> tuple[str | None, str | None]:
    locator = body.get("callLocator")
    if locator is None:
        return None, None
    if not isinstance(locator, Mapping):
        msg = "callLocator must be an object."
        raise invalid(msg)
    if locator.get("kind") == "roomCallLocator" or locator.get("roomId"):
        msg = "Starting a recording by room id is not supported."
        raise invalid(msg)
    return _text(locator, "serverCallId"), _text(locator, "groupCallId")


def _output(body: Mapping[str, object]) -> tuple[str, str, str]:
    keys = ("recordingContentType", "recordingChannelType", "recordingFormatType")
    wanted = [_text(body, key) for key in keys]
    for row in OUTPUTS:
        if all(want in (None, have) for want, have in zip(wanted, row, strict=True)):
            return row
    msg = "The combination of content, channel and format type is not supported."
    raise invalid(msg)


def _ordering(body: Mapping[str, object]) -> tuple[str, ...]:
    raw_ids = [raw_id_of(model) for model in _list(body, "audioChannelParticipantOrdering")]
    if None in raw_ids:
        msg = "audioChannelParticipantOrdering holds something that is no identifier."
        raise invalid(msg)
    return tuple(raw_id for raw_id in raw_ids if raw_id is not None)


def _affinity(body: Mapping[str, object]) -> tuple[tuple[str, int | None], ...]:
    pairs: list[tuple[str, int | None]] = []
    for entry in _list(body, "channelAffinity"):
        raw_id = raw_id_of(entry.get("participant")) if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or raw_id is None:
            msg = "channelAffinity.participant is required."
            raise invalid(msg)
        channel = entry.get("channel")
        if channel is None:
            pairs.append((raw_id, None))
            continue
        if not isinstance(channel, int) or not 0 <= channel < CHANNELS_MAX:
            msg = "channelAffinity.channel must be from 0 to 4."
            raise invalid(msg)
        pairs.append((raw_id, channel))
    channels = [channel for _, channel in pairs if channel is not None]
    if len(set(channels)) != len(channels):
        msg = "channelAffinity names a channel twice."
        raise invalid(msg)
    return tuple(pairs)


def _container(body: Mapping[str, object]) -> str | None:
    storage = body.get("externalStorage")
    if storage is None:
        return None
    if not isinstance(storage, Mapping):
        msg = "externalStorage must be an object."
        raise invalid(msg)
    match storage.get("recordingStorageKind"):
        case "azureCommunicationServices":
            return None
        case "azureBlobStorage":
            url = _text(storage, "recordingDestinationContainerUrl")
            if url is None or not urlsplit(url).netloc:
                msg = "recordingDestinationContainerUrl must be a URL."
                raise invalid(msg)
            return url.rstrip("/")
        case _:
            msg = "externalStorage.recordingStorageKind is not valid."
            raise invalid(msg)
