"""What the HTTP surface asks of the daemon: commit what came in, show what is known.

Implements `ingress.backend.Backend`; built by `runtime.assembly`. Reads and writes go through the
ledger's thread, and a commit wakes the loop only after it is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.calls import CallReference, ServerCallId, call_id_of
from recordingd.domain.errors import LedgerFault
from recordingd.planning.context import PlanningContext
from recordingd.planning.holds import held_by
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import InboxEvent, InboxState, Ledger, LedgerRunner
from recordingd.runtime.views import Json, Locate, call_json, recordings_of
from recordingd.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonBackend:
    """The daemon as a request sees it.

    `wake` lets the loop turn; `context` gives the rules in force, by which holds are shown.
    """

    ledger: LedgerRunner
    clock: Clock
    metrics_register: Metrics
    wake: Callable[[], None]
    live: Callable[[], bool]
    status_json: Callable[[], Json]
    locate: Locate
    context: Callable[[], PlanningContext]

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        """Make events durable, then wake the loop."""
        await self.ledger.run(lambda ledger: _append(ledger, events))
        self.wake()

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        """Make a callback's events durable when its token is one of ours."""

        def job(ledger: Ledger) -> bool:
            about = CallReference(callback_token_hash=token_hash)
            if ledger.find_call(about) is None:
                return False
            _append(ledger, events)
            return True

        is_known = await self.ledger.run(job)
        if is_known:
            self.wake()
        return is_known

    async def status(self) -> Mapping[str, object]:
        """Return the daemon's status, with what the ledger counts now."""

        def count(ledger: Ledger) -> tuple[int, Mapping[str, int], int]:
            pending = ledger.inbox_counts()[InboxState.NEW]
            return ledger.live_call_count(), ledger.recording_counts(), pending

        live, recordings, pending = await self.ledger.run(count)
        counted = {"calls": live, "recordings": dict(recordings), "inboxDepth": pending}
        return {**self.status_json(), **counted}

    async def call(self, server_call_id: str) -> Mapping[str, object] | None:
        """Return a call by the service's id of it."""
        call_id = call_id_of(ServerCallId(server_call_id))
        facts = await self.ledger.run(lambda ledger: ledger.load(call_id))
        if facts is None:
            return None
        now = self.clock.now_utc()
        holds = held_by(facts, self.context(), now)
        return call_json(facts, now=now, locate=self.locate, held_by=holds)

    async def recording(self, prefix: str) -> Mapping[str, object] | None:
        """Return the one recording whose id starts with a prefix."""

        def job(ledger: Ledger) -> Json | None:
            found = ledger.find_recording(prefix)
            if len(found) != 1:
                return None
            call_id, recording_id = found[0]
            facts = ledger.load(call_id)
            assert facts is not None
            now = self.clock.now_utc()
            holds = held_by(facts, self.context(), now)
            views = recordings_of(facts, now=now, locate=self.locate, held_by=holds)
            return next(v for v in views if v["id"] == recording_id)

        return await self.ledger.run(job)

    def is_live(self) -> bool:
        """Say whether the loop turned within its time."""
        return self.live()

    async def is_ready(self) -> bool:
        """Say whether the ledger can be written, by beginning to."""
        try:
            await self.ledger.run(lambda ledger: ledger.generation())
        except LedgerFault:
            return False
        return True

    def metrics(self) -> tuple[bytes, str]:
        """Return the page for Prometheus."""
        return self.metrics_register.render()

    def now(self) -> datetime:
        """Return the time."""
        return self.clock.now_utc()


def _append(ledger: Ledger, events: Sequence[InboxEvent]) -> None:
    for event in events:
        ledger.append_event(event)
