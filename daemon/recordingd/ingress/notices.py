"""Open one envelope: what an event calls itself, whatever schema it came in.

Called by `envelopes`. Two schemas are known, Event Grid's own and CloudEvents 1.0, and which one it
is decides only where the four words of the header stand. Knows no event type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.calls import CallReference, ServerCallId
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress import bodies
from recordingd.ingress.fields import Json, clean, text_of, time_of
from recordingd.ports.ledger import InboxEvent

SIGNALS_CHANNEL = "signals:"
CALLBACKS_CHANNEL = "callbacks"

# Longer key parts are hashed: PostgreSQL indexes at most about 2,700 bytes of a row.
_KEY_LENGTH_MAX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who sent an element, under which id, and of which type."""

    source: str
    event_id: str
    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An opened envelope.

    `resource` is the Event Grid topic or the CloudEvents source. `at` is the sender's time, or that
    of receipt when it names none. `token_hash` is set for what came to a callback address of ours,
    `reporter` for what an application reported. `data` is empty when the envelope holds no object.
    """

    type_name: str
    subject: str
    resource: str | None
    at: datetime
    data: Json
    attributes: Json
    token_hash: str | None
    reporter: str | None

    def about(
        self,
        *,
        server_call_id: str | None = None,
        correlation_id: str | None = None,
        connection_id: str | None = None,
        recording_id: str | None = None,
    ) -> CallReference:
        """Refer to a call by what the event says, and by the callback token it came with."""
        return CallReference(
            server_call_id=None if server_call_id is None else ServerCallId(server_call_id),
            correlation_id=correlation_id,
            connection_id=connection_id,
            recording_id=recording_id,
            callback_token_hash=self.token_hash,
        )


def object_in(value: object) -> Json:
    """Return a parsed element as the object it must be; Malformed when it is none."""
    if not isinstance(value, Mapping):
        msg = "not an object"
        raise bodies.Malformed(msg)
    return value


def header_of(element: Json, *, is_cloud_event: bool) -> Header:
    """Read the header of an element; Malformed when it has no id or no type.

    `is_cloud_event` says how to read an element that shows neither `specversion` nor `eventType`.
    """
    is_cloud = _is_cloud_event(element, otherwise=is_cloud_event)
    source = text_of(element, "source" if is_cloud else "topic") or ""
    return Header(
        source=key_part(source),
        event_id=key_part(_needed(element, "id")),
        type_name=_needed(element, "type" if is_cloud else "eventType"),
    )


def key_part(text: str) -> str:
    """Return a text as a part of the inbox key: itself, or its hash when it is very long."""
    if len(text) <= _KEY_LENGTH_MAX:
        return clean(text)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def open_notice(event: InboxEvent) -> Notice:
    """Open an inbox event; UnreadableEvent when it was kept as poison or is no event."""
    if event.poison is not None:
        raise UnreadableEvent(event.poison)
    try:
        element = object_in(bodies.parse(event.body))
        header = header_of(element, is_cloud_event=True)
    except bodies.Malformed as error:
        raise UnreadableEvent(str(error)) from error
    is_token = event.channel == CALLBACKS_CHANNEL
    data = element.get("data")
    return Notice(
        type_name=header.type_name,
        subject=text_of(element, "subject") or "",
        resource=text_of(element, "topic") or text_of(element, "source"),
        at=time_of(element, "time") or time_of(element, "eventTime") or event.received_at,
        data=data if isinstance(data, Mapping) else {},
        attributes=element,
        token_hash=event.context if is_token else None,
        reporter=None if is_token else event.context,
    )


def _needed(element: Json, name: str) -> str:
    value = text_of(element, name)
    if value is None:
        msg = f"{name} is missing or is not text"
        raise bodies.Malformed(msg)
    return value


def _is_cloud_event(element: Json, *, otherwise: bool) -> bool:
    # The specification's own examples write specVersion (recording_file_status_updated.json).
    if "specversion" in element or "specVersion" in element:
        return True
    if "eventType" in element:
        return False
    return otherwise or "type" in element
