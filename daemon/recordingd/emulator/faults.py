"""Faults that tests plant into the emulated service, by name.

The control API arms them; ``service``, ``storage`` and ``courier`` ask `Faults.take` at the one
place where each bites. A fault never invents a behaviour that no document or report describes;
the catalogue says what each does. It knows nothing about how the answer is then spoiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from recordingd.emulator.clock import Chance, Ids

Params = Mapping[str, object]
_RESERVED = frozenset({"name", "count", "skip", "match", "probability", "seed", "params"})
_MATCHABLE = frozenset(
    {"operation", "serverCallId", "recordingId", "documentId", "type", "method", "path", "host"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """An entry of the catalogue: what happens, and the parameters with their defaults."""

    name: str
    description: str
    params: Params = field(default_factory=dict)


def _kind(name: str, description: str, **params: object) -> FaultKind:
    return FaultKind(name=name, description=description, params=params)


def _token_kinds(family: str, what: str) -> tuple[FaultKind, ...]:
    tokens = {
        "unsigned": "comes without a token",
        "algNone": "has a token with alg none",
        "wrongAudience": "has a token for somebody else",
        "wrongIssuer": "has a token whose issuer is another",
        "expired": "has a token that expired an hour ago",
        "notYetValid": "has a token that is valid from an hour ahead",
        "noExp": "has a token without exp",
        "replayed": "has the token of the one before",
        "unknownKid": "has a token of a key that is not published",
        "forged": "has a token that names a published key but was signed with another",
    }
    return tuple(_kind(f"{family}.{name}", f"{what} {text}") for name, text in tokens.items())


def _operation_kinds(operation: str) -> tuple[FaultKind, ...]:
    return (
        _kind(f"{operation}.404", f"{operation}: executed, answered 404 8522"),
        _kind(f"{operation}.lostResponse", f"{operation}: executed, then the connection is reset"),
        _kind(
            f"{operation}.notAllowed",
            f"{operation}: not executed, 8573; the status that goes with it is not documented",
            status=400,
        ),
    )


_KINDS = (
    _kind("service.error", "any operation: not executed, status/code/message",
          status=503, code="9999", message="Unknown internal server error."),
    _kind("service.slow", "any operation: executed after `seconds` of real time", seconds=1.0),
    _kind("service.429", "any operation: not executed, 429 with Retry-After as of start.429",
          retryAfter="2", asDate=False),
    _kind("start.500", "start: not executed, 500 9999"),
    _kind("start.lostResponse", "start: executed, then the connection is reset"),
    _kind("start.resetBeforeExecute", "start: connection reset, nothing executed"),
    _kind("start.202ThenFailed", "start: 202, then StartRecordingFailed instead of active",
          code=400, subCode=8501,
          message="Action is invalid when call is not in Established state"),
    _kind("start.429", "start: not executed, 429 with Retry-After (seconds, or any text); "
          "asDate gives an HTTP date that many seconds ahead", retryAfter="2", asDate=False),
    _kind("start.duplicate", "start: not executed, 400 duplicate recording", code="8553"),
    _kind("start.neverActive", "start: executed, but the recording stays inactive"),
    _kind("start.paddedId", "the recording id has the padding of the swagger's examples, in every "
          "answer and event"),
    _kind("state.404", "get state: 404 8522 although the recording goes on"),
    _kind("state.500", "get state: 500 9999"),
    _kind("pause.500", "pause: not executed, 500 9999"),
    *_operation_kinds("pause"),
    _kind("pause.ignored", "pause: 202, but the recording goes on"),
    _kind("resume.500", "resume: not executed, 500 9999"),
    *_operation_kinds("resume"),
    _kind("resume.ignored", "resume: 202, but the recording stays paused"),
    _kind("stop.500", "stop: not executed, 500 9999"),
    _kind("stop.404", "stop: executed, answered 404 8522; files still arrive"),
    _kind("stop.lostResponse", "stop: executed, then the connection is reset"),
    _kind("result.errors", "result (preview): an entry under errors",
          code="ExportFailed", message="The export to the container failed."),
    _kind("storage.jsonErrors", "a 401 of the storage has the JSON body of 2023 instead of none"),
    _kind("download.truncate", "content: right Content-Length, connection closed part of the way",
          fraction=0.5),
    _kind("download.reset", "content: connection reset before any answer"),
    _kind("download.empty", "content: 200 with 0 bytes"),
    _kind("download.html400", "content: 400 with an HTML page"),
    _kind("download.503", "content: 503 Service Unavailable"),
    _kind("download.404", "content: 404 although the file exists"),
    _kind("download.401", "content: 401 although the signature is right"),
    _kind("download.redirect", "content: `hops` redirects, each to the next storage host", hops=1),
    _kind("download.redirectForeign", "content: 302 to a host outside the service",
          host="evil.example"),
    _kind("download.wrongRange", "content: a ranged request answered 200 with everything"),
    _kind("download.wrongContentRange", "content: 206 whose Content-Range is shifted by one byte"),
    _kind("download.partial", "content: 206 to a request without Range, as recorded in 2021"),
    _kind("download.noContentRange", "content: without Content-Range"),
    _kind("download.corrupt", "content: right length, some bytes changed"),
    _kind("download.slow", "content: `bytes` per step, a step every `seconds` of real time",
          bytes=1024, seconds=0.05),
    _kind("metadata.404", "metadata: 404 although the file exists"),
    _kind("metadata.redirect", "metadata: as download.redirect", hops=1),
    _kind("metadata.quirks", "metadata written as recorded traffic has it, from the file's birth: "
          "any of float, framerate, crlf, swapped, noChannels",
          quirks=["float", "framerate", "crlf"]),
    _kind("delete.401", "delete: not executed, 401 although the signature is right"),
    _kind("delete.404", "delete: not executed, 404 although the file exists"),
    _kind("delete.500", "delete: not executed, 500"),
    _kind("delete.503", "delete: not executed, 503"),
    _kind("delete.reset", "delete: executed, then the connection is reset"),
    _kind("events.drop", "an event is never delivered"),
    _kind("events.duplicate", "an event is delivered `copies` more times", copies=1),
    _kind("events.delay", "an event is first sent after `seconds`", seconds=5.0),
    _kind("events.reorder", "an event is sent only after the next one"),
    _kind("events.wrongDocument", "the file event names a document id that storage does not have"),
    _kind("events.subjectForm", "the file event's subject is spec2021, live, byos or "
          "callConnectionId", form="spec2021"),
    _kind("events.missingFields", "an event's data lacks `fields`",
          fields=["recordingContentType", "recordingChannelType", "recordingFormatType"]),
    _kind("events.noRecordingId", "the file event's data has no recordingId, as in the swagger"),
    _kind("events.lowerCaseIdentifier", "communicationIdentifier is written in lower case, as in "
          "the swagger's example"),
    _kind("events.otherShape", "a call event comes in the shape that --event-shape does not say"),
    _kind("events.specVersion", "a CloudEvent has specVersion, operationId and title, as in the "
          "swagger's examples"),
    _kind("events.foreignTopic", "an event names another resource",
          topic="/subscriptions/0/resourcegroups/x/providers/microsoft.communication"
          "/communicationservices/fabrikam"),
    *_token_kinds("events", "with Entra tokens: an event"),
    _kind("events.wrongCaller", "with Entra tokens: an event's token is another application's"),
    _kind("callbacks.drop", "a callback is never delivered"),
    _kind("callbacks.duplicate", "a callback is delivered `copies` more times", copies=1),
    _kind("callbacks.delay", "a callback is first sent after `seconds`", seconds=5.0),
    _kind("callbacks.reorder", "a callback is sent only after the next one"),
    _kind("callbacks.afterEnd", "the end of a call sends RecordingStateChanged, which the service "
          "is documented not to do"),
    *_token_kinds("callbacks", "a callback"),
    _kind("tokens.500", "the directory answers 503 instead of an access token"),
    _kind("tokens.denied", "the directory refuses the client or the managed identity"),
    _kind("tokens.life", "the directory's next token lives `seconds`", seconds=5.0),
    _kind("files.twin", "failover twin: a second document with the same recordingId and chunk, "
          "announced by an event of its own"),
    _kind("files.chunks", "the recording is cut into `chunks` equal chunks", chunks=3),
    _kind("files.splitEvents", "one file event for each chunk instead of one for all"),
    _kind("files.foreignUrl", "contentLocation points to a host outside the service",
          host="evil.example"),
    _kind("files.deletedataUrl", "deleteLocation ends with content/deletedata, as in the swagger's "
          "examples"),
    _kind("files.none", "no file event is ever sent, though the files exist"),
    _kind("files.exportFailed", "external storage: the export fails, the event names the service's "
          "own storage"),
)  # fmt: skip
CATALOGUE: Mapping[str, FaultKind] = {kind.name: kind for kind in _KINDS}


class UnknownFaultError(ValueError):
    """A fault request that the catalogue does not cover; the message names the field."""


@dataclass(slots=True, kw_only=True)
class _Armed:
    name: str
    left: int | None
    skip: int
    match: Mapping[str, str]
    probability: float
    chance: Chance
    params: Params


class Faults:
    """The armed faults, in the order in which they were armed."""

    def __init__(self, ids: Ids) -> None:
        """Start with none armed; `ids` supplies unseeded chance."""
        self._ids = ids
        self._armed: list[_Armed] = []
        self._fired: dict[str, int] = {}

    def arm(self, body: Mapping[str, object]) -> dict[str, object]:
        """Arm the fault that `body` describes and return how it was understood.

        ``count`` (default 1, null for no end), ``skip`` (matches to let pass first), ``match``
        (all must equal), ``probability`` with ``seed``; other keys, or those under ``params``,
        are the fault's parameters. Raises `UnknownFaultError`.
        """
        name = body.get("name")
        if not isinstance(name, str) or name not in CATALOGUE:
            msg = f"name: no such fault: {name!r}"
            raise UnknownFaultError(msg)
        kind = CATALOGUE[name]
        given = {key: value for key, value in body.items() if key not in _RESERVED}
        given |= _mapping(body, "params")
        if unknown := sorted(given.keys() - kind.params.keys()):
            msg = f"{unknown[0]}: {name} has no such parameter"
            raise UnknownFaultError(msg)
        probability = body.get("probability", 1.0)
        if not isinstance(probability, int | float) or not 0 <= probability <= 1:
            msg = "probability: must be a number from 0 to 1"
            raise UnknownFaultError(msg)
        seed = _whole(body, "seed", None)
        match = {key: str(value) for key, value in _mapping(body, "match").items()}
        if unknown := sorted(match.keys() - _MATCHABLE):
            msg = f"match.{unknown[0]}: one of {', '.join(sorted(_MATCHABLE))}"
            raise UnknownFaultError(msg)
        armed = _Armed(
            name=name,
            left=_whole(body, "count", 1),
            skip=_whole(body, "skip", 0) or 0,
            match=match,
            probability=float(probability),
            chance=self._ids.chance(seed),
            params={**kind.params, **given},
        )
        self._armed.append(armed)
        return {"name": name, "count": armed.left, "match": match, "params": dict(armed.params)}

    def take(self, name: str, **context: str | None) -> Params | None:
        """Return the parameters when `name` bites here and now, using one of its count, or None."""
        if not self._armed:
            return None
        for armed in self._armed:
            if armed.name != name or not _matches(armed.match, context):
                continue
            if armed.skip > 0:
                armed.skip -= 1
                continue
            if armed.chance.random() >= armed.probability:
                continue
            if armed.left is not None:
                armed.left -= 1
                if armed.left <= 0:
                    self._armed.remove(armed)
            self._fired[name] = self._fired.get(name, 0) + 1
            return armed.params
        return None

    def clear(self) -> None:
        """Disarm everything; what already bit is not undone."""
        self._armed.clear()

    def catalogue(self) -> list[dict[str, object]]:
        """Return every fault with its description, parameters, armed counts and times fired."""
        return [
            {
                "name": kind.name,
                "description": kind.description,
                "params": dict(kind.params),
                "armed": [
                    {"count": armed.left, "skip": armed.skip, "match": dict(armed.match)}
                    for armed in self._armed
                    if armed.name == kind.name
                ],
                "fired": self._fired.get(kind.name, 0),
            }
            for kind in CATALOGUE.values()
        ]


def _matches(match: Mapping[str, str], context: Mapping[str, str | None]) -> bool:
    return all(context.get(key) == value for key, value in match.items())


def _mapping(body: Mapping[str, object], key: str) -> dict[str, object]:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"{key}: must be an object"
        raise UnknownFaultError(msg)
    return dict(value)


def _whole(body: Mapping[str, object], key: str, default: int | None) -> int | None:
    value = body.get(key, default)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"{key}: must be a whole number, or null"
        raise UnknownFaultError(msg)
    if key == "count" and value == 0:
        msg = "count: must be at least 1, or null for no end"
        raise UnknownFaultError(msg)
    return value


def number(params: Params, key: str) -> float:
    """Return the numeric parameter `key`; text that is no number counts as 0."""
    value = params.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
