"""What a dry run shows of one call: what would be done now, and what time will bring.

Called by `runtime.foresight` with facts it only read. Uses the very functions that the daemon's
loop uses, on values that are thrown away; nothing here can reach anything that could be changed.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.plans import (
    VERBS,
    ChangeKeeping,
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
from recordingd.planning.dates import Date, anchors_of, dates_of, is_earlier
from recordingd.planning.derivation import Derived, RecordingState, derive
from recordingd.planning.guards import MAX_DELETES, blocked_by, held_words
from recordingd.planning.holds import held_by
from recordingd.planning.keeping import keeping_changes, until
from recordingd.planning.rows import file_by_id, recording_by_id
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
    what keeps it from running though it is due, and `needs_approval` that an approved plan lifts
    that. `recording` is set where a line is about what is kept; `size_bytes` is how much that is,
    `goes_at` when it goes then (None: not known), and `is_shorter` says that it is kept shorter
    than before. `is_sum` marks a line that adds up what other lines say one by one.
    """

    section: Section
    verb: str
    target: str
    why: Why
    at: datetime
    is_forecast: bool = False
    blocked_by: str | None = None
    needs_approval: bool = False
    recording: RecordingId | None = None
    size_bytes: int = 0
    goes_at: Date = None
    is_shorter: bool = False
    is_sum: bool = False

    @property
    def is_due(self) -> bool:
        """Whether the daemon would change something now because of it."""
        return not self.is_forecast and self.blocked_by is None and self.verb not in STILL


CHANGE, KEEP, UNKNOWN = "change", "keep", "unknown"
# Lines that say why nothing happens.
STILL = frozenset({UNKNOWN, KEEP})
_SWEEPS = (DownloadFile, VerifyFile, RemoveFile, PurgeFile)
SHOWN_LEDGER_ACTIONS = {
    CloseRecording: "close",
    MarkFileLost: "lose",
    MarkFileExpired: "expire",
    ChangeKeeping: CHANGE,
}
# What keeps words of the rules from counting that would let a recording go earlier.
UNAPPROVED = "shortening needs an approved plan"


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
        verb = SHOWN_LEDGER_ACTIONS.get(type(action))
        # What is only written down anew, and leaves every date as it was, changes nothing.
        if verb is None or action.why.code is ReasonCode.RULES_READ:
            continue
        line = _ledger_line(action, verb, context.mode, now=now)
        yield _about_keeping(line, action, facts, done.facts) if verb == CHANGE else line
    for effect in (*done.effects, *done.withheld):
        if not isinstance(effect, ObserveRecording):
            yield _effect_line(facts, effect, blocked_by(effect, done.facts, context, now), now)
    yield from _unapproved(done.facts, context, now)
    yield from _undecided(facts, context, now)
    yield from _to_come(facts, done.facts, context, now=now, horizon=horizon)


def _throwaway() -> Supplies:
    """Give ids to values that nobody will ever store."""
    count = itertools.count(1)
    return Supplies(
        new_id=lambda: f"planned-{next(count)}",
        new_request_id=lambda: "00000000-0000-4000-8000-000000000000",
        token_of=lambda recording: f"token-of-{recording}",
    )


def _ledger_line(action: LedgerAction, verb: str, mode: Mode, *, now: datetime) -> PlanLine:
    target = getattr(action, "recording", None) or getattr(action, "file", None)
    return PlanLine(
        section=Section.LIVE,
        verb=verb,
        target=str(target),
        why=action.why,
        at=now,
        blocked_by=f"mode {mode.value}" if mode is Mode.OBSERVE else None,
    )


