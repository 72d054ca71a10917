"""Which holds keep a call's recordings, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.factories import (
    TICK,
    after,
    make_call,
    make_context,
    make_facts,
    make_hold,
    make_participant,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.holds import LegalHold, Released
from recordingd.domain.matchers import RuleName
from recordingd.planning.holds import held_by, known_holds

SUBJECT = "8:acs:subject"
NAME = RuleName("case-4711")


def released(at: datetime) -> LegalHold:
    return make_hold(released=Released(at=at, by="legal@contoso.example", reason="closed"))


def test_hold_keeps_what_it_matches_and_nothing_else() -> None:
    context = make_context(holds=(make_hold(match=some_participant(SUBJECT)),))
    held = make_facts(make_call(), participants=make_participant(SUBJECT))
    assert held_by(held, context, after(0)) == ("case-4711",)
    assert held_by(make_facts(), context, after(0)) == ()


def test_holds_are_named_in_order() -> None:
    context = make_context(holds=(make_hold("b"), make_hold("a")), orphaned_holds=frozenset({"aa"}))
    assert held_by(make_facts(), context, after(0)) == ("a", "aa", "b")


def test_hold_matches_somebody_who_left_before_the_end() -> None:
    context = make_context(holds=(make_hold(match=some_participant(SUBJECT)),))
    left = make_participant(SUBJECT, left_at=after(10))
    assert held_by(make_facts(participants=left), context, after(20)) == ("case-4711",)


def test_hold_matches_a_tag_that_was_replaced() -> None:
    context = make_context(holds=(make_hold(match=tag_is("case", "4711")),))
    call = make_call(tags={"case": "none"}, past_tags={"case": ("4711",)})
    assert held_by(make_facts(call), context, after(0)) == ("case-4711",)


def test_hold_that_may_match_keeps() -> None:
    context = make_context(holds=(make_hold(match=no_participant(SUBJECT)),))
    ended = make_call(ended_at=after(60))
    assert held_by(make_facts(ended), context, after(days=9999)) == ("case-4711",)


@pytest.mark.parametrize(
    ("now", "is_held"),
    [
        (after(hours=48) - TICK, True),
        (after(hours=48), False),
        (after(hours=48) + TICK, False),
    ],
)
def test_released_hold_counts_until_its_grace_is_over(now: datetime, *, is_held: bool) -> None:
    context = make_context(holds=(released(after(hours=36)),), hold_grace=timedelta(hours=12))
    assert bool(held_by(make_facts(), context, now)) is is_held


def test_release_in_the_future_releases_nothing_yet() -> None:
    context = make_context(holds=(released(after(days=9)),))
    assert held_by(make_facts(), context, after(0)) == ("case-4711",)


def test_ledger_says_how_long_the_grace_of_a_release_lasts() -> None:
    holds = (released(after(0)),)
    context = make_context(holds=holds, releasing_holds=frozenset({NAME}))
    assert held_by(make_facts(), context, after(days=9)) == ("case-4711",)


def test_hold_that_the_ledger_says_has_ended_keeps_nothing() -> None:
    context = make_context(holds=(make_hold(),), ended_holds=frozenset({NAME}))
    assert held_by(make_facts(), context, after(0)) == ()
    assert known_holds(context) == frozenset()


def test_hold_without_a_document_keeps_everything() -> None:
    context = make_context(orphaned_holds=frozenset({RuleName("case-1")}))
    assert held_by(make_facts(), context, after(0)) == ("case-1",)


def test_holds_are_known_whatever_they_match() -> None:
    never = make_hold(match=tag_is("never", "said"))
    context = make_context(holds=(never,), orphaned_holds=frozenset({RuleName("case-1")}))
    assert known_holds(context) == {"case-4711", "case-1"}
