"""Event Grid events as they were seen or are documented elsewhere, by fault.

``announcer`` passes every event through here before it is sent; without an armed fault nothing
changes. Sources: the conflicting examples of communication-services-voice-video-events.md, the
swagger's examples and recorded events.
"""

from collections.abc import Callable, Mapping

from recordingd.emulator.faults import Params
from recordingd.emulator.options import EventShape

Take = Callable[[str], Params | None]

_OTHER_SHAPE = {EventShape.DOCS: EventShape.SWAGGER, EventShape.SWAGGER: EventShape.DOCS}
_IDENTIFIER = "communicationIdentifier"


def shape(configured: EventShape, take: Take) -> EventShape:
    """Return the shape of one call event: the configured one, or by fault the other."""
    return configured if take("events.otherShape") is None else _OTHER_SHAPE[configured]


def data(made: Mapping[str, object], take: Take) -> Mapping[str, object]:
    """Return an event's data, by fault without some fields or with another spelling."""
    changed: Mapping[str, object] = made
    if (params := take("events.missingFields")) is not None:
        named = params["fields"]
        missing = {str(name) for name in named} if isinstance(named, list) else set[str]()
        changed = {key: value for key, value in changed.items() if key not in missing}
    if take("events.noRecordingId") is not None:
        changed = {key: value for key, value in changed.items() if key != "recordingId"}
    if take("events.lowerCaseIdentifier") is not None:
        changed = {key: _lowered(value) for key, value in changed.items()}
    return changed


def envelope(made: Mapping[str, object], take: Take) -> Mapping[str, object]:
    """Return an event in its envelope, by fault spelled otherwise or of another resource."""
    changed = dict(made)
    if take("events.specVersion") is not None and "specversion" in changed:
        # As in the swagger's examples of CloudEvents.
        changed["specVersion"] = changed.pop("specversion")
        changed |= {"operationId": "emulator", "title": "emulator"}
    if (params := take("events.foreignTopic")) is not None:
        key = "topic" if "topic" in changed else "source"
        changed[key] = str(params["topic"])
    return changed


def _lowered(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {
        (key.lower() if key == _IDENTIFIER else key): _lowered(entry)
        for key, entry in value.items()
    }
