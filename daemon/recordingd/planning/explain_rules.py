"""Which rules besides the policies fit a call, and what they come to together.

Called by `cli.explain`. Consent, retention and holds are asked through the functions that the
daemon's loop uses; of a call that nothing is recorded of, as it would be if the policy that wins
asked for a recording now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.consent import ConsentNeed, ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.recordings import CallFacts, Recording
from recordingd.domain.retention import CountFrom, EventClock, RetentionRule
from recordingd.planning.conditions import leaves_of
from recordingd.planning.consent_needs import standing_of as consent_standing_of
from recordingd.planning.consent_rules import combine
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import AnchorOf, Clock, Dates, anchors_of, dates_of
from recordingd.planning.deciding import deciding
from recordingd.planning.documents import RuleKind, rules_of
from recordingd.planning.explain import LeafAnswer, leaf_answers
from recordingd.planning.holds import held_by
from recordingd.planning.register import Standing, standing_of, summary_of
from recordingd.planning.retention import Keepings, first_keepings, keepings_of
from recordingd.planning.truth import NO, Facts, LifetimeFacts, Truth
from recordingd.planning.wishes import WANTS

OtherRule = ConsentRule | PauseRule | RetentionRule | LegalHold


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAnswer:
    """One rule, and whether it fits the call.

    `matched` is NO outside of the rule's validity whatever its leaves say. Rules about keeping and
    holds are asked with everything that was ever true of the call.
    """

    kind: RuleKind
    name: RuleName
    source: Source
    says: str
    standing: Standing
    matched: Truth
    leaves: tuple[LeafAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRules:
    """Every rule besides the policies, by kind and name, and what those that fit come to.

    `consent` is None where nobody has to consent. `keepings` are what rules say of how long a
    recording is kept; `dates` what follows, None where nothing is recorded. `held_by` are the holds
    that keep the call's recordings.
    """

    rules: tuple[RuleAnswer, ...]
    consent: ConsentNeed | None
    keepings: Keepings
    dates: Dates | None
    held_by: tuple[RuleName, ...]

    def rule_of(self, name: str) -> RuleAnswer | None:
        """Return the answer of one rule; None when there is none of that name."""
        return next((rule for rule in self.rules if rule.name == name), None)


def explain_rules(
    facts: CallFacts, policy: RecordingPolicy | None, context: PlanningContext, now: datetime
) -> OtherRules:
    """Ask every rule about a call; `policy` is the one that wins, None when none does."""
    recording = facts.recordings[-1] if facts.recordings else None
    wanted = policy if policy is not None and policy.decision in WANTS else None
    keepings: Keepings = ()
    if recording is not None:
        keepings = keepings_of(facts, recording, context, now)
    elif wanted is not None:
        keepings = first_keepings(facts, wanted, context, now)
    is_kept = recording is not None or wanted is not None
    return OtherRules(
        rules=tuple(_answers(facts, context, now)),
        consent=_consent(facts, recording, wanted, context, now=now),
        keepings=keepings,
        dates=dates_of(keepings, _anchors(facts, recording)) if is_kept else None,
        held_by=held_by(facts, context, now),
    )


def _answers(facts: CallFacts, context: PlanningContext, now: datetime) -> Iterator[RuleAnswer]:
    call, people = facts.call, facts.participants
    now_true = Facts(call, people, settled=_is_settled(facts, context, now))
    ever_true = LifetimeFacts(call, people, settled=False)
    for (kind, _), rule in rules_of(context.policies.policies).items():
        match rule:
            case ConsentRule() | PauseRule():
                asked: Facts = now_true
            case RetentionRule() | LegalHold():
                asked = ever_true
            case _:
                continue
        leaves = context.policies.leaves_for(rule.match, asked)
        said = {c: leaf.matched for c, leaf in zip(leaves_of(rule.match), leaves, strict=True)}
        standing = standing_of(rule, now)
        truth, _ = deciding(rule.match, said)
        yield RuleAnswer(
            kind=kind,
            name=rule.name,
            source=rule.source,
            says=summary_of(kind, rule),
            standing=standing,
            matched=NO if standing in {Standing.NOT_YET, Standing.EXPIRED} else truth,
            leaves=tuple(leaf_answers(rule.match, leaves, facts)),
        )


def _is_settled(facts: CallFacts, context: PlanningContext, now: datetime) -> bool:
    return facts.call.has_ended or now >= context.settles_at(facts.call)


def _consent(
    facts: CallFacts,
    recording: Recording | None,
    wanted: RecordingPolicy | None,
    context: PlanningContext,
    *,
    now: datetime,
) -> ConsentNeed | None:
    if recording is not None:
        return consent_standing_of(facts, recording, context, now).need
    if wanted is None:
        return None
    specs = []
    if wanted.consent is not None:
        specs.append((RuleName(f"{wanted.name}#consent"), wanted.consent))
    hits = context.policies.consent_rules_for(
        facts.call, facts.participants, now=now, settled=_is_settled(facts, context, now)
    )
    specs += [(h.rule.name, h.rule.spec) for h in hits if h.rule.purpose == wanted.purpose]
    return combine(specs)


def _anchors(facts: CallFacts, recording: Recording | None) -> AnchorOf:
    """Return the moments that dates count from; without a recording, what the call tells."""
    if recording is not None:
        return anchors_of(facts, recording)

    def anchor_of(clock: Clock) -> datetime | None:
        match clock:
            case CountFrom.CALL_END:
                return facts.call.ended_at
            case CountFrom.STORED:
                return None
            case EventClock(name):
                return facts.call.moments.get(name)

    return anchor_of
