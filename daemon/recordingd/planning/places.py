"""Where a telephone number is from: its country, for +1 its state or province. Always a guess.

Asked by `planning.selectors` for every participant that a selector names by place. Somebody may
carry a number anywhere, and a caller may show any number; what follows from a place must therefore
be the stricter for `unknown`. The only importer of phonenumbers.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache

from recordingd.domain.places import UNKNOWN_PLACE, PlaceCode
from recordingd.planning.area_codes import STATE_OF_AREA

# Countries of the North American plan that have states in the table of area codes.
_WITH_STATES = frozenset({"US", "CA"})
# What phonenumbers calls the country of a number that has none, as a satellite's.
_NO_COUNTRY = "001"
# More different numbers than calls that live at one time have; an entry takes about 200 bytes.
_NUMBERS_MAX = 16_384


@lru_cache(maxsize=_NUMBERS_MAX)
def place_of(phone: str | None) -> PlaceCode:
    """Guess where an E.164 number is from: `DE`, `US-CA`, `CA-ON`; `unknown` where it cannot tell.

    Unknown are: no number at all, one that no numbering plan has, one of no country, and of +1 the
    toll-free, premium and personal ones and those of an area that several provinces share.
    """
    if phone is None:
        return UNKNOWN_PLACE
    # Takes 40 ms to import, and most policies never ask for a place.
    import phonenumbers

    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return UNKNOWN_PLACE
    if not phonenumbers.is_valid_number(number):
        return UNKNOWN_PLACE
    country = phonenumbers.region_code_for_number(number)
    if country is None or country == _NO_COUNTRY:
        return UNKNOWN_PLACE
    if country not in _WITH_STATES:
        return PlaceCode(country)
    return STATE_OF_AREA.get(str(number.national_number)[:3], UNKNOWN_PLACE)


def is_in(place: PlaceCode, codes: AbstractSet[PlaceCode]) -> bool:
    """Say whether a place is one of some places; a country's code covers its subdivisions."""
    return place in codes or PlaceCode(place.partition("-")[0]) in codes
