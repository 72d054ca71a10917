"""Factories of wire events and inbox events, with defaults for everything a test does not name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from recordingd.domain.calls import AnyCallEvent
from recordingd.ingress import envelopes
from recordingd.ports.ledger import InboxEvent

RECEIVED_AT = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)
TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/x"
Wire = dict[str, Any]


def _wrap_eventgrid(type_name: str, data: object, subject: str) -> Wire:
    return {
        "id": "ev-1",
        "topic": TOPIC,
        "subject": subject,
        "data": data,
        "eventType": type_name,
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-03-02T10:00:00.1234567Z",
    }


def _wrap_cloudevents(type_name: str, data: object, subject: str) -> Wire:
    return {
        "id": "ev-1",
        "source": TOPIC,
        "subject": subject,
        "type": type_name,
        "time": "2026-03-02T10:00:00.1234567+00:00",
        "specversion": "1.0",
        "data": data,
    }


def _wrap_odd_cloudevents(type_name: str, data: object, subject: str) -> Wire:
    wire = _wrap_cloudevents(type_name, data, subject)
    wire["specVersion"] = wire.pop("specversion")
    return wire


WRAPPERS = {
    "eventgrid": _wrap_eventgrid,
    "cloudevents": _wrap_cloudevents,
    "cloudevents-odd": _wrap_odd_cloudevents,
}


@pytest.fixture(params=sorted(WRAPPERS))
def wrap(request: pytest.FixtureRequest) -> Callable[..., Wire]:
    """Wrap data in an envelope; every test that asks for it runs once per known envelope."""
    wrapper = WRAPPERS[request.param]

    def make(type_name: str, data: object, *, subject: str = "") -> Wire:
        return wrapper(type_name, data, subject)

    return make


@pytest.fixture
def cloud_event() -> Callable[..., Wire]:
    """Make a CloudEvent; keyword arguments replace or add attributes, None removes one."""

    def make(type_name: str = "Microsoft.Communication.CallEnded", **changes: object) -> Wire:
        wire = _wrap_cloudevents(type_name, {"serverCallId": "c2NpZA=="}, "")
        wire.update(changes)
        return {name: value for name, value in wire.items() if value is not None}

    return make


@pytest.fixture
def split() -> Callable[..., list[InboxEvent]]:
    """Split a body, or the JSON of a value, as if it came from Event Grid."""

    def run(
        body: object,
        *,
        content_type: str = "application/json",
        channel: str = "eventgrid",
        context: str | None = None,
    ) -> list[InboxEvent]:
        return envelopes.split(
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type=content_type,
            channel=channel,
            context=context,
            received_at=RECEIVED_AT,
        )

    return run


@pytest.fixture
def read(split: Callable[..., list[InboxEvent]]) -> Callable[..., AnyCallEvent]:
    """Split and read a wire event that means exactly one thing."""

    def run(wire: Wire, **settings: str) -> AnyCallEvent:
        (inbox,) = split(wire, **settings)
        (event,) = envelopes.read(inbox)
        return event

    return run
