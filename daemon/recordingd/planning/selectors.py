"""Selectors and groups, compiled to tests of one party.

Called by `planning.conditions` and `planning.matching`. A group of a hundred thousand numbers is
one set lookup. Pure; never learns what the answer is used for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from recordingd.domain.errors import InvariantBroken
from recordingd.domain.matchers import GroupName, Pattern, PlaceName, Selector
from recordingd.domain.parties import Party, PartyKind
from recordingd.domain.places import PlaceCode, Places
from recordingd.domain.policies import Group
from recordingd.planning.places import is_in, place_of
from recordingd.planning.truth import phone_of

Roles = Mapping[str, str]
Fit = Callable[[Party, Roles], bool]

# How a raw id begins says what it names, where an event left the kind out (the identifier prefixes
# of the service's SDKs).
KIND_BY_PREFIX = (
    ("8:orgid:", PartyKind.TEAMS_USER),
    ("8:dod:", PartyKind.TEAMS_USER),
    ("8:gcch:", PartyKind.TEAMS_USER),
    ("8:teamsvisitor:", PartyKind.TEAMS_USER),
    ("28:", PartyKind.TEAMS_APP),
    ("4:", PartyKind.PHONE_NUMBER),
    ("8:acs:", PartyKind.COMMUNICATION_USER),
    ("8:dod-acs:", PartyKind.COMMUNICATION_USER),
    ("8:gcch-acs:", PartyKind.COMMUNICATION_USER),
    ("8:spool:", PartyKind.COMMUNICATION_USER),
)


def kind_of(party: Party) -> PartyKind:
    """Return what a party is, read from its raw id where no event said it."""
    if party.kind is not PartyKind.UNKNOWN:
        return party.kind
    for prefix, kind in KIND_BY_PREFIX:
        if party.raw_id.startswith(prefix):
            return kind
    return PartyKind.UNKNOWN


def compile_patterns(patterns: Iterable[Pattern]) -> Callable[[str], bool]:
    """Return a test whether any pattern covers a value."""
    texts = [p.text for p in patterns]
    exact = frozenset(t for t in texts if not t.endswith("*"))
    prefixes = tuple(sorted({t[:-1] for t in texts if t.endswith("*")}))
    if not prefixes:
        return exact.__contains__
    if not exact:
        return lambda value: value.startswith(prefixes)
    return lambda value: value in exact or value.startswith(prefixes)


class Groups:
    """Every group and named set of places of a policy set, compiled once for all its policies."""

    __slots__ = ("_fits", "_groups", "_places")

    def __init__(
        self,
        groups: Mapping[GroupName, Group],
        places: Mapping[PlaceName, Places] | None = None,
    ) -> None:
        self._groups = groups
        self._places = places or {}
        # Members never name groups (validate refuses it), so the order of compiling is free.
        self._fits = {name: compile_selectors(g.members, self) for name, g in groups.items()}

    def fit_of(self, name: GroupName) -> Fit:
        """Return the test of one group; InvariantBroken when validate let an unknown name pass."""
        try:
            return self._fits[name]
        except KeyError:
            msg = f"group '{name}' is used and does not exist"
            raise InvariantBroken(msg) from None

    def knows(self, selector: Selector) -> bool:
        """Say whether every group that a selector names is there."""
        return all(name in self._fits for name in (*selector.in_groups, *selector.not_in))

    def codes_of(self, places: Iterable[str]) -> frozenset[PlaceCode]:
        """Return the codes of places, each given by the name of a named set or as its own code."""
        codes: set[PlaceCode] = set()
        for place in places:
            named = self._places.get(PlaceName(place))
            codes |= {PlaceCode(place)} if named is None else named.codes
        return frozenset(codes)

    def members_of(self, name: GroupName) -> tuple[Selector, ...]:
        """Return the members of a group as they were written."""
        return self._groups[name].members


def compile_selectors(selectors: Sequence[Selector], groups: Groups) -> Fit:
    """Return a test whether a party fits any of the selectors; nobody fits an empty list."""
    ids: list[Pattern] = []
    phones: list[Pattern] = []
    tests: list[Fit] = []
    for selector in selectors:
        if selector == Selector(ids=selector.ids):
            ids.extend(selector.ids)
        elif selector == Selector(phones=selector.phones):
            phones.extend(selector.phones)
        else:
            tests.append(_compile_selector(selector, groups))
    if phones:
        tests.insert(0, _phone_test(phones))
    if ids:
        tests.insert(0, _id_test(ids))
    return _any_of(tests)


def _compile_selector(selector: Selector, groups: Groups) -> Fit:
    tests: list[Fit] = []
    if selector.ids:
        tests.append(_id_test(selector.ids))
    if selector.phones:
        tests.append(_phone_test(selector.phones))
    if selector.kinds:
        tests.append(_kind_test(selector.kinds))
    if selector.roles:
        tests.append(_role_test(selector.roles))
    if selector.display_names:
        tests.append(_display_name_test(selector.display_names))
    if selector.in_groups:
        tests.append(_any_of([groups.fit_of(g) for g in selector.in_groups]))
    if selector.not_in:
        tests.append(_none_of([groups.fit_of(g) for g in selector.not_in]))
    if selector.places:
        # The dearest test of one party: for a number that was not met before, it reads metadata.
        tests.append(_place_test(groups.codes_of(selector.places)))
    return tests[0] if len(tests) == 1 else lambda party, roles: all(t(party, roles) for t in tests)


def _any_of(tests: Sequence[Fit]) -> Fit:
    if len(tests) == 1:
        return tests[0]
    return lambda party, roles: any(t(party, roles) for t in tests)


def _none_of(tests: Sequence[Fit]) -> Fit:
    return lambda party, roles: not any(t(party, roles) for t in tests)


def _id_test(patterns: Iterable[Pattern]) -> Fit:
    covers = compile_patterns(patterns)
    return lambda party, _: covers(party.raw_id)


def _phone_test(patterns: Iterable[Pattern]) -> Fit:
    covers = compile_patterns(patterns)

    def fits(party: Party, _: Roles) -> bool:
        phone = phone_of(party)
        return phone is not None and covers(phone)

    return fits


def _kind_test(kinds: Iterable[PartyKind]) -> Fit:
    wanted = frozenset(kinds)
    return lambda party, _: kind_of(party) in wanted


def _role_test(patterns: Iterable[Pattern]) -> Fit:
    covers = compile_patterns(patterns)

    def fits(party: Party, roles: Roles) -> bool:
        role = roles.get(party.raw_id, party.role)
        return role is not None and covers(role)

    return fits


def _display_name_test(patterns: Iterable[Pattern]) -> Fit:
    covers = compile_patterns(patterns)
    return lambda party, _: party.display_name is not None and covers(party.display_name)


def _place_test(codes: frozenset[PlaceCode]) -> Fit:
    return lambda party, _: is_in(place_of(phone_of(party)), codes)
