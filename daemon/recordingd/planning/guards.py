"""What may run of a plan: the mode's limits, holds, suspensions, and sanity of what deletes.

Called by `planning.advance` on every plan before any of it is stored, and by the purge itself under
its gate. The planner should never make a plan that fails `check`; that it cannot is worth a second
look at the same facts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.errors import InvariantBroken, UnsafePlan
from recordingd.domain.plans import (
    CallPlan,
    Effect,
    Mode,
    ObserveRecording,
    PurgeFile,
    RemoveFile,
    StartRecording,
    target_of,
)
from recordingd.domain.recordings import CallFacts, Recording
from recordingd.domain.retention import KeptTotals, MovedItems
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import FileState, derive
from recordingd.planning.holds import held_by
from recordingd.planning.keeping import reconsider
from recordingd.planning.rows import file_by_id, recording_by_id

# For how long an item counts, and may be held back, whose deletion came earlier.
MOVES_COUNT_FOR = timedelta(hours=24)
MAX_DELETES = "the guard maxDeletes"
# A share of fewer items than this says nothing: one of three is a third.
PERCENT_COUNTS_FROM = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteLimits:
    """How much whose deletion came earlier may go; more than that is held back."""

    count: int
    percent: int
    size_bytes: int


def too_many(moved: MovedItems, kept: KeptTotals, limits: DeleteLimits) -> str | None:
    """Say which limit the items exceed whose deletion came earlier; None when they exceed none."""
    if moved.count > limits.count:
        return f"{moved.count} recordings would go earlier than was promised, over {limits.count}"
    if moved.size_bytes > limits.size_bytes:
        return (
            f"{moved.size_bytes} bytes would go earlier than was promised, over {limits.size_bytes}"
        )
    if kept.count >= PERCENT_COUNTS_FROM and 100 * moved.count > limits.percent * kept.count:
        return (
            f"{moved.count} of {kept.count} recordings would go earlier than was promised,"
            f" over {limits.percent} %"
        )
    return None


def is_permitted(effect: Effect, mode: Mode) -> bool:
    """Say whether an effect may run in a mode."""
    match mode:
        case Mode.OBSERVE:
            return isinstance(effect, ObserveRecording)
        case Mode.RETAIN:
            return not isinstance(effect, RemoveFile | PurgeFile)
        case Mode.ENFORCE:
            return True


def blocked_by(
    effect: Effect, facts: CallFacts, context: PlanningContext, now: datetime
) -> str | None:
    """Say in a few words what keeps an effect from running now; None when it may."""
    if not is_permitted(effect, context.mode):
        return f"mode {context.mode.value}"
    if not isinstance(effect, RemoveFile | PurgeFile):
        return None
    if context.is_deleting_suspended:
        return "the suspension of deletions"
    return _purge_blocked_by(effect, facts, context, now) if isinstance(effect, PurgeFile) else None


def _purge_blocked_by(
    purge: PurgeFile, facts: CallFacts, context: PlanningContext, now: datetime
) -> str | None:
    holds = held_by(facts, context, now)
    if holds:
        return held_words(holds)
    recording = recording_by_id(facts, file_by_id(facts, purge.file).recording)
    return _moved_blocked_by(recording, context, now)


def held_words(holds: Sequence[str]) -> str:
    """Name the holds that keep something, in words; there is at least one."""
    return f"hold{'s' * (len(holds) > 1)} {', '.join(holds)}"


def _moved_blocked_by(recording: Recording, context: PlanningContext, now: datetime) -> str | None:
    """Hold back what came earlier, until it was counted and while there is too much of it."""
    moved_at = recording.delete_moved_at
    if moved_at is None or now - moved_at >= MOVES_COUNT_FOR or recording.id in context.shortened:
        return None
    if context.moves_counted_at is None or context.moves_counted_at < moved_at:
        return f"{MAX_DELETES}: it is not counted yet"
    return None if context.too_many_moved is None else f"{MAX_DELETES}: {context.too_many_moved}"


def check(facts: CallFacts, plan: CallPlan, now: datetime) -> None:
    """Raise UnsafePlan when a plan deletes what must stay, InvariantBroken when it is absurd."""
    targets = Counter(target_of(e) for e in plan.effects)
    if any(count > 1 for count in targets.values()):
        msg = f"two effects on one target in one plan for {plan.call_id}"
        raise InvariantBroken(msg)
    derived = derive(facts)
    for effect in plan.effects:
        match effect:
            case StartRecording():
                _check_start(facts, effect)
            case RemoveFile():
                if derived.files[effect.file] is not FileState.VERIFIED:
                    msg = f"{effect.file}: the service's copy may go only after ours is verified"
                    raise UnsafePlan(msg)
            case PurgeFile():
                _check_purge(facts, effect, now)
            case _:
                pass


def check_purge(
    facts: CallFacts, purge: PurgeFile, context: PlanningContext, now: datetime
) -> None:
    """Raise UnsafePlan unless a file may be purged by everything that is known at this moment.

    For the purge itself, which asks again with fresh facts: rules and facts may have changed since
    it was planned.
    """
    reason = blocked_by(purge, facts, context, now)
    if reason is not None:
        msg = f"{purge.file}: kept by {reason}"
        raise UnsafePlan(msg)
    _check_purge(facts, purge, now)
    recording = recording_by_id(facts, file_by_id(facts, purge.file).recording)
    if reconsider(facts, recording, context, now).keeping != recording.keeping:
        msg = f"{purge.file}: the rules say otherwise by now how long it is kept"
        raise UnsafePlan(msg)


def _check_start(facts: CallFacts, start: StartRecording) -> None:
    live = [r for r in facts.recordings if r.is_open and r.id != start.recording]
    if live:
        msg = f"{start.recording}: {live[0].id} is being recorded already"
        raise UnsafePlan(msg)


def _check_purge(facts: CallFacts, purge: PurgeFile, now: datetime) -> None:
    derived = derive(facts)
    recording = file_by_id(facts, purge.file).recording
    due_at = derived.recordings[recording].delete_at
    if not isinstance(due_at, datetime) or now < due_at:
        msg = f"{purge.file}: not due before {due_at}"
        raise UnsafePlan(msg)
    if derived.files[purge.file] is not FileState.KEPT:
        msg = f"{purge.file}: only what is kept can be purged, it is {derived.files[purge.file]}"
        raise UnsafePlan(msg)
