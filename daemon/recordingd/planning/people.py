"""Made-up people of every kind that selectors tell apart.

Asked by `planning.aspects`. A person is what the service can name: a number has the raw id that
says it, and nobody else has a number (CommunicationIdentifierModel, 2026-03-12). Where a number is
from is left open: anybody may be from anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from recordingd.domain.matchers import GroupName, Pattern, Selector
from recordingd.domain.parties import Party, PartyKind, RawId
from recordingd.planning.selectors import (
    KIND_BY_PREFIX,
    Groups,
    compile_selectors,
    kind_of,
)
from recordingd.planning.texts import (
    ANY_REST,
    Texts,
    few_of_each,
    samples,
    unwritten,
    unwritten_numbers,
)
from recordingd.planning.truth import phone_of

# More kinds of people than this cannot be told apart in a reasonable time.
PEOPLE_MAX = 2_000
_PLACES_MAX = 6
# Many matchers name the same groups.
_CACHED_MAX = 128
# Whose kind does not follow from how the raw id begins.
_NAMED_BY_EVENTS = {
    PartyKind.UNKNOWN: tuple(k for k in PartyKind if k is not PartyKind.PHONE_NUMBER),
    PartyKind.COMMUNICATION_USER: (PartyKind.COMMUNICATION_USER, PartyKind.TEAMS_EXTENSION_USER),
}


class TooInvolved(Exception):
    """There are more possibilities than can be tried; nothing was found out."""


class Person(NamedTuple):
    """Somebody made up, from any of `places`.

    `is_one` says that only this raw id is like that; others stand for any number of people.
    """

    party: Party
    places: frozenset[str]
    is_one: bool


class People:
    """Everybody whom the groups of a policy set tell apart, and what selectors say of them."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._members: dict[GroupName, _Members] = {}

    def test(self, selectors: Sequence[Selector]) -> Callable[[Person], bool]:
        """Return a test whether a person fits one of the selectors; nobody fits an empty list."""
        tests = [_selector_test(selector, self._groups) for selector in selectors]
        return lambda person: any(test(person) for test in tests)

    def told_apart(self, selectors: Iterable[Selector]) -> list[Person]:
        """Return people of every kind that selectors tell apart; first one whom none names.

        Raises TooInvolved when there are too many kinds.
        """
        named = list(dict.fromkeys(selectors))
        groups = [self._members_of(g) for s in named for g in (*s.in_groups, *s.not_in)]
        asked = [*named, *(member for group in groups for member in group.others)]
        ids = _distinct([*(Texts.of(s.ids) for s in asked), *(g.ids for g in groups)])
        phones = _distinct([*(Texts.of(s.phones) for s in asked), *(g.phones for g in groups)])
        has_kinds = any(s.kinds for s in asked)
        roles = _said(Texts.of(s.roles) for s in asked)
        names = _said(Texts.of(s.display_names) for s in asked)
        places = _subsets({place for s in asked for place in s.places})
        raw_ids = _raw_ids(ids, phones, has_kinds=has_kinds)
        if len(raw_ids) * len(roles) * len(names) * len(places) > PEOPLE_MAX:
            raise TooInvolved
        return [
            Person(
                party=Party(raw_id=RawId(raw_id), kind=kind, role=role, display_name=name),
                places=where,
                is_one=is_one,
            )
            for raw_id, is_one in raw_ids
            for kind in (_kinds_of(raw_id) if has_kinds else (PartyKind.UNKNOWN,))
            for role, name, where in itertools.product(roles, names, places)
        ]

    def _members_of(self, name: GroupName) -> _Members:
        if name not in self._members:
            self._members[name] = _Members.of(self._groups.members_of(name))
        return self._members[name]


class _Members(NamedTuple):
    """A group: the raw ids and numbers that alone make a member, and whoever needs more than one.

    A group may have a hundred thousand members, and is looked at often.
    """

    ids: Texts
    phones: Texts
    others: tuple[Selector, ...]

    @classmethod
    def of(cls, members: Sequence[Selector]) -> _Members:
        ids: list[Pattern] = []
        phones: list[Pattern] = []
        others: list[Selector] = []
        for member in members:
            if member == Selector(ids=member.ids):
                ids += member.ids
            elif member == Selector(phones=member.phones):
                phones += member.phones
            else:
                others.append(member)
        return cls(ids=Texts.of(ids), phones=Texts.of(phones), others=tuple(others))


