"""Scheduled passes over the ledger and the disk: what no event would ever tell.

Triggered by `runtime.scheduler`, the first time one interval after the start; `runtime.service`
runs those that only look once before that. Each sweep is one short function that the loop could
call as well; none of them causes an effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from recordingd.domain.plans import Alarm
from recordingd.domain.policies import StoreName
from recordingd.ingress.arrivals import Arrivals
from recordingd.planning.derivation import RecordingState
from recordingd.ports.archive import Archive
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import InboxState, Ledger, LedgerRunner
from recordingd.runtime.in_force import Rules
from recordingd.runtime.reconciler import Reconciler
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

_LOG = logging.getLogger("recordingd.sweeps")
# Below this share of free space only urgent files are fetched (`planning.files`).
TIGHT_BELOW = 0.10
# An alarm whose cause was not seen again for this long is taken back; most causes have no end.
QUIET_AFTER = timedelta(minutes=15)
# States in which the service has a recording that brings events.
RUNNING = (RecordingState.CAPTURING, RecordingState.PAUSED)
# Alarms about something that is over and will not be seen again: a person takes them back.
LASTING = frozenset({"FileLost", "CaptureUncontrolled", "AuditChainBroken", "PolicyNotInForce"})


@dataclass(slots=True)
class Sweeps:
    """Everything the sweeps look at, and what they found last.

    `free` is the free share of each store's volume, from 0.0 to 1.0.
    """

    ledger: LedgerRunner
    reconciler: Reconciler
    archives: Mapping[StoreName, Archive]
    clock: Clock
    alarms: Alarms
    metrics: Metrics
    tell: Callable[[Alarm], None]
    rules: Rules
    arrivals: Arrivals
    free: dict[StoreName, float] = field(default_factory=dict)

    async def watch(self) -> None:
        """Find calls that nobody watches although something is due."""
        await self.reconciler.watch_open_calls()

    async def measure(self) -> None:
        """Count what the ledger holds, for metrics."""

        def count(ledger: Ledger) -> tuple[Mapping[str, int], int, int]:
            pending = ledger.inbox_counts()[InboxState.NEW]
            return ledger.recording_counts(), ledger.live_call_count(), pending

        recordings, live, pending = await self.ledger.run(count)
        self.metrics.set_recordings(recordings)
        self.metrics.calls_live.set(live)
        self.metrics.inbox_depth.set(pending)

    async def look_at_disks(self) -> None:
        """Measure the free space of every store; one that cannot be measured hides no other."""
        for name, archive in self.archives.items():
            try:
                self.free[name] = await asyncio.to_thread(archive.free_share)
            except OSError as fault:
                _LOG.error("the space of store %s cannot be measured: %s", name, fault)
                self.free.pop(name, None)
                continue
            if self.free[name] < TIGHT_BELOW:
                self.tell(Alarm.of("ArchiveFillsSoon", store=name, free=f"{self.free[name]:.0%}"))
        self.rules.is_archive_tight = any(share < TIGHT_BELOW for share in self.free.values())

    async def look_for_events(self) -> None:
        """Find out whether events should have come and did not."""

        def count(ledger: Ledger) -> tuple[int, Mapping[str, int]]:
            return sum(ledger.inbox_counts().values()), ledger.recording_counts()

        received, recordings = await self.ledger.run(count)
        self.arrivals.look_for_missing(
            now=self.clock.now_utc(),
            was_ever=received > 0,
            is_recording=any(recordings.get(state.value) for state in RUNNING),
        )

    async def quieten(self) -> None:
        """Take back alarms whose cause was not seen for a while."""
        before = self.clock.now_utc() - QUIET_AFTER
        for alarm in self.alarms.active():
            if alarm.name not in LASTING:
                self.alarms.clear_quiet(alarm.name, before=before)
