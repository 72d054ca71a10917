"""Policies that one call can fall under: which contradict each other, and which never have a say.

Called by `config.analysis` with the policies and rules of a whole tree, and by nothing that
records. Two policies meet when some settled call counts as matching both, at a moment when both are
in force; whether a third policy beats them does not matter. Who beats whom is
`planning.precedence`'s.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_

from recordingd.domain.consent import ConsentRule
from recordingd.domain.matchers import AllOf
from recordingd.domain.policies import Decision, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.aspects import InForce
from recordingd.planning.bars import Bar, what_bars
from recordingd.planning.examples import Example
from recordingd.planning.needs import NeedsIndex, needs_of
from recordingd.planning.overlap import CERTAIN, POSSIBLE, Goal, Overlap
from recordingd.planning.people import TooInvolved
from recordingd.planning.precedence import Rank, rank_of
from recordingd.planning.selectors import Groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Two policies that one call can match; `example` is None where that could not be excluded."""

    first: RecordingPolicy
    later: RecordingPolicy
    example: Example | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loser:
    """A policy that never wins, and those that win instead, by name."""

    policy: RecordingPolicy
    winners: tuple[RecordingPolicy, ...]


def match_of(rule: RecordingPolicy | ConsentRule | RetentionRule) -> Goal:
    """Return what a call and a moment must be like for a rule to count.

    What stays unknown in a settled call counts for a require, and for rules about consent and
    keeping; not for any other policy.
    """
    is_certain = isinstance(rule, RecordingPolicy) and rule.decision is not Decision.REQUIRE
    wanted = CERTAIN if is_certain else POSSIBLE
    if rule.valid_from is None and rule.valid_until is None:
        return Goal(rule.match, wanted)
    path, source = rule.match.path, rule.source
    in_force = InForce(
        valid_from=rule.valid_from, valid_until=rule.valid_until, path=path, source=source
    )
    return Goal(AllOf(parts=(in_force, rule.match), path=path, source=source), wanted)


class Rivals:
    """The acting policies of one set, compared with each other; observed ones are left out."""

    def __init__(self, policies: Iterable[RecordingPolicy], groups: Groups) -> None:
        acting = [policy for policy in policies if not policy.is_observed]
        self._policies = sorted(acting, key=lambda p: p.name)
        self._ranks = [rank_of(policy) for policy in self._policies]
        self._goals = [match_of(policy) for policy in self._policies]
        self._needs = [needs_of(policy.match, groups) for policy in self._policies]
        self._index = NeedsIndex(self._needs)
        self._overlap = Overlap(groups)
        # Only a forbid can be overridden.
        self._overriders: dict[str, list[int]] = {
            p.name: [] for p in self._policies if p.decision is Decision.FORBID
        }
        for number, policy in enumerate(self._policies):
            for name in self._overriders.keys() & set(policy.overrides):
                self._overriders[name].append(number)

    # --- meetings ---------------------------------------------------------------------------------

    def ties(self) -> Iterator[Meeting]:
        """Yield every policy that meets one of its own rank which says something else.

        By name; each once, as the later, and with the first by name that it meets.
        """
        equals: dict[Rank, int] = defaultdict(int)
        for later, rank in enumerate(self._ranks):
            near = equals[rank] & self._index.could_meet(self._needs[later])
            rivals = (n for n in _numbers_in(near) if self._contradict(n, later))
            meetings = (self._meeting(n, later, self._goals[later]) for n in rivals)
            tie = next((meeting for meeting in meetings if meeting is not None), None)
            if tie is not None:
                yield tie
            equals[rank] |= 1 << later

    def defeats(self) -> Iterator[Meeting]:
        """Yield every require, as the first, with each forbid that it meets and does not override.

        By both names. A forbid that stays in doubt counts: the call is not recorded either.
        """
        forbids = _set_of(n for n, p in enumerate(self._policies) if p.decision is Decision.FORBID)
        for number, require in enumerate(self._policies):
            if require.decision is not Decision.REQUIRE:
                continue
            for forbid in _numbers_in(forbids & self._index.could_meet(self._needs[number])):
                if self._policies[forbid].name not in require.overrides:
                    doubtful = Goal(self._goals[forbid].condition, POSSIBLE)
                    meeting = self._meeting(number, forbid, doubtful)
                    if meeting is not None:
                        yield meeting

    def _contradict(self, one: int, other: int) -> bool:
        """Say whether it matters which of two equals wins."""
        a, b = self._policies[one], self._policies[other]
        is_same = a.decision is b.decision and a.decision in {Decision.SKIP, Decision.FORBID}
        return not (is_same and a.captured is b.captured)

    def _meeting(self, first: int, later: int, goal: Goal) -> Meeting | None:
        try:
            example = self._overlap.find([self._goals[first], goal])
        except TooInvolved:
            example = None
        else:
            if example is None:
                return None
        return Meeting(first=self._policies[first], later=self._policies[later], example=example)

    # --- policies without a say -------------------------------------------------------------------

    def losers(self) -> Iterator[Loser]:
        """Yield every policy of which it is proven that others win wherever it matches, by name.

        Several may do so together. A policy that matches nothing at all is none of them.
        """
        stronger = self._stronger()
        for number, policy in enumerate(self._policies):
            rivals = stronger[number] | _set_of(self._overriders.get(policy.name, ()))
            if not rivals & self._index.could_meet(self._needs[number]):
                continue
            bars = partial(self._bars, rivals)
            try:
                winners = what_bars(self._overlap, self._goals[number], bars)
            except TooInvolved:
                continue
            if winners:
                yield Loser(policy=policy, winners=tuple(self._policies[n] for n in winners))

    def _stronger(self) -> list[int]:
        """Return for every policy the set of those that have a better rank."""
        stronger, so_far = [0] * len(self._ranks), 0
        by_rank = sorted(range(len(self._ranks)), key=self._ranks.__getitem__)
        for _, equals in itertools.groupby(by_rank, key=self._ranks.__getitem__):
            numbers = list(equals)
            for number in numbers:
                stronger[number] = so_far
            so_far |= _set_of(numbers)
        return stronger

    def _bars(self, rivals: int, example: Example) -> Iterator[Bar]:
        """Yield the rivals that win a call, the best first."""
        near = rivals & self._index.could_fit(example.texts())
        for number in sorted(_numbers_in(near), key=self._ranks.__getitem__):
            overriders = self._overriders.get(self._policies[number].name, ())
            if not self._overlap.meets(self._goals[number], example):
                continue
            if not any(self._overlap.meets(self._goals[n], example) for n in overriders):
                # Or a require takes the forbid away.
                past = [self._goals[number].missed, *(self._goals[n] for n in overriders)]
                yield Bar(number, past)


def _set_of(numbers: Iterable[int]) -> int:
    return reduce(or_, (1 << number for number in numbers), 0)


def _numbers_in(some: int) -> Iterator[int]:
    """Yield the numbers of a set in ascending order."""
    while some:
        lowest = some & -some
        yield lowest.bit_length() - 1
        some ^= lowest
