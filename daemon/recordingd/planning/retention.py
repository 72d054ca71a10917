"""What the rules in force say of how long a recording is kept.

Called by `planning.starting` for a recording that is wanted and by `planning.keeping` for one that
is there. What a rule said once is frozen on the recording, and stays where the rule cannot be asked
any more. What of the answer may be written down is `planning.keeping`'s, dates are
`planning.dates`'.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime

from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.recordings import CallFacts, Recording
from recordingd.domain.retention import CEILING, Keeping, RetentionRule, RetentionSpec
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import decided_at
from recordingd.planning.truth import YES

Keepings = tuple[Keeping, ...]
ByRule = Mapping[RuleName, Keeping]


def inline_rule(policy: str) -> RuleName:
    """Return the name of the retention that stands within a policy."""
    return RuleName(f"{policy}#retention")


def first_keepings(
    facts: CallFacts, policy: RecordingPolicy, context: PlanningContext, now: datetime
) -> Keepings:
    """Return what the rules in force say of a recording that a policy wants, sorted by rule."""
    documents = _documents(facts, None, context, now)
    return in_order(_inline(policy, context) | documents | _ceiling(context))


def keepings_of(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Keepings:
    """Return what the rules in force say of a recording now, sorted by rule, one each.

    What rules said before stays where they cannot be asked any more: their document is gone, or its
    validity is over. A rule that matched once goes on matching unless the rules were edited since:
    facts only grow.
    """
    policy = context.policies.by_name(recording.policy)
    inline = {} if policy is None or not _acts(policy, now) else _inline(policy, context)
    said = inline | _documents(facts, recording, context, now) | _ceiling(context)
    for kept in without_old_doubts(facts, recording, context, now):
        new = said.get(kept.rule)
        is_gone = new is None and not _can_be_asked(kept.rule, inline, context, now)
        if is_gone or _stays(kept, new, is_edited=is_edited(recording, context)):
            said[kept.rule] = kept
    return in_order(said)


def in_order(said: ByRule) -> Keepings:
    """Return what rules say as it is stored, sorted by rule."""
    return tuple(said[rule] for rule in sorted(said))


def is_edited(recording: Recording, context: PlanningContext) -> bool:
    """Say whether the rules may have been edited since a recording's keeping was read from them."""
    return recording.keeping_revision != context.revision


def is_final(facts: CallFacts, recording: Recording, spec: RetentionSpec, now: datetime) -> bool:
    """Say whether no fact decides any more if a rule matches; unknown then counts as no."""
    final_at = decided_at(facts, recording, spec)
    return final_at is not None and now >= final_at


def without_old_doubts(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Keepings:
    """Return what is written down of a recording, with what was in doubt for too long settled.

    What is unknown counts as no. Of a rule whose document is gone nobody can say no any more: its
    floor stays, its deletion goes.
    """
    settled = []
    for kept in recording.keeping:
        if kept.is_certain or not is_final(facts, recording, kept.spec, now):
            settled.append(kept)
        elif kept.spec.keep_at_least is not None and not _can_be_asked(kept.rule, (), context, now):
            spec = replace(kept.spec, delete_after=None)
            settled.append(replace(kept, spec=spec, is_certain=True))
    return tuple(settled)


# --- asking the rules -----------------------------------------------------------------------------


def _inline(policy: RecordingPolicy, context: PlanningContext) -> dict[RuleName, Keeping]:
    if policy.retention is None:
        return {}
    keeping = Keeping(
        rule=inline_rule(policy.name),
        source=policy.source,
        revision=context.revision,
        priority=policy.priority,
        spec=policy.retention,
    )
    return {keeping.rule: keeping}


def _documents(
    facts: CallFacts, recording: Recording | None, context: PlanningContext, now: datetime
) -> dict[RuleName, Keeping]:
    """Return what the documents say that match, or may still turn out to match."""
    hits = context.policies.retention_rules_for(
        facts.call, facts.participants, now=now, settled=False
    )
    said = {}
    for hit in hits:
        spec = _effective(hit.rule)
        says_nothing = spec.keep_at_least is None and spec.delete_after is None
        is_too_late = recording is not None and is_final(facts, recording, spec, now)
        if says_nothing or (hit.truth is not YES and is_too_late):
            continue
        said[hit.rule.name] = Keeping(
            rule=hit.rule.name,
            source=hit.rule.source,
            revision=context.revision,
            priority=hit.rule.priority,
            spec=spec,
            is_certain=hit.truth is YES,
        )
    return said


def _effective(rule: RetentionRule) -> RetentionSpec:
    """Return what of a rule counts: nothing is deleted by one that is only observed."""
    return replace(rule.spec, delete_after=None) if rule.is_observed else rule.spec


def _ceiling(context: PlanningContext) -> dict[RuleName, Keeping]:
    if context.ceiling is None:
        return {}
    keeping = Keeping(
        rule=CEILING,
        source=None,
        revision=context.revision,
        priority=0,
        spec=RetentionSpec(delete_after=context.ceiling),
    )
    return {CEILING: keeping}


def _can_be_asked(
    name: RuleName, inline: Container[RuleName], context: PlanningContext, now: datetime
) -> bool:
    """Whether a rule can say now that it does not match; the ceiling matches everything."""
    return (
        name == CEILING
        or name in inline
        or any(
            r.name == name and _is_valid(r, now) for r in context.policies.policies.retention_rules
        )
    )


def _acts(policy: RecordingPolicy, now: datetime) -> bool:
    return not policy.is_observed and _is_valid(policy, now)


def _is_valid(rule: RetentionRule | RecordingPolicy, now: datetime) -> bool:
    if rule.valid_from is not None and now < rule.valid_from:
        return False
    return rule.valid_until is None or now < rule.valid_until


def _stays(kept: Keeping, said: Keeping | None, *, is_edited: bool) -> bool:
    """Whether what is written down stays as it is, of a rule that can be asked.

    A rule that matched once goes on matching unless it may have been edited since, and of the same
    words those stay that were read first.
    """
    if said is None:
        return kept.rule != CEILING and kept.is_certain and not is_edited
    is_same = (kept.spec, kept.priority) == (said.spec, said.priority)
    return is_same and (kept.is_certain or not said.is_certain)
