"""Answer the two handshakes by which Event Grid asks whether it may deliver here.

Called by `receiver` once the sender is authenticated. The answer is given in the response alone:
the addresses that a handshake offers are never fetched (end-point-validation-event-grid-events-
schema.md and end-point-validation-cloud-events-schema.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from recordingd.ingress import bodies
from recordingd.ingress.fields import object_of, text_of

EVENT_TYPE_HEADER = "aeg-event-type"
VALIDATION = "SubscriptionValidation"

_TYPE = "Microsoft.EventGrid.SubscriptionValidationEvent"


def validation_code(body: bytes) -> str | None:
    """Return the code of a body that is nothing but a validation event; None for any other."""
    if _TYPE.encode() not in body:
        return None
    try:
        elements = bodies.cut(body)
        event = bodies.parse_element(elements[0]) if len(elements) == 1 else None
    except bodies.Malformed:
        return None
    if not isinstance(event, Mapping) or text_of(event, "eventType") != _TYPE:
        return None
    return text_of(object_of(event, "data"), "validationCode")


def permission(origin: str) -> dict[str, str]:
    """Return the headers that let a CloudEvents sender deliver, at any rate."""
    return {
        "WebHook-Allowed-Origin": origin,
        "WebHook-Allowed-Rate": "*",
        "Allow": "POST, OPTIONS",
    }
