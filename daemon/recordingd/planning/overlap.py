"""Whether some call fits several matchers at once, and what such a call is like.

Used by everything that is said of matchers without a call: `planning.rivals`, `planning.barren`.
The answer is exact but for samples, places and hours of several time zones, which are taken to be
free of each other; where there is too much to try, TooInvolved says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    ParticipantCount,
    ParticipantsFit,
    Quantifier,
    TagIs,
)
from recordingd.planning.aspects import (
    PARTICIPANTS,
    Aspect,
    Test,
    Value,
    aspect_of,
    test_of,
    values_for,
)
from recordingd.planning.examples import Example
from recordingd.planning.people import People, TooInvolved
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth, opposite, truth_of
from recordingd.planning.worlds import Demand, Effort, World, demands_of, settle

# Steps that one question may take: tens of milliseconds, where most take a fraction of one.
EFFORT_MAX = 10_000
# As many alternatives can be open at once.
_OPEN_MAX = 200

CERTAIN = frozenset({YES})
POSSIBLE = frozenset({YES, UNKNOWN})
EXCLUDED = frozenset({NO})
UNCERTAIN = frozenset({NO, UNKNOWN})
_REFUSED = {CERTAIN: UNCERTAIN, POSSIBLE: EXCLUDED, EXCLUDED: POSSIBLE, UNCERTAIN: CERTAIN}


class Goal(NamedTuple):
    """A condition, and which truths of it will do: one of the four sets above."""

    condition: Condition
    wanted: frozenset[Truth] = CERTAIN

    @property
    def missed(self) -> Goal:
        """The goal that is met exactly where this one is not."""
        return Goal(self.condition, _REFUSED[self.wanted])

    def parts(self) -> tuple[bool, list[Goal]] | None:
        """Return whether all of its parts must be met, or one, and the parts; None for a leaf."""
        match self.condition:
            case AllOf(parts=parts):
                return YES in self.wanted, [Goal(part, self.wanted) for part in parts]
            case AnyOf(parts=parts):
                return NO in self.wanted, [Goal(part, self.wanted) for part in parts]
            case Not(part=part):
                return True, [Goal(part, frozenset(map(opposite, self.wanted)))]
            case _:
                return None


# One of them must be met.
Clause = Sequence[Goal]


class Overlap:
    """Finds calls that fit matchers of one policy set.

    `is_lifetime` asks of everything that was ever true of a call, as retention rules and holds do:
    a tag may then have had several values.
    """

    def __init__(self, groups: Groups, *, is_lifetime: bool = False) -> None:
        self._people = People(groups)
        self._is_lifetime = is_lifetime
        # By identity, with what is identified itself so that it stays the one that is meant.
        self._looks_at: dict[int, tuple[Condition, frozenset[str]]] = {}
        self._alone: dict[tuple[int, frozenset[Truth]], tuple[Goal, Example | None]] = {}
        self._asked: dict[int, tuple[Condition, Test, Value]] = {}

    def find(self, goals: Sequence[Goal], clauses: Sequence[Clause] = ()) -> Example | None:
        """Return a call that meets every goal and of each clause one; None where there is none.

        Raises TooInvolved when there is too much to try.
        """
        if clauses or not self._are_independent(goals):
            return self._search(goals, clauses)
        found = Example(values={}, several={}, is_complete=False)
        for goal in goals:
            alone = self._find_alone(goal)
            if alone is None:
                return None
            found |= alone
        return found

    def _are_independent(self, goals: Sequence[Goal]) -> bool:
        """Say whether goals look at different things, so that each can be met by itself."""
        seen: set[str] = set()
        for goal in goals:
            aspects = self._aspects_of(goal.condition)
            if not seen.isdisjoint(aspects):
                return False
            seen |= aspects
        return True

    def _aspects_of(self, condition: Condition) -> frozenset[str]:
        if id(condition) not in self._looks_at:
            aspects = frozenset(map(aspect_of, leaves_in(Goal(condition))))
            self._looks_at[id(condition)] = condition, aspects
        return self._looks_at[id(condition)][1]

    def _find_alone(self, goal: Goal) -> Example | None:
        key = id(goal.condition), goal.wanted
        if key not in self._alone:
            self._alone[key] = goal, self._search([goal], ())
        return self._alone[key][1]

    def _search(self, goals: Sequence[Goal], clauses: Sequence[Clause]) -> Example | None:
        every = [*goals, *(goal for clause in clauses for goal in clause)]
        effort = Effort(EFFORT_MAX)
        aspects = self._aspects(leaf for goal in every for leaf in leaves_in(goal))
        world = World(aspects=aspects, singles={}, several={})
        found = _Search(effort).run(world, [*([goal] for goal in goals), *clauses])
        return None if found is None else _example_of(found, effort)

    def meets(self, goal: Goal, example: Example) -> bool:
        """Say whether a call meets a goal."""
        return self._truth(goal.condition, example) in goal.wanted

    def _aspects(self, leaves: Iterable[Condition]) -> dict[str, Aspect]:
        grouped: dict[str, list[Condition]] = defaultdict(list)
        for leaf in leaves:
            grouped[aspect_of(leaf)].append(leaf)
        return {
            name: Aspect.of(some, self._people, is_plural=self._is_plural(some[0]))
            for name, some in grouped.items()
        }

    def _is_plural(self, leaf: Condition) -> bool:
        is_about_many = isinstance(leaf, ParticipantsFit | ParticipantCount)
        return is_about_many or (self._is_lifetime and isinstance(leaf, TagIs))

    # --- asking an example ------------------------------------------------------------------------

    def _truth(self, condition: Condition, example: Example) -> Truth:
        match condition:
            case AllOf(parts=parts):
                return _least(self._truth(part, example) for part in parts)
            case AnyOf(parts=parts):
                return opposite(_least(opposite(self._truth(part, example)) for part in parts))
            case Not(part=part):
                return opposite(self._truth(part, example))
            case ParticipantCount(minimum=low, maximum=high):
                count = len(example.several.get(PARTICIPANTS, ()))
                is_within = (low or 0) <= count and (high is None or count <= high)
                return truth_of(is_within) if example.is_complete else UNKNOWN
            case _:
                return self._leaf_truth(condition, example)

    def _leaf_truth(self, leaf: Condition, example: Example) -> Truth:
        test, missing = self._ask(leaf)
        aspect = aspect_of(leaf)
        if not self._is_plural(leaf):
            return truth_of(test(example.values.get(aspect, missing)))
        several = example.several.get(aspect, ())
        quantifier = leaf.quantifier if isinstance(leaf, ParticipantsFit) else Quantifier.SOME
        match quantifier:
            case Quantifier.SOME:
                return truth_of(any(map(test, several)))
            case Quantifier.NONE:
                return truth_of(not any(map(test, several))) if example.is_complete else UNKNOWN
            case Quantifier.EVERY:
                is_known = example.is_complete and bool(several)
                return truth_of(all(map(test, several))) if is_known else UNKNOWN

    def _ask(self, leaf: Condition) -> tuple[Test, Value]:
        """Return what a leaf asks, and the value of a call that says nothing of it."""
        if id(leaf) not in self._asked:
            value = values_for([leaf], self._people)[0]
            self._asked[id(leaf)] = leaf, test_of(leaf, self._people), value
        _, test, value = self._asked[id(leaf)]
        return test, value


# Of one of these something must come true.
_Open = Sequence[Goal | Demand]
# The calls that are left when one of them does, and what is then still open.
_Option = tuple[World, Sequence[_Open]]


class _Search:
    """One search; always goes on with whatever leaves the fewest possibilities."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort

    def run(self, world: World, open_ones: Sequence[_Open]) -> World | None:
        """Return calls of which all that is open is true; None where there are none."""
        while open_ones:
            if len(open_ones) > _OPEN_MAX:
                raise TooInvolved
            at, options = self._narrowest(world, open_ones)
            rest = [*open_ones[:at], *open_ones[at + 1 :]]
            if len(options) > 1:
                tries = (self.run(narrower, [*rest, *more]) for narrower, more in options)
                return next((found for found in tries if found is not None), None)
            if not options:
                return None
            [(world, more)] = options
            open_ones = [*rest, *more]
        return world

    def _narrowest(self, world: World, open_ones: Sequence[_Open]) -> tuple[int, list[_Option]]:
        """Return the place of what has the fewest options, and these."""
        at, fewest = -1, list[_Option]()
        for number, some in enumerate(open_ones):
            options = [o for one in some if (o := self._assume(one, world)) is not None]
            if at < 0 or len(options) < len(fewest):
                at, fewest = number, options
            if not fewest:
                break
        return at, fewest

    def _assume(self, one: Goal | Demand, world: World) -> _Option | None:
        """Return the calls that may still meet one goal; None where there are none."""
        todo: list[Goal | Demand] = [one]
        more: list[_Open] = []
        while todo:
            this = todo.pop()
            if isinstance(this, Demand):
                narrower = world.narrowed(this, self._effort)
                if narrower is None:
                    return None
                world = narrower
                continue
            must_all, parts = _parts_of(this, world)
            if must_all or len(parts) == 1:
                todo += parts
            elif parts:
                more.append(parts)
            else:
                return None
        return world, more


def _parts_of(goal: Goal, world: World) -> tuple[bool, _Open]:
    parts = goal.parts()
    if parts is not None:
        return parts
    leaf = goal.condition
    return False, demands_of(leaf, goal.wanted, world.aspects[aspect_of(leaf)])


def leaves_in(goal: Goal) -> Iterator[Condition]:
    """Yield the leaves of a goal's condition in the order they are written."""
    parts = goal.parts()
    if parts is None:
        yield goal.condition
    else:
        for part in parts[1]:
            yield from leaves_in(part)


def _least(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    if NO in found:
        return NO
    return UNKNOWN if UNKNOWN in found else YES


def _example_of(world: World, effort: Effort) -> Example:
    singles = {name: world.singles.get(name, a.everything) for name, a in world.aspects.items()}
    several = {}
    for name, left in world.several.items():
        aspect = world.aspects[name]
        chosen = settle(left, aspect, effort) or ()
        several[name] = tuple(aspect.values[index] for index in chosen)
    people = world.several.get(PARTICIPANTS)
    return Example(
        values={
            name: world.aspects[name].values[min(left)]
            for name, left in singles.items()
            if not world.aspects[name].is_plural
        },
        several=several,
        is_complete=people is not None and people.is_complete is True,
    )
