"""Where a number is from, as far as it can tell."""

from __future__ import annotations

import pytest

from recordingd.domain.places import UNKNOWN_PLACE, PlaceCode
from recordingd.planning.places import is_in, place_of


@pytest.mark.parametrize(
    ("phone", "place"),
    [
        ("+14155550100", "US-CA"),
        ("+12025550100", "US-DC"),
        ("+15645550100", "US-WA"),
        ("+14165550100", "CA-ON"),
        ("+12505550100", "CA-BC"),
        ("+491711234567", "DE"),
        ("+442079460000", "GB"),
        ("+33612345678", "FR"),
        ("+18765551234", "JM"),
    ],
)
def test_number_tells_its_country_and_in_north_america_its_state(phone: str, place: str) -> None:
    assert place_of(phone) == place


@pytest.mark.parametrize(
    ("phone", "why"),
    [
        (None, "no number"),
        ("", "no number"),
        ("anonymous", "not a number"),
        ("+18005550100", "toll-free"),
        ("+18885550100", "toll-free"),
        ("+19005550100", "premium"),
        ("+15005550100", "personal"),
        ("+19025550100", "an area that two provinces share"),
        ("+18675550100", "an area that three territories share"),
        ("+80012345678", "international toll-free"),
        ("+882123456789", "satellite"),
        ("+1415", "too short"),
        ("+33123", "too short for its country"),
        ("+11115550100", "an area that does not exist"),
        ("+999123456", "a country that does not exist"),
    ],
)
def test_number_that_tells_no_place_is_unknown(phone: str | None, why: str) -> None:
    assert place_of(phone) == UNKNOWN_PLACE, why


@pytest.mark.parametrize(
    ("place", "codes", "is_inside"),
    [
        ("US-CA", {"US-CA"}, True),
        ("US-CA", {"US"}, True),
        ("US-CA", {"US-NY", "CA-ON"}, False),
        ("US-CA", {"CA"}, False),
        ("DE", {"DE", "FR"}, True),
        ("unknown", {"US", "DE"}, False),
        ("unknown", {"unknown"}, True),
        ("US-CA", {"unknown"}, False),
        ("US-CA", set[str](), False),
    ],
)
def test_country_covers_its_states_and_nothing_covers_the_unknown(
    place: str, codes: set[str], *, is_inside: bool
) -> None:
    assert is_in(PlaceCode(place), set(map(PlaceCode, codes))) is is_inside
