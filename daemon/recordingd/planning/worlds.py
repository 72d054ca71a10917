"""The calls that are left when more and more is demanded of them.

Used by `planning.overlap`, which searches. A world says of each aspect which of its values are
still possible; of participants, of whom a call has several, also how many there are and whether
their list is complete. Knows no rule, and no condition but single leaves.

The values here and beside it are tuples and no dataclasses: a search makes thousands of them, and
whoever checks a policy file waits for them to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from recordingd.domain.matchers import Condition, ParticipantCount, ParticipantsFit, Quantifier
from recordingd.planning.aspects import PARTICIPANTS, Aspect, aspect_of
from recordingd.planning.people import TooInvolved
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth

# As many different participants can be asked for at once.
_ONE_OF_MAX = 200


# --- what is asked of a call ----------------------------------------------------------------------


class Demand(NamedTuple):
    """What must be so about one aspect.

    Its value, or everyone of several, is among `only`; one of several is among `one_of`. The number
    of several and whether their list is complete belong to participants.
    """

    aspect: str
    only: frozenset[int] | None = None
    one_of: frozenset[int] | None = None
    is_complete: bool | None = None
    fewest: int = 0
    most: int | None = None


def demands_of(leaf: Condition, wanted: AbstractSet[Truth], aspect: Aspect) -> list[Demand]:
    """Return what must be so for a leaf to have one of some truths: any of the demands will do."""
    name, fitting = aspect_of(leaf), aspect.fits[id(leaf)]
    others = aspect.everything - fitting
    if isinstance(leaf, ParticipantCount) or (
        isinstance(leaf, ParticipantsFit) and leaf.quantifier is not Quantifier.SOME
    ):
        return _demands_on_everybody(leaf, wanted, fitting, others)
    if not aspect.is_plural:
        return [Demand(aspect=name, only=fitting if YES in wanted else others)]
    if YES in wanted:
        return [Demand(aspect=name, one_of=fitting)]
    return [Demand(aspect=name, only=others)]


def _demands_on_everybody(
    leaf: Condition,
    wanted: AbstractSet[Truth],
    fitting: frozenset[int],
    others: frozenset[int],
) -> list[Demand]:
    """A list that is not known to be complete says nothing about everybody."""
    known = Demand(aspect=PARTICIPANTS, is_complete=True)
    found = [Demand(aspect=PARTICIPANTS, is_complete=False)] if UNKNOWN in wanted else []
    match leaf:
        case ParticipantCount(minimum=low, maximum=high):
            if YES in wanted:
                found.append(known._replace(fewest=low or 0, most=high))
            if NO in wanted and low:
                found.append(known._replace(most=low - 1))
            if NO in wanted and high is not None:
                found.append(known._replace(fewest=high + 1))
        case ParticipantsFit(quantifier=Quantifier.NONE):
            if YES in wanted:
                found.append(known._replace(only=others))
            if NO in wanted:
                found.append(known._replace(one_of=fitting))
        case _:
            if YES in wanted:
                found.append(known._replace(only=fitting, fewest=1))
            if NO in wanted:
                found.append(known._replace(one_of=others))
            if UNKNOWN in wanted:
                found.append(known._replace(most=0))
    return found


# --- what is left ---------------------------------------------------------------------------------


class Several(NamedTuple):
    """What is left of an aspect of which a call has several: who may be there, and who must.

    Of each of `one_of` at least one is there.
    """

    allowed: frozenset[int]
    one_of: tuple[frozenset[int], ...] = ()
    is_complete: bool | None = None
    fewest: int = 0
    most: int | None = None

    def narrowed(self, demand: Demand) -> Several | None:
        """Return what is left under one more demand; None where that is plainly nothing."""
        is_other = None not in (self.is_complete, demand.is_complete)
        if is_other and self.is_complete is not demand.is_complete:
            return None
        allowed = self.allowed if demand.only is None else self.allowed & demand.only
        one_of = (*self.one_of, demand.one_of) if demand.one_of is not None else self.one_of
        return Several(
            allowed=allowed,
            one_of=tuple(some & allowed for some in one_of),
            is_complete=self.is_complete if demand.is_complete is None else demand.is_complete,
            fewest=max(self.fewest, demand.fewest),
            most=min((m for m in (self.most, demand.most) if m is not None), default=None),
        )


class Effort:
    """How much may still be tried."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self) -> None:
        """Count one try; raise TooInvolved when there were too many."""
        self._left -= 1
        if self._left < 0:
            raise TooInvolved


def settle(several: Several, aspect: Aspect, effort: Effort) -> tuple[int, ...] | None:
    """Choose who is there, as few as possible; None where nobody can be chosen.

    Of those who stand for many alike one may be chosen more than once. Raises TooInvolved when
    there is too much to try.
    """
    if len(several.one_of) > _ONE_OF_MAX:
        raise TooInvolved
    if several.most is not None and several.fewest > several.most:
        return None
    chosen = _cover(several.one_of, (), aspect=aspect, most=several.most, effort=effort)
    if chosen is None:
        return None
    for index in sorted(several.allowed):
        missing = several.fewest - len(chosen)
        if missing <= 0:
            break
        if not _is_there(index, chosen, aspect):
            chosen += (index,) * (missing if aspect.one_id_of(index) is None else 1)
    return chosen if len(chosen) >= several.fewest else None


def _cover(
    one_of: Sequence[frozenset[int]],
    chosen: tuple[int, ...],
    *,
    aspect: Aspect,
    most: int | None,
    effort: Effort,
) -> tuple[int, ...] | None:
    missing = next((some for some in one_of if some.isdisjoint(chosen)), None)
    if missing is None:
        return chosen
    if len(chosen) == most:
        return None
    for index in sorted(missing):
        effort.spend()
        if not _is_there(index, chosen, aspect):
            found = _cover(one_of, (*chosen, index), aspect=aspect, most=most, effort=effort)
            if found is not None:
                return found
    return None


def _is_there(index: int, chosen: Sequence[int], aspect: Aspect) -> bool:
    """Say whether somebody with the same raw id was chosen: nobody is in a call twice."""
    one = aspect.one_id_of(index)
    return one is not None and any(aspect.one_id_of(other) == one for other in chosen)


class World(NamedTuple):
    """Every call that is left: of each aspect the values that it may have."""

    aspects: Mapping[str, Aspect]
    singles: Mapping[str, frozenset[int]]
    several: Mapping[str, Several]

    def narrowed(self, demand: Demand, effort: Effort) -> World | None:
        """Return the calls that meet a demand as well; None where there are none."""
        effort.spend()
        aspect = self.aspects[demand.aspect]
        if aspect.is_plural:
            known = self.several.get(demand.aspect, Several(allowed=aspect.everything))
            left = known.narrowed(demand)
            if left is None or settle(left, aspect, effort) is None:
                return None
            return self._replace(several={**self.several, demand.aspect: left})
        values = self.singles.get(demand.aspect, aspect.everything)
        if demand.only is not None:
            values &= demand.only
        if not values:
            return None
        return self._replace(singles={**self.singles, demand.aspect: values})
