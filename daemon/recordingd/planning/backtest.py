"""What other policies would have made of the calls of the past, beside what became of them.

Called by `cli.backtest` with the ledger's calls, one at a time. What happened is read from what was
recorded; what would have happened comes from a rehearsal. Knows neither the ledger nor how results
are printed; `planning.sizes` puts seconds into bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.calls import CallId
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import CallFacts, Outcome, Recording
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import Dated, is_sooner
from recordingd.planning.derivation import derive
from recordingd.planning.rehearsal import Snapshot, rehearse
from recordingd.planning.replay import is_forgotten, replay_of
from recordingd.planning.sizes import Rates, Shape


class Change(enum.Enum):
    """What other policies would have changed of one call."""

    NEWLY_RECORDED = "newlyRecorded"
    NEWLY_UNRECORDED = "newlyUnrecorded"
    OTHER_POLICY = "otherPolicy"
    FLOOR_LOST = "floorLost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One recording of a call that captured something that was not to be erased.

    `size_bytes` is measured, None of one that was only rehearsed. `seconds` is how long audio
    flowed; of a measured one, as long as its files last. `floor` is None where no rule keeps it.
    """

    policy: PolicyName
    shape: Shape
    seconds: float
    size_bytes: int | None
    floor: Dated | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One call under the policies of its time, `before`, and under the others, `after`.

    `changes` is what differs, in the order of the enumeration, empty when nothing does. `missed`
    are policies that wanted the call recorded and got nothing, by name: what is newly recorded of
    it may be no policy's merit.
    """

    call: CallId
    started_at: datetime
    is_over: bool
    before: tuple[Part, ...]
    after: tuple[Part, ...]
    changes: tuple[Change, ...]
    missed: tuple[PolicyName, ...]


def _changes(before: Sequence[Part], after: Sequence[Part]) -> Iterator[Change]:
    if not before or not after:
        if after:
            yield Change.NEWLY_RECORDED
        elif before:
            yield Change.NEWLY_UNRECORDED
        return
    if policies_of(before) != policies_of(after):
        yield Change.OTHER_POLICY
    floor, other = floor_of(before), floor_of(after)
    if floor is not None and (other is None or is_sooner(other.at, than=floor.at)):
        yield Change.FLOOR_LOST


def policies_of(parts: Sequence[Part]) -> tuple[PolicyName, ...]:
    """Return under which policies something was captured, each once, by name."""
    return tuple(sorted({part.policy for part in parts}))


def floor_of(parts: Sequence[Part]) -> Dated | None:
    """Return until when all of a call is kept; None when some of it may go at any time."""
    lowest: Dated | None = None
    for part in parts:
        if part.floor is None:
            return None
        if lowest is None or is_sooner(part.floor.at, than=lowest.at):
            lowest = part.floor
    return lowest


_MISSED = frozenset({Outcome.REFUSED, Outcome.LOST})

# --- one call -------------------------------------------------------------------------------------


def compare(facts: CallFacts, context: PlanningContext, now: datetime) -> Compared | None:
    """Compare one call of the ledger; None when too little is left of it to rehearse it."""
    if is_forgotten(facts):
        return None
    beginning, played = replay_of(facts, now)
    *_, last = rehearse(beginning, played, context)
    before, after = _recorded(facts), _rehearsed(last)
    return Compared(
        call=facts.call.call_id,
        started_at=played[0].at,
        is_over=facts.call.has_ended,
        before=before,
        after=after,
        changes=tuple(_changes(before, after)),
        missed=tuple(sorted({r.policy for r in facts.recordings if r.outcome in _MISSED})),
    )


def _recorded(facts: CallFacts) -> tuple[Part, ...]:
    return tuple(
        _part(facts, recording, *_measured(facts, recording))
        for recording in facts.recordings
        if recording.erase_at is None and _has_captured(facts, recording)
    )


def _has_captured(facts: CallFacts, recording: Recording) -> bool:
    if facts.files_of(recording.id):
        return True
    return recording.outcome is None and recording.active_seen_at is not None


def _measured(facts: CallFacts, recording: Recording) -> tuple[float, int | None]:
    """Return the length and the size of a recording's files, as far as they were looked into."""
    files = [f for f in facts.files_of(recording.id) if f.duration_ms and f.size_bytes is not None]
    seconds = sum(f.duration_ms or 0 for f in files) / 1000
    return seconds, sum(f.size_bytes or 0 for f in files) if files else None


