"""The table of area codes says what the data of phonenumbers says."""

from __future__ import annotations

import re
from collections import Counter

import phonenumbers
import pytest
from phonenumbers.geodata import GEOCODE_DATA

from recordingd.planning.area_codes import STATE_OF_AREA

_TOWN_IN_A_STATE = re.compile(r", ([A-Z]{2})$")
# Areas that several provinces share, and the one for data services all over Canada.
_OF_NO_STATE = {"782", "867", "902", "600"}


@pytest.fixture(scope="module")
def towns() -> dict[str, str]:
    """Return area code -> the state that most of its towns lie in; a few stand in a wrong one.

    The data is keyed by the first digits of a town's numbers, the 1 in front included.
    """
    found: dict[str, Counter[str]] = {}
    for key, names in GEOCODE_DATA.items():
        town = _TOWN_IN_A_STATE.search(names.get("en", ""))
        if key.startswith("1") and town is not None:
            found.setdefault(key[1:4], Counter())[town[1]] += 1
    return {area: states.most_common(1)[0][0] for area, states in found.items()}


@pytest.fixture(scope="module")
def names(towns: dict[str, str]) -> dict[str, str]:
    """Return what an area as a whole is called, as `Ontario` -> the state by its towns."""
    return {name: state for area, state in towns.items() if (name := name_of(area))}


def name_of(area: str) -> str:
    return GEOCODE_DATA.get(f"1{area}", {}).get("en", "")


def country_of(area: str) -> str | None:
    return phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}2550100"))


def test_every_state_is_the_one_its_towns_lie_in(towns: dict[str, str]) -> None:
    listed = {area: state[3:] for area, state in STATE_OF_AREA.items() if area in towns}
    assert listed == {area: towns[area] for area in listed}


def test_every_state_is_the_one_its_area_is_named_after(names: dict[str, str]) -> None:
    listed = {area: state[3:] for area, state in STATE_OF_AREA.items() if name_of(area) in names}
    assert listed == {area: names[name_of(area)] for area in listed}


def test_every_country_is_the_one_its_numbers_belong_to() -> None:
    assert {area: state[:2] for area, state in STATE_OF_AREA.items()} == {
        area: country_of(area) for area in STATE_OF_AREA
    }


def test_every_area_of_one_state_is_listed(towns: dict[str, str]) -> None:
    known = {str(area) for area in range(200, 1000) if name_of(str(area)) or str(area) in towns}
    of_a_state = {area for area in known - _OF_NO_STATE if country_of(area) in {"US", "CA"}}
    assert set(STATE_OF_AREA) == of_a_state
