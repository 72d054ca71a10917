"""Signals of the customer's applications: what is accepted, and how a fault is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from recordingd.domain.calls import (
    CallReference,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    MomentTold,
    ServerCallId,
)
from recordingd.domain.errors import UnreadableEvent

Wire = dict[str, Any]
Make = Callable[..., Wire]
Read = Callable[..., Any]

SERVER = "aHR0cHM6Ly9hcGkvY29udi9R/aT0xMC0x+Mg=="
ABOUT = CallReference(server_call_id=ServerCallId(SERVER))
SENT_AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
CHANNEL = {"channel": "signals:ivr", "context": "ivr"}


@pytest.fixture
def signal(cloud_event: Make) -> Make:
    """Make a signal; keyword arguments replace its data, None removes a field of it."""

    def make(type_name: str = "consent.granted", **changes: object) -> Wire:
        data = {"serverCallId": SERVER, "method": "dtmf", **changes}
        kept = {name: value for name, value in data.items() if value is not None}
        return cloud_event(f"recordingd.{type_name}", data=kept, subject=None)

    return make


@pytest.mark.parametrize(
    ("type_name", "answer"),
    [
        ("consent.granted", ConsentAnswer.GRANTED),
        ("consent.denied", ConsentAnswer.DENIED),
        ("consent.withdrawn", ConsentAnswer.WITHDRAWN),
        ("consent.notified", ConsentAnswer.NOTIFIED),
    ],
)
def test_answer_about_the_whole_call_is_read(
    read: Read, signal: Make, type_name: str, answer: ConsentAnswer
) -> None:
    event = read(signal(type_name), **CHANNEL)
    assert event == ConsentAnswered(
        about=ABOUT,
        at=SENT_AT,
        answer=answer,
        participant=None,
        purpose="recording",
        method="dtmf",
        reporter="ivr",
    )


def test_answer_of_a_participant_is_read_whole(read: Read, signal: Make) -> None:
    wire = signal(participant="8:acs:a_b", purpose="training", answeredAt="2026-03-02T09:59:58Z")
    event = read(wire, **CHANNEL)
    assert (event.participant, event.purpose) == ("8:acs:a_b", "training")
    assert event.at == datetime(2026, 3, 2, 9, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize("method", ["dtmf", "speech", "app", "prior"])
def test_every_method_is_accepted(read: Read, signal: Make, method: str) -> None:
    assert read(signal(method=method), **CHANNEL).method == method


def test_subject_names_the_call_when_the_data_does_not(read: Read, signal: Make) -> None:
    wire = signal(serverCallId=None) | {"subject": SERVER}
    assert read(wire, **CHANNEL).about == ABOUT


def test_tags_and_roles_are_read(read: Read, signal: Make) -> None:
    wire = signal("call.tagged", tags={"queue": "sales"}, roles={"8:acs:a_b": "agent"})
    assert read(wire, **CHANNEL) == CallTagged(
        about=ABOUT, at=SENT_AT, tags={"queue": "sales"}, roles={"8:acs:a_b": "agent"}
    )


def test_named_moment_is_read(read: Read, signal: Make) -> None:
    wire = signal("retention.event", event="contractEnded", at="2027-01-31T23:00:00+01:00")
    assert read(wire, **CHANNEL) == MomentTold(
        about=ABOUT,
        at=SENT_AT,
        name="contractEnded",
        moment=datetime(2027, 1, 31, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": None}, "data.event"),
        ({"event": ""}, "data.event"),
        ({"event": 7}, "data.event"),
        ({"at": None}, "data.at"),
        ({"at": "tomorrow"}, "data.at"),
        ({"at": "9500-01-01T00:00:00Z"}, "data.at"),
    ],
)
def test_malformed_moment_is_refused_by_field(
    read: Read, signal: Make, changes: Wire, field: str
) -> None:
    told = {"event": "contractEnded", "at": "2027-01-31T23:00:00Z"} | changes
    with pytest.raises(UnreadableEvent) as fault:
        read(signal("retention.event", **told), **CHANNEL)
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("type_name", "is_resume"),
    [("capture.pauseRequested", False), ("capture.resumeRequested", True)],
)
def test_request_for_silence_and_for_its_end_is_read(
    read: Read, signal: Make, type_name: str, *, is_resume: bool
) -> None:
    assert read(signal(type_name), **CHANNEL) == CaptureRequested(
        about=ABOUT, at=SENT_AT, is_resume=is_resume, reporter="ivr"
    )


def test_end_of_a_consent_is_read(read: Read, signal: Make) -> None:
    event = read(signal(method="prior", validUntil="2027-01-01T00:00:00Z"), **CHANNEL)
    assert event.valid_until == datetime(2027, 1, 1, tzinfo=UTC)


def test_signal_without_an_effect_is_refused(read: Read, signal: Make) -> None:
    with pytest.raises(UnreadableEvent, match="is not acted on") as refused:
        read(signal("call.linked"), **CHANNEL)
    assert refused.value.field == "type"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": None}, "data.method"),
        ({"method": "sms"}, "data.method"),
        ({"method": ["dtmf"]}, "data.method"),
        ({"serverCallId": None}, "data.serverCallId"),
        ({"serverCallId": 7}, "data.serverCallId"),
        ({"participant": ""}, "data.participant"),
        ({"participant": 7}, "data.participant"),
        ({"participant": "+49 151"}, "data.participant"),
        ({"participant": "+0151"}, "data.participant"),
        ({"purpose": ""}, "data.purpose"),
        ({"answeredAt": "yesterday"}, "data.answeredAt"),
        ({"answeredAt": 5}, "data.answeredAt"),
        ({"validUntil": "next year"}, "data.validUntil"),
    ],
)
def test_malformed_answer_is_refused_by_field(
    read: Read, signal: Make, changes: Wire, field: str
) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(signal(**changes), **CHANNEL)
    assert fault.value.field == field
    assert field in fault.value.reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "data.tags"),
        ({"tags": {}, "roles": {}}, "data.tags"),
        ({"tags": "queue"}, "data.tags"),
        ({"tags": {"queue": 7}}, "data.tags.queue"),
        ({"roles": {"": "agent"}}, "data.roles."),
        ({"tags": {"a": "b"}, "roles": ["agent"]}, "data.roles"),
    ],
)
def test_malformed_tags_are_refused_by_field(
    read: Read, signal: Make, changes: Wire, field: str
) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(signal("call.tagged", **changes), **CHANNEL)
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "recordingd.consent.maybe"}, "type"),
        ({"data": None}, "data"),
        ({"data": []}, "data"),
        ({"time": "noon"}, "time"),
        ({"subject": "another call"}, "subject"),
    ],
)
def test_malformed_envelope_is_refused_by_field(
    read: Read, signal: Make, attributes: Wire, field: str
) -> None:
    with pytest.raises(UnreadableEvent) as fault:
        read(signal() | attributes, **CHANNEL)
    assert fault.value.field == field


def test_signal_without_a_reporter_is_refused(read: Read, signal: Make) -> None:
    with pytest.raises(UnreadableEvent, match="reporters only"):
        read(signal(), channel="signals:", context=None)
