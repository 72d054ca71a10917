"""Which policy wins: the votes of one call ranked, and one verdict.

Called by `planning.matching` with the policies that match or may match, and by `config.analysis`
for the rank alone. Every rule about who beats whom stands here. Pure; never learns how a match was
found.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagIs,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    Source,
    StartedBetween,
    TagIs,
    TextIs,
    WithinHours,
)
from recordingd.domain.policies import Decision, PolicyName, RecordingPolicy
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth


class Dimension(enum.Enum):
    """What a matcher can constrain, the most telling first."""

    PARTICIPANT = 0
    CALLER_OR_DIALLED = 1
    LABEL = 2
    DIRECTION = 3
    TIME = 4


# A sample constrains nothing: it takes a share of whatever the rest means.
_DIMENSION_OF: dict[type[Condition], Dimension] = {
    ParticipantsFit: Dimension.PARTICIPANT,
    ParticipantCount: Dimension.PARTICIPANT,
    PartyIs: Dimension.CALLER_OR_DIALLED,
    TagIs: Dimension.LABEL,
    TextIs: Dimension.LABEL,
    DirectionIs: Dimension.DIRECTION,
    FlagIs: Dimension.DIRECTION,
    WithinHours: Dimension.TIME,
    StartedBetween: Dimension.TIME,
}


def dimensions_of(condition: Condition) -> frozenset[Dimension]:
    """Return what a matcher constrains: all parts of an `all`, and of an `any` what every
    alternative constrains.
    """
    match condition:
        case AllOf():
            return frozenset[Dimension]().union(*map(dimensions_of, condition.parts))
        case AnyOf():
            parts = [dimensions_of(part) for part in condition.parts]
            return frozenset.intersection(*parts) if parts else frozenset()
        case Not():
            return dimensions_of(condition.part)
        case _:
            found = _DIMENSION_OF.get(type(condition))
            return frozenset() if found is None else frozenset({found})


class Tier(enum.Enum):
    """Which decisions beat which, whatever their priority."""

    FORBID = 0
    REQUIRE = 1
    RECORD_OR_SKIP = 2


_TIER_OF = {
    Decision.FORBID: Tier.FORBID,
    Decision.REQUIRE: Tier.REQUIRE,
    Decision.RECORD: Tier.RECORD_OR_SKIP,
    Decision.SKIP: Tier.RECORD_OR_SKIP,
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Rank:
    """A policy's place among others; the smaller beats the larger.

    Two policies of equal rank that can meet in one call are refused at validate.
    """

    tier: int
    minus_priority: int
    minus_dimensions: int
    unconstrained: tuple[bool, ...]


def rank_of(policy: RecordingPolicy) -> Rank:
    """Return the rank: tier, then priority, then how specific its matcher is."""
    dimensions = dimensions_of(policy.match)
    return Rank(
        tier=_TIER_OF[policy.decision].value,
        minus_priority=-policy.priority,
        minus_dimensions=-len(dimensions),
        unconstrained=tuple(dimension not in dimensions for dimension in Dimension),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One leaf of a matcher, with what it asked for and what was there, in words."""

    path: str
    source: Source
    expected: str
    actual: str
    matched: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one policy says of a call; the leaves are worked out when they are asked for."""

    policy: RecordingPolicy
    matched: Truth
    explain: Callable[[], tuple[Leaf, ...]] = field(repr=False, compare=False)

    def leaves(self) -> tuple[Leaf, ...]:
        """Return the leaves of its matcher in the order they are written."""
        return self.explain()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Who wins among the policies that match or may match.

    `decision` and `winner` are None when nothing matches. `is_undecided` means that a fact still
    missing could change the outcome; `may_record` is only True then, and says that a record or
    require could win: it is the `winner` of a call that is not settled, and the `runner_up` of a
    settled call that a forbid may still forbid. `winner_is_certain` says that the winner matches
    whatever comes: where it is False, how a call is recorded is not known yet either.
    `conflicts` names the requires that a forbid defeated, then the forbids that did it.
    """

    decision: Decision | None = None
    winner: RecordingPolicy | None = None
    winner_is_certain: bool = True
    runner_up: RecordingPolicy | None = None
    is_undecided: bool = False
    may_record: bool = False
    conflicts: tuple[PolicyName, ...] = ()


