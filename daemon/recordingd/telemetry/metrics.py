"""The metrics of the daemon, by the names that dashboards and alerts rely on.

Owned by `runtime`, written by it and by `ingress`. One registry of its own per instance, so that a
process may hold several daemons (tests do). Labels are bounded here or by their writers: never an
id, never text from the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    exposition,
)

# From a command already answered to the longest wait a policy may ask for.
_START_DELAY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
# The extra `_created` series double the page and answer nothing that is asked here.
_WITHOUT_CREATED: Callable[[], None] = disable_created_metrics


class Metrics:
    """Every metric as an attribute, named as in the interface without the prefix `recordingd_`."""

    def __init__(self) -> None:
        _WITHOUT_CREATED()
        registry = CollectorRegistry()
        self._registry = registry
        self._states: set[str] = set()
        self.calls_live = _gauge(registry, "calls_live", "Calls established and not over.")
        self.recordings = _gauge(registry, "recordings", "Recordings by state.", "state")
        self.calls_unmatched_total = _counter(
            registry, "calls_unmatched", "Calls that no policy spoke for."
        )
        self.recordings_missed_total = _counter(
            registry, "recordings_missed", "Wanted recordings without a file.", "policy", "reason"
        )
        self.start_delay_seconds = Histogram(
            "recordingd_start_delay_seconds",
            "From the news of a call to the start on the wire.",
            registry=registry,
            buckets=_START_DELAY_BUCKETS,
        )
        self.cloud_requests_total = _counter(
            registry,
            "cloud_requests",
            "Requests to the service.",
            "operation",
            "status",
            "subcode",
        )
        self.event_last_received_timestamp_seconds = _gauge(
            registry, "event_last_received_timestamp_seconds", "When a type last came.", "type"
        )
        self.events_rejected_total = _counter(
            registry, "events_rejected", "Requests with events that were refused.", "reason"
        )
        self.events_poison_total = _counter(
            registry, "events_poison", "Events kept that cannot be understood."
        )
        self.inbox_depth = _gauge(registry, "inbox_depth", "Events committed and not applied.")
        self.files_lost_total = _counter(
            registry, "files_lost", "Files that the service dropped before we had them."
        )
        self.file_deadline_min_seconds = _gauge(
            registry, "file_deadline_min_seconds", "Time left for the most urgent file."
        )
        self.unconsented_seconds_total = _counter(
            registry, "unconsented_seconds", "Audio captured without consent."
        )
        self.loop_last_success_timestamp_seconds = _gauge(
            registry, "loop_last_success_timestamp_seconds", "When the loop last ran to its end."
        )
        self.policy_generation = _gauge(
            registry, "policy_generation", "Revision of the policies in force."
        )
        self.policy_reload_success = _gauge(
            registry, "policy_reload_success", "1 when the newest policy files are in force."
        )
        self.alarm_active = _gauge(
            registry, "alarm_active", "1 while an alarm is active.", "name", "severity"
        )

    def set_recordings(self, counts: Mapping[str, int]) -> None:
        """Show the recordings by state; a state that is not counted any more reads 0."""
        self._states.update(counts)
        for state in self._states:
            self.recordings.labels(state=state).set(counts.get(state, 0))

    def render(self) -> tuple[bytes, str]:
        """Return the page that Prometheus scrapes, and its content type."""
        return exposition.generate_latest(self._registry), exposition.CONTENT_TYPE_LATEST


def _gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"recordingd_{name}", text, labels, registry=registry)


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(f"recordingd_{name}", text, labels, registry=registry)
