"""The register of alarms."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from recordingd.telemetry.alarms import ALARM_KINDS, Alarms, Severity
from recordingd.telemetry.metrics import Metrics

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def alarms(metrics: Metrics) -> Alarms:
    return Alarms(metrics)


def shown(metrics: Metrics, name: str, severity: str, value: str) -> bool:
    line = f'recordingd_alarm_active{{name="{name}",severity="{severity}"}} {value}'
    return line in metrics.render()[0].decode()


def test_alarm_has_the_form_of_the_interface(alarms: Alarms) -> None:
    alarms.raise_alarm("FileLost", {"file": "f-1"}, at=T0, deadline=T0 + MINUTE)
    (alarm,) = alarms.to_json()
    assert alarm == {
        "name": "FileLost",
        "severity": "page",
        "since": "2026-03-02T10:00:00Z",
        "count": 1,
        "impact": ALARM_KINDS["FileLost"].impact,
        "deadline": "2026-03-02T10:01:00Z",
        "evidence": {"file": "f-1"},
        "next": list(ALARM_KINDS["FileLost"].next),
        "runbook": "runbook.md#filelost",
    }


def test_evidence_names_nobody(alarms: Alarms) -> None:
    alarms.raise_alarm("RecordingRefused", {"why": "no leg to 4:+14155550111"}, at=T0)
    (alarm,) = alarms.active()
    assert alarm.evidence["why"].startswith("no leg to 4:<phone:")


def test_alarm_is_one_per_cause_and_counts(alarms: Alarms) -> None:
    for minute in range(3):
        alarms.raise_alarm("FileLost", {"file": str(minute)}, at=T0 + minute * MINUTE)
    (alarm,) = alarms.active()
    assert (alarm.count, alarm.since, alarm.evidence) == (3, T0, {"file": "2"})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, None, None),
        (T0, None, T0),
        (None, T0, T0),
        (T0, T0 + MINUTE, T0),
        (T0 + MINUTE, T0, T0),
    ],
)
def test_earliest_deadline_stays(
    alarms: Alarms, first: datetime | None, second: datetime | None, expected: datetime | None
) -> None:
    alarms.raise_alarm("FileDeadlineNear", {}, at=T0, deadline=first)
    alarms.raise_alarm("FileDeadlineNear", {}, at=T0, deadline=second)
    assert alarms.active()[0].deadline == expected


def test_metric_follows_the_alarm(alarms: Alarms, metrics: Metrics) -> None:
    alarms.raise_alarm("FileSuspect", {}, at=T0)
    assert shown(metrics, "FileSuspect", "ticket", "1.0")
    alarms.clear("FileSuspect")
    assert shown(metrics, "FileSuspect", "ticket", "0.0")


def test_cleared_alarm_starts_anew(alarms: Alarms) -> None:
    alarms.raise_alarm("FileLost", {}, at=T0)
    alarms.clear("FileLost")
    assert alarms.active() == ()
    alarms.raise_alarm("FileLost", {}, at=T0 + MINUTE)
    assert (alarms.active()[0].since, alarms.active()[0].count) == (T0 + MINUTE, 1)


def test_clearing_what_is_not_active_does_nothing(alarms: Alarms, metrics: Metrics) -> None:
    alarms.clear("FileLost")
    assert b"FileLost" not in metrics.render()[0]


@pytest.mark.parametrize(
    ("offset", "is_active"),
    [(-timedelta.resolution, True), (timedelta(), True), (timedelta.resolution, False)],
)
def test_quiet_alarm_is_cleared_only_when_last_seen_before_a_moment(
    alarms: Alarms, offset: timedelta, *, is_active: bool
) -> None:
    alarms.raise_alarm("EventsRejected", {}, at=T0 - MINUTE)
    alarms.raise_alarm("EventsRejected", {}, at=T0)
    alarms.clear_quiet("EventsRejected", before=T0 + offset)
    assert bool(alarms.active()) is is_active


def test_pages_come_first_then_the_oldest(alarms: Alarms) -> None:
    alarms.raise_alarm("FileSuspect", {}, at=T0)
    alarms.raise_alarm("FileLost", {}, at=T0 + 2 * MINUTE)
    alarms.raise_alarm("LoopStalled", {}, at=T0 + MINUTE)
    assert [alarm.name for alarm in alarms.active()] == ["LoopStalled", "FileLost", "FileSuspect"]


def test_pages_are_exactly_those_of_the_interface() -> None:
    pages = {name for name, kind in ALARM_KINDS.items() if kind.severity is Severity.PAGE}
    assert pages == {
        "CloudCredentialRejected",
        "CloudUnreachable",
        "ArchiveFillsSoon",
        "EventsMissing",
        "EventsRejected",
        "PolicyNotInForce",
        "FileDeadlineNear",
        "FileLost",
        "CaptureUncontrolled",
        "AuditChainBroken",
        "LoopStalled",
    }


@pytest.mark.parametrize("name", sorted(ALARM_KINDS))
def test_every_alarm_says_what_is_lost_and_what_to_do(name: str) -> None:
    kind = ALARM_KINDS[name]
    assert kind.impact.endswith(".")
    assert kind.next


def test_alarm_without_an_entry_is_a_ticket_and_not_lost(alarms: Alarms) -> None:
    alarms.raise_alarm("SomethingNew", {"a": "b"}, at=T0)
    assert alarms.to_json()[0]["severity"] == "ticket"


@pytest.mark.parametrize(
    ("name", "level"), [("FileLost", logging.ERROR), ("FileSuspect", logging.WARNING)]
)
def test_first_time_is_logged_once_with_what_to_do(
    alarms: Alarms, caplog: pytest.LogCaptureFixture, name: str, level: int
) -> None:
    for _ in range(3):
        alarms.raise_alarm(name, {"file": "f-1"}, at=T0)
    (record,) = caplog.records
    assert record.levelno == level
    assert f"alarm={name}" in record.getMessage()
    assert "recordingd recordings list" in record.getMessage()
    assert "file=f-1" in record.getMessage()
