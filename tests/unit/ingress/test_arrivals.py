"""Noticing that events should have come and did not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recordingd.ingress.arrivals import FIRST_WITHIN, SILENT_FOR, Arrivals
from recordingd.ports.ledger import InboxEvent
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

STARTED = datetime(2026, 3, 2, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def arrivals() -> Arrivals:
    metrics = Metrics()
    return Arrivals(metrics=metrics, alarms=Alarms(metrics), started_at=STARTED)


def event(at: datetime, *, channel: str = "eventgrid") -> InboxEvent:
    body = b'{"id":"1","source":"s","specversion":"1.0","type":"Microsoft.Communication.CallEnded"}'
    return InboxEvent(
        channel=channel, source="s", event_id="1", body=body, context=None, received_at=at
    )


def names(account: Arrivals) -> list[str]:
    return [alarm.name for alarm in account.alarms.active()]


@pytest.mark.parametrize(
    ("after", "alarms"),
    [
        (FIRST_WITHIN - TICK, []),
        (FIRST_WITHIN, ["EventsMissing"]),
        (FIRST_WITHIN + TICK, ["EventsMissing"]),
    ],
)
def test_first_event_is_missed_ten_minutes_after_the_start(
    after: timedelta, alarms: list[str]
) -> None:
    account = arrivals()
    account.look_for_missing(now=STARTED + after, was_ever=False, is_recording=False)
    assert names(account) == alarms


@pytest.mark.parametrize(
    ("after", "alarms"),
    [
        (SILENT_FOR - TICK, []),
        (SILENT_FOR, ["EventsMissing"]),
        (SILENT_FOR + TICK, ["EventsMissing"]),
    ],
)
def test_events_are_missed_after_half_an_hour_of_silence_while_recordings_run(
    after: timedelta, alarms: list[str]
) -> None:
    account = arrivals()
    last = STARTED + timedelta(hours=5)
    account.note([event(last)])
    account.look_for_missing(now=last + after, was_ever=True, is_recording=True)
    assert names(account) == alarms


def test_silence_without_recordings_is_not_missed() -> None:
    account = arrivals()
    night = STARTED + timedelta(hours=12)
    account.look_for_missing(now=night, was_ever=True, is_recording=False)
    assert names(account) == []


def test_silence_since_the_start_counts_for_recordings_of_an_earlier_daemon() -> None:
    account = arrivals()
    account.look_for_missing(now=STARTED + SILENT_FOR, was_ever=True, is_recording=True)
    assert names(account) == ["EventsMissing"]


@pytest.mark.parametrize("channel", ["eventgrid", "queue"])
def test_next_event_by_any_way_ends_the_alarm(channel: str) -> None:
    account = arrivals()
    late = STARTED + timedelta(hours=1)
    account.look_for_missing(now=late, was_ever=False, is_recording=False)
    account.note([event(late, channel=channel)])
    assert names(account) == []


@pytest.mark.parametrize("channel", ["callbacks", "callbacks:ivr", "signals:ivr"])
def test_what_others_send_does_not_stand_in_for_event_grid(channel: str) -> None:
    account = arrivals()
    late = STARTED + timedelta(hours=1)
    account.note([event(late, channel=channel)])
    account.look_for_missing(now=late, was_ever=True, is_recording=True)
    assert names(account) == ["EventsMissing"]


def test_alarm_lasts_as_long_as_its_cause_and_counts_once_per_look() -> None:
    account = arrivals()
    for minutes in (10, 11, 12):
        now = STARTED + timedelta(minutes=minutes)
        account.look_for_missing(now=now, was_ever=False, is_recording=False)
    (alarm,) = account.alarms.active()
    assert (alarm.since, alarm.count) == (STARTED + FIRST_WITHIN, 3)
