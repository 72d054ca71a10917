"""The three truth values of a matcher, and the facts it is asked about.

Shared by `planning.conditions`, `planning.candidates` and `planning.matching`; nothing else builds
these. Never learns where a fact came from or what a policy does with an answer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from recordingd.domain.parties import Participant, Party

if TYPE_CHECKING:
    # Only its type is needed: whoever checks policies wants truth values and loads no events.
    from recordingd.domain.calls import Call


class Truth(enum.Enum):
    """What is known of a statement."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


def opposite(truth: Truth) -> Truth:
    """Negate; unknown stays unknown."""
    if truth is UNKNOWN:
        return UNKNOWN
    return NO if truth is YES else YES


def truth_of(statement: object) -> Truth:
    """Turn something true or false into a truth value."""
    return YES if statement else NO


class Facts:
    """What is known of one call at one moment, prepared for many questions.

    A plain slotted class: one is made for every decision, and a frozen dataclass costs three times
    as much to make.
    """

    __slots__ = ("_participants", "_parties", "call", "is_complete", "settled")
    # The values that a tag had before, where those count too.
    past_tags: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def __init__(self, call: Call, participants: Sequence[Participant], *, settled: bool) -> None:
        self.call = call
        self.settled = settled
        self.is_complete = call.roster_complete_at is not None
        self._participants = participants
        self._parties: list[Party] | None = None

    @property
    def parties(self) -> list[Party]:
        """Those in the call now; of a call that is over, everyone who ever was in it.

        So asking again later gives the answer of its lifetime. Gathered when first asked for: many
        policies ask about nobody.
        """
        if self._parties is None:
            self._parties = self._gathered()
        return self._parties

    def _gathered(self) -> list[Party]:
        has_ended = self.call.ended_at is not None
        return [p.party for p in self._participants if has_ended or p.left_at is None]

    @property
    def head_count(self) -> int:
        """How many different parties are known to be in the call."""
        return len({party.raw_id for party in self.parties})


class LifetimeFacts(Facts):
    """What was ever true of one call: whoever took part in it, and every value a tag ever had.

    A leaf about somebody, or about a tag, is yes when it was yes once; everybody and nobody are
    said of all who ever took part. Whether the list of them is complete is as for the call now.
    """

    __slots__ = ("past_tags",)

    def __init__(self, call: Call, participants: Sequence[Participant], *, settled: bool) -> None:
        super().__init__(call, participants, settled=settled)
        self.past_tags = call.past_tags

    def _gathered(self) -> list[Party]:
        return [p.party for p in self._participants]


def phone_of(party: Party) -> str | None:
    """Return a party's number in E.164, read from its raw id where no event said it.

    Raw ids of numbers are `4:+18005550100`, sometimes without the plus, sometimes followed by `_`
    and an asserted id (CommunicationIdentifierModel, 2026-03-12). None for everybody else.
    """
    if party.phone is not None:
        return party.phone
    raw_id = party.raw_id
    if not raw_id.startswith("4:"):
        return None
    number = raw_id[2:].partition("_")[0]
    digits = number.removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() else None


def is_pending(facts: Facts, *, is_established_fact: bool) -> bool:
    """Say whether a fact that is missing may still come.

    What the start of a call says (`is_established_fact`) has come once the call is known to be
    established; nothing is waited for in a settled call.
    """
    if facts.settled:
        return False
    return not (is_established_fact and facts.call.started_at is not None)