def _selector_test(selector: Selector, groups: Groups) -> Callable[[Person], bool]:
    wanted = frozenset(selector.places)
    anywhere = replace(selector, places=()) if wanted else selector
    if anywhere == Selector():
        return lambda person: not wanted.isdisjoint(person.places)
    fits = compile_selectors((anywhere,), groups)
    if not wanted:
        return lambda person: fits(person.party, {})
    return lambda person: not wanted.isdisjoint(person.places) and fits(person.party, {})


def _distinct(sets: Iterable[Texts]) -> tuple[Texts, ...]:
    return tuple(dict.fromkeys(texts for texts in sets if texts != Texts(frozenset())))


def _said(sets: Iterable[Texts]) -> list[str | None]:
    distinct = _distinct(sets)
    return [None, *samples(distinct)] if distinct else [None]


def _subsets(places: set[str]) -> list[frozenset[str]]:
    if len(places) > _PLACES_MAX:
        raise TooInvolved
    by_size = (itertools.combinations(sorted(places), n) for n in range(len(places) + 1))
    return [frozenset(some) for some in itertools.chain.from_iterable(by_size)]


def _kinds_of(raw_id: str) -> tuple[PartyKind, ...]:
    kind = kind_of(Party(raw_id=RawId(raw_id)))
    return _NAMED_BY_EVENTS.get(kind, (kind,))


# --- raw ids --------------------------------------------------------------------------------------


@lru_cache(maxsize=_CACHED_MAX)
def _raw_ids(
    ids: tuple[Texts, ...], phones: tuple[Texts, ...], *, has_kinds: bool
) -> tuple[tuple[str, bool], ...]:
    """Return raw ids of every kind, each once, with whether it is a single one."""
    if has_kinds:
        ids = (*ids, Texts(frozenset(), tuple(prefix for prefix, _ in KIND_BY_PREFIX)))
    found = {raw_id: False for raw_id in unwritten(ids) if not _is_cut_number(raw_id)}
    singled_out = {raw_id for texts in ids for raw_id in texts.exact}
    numbers = (*phones, *_distinct([Texts.of(_numbers_in(ids))]))
    if numbers:
        for beginning in _beginnings_of_numbers(ids):
            found |= {beginning + number[1:]: False for number in unwritten_numbers(numbers)}
            singled_out |= {beginning + n[1:] for texts in numbers for n in texts.exact}

    def kind_of_raw_id(raw_id: str) -> tuple[bool, ...]:
        number = phone_of(Party(raw_id=RawId(raw_id))) or ""
        return (*(one.covers(raw_id) for one in ids), *(one.covers(number) for one in phones))

    return tuple((found | dict(few_of_each(singled_out, kind_of_raw_id))).items())


def _is_cut_number(raw_id: str) -> bool:
    """Say whether a raw id that nobody wrote begins with a number, and so would have to be one."""
    beginning = raw_id.removesuffix(ANY_REST)
    return "_" not in beginning and phone_of(Party(raw_id=RawId(beginning))) is not None


def _beginnings_of_numbers(ids: Iterable[Texts]) -> tuple[str, ...]:
    """Return how raw ids of numbers begin: with a plus, and without where somebody wrote it so."""
    texts = (t for one in ids for t in (*one.exact, *one.prefixes))
    is_bare = any(t.startswith("4:") and t[2:3].isdigit() for t in texts)
    return ("4:+", "4:") if is_bare else ("4:+",)


def _numbers_in(ids: Iterable[Texts]) -> Iterator[Pattern]:
    """Yield the numbers, and the beginnings of numbers, that raw ids write out."""
    for texts in ids:
        for prefix in texts.prefixes:
            if prefix.startswith("4:"):
                digits = prefix.removeprefix("4:").removeprefix("+").partition("_")[0]
                yield Pattern(f"+{digits}*")
            elif "4:".startswith(prefix):
                yield Pattern("+*")
        for raw_id in texts.exact:
            number = phone_of(Party(raw_id=RawId(raw_id))) if raw_id.startswith("4:") else None
            if number is not None:
                yield Pattern(number)
