"""The dates that follow from what rules say, and which of two dates is the earlier."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.factories import (
    TICK,
    after,
    keep,
    make_call,
    make_facts,
    make_file,
    make_keeping,
    make_stopped,
    make_verified,
)

from recordingd.domain.durations import FOREVER
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import (
    CEILING,
    Basis,
    CountFrom,
    EventClock,
    Keeping,
    RetentionSpec,
)
from recordingd.planning.dates import (
    Date,
    Dated,
    anchors_of,
    dates_of,
    decided_at,
    is_earlier,
    is_sooner,
    later,
)

CONTRACT = EventClock("contractEnded")
ENDED = make_facts(make_call(ended_at=after(60)), recordings=make_stopped(), files=make_verified())


def day(days: float) -> datetime:
    return after(60, days=days)


def said(*keepings: Keeping, facts: CallFacts = ENDED) -> tuple[Date, str | None, Date]:
    """Return when it goes, by which rule, and the floor."""
    dates = dates_of(keepings, anchors_of(facts, facts.recordings[0]))
    rule = None if dates.deletion is None else dates.deletion.rule
    return dates.delete_at, rule, None if dates.floor is None else dates.floor.at


# --- which rule decides ---------------------------------------------------------------------------


def test_highest_priority_deletes_even_where_another_rule_would_later() -> None:
    low = make_keeping(keep(None, "9d"), "low")
    high = make_keeping(keep(None, "2d"), "high", priority=1)
    assert said(high, low) == (day(2), "high", None)


def test_later_date_wins_between_equal_priorities() -> None:
    early = make_keeping(keep(None, "2d"), "early")
    late = make_keeping(keep(None, "9d"), "late")
    assert said(early, late) == (day(9), "late", None)


def test_first_name_stands_for_equal_dates() -> None:
    one, other = make_keeping(keep(None, "2d"), "a"), make_keeping(keep(None, "2d"), "b")
    assert said(other, one) == (day(2), "a", None)


def test_latest_floor_puts_off_every_deletion() -> None:
    short = make_keeping(keep("3d", "4d"), "short", priority=9)
    long = make_keeping(keep("8d"), "long")
    assert said(long, short) == (day(8), "short", day(8))


def test_ceiling_counts_only_where_no_rule_deletes() -> None:
    ceiling = make_keeping(keep(None, "5d"), CEILING)
    assert said(make_keeping(keep("1d"), "a"), ceiling) == (day(5), CEILING, day(1))
    assert said(make_keeping(keep(None, "9d"), "a"), ceiling) == (day(9), "a", None)
    assert said(make_keeping(keep(None, "1d"), "a"), ceiling) == (day(1), "a", None)


def test_ceiling_never_goes_below_a_floor() -> None:
    ceiling = make_keeping(keep(None, "5d"), CEILING)
    assert said(make_keeping(keep("6d"), "a"), ceiling) == (day(6), CEILING, day(6))


def test_nothing_is_deleted_where_no_rule_says_so() -> None:
    assert said() == (FOREVER, None, None)
    assert said(make_keeping(keep("1d"), "a")) == (FOREVER, None, day(1))


# --- in doubt -------------------------------------------------------------------------------------


def test_rule_in_doubt_keeps_as_if_it_matched() -> None:
    doubted = make_keeping(keep("8d"), "a", is_certain=False)
    assert said(doubted, make_keeping(keep(None, "2d"), "b")) == (day(8), "b", day(8))


@pytest.mark.parametrize(
    ("doubted", "expected"),
    [
        (make_keeping(keep(None, "1d"), "a", is_certain=False, priority=9), (day(2), "b", None)),
        (make_keeping(keep(None, "5d"), "a", is_certain=False, priority=9), (day(5), "a", None)),
        (make_keeping(keep(None, "5d"), "a", is_certain=False), (day(5), "a", None)),
        (make_keeping(keep(None, "5d"), "a", is_certain=False, priority=-1), (day(2), "b", None)),
    ],
    ids=["earlier", "later", "equal priority", "lower priority"],
)
def test_deletion_in_doubt_only_puts_off(doubted: Keeping, expected: object) -> None:
    assert said(doubted, make_keeping(keep(None, "2d"), "b")) == expected


def test_nothing_goes_by_a_rule_in_doubt_alone() -> None:
    assert said(make_keeping(keep(None, "1d"), "a", is_certain=False)) == (FOREVER, None, None)


@pytest.mark.parametrize(("length", "expected"), [("1d", (day(5), CEILING)), ("9d", (day(9), "a"))])
def test_ceiling_waits_for_a_rule_in_doubt(length: str, expected: tuple[Date, str]) -> None:
    ceiling = make_keeping(keep(None, "5d"), CEILING)
    doubted = make_keeping(keep(None, length), "a", is_certain=False)
    assert said(doubted, ceiling)[:2] == expected


# --- legal obligations ----------------------------------------------------------------------------


def test_legal_floor_is_the_latest_of_the_legal_obligations_alone() -> None:
    legal = make_keeping(keep("3d", basis=Basis.LEGAL_OBLIGATION), "legal")
    need = make_keeping(keep("8d"), "need")
    dates = dates_of((legal, need), anchors_of(ENDED, ENDED.recordings[0]))
    assert dates.legal_floor == Dated(at=day(3), rule="legal")
    assert dates.floor == Dated(at=day(8), rule="need")


# --- the moments that they count from -------------------------------------------------------------


def test_each_rule_counts_from_its_own_moment() -> None:
    facts = make_facts(
        make_call(ended_at=after(60), moments={"contractEnded": after(days=100)}),
        recordings=make_stopped(),
        files=make_verified(verified_at=after(500)),
    )
    by_contract = make_keeping(keep("1d", count_from=CONTRACT), "contract")
    by_storing = make_keeping(keep(None, "3d", count_from=CountFrom.STORED), "stored")
    assert said(by_contract, facts=facts) == (FOREVER, None, after(days=101))
    assert said(by_storing, facts=facts) == (after(500, days=3), "stored", None)


@pytest.mark.parametrize(
    ("keeping", "facts"),
    [
        (make_keeping(keep(None, "1d", count_from=CONTRACT), "a"), ENDED),
        (make_keeping(keep(None, "1d"), "a"), make_facts(recordings=make_stopped())),
        (
            make_keeping(keep(None, "1d", count_from=CountFrom.STORED), "a"),
            make_facts(make_call(ended_at=after(60)), recordings=make_stopped(), files=make_file()),
        ),
    ],
    ids=["event", "call end", "stored"],
)
def test_nothing_is_due_before_its_moment_is_known(keeping: Keeping, facts: CallFacts) -> None:
    assert said(keeping, facts=facts) == (None, "a", None)


def test_floor_that_is_not_known_yet_blocks_a_deletion_that_is() -> None:
    waiting = make_keeping(keep("1d", count_from=CONTRACT), "contract")
    assert said(waiting, make_keeping(keep(None, "1d"), "b")) == (None, "b", None)


def test_forever_needs_no_moment() -> None:
    live = make_facts(recordings=make_stopped())
    assert said(make_keeping(keep("forever", "1d"), "a"), facts=live) == (FOREVER, "a", FOREVER)


def test_29_february_ends_on_the_28th_of_other_years() -> None:
    facts = make_facts(
        make_call(ended_at=datetime(2028, 2, 29, 12, tzinfo=UTC)), recordings=make_stopped()
    )
    yearly = make_keeping(keep("1y", "4y"), "a")
    floor, goes = datetime(2029, 2, 28, 12, tzinfo=UTC), datetime(2032, 2, 29, 12, tzinfo=UTC)
    assert said(yearly, facts=facts) == (goes, "a", floor)


def test_rule_is_decided_so_long_after_the_calls_end() -> None:
    spec = keep("1d", decide_after="36h")
    assert decided_at(ENDED, ENDED.recordings[0], spec) == after(60, hours=36)
    live = make_facts(recordings=make_stopped())
    assert decided_at(live, live.recordings[0], spec) is None


# --- earlier and later ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "other", "is_before"),
    [
        (day(1), day(1) + TICK, True),
        (day(1), day(1), False),
        (day(1) + TICK, day(1), False),
        (day(1), None, True),
        (None, day(1), False),
        (None, FOREVER, True),
        (FOREVER, None, False),
        (FOREVER, FOREVER, False),
        (None, None, False),
    ],
)
def test_unknown_comes_after_every_date_and_never_after_that(
    date: Date, other: Date, *, is_before: bool
) -> None:
    assert is_sooner(date, than=other) is is_before
    assert not is_before or later(date, other) == other


LEGAL = keep("9d", basis=Basis.LEGAL_OBLIGATION)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (keep(None, "1d"), keep(None, "2d")),
        (keep(None, "1d"), keep()),
        (keep("1d"), keep("2d")),
        (keep(), keep("2d")),
        (keep("9d"), LEGAL),
        (keep("8d", "20d"), keep("9d", "20d")),
    ],
    ids=["deletion", "new deletion", "floor", "no floor", "no obligation", "floor below deletion"],
)
def test_anything_that_may_go_earlier_is_earlier(new: RetentionSpec, old: RetentionSpec) -> None:
    known = anchors_of(ENDED, ENDED.recordings[0])
    dates, than = (dates_of((make_keeping(s, "a"),), known) for s in (new, old))
    assert is_earlier(dates, than=than)
    assert not is_earlier(than, than=dates)
    assert not is_earlier(dates, than=dates)
