"""Why one policy stands before another, in words.

Called by `planning.explain`. Says what `planning.precedence` decides, and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from recordingd.domain.policies import Decision, RecordingPolicy
from recordingd.planning.precedence import Dimension, Rank, dimensions_of, rank_of

_DIMENSIONS = {
    Dimension.PARTICIPANT: "participants",
    Dimension.CALLER_OR_DIALLED: "from or to",
    Dimension.LABEL: "tags, group or room",
    Dimension.DIRECTION: "direction",
    Dimension.TIME: "time",
}
_TIERS = {
    Decision.FORBID: "forbid beats everything else, whatever the priority",
    Decision.REQUIRE: "require beats record and skip, whatever the priority",
}


def dimensions_in_words(policy: RecordingPolicy) -> tuple[str, ...]:
    """Return what a policy's matcher constrains, the most telling first."""
    return _in_words(dimensions_of(policy.match))


def separation(first: RecordingPolicy, second: RecordingPolicy) -> str:
    """Say why the first of two policies that match stands before the second.

    Of two equal ones, which validate refuses where they can meet, the name decides.
    """
    one, other = rank_of(first), rank_of(second)
    if one.tier != other.tier:
        return _TIERS[first.decision]
    if one.minus_priority != other.minus_priority:
        return f"priority {first.priority} beats {second.priority}"
    if one.minus_dimensions != other.minus_dimensions:
        return (
            f"of equal priority, the more specific beats: it asks about {_count(one)} "
            f"({_listed(first)}), the other about {_count(other)} ({_listed(second)})"
        )
    if one.unconstrained != other.unconstrained:
        mine, theirs = _telling(first, second)
        return f"of equal priority and equally specific, {mine} come before {theirs}"
    return "they are of equal rank, and the name decides"


def _in_words(dimensions: Iterable[Dimension]) -> tuple[str, ...]:
    ordered = sorted(dimensions, key=lambda dimension: dimension.value)
    return tuple(_DIMENSIONS[dimension] for dimension in ordered)


def _count(rank: Rank) -> str:
    number = -rank.minus_dimensions
    return "1 thing" if number == 1 else f"{number} things"


def _listed(policy: RecordingPolicy) -> str:
    return "; ".join(dimensions_in_words(policy)) or "nothing"


def _telling(first: RecordingPolicy, second: RecordingPolicy) -> tuple[str, str]:
    """Return the most telling dimension that only the first constrains, and that of the second."""
    mine, theirs = dimensions_of(first.match), dimensions_of(second.match)
    return _in_words(mine - theirs)[0], _in_words(theirs - mine)[0]
