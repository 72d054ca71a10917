"""What the daemon shows of itself while it runs: alarms, metrics, log lines, the status.

Owned by `runtime.service`; the loop and the executor tell it what happens. Changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from recordingd.config.settings import Settings
from recordingd.domain.calls import CallEvent, EventIgnored
from recordingd.domain.plans import (
    VERBS,
    Action,
    Alarm,
    CloseRecording,
    StartRecording,
    target_of,
)
from recordingd.domain.recordings import AttemptOutcome, CallFacts, Outcome
from recordingd.ports.clock import Clock
from recordingd.runtime.in_force import InForce, Rules
from recordingd.runtime.inbox import UNUSABLE_CHUNK
from recordingd.runtime.steps import Outgoing, Stepped
from recordingd.runtime.views import Json, moment, suspension_json
from recordingd.telemetry import logs
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

# The loop turns every few seconds when idle; after this long without a turn it is stuck.
STUCK_AFTER_SECONDS = 30.0
# Types come from outside; so many different ones are remembered.
TYPES_MAX = 100


@dataclass(slots=True)
class Watch:
    """The register of what was seen last. Used from the event loop only."""

    settings: Settings
    clock: Clock
    alarms: Alarms
    metrics: Metrics
    started: float = field(init=False)
    last_turn: float | None = None
    seen: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()

    def tell(self, alarm: Alarm) -> None:
        """Raise an alarm that a decision or an effect asked for."""
        self.alarms.raise_alarm(alarm.name, dict(alarm.evidence), at=self.clock.now_utc())
        if alarm.name == "FileLost":
            self.metrics.files_lost_total.inc()

    def policies(self, in_force: InForce) -> None:
        """Show which policies are in force, and whether they are the newest files."""
        error = in_force.last_reload.error
        self.metrics.policy_generation.set(in_force.revision)
        self.metrics.policy_reload_success.set(0 if error else 1)
        if error is None:
            self.alarms.clear("PolicyNotInForce")
        else:
            faults = len(error.splitlines())
            self.tell(Alarm.of("PolicyNotInForce", revision=in_force.revision, faults=faults))

    def noticed(self, event: CallEvent, received_at: datetime) -> None:
        """Remember when an event of a type came last, and how late it was."""
        name = event.type_name if isinstance(event, EventIgnored) else type(event).__name__
        if UNUSABLE_CHUNK in name:
            # One file of several could not be read: nobody else will ever announce it.
            self.poisoned(name)
        if name in self.seen or len(self.seen) < TYPES_MAX:
            self.seen[name] = (received_at, received_at - event.at)

    def stepped(self, step: Stepped) -> None:
        """Count calls that nobody wanted, and recordings that somebody did and nobody will have."""
        if step.facts is None or step.advance is None:
            return
        if step.has_ended_now and not step.facts.recordings:
            self.metrics.calls_unmatched_total.inc()
        for action in step.advance.applied:
            if isinstance(action, CloseRecording) and action.outcome is not Outcome.NOT_RECORDED:
                self._missed(action)

    def _missed(self, action: Action) -> None:
        self.metrics.recordings_missed_total.labels(
            policy=action.why.policy or "", reason=action.why.code.value
        ).inc()

    def poisoned(self, reason: str) -> None:
        """Count an event that was committed and cannot be understood."""
        self.metrics.events_poison_total.inc()
        self.alarms.raise_alarm("EventsPoison", {"why": reason}, at=self.clock.now_utc())

    def turned(self) -> None:
        """Remember that the loop ran to its end."""
        self.last_turn = self.clock.monotonic()
        self.metrics.loop_last_success_timestamp_seconds.set(self.clock.now_utc().timestamp())

    def is_live(self) -> bool:
        """Say whether the loop turned within its time."""
        if self.last_turn is None:
            return False
        return self.clock.monotonic() - self.last_turn < STUCK_AFTER_SECONDS

    def effect_ended(self, outgoing: Outgoing, facts: CallFacts) -> None:
        """Log an effect's end, count it, and raise what it asks for."""
        effect, ended = outgoing.effect, outgoing.ended
        for alarm in ended.alarms:
            self.tell(alarm)
        verb = VERBS[type(effect)].value
        attempt = facts.open_attempt(target_of(effect))
        self.metrics.cloud_requests_total.labels(
            operation=verb, status=ended.outcome.value, subcode=ended.subcode or ""
        ).inc()
        if isinstance(effect, StartRecording):
            if ended.outcome is AttemptOutcome.OK:
                self._started(effect, facts)
            elif ended.outcome is AttemptOutcome.PERMANENT:
                self._missed(effect)
        logs.log_effect(
            logs.Effect(
                verb=verb,
                call=effect.call_id,
                recording=target_of(effect),
                policy=effect.why.policy,
                source=_text(effect),
                revision=None if attempt is None else attempt.policy_revision,
                plan=f"{effect.call_id}@{facts.call.facts_version}",
                outcome=ended.outcome.value,
                subcode=ended.subcode,
                reason=ended.detail or effect.why.text,
            ),
            level=logging.INFO if ended.outcome is AttemptOutcome.OK else logging.WARNING,
        )

    def _started(self, effect: StartRecording, facts: CallFacts) -> None:
        recording = next(r for r in facts.recordings if r.id == effect.recording)
        sent_at = recording.first_sent_at or recording.expected_at
        delay = (sent_at - recording.expected_at).total_seconds()
        self.metrics.start_delay_seconds.observe(max(0.0, delay))

    def status(self, rules: Rules, *, downloads: Json, disk: Json) -> Json:
        """Return the status in its JSON form, but for what the ledger counts."""
        policies, now = rules.in_force, self.clock.now_utc()
        reload = policies.last_reload
        return {
            "version": version("recordingd"),
            "instance": self.settings.instance,
            "mode": self.settings.mode.value,
            "revision": policies.revision,
            "digest": policies.digest,
            "gitCommit": policies.git_commit,
            "uptimeSeconds": round(self.clock.monotonic() - self.started, 1),
            "downloads": downloads,
            "events": {
                name: {"lastAt": moment(at), "lag": round(lag.total_seconds(), 3)}
                for name, (at, lag) in sorted(self.seen.items())
            },
            "alarms": self.alarms.to_json(),
            "lastReload": {
                "ok": reload.error is None,
                "at": moment(reload.at),
                "error": reload.error,
            },
            "suspensions": [
                suspension_json(s) for s in rules.circumstances.suspensions if s.is_in_force(now)
            ],
            "disk": disk,
        }


def _text(action: Action) -> str | None:
    return None if action.why.source is None else str(action.why.source)
