"""Calls of the past under other policies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    ALICE,
    BOB,
    T0,
    after,
    keep,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_policy,
    make_receipt,
    make_recording,
    make_retention_rule,
    make_running,
    make_stopped,
    make_verified,
    no_participant,
    tag_is,
)

from recordingd.domain.calls import ConsentAnswer, ServerCallId, call_id_of
from recordingd.domain.consent import Parties
from recordingd.domain.policies import Channels, Content, Decision, MediaFormat, PolicyName
from recordingd.domain.recordings import CallFacts, Outcome
from recordingd.planning.backtest import (
    Backtest,
    Change,
    Compared,
    backtest,
    compare,
    floor_of,
    policies_of,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.sizes import Shape

NOW = after(hours=2)
WAV = Shape(content=Content.AUDIO, channels=Channels.MIXED, format=MediaFormat.WAV)
RECORDING_ALL = make_context()
SKIPPING = make_context(make_policy(decision=Decision.SKIP))
OVER = make_call(ended_at=after(60))


def recorded(name: str = "one", **changes: object) -> CallFacts:
    """A call of a minute of which 59 s are kept, at 1,000 bytes a second."""
    server_call_id = ServerCallId(name)
    call = replace(OVER, call_id=call_id_of(server_call_id), server_call_id=server_call_id)
    return make_facts(
        call,
        participants=make_participant(ALICE),
        recordings=make_stopped(**changes),
        files=make_verified(size_bytes=59_000, duration_ms=59_000),
    )


def unrecorded() -> CallFacts:
    return make_facts(OVER, participants=make_participant(ALICE))


def compared(facts: CallFacts, context: PlanningContext) -> Compared:
    one = compare(facts, context, NOW)
    assert one is not None
    return one


def balanced(context: PlanningContext, *calls: CallFacts) -> Backtest:
    return backtest(compare(facts, context, NOW) for facts in calls)


def test_call_that_stays_as_it_was_shows_no_change() -> None:
    one = compared(recorded(), RECORDING_ALL)

    assert one.changes == ()
    assert policies_of(one.before) == policies_of(one.after) == ("support-line",)


def test_call_that_would_not_be_recorded_is_newly_unrecorded() -> None:
    assert compared(recorded(), SKIPPING).changes == (Change.NEWLY_UNRECORDED,)


def test_call_that_would_be_recorded_is_newly_recorded() -> None:
    one = compared(unrecorded(), RECORDING_ALL)

    assert one.changes == (Change.NEWLY_RECORDED,)
    assert [(part.seconds, part.size_bytes) for part in one.after] == [(60.0, None)]


def test_call_that_nobody_records_either_way_shows_no_change() -> None:
    assert compared(unrecorded(), SKIPPING).changes == ()


def test_call_that_another_policy_would_record_says_so() -> None:
    context = make_context(make_policy("everything"))

    assert compared(recorded(), context).changes == (Change.OTHER_POLICY,)


@pytest.mark.parametrize(
    ("before", "after_", "is_lost"),
    [
        ("90d", "89d", True),
        ("90d", "90d", False),
        ("90d", "91d", False),
        ("90d", None, True),
        (None, "90d", False),
        ("forever", "90d", True),
        ("90d", "forever", False),
    ],
)
def test_floor_is_lost_when_less_is_kept_for_certain(
    before: str | None, after_: str | None, *, is_lost: bool
) -> None:
    context = make_context(make_policy(retention=keep(after_)))
    one = compared(recorded(retention=keep(before)), context)

    assert one.changes == ((Change.FLOOR_LOST,) if is_lost else ())


def test_floor_of_a_call_is_the_lowest_of_its_recordings() -> None:
    low, high = (
        compared(recorded(retention=keep(length)), RECORDING_ALL).before for length in ("1d", "9d")
    )
    floor = floor_of((*high, *low))

    assert floor is not None
    assert floor.at == after(60, days=1)
    assert floor_of((*high, replace(low[0], floor=None))) is None


def test_what_is_to_be_erased_counts_as_not_recorded() -> None:
    erased = recorded(erase_at=after(60))
    refused = replace(unrecorded(), consents=(make_answer(ConsentAnswer.DENIED, ALICE, after(30)),))
    asking = make_context(make_policy(consent=make_consent_rule(Parties.KNOWN)))

    assert compared(erased, SKIPPING).before == ()
    assert compared(refused, asking).after == ()


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.REFUSED])
def test_policy_that_got_nothing_is_named(outcome: Outcome) -> None:
    facts = replace(unrecorded(), recordings=(make_recording(outcome=outcome),))
    one = compared(facts, RECORDING_ALL)

    assert one.changes == (Change.NEWLY_RECORDED,)
    assert one.missed == ("support-line",)


def test_recording_that_was_not_wanted_in_the_end_is_not_missed() -> None:
    facts = replace(unrecorded(), recordings=(make_recording(outcome=Outcome.NOT_RECORDED),))

    assert compared(facts, SKIPPING).missed == ()


def test_call_that_goes_on_is_compared_as_far_as_it_went() -> None:
    live = make_facts(make_call(), participants=make_participant(), recordings=make_running())
    one = compared(live, RECORDING_ALL)

    assert (one.is_over, one.changes) == (False, ())
    assert one.after[0].seconds == 7200


def test_forgotten_calls_are_counted_and_left_out() -> None:
    purged = make_facts(OVER, receipts=make_receipt())
    result = balanced(RECORDING_ALL, purged, recorded())

    assert (result.forgotten, len(result.compared)) == (1, 1)


def test_bytes_are_put_at_what_was_measured() -> None:
    result = balanced(RECORDING_ALL, recorded("one"), unrecorded())

    assert (result.total.before.calls, result.total.before.size_bytes) == (1, 59_000)
    assert not result.total.before.is_estimate
    assert (result.total.after.calls, result.total.after.size_bytes) == (2, 120_000)
    assert result.total.after.is_estimate


def test_bytes_of_what_was_never_recorded_are_as_documented() -> None:
    result = balanced(RECORDING_ALL, unrecorded())

    assert result.total.after.size_bytes == 60 * 32_000
    assert result.total.after.without_rate == ()


def test_shape_without_any_rate_is_named_and_left_out() -> None:
    mp3 = make_policy().record
    assert mp3 is not None
    context = make_context(make_policy(record=replace(mp3, format=MediaFormat.MP3)))
    after_ = balanced(context, unrecorded()).total.after

    assert (after_.calls, after_.size_bytes) == (1, 0)
    assert after_.without_rate == (replace(WAV, format=MediaFormat.MP3),)


def test_every_policy_has_its_own_balance() -> None:
    sales = make_policy("sales", match=tag_is("queue", "sales"))
    tagged = unrecorded()
    tagged = replace(tagged, call=replace(tagged.call, tags={"queue": "sales"}))
    result = balanced(make_context(sales), recorded("one"), tagged)

    assert [(b.policy, b.before.calls, b.after.calls) for b in result.by_policy] == [
        (PolicyName("sales"), 0, 1),
        (PolicyName("support-line"), 1, 0),
    ]
    assert (result.total.policy, result.total.before.calls, result.total.after.calls) == (
        None,
        1,
        1,
    )


def test_nothing_to_compare_comes_to_nothing() -> None:
    result = balanced(RECORDING_ALL)

    assert (result.compared, result.by_policy, result.differences) == ((), (), ())
    assert (result.total.before.calls, result.total.after.calls) == (0, 0)


def test_calls_are_in_the_order_of_their_start() -> None:
    later = recorded("b")
    later = replace(later, call=replace(later.call, started_at=after(10)))
    result = balanced(SKIPPING, later, recorded("a"))

    assert [one.started_at for one in result.differences] == [T0, after(10)]
    assert result.with_change(Change.NEWLY_UNRECORDED) == 2


@pytest.mark.parametrize(
    ("now", "is_lost"),
    [(after(59, days=1), False), (after(60, days=1), True), (after(61, days=1), True)],
)
def test_rule_in_doubt_keeps_a_call_until_it_is_decided(now: datetime, *, is_lost: bool) -> None:
    doubtful = make_retention_rule(spec=keep("5y"), match=no_participant(BOB))
    context = make_context(retention_rules=(doubtful,))
    one = compare(recorded(retention=keep("90d")), context, now)

    assert one is not None
    assert one.changes == ((Change.FLOOR_LOST,) if is_lost else ())
