"""Which policy a call falls under, and why; and which rules of every other kind fit it.

Called by the planner and by everything that explains it. Policies and rules are compiled once per
load to closures and indexes; a decision is then a pure function of the call's facts and of `now`.
Never learns how a call is recorded nor what has been done so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from recordingd.domain.calls import Call, Participant, Party
from recordingd.domain.consent import ConsentRule
from recordingd.domain.durations import timedelta_of
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Condition, Selector
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import PolicyName, PolicySet, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.candidates import CandidateIndex
from recordingd.planning.conditions import Check, compile_condition, leaves_of
from recordingd.planning.leaves import actual_of, expected_of, suspension_leaf, validity_leaves
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
from recordingd.planning.rules import RuleBook, RuleHit
from recordingd.planning.selectors import Fit, Groups, compile_selectors
from recordingd.planning.truth import NO, UNKNOWN, YES, Facts, LifetimeFacts, Truth

__all__ = ["CompiledPolicies", "Leaf", "Truth", "Verdict", "Vote", "compile_policies"]


class _Entry:
    """One policy, ready to rule. Compared by identity, so that the index can file it."""

    __slots__ = ("alone", "certain", "is_dated", "policy", "rank", "settled_unknown")

    def __init__(self, policy: RecordingPolicy) -> None:
        self.policy = policy
        self.is_dated = policy.valid_from is not None or policy.valid_until is not None
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

    def ask(self, check: Check, facts: Facts, now: datetime) -> Truth:
        """Say whether the policy matches, with what unknown counts as in a settled call."""
        if self.is_dated and not _is_in_force(self.policy, now):
            return NO
        truth = check(facts)
        return self.settled_unknown if truth is UNKNOWN and facts.settled else truth


def _is_in_force(policy: RecordingPolicy, now: datetime) -> bool:
    if policy.valid_from is not None and now < policy.valid_from:
        return False
    return policy.valid_until is None or now < policy.valid_until


class CompiledPolicies:
    """A policy set ready to decide; immutable, so that a reload swaps one for another."""

    __slots__ = (
        "_acting",
        "_by_name",
        "_consent_rules",
        "_decides_within",
        "_fits",
        "_groups",
        "_holds",
        "_internal",
        "_observed",
        "_pause_rules",
        "_policies",
        "_retention_rules",
    )

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._by_name = {policy.name: policy for policy in policies.policies}
        self._groups = Groups(policies.groups, policies.places)
        internal = [g.name for g in policies.groups.values() if g.is_internal]
        self._internal: tuple[Fit, ...] = tuple(self._groups.fit_of(name) for name in internal)
        acting = [policy for policy in policies.policies if not policy.is_observed]
        self._acting = CandidateIndex([(p.match, _Entry(p)) for p in acting], self._groups)
        self._observed = tuple(
            (_Entry(policy), compile_condition(policy.match, self._groups))
            for policy in policies.policies
            if policy.is_observed
        )
        self._consent_rules = RuleBook(policies.consent_rules, self._groups)
        self._pause_rules = RuleBook(policies.pause_rules, self._groups)
        self._retention_rules = RuleBook(policies.retention_rules, self._groups)
        self._holds = RuleBook(policies.holds, self._groups)
        spans = (timedelta_of(r.spec.decide_after) for r in policies.retention_rules)
        self._decides_within = max(spans, default=timedelta(0))
        self._fits: dict[tuple[Selector, ...], Fit] = {
            selectors: compile_selectors(selectors, self._groups)
            for selectors in (*_assigned(policies), *_asked(policies))
        }

    @property
    def policies(self) -> PolicySet:
        """The policies as they were written."""
        return self._policies

    @property
    def has_live_rules(self) -> bool:
        """Whether any consent or pause rule acts, so that a live call may fall under one."""
        return not (self._consent_rules.is_empty and self._pause_rules.is_empty)

    def by_name(self, name: str) -> RecordingPolicy | None:
        """Return a policy by its name; None when there is none (any more)."""
        return self._by_name.get(PolicyName(name))

    def decide(
        self,
        call: Call,
        participants: Sequence[Participant],
        *,
        now: datetime,
        settled: bool,
        suspended: frozenset[PolicyName] = frozenset(),
    ) -> Verdict:
        """Say whether a call is recorded and by which policy.

        `settled` says that nothing more is waited for: what is still unknown then counts as the
        policy's decision wants it. `suspended` policies match nothing.
        """
        facts = Facts(call, participants, settled=settled)
        votes = partial(self._votes, facts, now, suspended)
        matched: list[tuple[_Entry, Truth]] = []
        for entry, check in self._acting.find(facts):
            truth = entry.ask(check, facts, now)
            if truth is not NO and entry.policy.name not in suspended:
                matched.append((entry, truth))
        shadow = self._shadow(facts, now, suspended) if self._observed else ()
        return Verdict(ruling=_rule(matched, settled=settled), shadow=shadow, ask_votes=votes)

    def consent_rules_for(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> tuple[RuleHit[ConsentRule], ...]:
        """Return the consent rules that fit a call now or may fit it, sorted by name.

        Rules that are only observed are left out, and so are those outside their validity.
        """
        if self._consent_rules.is_empty:
            return ()
        return self._consent_rules.hits(Facts(call, participants, settled=settled), now)

    def pause_rules_for(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> tuple[RuleHit[PauseRule], ...]:
        """Return the pause rules that fit a call now or may fit it, as for consent rules."""
        if self._pause_rules.is_empty:
            return ()
        return self._pause_rules.hits(Facts(call, participants, settled=settled), now)

    def retention_rules_for(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> tuple[RuleHit[RetentionRule], ...]:
        """Return the retention rules that fit, or may fit, what was ever true of a call.

        `participants` are all who ever took part. Sorted by name; rules that are only observed are
        among them, since their floors count.
        """
        facts = LifetimeFacts(call, participants, settled=settled)
        book = self._retention_rules
        hits = (*book.hits(facts, now), *book.shadow(facts, now))
        return tuple(sorted(hits, key=lambda hit: hit.rule.name))

    @property
    def decides_within(self) -> timedelta:
        """How long after a call's end a fact may still decide if a retention rule matches it."""
        return self._decides_within

    def holds_for(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> tuple[RuleHit[LegalHold], ...]:
        """Return the holds that fit, or may fit, what was ever true of a call, sorted by name.

        `participants` are all who ever took part. Released holds are among them: until when one
        counts is for the ledger to say.
        """
        return self._holds.hits(LifetimeFacts(call, participants, settled=settled), now)

    def shadow_rules_for(
        self, call: Call, participants: Sequence[Participant], *, now: datetime, settled: bool
    ) -> tuple[RuleHit[ConsentRule] | RuleHit[PauseRule], ...]:
        """Return the consent and pause rules that would act on a call were they not observed."""
        facts = Facts(call, participants, settled=settled)
        return (*self._consent_rules.shadow(facts, now), *self._pause_rules.shadow(facts, now))

    def leaves_for(self, match: Condition, facts: Facts) -> tuple[Leaf, ...]:
        """Return the leaves of any rule's matcher, in the order they are written, for a call."""
        return tuple(
            Leaf(
                path=condition.path,
                source=condition.source,
                expected=expected_of(condition),
                actual=actual_of(condition, facts),
                matched=compile_condition(condition, self._groups)(facts),
            )
            for condition in leaves_of(match)
        )

    def is_internal(self, party: Party, roles: Mapping[str, str] | None = None) -> bool:
        """Say whether a party is a member of an internal group."""
        said = roles or {}
        return any(fits(party, said) for fits in self._internal)

    def fits(self, selectors: Sequence[Selector], party: Party, roles: Mapping[str, str]) -> bool:
        """Say whether a party fits one of the selectors; `roles` outrank the party's own."""
        fits = self._fits.get(tuple(selectors))
        return (fits or compile_selectors(selectors, self._groups))(party, roles)

    def may_fit(
        self, selectors: Sequence[Selector], party: Party, roles: Mapping[str, str]
    ) -> bool:
        """Say whether a party fits one of the selectors, of an older policy set perhaps.

        One that names a group which is gone may mean anybody.
        """
        return any(
            self.fits((selector,), party, roles) if self._groups.knows(selector) else True
            for selector in selectors
        )

    def _shadow(
        self, facts: Facts, now: datetime, suspended: frozenset[PolicyName]
    ) -> tuple[RecordingPolicy, ...]:
        matched = (e.policy for e, check in self._observed if e.ask(check, facts, now) is YES)
        return tuple(policy for policy in matched if policy.name not in suspended)

    def _votes(
        self, facts: Facts, now: datetime, suspended: frozenset[PolicyName]
    ) -> tuple[Vote, ...]:
        return tuple(
            self._vote(policy, facts, now, is_suspended=policy.name in suspended)
            for policy in self._policies.policies
        )

    def _vote(
        self, policy: RecordingPolicy, facts: Facts, now: datetime, *, is_suspended: bool
    ) -> Vote:
        may_match = _is_in_force(policy, now) and not is_suspended
        matched = compile_condition(policy.match, self._groups)(facts) if may_match else NO
        explain = partial(self._leaves, policy, facts, now, is_suspended=is_suspended)
        return Vote(policy=policy, matched=matched, explain=explain)

    def _leaves(
        self, policy: RecordingPolicy, facts: Facts, now: datetime, *, is_suspended: bool
    ) -> tuple[Leaf, ...]:
        suspension = (suspension_leaf(policy),) if is_suspended else ()
        leaves = self.leaves_for(policy.match, facts)
        return (*leaves, *validity_leaves(policy, now), *suspension)


def _assigned(policies: PolicySet) -> Iterator[tuple[Selector, ...]]:
    """Yield whom channels are assigned to."""
    for policy in policies.policies:
        if policy.record is not None:
            yield from (assignment.selectors for assignment in policy.record.assign)


def _asked(policies: PolicySet) -> Iterator[tuple[Selector]]:
    """Yield, one by one, who is asked where consent is asked of some only."""
    specs = [rule.spec for rule in policies.consent_rules]
    specs += [policy.consent for policy in policies.policies if policy.consent is not None]
    for spec in specs:
        if isinstance(spec.parties, tuple):
            yield from ((selector,) for selector in spec.parties)


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
