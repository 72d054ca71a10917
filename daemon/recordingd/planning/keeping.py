"""What is written down of how long a recording is kept, when rules or facts have changed.

Called by `planning.planner`, and by everything that shows what a change of the rules would do. What
keeps longer is taken over at once. What would let a recording go earlier is taken over while a fact
may still decide it, and after an edit of the rules only with an approved plan that names the
recording. What rules say is `planning.retention`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from recordingd.domain.durations import Forever
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.plans import ChangeKeeping, ReasonCode, Why
from recordingd.domain.recordings import CallFacts, Recording, RecordingId
from recordingd.domain.retention import CEILING, CountFrom, EventClock, Keeping
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import (
    AnchorOf,
    Clock,
    Date,
    Dates,
    anchors_of,
    dates_of,
    decided_at,
    end_of,
    is_earlier,
    is_sooner,
)
from recordingd.planning.retention import (
    ByRule,
    Keepings,
    in_order,
    is_edited,
    is_final,
    keepings_of,
    without_old_doubts,
)
from recordingd.planning.steps import Step, act, earliest, merge

# Stands for a named event that has not been told: whatever counts from it is due long after all
# that counts from a moment that is known. Leaves room for the longest duration there is.
_NOT_TOLD = datetime(5000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconsidered:
    """A recording's keeping, asked anew.

    `keeping` is what may be written down; `before` and `after` are the dates of what is written
    down, and of that. `blocked` are the rules whose words need an approved plan, since they would
    let it go earlier, and `wanted` the dates with them: those of `after` when there are none.
    `moves_earlier` says that a date of its deletion that was known comes earlier, and that no
    approved plan names it.
    """

    keeping: Keepings
    before: Dates
    after: Dates
    wanted: Dates
    blocked: tuple[RuleName, ...] = ()
    moves_earlier: bool = False


def plan_keeping(facts: CallFacts, context: PlanningContext, now: datetime) -> Step:
    """Write down what the rules say now of every recording of which something is kept."""
    steps = [_plan(facts, r, context, now) for r in facts.recordings if not _is_gone(facts, r)]
    return merge(*steps)


def _is_gone(facts: CallFacts, recording: Recording) -> bool:
    files = facts.files_of(recording.id)
    if not files:
        return recording.outcome is not None
    return all(f.purged_at is not None or f.lost_at is not None for f in files)


def _plan(facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime) -> Step:
    found = reconsider(facts, recording, context, now)
    is_read_again = not found.blocked and _is_read_again(facts, recording, context, now)
    if found.keeping == recording.keeping and not is_read_again:
        return Step(wake_at=_decided_next(facts, recording, now))
    change = ChangeKeeping(
        call_id=facts.call.call_id,
        why=_why(found, recording, context),
        recording=recording.id,
        keeping=found.keeping,
        # What is blocked now must not pass for the work of a fact the next time.
        revision=recording.keeping_revision if found.blocked else context.revision,
        moves_earlier=found.moves_earlier,
    )
    return act(change)


def _is_read_again(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> bool:
    """Whether to note that nothing but facts may change from here on under edited rules."""
    if not is_edited(recording, context):
        return False
    ended_at = end_of(facts.call, recording)
    return ended_at is None or now < ended_at + context.policies.decides_within


def _decided_next(facts: CallFacts, recording: Recording, now: datetime) -> datetime | None:
    moments = [decided_at(facts, recording, k.spec) for k in recording.keeping if not k.is_certain]
    return earliest(*(m for m in moments if m is not None and m > now))


def reconsider(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Reconsidered:
    """Ask the rules again how long a recording is kept, and hold back what they may not shorten.

    Each rule is judged by itself: one that shortens never takes the lengthening of another with it.
    """
    said = keepings_of(facts, recording, context, now)
    known = anchors_of(facts, recording)
    before = dates_of(recording.keeping, known)
    if said == recording.keeping:
        return Reconsidered(keeping=said, before=before, after=before, wanted=before)
    written = without_old_doubts(facts, recording, context, now)
    merging = _Merging(facts=facts, recording=recording, context=context, now=now)
    taken = merging.take_over(_by_rule(written), _by_rule(said))
    keeping, wanted = in_order(taken), _by_rule(said)
    after = dates_of(keeping, known)
    return Reconsidered(
        keeping=keeping,
        before=before,
        after=after,
        wanted=dates_of(said, known),
        blocked=tuple(r for r in _rules(taken, wanted) if taken.get(r) != wanted.get(r)),
        moves_earlier=not merging.is_approved
        and _came_earlier(dates_of(written, known).delete_at, after.delete_at),
    )


def _came_earlier(before: Date, after: Date) -> bool:
    """Whether a date that was known is now before it; a date that becomes known has not moved."""
    return before is not None and isinstance(after, datetime) and is_sooner(after, than=before)


def _by_rule(keepings: Keepings) -> dict[RuleName, Keeping]:
    return {keeping.rule: keeping for keeping in keepings}


def _rules(*several: ByRule) -> list[RuleName]:
    return sorted({rule for by_rule in several for rule in by_rule})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merging:
    """One recording's way from what is written down to what the rules say."""

    facts: CallFacts
    recording: Recording
    context: PlanningContext
    now: datetime

    @property
    def is_approved(self) -> bool:
        return self.recording.id in self.context.shortened

    def take_over(self, written: ByRule, said: ByRule) -> ByRule:
        """Return what the rules say, as far as it may be; what may not be stays as written."""
        if self.is_approved or not self._moves_earlier(written, said):
            return said
        current = written
        waiting = [r for r in _rules(written, said) if written.get(r) != said.get(r)]
        while True:
            left = []
            for rule in waiting:
                changed = _with(current, rule, said.get(rule))
                if self._may_become(current, changed, rule):
                    current = changed
                else:
                    left.append(rule)
            if left == waiting:
                return current
            # What one rule puts off may have made room for what another one says.
            waiting = left

    def _may_become(self, current: ByRule, changed: ByRule, rule: RuleName) -> bool:
        return not self._moves_earlier(current, changed) or self._is_by_fact(
            current.get(rule), changed.get(rule)
        )

    def _moves_earlier(self, current: ByRule, changed: ByRule) -> bool:
        assumed = self._assumed(anchors_of(self.facts, self.recording))
        before = dates_of(in_order(current), assumed)
        return is_earlier(dates_of(in_order(changed), assumed), than=before)

    def _assumed(self, known: AnchorOf) -> AnchorOf:
        """Return moments to compare lengths by where the real ones are not known yet."""

        def anchor_of(clock: Clock) -> datetime | None:
            match clock:
                case CountFrom.CALL_END:
                    return known(clock) or self.now
                case CountFrom.STORED:
                    # What the service has can be stored for as long as it keeps it.
                    return known(clock) or self.now + self.context.service_retention
                case EventClock():
                    return known(clock) or _NOT_TOLD

        return anchor_of

    def _is_by_fact(self, kept: Keeping | None, said: Keeping | None) -> bool:
        """Whether a fact, and no edit, makes a rule say what it says now, and in time for that."""
        deciding = said or kept
        if deciding is None or deciding.rule == CEILING:
            return False
        return not is_edited(self.recording, self.context) and not is_final(
            self.facts, self.recording, deciding.spec, self.now
        )


