"""What a dry run shows of keeping: dates that change, words that are blocked, purges that are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.factories import (
    RECORDING,
    SOURCE,
    after,
    changed,
    keep,
    make_call,
    make_context,
    make_copy,
    make_facts,
    make_hold,
    make_keeping,
    make_policy,
    make_retention_rule,
    make_stopped,
    make_verified,
)

from recordingd.domain.durations import FOREVER
from recordingd.domain.matchers import Source
from recordingd.domain.plans import Mode
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import RetentionSpec
from recordingd.planning.context import PlanningContext
from recordingd.planning.forecast import PlanLine, Section, plan_lines

NOW = after(days=30)
HERE = Source(file="mifid.yaml", line=2)


def kept(retention: RetentionSpec, **changes: object) -> CallFacts:
    recording = make_stopped(retention=retention, **changes)
    ended = make_call(ended_at=after(60))
    return make_facts(ended, recordings=recording, files=make_verified(), copies=make_copy())


def lines(facts: CallFacts, context: PlanningContext) -> list[PlanLine]:
    return list(plan_lines(facts, context, now=NOW, horizon=after(days=40)))


def saying(spec: RetentionSpec, **changes: object) -> PlanningContext:
    """Make a later revision in which a rule says something of every call."""
    rule = make_retention_rule(spec=spec, source=HERE, priority=9)
    return changed(make_context(make_policy(), retention_rules=(rule,), revision=4), changes)


def test_longer_words_are_shown_with_both_dates() -> None:
    (line,) = lines(kept(keep(None, "90d")), saying(keep(None, "1y")))
    assert (line.section, line.verb, line.target) == (Section.SWEEPS, "change", RECORDING)
    assert line.why.text == "kept until 2027-11-02 09:01 UTC instead of until 2027-01-31 09:01 UTC"
    assert line.why.source == HERE
    assert line.is_due


def test_shorter_words_are_shown_as_blocked_and_as_whose_they_are() -> None:
    (line,) = lines(kept(keep(None, "90d")), saying(keep(None, "60d")))
    assert line.why.text == (
        "kept until 2027-01-01 09:01 UTC instead of until 2027-01-31 09:01 UTC by mifid-ii"
    )
    assert (line.verb, line.why.source) == ("change", HERE)
    assert line.blocked_by == "shortening needs an approved plan"
    assert not line.is_due


def test_approved_shortening_is_shown_as_due() -> None:
    (line,) = lines(
        kept(keep(None, "90d")), saying(keep(None, "60d"), shortened=frozenset({RECORDING}))
    )
    assert line.is_due


def test_change_of_keeping_is_not_due_in_observe_mode() -> None:
    (line,) = lines(kept(keep(None, "90d")), saying(keep(None, "1y"), mode=Mode.OBSERVE))
    assert line.blocked_by == "mode observe"


def test_nothing_is_shown_where_the_dates_stay() -> None:
    assert lines(kept(keep("20d", "90d")), saying(keep("10d"))) == []


@pytest.mark.parametrize(
    ("retention", "context", "blocked_by", "is_forecast"),
    [
        (keep(None, "1d"), make_context(holds=(make_hold(),)), "hold case-4711", False),
        (keep(None, "35d"), make_context(holds=(make_hold(),)), "hold case-4711", True),
        (keep(None, "1d"), make_context(mode=Mode.RETAIN), "mode retain", False),
        (
            keep(None, "1d"),
            make_context(is_deleting_suspended=True),
            "the suspension of deletions",
            False,
        ),
    ],
    ids=["held", "held when it falls due", "mode", "suspended"],
)
def test_purge_that_something_keeps_from_running_is_shown_with_it(
    retention: RetentionSpec, context: PlanningContext, blocked_by: str, *, is_forecast: bool
) -> None:
    (line,) = lines(kept(retention), context)
    assert (line.verb, line.blocked_by, line.is_forecast) == ("purge", blocked_by, is_forecast)
    assert not line.is_due


def test_purge_of_what_came_earlier_is_shown_as_held_back() -> None:
    facts = kept(keep(None, "1d"), delete_moved_at=NOW)
    (line,) = lines(facts, make_context(moves_counted_at=NOW, too_many_moved="9 of 10"))
    assert line.blocked_by == "the guard maxDeletes: 9 of 10"


def test_rule_that_will_delete_is_shown_where_it_stands() -> None:
    mifid = make_keeping(keep(None, "1d"), "mifid-ii", source=HERE, priority=9)
    (line,) = lines(kept(keep(), keeping=(mifid,)), make_context())
    assert (line.verb, line.why.source) == ("purge", HERE)
    assert SOURCE != HERE


# --- what an approved plan would let go, and what stays all the same ------------------------------


@pytest.mark.parametrize(
    ("context", "is_candidate"),
    [
        (saying(keep(None, "60d")), True),
        (saying(keep(None, "60d"), mode=Mode.OBSERVE), True),
        (saying(keep(None, "1y")), False),
        (saying(keep(None, "60d"), shortened=frozenset({RECORDING})), False),
    ],
    ids=["shorter", "shorter, in observe", "longer", "approved"],
)
def test_only_what_waits_for_an_approved_plan_needs_one(
    context: PlanningContext, *, is_candidate: bool
) -> None:
    (line,) = lines(kept(keep(None, "90d")), context)
    assert line.needs_approval is is_candidate
    assert line.recording == RECORDING


@pytest.mark.parametrize(
    ("reason", "is_candidate"),
    [
        ({"moves_counted_at": NOW, "too_many_moved": "9 of 10"}, True),
        ({"mode": Mode.RETAIN, "moves_counted_at": NOW, "too_many_moved": "9 of 10"}, False),
        ({"holds": (make_hold(),), "moves_counted_at": NOW, "too_many_moved": "9 of 10"}, False),
        ({"is_deleting_suspended": True}, False),
    ],
    ids=["too many", "mode", "hold", "suspended"],
)
def test_purge_needs_an_approved_plan_where_nothing_else_keeps_it_from_running(
    reason: dict[str, Any], *, is_candidate: bool
) -> None:
    (line,) = lines(kept(keep(None, "1d"), delete_moved_at=NOW), make_context(**reason))
    assert (line.verb, line.recording, line.needs_approval) == ("purge", RECORDING, is_candidate)
    assert line.goes_at == after(60, days=1)


def test_change_says_when_it_goes_then_and_whether_that_is_shorter() -> None:
    (shorter,) = lines(kept(keep(None, "90d")), saying(keep(None, "60d")))
    (longer,) = lines(kept(keep(None, "90d")), saying(keep(None, "forever")))
    approved = saying(keep(None, "60d"), shortened=frozenset({RECORDING}))
    (due,) = lines(kept(keep(None, "90d")), approved)
    assert (shorter.goes_at, shorter.is_shorter) == (after(60, days=60), True)
    assert (longer.goes_at, longer.is_shorter) == (FOREVER, False)
    assert (due.goes_at, due.is_shorter) == (after(60, days=60), True)


def test_approved_shortening_names_who_approved_it_and_a_lengthening_does_not() -> None:
    named: dict[str, Any] = {"shortened": frozenset({RECORDING}), "approvers": {RECORDING: "ada"}}
    (shorter,) = lines(kept(keep(None, "90d")), saying(keep(None, "60d"), **named))
    (longer,) = lines(kept(keep(None, "90d")), saying(keep(None, "1y"), **named))
    assert shorter.why.text.endswith(", as approved by ada")
    assert "ada" not in longer.why.text


@pytest.mark.parametrize(
    ("floor", "deletion", "is_shown"),
    [("1y", "1d", True), ("1y", "40d", True), ("1y", "41d", False), ("1d", "1d", False)],
    ids=["is over", "is over at the horizon", "is not over", "no later"],
)
def test_what_a_floor_keeps_beyond_its_deletion_is_shown_as_kept(
    floor: str, deletion: str, *, is_shown: bool
) -> None:
    ended = after(60)
    horizon = ended + timedelta(days=40)
    facts = kept(keep(floor, deletion))
    found = [
        line
        for line in plan_lines(facts, make_context(), now=NOW, horizon=horizon)
        if line.verb == "keep"
    ]
    assert [line.target for line in found] == [RECORDING] * is_shown
    for line in found:
        assert not line.is_due
        assert line.goes_at == after(60, days=365)
        assert "support-line#retention keeps it until 2027-11-02 09:01 UTC" in line.why.text
