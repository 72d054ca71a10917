"""Conditions that no call can meet, and what they contradict.

Called by `config.analysis` for the matcher of every rule. Says where the fault stands; what a rule
does with a call is of no interest here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from recordingd.domain.matchers import AllOf, AnyOf, Condition
from recordingd.planning.overlap import Goal, Overlap
from recordingd.planning.people import TooInvolved


class Barren(NamedTuple):
    """A condition that never holds; `against` is the one that it contradicts, None for itself."""

    condition: Condition
    against: Condition | None = None


def find_barren(condition: Condition, overlap: Overlap) -> Iterator[Barren]:
    """Yield the smallest parts of a matcher that can never hold, beside what else must hold.

    In no particular order. Nothing is said of the inside of a `not`, nor of what is too involved.
    """
    yield from _barren_in(condition, (), overlap)


def _barren_in(
    condition: Condition, beside: tuple[Condition, ...], overlap: Overlap
) -> Iterator[Barren]:
    """Yield what is barren in a condition, given conditions that hold together."""
    if not _can_hold((*beside, condition), overlap):
        yield from _faults_in(condition, beside, overlap)
        return
    match condition:
        case AllOf(parts=parts):
            for part in filter(_has_alternatives, parts):
                others = tuple(other for other in parts if other is not part)
                yield from _barren_in(part, (*beside, *others), overlap)
        case AnyOf(parts=parts):
            for part in parts:
                yield from _barren_in(part, beside, overlap)
        case _:
            pass


def _has_alternatives(condition: Condition) -> bool:
    """Say whether a condition may hold while a part of it never does."""
    is_choice = isinstance(condition, AnyOf)
    return is_choice or (
        isinstance(condition, AllOf) and any(map(_has_alternatives, condition.parts))
    )


def _faults_in(
    condition: Condition, beside: tuple[Condition, ...], overlap: Overlap
) -> Iterator[Barren]:
    """Yield why a condition cannot hold beside others."""
    match condition:
        case AnyOf(parts=parts) if parts:
            for part in parts:
                yield from _faults_in(part, beside, overlap)
        case AllOf(parts=parts):
            alone = [part for part in parts if not _can_hold((part,), overlap)]
            for part in alone:
                yield from _faults_in(part, (), overlap)
            if not alone:
                yield _contradiction(condition, parts, beside, overlap)
        case _:
            yield _contradiction(condition, (condition,), beside, overlap)


def _contradiction(
    whole: Condition,
    parts: Sequence[Condition],
    beside: Sequence[Condition],
    overlap: Overlap,
) -> Barren:
    """Name the first two that contradict each other; the whole where more than two are needed."""
    for number, part in enumerate(parts):
        if not _can_hold((part,), overlap):
            return Barren(condition=part)
        # What stands nearest is the first that comes to mind.
        for other in (*parts[:number], *beside):
            if not _can_hold((other, part), overlap):
                return Barren(condition=part, against=other)
    return Barren(condition=whole)


def _can_hold(conditions: Sequence[Condition], overlap: Overlap) -> bool:
    try:
        return overlap.find([Goal(condition) for condition in conditions]) is not None
    except TooInvolved:
        return True
