"""What the leaves of a matcher say of places and of the past."""

from __future__ import annotations

from dataclasses import replace

from tests.factories import make_call, make_participant, some_participant, tag_is

from recordingd.domain.matchers import Selector
from recordingd.planning.leaves import actual_of, expected_of
from recordingd.planning.truth import Facts, LifetimeFacts

BY_PLACE = replace(some_participant("x"), selectors=(Selector(places=("west", "unknown")),))
CALLER = make_participant("4:+14155550100")


def test_leaf_about_places_names_what_was_asked_for() -> None:
    assert expected_of(BY_PLACE) == "some of place west or unknown"


def test_leaf_about_places_shows_the_guess_for_each_party() -> None:
    facts = Facts(make_call(), (CALLER, make_participant("8:acs:agent")), settled=True)

    assert actual_of(BY_PLACE, facts) == (
        "+14155550100 in US-CA (a guess), 8:acs:agent in unknown (a guess) "
        "(list not known to be complete)"
    )


def test_leaf_about_something_else_guesses_no_place() -> None:
    facts = Facts(make_call(), (CALLER,), settled=True)

    assert actual_of(some_participant("x"), facts).startswith("+14155550100 (list")


def test_leaf_about_a_tag_shows_its_past_where_that_counts() -> None:
    call = make_call(tags={"queue": "c"}, past_tags={"queue": ("a", "b")})
    leaf = tag_is("queue", "a")

    assert actual_of(leaf, Facts(call, (), settled=True)) == "c"
    assert actual_of(leaf, LifetimeFacts(call, (), settled=True)) == "c, before that b, a"
