"""Laws of approval: a plan names what waits for it, and once approved that is what happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from tests.factories import RECORDING, make_copy, make_supplies
from tests.properties.test_retention_laws import MOMENTS, calls, rulebooks, settled, written

from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.planning.advance import advance
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import Date, anchors_of, dates_of, is_sooner
from recordingd.planning.forecast import CHANGE, PlanLine, plan_lines
from recordingd.planning.keeping import waiting_in

LAWS = settings(max_examples=100, deadline=None)


def shown(facts: CallFacts, context: PlanningContext, since_end: timedelta) -> list[PlanLine]:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    return list(plan_lines(facts, context, now=now, horizon=now))


def candidates(lines: list[PlanLine]) -> frozenset[RecordingId]:
    return frozenset(r for one in lines if one.needs_approval if (r := one.recording) is not None)


def goes_at(facts: CallFacts) -> Date:
    (recording,) = facts.recordings
    return dates_of(recording.keeping, anchors_of(facts, recording)).delete_at


def begun(facts: CallFacts, old: PlanningContext, since_end: timedelta) -> CallFacts:
    """Return what the daemon has written down under the rules of before."""
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    made = settled(written(facts, old, now), old, now)
    return replace(made, copies=(make_copy(),))


def after_step(facts: CallFacts, context: PlanningContext, since_end: timedelta) -> CallFacts:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    return advance(facts, context, make_supplies(), busy=frozenset(), now=now).facts


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_plan_names_exactly_what_waits(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    before = begun(facts, old, since_end)
    assert before.call.ended_at is not None
    waiting = waiting_in(before, new, before.call.ended_at + since_end)
    assert candidates(shown(before, new, since_end)) == frozenset({RECORDING} if waiting else ())


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_plan_that_is_approved_as_it_stands_leaves_nothing_to_approve(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    before = begun(facts, old, since_end)
    named = candidates(shown(before, new, since_end))
    approved = replace(new, shortened=named)
    assert candidates(shown(before, approved, since_end)) == frozenset()
    done = after_step(before, approved, since_end)
    assert candidates(shown(done, approved, since_end)) == frozenset()


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_dates_that_a_plan_shows_as_due_are_then_written_down(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    before = begun(facts, old, since_end)
    for context in (new, replace(new, shortened=frozenset({RECORDING}))):
        lines = shown(before, context, since_end)
        changes = [one for one in lines if one.verb == CHANGE and one.is_due]
        done = after_step(before, context, since_end)
        if changes:
            assert changes[-1].goes_at == goes_at(done)
        else:
            assert goes_at(done) == goes_at(before)


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_edit_alone_lets_nothing_go_earlier_once_facts_decide_no_more(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    before = begun(facts, old, timedelta(days=400))
    done = after_step(before, new, timedelta(days=400) + since_end)
    assert not is_sooner(goes_at(done), than=goes_at(before))
