"""Bytes in, domain events out.

`receiver` splits a posted body into inbox events before they are committed; `runtime` reads one
inbox event at a time when it applies them. The service's own words end here. Nothing in this module
knows a clock, a socket or the ledger, or decides what an event means for a recording.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from recordingd.domain.calls import AnyCallEvent, CallReference, EventIgnored
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress import bodies
from recordingd.ingress.notices import SIGNALS_CHANNEL, header_of, object_in, open_notice
from recordingd.ingress.service_events import SERVICE_EVENTS
from recordingd.ingress.signals import SIGNAL_PREFIX, read_signal
from recordingd.ports.ledger import InboxEvent

__all__ = ["UnreadableEvent", "read", "split", "type_of"]

# The source of what names none because it cannot be read; its id is then the hash of its bytes.
_UNREADABLE_SOURCE = "unreadable"


def split(
    body: bytes, *, content_type: str, channel: str, context: str | None, received_at: datetime
) -> list[InboxEvent]:
    """Make one inbox event of every element of a posted body, in their order.

    The body is one object or an array of them, in Event Grid's schema or as CloudEvents. An element
    that cannot be understood becomes an event whose `poison` says why, named by the SHA-256 of its
    bytes; so does the whole body when it cannot be cut. An empty array gives no events. Never
    raises: whatever was posted by somebody authenticated is kept.
    """
    base = InboxEvent(
        channel=channel, source="", event_id="", body=b"", context=context, received_at=received_at
    )
    is_cloud_event = "cloudevents" in content_type.lower()
    try:
        elements = bodies.cut(body)
    except bodies.Malformed as error:
        return [_poison(base, body, str(error))]
    return [_event(base, element, is_cloud_event=is_cloud_event) for element in elements]


def read(event: InboxEvent) -> tuple[AnyCallEvent, ...]:
    """Say what an inbox event means, as one or more domain events in the order they apply.

    A type that is not ours gives an EventIgnored. Raises UnreadableEvent, naming the field, for a
    known type with unusable content, for a signal from anybody but a reporter, and for poison.
    """
    notice = open_notice(event)
    is_signal = notice.type_name.startswith(SIGNAL_PREFIX)
    if event.channel.startswith(SIGNALS_CHANNEL) != is_signal:
        reason = f"type {notice.type_name!r} does not belong on this channel"
        raise UnreadableEvent(reason, field="type")
    if is_signal:
        return read_signal(notice)
    reader = SERVICE_EVENTS.get(notice.type_name)
    if reader is None:
        about = CallReference(callback_token_hash=notice.token_hash)
        return (EventIgnored(about=about, at=notice.at, type_name=notice.type_name),)
    return reader(notice)


def type_of(event: InboxEvent) -> str | None:
    """Return the type an event gives itself; None when it is poison."""
    if event.poison is not None:
        return None
    return header_of(object_in(bodies.parse(event.body)), is_cloud_event=True).type_name


def _event(base: InboxEvent, element: bodies.Element, *, is_cloud_event: bool) -> InboxEvent:
    try:
        value = object_in(bodies.parse_element(element))
        header = header_of(value, is_cloud_event=is_cloud_event)
        body = bodies.canonical(value)
    except bodies.Malformed as error:
        return _poison(base, element.text, str(error))
    return InboxEvent(
        channel=base.channel,
        source=header.source,
        event_id=header.event_id,
        body=body,
        context=base.context,
        received_at=base.received_at,
    )


def _poison(base: InboxEvent, body: bytes, reason: str) -> InboxEvent:
    return InboxEvent(
        channel=base.channel,
        source=_UNREADABLE_SOURCE,
        event_id=hashlib.sha256(body).hexdigest(),
        body=body,
        context=base.context,
        received_at=base.received_at,
        poison=reason,
    )
