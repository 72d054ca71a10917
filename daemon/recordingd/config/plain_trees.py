"""Trees that need no analysis: one policy that plainly can hold, and nothing to hold it against.

Asked by `config.cross_checks` before it loads `config.analysis`, which takes longer to load than a
single file takes to be checked. Careful in one direction: a tree that is not known to be plain is
analysed.
"""

from __future__ import annotations

from collections.abc import Sequence

from recordingd.config.drafts import Draft, PolicyContext
from recordingd.domain.matchers import AllOf, Condition, PartyIs, Selector, TagIs
from recordingd.domain.policies import RecordingPolicy


def is_plain(drafts: Sequence[Draft], context: PolicyContext) -> bool:
    """Say whether an analysis of these documents surely finds nothing."""
    asks_more = context.ways_in or context.requires_consent_rule or context.immutable_for
    if len(drafts) != 1 or asks_more:
        return False
    [draft] = drafts
    return isinstance(draft.value, RecordingPolicy) and holds_plainly(draft.value.match)


def holds_plainly(condition: Condition) -> bool:
    """Say whether some call surely fits a matcher.

    So it is where each part asks for one fact that no other part asks for, and for nothing more.
    """
    leaves = condition.parts if isinstance(condition, AllOf) else (condition,)
    facts = [_fact_of(leaf) for leaf in leaves]
    return None not in facts and len(set(facts)) == len(facts)


def _fact_of(leaf: Condition) -> str | None:
    match leaf:
        case TagIs() if leaf.patterns:
            return f"tag:{leaf.tag}"
        case PartyIs() if any(map(_is_one_number_or_id, leaf.selectors)):
            return leaf.field.value
        case _:
            return None


def _is_one_number_or_id(selector: Selector) -> bool:
    """Say whether a selector asks for a number, or for an id, and for nothing else."""
    if selector.phones:
        return selector == Selector(phones=selector.phones)
    return bool(selector.ids) and selector == Selector(ids=selector.ids)
