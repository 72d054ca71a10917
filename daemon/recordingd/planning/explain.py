"""Why a call is recorded or not: every policy, every leaf, who won and by what.

Called by `cli.explain` with facts and rules; the decision is made by the very functions that the
daemon's loop uses. The text and the JSON form are both made from the one value that comes out here
(`planning.explain_text`). Which other rules fit the call is `planning.explain_rules`'.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.matchers import Condition, Source, TagIs
from recordingd.domain.policies import Decision, PolicyName, RecordingPolicy
from recordingd.domain.recordings import CallFacts
from recordingd.planning.conditions import leaves_of
from recordingd.planning.context import PlanningContext
from recordingd.planning.deciding import deciding
from recordingd.planning.matching import Verdict, Vote
from recordingd.planning.precedence import Leaf, rank_of, settle_truth
from recordingd.planning.ranking import dimensions_in_words, separation
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth
from recordingd.planning.ways_in import Missing, missing_of


class Result(enum.StrEnum):
    """What became of one policy's vote."""

    WINS = "wins"
    WOULD_WIN = "wouldWin"
    RUNNER_UP = "runnerUp"
    BEATEN = "beaten"
    OVERRIDDEN = "overridden"
    IN_DOUBT = "inDoubt"
    NO_MATCH = "noMatch"
    OBSERVED = "observed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafAnswer:
    """One leaf: what it asked for, what was there, and whether the matcher's answer rests on it.

    `missing` is set where a fact that is not known could still change the answer.
    """

    path: str
    source: Source
    expected: str
    actual: str
    matched: Truth
    decides: bool
    missing: Missing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAnswer:
    """One policy's vote and what became of it; `specificity` is what its matcher constrains."""

    policy: PolicyName
    vote: Decision
    source: Source
    priority: int
    specificity: tuple[str, ...]
    matched: Truth
    result: Result
    why: str
    leaves: tuple[LeafAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What holds from a moment on when no further fact comes."""

    at: datetime
    decision: Decision | None
    policy: PolicyName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer to the first question about one call at one moment.

    `votes` begin with the winner and the runner-up, then come those that match or may match by
    rank, then the others by name. `decision` and `policy` are None when no policy matches. While
    `is_undecided`, they say what the call would be recorded under; `outlook` is what holds once
    nothing is waited for any more, None when that is now. `conflicts` names the requires that a
    forbid defeated, then the forbids.
    """

    call_id: str
    server_call_id: str
    at: datetime
    settles_at: datetime
    decision: Decision | None
    policy: PolicyName | None
    runner_up: PolicyName | None
    is_undecided: bool
    why: str
    conflicts: tuple[PolicyName, ...]
    votes: tuple[PolicyAnswer, ...]
    outlook: Outlook | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is waited for any more."""
        return self.at >= self.settles_at

    @property
    def final_policy(self) -> PolicyName | None:
        """The policy that wins when no further fact comes; None when none does."""
        return self.policy if self.outlook is None else self.outlook.policy

    def vote_of(self, policy: str) -> PolicyAnswer | None:
        """Return what became of one policy; None when there is none of that name."""
        return next((vote for vote in self.votes if vote.policy == policy), None)


def explain(facts: CallFacts, context: PlanningContext, now: datetime) -> Explanation:
    """Answer the first question about a call, and say why; of a call that is over, as it was."""
    call = facts.call
    settles_at = context.settles_at(call)
    if call.ended_at is not None:
        settles_at = min(settles_at, call.ended_at)
    verdict = _decide(facts, context, now, is_settled=now >= settles_at)
    court = _Court(facts, context, verdict, is_settled=now >= settles_at)
    outlook = None
    if verdict.is_undecided and now < settles_at:
        later = _decide(facts, context, settles_at, is_settled=True)
        outlook = Outlook(at=settles_at, decision=later.decision, policy=_name(later.winner))
    return Explanation(
        call_id=call.call_id,
        server_call_id=call.server_call_id,
        at=now,
        settles_at=settles_at,
        decision=verdict.decision,
        policy=_name(verdict.winner),
        runner_up=_name(verdict.runner_up),
        is_undecided=verdict.is_undecided,
        why=court.reason(),
        conflicts=verdict.conflicts,
        votes=court.answers(),
        outlook=outlook,
    )


def _decide(
    facts: CallFacts, context: PlanningContext, now: datetime, *, is_settled: bool
) -> Verdict:
    return context.policies.decide(
        facts.call,
        facts.participants,
        now=now,
        settled=is_settled,
        suspended=context.suspended,
    )


def _name(policy: RecordingPolicy | None) -> PolicyName | None:
    return None if policy is None else policy.name


class _Court:
    """One verdict taken apart: what became of every vote, and why."""

    def __init__(
        self, facts: CallFacts, context: PlanningContext, verdict: Verdict, *, is_settled: bool
    ) -> None:
        self._facts = facts
        self._suspended = context.suspended
        self._verdict = verdict
        self._is_settled = is_settled
        self._votes = verdict.votes
        self._overridden = {
            name: vote.policy.name
            for vote in self._votes
            if self._counts(vote) is YES
            for name in vote.policy.overrides
        }

    def answers(self) -> tuple[PolicyAnswer, ...]:
        """Return every vote in the order of an explanation."""
        return tuple(self._answer(vote) for vote in sorted(self._votes, key=self._order))

    def reason(self) -> str:
        """Say in one sentence why the decision is what it is."""
        verdict = self._verdict
        winner, other = verdict.winner, verdict.runner_up
        if verdict.is_undecided:
            if self._is_settled:
                return "a policy that forbids may still match: nothing may be captured until then"
            return "not everything that decides is known yet; until it is, no audio flows"
        if winner is None:
            return "no policy matches, so the call is not recorded"
        if verdict.conflicts:
            return f"{winner.name} forbids it, and a forbid beats every require"
        defeated = sorted(name for name, by in self._overridden.items() if by == winner.name)
        if defeated:
            return f"{winner.name} overrides {', '.join(defeated)}"
        if other is None:
            return f"{winner.name} is the only policy that matches"
        return f"{winner.name} stands before {other.name}: {separation(winner, other)}"

    def _counts(self, vote: Vote) -> Truth:
        """Return what a vote counts as: unknown is an answer once a call is settled."""
        if vote.policy.is_observed:
            return NO
        return (
            settle_truth(vote.policy.decision, vote.matched) if self._is_settled else vote.matched
        )

    def _order(self, vote: Vote) -> tuple[object, ...]:
        policy, verdict = vote.policy, self._verdict
        group = next(
            (n for n, p in enumerate((verdict.winner, verdict.runner_up)) if p is policy), 2
        )
        if group == 2 and vote.matched is NO:
            return 4, policy.name
        if group == 2 and self._counts(vote) is NO:
            group = 3
        return group, rank_of(policy), policy.name

    def _answer(self, vote: Vote) -> PolicyAnswer:
        policy = vote.policy
        leaves = tuple(leaf_answers(policy.match, vote.leaves(), self._facts))
        result = self._result(vote)
        return PolicyAnswer(
            policy=policy.name,
            vote=policy.decision,
            source=policy.source,
            priority=policy.priority,
            specificity=dimensions_in_words(policy),
            matched=vote.matched,
            result=result,
            why=self._why(vote, result, leaves),
            leaves=leaves,
        )

    def _result(self, vote: Vote) -> Result:
        policy, verdict = vote.policy, self._verdict
        if policy.name in self._suspended:
            return Result.SUSPENDED
        if policy.is_observed:
            return Result.OBSERVED
        if self._counts(vote) is NO:
            return Result.NO_MATCH
        if policy is verdict.winner:
            return Result.WOULD_WIN if verdict.is_undecided else Result.WINS
        if policy.decision is Decision.FORBID and policy.name in self._overridden:
            return Result.OVERRIDDEN
        if policy is verdict.runner_up:
            return Result.RUNNER_UP
        return Result.IN_DOUBT if self._counts(vote) is UNKNOWN else Result.BEATEN

    def _why(self, vote: Vote, result: Result, leaves: Sequence[LeafAnswer]) -> str:
        match result:
            case Result.SUSPENDED:
                return "it is suspended and matches nothing for now"
            case Result.OBSERVED:
                matches = {YES: "matches", NO: "does not match", UNKNOWN: "may match"}
                return f"it is only observed; it {matches[vote.matched]}"
            case Result.NO_MATCH:
                return _no_match(vote, leaves)
            case Result.OVERRIDDEN:
                return f"{self._overridden[vote.policy.name]} overrides it"
            case Result.WINS | Result.WOULD_WIN:
                return self._why_first(vote)
            case _:
                return self._why_not_first(vote.policy)

    def _why_first(self, vote: Vote) -> str:
        if self._verdict.is_undecided and vote.matched is UNKNOWN:
            return f"whether it matches is not known: {_doubts(vote)}"
        other = self._verdict.runner_up
        return self.reason() if other is None else _before(vote.policy, other)

    def _why_not_first(self, policy: RecordingPolicy) -> str:
        winner = self._verdict.winner
        if winner is None:
            return f"it would {policy.decision.value} the call if it matched"
        if rank_of(policy) < rank_of(winner):
            return f"it would win if it matched: {separation(policy, winner)}"
        return f"{winner.name} beats it: {separation(winner, policy)}"


def _before(first: RecordingPolicy, second: RecordingPolicy) -> str:
    if rank_of(first) < rank_of(second):
        return f"it stands before {second.name}: {separation(first, second)}"
    return f"{second.name} would stand before it if it matched: {separation(second, first)}"


def _doubts(vote: Vote) -> str:
    return ", ".join(leaf.path for leaf in vote.leaves() if leaf.matched is UNKNOWN)


def _no_match(vote: Vote, leaves: Sequence[LeafAnswer]) -> str:
    if vote.matched is UNKNOWN:
        return f"what is not known counts as no by now: {_doubts(vote)}"
    paths = ", ".join(leaf.path for leaf in leaves if leaf.decides)
    return f"it does not match: {paths}"


def leaf_answers(
    match: Condition, leaves: Sequence[Leaf], facts: CallFacts
) -> Iterator[LeafAnswer]:
    """Yield a matcher's leaves with what each adds to the answer.

    `leaves` are the leaves of the matcher in their order, and behind them what else must hold of
    the rule, as its validity: there a no decides whatever the matcher says.
    """
    conditions = tuple(leaves_of(match))
    answers = {c: leaf.matched for c, leaf in zip(conditions, leaves, strict=False)}
    truth, resting = deciding(match, answers)
    rest = leaves[len(conditions) :]
    is_matchers = all(leaf.matched is not NO for leaf in rest) or truth is NO
    for condition, leaf in zip(conditions, leaves, strict=False):
        decides = is_matchers and condition in resting
        yield _leaf_answer(leaf, decides=decides, missing=_missing(condition, leaf, facts))
    for leaf in rest:
        yield _leaf_answer(leaf, decides=leaf.matched is NO, missing=None)


def _missing(condition: Condition, leaf: Leaf, facts: CallFacts) -> Missing | None:
    is_untold = isinstance(condition, TagIs) and condition.tag not in facts.call.tags
    return missing_of(condition) if leaf.matched is UNKNOWN or is_untold else None


def _leaf_answer(leaf: Leaf, *, decides: bool, missing: Missing | None) -> LeafAnswer:
    return LeafAnswer(
        path=leaf.path,
        source=leaf.source,
        expected=leaf.expected,
        actual=leaf.actual,
        matched=leaf.matched,
        decides=decides,
        missing=missing,
    )
