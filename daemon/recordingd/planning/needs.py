"""What a call cannot do without for a matcher to fit, and an index over that.

Used by `planning.rivals`, so that of a thousand policies only those are compared that a call could
fit together. Finding too many is harmless, missing one never is. The index for calls is
`planning.candidates`'; this one is for matchers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagIs,
    ParticipantsFit,
    PartyIs,
    Pattern,
    Quantifier,
    Selector,
    TagIs,
    TextIs,
)
from recordingd.planning.aspects import PARTICIPANTS, aspect_of
from recordingd.planning.selectors import Groups
from recordingd.planning.texts import Texts

# By aspect, the texts of which a call must have one; of a party, and of one participant, the raw
# id.
Needs = Mapping[str, Texts]

# A larger group is not written out.
_MEMBERS_MAX = 1_000
_LAST = "\U0010ffff"


def needs_of(condition: Condition, groups: Groups) -> Needs:
    """Return what a call must have to fit a condition, for sure or while in doubt."""
    match condition:
        case AllOf(parts=parts):
            found: dict[str, Texts] = {}
            for needs in (needs_of(part, groups) for part in parts):
                found |= {k: min(v, found.get(k, v), key=_size) for k, v in needs.items()}
            return found
        case AnyOf(parts=(first, *others)):
            either = dict(needs_of(first, groups))
            for needs in (needs_of(part, groups) for part in others):
                either = {k: either[k] | v for k, v in needs.items() if k in either}
            return either
        case TagIs(patterns=patterns) | TextIs(patterns=patterns):
            return {aspect_of(condition): Texts.of(patterns)}
        case FlagIs(value=value):
            return {aspect_of(condition): Texts(frozenset({str(value)}))}
        case DirectionIs(directions=directions):
            return {aspect_of(condition): Texts(frozenset(d.value for d in directions))}
        case ParticipantsFit() if condition.quantifier is not Quantifier.SOME:
            return {}
        case PartyIs(selectors=selectors) | ParticipantsFit(selectors=selectors):
            raw_ids = _raw_ids(selectors, groups)
            return {} if raw_ids is None else {aspect_of(condition): raw_ids}
        case _:
            return {}


def _size(texts: Texts) -> int:
    return len(texts.exact) + len(texts.prefixes)


def _raw_ids(selectors: Iterable[Selector], groups: Groups) -> Texts | None:
    """Return the raw ids that somebody who fits must have; None where that may be any."""
    found = Texts(frozenset())
    for selector in selectors:
        one = _raw_ids_of(selector, groups)
        if one is None:
            return None
        found |= one
    return found


def _raw_ids_of(selector: Selector, groups: Groups) -> Texts | None:
    if selector.ids:
        return Texts.of(selector.ids)
    if selector.phones:
        return Texts.of(p for phone in selector.phones for p in _spellings(phone.text))
    if not selector.in_groups:
        return None
    members = [m for group in selector.in_groups for m in groups.members_of(group)]
    return None if len(members) > _MEMBERS_MAX else _raw_ids(members, groups)


def _spellings(phone: str) -> Iterable[Pattern]:
    """Yield how the raw id of a number may be written (`planning.truth.phone_of`)."""
    for text in (f"4:{phone}", f"4:{phone.removeprefix('+')}"):
        yield Pattern(text)
        if not text.endswith("*"):
            yield Pattern(f"{text}_*")


# --- the index ------------------------------------------------------------------------------------


class NeedsIndex:
    """Finds, among numbered matchers, those that a call could fit together with another one.

    A set of matchers is the integer that has their bits set.
    """

    def __init__(self, every: Sequence[Needs]) -> None:
        self._all = (1 << len(every)) - 1
        aspects = dict.fromkeys(name for needs in every for name in needs)
        self._filed = {
            name: _Filed([(1 << n, needs[name]) for n, needs in enumerate(every) if name in needs])
            for name in aspects
        }

    def could_meet(self, needs: Needs) -> int:
        """Return the matchers that could fit a call which fits one with these needs."""
        found = self._all
        for name, texts in needs.items():
            filed = self._filed.get(name)
            # One participant may be whom the one needs, and another whom the other.
            if filed is not None and name != PARTICIPANTS:
                found &= ~filed.choosy | filed.that_share(texts)
        return found

    def could_fit(self, having: Mapping[str, frozenset[str]]) -> int:
        """Return the matchers that could fit a call which has these texts and no others."""
        found = self._all
        for name, filed in self._filed.items():
            texts = having.get(name)
            found &= ~filed.choosy | (0 if texts is None else filed.that_share(Texts(texts)))
        return found


class _Filed:
    """The matchers that ask for certain texts of one aspect; `choosy` is all of them."""

    def __init__(self, entries: Sequence[tuple[int, Texts]]) -> None:
        self.choosy = reduce(or_, (bit for bit, _ in entries), 0)
        self._exact: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        for bit, texts in entries:
            for text in texts.exact:
                self._exact[text] = self._exact.get(text, 0) | bit
            for prefix in texts.prefixes:
                self._prefixes[prefix] = self._prefixes.get(prefix, 0) | bit
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._beginnings = {**self._exact}
        for prefix, bits in self._prefixes.items():
            self._beginnings[prefix] = self._beginnings.get(prefix, 0) | bits
        self._sorted = sorted(self._beginnings)

    def that_share(self, texts: Texts) -> int:
        """Return the matchers that ask for a text which is among these."""
        found = 0
        for text in texts.exact:
            found |= self._exact.get(text, 0) | self._that_begin(text)
        for prefix in texts.prefixes:
            found |= self._that_begin(prefix)
            first = bisect_left(self._sorted, prefix)
            last = bisect_left(self._sorted, prefix + _LAST)
            for text in self._sorted[first:last]:
                found |= self._beginnings[text]
        return found

    def _that_begin(self, text: str) -> int:
        """Return the matchers with a prefix of a text."""
        found = 0
        for length in self._lengths:
            if length > len(text):
                break
            found |= self._prefixes.get(text[:length], 0)
        return found