def _rehearsed(last: Snapshot) -> tuple[Part, ...]:
    return tuple(
        _part(last.facts, recording, last.flowed[recording.id].total_seconds(), None)
        for recording in last.facts.recordings
        if recording.erase_at is None and last.flowed.get(recording.id, timedelta(0))
    )


def _part(facts: CallFacts, recording: Recording, seconds: float, size: int | None) -> Part:
    dates = derive(facts).recordings[recording.id]
    rule = dates.keep_rule
    return Part(
        policy=recording.policy,
        shape=Shape(
            content=recording.content, channels=recording.channels, format=recording.format
        ),
        seconds=seconds,
        size_bytes=size,
        floor=None if rule is None else Dated(at=dates.keep_until, rule=rule),
    )


# --- all of them ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many calls, and the bytes of what was or would be captured in them.

    `is_estimate` says that bytes were not all measured; `without_rate` are shapes of which nothing
    is known and whose bytes are left out.
    """

    calls: int
    size_bytes: int
    is_estimate: bool = False
    without_rate: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What was recorded, and what would have been; `policy` is None for all of them together."""

    policy: PolicyName | None
    before: Amount
    after: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Every call that was compared, by time, and what it comes to.

    `by_policy` holds every policy that recorded or would have recorded something, by name.
    `forgotten` counts the calls that too little is left of.
    """

    compared: tuple[Compared, ...]
    forgotten: int
    rates: Rates
    total: Balance
    by_policy: tuple[Balance, ...]

    @property
    def differences(self) -> tuple[Compared, ...]:
        """The calls that show any change, by time."""
        return tuple(one for one in self.compared if one.changes)

    def with_change(self, change: Change) -> int:
        """Count the calls that show a change."""
        return sum(change in one.changes for one in self.compared)


def backtest(results: Iterable[Compared | None]) -> Backtest:
    """Put the calls together; bytes per second are measured over all that was recorded of them."""
    listed = list(results)
    compared = sorted(
        (one for one in listed if one is not None), key=lambda one: (one.started_at, one.call)
    )
    rates = Rates.measured(
        (part.shape, part.size_bytes, part.seconds)
        for one in compared
        for part in one.before
        if part.size_bytes is not None
    )
    before = _by_policy(one.before for one in compared)
    after = _by_policy(one.after for one in compared)
    total, *by_policy = (
        Balance(
            policy=policy or None,
            before=_amount(before.get(policy, []), rates),
            after=_amount(after.get(policy, []), rates),
        )
        for policy in sorted({_ALL, *before, *after})
    )
    return Backtest(
        compared=tuple(compared),
        forgotten=len(listed) - len(compared),
        rates=rates,
        total=total,
        by_policy=tuple(by_policy),
    )


# Stands for all policies together, and sorts before any name.
_ALL = PolicyName("")


def _by_policy(calls: Iterable[Sequence[Part]]) -> dict[PolicyName, list[list[Part]]]:
    """Sort the parts of calls by policy, and under `_ALL` whatever its policy."""
    sorted_parts: dict[PolicyName, list[list[Part]]] = {}
    for parts in calls:
        of_call: dict[PolicyName, list[Part]] = {}
        for part in parts:
            of_call.setdefault(part.policy, []).append(part)
            of_call.setdefault(_ALL, []).append(part)
        for policy, its in of_call.items():
            sorted_parts.setdefault(policy, []).append(its)
    return sorted_parts


def _amount(calls: Sequence[Sequence[Part]], rates: Rates) -> Amount:
    parts = [part for call in calls for part in call]
    guessed = [part for part in parts if part.size_bytes is None]
    sizes = [rates.bytes_of(part.shape, part.seconds) for part in guessed]
    unknown = {part.shape for part, size in zip(guessed, sizes, strict=True) if size is None}
    return Amount(
        calls=len(calls),
        size_bytes=sum(p.size_bytes or 0 for p in parts) + sum(s or 0 for s in sizes),
        is_estimate=bool(guessed),
        without_rate=tuple(sorted(unknown, key=str)),
    )
