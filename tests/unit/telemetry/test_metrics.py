"""The metrics page."""

from __future__ import annotations

import pytest

from recordingd.telemetry.metrics import Metrics


def page_of(metrics: Metrics) -> str:
    return metrics.render()[0].decode()


@pytest.mark.parametrize(
    "name",
    [
        "calls_live",
        "recordings",
        "calls_unmatched_total",
        "recordings_missed_total",
        "start_delay_seconds",
        "cloud_requests_total",
        "event_last_received_timestamp_seconds",
        "events_rejected_total",
        "events_poison_total",
        "inbox_depth",
        "files_lost_total",
        "file_deadline_min_seconds",
        "unconsented_seconds_total",
        "loop_last_success_timestamp_seconds",
        "policy_generation",
        "policy_reload_success",
        "alarm_active",
    ],
)
def test_metric_is_there_under_its_name(name: str) -> None:
    metrics = Metrics()
    assert hasattr(metrics, name)
    assert f"# HELP recordingd_{name} " in page_of(metrics)


def test_labels_are_those_of_the_interface() -> None:
    metrics = Metrics()
    metrics.recordings_missed_total.labels(policy="p", reason="refused").inc()
    metrics.cloud_requests_total.labels(operation="start", status="400", subcode="8553").inc(2)
    metrics.alarm_active.labels(name="FileLost", severity="page").set(1)
    page = page_of(metrics)
    assert 'recordingd_recordings_missed_total{policy="p",reason="refused"} 1.0' in page
    assert 'recordingd_alarm_active{name="FileLost",severity="page"} 1.0' in page
    assert 'operation="start",status="400",subcode="8553"} 2.0' in page


def test_state_that_is_not_counted_any_more_reads_zero() -> None:
    metrics = Metrics()
    metrics.set_recordings({"capturing": 2, "kept": 1})
    metrics.set_recordings({"kept": 3})
    page = page_of(metrics)
    assert 'recordingd_recordings{state="capturing"} 0.0' in page
    assert 'recordingd_recordings{state="kept"} 3.0' in page


def test_instances_do_not_share_a_registry() -> None:
    first, second = Metrics(), Metrics()
    first.calls_live.set(7)
    assert "recordingd_calls_live 7.0" not in page_of(second)


def test_page_has_no_creation_times() -> None:
    metrics = Metrics()
    metrics.events_poison_total.inc()
    assert "_created" not in page_of(metrics)


def test_content_type_is_that_of_the_format() -> None:
    assert Metrics().render()[1].startswith("text/plain")
