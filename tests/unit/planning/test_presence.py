"""Who is in a call, from joins, leavings and lists in any order."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import ALICE, BOB, T0, TICK, after, make_participant, make_party

from recordingd.planning.presence import Rows, joined, left, listed

A, B = make_party(ALICE), make_party(BOB)


def present(rows: Rows) -> set[str]:
    return {row.party.raw_id for row in rows if row.is_present}


def test_somebody_who_comes_back_has_a_second_row() -> None:
    rows = joined(left(joined((), A, T0), A, after(5)), A, after(9))

    assert rows == (make_participant(ALICE, T0, after(5)), make_participant(ALICE, after(9)))


def test_join_that_comes_after_its_leaving_does_not_last() -> None:
    rows = joined(left((), A, after(5)), A, T0)

    assert present(rows) == set()


def test_return_that_is_told_before_the_leaving_lasts() -> None:
    """Otherwise somebody who is in the call would not be asked for consent."""
    rows = left(joined(joined((), A, T0), A, after(9)), A, after(5))

    assert present(rows) == {ALICE}


def test_first_leaving_after_a_join_ends_it_and_the_next_one_ends_the_return() -> None:
    rows = joined((), A, T0)
    rows = left(left(rows, A, after(9)), A, after(3))

    assert present(joined(rows, A, after(6))) == set()


@pytest.mark.parametrize(
    ("at", "is_present"), [(after(5) - TICK, False), (after(5), False), (after(5) + TICK, True)]
)
def test_join_counts_only_after_the_last_leaving(at: datetime, *, is_present: bool) -> None:
    rows = joined(left(joined((), A, T0), A, after(5)), A, at)

    assert (present(rows) == {ALICE}) is is_present


def test_repeated_join_adds_what_it_says_of_the_party() -> None:
    named = make_party(ALICE, display_name="Alice", phone="+1")

    rows = joined(joined((), A, T0), named, T0)

    assert [row.party for row in rows] == [named]


def test_list_adds_the_missing_and_ends_the_unlisted() -> None:
    rows = listed(joined((), A, T0), (B,), after(5))

    assert rows == (make_participant(ALICE, T0, after(5)), make_participant(BOB, after(5)))


@pytest.mark.parametrize(
    ("joined_at", "is_present"),
    [(after(5) - TICK, False), (after(5), False), (after(5) + TICK, True)],
)
def test_list_says_nothing_of_those_who_joined_after_it(
    joined_at: datetime, *, is_present: bool
) -> None:
    rows = listed(joined((), A, joined_at), (), after(5))

    assert (present(rows) == {ALICE}) is is_present


def test_list_does_not_bring_back_those_who_left_after_it() -> None:
    rows = left(joined((), A, T0), A, after(9))

    assert present(listed(rows, (A,), after(5))) == set()
