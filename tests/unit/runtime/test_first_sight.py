"""A call as events in a file tell it, in either schema, alone or several at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recordingd.runtime.first_sight import Ears, FirstSight, NothingTold, call_of_events

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CALL = "c2VydmVy"
SERVICE = "Microsoft.Communication."
Json = dict[str, Any]


def data_of(type_name: str) -> Json:
    about = {"serverCallId": CALL, "correlationId": "corr"}
    phone = {"kind": "phoneNumber", "rawId": "4:+18005550100"}
    user = {"communicationIdentifier": {"rawId": "8:acs:alice"}}
    return {
        "IncomingCall": {
            **about,
            "to": {**phone, "phoneNumber": {"value": "+18005550100"}},
            "from": phone,
            "customContext": {"voipHeaders": {"X-Queue": "sales"}},
        },
        "CallStarted": {**about, "startedBy": user},
        "CallParticipantAdded": {**about, "user": user, "displayName": "Alice"},
        "SMSReceived": {},
    }[type_name]


def event_grid(type_name: str, seconds: float = 0) -> Json:
    return {
        "id": type_name,
        "topic": "/x",
        "subject": "s",
        "eventType": SERVICE + type_name,
        "eventTime": (NOON + timedelta(seconds=seconds)).isoformat(),
        "dataVersion": "1.0",
        "data": data_of(type_name),
    }


def cloud_event(type_name: str, seconds: float = 0) -> Json:
    return {
        "specversion": "1.0",
        "id": type_name,
        "source": "/x",
        "type": SERVICE + type_name,
        "time": (NOON + timedelta(seconds=seconds)).isoformat(),
        "data": data_of(type_name),
    }


def a_signal(**data: object) -> Json:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "ivr",
        "type": "recordingd.call.tagged",
        "time": NOON.isoformat(),
        "data": {"serverCallId": CALL, "tags": {"queue": "sales"}, **data},
    }


def told(events: object, *, ears: Ears | None = None, at: datetime | None = None) -> FirstSight:
    return call_of_events(json.dumps(events).encode(), ears or Ears(), at=at, now=NOW)


@pytest.mark.parametrize("wrap", [event_grid, cloud_event])
def test_one_event_tells_of_its_call(wrap: Callable[[str], Json]) -> None:
    seen = told(wrap("CallStarted"))
    assert seen.facts.call.server_call_id == CALL
    assert (seen.facts.call.started_at, seen.at) == (NOON, NOON)


def test_events_add_up_and_the_last_one_says_when() -> None:
    events = [event_grid("IncomingCall"), cloud_event("CallParticipantAdded", 5)]
    seen = told(events)
    assert seen.facts.call.to_party is not None
    assert [p.party.raw_id for p in seen.facts.participants] == ["8:acs:alice"]
    assert seen.at == NOON + timedelta(seconds=5)


def test_headers_become_tags_as_the_settings_say() -> None:
    seen = told(event_grid("IncomingCall"), ears=Ears(tag_headers={"queue": "X-Queue"}))
    assert seen.facts.call.tags == {"queue": "sales"}


def test_signal_counts_as_that_of_a_reporter() -> None:
    assert told(a_signal()).facts.call.tags == {"queue": "sales"}


@pytest.mark.parametrize(("seconds", "known"), [(4.999, 0), (5, 1), (6, 1)])
def test_what_happens_later_than_asked_is_not_known_yet(seconds: float, known: int) -> None:
    at = NOON + timedelta(seconds=seconds)
    seen = told([event_grid("CallStarted"), event_grid("CallParticipantAdded", 5)], at=at)
    assert (len(seen.facts.participants), seen.at) == (known, at)


def test_event_without_a_time_happens_now() -> None:
    event = cloud_event("CallStarted")
    del event["time"]
    assert told(event).at == NOW


def test_types_that_tell_nothing_are_named() -> None:
    seen = told([event_grid("CallStarted"), event_grid("SMSReceived")])
    assert seen.ignored == ("Microsoft.Communication.SMSReceived",)


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ("[", "the event cannot be understood"),
        ({}, "the event cannot be understood: id is missing"),
        ([], "no event names a call"),
        ([{"id": 1}, {"id": 2}], "event 1 cannot be understood"),
        (event_grid("SMSReceived"), "no event tells of a call; there is Microsoft"),
        (a_signal(tags={}), "the event cannot be understood: data.tags"),
    ],
)
def test_what_tells_of_no_call_is_refused_with_the_reason(events: object, complaint: str) -> None:
    with pytest.raises(NothingTold, match=complaint):
        told(events)


def test_events_of_several_calls_are_refused() -> None:
    other = event_grid("CallStarted")
    other["data"] = {**other["data"], "serverCallId": "b3RoZXI"}
    with pytest.raises(NothingTold, match=r"several calls \(b3RoZXI, c2VydmVy\)"):
        told([event_grid("CallStarted"), other])


def test_nothing_that_was_known_by_then_is_refused() -> None:
    with pytest.raises(NothingTold, match="until 2026-03-02T11:00:00"):
        told(event_grid("CallStarted"), at=NOON - timedelta(hours=1))
