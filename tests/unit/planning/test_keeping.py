"""What is taken over of changed rules and new facts at once, and what needs an approved plan."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import (
    RECORDING,
    TICK,
    after,
    changed,
    keep,
    make_call,
    make_context,
    make_facts,
    make_file,
    make_keeping,
    make_recording,
    make_retention_rule,
    make_stopped,
    make_verified,
    no_participant,
    tag_is,
)

from recordingd.domain.calls import Call
from recordingd.domain.durations import Duration
from recordingd.domain.plans import ChangeKeeping
from recordingd.domain.recordings import CallFacts, Outcome
from recordingd.domain.retention import (
    CEILING,
    Basis,
    CountFrom,
    EventClock,
    Keeping,
    RetentionSpec,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.keeping import Reconsidered, keeping_changes, plan_keeping, reconsider

ENDED = make_call(ended_at=after(60))
FINAL = after(60, hours=24)
LONG_AFTER = after(days=30)
MIFID = make_keeping(keep("5y", "7y"), "mifid-ii")
DOUBTED = make_keeping(keep("5y", "7y"), "mifid-ii", is_certain=False)


def kept(*keepings: Keeping, call: Call = ENDED, **changes: object) -> CallFacts:
    recording = make_stopped(keeping=keepings, **changes)
    return make_facts(call, recordings=recording, files=make_verified())


def ruled(
    *specs: RetentionSpec, names: tuple[str, ...] = ("mifid-ii", "other"), **changes: object
) -> PlanningContext:
    """Make a context, of a later revision unless told, with rules that match every call."""
    rules = tuple(make_retention_rule(n, s) for n, s in zip(names, specs, strict=False))
    return changed(make_context(retention_rules=rules, revision=4), changes)


def judged(facts: CallFacts, context: PlanningContext, now: datetime = LONG_AFTER) -> Reconsidered:
    return reconsider(facts, facts.recordings[0], context, now)


def specs(found: Reconsidered) -> dict[str, RetentionSpec]:
    return {k.rule: k.spec for k in found.keeping}


# --- after an edit of the rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    "longer",
    [
        keep("6y", "7y"),
        keep("5y", "8y"),
        keep("5y"),
        keep("5y", "7y", basis=Basis.LEGAL_OBLIGATION),
        keep("5y", "7y", count_from=EventClock("contractEnded")),
    ],
    ids=["floor", "deletion", "no deletion", "obligation", "later clock"],
)
def test_what_keeps_longer_is_taken_over_at_once(longer: RetentionSpec) -> None:
    found = judged(kept(MIFID), ruled(longer))
    assert specs(found) == {"mifid-ii": longer}
    assert (found.blocked, found.moves_earlier) == ((), False)


SHORTER = [keep("4y", "7y"), keep("5y", "6y"), keep(None, "7y")]


@pytest.mark.parametrize("shorter", SHORTER, ids=["floor", "deletion", "no floor"])
@pytest.mark.parametrize(
    ("call", "now"),
    [(make_call(), after(70)), (ENDED, after(70)), (ENDED, LONG_AFTER)],
    ids=["live", "just ended", "long ago"],
)
def test_edit_that_keeps_shorter_needs_an_approved_plan(
    shorter: RetentionSpec, call: Call, now: datetime
) -> None:
    facts = kept(MIFID, call=call)

    found = judged(facts, ruled(shorter), now)
    assert (found.keeping, found.blocked) == ((MIFID,), ("mifid-ii",))

    approved = judged(facts, ruled(shorter, shortened=frozenset({RECORDING})), now)
    assert specs(approved) == {"mifid-ii": shorter}
    assert (approved.blocked, approved.moves_earlier) == ((), False)


def test_earlier_clock_needs_an_approved_plan_before_either_moment_is_known() -> None:
    stored = make_keeping(keep(None, "30d", count_from=CountFrom.STORED), "mifid-ii")
    facts = make_facts(recordings=make_stopped(keeping=(stored,)), files=make_file())
    assert judged(facts, ruled(keep(None, "30d"))).blocked == ("mifid-ii",)


def test_event_that_was_not_told_yet_may_come_after_every_date() -> None:
    waiting = make_keeping(keep(None, "1y", count_from=EventClock("x")), "mifid-ii")
    assert judged(kept(waiting), ruled(keep(None, "50y"))).blocked == ("mifid-ii",)


def test_narrower_rule_needs_an_approved_plan_too() -> None:
    rule = make_retention_rule(match=tag_is("desk", "sales"))
    context = make_context(retention_rules=(rule,), revision=4)
    assert judged(kept(MIFID), context).blocked == ("mifid-ii",)
    approved = make_context(retention_rules=(rule,), revision=4, shortened=frozenset({RECORDING}))
    assert judged(kept(MIFID), approved).keeping == ()


def test_new_rule_that_deletes_needs_an_approved_plan() -> None:
    found = judged(kept(), ruled(keep(None, "1d")))
    assert (found.keeping, found.blocked) == ((), ("mifid-ii",))


def test_new_ceiling_needs_an_approved_plan_even_under_the_same_policies() -> None:
    context = make_context(ceiling=Duration(days=1))
    for facts in (kept(), kept(call=make_call())):
        assert judged(facts, context).blocked == (CEILING,)


def test_one_rule_that_shortens_takes_no_lengthening_of_another_with_it() -> None:
    other = make_keeping(keep("1y"), "other")
    found = judged(kept(MIFID, other), ruled(keep("5y", "6y"), keep("3y")))
    assert specs(found) == {"mifid-ii": MIFID.spec, "other": keep("3y")}
    assert found.blocked == ("mifid-ii",)


def test_rule_may_shorten_where_another_keeps_it_as_long() -> None:
    other = make_keeping(keep(None, "1y"), "other")
    found = judged(kept(MIFID, other), ruled(keep(None, "1y"), keep("5y", "7y")))
    assert specs(found) == {"mifid-ii": keep(None, "1y"), "other": keep("5y", "7y")}
    assert found.blocked == ()


def test_room_that_one_rule_makes_is_used_by_one_that_came_first() -> None:
    """Of three rules the first may shorten only thanks to the second, and the last not at all."""
    a, b = make_keeping(keep("3y"), "a"), make_keeping(keep("1y"), "b")
    c = make_keeping(keep(None, "9y"), "c")
    rules = ruled(keep("1y"), keep("3y"), keep(None, "8y"), names=("a", "b", "c"))
    found = judged(kept(a, b, c), rules)
    assert specs(found) == {"a": keep("1y"), "b": keep("3y"), "c": c.spec}
    assert found.blocked == ("c",)


def test_words_that_change_no_date_are_taken_over() -> None:
    found = judged(kept(MIFID), ruled(keep("5y", "7y", decide_after="48h")))
    assert specs(found) == {"mifid-ii": keep("5y", "7y", decide_after="48h")}


# --- by facts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "is_taken"), [(FINAL - TICK, True), (FINAL, False), (FINAL + TICK, False)]
)
def test_fact_may_shorten_only_until_the_rule_is_decided(now: datetime, *, is_taken: bool) -> None:
    found = judged(kept(), ruled(keep(None, "30d"), revision=3), now)
    assert (found.blocked == ()) is is_taken
    assert found.moves_earlier is is_taken


def test_fact_lengthens_at_any_time() -> None:
    found = judged(kept(make_keeping(keep(None, "90d"))), ruled(keep("1y"), revision=3))
    assert set(specs(found)) == {"mifid-ii", "support-line#retention"}


def test_fact_of_a_live_call_moves_no_date_that_was_known() -> None:
    facts = kept(make_keeping(keep(None, "90d")), call=make_call())
    rule = make_retention_rule(spec=keep(None, "1d"), priority=9)
    found = judged(facts, make_context(retention_rules=(rule,)), after(70))
    assert (found.blocked, found.moves_earlier) == ((), False)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(FINAL - TICK, ("mifid-ii",)), (FINAL, ()), (FINAL + TICK, ())],
)
def test_doubt_that_an_edit_ends_lasts_until_it_would_have_ended_anyway(
    now: datetime, expected: tuple[str, ...]
) -> None:
    rule = make_retention_rule(match=tag_is("desk", "sales"))
    found = judged(kept(DOUBTED), make_context(retention_rules=(rule,), revision=4), now)
    assert found.blocked == expected
    assert (found.keeping == ()) is (expected == ())


@pytest.mark.parametrize(
    ("now", "expected"), [(FINAL - TICK, {"mifid-ii"}), (FINAL, set()), (FINAL + TICK, set())]
)
def test_doubt_ends_without_counting_as_a_date_that_came_earlier(
    now: datetime, expected: set[str]
) -> None:
    rule = make_retention_rule(match=no_participant("8:acs:nobody"))
    inline = make_keeping(keep(None, "1y"))
    found = judged(kept(DOUBTED, inline), make_context(retention_rules=(rule,)), now)
    assert set(specs(found)) == {*expected, inline.rule}
    assert (found.blocked, found.moves_earlier) == ((), False)


# --- planned --------------------------------------------------------------------------------------


def test_change_is_planned_with_its_dates_in_words() -> None:
    (change,) = plan_keeping(kept(MIFID), ruled(keep("5y", "8y")), LONG_AFTER).ledger
    assert isinstance(change, ChangeKeeping)
    assert (change.revision, change.moves_earlier) == (4, False)
    assert change.why.text == (
        "kept until 2034-11-02 09:01 UTC instead of until 2033-11-02 09:01 UTC"
    )


def test_nothing_is_planned_where_the_rules_say_what_is_written_down() -> None:
    step = plan_keeping(kept(MIFID), ruled(keep("5y", "7y"), revision=3), LONG_AFTER)
    assert (step.ledger, step.wake_at) == ((), None)


def test_live_call_notes_under_which_rules_its_facts_are_read() -> None:
    (change,) = plan_keeping(kept(call=make_call()), make_context(revision=4), after(70)).ledger
    assert isinstance(change, ChangeKeeping)
    assert (change.keeping, change.revision) == ((), 4)


@pytest.mark.parametrize(
    ("now", "is_noted"), [(FINAL - TICK, True), (FINAL, False), (FINAL + TICK, False)]
)
def test_rules_that_facts_are_read_under_are_noted_while_facts_decide(
    now: datetime, *, is_noted: bool
) -> None:
    step = plan_keeping(kept(MIFID), ruled(keep("5y", "7y")), now)
    assert [type(a) for a in step.ledger] == [ChangeKeeping] * is_noted


def test_kept_recording_of_which_no_fact_decides_is_left_alone_by_a_new_revision() -> None:
    assert plan_keeping(kept(MIFID), ruled(keep("5y", "7y")), LONG_AFTER).ledger == ()


def test_blocked_words_do_not_pass_for_a_facts_work_the_next_time() -> None:
    facts = kept(make_keeping(keep("5y"), "mifid-ii"), call=make_call())
    context = ruled(keep("6y"), keep(None, "9y"))
    (change,) = plan_keeping(facts, context, after(70)).ledger
    assert isinstance(change, ChangeKeeping)
    again = kept(*change.keeping, call=make_call(), keeping_revision=change.revision)
    assert judged(again, context, after(80)).blocked == ("other",)
    assert plan_keeping(again, context, after(80)).ledger == ()


def test_doubt_is_looked_at_again_when_it_ends() -> None:
    rule = make_retention_rule(match=no_participant("8:acs:nobody"))
    context = make_context(retention_rules=(rule,))
    step = plan_keeping(kept(DOUBTED), context, after(70))
    assert (step.ledger, step.wake_at) == ((), FINAL)
    assert plan_keeping(kept(DOUBTED), context, FINAL).ledger != ()


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(ENDED, recordings=make_recording(outcome=Outcome.NOT_RECORDED)),
        make_facts(ENDED, recordings=make_stopped(), files=make_verified(purged_at=after(99))),
        make_facts(ENDED, recordings=make_stopped(), files=make_file(lost_at=after(99))),
    ],
    ids=["never made", "purged", "lost"],
)
def test_rules_are_not_asked_of_what_is_gone(facts: CallFacts) -> None:
    context = ruled(keep("9y"))
    assert plan_keeping(facts, context, LONG_AFTER).ledger == ()
    assert list(keeping_changes(facts, context, LONG_AFTER)) == []


# --- shown ----------------------------------------------------------------------------------------


def test_what_is_taken_over_and_what_is_blocked_are_told_apart() -> None:
    other = make_keeping(keep("1y"), "other")
    context = ruled(keep("5y", "6y"), keep("P78M"))
    taken, blocked = keeping_changes(kept(MIFID, other), context, LONG_AFTER)

    assert (taken.blocked, blocked.blocked) == ((), ("mifid-ii",))
    assert taken.text == (
        "kept at least until 2033-05-02 09:01 UTC instead of until 2031-11-02 09:01 UTC"
    )
    assert blocked.text == (
        "kept until 2033-05-02 09:01 UTC instead of until 2033-11-02 09:01 UTC by mifid-ii"
    )


def test_what_cannot_be_told_in_dates_is_shown_as_blocked_all_the_same() -> None:
    (change,) = keeping_changes(kept(MIFID, call=make_call()), ruled(keep("5y", "6y")), after(70))
    assert (change.text, change.blocked) == ("kept shorter by mifid-ii", ("mifid-ii",))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            keep("6y", "7y"),
            "kept at least until 2032-11-02 09:01 UTC instead of until 2031-11-02 09:01 UTC",
        ),
        (keep("5y"), "kept forever instead of until 2033-11-02 09:01 UTC"),
        (
            keep("5y", "7y", count_from=EventClock("x")),
            "kept until a moment not known yet instead of until 2033-11-02 09:01 UTC",
        ),
    ],
    ids=["floor", "no deletion", "later clock"],
)
def test_dates_are_told_in_words(spec: RetentionSpec, text: str) -> None:
    (change,) = keeping_changes(kept(MIFID), ruled(spec), LONG_AFTER)
    assert change.text == text
