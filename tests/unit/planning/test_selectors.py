"""Selectors by place, alone and beside other fields."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.factories import (
    SOURCE,
)

from recordingd.domain.calls import Party, Phone, RawId
from recordingd.domain.matchers import GroupName, Pattern, PlaceName, Selector
from recordingd.domain.places import PlaceCode, Places
from recordingd.domain.policies import Group
from recordingd.planning.selectors import Groups, compile_selectors

PLACES: Mapping[PlaceName, Places] = {
    PlaceName("west"): Places(
        name=PlaceName("west"),
        source=SOURCE,
        codes=frozenset(map(PlaceCode, ("US-CA", "US-WA"))),
    ),
    PlaceName("dach"): Places(
        name=PlaceName("dach"),
        source=SOURCE,
        codes=frozenset(map(PlaceCode, ("DE", "AT", "CH"))),
    ),
}
CALIFORNIAN, TEXAN = "+14155550100", "+12145550100"
GERMAN, TOLL_FREE = "+491711234567", "+18005550100"


def party(name: str) -> Party:
    """Make a party by number, or by raw id where it has none."""
    if name.startswith("+"):
        return Party(raw_id=RawId(f"4:{name}"), phone=Phone(name))
    return Party(raw_id=RawId(name))


def fits(selector: Selector, name: str, groups: Mapping[GroupName, Group] | None = None) -> bool:
    return compile_selectors((selector,), Groups(groups or {}, PLACES))(party(name), {})


@pytest.mark.parametrize(
    ("places", "fitting"),
    [
        (("US-CA",), {CALIFORNIAN}),
        (("US",), {CALIFORNIAN, TEXAN}),
        (("west",), {CALIFORNIAN}),
        (("dach", "US-TX"), {GERMAN, TEXAN}),
        (("unknown",), {TOLL_FREE, "8:acs:agent"}),
        (("west", "unknown"), {CALIFORNIAN, TOLL_FREE, "8:acs:agent"}),
    ],
)
def test_place_is_a_code_a_named_set_or_unknown(places: tuple[str, ...], fitting: set[str]) -> None:
    everybody = (CALIFORNIAN, TEXAN, GERMAN, TOLL_FREE, "8:acs:agent")

    assert {p for p in everybody if fits(Selector(places=places), p)} == fitting


def test_number_is_read_from_the_raw_id_where_no_event_said_it() -> None:
    assert fits(Selector(places=("US-CA",)), f"4:{CALIFORNIAN}")


def test_place_and_another_field_must_fit_the_same_party() -> None:
    selector = Selector(places=("US",), phones=(Pattern("+1415*"),))

    assert [fits(selector, p) for p in (CALIFORNIAN, TEXAN)] == [True, False]


def test_member_of_a_group_may_be_given_by_place() -> None:
    callers = GroupName("callers")
    group = Group(name=callers, source=SOURCE, members=(Selector(places=("west",)),))
    selector = Selector(in_groups=(callers,))

    assert [fits(selector, p, {callers: group}) for p in (CALIFORNIAN, TEXAN)] == [True, False]


def test_selector_that_names_a_group_which_is_gone_is_not_known() -> None:
    groups = Groups({GroupName("here"): Group(name=GroupName("here"), source=SOURCE)})

    assert groups.knows(Selector(in_groups=(GroupName("here"),), places=("US",)))
    assert not groups.knows(Selector(not_in=(GroupName("gone"),)))
