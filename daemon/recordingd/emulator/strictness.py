"""What the swagger allows in a start request, as tables, and the check against them.

``starts`` asks for it with ``--strict``, and for the fields that an api-version knows in any case.
Sources: StartCallRecordingRequest and what it refers to, in the 2023-10-15 and 2026-03-12 swagger;
CommunicationIdentifierModel of Common 2025-06-30. Null counts as absent: recorded requests of the
.NET client hold it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_ALWAYS = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property: JSON type, or the name of its model; `since` is its first api-version.

    `values` maps each member of a closed set to the version that brought it; `of` says what an
    array holds. A required field that a later version made optional names that version.
    """

    type: str
    since: str = _ALWAYS
    is_required: bool = False
    required_before: str = _ALWAYS
    values: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    minimum: int = 0
    maximum: int = 2**31 - 1


def _closed(*values: str, **since: str) -> Field:
    return Field(type="string", values=dict.fromkeys(values, _ALWAYS) | since)


_TEXT = Field(type="string")
_NEEDED = Field(type="string", is_required=True)
_FLAG = Field(type="boolean")
_CLOUD = _closed("public", "dod", "gcch")
# PR 28114 of the swagger's repository brought the two; the version that brought callConnectionId
# is not confirmed, the earliest preview that can have it is taken.
_PAUSE_ON_START_SINCE = "2024-04-15"
_CONNECTION_ID_SINCE = "2024-06-15"
_ROOMS_SINCE = "2025-05-15"

MODELS: Mapping[str, Mapping[str, Field]] = {
    "StartCallRecordingRequest": {
        "callLocator": Field(type="CallLocator", required_before=_CONNECTION_ID_SINCE),
        "callConnectionId": Field(type="string", since=_CONNECTION_ID_SINCE),
        "recordingStateCallbackUri": _TEXT,
        "recordingContentType": _closed("audio", "audioVideo"),
        "recordingChannelType": _closed("mixed", "unmixed"),
        "recordingFormatType": _closed("wav", "mp3", "mp4"),
        "audioChannelParticipantOrdering": Field(type="array", of="CommunicationIdentifierModel"),
        "channelAffinity": Field(type="array", of="ChannelAffinity"),
        "pauseOnStart": Field(type="boolean", since=_PAUSE_ON_START_SINCE),
        "externalStorage": Field(type="ExternalStorage", since=_PAUSE_ON_START_SINCE),
    },
    "CallLocator": {
        "groupCallId": _TEXT,
        "serverCallId": _TEXT,
        "roomId": Field(type="string", since=_ROOMS_SINCE),
        "kind": _closed("groupCallLocator", "serverCallLocator", roomCallLocator=_ROOMS_SINCE),
    },
    "ChannelAffinity": {
        "channel": Field(type="integer", minimum=0, maximum=4),
        "participant": Field(type="CommunicationIdentifierModel", is_required=True),
    },
    "ExternalStorage": {
        "recordingStorageKind": Field(
            type="string",
            is_required=True,
            values={"azureCommunicationServices": _ALWAYS, "azureBlobStorage": _ALWAYS},
        ),
        "recordingDestinationContainerUrl": _TEXT,
    },
    "CommunicationIdentifierModel": {
        "kind": _closed(
            "unknown",
            "communicationUser",
            "phoneNumber",
            "microsoftTeamsUser",
            "microsoftTeamsApp",
            "teamsExtensionUser",
        ),
        "rawId": _TEXT,
        "communicationUser": Field(type="CommunicationUser"),
        "phoneNumber": Field(type="PhoneNumber"),
        "microsoftTeamsUser": Field(type="MicrosoftTeamsUser"),
        "microsoftTeamsApp": Field(type="MicrosoftTeamsApp"),
        "teamsExtensionUser": Field(type="TeamsExtensionUser"),
    },
    "CommunicationUser": {"id": _NEEDED},
    "PhoneNumber": {"value": _NEEDED, "isAnonymous": _FLAG, "assertedId": _TEXT},
    "MicrosoftTeamsUser": {"userId": _NEEDED, "isAnonymous": _FLAG, "cloud": _CLOUD},
    "MicrosoftTeamsApp": {"appId": _NEEDED, "cloud": _CLOUD},
    "TeamsExtensionUser": {
        "userId": _NEEDED,
        "tenantId": _NEEDED,
        "resourceId": _NEEDED,
        "cloud": _CLOUD,
    },
}
_TYPES: Mapping[str, type] = {"string": str, "boolean": bool, "integer": int, "array": list}


def known_fields(body: Mapping[str, object], version: str) -> dict[str, object]:
    """Return the fields of a start request that `version` knows; the others are ignored."""
    fields = MODELS["StartCallRecordingRequest"]
    return {
        key: value
        for key, value in body.items()
        if key not in fields or fields[key].since <= version[:10]
    }


def violation(body: object, version: str, model: str = "StartCallRecordingRequest") -> str | None:
    """Return the first thing in `body` that `version` does not allow, or None."""
    return _check_model(body, model, version[:10], "")


def _check_model(body: object, model: str, version: str, path: str) -> str | None:
    if not isinstance(body, Mapping):
        return f"{path or 'The request body'} must be an object."
    fields = MODELS[model]
    prefix = f"{path}." if path else ""
    for key in body:
        if key not in fields or fields[key].since > version:
            return f"Unknown field {prefix}{key}."
    for key, rule in fields.items():
        value = body.get(key)
        if value is None:
            if rule.is_required or version < rule.required_before:
                return f"{prefix}{key} is required."
            continue
        found = _check_value(value, rule, version, f"{prefix}{key}")
        if found is not None:
            return found
    return None


def _check_value(value: object, rule: Field, version: str, path: str) -> str | None:
    wanted = _TYPES.get(rule.type)
    if wanted is None:
        return _check_model(value, rule.type, version, path)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        return f"{path} must be of type {rule.type}."
    match value:
        case str() if rule.values and rule.values.get(value, "9") > version:
            return f"{path} must be one of {', '.join(rule.values)}."
        case int() if wanted is int and not rule.minimum <= value <= rule.maximum:
            return f"{path} must be from {rule.minimum} to {rule.maximum}."
        case list():
            checks = (_check_model(entry, rule.of, version, f"{path}[]") for entry in value)
            return next((found for found in checks if found is not None), None)
        case _:
            return None
