"""Which policy a call falls under, and why.

Called by the planner and by everything that explains it. Policies are compiled once per load to
closures and an index; a decision is then a pure function of the call's facts and of `now`. Never
learns how a call is recorded nor what has been done so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from recordingd.domain.calls import Call, Participant, Party
from recordingd.domain.matchers import Selector
from recordingd.domain.policies import PolicyName, PolicySet, RecordingPolicy
from recordingd.planning.candidates import CandidateIndex
from recordingd.planning.conditions import Check, compile_condition, leaves_of
from recordingd.planning.leaves import actual_of, expected_of, validity_leaves
from recordingd.planning.precedence import (
    Leaf,
    Matched,
    Rank,
    Ruling,
    Verdict,
    Vote,
    rank_of,
    rule,
    settle_truth,
)
from recordingd.planning.selectors import Fit, Groups, compile_selectors
from recordingd.planning.truth import NO, UNKNOWN, YES, Facts, Truth

__all__ = ["CompiledPolicies", "Leaf", "Truth", "Verdict", "Vote", "compile_policies"]


class _Entry:
    """One compiled policy. Compared by identity, so that the index can file it."""

    __slots__ = ("alone", "certain", "check", "policy", "rank", "settled_unknown")

    def __init__(self, policy: RecordingPolicy, check: Check) -> None:
        self.policy = policy
        self.check = check
        self.rank: Rank = rank_of(policy)
        # What an unknown of this policy counts as once a call is settled.
        self.settled_unknown = settle_truth(policy.decision, UNKNOWN)
        # In by far the most calls exactly one policy matches, and certainly: its ruling is ready.
        self.certain = Matched(policy=policy, rank=self.rank, truth=YES)
        self.alone: Ruling = rule([self.certain], settled=True)

    def as_matched(self, truth: Truth) -> Matched:
        if truth is YES:
            return self.certain
        return Matched(policy=self.policy, rank=self.rank, truth=truth)

    def is_in_force(self, now: datetime) -> bool:
        policy = self.policy
        if policy.valid_from is not None and now < policy.valid_from:
            return False
        return policy.valid_until is None or now < policy.valid_until

    def ask(self, facts: Facts, now: datetime) -> Truth:
        """Say whether the policy matches, with what unknown counts as in a settled call."""
        truth = self.check(facts) if self.is_in_force(now) else NO
        return self.settled_unknown if truth is UNKNOWN and facts.settled else truth


class CompiledPolicies:
    """A policy set ready to decide; immutable, so that a reload swaps one for another."""

    __slots__ = ("_acting", "_by_name", "_fits", "_groups", "_internal", "_observed", "_policies")

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._by_name = {policy.name: policy for policy in policies.policies}
        self._groups = Groups(policies.groups)
        internal = [g.name for g in policies.groups.values() if g.is_internal]
        self._internal: tuple[Fit, ...] = tuple(self._groups.fit_of(name) for name in internal)
        entries = [
            _Entry(policy, compile_condition(policy.match, self._groups))
            for policy in policies.policies
        ]
        self._acting = CandidateIndex(
            [(e.policy.match, e) for e in entries if not e.policy.is_observed], self._groups
        )
        self._observed = tuple(e for e in entries if e.policy.is_observed)
        self._fits: dict[tuple[Selector, ...], Fit] = {
            assignment.selectors: compile_selectors(assignment.selectors, self._groups)
            for policy in policies.policies
            if policy.record is not None
            for assignment in policy.record.assign
        }

    @property
    def policies(self) -> PolicySet:
        """The policies as they were written."""
        return self._policies

    def by_name(self, name: str) -> RecordingPolicy | None:
        """Return a policy by its name; None when there is none (any more)."""
        return self._by_name.get(PolicyName(name))

    def decide(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> Verdict:
        """Say whether a call is recorded and by which policy.

        `settled` says that nothing more is waited for: what is still unknown then counts as the
        policy's decision wants it.
        """
        facts = Facts(call, participants, settled=settled)
        votes = partial(self._votes, facts, now)
        matched: list[tuple[_Entry, Truth]] = []
        for entry in self._acting.find(facts):
            truth = entry.ask(facts, now)
            if truth is not NO:
                matched.append((entry, truth))
        shadow = self._shadow(facts, now) if self._observed else ()
        return Verdict(ruling=_rule(matched, settled=settled), shadow=shadow, ask_votes=votes)

    def is_internal(self, party: Party, roles: Mapping[str, str] | None = None) -> bool:
        """Say whether a party is a member of an internal group."""
        said = roles or {}
        return any(fits(party, said) for fits in self._internal)

    def fits(self, selectors: Sequence[Selector], party: Party, roles: Mapping[str, str]) -> bool:
        """Say whether a party fits one of the selectors; `roles` outrank the party's own."""
        fits = self._fits.get(tuple(selectors))
        return (fits or compile_selectors(selectors, self._groups))(party, roles)

    def _shadow(self, facts: Facts, now: datetime) -> tuple[RecordingPolicy, ...]:
        return tuple(e.policy for e in self._observed if e.ask(facts, now) is YES)

    def _votes(self, facts: Facts, now: datetime) -> tuple[Vote, ...]:
        return tuple(self._vote(policy, facts, now) for policy in self._policies.policies)

    def _vote(self, policy: RecordingPolicy, facts: Facts, now: datetime) -> Vote:
        entry = _Entry(policy, compile_condition(policy.match, self._groups))
        truth = entry.check(facts) if entry.is_in_force(now) else NO
        return Vote(policy=policy, matched=truth, explain=partial(self._leaves, policy, facts, now))

    def _leaves(self, policy: RecordingPolicy, facts: Facts, now: datetime) -> tuple[Leaf, ...]:
        leaves = tuple(
            Leaf(
                path=condition.path,
                source=condition.source,
                expected=expected_of(condition),
                actual=actual_of(condition, facts),
                matched=compile_condition(condition, self._groups)(facts),
            )
            for condition in leaves_of(policy.match)
        )
        return (*leaves, *validity_leaves(policy, now))


_NOTHING_MATCHES = Ruling()


def _rule(matched: Sequence[tuple[_Entry, Truth]], *, settled: bool) -> Ruling:
    if not matched:
        return _NOTHING_MATCHES
    entry, truth = matched[0]
    if len(matched) == 1 and truth is YES:
        return entry.alone
    return rule([e.as_matched(t) for e, t in matched], settled=settled)


def compile_policies(policies: PolicySet) -> CompiledPolicies:
    """Compile a policy set that validate accepted; do it once per load."""
    return CompiledPolicies(policies)
