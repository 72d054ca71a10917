"""Keep account of the events that arrive, whichever way they came in.

Told by `receiver` and `storage_queue` of what is durable, and asked by a sweep, once a minute,
whether events are missing. Writes metrics and alarms, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.ingress import envelopes
from recordingd.ingress.service_events import SERVICE_EVENTS
from recordingd.ports.ledger import InboxEvent
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

# The channels of the inbox by which Event Grid delivers, to the webhook and into a queue.
EVENTS_CHANNEL = "eventgrid"
QUEUE_CHANNEL = "queue"

# A subscription that was never made, or was made before its provider was registered, shows in
# nothing else (azure-docs#63934). New calls are expected within this time of a first start.
FIRST_WITHIN = timedelta(minutes=10)
# Recordings that run bring events of their calls, and file events once they end.
SILENT_FOR = timedelta(minutes=30)

_EVENT_GRID = frozenset({EVENTS_CHANNEL, QUEUE_CHANNEL})
_MISSING = "EventsMissing"


@dataclass(slots=True)
class Arrivals:
    """What arrived since this daemon started, at `started_at`.

    `last_at` is when Event Grid last delivered an event by any way, None when it has not yet.
    """

    metrics: Metrics
    alarms: Alarms
    started_at: datetime
    last_at: datetime | None = None

    def note(self, events: Sequence[InboxEvent]) -> None:
        """Take note of events that are durable now; a second delivery counts like the first."""
        for event in events:
            if event.channel in _EVENT_GRID:
                self.last_at = event.received_at
                self.alarms.clear(_MISSING)
            type_name = envelopes.type_of(event)
            if type_name is None:
                self._note_poison(event)
                continue
            # Types come from outside, so only those we know get a label of their own.
            label = type_name if type_name in SERVICE_EVENTS else "other"
            gauge = self.metrics.event_last_received_timestamp_seconds.labels(type=label)
            gauge.set(event.received_at.timestamp())

    def _note_poison(self, event: InboxEvent) -> None:
        self.metrics.events_poison_total.inc()
        evidence = {"channel": event.channel, "id": event.event_id, "why": event.poison or ""}
        self.alarms.raise_alarm("EventsPoison", evidence, at=event.received_at)

    def look_for_missing(self, *, now: datetime, was_ever: bool, is_recording: bool) -> None:
        """Raise EventsMissing when events should have come and did not.

        `was_ever` says whether the ledger holds any event, of this daemon or an earlier one;
        `is_recording` whether a recording runs now. Idempotent: the next event takes it back.
        """
        silent_for = now - (self.last_at or self.started_at)
        if not was_ever and silent_for >= FIRST_WITHIN:
            self._miss(now, "no event was ever received; does an event subscription exist?")
        elif is_recording and silent_for >= SILENT_FOR:
            self._miss(now, "none came while recordings run")

    def _miss(self, now: datetime, why: str) -> None:
        last = "never" if self.last_at is None else self.last_at.isoformat()
        self.alarms.raise_alarm(_MISSING, {"why": why, "lastSinceStart": last}, at=now)

    def unreachable(self, where: str, *, why: str, now: datetime) -> None:
        """Raise EventsMissing because a place that events are fetched from cannot be read."""
        self.alarms.raise_alarm(_MISSING, {"why": why, "where": where}, at=now)

    def reachable(self) -> None:
        """Say that the place can be read again; a sweep raises what is still amiss."""
        self.alarms.clear(_MISSING)
