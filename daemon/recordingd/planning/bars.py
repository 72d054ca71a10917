"""What bars every call that meets a goal, one thing alone or several together.

Used by `planning.rivals` for policies that win instead, and by `planning.duties` for rules that
cover a policy. Only what bars an example is ever looked at, so that a thousand candidates cost no
more than the few that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from recordingd.planning.examples import Example
from recordingd.planning.overlap import Clause, Goal, Overlap
from recordingd.planning.people import TooInvolved

# More than this are not tried together.
_TOGETHER_MAX = 12


class Bar(NamedTuple):
    """Something that bars a call, by its number; a call gets past it by meeting one of `past`."""

    number: int
    past: Clause


def what_bars(
    overlap: Overlap, goal: Goal, bars_of: Callable[[Example], Iterable[Bar]]
) -> list[int]:
    """Return the numbers, ascending, of what together bars every call that meets a goal.

    Each of them is needed for that. Empty where a call gets past everything, and where no call
    meets the goal at all. `bars_of` yields what bars one call. Raises TooInvolved when it cannot be
    found out.
    """
    found: list[Bar] = []
    while (example := overlap.find([goal], [bar.past for bar in found])) is not None:
        bar = next(iter(bars_of(example)), None)
        if bar is None:
            return []
        if len(found) == _TOGETHER_MAX:
            raise TooInvolved
        found.append(bar)
    for bar in found[:-1]:
        fewer = [other for other in found if other is not bar]
        if overlap.find([goal], [other.past for other in fewer]) is None:
            found = fewer
    return sorted(bar.number for bar in found)
