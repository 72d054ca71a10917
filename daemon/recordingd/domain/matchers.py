"""Who and what a policy means: patterns, selectors, and the tree of conditions of a matcher.

Built by `config` from YAML, compiled by `planning.conditions`. Every condition knows its path in
the document and its line, so that whatever is explained can point at it. What a policy does with a
call that it means is `domain.policies`'.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import NewType

from recordingd.domain.parties import Direction, PartyKind

GroupName = NewType("GroupName", str)
PlaceName = NewType("PlaceName", str)
# The name of any rule that is no recording policy; an inline body is named `policy#consent`.
RuleName = NewType("RuleName", str)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """Where in the policy tree something is written: a path relative to it, and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text to compare with: exact, or a prefix when it ends in `*`."""

    text: str

    def covers(self, value: str) -> bool:
        """Say whether a value is meant."""
        if self.text.endswith("*"):
            return value.startswith(self.text[:-1])
        return value == self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which participant is meant: every field that is not empty must fit the same participant.

    Within a field any entry suffices. `in_groups` are groups it must belong to one of, `not_in`
    groups it must belong to none of. `places` are names of `Places` documents or codes of places,
    `unknown` among them.
    """

    ids: tuple[Pattern, ...] = ()
    kinds: tuple[PartyKind, ...] = ()
    phones: tuple[Pattern, ...] = ()
    roles: tuple[Pattern, ...] = ()
    display_names: tuple[Pattern, ...] = ()
    in_groups: tuple[GroupName, ...] = ()
    not_in: tuple[GroupName, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What every node has: its path in the document (`match.to.phone`) and its line."""

    path: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Condition):
    """Yes when every part is yes; an empty one is every call."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Condition):
    """Yes when one part is yes."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Condition):
    """The opposite of its part; unknown stays unknown."""

    part: Condition


class PartyField(enum.Enum):
    """The parties a call has by itself, apart from its participants."""

    FROM = "from"
    TO = "to"
    STARTED_BY = "startedBy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyIs(Condition):
    """The caller, the dialled party or the initiator fits a selector (any of them)."""

    field: PartyField
    selectors: tuple[Selector, ...]


class Quantifier(enum.Enum):
    """How many participants must fit."""

    SOME = "some"
    EVERY = "every"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsFit(Condition):
    """Some, every or none of the participants fits one of the selectors."""

    quantifier: Quantifier
    selectors: tuple[Selector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantCount(Condition):
    """The number of participants lies between two bounds, inclusive; None is no bound."""

    minimum: int | None
    maximum: int | None


class TextField(enum.Enum):
    """The texts that a call has by itself."""

    SERVER_CALL_ID = "serverCallId"
    GROUP = "group"
    ROOM = "room"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextIs(Condition):
    """One of the call's texts is covered by one of the patterns."""

    field: TextField
    patterns: tuple[Pattern, ...]


class FlagField(enum.Enum):
    """The booleans that a call has by itself."""

    IS_TWO_PARTY = "isTwoParty"
    IS_ROOMS_CALL = "isRoomsCall"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagIs(Condition):
    """One of the call's booleans has a value."""

    field: FlagField
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionIs(Condition):
    """The call was placed in one of these directions."""

    directions: tuple[Direction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagIs(Condition):
    """A tag of the call is covered by one of the patterns; a missing tag is a no."""

    tag: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinHours(Condition):
    """The call started on these days, in a half-open span of local time, not on an excepted date.

    A span may cross midnight and then belongs to the day it starts on. `days` counts from Monday 0.
    """

    days: frozenset[int]
    between: tuple[time, time] | None
    timezone: str
    except_dates: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedBetween(Condition):
    """The call started in a half-open span of time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled(Condition):
    """The call is in a sample: a share of all calls, the same calls every time for one policy."""

    share: float
    salt: str
