"""The codes of places are those that telephone numbers tell."""

from __future__ import annotations

import phonenumbers
import pytest

from recordingd.config.place_codes import COUNTRIES, SUBDIVISIONS, is_place_code, place_code_hint


def test_every_country_that_a_number_can_tell_is_known() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) <= COUNTRIES


def test_states_and_provinces_are_complete() -> None:
    assert sum(code.startswith("US-") for code in SUBDIVISIONS) == 51
    assert sum(code.startswith("CA-") for code in SUBDIVISIONS) == 13
    assert len(SUBDIVISIONS) == 64


@pytest.mark.parametrize("code", ["DE", "US", "US-CA", "CA-QC", "PR"])
def test_code_is_known(code: str) -> None:
    assert is_place_code(code)


@pytest.mark.parametrize("code", ["de", "USA", "US-ca", "DE-BY", "unknown", "", "US-"])
def test_other_text_is_no_code(code: str) -> None:
    assert not is_place_code(code)


@pytest.mark.parametrize(
    ("text", "code"),
    [(" us-ca ", "US-CA"), ("EL", "GR"), ("DE-BY", "DE"), ("US-XX", "US"), ("Germany", None)],
)
def test_closest_code_is_offered(text: str, code: str | None) -> None:
    assert place_code_hint(text) == code