def _about_keeping(
    line: PlanLine, action: LedgerAction, facts: CallFacts, planned: CallFacts
) -> PlanLine:
    assert isinstance(action, ChangeKeeping)
    after = dates_of(
        action.keeping, anchors_of(planned, recording_by_id(planned, action.recording))
    )
    known = [r for r in facts.recordings if r.id == action.recording]
    return replace(
        line,
        section=Section.SWEEPS,
        recording=action.recording,
        size_bytes=_kept_bytes(facts, action.recording),
        goes_at=after.delete_at,
        is_shorter=any(
            is_earlier(after, than=dates_of(r.keeping, anchors_of(facts, r))) for r in known
        ),
    )


def _unapproved(facts: CallFacts, context: PlanningContext, now: datetime) -> Iterator[PlanLine]:
    """Yield what the rules say of what is kept and no approved plan lets them say."""
    for change in keeping_changes(facts, context, now):
        if not change.blocked:
            continue
        recording = recording_by_id(facts, change.recording)
        why = because(ReasonCode.KEEPING_CHANGED, change.text, recording)
        yield PlanLine(
            section=Section.SWEEPS,
            verb=CHANGE,
            target=change.recording,
            why=why if change.source is None else replace(why, source=change.source),
            at=now,
            blocked_by=UNAPPROVED,
            needs_approval=True,
            recording=change.recording,
            size_bytes=_kept_bytes(facts, change.recording),
            goes_at=change.after.delete_at,
            is_shorter=True,
        )


def _effect_line(facts: CallFacts, effect: Effect, blocked: str | None, now: datetime) -> PlanLine:
    is_sweep = isinstance(effect, _SWEEPS)
    is_new = isinstance(effect, StartRecording) and effect.recording.startswith("planned-")
    line = PlanLine(
        section=Section.SWEEPS if is_sweep else Section.LIVE,
        verb=VERBS[type(effect)].value,
        target=facts.call.call_id if is_new else target_of(effect),
        why=effect.why,
        at=now,
        blocked_by=blocked,
    )
    if not isinstance(effect, PurgeFile):
        return line
    return replace(
        line,
        needs_approval=blocked is not None and blocked.startswith(MAX_DELETES),
        recording=file_by_id(facts, effect.file).recording,
        size_bytes=sum(c.size_bytes for c in facts.copies_of(effect.file)),
        goes_at=effect.due_at,
    )


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
    facts: CallFacts,
    planned: CallFacts,
    context: PlanningContext,
    *,
    now: datetime,
    horizon: datetime,
) -> Iterator[PlanLine]:
    """Yield the purges that time alone will bring, and what would keep them from running."""
    derived: Derived = derive(planned)
    holds = held_by(planned, context, now)
    for recording in facts.recordings:
        dates = derived.recordings[recording.id]
        if dates.state is not RecordingState.KEPT:
            continue
        yield from _outlasting(planned, recording_by_id(planned, recording.id), now, horizon)
        due_at = dates.delete_at
        if not isinstance(due_at, datetime):
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
                blocked_by=held_words(holds) if holds else None,
                recording=recording.id,
                size_bytes=_kept_bytes(facts, recording.id),
                goes_at=due_at,
            )


def _outlasting(
    facts: CallFacts, recording: Recording, now: datetime, horizon: datetime
) -> Iterator[PlanLine]:
    """Yield why a recording stays whose deletion has come, or comes, before its floor."""
    dates = dates_of(recording.keeping, anchors_of(facts, recording))
    deletion, floor = dates.deletion, dates.floor
    if recording.erase_at is not None or deletion is None or floor is None:
        return
    is_over = isinstance(deletion.at, datetime) and deletion.at <= horizon
    if is_over and dates.delete_at != deletion.at:
        text = f"{deletion.rule} would delete it, and {floor.rule} keeps it {until(floor.at)}"
        yield PlanLine(
            section=Section.SWEEPS,
            verb=KEEP,
            target=recording.id,
            why=because(ReasonCode.FLOOR_STANDS, text, recording),
            at=now,
            recording=recording.id,
            size_bytes=_kept_bytes(facts, recording.id),
            goes_at=dates.delete_at,
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
