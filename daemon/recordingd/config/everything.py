"""Which matchers mean every call, however they are written.

Asked by the reader of holds, which refuses them. Careful in one direction: a matcher may mean all
calls of one installation without being known to.
"""

from __future__ import annotations

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    ParticipantCount,
    ParticipantsFit,
    Pattern,
    Quantifier,
    Sampled,
    Selector,
    TextField,
    TextIs,
    WithinHours,
)

_WHATEVER = Pattern("*")
# What every call has, sooner or later.
_HAD_BY_EVERY_CALL = frozenset({TextField.SERVER_CALL_ID, TextField.RESOURCE})
_DAYS_IN_A_WEEK = 7


def means_every_call(condition: Condition) -> bool:
    """Say whether no call can be outside of a matcher."""
    match condition:
        case AllOf():
            return all(map(means_every_call, condition.parts))
        case AnyOf():
            return any(map(means_every_call, condition.parts))
        case Not():
            return _means_no_call(condition.part)
        case _:
            return _is_open(condition)


def _means_no_call(condition: Condition) -> bool:
    match condition:
        case AllOf():
            return any(map(_means_no_call, condition.parts))
        case AnyOf():
            return all(map(_means_no_call, condition.parts))
        case Not():
            return means_every_call(condition.part)
        case Sampled():
            return condition.share == 0
        case _:
            return False


def _is_open(leaf: Condition) -> bool:
    match leaf:
        case Sampled():
            return leaf.share == 1
        case TextIs():
            return leaf.field in _HAD_BY_EVERY_CALL and _WHATEVER in leaf.patterns
        case ParticipantCount():
            return not leaf.minimum and leaf.maximum is None
        case ParticipantsFit():
            return leaf.quantifier is Quantifier.SOME and any(map(_is_anybody, leaf.selectors))
        case WithinHours():
            is_any_time = leaf.between is None and not leaf.except_dates
            return is_any_time and len(leaf.days) == _DAYS_IN_A_WEEK
        case _:
            return False


def _is_anybody(selector: Selector) -> bool:
    return _WHATEVER in selector.ids and selector == Selector(ids=selector.ids)