@dataclass(slots=True, kw_only=True)
class Verdict:
    """Whether a call is recorded and by which policy: a `Ruling`, and what else was seen.

    `shadow` are observed policies that match; they never win. Nobody changes a verdict. It is not
    frozen all the same: one is made for every decision, and freezing doubles what that costs.
    """

    ruling: Ruling
    shadow: tuple[RecordingPolicy, ...] = ()
    ask_votes: Callable[[], tuple[Vote, ...]] = field(repr=False, compare=False)

    @property
    def decision(self) -> Decision | None:
        """What the winner decides; None when nothing matches."""
        return self.ruling.decision

    @property
    def winner(self) -> RecordingPolicy | None:
        """The policy that wins, or while undecided the one that would be recorded under."""
        return self.ruling.winner

    @property
    def winner_is_certain(self) -> bool:
        """Whether the winner matches whatever facts still come."""
        return self.ruling.winner_is_certain

    @property
    def runner_up(self) -> RecordingPolicy | None:
        """The policy that would win without the winner."""
        return self.ruling.runner_up

    @property
    def is_undecided(self) -> bool:
        """Whether a missing fact could change the outcome."""
        return self.ruling.is_undecided

    @property
    def may_record(self) -> bool:
        """Whether, while undecided, a record or require could win."""
        return self.ruling.may_record

    @property
    def conflicts(self) -> tuple[PolicyName, ...]:
        """The requires that a forbid defeated, then the forbids that did it."""
        return self.ruling.conflicts

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The vote of every policy, by name; worked out anew on every use."""
        return self.ask_votes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A policy that matches or may match, with its rank."""

    policy: RecordingPolicy
    rank: Rank
    truth: Truth


RECORDING_DECISIONS = frozenset({Decision.RECORD, Decision.REQUIRE})


def settle_truth(decision: Decision, truth: Truth) -> Truth:
    """Say what unknown means once a call is settled: yes to require, no to record and skip.

    Under a forbid it stays unknown: nothing may flow until it is known.
    """
    if truth is not UNKNOWN or decision is Decision.FORBID:
        return truth
    return YES if decision is Decision.REQUIRE else NO


def rule(matched: Sequence[Matched], *, settled: bool) -> Ruling:
    """Rank what matches or may match, and say who wins. The order of `matched` never matters."""
    ranked = sorted(_apply_overrides(matched), key=lambda m: (m.rank, m.policy.name))
    if not ranked:
        return Ruling()
    contenders = _contenders(ranked)
    certain = contenders[-1] if contenders[-1].truth is YES else None
    # Another forbid in doubt above a certain one changes nothing.
    if certain is not None and certain in (contenders[0], *_forbids(contenders)):
        return _decided(certain, ranked)
    recordable = [m for m in contenders if m.policy.decision in RECORDING_DECISIONS]
    if recordable:
        return _undecided(contenders[0], recordable[0], settled=settled)
    return _not_recorded(contenders)


def _contenders(ranked: Sequence[Matched]) -> list[Matched]:
    """Return who can still win: everyone down to the first that certainly matches."""
    contenders = []
    for one in ranked:
        contenders.append(one)
        if one.truth is YES:
            break
    return contenders


def _not_recorded(contenders: Sequence[Matched]) -> Ruling:
    """Rule where nothing can win that records.

    A forbid in doubt keeps the call undecided all the same: a recording that an earlier fact asked
    for may still be running, and must stay silent.
    """
    last = contenders[-1] if contenders[-1].truth is YES else None
    return Ruling(
        decision=None if last is None else last.policy.decision,
        winner=None if last is None else last.policy,
        is_undecided=bool(_forbids(contenders)),
    )


def _forbids(matched: Sequence[Matched]) -> list[Matched]:
    return [m for m in matched if m.policy.decision is Decision.FORBID]


def _decided(winner: Matched, ranked: Sequence[Matched]) -> Ruling:
    policy = winner.policy
    runner_up = next((m.policy for m in ranked if m is not winner), None)
    return Ruling(
        decision=policy.decision,
        winner=policy,
        runner_up=runner_up,
        conflicts=_conflicts(ranked) if policy.decision is Decision.FORBID else (),
    )


def _undecided(first: Matched, recordable: Matched, *, settled: bool) -> Ruling:
    winner = first if settled else recordable
    other = recordable if settled else first
    return Ruling(
        decision=winner.policy.decision,
        winner=winner.policy,
        winner_is_certain=winner.truth is YES,
        runner_up=None if other is winner else other.policy,
        is_undecided=True,
        may_record=True,
    )


def _conflicts(ranked: Sequence[Matched]) -> tuple[PolicyName, ...]:
    certain = [m for m in ranked if m.truth is YES]
    requires = [m.policy.name for m in certain if m.policy.decision is Decision.REQUIRE]
    return (*requires, *(m.policy.name for m in _forbids(certain))) if requires else ()


def _apply_overrides(matched: Sequence[Matched]) -> Sequence[Matched]:
    """Leave out the forbids that a matching require overrides; doubt, where the require is."""
    overriding = {
        name: m.truth for m in matched for name in m.policy.overrides if m.truth is not YES
    }
    overriding |= {name: YES for m in matched if m.truth is YES for name in m.policy.overrides}
    if not overriding:
        return matched
    kept = []
    for one in matched:
        truth = overriding.get(one.policy.name, NO)
        if one.policy.decision is not Decision.FORBID or truth is NO:
            kept.append(one)
        elif truth is UNKNOWN:
            kept.append(Matched(policy=one.policy, rank=one.rank, truth=UNKNOWN))
    return kept
