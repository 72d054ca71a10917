"""What leaves look at, and a few values of each such thing that stand for all others.

Used by `planning.worlds` and `planning.overlap`. Of values that no leaf tells apart one is enough,
so that trying these few is trying all calls. What a leaf makes of a missing fact is as in a settled
call (`planning.conditions`); samples and the places of numbers are taken to be free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from recordingd.domain.errors import InvariantBroken
from recordingd.domain.matchers import (
    Condition,
    DirectionIs,
    FlagIs,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    Sampled,
    StartedBetween,
    TagIs,
    TextField,
    TextIs,
    WithinHours,
)
from recordingd.domain.parties import Direction
from recordingd.planning.hours import compile_hours, moments_of
from recordingd.planning.people import People, Person
from recordingd.planning.selectors import compile_patterns
from recordingd.planning.texts import Texts, samples

Value = str | bool | float | Direction | Person | datetime | None
Test = Callable[[Value], bool]

PARTICIPANTS = "participants"
_STARTED = "startedBetween"
NOW = "now"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce(Condition):
    """The rule that it belongs to is in force: no leaf of the language, but asked like one."""

    valid_from: datetime | None
    valid_until: datetime | None


# --- what leaves look at --------------------------------------------------------------------------


def aspect_of(leaf: Condition) -> str:
    """Name what a leaf looks at; leaves about different things are independent of each other."""
    match leaf:
        case TagIs():
            return f"tags.{leaf.tag}"
        case TextIs(field=what) | FlagIs(field=what) | PartyIs(field=what):
            return str(what.value)
        case DirectionIs():
            return "direction"
        case ParticipantsFit() | ParticipantCount():
            return PARTICIPANTS
        case WithinHours() | StartedBetween():
            return _STARTED
        case Sampled():
            return f"sample {leaf.salt}"
        case InForce():
            return NOW
        case _:
            msg = f"nothing is known of {type(leaf).__name__}"
            raise InvariantBroken(msg)


def test_of(leaf: Condition, people: People) -> Test:
    """Return what a leaf asks of one value of its aspect."""
    match leaf:
        case TagIs() | TextIs():
            covers = compile_patterns(leaf.patterns)
            return lambda value: isinstance(value, str) and covers(value)
        case FlagIs():
            return lambda value: value is leaf.value
        case DirectionIs():
            return lambda value: value in leaf.directions
        case PartyIs() | ParticipantsFit():
            fits = people.test(leaf.selectors)
            return lambda value: isinstance(value, Person) and fits(value)
        case Sampled():
            return lambda value: isinstance(value, float) and value < leaf.share
        case _:
            return _time_test(leaf)


def _time_test(leaf: Condition) -> Test:
    match leaf:
        case WithinHours():
            is_within = compile_hours(leaf)
            return lambda value: isinstance(value, datetime) and is_within(value)
        case StartedBetween():
            start, end = leaf.start, leaf.end
            return lambda value: isinstance(value, datetime) and start <= value < end
        case InForce():
            since, until = leaf.valid_from or _LONG_AGO, leaf.valid_until
            return lambda value: (
                isinstance(value, datetime) and since <= value and (until is None or value < until)
            )
        case _:
            return lambda _: False


def values_for(leaves: Sequence[Condition], people: People) -> Sequence[Value]:
    """Return values of every kind that leaves about one aspect tell apart; missing comes first."""
    match leaves[0]:
        case TextIs(field=TextField.SERVER_CALL_ID):
            return samples(_texts(leaves))
        case TagIs() | TextIs():
            return [None, *samples(_texts(leaves))]
        case FlagIs():
            return (None, True, False)
        case DirectionIs():
            return (None, *Direction)
        case PartyIs() | ParticipantsFit() | ParticipantCount():
            with_selectors = (x for x in leaves if isinstance(x, PartyIs | ParticipantsFit))
            everybody = people.told_apart(s for leaf in with_selectors for s in leaf.selectors)
            return [None, *everybody] if isinstance(leaves[0], PartyIs) else everybody
        case Sampled():
            shares = {leaf.share for leaf in leaves if isinstance(leaf, Sampled)}
            return sorted({0.0, *(share for share in shares if share < 1)})
        case _:
            return _moments(leaves)


def _texts(leaves: Iterable[Condition]) -> list[Texts]:
    return [Texts.of(leaf.patterns) for leaf in leaves if isinstance(leaf, TagIs | TextIs)]


def _moments(leaves: Sequence[Condition]) -> Sequence[Value]:
    if isinstance(leaves[0], InForce):
        ends = [(x.valid_from, x.valid_until) for x in leaves if isinstance(x, InForce)]
        return sorted({_LONG_AGO, *(end for both in ends for end in both if end is not None)})
    spans = [leaf for leaf in leaves if isinstance(leaf, StartedBetween)]
    return moments_of(spans, [leaf for leaf in leaves if isinstance(leaf, WithinHours)])


class Aspect(NamedTuple):
    """One thing that leaves look at: its values, and by a leaf's identity those that fit it.

    Values are told by their place in the sequence; `everything` is all of them. `is_plural` says
    that a call has several of them, like its participants.
    """

    values: Sequence[Value]
    everything: frozenset[int]
    fits: Mapping[int, frozenset[int]]
    is_plural: bool

    @classmethod
    def of(cls, leaves: Sequence[Condition], people: People, *, is_plural: bool) -> Aspect:
        """Work out what some leaves about one thing can tell apart.

        Raises TooInvolved when that is too much.
        """
        values = values_for(leaves, people)
        return cls(
            values=values,
            everything=frozenset(range(len(values))),
            fits={id(leaf): _fitting(values, test_of(leaf, people)) for leaf in leaves},
            is_plural=is_plural,
        )

    def one_id_of(self, index: int) -> str | None:
        """Return the raw id of a person of whom there is one; None where there are many alike."""
        value = self.values[index]
        return value.party.raw_id if isinstance(value, Person) and value.is_one else None


def _fitting(values: Sequence[Value], test: Test) -> frozenset[int]:
    return frozenset(n for n, value in enumerate(values) if test(value))