def _with(current: ByRule, rule: RuleName, said: Keeping | None) -> ByRule:
    rest = {r: k for r, k in current.items() if r != rule}
    return rest if said is None else rest | {rule: said}


def waiting_in(facts: CallFacts, context: PlanningContext, now: datetime) -> int:
    """Count a call's recordings that rules would let go earlier and that no approved plan names."""
    left = (r for r in facts.recordings if not _is_gone(facts, r))
    return sum(bool(reconsider(facts, recording, context, now).blocked) for recording in left)


# --- what changes, for those who show it ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingChange:
    """One change of a recording's dates.

    `blocked` are the rules behind it that need an approved plan; it is taken over at once when
    there are none. `text` says the dates in words, `source` is where a rule behind it stands.
    """

    recording: RecordingId
    before: Dates
    after: Dates
    text: str
    source: Source | None
    blocked: tuple[RuleName, ...] = ()


def keeping_changes(
    facts: CallFacts, context: PlanningContext, now: datetime
) -> Iterator[KeepingChange]:
    """Yield how the rules change the dates of a call's recordings, as far as anything is kept.

    Of each recording first what is taken over at once, then what needs an approved plan.
    """
    for recording in facts.recordings:
        if _is_gone(facts, recording):
            continue
        found = reconsider(facts, recording, context, now)
        said = keepings_of(facts, recording, context, now)
        for before, after, blocked in (
            (found.before, found.after, ()),
            (found.after, found.wanted, found.blocked),
        ):
            text = told(before, after) or ("kept shorter" if blocked else None)
            if text is not None:
                yield KeepingChange(
                    recording=recording.id,
                    before=before,
                    after=after,
                    text=f"{text} by {', '.join(blocked)}" if blocked else text,
                    source=_source_of(after, (*said, *found.keeping)),
                    blocked=blocked,
                )


def _source_of(dates: Dates, keepings: Keepings) -> Source | None:
    """Return where the rule stands that decides a deletion, or a floor where none deletes."""
    deciding = dates.deletion or dates.floor
    if deciding is None:
        return None
    return next((k.source for k in keepings if k.rule == deciding.rule), None)


# --- in words -------------------------------------------------------------------------------------


def _why(found: Reconsidered, recording: Recording, context: PlanningContext) -> Why:
    text = told(found.before, found.after)
    approver = context.approvers.get(recording.id)
    if text is not None and approver is not None and is_earlier(found.after, than=found.before):
        text = f"{text}, as approved by {approver}"
    read_again = f"its rules were read under revision {context.revision}, and its dates stay"
    return Why(
        code=ReasonCode.RULES_READ if text is None else ReasonCode.KEEPING_CHANGED,
        text=text or read_again,
        policy=recording.policy,
        source=_source_of(found.after, found.keeping) or recording.source,
    )


def told(before: Dates, after: Dates) -> str | None:
    """Say how the dates of a recording change, in words; None when they do not."""
    if after.delete_at != before.delete_at:
        return f"kept {until(after.delete_at)} instead of {until(before.delete_at)}"
    floor, old = (None if d.floor is None else d.floor.at for d in (after, before))
    if (after.floor is None) == (before.floor is None) and floor == old:
        return None
    least = "for no time" if after.floor is None else until(floor)
    most = "for no time" if before.floor is None else until(old)
    return f"kept at least {least} instead of {most}"


def until(date: Date) -> str:
    """Say until when, in words."""
    if isinstance(date, Forever):
        return "forever"
    return "until a moment not known yet" if date is None else f"until {date:%Y-%m-%d %H:%M} UTC"
