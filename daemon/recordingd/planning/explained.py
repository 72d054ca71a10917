"""Everything that is said about one call, as one value, and why something in it is not otherwise.

Called by `cli.explain`. The JSON form (`planning.explain_json`) and the text form
(`planning.explain_text`) are made from this value, so that neither says what the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from recordingd.domain.matchers import Source
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.planning.derivation import RecordingState, derive
from recordingd.planning.documents import RuleKind
from recordingd.planning.explain import Explanation, LeafAnswer, PolicyAnswer, Result
from recordingd.planning.explain_rules import OtherRules, RuleAnswer
from recordingd.planning.register import Standing
from recordingd.planning.truth import NO, YES

STANDINGS = {
    Standing.NOT_YET: "it is not valid yet",
    Standing.EXPIRED: "its validity is over",
    Standing.OBSERVED: "it is only observed",
    Standing.RELEASED: "it is released",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """Why one policy did not win, or one rule does not count; `leaves` are those that decide it."""

    name: str
    kind: RuleKind
    why: str
    leaves: tuple[LeafAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Which policy was expected to win, None for none, and whether it does."""

    policy: str | None
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A recording there is already: how it is made was frozen under the policy of its revision."""

    id: RecordingId
    policy: PolicyName
    revision: int
    source: Source
    state: RecordingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything that is said about one call; `made` are its recordings, oldest first."""

    decision: Explanation
    others: OtherRules
    made: tuple[Made, ...] = ()
    why_not: WhyNot | None = None
    expected: Expected | None = None


def made_of(facts: CallFacts) -> tuple[Made, ...]:
    """Return the recordings of a call as they stand."""
    states = derive(facts).recordings
    return tuple(
        Made(
            id=recording.id,
            policy=recording.policy,
            revision=recording.policy_revision,
            source=recording.source,
            state=states[recording.id].state,
        )
        for recording in facts.recordings
    )


def why_not(decision: Explanation, others: OtherRules, name: str) -> WhyNot | None:
    """Say why a policy did not win or a rule does not count; None when nothing has that name.

    What stands inside of a policy counts where the policy wins.
    """
    owner, _, part = name.partition("#")
    vote = decision.vote_of(owner)
    if vote is not None and part in {"", "consent", "retention"}:
        kinds = {"consent": RuleKind.CONSENT_RULE, "retention": RuleKind.RETENTION_RULE}
        told = vote.why if vote.result is not Result.WINS else f"it wins: {decision.why}"
        why = f"it counts only where {owner} wins; {owner}: {told}" if part else told
        kind = kinds.get(part, RuleKind.RECORDING_POLICY)
        return WhyNot(name=name, kind=kind, why=why, leaves=_deciding(vote))
    rule = others.rule_of(name)
    if rule is None:
        return None
    leaves = tuple(leaf for leaf in rule.leaves if leaf.decides and leaf.matched is not YES)
    return WhyNot(name=name, kind=rule.kind, why=_why_of(rule), leaves=leaves)


def _deciding(vote: PolicyAnswer) -> tuple[LeafAnswer, ...]:
    if vote.matched is YES:
        return ()
    return tuple(leaf for leaf in vote.leaves if leaf.decides)


def _why_of(rule: RuleAnswer) -> str:
    if rule.standing is not Standing.IN_FORCE:
        return STANDINGS[rule.standing]
    paths = ", ".join(leaf.path for leaf in rule.leaves if leaf.decides)
    if rule.matched is NO:
        return f"it does not fit the call: {paths}"
    return "it fits the call" if rule.matched is YES else f"whether it fits is not known: {paths}"
