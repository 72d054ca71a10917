"""What a dry run shows of one call: what would be done now, and what time will bring.

Called by `cli.plan` with facts it only read. Uses the very functions that the daemon's loop uses,
on values that are thrown away; nothing here can reach anything that could be changed.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.plans import (
    VERBS,
    CloseRecording,
    DownloadFile,
    Effect,
    LedgerAction,
    MarkFileExpired,
    MarkFileLost,
    Mode,
    ObserveRecording,
    PurgeFile,
    ReasonCode,
    RemoveFile,
    StartRecording,
    VerifyFile,
    Why,
    target_of,
)
from recordingd.domain.recordings import CallFacts, Capture, Recording, RecordingId
from recordingd.planning.advance import advance
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import Derived, RecordingState, derive
from recordingd.planning.guards import is_permitted
from recordingd.planning.steps import because
from recordingd.planning.transitions import Supplies
from recordingd.planning.wishes import judge


class Section(enum.StrEnum):
    """The parts of a printed plan, in their order."""

    POLICY = "policy"
    LIVE = "live"
    DRIFT = "drift"
    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One line of a printed plan.

    `at` is when it would be done. `is_forecast` says that only time will make it due; `blocked_by`
    what keeps it from running though it is due; `size_bytes` what a purge would free.
    """

    section: Section
    verb: str
    target: str
    why: Why
    at: datetime
    is_forecast: bool = False
    blocked_by: str | None = None
    size_bytes: int = 0

    @property
    def is_due(self) -> bool:
        """Whether the daemon would change something now because of it."""
        return not self.is_forecast and self.blocked_by is None and self.verb != UNKNOWN


UNKNOWN = "unknown"
_SWEEPS = (DownloadFile, VerifyFile, RemoveFile, PurgeFile)
_SHOWN_LEDGER_ACTIONS = {
    CloseRecording: "close",
    MarkFileLost: "lose",
    MarkFileExpired: "expire",
}


def plan_lines(
    facts: CallFacts, context: PlanningContext, *, now: datetime, horizon: datetime
) -> Iterator[PlanLine]:
    """Yield what would be done for one call now, then what falls due by `horizon`.

    The plan is made as for a daemon that may do everything; what the mode would hold back is
    marked, so that every mode shows the same lines.
    """
    free = replace(context, mode=Mode.ENFORCE)
    done = advance(facts, free, _throwaway(), busy=frozenset(), now=now)
    for action in done.applied:
        verb = _SHOWN_LEDGER_ACTIONS.get(type(action))
        if verb is not None:
            yield _ledger_line(action, verb, now)
    for effect in done.effects:
        if not isinstance(effect, ObserveRecording):
            yield _effect_line(facts, effect, context.mode, now)
    yield from _undecided(facts, context, now)
    yield from _to_come(facts, done.facts, now=now, horizon=horizon)


def _throwaway() -> Supplies:
    """Give ids to values that nobody will ever store."""
    count = itertools.count(1)
    return Supplies(
        new_id=lambda: f"planned-{next(count)}",
        new_request_id=lambda: "00000000-0000-4000-8000-000000000000",
        token_of=lambda recording: f"token-of-{recording}",
    )


def _ledger_line(action: LedgerAction, verb: str, now: datetime) -> PlanLine:
    target = getattr(action, "recording", None) or getattr(action, "file", None)
    return PlanLine(section=Section.LIVE, verb=verb, target=str(target), why=action.why, at=now)


def _effect_line(facts: CallFacts, effect: Effect, mode: Mode, now: datetime) -> PlanLine:
    is_sweep = isinstance(effect, _SWEEPS)
    is_new = isinstance(effect, StartRecording) and effect.recording.startswith("planned-")
    return PlanLine(
        section=Section.SWEEPS if is_sweep else Section.LIVE,
        verb=VERBS[type(effect)].value,
        target=facts.call.call_id if is_new else target_of(effect),
        why=effect.why,
        at=now,
        blocked_by=None if is_permitted(effect, mode) else f"mode {mode.value}",
        size_bytes=_size(facts, effect) if isinstance(effect, PurgeFile) else 0,
    )


def _size(facts: CallFacts, purge: PurgeFile) -> int:
    return sum(c.size_bytes for c in facts.copies_of(purge.file))


def _undecided(facts: CallFacts, context: PlanningContext, now: datetime) -> Iterator[PlanLine]:
    if facts.call.has_ended:
        return
    verdict, _ = judge(facts, context, now)
    if verdict.is_undecided:
        winner = verdict.winner
        why = Why(
            code=ReasonCode.UNDECIDED,
            text="not everything that decides is known of this call yet",
            policy=winner.name if winner is not None else None,
            source=winner.source if winner is not None else None,
        )
        yield PlanLine(
            section=Section.LIVE, verb=UNKNOWN, target=facts.call.call_id, why=why, at=now
        )


def _to_come(
    facts: CallFacts, planned: CallFacts, *, now: datetime, horizon: datetime
) -> Iterator[PlanLine]:
    """Yield the purges that time alone will bring."""
    derived: Derived = derive(planned)
    for recording in facts.recordings:
        dates = derived.recordings[recording.id]
        due_at = dates.delete_at
        if dates.state is not RecordingState.KEPT or not isinstance(due_at, datetime):
            continue
        if now < due_at <= horizon:
            text = f"{dates.delete_rule} keeps it until then"
            yield PlanLine(
                section=Section.SWEEPS,
                verb="purge",
                target=recording.id,
                why=because(ReasonCode.RETENTION_DUE, text, recording),
                at=due_at,
                is_forecast=True,
                size_bytes=_kept_bytes(facts, recording.id),
            )


def _kept_bytes(facts: CallFacts, recording: RecordingId) -> int:
    files = facts.files_of(recording)
    return sum(c.size_bytes for f in files for c in facts.copies_of(f.id))


def drift_line(
    facts: CallFacts, recording: Recording, *, is_active: bool | None, now: datetime
) -> PlanLine | None:
    """Compare what the service reads as with what is wanted; None when they agree.

    `is_active` is None when the service no longer knows the recording.
    """
    if is_active is None:
        verb, text = "stop", "the service no longer has it"
    elif is_active and recording.capture_wanted is Capture.PAUSED:
        verb, text = "pause", "it captures where silence is wanted"
    elif not is_active and recording.capture_wanted is Capture.ACTIVE:
        verb, text = "resume", "it captures nothing where audio is wanted"
    else:
        return None
    return PlanLine(
        section=Section.DRIFT,
        verb=verb,
        target=recording.id,
        why=because(ReasonCode.CAPTURE_DRIFTED, f"{text} ({facts.call.call_id})", recording),
        at=now,
    )
