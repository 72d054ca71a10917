"""Splitting bodies into inbox events, and reading those by type and channel."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.domain.calls import CallEnded, EventIgnored
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress import envelopes
from recordingd.ports.ledger import InboxEvent

Wire = dict[str, Any]
Split = Callable[..., list[InboxEvent]]
Make = Callable[..., Wire]
Read = Callable[..., Any]
RECEIVED_AT = datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)


def split_raw(body: bytes, content_type: str = "application/json") -> list[InboxEvent]:
    return envelopes.split(
        body, content_type=content_type, channel="eventgrid", context=None, received_at=RECEIVED_AT
    )


def test_key_is_the_sender_and_its_id(split: Split, wrap: Make) -> None:
    (event,) = split(wrap("Microsoft.Communication.CallEnded", {}))
    assert (event.channel, event.event_id, event.poison) == ("eventgrid", "ev-1", None)
    assert event.source.startswith("/subscriptions/")


def test_array_gives_one_event_per_element_in_order(split: Split, cloud_event: Make) -> None:
    events = split([cloud_event(id=name) for name in ("b", "a", "c")])
    assert [event.event_id for event in events] == ["b", "a", "c"]


def test_same_event_written_differently_has_the_same_bytes(split: Split, cloud_event: Make) -> None:
    wire = cloud_event()
    turned = json.dumps(dict(reversed(wire.items())), indent=3).encode()
    assert split(wire)[0].body == split(turned)[0].body


def test_context_channel_and_time_are_passed_on(split: Split, cloud_event: Make) -> None:
    (event,) = split(cloud_event(), channel="callbacks", context="abc")
    assert (event.channel, event.context, event.received_at) == ("callbacks", "abc", RECEIVED_AT)


def test_event_without_topic_is_read(split: Split) -> None:
    (event,) = split({"id": "1", "eventType": "x", "data": {}})
    assert (event.source, event.poison) == ("", None)


def test_content_type_says_how_to_read_an_element_that_does_not_say() -> None:
    body = b'{"id": "1", "type": "a", "topic": "t", "source": "s"}'
    (event,) = split_raw(body, "application/cloudevents+json; charset=utf-8")
    assert (event.source, event.poison) == ("s", None)


def test_cloud_event_without_specversion_is_read_by_its_type() -> None:
    (event,) = split_raw(b'{"id": "1", "type": "a", "source": "s"}')
    assert (event.source, event.poison) == ("s", None)


def test_one_bad_element_does_not_take_the_others_with_it() -> None:
    body = b'[{"id":"1","eventType":"a"}, oops, {"id":"2","id":"2"}, {"id":"3","eventType":"a"}]'
    events = split_raw(body)
    assert [event.poison is None for event in events] == [True, False, False, True]


def test_batch_of_five_thousand_with_one_poison_keeps_the_others() -> None:
    good = [b'{"id":"%d","eventType":"a"}' % number for number in range(4_999)]
    events = split_raw(b"[" + b",".join([*good[:2_500], b"{{", *good[2_500:]]) + b"]")
    # Two unbalanced braces make the array itself unreadable; a balanced fault stays alone.
    assert len(events) == 1
    events = split_raw(b"[" + b",".join([*good[:2_500], b"{?}", *good[2_500:]]) + b"]")
    assert len(events) == 5_000
    assert [event.event_id for event in events if event.poison is not None] == [
        hashlib.sha256(b"{?}").hexdigest()
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<html></html>",
        b"[1, 2",
        b"7",
        b"null",
        b'"text"',
        b"{}",
        b'{"id": "1"}',
        b'{"eventType": "a"}',
        b'{"id": "", "eventType": "a"}',
        b'{"id": 5, "eventType": "a"}',
        b'{"id": "1", "id": "1", "eventType": "a"}',
        b'{"id": "1", "eventType": "a", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": "\\ud800", "eventType": "a"}',
        b'{"id": "1", "eventType": "a", "data": 1e999}',
        b"\xff\xfe[\x00]\x00",
    ],
)
def test_body_that_cannot_be_understood_is_kept_as_poison(body: bytes) -> None:
    (event,) = split_raw(body)
    assert event.poison
    assert event.event_id == hashlib.sha256(body).hexdigest()
    assert event.body == body


def test_poison_is_refused_by_reading() -> None:
    (event,) = split_raw(b"{}")
    with pytest.raises(UnreadableEvent, match="id is missing"):
        envelopes.read(event)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_readable_events_or_named_faults(body: bytes) -> None:
    for event in split_raw(body):
        with contextlib.suppress(UnreadableEvent):
            assert envelopes.read(event)


FRAGMENTS = st.sampled_from(
    ["id", "eventType", "type", "specversion", "data", "serverCallId", "participants", "startedBy"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [f"Microsoft.Communication.{name}" for name in ("CallStarted", "ParticipantsUpdated")]
    ),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(FRAGMENTS, children, max_size=6)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_arbitrary_values_give_readable_events_or_named_faults(value: object) -> None:
    for event in split_raw(json.dumps(value).encode()):
        with contextlib.suppress(UnreadableEvent):
            assert envelopes.read(event)


@pytest.mark.parametrize("text", ["a\0b", "\u202eabc", "😀", "é" * 10])
def test_unusual_characters_in_ids_are_tolerated(read: Read, cloud_event: Make, text: str) -> None:
    event = read(cloud_event(id=text, source=text, data={"serverCallId": text}))
    assert isinstance(event, CallEnded)
    assert event.about.server_call_id == text.replace("\0", "␀")


def test_very_long_key_is_hashed(split: Split, cloud_event: Make) -> None:
    (first,) = split(cloud_event(id="x" * 513))
    (second,) = split(cloud_event(id="x" * 512 + "y"))
    (longest,) = split(cloud_event(id="x" * 512))
    assert first.event_id != second.event_id
    assert len(first.event_id) < 100
    assert longest.event_id == "x" * 512


def test_missing_time_is_that_of_receipt(read: Read, cloud_event: Make) -> None:
    assert read(cloud_event(time=None)).at == RECEIVED_AT


def test_time_has_microseconds_in_utc(read: Read, wrap: Make) -> None:
    event = read(wrap("Microsoft.Communication.CallEnded", {"serverCallId": "s"}))
    assert event.at == datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "type_name",
    [
        "Microsoft.EventGrid.SubscriptionValidationEvent",
        "Microsoft.Communication.ChatMessageReceived",
        "Contoso.Something",
    ],
)
def test_foreign_type_is_ignored_by_name(read: Read, wrap: Make, type_name: str) -> None:
    event = read(wrap(type_name, {}))
    assert isinstance(event, EventIgnored)
    assert event.type_name == type_name


def test_type_is_told_without_reading(split: Split, wrap: Make) -> None:
    (event,) = split(wrap("Contoso.Something", {}))
    assert envelopes.type_of(event) == "Contoso.Something"


def test_poison_has_no_type() -> None:
    (event,) = split_raw(b"?")
    assert envelopes.type_of(event) is None


@pytest.mark.parametrize("channel", ["eventgrid", "callbacks", "callbacks:ivr"])
def test_signal_is_read_from_its_own_channel_only(
    read: Read, cloud_event: Make, channel: str
) -> None:
    wire = cloud_event("recordingd.consent.granted", data={"serverCallId": "s", "method": "app"})
    with pytest.raises(UnreadableEvent, match="channel"):
        read(wire, channel=channel, context="ivr")


def test_service_event_is_not_read_from_a_signals_channel(read: Read, cloud_event: Make) -> None:
    with pytest.raises(UnreadableEvent, match="channel"):
        read(cloud_event(), channel="signals:ivr", context="ivr")
