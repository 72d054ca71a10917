"""Scheduled passes over the ledger and the disk: what no event would ever tell.

Triggered by `runtime.scheduler`, the first time one interval after the start; `runtime.service`
runs those that only look once before that. Each sweep is one short function that the loop could
call as well; none of them causes an effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recordingd.domain.plans import Alarm, Mode
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import KeptReading
from recordingd.ingress.arrivals import Arrivals
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import RecordingState
from recordingd.planning.keeping import plan_keeping, waiting_in
from recordingd.planning.keeping_words import keeping_words
from recordingd.ports.archive import Archive
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import InboxState, Ledger, LedgerRunner, RecordingFilter
from recordingd.runtime.in_force import Rules
from recordingd.runtime.moves import find_too_many, limits_of
from recordingd.runtime.reconciler import Reconciler
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

_LOG = logging.getLogger("recordingd.sweeps")
# Below this share of free space only urgent files are fetched (`planning.files`).
TIGHT_BELOW = 0.10
# Kept calls that are read at once: few enough that an event never waits long for the ledger.
KEPT_PAGE = 100
# An alarm whose cause was not seen again for this long is taken back; most causes have no end.
QUIET_AFTER = timedelta(minutes=15)
# States in which the service has a recording that brings events.
RUNNING = (RecordingState.CAPTURING, RecordingState.PAUSED)
# What waits for an approved plan, found whenever everything that is kept is read.
UNAPPROVED = "ShorteningUnapproved"
# Alarms about something that is over and will not be seen again, so that a person takes them back,
# or that is looked at once a day.
LASTING = frozenset(
    {"FileLost", "CaptureUncontrolled", "AuditChainBroken", "PolicyNotInForce", UNAPPROVED}
)


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

    async def count_moves(self) -> None:
        """Count what would go earlier than was promised, and hold it back where it is too much."""
        now = self.clock.now_utc()
        limits = limits_of(self.rules.settings)
        reason = await self.ledger.run(lambda rows: find_too_many(rows, limits, now))
        self.rules.moves_counted_at, self.rules.too_many_moved = now, reason
        if reason is not None:
            self.tell(Alarm.of("DeletesHeldBack", why=reason))

    async def sweep_keepings(self) -> None:
        """Write down what the rules in force say anew of recordings that are kept.

        Reads every kept recording, in pages; a call is stepped only where something changes. What
        may not change without an approved plan is counted, and told.
        """
        first, began = self.rules.context(), self.clock.now_utc()
        after: str | None = None
        waiting = 0
        while page := await self._kept_after(after):
            context, now = self.rules.context(), self.clock.now_utc()
            for facts in page:
                if plan_keeping(facts, context, now).ledger:
                    await self.reconciler.step(facts.call.call_id)
                waiting += waiting_in(facts, context, now)
            after = page[-1].call.call_id
        if self.rules.context().policies is first.policies:
            await self._note_reading(first, waiting, began)

    async def _note_reading(self, context: PlanningContext, waiting: int, began: datetime) -> None:
        """Say what waits, and remember that all that is kept was read under the same rules.

        Where nothing is written down, a later look must find again what was to be written.
        """
        if waiting:
            self.tell(Alarm.of(UNAPPROVED, recordings=waiting))
        else:
            self.alarms.clear(UNAPPROVED)
        if context.mode is Mode.OBSERVE:
            return
        policies, ceiling = context.policies.policies, context.ceiling
        words = await asyncio.to_thread(keeping_words, policies, ceiling)
        reading = KeptReading(words=words, waiting=waiting, read_at=began)
        await self.ledger.run(lambda rows: rows.note_kept_reading(reading))

    async def _kept_after(self, cursor: str | None) -> Sequence[CallFacts]:
        kept = frozenset({RecordingState.KEPT.value})
        wanted = RecordingFilter(states=kept, cursor=cursor, limit=KEPT_PAGE)
        return await self.ledger.run(lambda rows: rows.list_calls(wanted))

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
