"""What may run of a plan: the mode's limits, and sanity of everything that deletes.

Called by `planning.advance` on every plan before any of it is stored. The planner should never make
a plan that fails here; that it cannot is worth a second look at the same facts.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

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
from recordingd.domain.recordings import CallFacts
from recordingd.planning.derivation import FileState, derive


def is_permitted(effect: Effect, mode: Mode) -> bool:
    """Say whether an effect may run in a mode."""
    match mode:
        case Mode.OBSERVE:
            return isinstance(effect, ObserveRecording)
        case Mode.RETAIN:
            return not isinstance(effect, RemoveFile | PurgeFile)
        case Mode.ENFORCE:
            return True


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


def _check_start(facts: CallFacts, start: StartRecording) -> None:
    live = [r for r in facts.recordings if r.is_open and r.id != start.recording]
    if live:
        msg = f"{start.recording}: {live[0].id} is being recorded already"
        raise UnsafePlan(msg)


def _check_purge(facts: CallFacts, purge: PurgeFile, now: datetime) -> None:
    derived = derive(facts)
    recording = next(f.recording for f in facts.files if f.id == purge.file)
    due_at = derived.recordings[recording].delete_at
    if not isinstance(due_at, datetime) or now < due_at:
        msg = f"{purge.file}: not due before {due_at}"
        raise UnsafePlan(msg)
    if derived.files[purge.file] is not FileState.KEPT:
        msg = f"{purge.file}: only what is kept can be purged, it is {derived.files[purge.file]}"
        raise UnsafePlan(msg)
