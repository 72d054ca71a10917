"""Read calls and participants from JSON, with errors that name the field.

The control surface and the scenario reader share it, so that a scenario step has the same fields
as the request it stands for. It creates nothing.
"""

import itertools
from collections.abc import Mapping

from recordingd.emulator.calls import OUTBOUND, CallSpec, PartySpec
from recordingd.emulator.identifiers import normal_raw_id
from recordingd.emulator.media import SAMPLE_RATE
from recordingd.emulator.state import Span

_DIRECTIONS = OUTBOUND | {"inbound", "incoming"}
_CALL_FIELDS = frozenset(
    {
        "serverCallId",
        "from",
        "to",
        "group",
        "room",
        "context",
        "direction",
        "callbackUri",
        "participants",
        "establishedAfterSeconds",
    }
)
_PARTY_FIELDS = frozenset({"id", "displayName", "role", "hz", "speech"})


class InputError(ValueError):
    """Bad input; the message starts with the field's name."""


def read_call(body: Mapping[str, object]) -> CallSpec:
    """Return the call that `body` describes; raises `InputError`."""
    only(body, _CALL_FIELDS)
    direction = text(body, "direction") or "inbound"
    if direction not in _DIRECTIONS:
        msg = "direction: must be inbound or outbound"
        raise InputError(msg)
    after = number(body, "establishedAfterSeconds", 0.0)
    return CallSpec(
        server_call_id=text(body, "serverCallId"),
        caller=text(body, "from"),
        callee=text(body, "to"),
        group=text(body, "group"),
        room=text(body, "room"),
        context=_context(body),
        direction=direction,
        callback_uri=text(body, "callbackUri"),
        participants=_parties(body),
        established_after_seconds=after,
    )


def read_party(body: object) -> PartySpec:
    """Return the participant that `body` describes; raises `InputError`."""
    if not isinstance(body, Mapping):
        msg = "participant: must be an object"
        raise InputError(msg)
    only(body, _PARTY_FIELDS)
    raw_id = text(body, "id")
    if raw_id is None:
        msg = "id: is required"
        raise InputError(msg)
    return PartySpec(
        raw_id=normal_raw_id(raw_id),
        display_name=text(body, "displayName") or "",
        role=text(body, "role") or "",
        hz=_hz(body),
        speech=_speech(body),
    )


def only(body: Mapping[str, object], allowed: frozenset[str]) -> None:
    """Refuse fields that are not `allowed`; raises `InputError`."""
    if unknown := sorted(str(key) for key in body.keys() - allowed):
        msg = f"{unknown[0]}: unknown field, known are {', '.join(sorted(allowed))}"
        raise InputError(msg)


def text(body: Mapping[str, object], key: str) -> str | None:
    """Return a string field, None when absent or null; raises `InputError`."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        msg = f"{key}: must be a non-empty string"
        raise InputError(msg)
    return value


def number(body: Mapping[str, object], key: str, default: float) -> float:
    """Return a number of at least 0; raises `InputError`."""
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        msg = f"{key}: must be a number of at least 0"
        raise InputError(msg)
    return float(value)


def _context(body: Mapping[str, object]) -> dict[str, str]:
    value = {} if body.get("context") is None else body["context"]
    if not isinstance(value, Mapping):
        msg = "context: must be an object"
        raise InputError(msg)
    return {str(key): str(entry) for key, entry in value.items()}


def _parties(body: Mapping[str, object]) -> tuple[PartySpec, ...]:
    value = [] if body.get("participants") is None else body["participants"]
    if not isinstance(value, list):
        msg = "participants: must be an array"
        raise InputError(msg)
    parties = tuple(read_party(entry) for entry in value)
    if len({party.raw_id for party in parties}) != len(parties):
        msg = "participants: an id occurs twice"
        raise InputError(msg)
    return parties


def _hz(body: Mapping[str, object]) -> int | None:
    value = body.get("hz")
    if value is None:
        return None
    # Whole hertz repeat exactly every second, which is what makes sound cheap to write.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        msg = "hz: must be a whole number"
        raise InputError(msg)
    if not 1 <= value < SAMPLE_RATE // 2:
        msg = f"hz: must be from 1 to {SAMPLE_RATE // 2 - 1}"
        raise InputError(msg)
    return int(value)


def _speech(body: Mapping[str, object]) -> tuple[Span, ...] | None:
    value = body.get("speech")
    if value is None:
        return None
    spans: list[Span] = []
    for entry in value if isinstance(value, list) else [None]:
        match entry:
            case [int() | float() as start, int() | float() as end] if 0 <= start < end:
                spans.append((float(start), float(end)))
            case _:
                msg = "speech: must be an array of [from, to] in seconds"
                raise InputError(msg)
    ordered = sorted(spans)
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(ordered)):
        msg = "speech: spans overlap"
        raise InputError(msg)
    return tuple(ordered)
