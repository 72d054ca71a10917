"""Whether one matcher means every call that another one means.

Called by `planning.differences` to say what a change of a rule does. Answers are safe, not
complete: what is called narrower is narrower, and two matchers that nobody can compare by their
parts alone are called different. Knows no call and no group's members.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagIs,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    Pattern,
    Quantifier,
    Sampled,
    Selector,
    StartedBetween,
    TagIs,
    TextIs,
    WithinHours,
)

_ALWAYS_FROM = datetime.min.replace(tzinfo=UTC)
_ALWAYS_UNTIL = datetime.max.replace(tzinfo=UTC)
Validity = tuple[datetime | None, datetime | None]


class Reach(enum.Enum):
    """How what is meant now compares with what was meant before."""

    SAME = "same"
    WIDER = "wider"
    NARROWER = "narrower"
    OTHER = "other"


def compare(before: Condition, after: Condition) -> Reach:
    """Compare the calls that two matchers mean; where they stand in a file does not matter."""
    return _reach(grows=implies(before, after), shrinks=implies(after, before))


def compare_validity(before: Validity, after: Validity) -> Reach:
    """Compare two spans of validity, (from, until) with None for no end."""
    (old_from, old_until), (new_from, new_until) = _span(before), _span(after)
    return _reach(
        grows=new_from <= old_from and old_until <= new_until,
        shrinks=old_from <= new_from and new_until <= old_until,
    )


def compare_selectors(before: Sequence[Selector], after: Sequence[Selector]) -> Reach:
    """Compare who fits one of two lists of selectors."""
    return _reach(grows=_fit(before, after), shrinks=_fit(after, before))


def of_both(first: Reach, second: Reach) -> Reach:
    """Put the changes of two parts together that both must hold."""
    if first is Reach.SAME or first is second:
        return second
    return first if second is Reach.SAME else Reach.OTHER


def implies(one: Condition, other: Condition) -> bool:
    """Say whether it is certain that every call which the one means is meant by the other."""
    match one, other:
        case _, AllOf(parts=parts):
            return all(implies(one, part) for part in parts)
        case AnyOf(parts=parts), _:
            return all(implies(part, other) for part in parts)
        case Not(part=mine), Not(part=theirs):
            return implies(theirs, mine)
        case _:
            return _part_implies(one, other)


def _part_implies(one: Condition, other: Condition) -> bool:
    if isinstance(one, AllOf) and any(implies(part, other) for part in one.parts):
        return True
    if isinstance(other, AnyOf):
        return any(implies(one, part) for part in other.parts)
    return _leaf_implies(one, other)


def _reach(*, grows: bool, shrinks: bool) -> Reach:
    if grows:
        return Reach.SAME if shrinks else Reach.WIDER
    return Reach.NARROWER if shrinks else Reach.OTHER


def _span(validity: Validity) -> tuple[datetime, datetime]:
    start, end = validity
    return start or _ALWAYS_FROM, end or _ALWAYS_UNTIL


# --- leaves ---------------------------------------------------------------------------------------


def _leaf_implies(one: Condition, other: Condition) -> bool:
    match one, other:
        case PartyIs() as mine, PartyIs() as theirs:
            return mine.field is theirs.field and _fit(mine.selectors, theirs.selectors)
        case ParticipantsFit() as mine, ParticipantsFit() as theirs:
            return _participants_imply(mine, theirs)
        case ParticipantCount() as mine, ParticipantCount() as theirs:
            return _count_implies(mine, theirs)
        case TextIs() as mine, TextIs() as theirs:
            return mine.field is theirs.field and _covered(mine.patterns, theirs.patterns)
        case TagIs() as mine, TagIs() as theirs:
            return mine.tag == theirs.tag and _covered(mine.patterns, theirs.patterns)
        case FlagIs() as mine, FlagIs() as theirs:
            return (mine.field, mine.value) == (theirs.field, theirs.value)
        case DirectionIs() as mine, DirectionIs() as theirs:
            return set(mine.directions) <= set(theirs.directions)
        case WithinHours() as mine, WithinHours() as theirs:
            return _hours_imply(mine, theirs)
        case StartedBetween() as mine, StartedBetween() as theirs:
            return theirs.start <= mine.start and mine.end <= theirs.end
        case Sampled() as mine, Sampled() as theirs:
            return mine.salt == theirs.salt and mine.share <= theirs.share
        case _:
            return False


def _participants_imply(one: ParticipantsFit, other: ParticipantsFit) -> bool:
    if one.quantifier is not other.quantifier:
        return False
    if one.quantifier is Quantifier.NONE:
        return _fit(other.selectors, one.selectors)
    return _fit(one.selectors, other.selectors)


def _count_implies(one: ParticipantCount, other: ParticipantCount) -> bool:
    is_above = (one.minimum or 0) >= (other.minimum or 0)
    is_below = other.maximum is None or (one.maximum is not None and one.maximum <= other.maximum)
    return is_above and is_below


def _hours_imply(one: WithinHours, other: WithinHours) -> bool:
    is_same_clock = (one.timezone, one.between) == (other.timezone, other.between)
    is_same_days = not other.days or (bool(one.days) and one.days <= other.days)
    return is_same_clock and is_same_days and one.except_dates >= other.except_dates


def _fit(ones: Sequence[Selector], others: Sequence[Selector]) -> bool:
    """Say whether whoever fits one of the first fits one of the second."""
    return all(any(_selector_implies(one, wide) for wide in others) for one in ones)


def _selector_implies(one: Selector, wide: Selector) -> bool:
    """A field that is empty asks nothing; in any other, every entry must be among the wider's."""
    patterns = (
        (one.ids, wide.ids),
        (one.phones, wide.phones),
        (one.roles, wide.roles),
        (one.display_names, wide.display_names),
    )
    exact: Sequence[tuple[Collection[object], Collection[object]]] = (
        (one.kinds, wide.kinds),
        (one.in_groups, wide.in_groups),
        (one.places, wide.places),
    )
    return (
        all(not theirs or (mine and _covered(mine, theirs)) for mine, theirs in patterns)
        and all(not theirs or (mine and set(mine) <= set(theirs)) for mine, theirs in exact)
        and set(wide.not_in) <= set(one.not_in)
    )


def _covered(ones: Sequence[Pattern], others: Sequence[Pattern]) -> bool:
    return all(any(_covers(wide, one) for wide in others) for one in ones)


def _covers(wide: Pattern, one: Pattern) -> bool:
    """An exact text covers itself alone; a prefix every text and every prefix that begins so."""
    if not wide.text.endswith("*"):
        return wide.text == one.text
    return one.text.removesuffix("*").startswith(wide.text[:-1])
