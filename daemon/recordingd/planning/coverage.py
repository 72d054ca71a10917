"""Which rules and which branches of their matchers a set of rehearsed calls has tried.

Called by `cli.test` with the snapshots of every played test. A branch is one leaf of a matcher with
one answer, yes or no; that it was not known whether a leaf holds counts as neither. Judges no
expectation.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from recordingd.domain.consent import ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Condition, Source
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.conditions import compile_condition, leaves_of
from recordingd.planning.leaves import expected_of
from recordingd.planning.matching import CompiledPolicies
from recordingd.planning.rehearsal import Snapshot
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, UNKNOWN, YES, Facts, LifetimeFacts, Truth

AnyRule = RecordingPolicy | ConsentRule | PauseRule | RetentionRule | LegalHold
# What is asked about everything that was ever true of a call, and not about the call of the moment.
_OF_LIFETIMES = (RetentionRule, LegalHold)


class Use(enum.Enum):
    """The most that became of a rule; only recording policies can win or lose."""

    WON = "won"
    LOST_ONLY = "lost only"
    MATCHED = "matched"
    NEVER_MATCHED = "never matched"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafCoverage:
    """One leaf of a matcher: which answers it can give, and which were seen.

    A matcher without leaves has one of these, which can only be yes.
    """

    path: str
    source: Source
    expected: str
    possible: frozenset[Truth]
    seen: frozenset[Truth]

    @property
    def missing(self) -> frozenset[Truth]:
        """The answers that no call has given."""
        return self.possible - self.seen


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCoverage:
    """One rule: what became of it at the most, and its leaves in the order written."""

    kind: str
    name: str
    source: Source
    use: Use
    leaves: tuple[LeafCoverage, ...]

    @property
    def total(self) -> int:
        """How many branches its matcher has; at least one."""
        return sum(len(leaf.possible) for leaf in self.leaves)

    @property
    def covered(self) -> int:
        """How many of them were seen."""
        return self.total - sum(len(leaf.missing) for leaf in self.leaves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Every rule of a policy set, recording policies first, then kind by kind and by name."""

    rules: tuple[RuleCoverage, ...]

    @property
    def total(self) -> int:
        """How many branches there are."""
        return sum(rule.total for rule in self.rules)

    @property
    def covered(self) -> int:
        """How many of them were seen."""
        return sum(rule.covered for rule in self.rules)

    @property
    def percent(self) -> float:
        """The share of branches that were seen, from 0 to 100; 100 where there are none."""
        return 100.0 if self.total == 0 else 100.0 * self.covered / self.total


def coverage_of(policies: CompiledPolicies, snapshots: Iterable[Snapshot]) -> Coverage:
    """Return what some rehearsed calls, played under these policies, have tried of them."""
    written = policies.policies
    groups = Groups(written.groups, written.places)
    rules: list[AnyRule] = [
        *written.policies,
        *written.consent_rules,
        *written.pause_rules,
        *written.retention_rules,
        *written.holds,
    ]
    tallies = [_Tally(rule, groups) for rule in rules]
    for snapshot in snapshots:
        now, then = _facts_of(snapshot)
        used = frozenset(_matched(policies, snapshot))
        for tally in tallies:
            tally.add(snapshot, then if isinstance(tally.rule, _OF_LIFETIMES) else now, used)
    return Coverage(rules=tuple(tally.result() for tally in tallies))


def _facts_of(snapshot: Snapshot) -> tuple[Facts, LifetimeFacts]:
    """Return what is true of the call at this moment, and what ever was; nothing more will come."""
    call, participants = snapshot.facts.call, snapshot.facts.participants
    present = [p for p in participants if p.is_present]
    return (
        Facts(call, present, settled=True),
        LifetimeFacts(call, participants, settled=True),
    )


_Key = tuple[type[AnyRule], str]


def _matched(policies: CompiledPolicies, snapshot: Snapshot) -> Iterator[_Key]:
    """Yield the rules that certainly match, those that are only observed among them."""
    call, everybody, now = snapshot.facts.call, snapshot.facts.participants, snapshot.at
    present = [p for p in everybody if p.is_present]
    for vote in snapshot.verdict.votes:
        if vote.matched is YES:
            yield RecordingPolicy, vote.policy.name
    hits = (
        *policies.consent_rules_for(call, present, now=now, settled=True),
        *policies.pause_rules_for(call, present, now=now, settled=True),
        *policies.shadow_rules_for(call, present, now=now, settled=True),
        *policies.retention_rules_for(call, everybody, now=now, settled=True),
        *policies.holds_for(call, everybody, now=now, settled=True),
    )
    for hit in hits:
        if hit.truth is YES:
            yield type(hit.rule), hit.rule.name


class _Tally:
    """What was seen of one rule so far."""

    def __init__(self, rule: AnyRule, groups: Groups) -> None:
        self.rule = rule
        leaves = tuple(leaves_of(rule.match))
        self._leaves = [(leaf, compile_condition(leaf, groups)) for leaf in leaves]
        self._seen: list[set[Truth]] = [set() for _ in leaves]
        self._has_matched = False
        self._has_won = False

    def add(self, snapshot: Snapshot, facts: Facts, used: frozenset[_Key]) -> None:
        for (_, check), seen in zip(self._leaves, self._seen, strict=True):
            seen.add(check(facts))
        self._has_matched |= (type(self.rule), self.rule.name) in used
        self._has_won |= snapshot.verdict.winner is self.rule

    def result(self) -> RuleCoverage:
        return RuleCoverage(
            kind=type(self.rule).__name__,
            name=self.rule.name,
            source=self.rule.source,
            use=self._use(),
            leaves=tuple(self._leaf_results()),
        )

    def _use(self) -> Use:
        if not self._has_matched:
            return Use.NEVER_MATCHED
        if not isinstance(self.rule, RecordingPolicy):
            return Use.MATCHED
        return Use.WON if self._has_won else Use.LOST_ONLY

    def _leaf_results(self) -> Iterator[LeafCoverage]:
        if not self._leaves:
            yield _every_call(self.rule.match, has_matched=self._has_matched)
        for (leaf, _), seen in zip(self._leaves, self._seen, strict=True):
            yield LeafCoverage(
                path=leaf.path,
                source=leaf.source,
                expected=expected_of(leaf),
                possible=frozenset({YES, NO}),
                seen=frozenset(seen - {UNKNOWN}),
            )


def _every_call(match: Condition, *, has_matched: bool) -> LeafCoverage:
    return LeafCoverage(
        path=match.path,
        source=match.source,
        expected="every call",
        possible=frozenset({YES}),
        seen=frozenset({YES} if has_matched else ()),
    )
