"""One moment of a call against what is expected of it, field by field."""

from __future__ import annotations

import pytest
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    SOURCE,
    T0,
    after,
    changed,
    keep,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_hold,
    make_party,
    make_policy,
    make_retention_rule,
    make_spec,
    tag_is,
)

from recordingd.domain.calls import CallEnded, ParticipantAdded
from recordingd.domain.consent import Parties
from recordingd.domain.durations import FOREVER, Duration, Forever, parse_duration
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import Decision, PolicyName
from recordingd.domain.policy_tests import Expectation, ExpectedCapture, ExpectedRetention
from recordingd.domain.retention import CountFrom, EventClock
from recordingd.planning.context import PlanningContext
from recordingd.planning.expectations import mismatches_of
from recordingd.planning.rehearsal import Happening, Snapshot, rehearse

KEEPING = make_policy(retention=keep("90d", "2y"))


def moment(context: PlanningContext, *, has_ended: bool = False, **call: object) -> Snapshot:
    """Play a call with Alice in it; `has_ended` ends it after a minute."""
    joined = ParticipantAdded(about=ABOUT, at=T0, party=make_party(ALICE))
    happenings = [Happening(at=T0, events=(joined,))]
    if has_ended:
        happenings.append(Happening(at=after(60), events=(CallEnded(about=ABOUT, at=after(60)),)))
    *_, last = rehearse(make_facts(make_call(**call)), happenings, context)
    return last


def missed(
    context: PlanningContext, snapshot: Snapshot | None = None, **fields: object
) -> list[str]:
    """Return what is not as expected, in words."""
    expectation = changed(Expectation(source=SOURCE, after=0), fields)
    return [str(m) for m in mismatches_of(expectation, snapshot or moment(context), context)]


def length(text: str) -> Duration | Forever:
    return parse_duration(text)


def test_nothing_is_looked_at_that_is_not_expected() -> None:
    assert missed(make_context()) == []


def test_policy_is_the_one_that_wins() -> None:
    context = make_context()

    assert missed(context, policy=PolicyName("support-line")) == []
    assert missed(context, policy=PolicyName("sales")) == [
        "policy: expected sales, got support-line"
    ]
    assert missed(context, policy=PolicyName("")) == ["policy: expected none, got support-line"]


def test_no_policy_is_an_expectation_too() -> None:
    context = make_context(make_policy(match=tag_is("queue", "sales")))

    assert missed(context, policy=PolicyName("")) == []
    assert missed(context, policy=PolicyName("sales")) == ["policy: expected sales, got none"]


def test_decision_is_the_winners() -> None:
    context = make_context(make_policy(decision=Decision.REQUIRE))

    assert missed(context, decision=Decision.REQUIRE) == []
    assert missed(context, decision=Decision.SKIP) == ["decision: expected skip, got require"]


def test_recording_is_compared_by_the_fields_that_are_written() -> None:
    context = make_context()

    assert missed(context, record={"channels": "mixed"}) == []
    assert missed(context, record={"channels": "unmixed", "format": "mp3"}) == [
        "record.channels: expected unmixed, got mixed",
        "record.format: expected mp3, got wav",
    ]


def test_call_that_is_not_recorded_is_recorded_in_no_way() -> None:
    context = make_context(make_policy(decision=Decision.SKIP))

    assert missed(context, record={"content": "audio"}) == [
        "record.content: expected audio, got none"
    ]


def test_assignment_is_compared_by_the_channels_that_are_written() -> None:
    context = make_context(make_policy(record=make_spec(assign={0: ALICE, 1: BOB})))

    assert missed(context, assign={0: ALICE}) == []
    assert missed(context, assign={0: BOB}) == [f"record.assign.0: expected {BOB}, got {ALICE}"]
    assert missed(context, assign={}) == [f"record.assign.0: expected none, got {ALICE}"]


def test_capture_pauses_and_consent_are_compared() -> None:
    context = make_context(make_policy(consent=make_consent_rule(Parties.KNOWN)))

    assert (
        missed(
            context,
            capture=ExpectedCapture.PAUSED,
            pauses=frozenset({"consent"}),
            consent="pending",
        )
        == []
    )
    assert missed(
        context, capture=ExpectedCapture.ACTIVE, pauses=frozenset(), consent="granted"
    ) == [
        "capture: expected active, got paused",
        "pauses: expected none, got consent",
        "consent: expected granted, got pending",
    ]


def test_holds_are_compared_as_a_whole() -> None:
    context = make_context(holds=(make_hold("case-1"), make_hold("case-2")))

    assert missed(context, holds=frozenset({RuleName("case-1"), RuleName("case-2")})) == []
    assert missed(context, holds=frozenset({RuleName("case-1")})) == [
        "holds: expected case-1, got case-1, case-2"
    ]


def test_dates_are_lengths_from_the_end_of_the_call() -> None:
    context = make_context(KEEPING)
    snapshot = moment(context, has_ended=True)
    expected = ExpectedRetention(keep_until=length("90d"), delete_after=length("2y"))

    assert missed(context, snapshot, retention=expected) == []


def test_other_dates_are_told_with_the_days_between() -> None:
    context = make_context(KEEPING)
    snapshot = moment(context, has_ended=True)
    expected = ExpectedRetention(keep_until=length("91d"), delete_after=FOREVER)

    assert missed(context, snapshot, retention=expected) == [
        "retention.keepUntil: expected 91d, got 2027-01-31 09:01, 90 days on",
        "retention.deleteAfter: expected forever, got 2028-11-02 09:01, 731 days on",
    ]


def test_dates_are_not_known_before_the_end() -> None:
    context = make_context(KEEPING)
    expected = ExpectedRetention(keep_until=length("90d"))

    assert missed(context, retention=expected) == [
        "retention.keepUntil: expected 90d, got not known yet"
    ]


def test_missing_floor_and_missing_deletion_are_told_as_such() -> None:
    context = make_context()
    snapshot = moment(context, has_ended=True)
    expected = ExpectedRetention(keep_until=length("90d"), delete_after=length("1y"))

    assert missed(context, snapshot, retention=expected) == [
        "retention.keepUntil: expected 90d, got no floor",
        "retention.deleteAfter: expected 1y, got forever",
    ]


def test_call_without_a_recording_has_no_dates() -> None:
    context = make_context(make_policy(decision=Decision.SKIP))
    expected = ExpectedRetention(keep_until=length("90d"))

    assert missed(context, retention=expected) == ["retention: expected dates, got no recording"]


@pytest.mark.parametrize("clock", [CountFrom.STORED, EventClock("contractEnd")])
def test_dates_are_lengths_from_whatever_moment_they_count_from(
    clock: CountFrom | EventClock,
) -> None:
    context = make_context(make_policy(retention=keep("90d", count_from=clock)))
    snapshot = moment(context, has_ended=True, moments={"contractEnd": after(days=40)})

    assert missed(context, snapshot, retention=ExpectedRetention(keep_until=length("90d"))) == []


def test_rule_is_that_of_the_deletion_and_of_the_floor_where_only_that_is_expected() -> None:
    floor = make_retention_rule("floor", keep("5y"))
    context = make_context(make_policy(retention=keep(None, "2y")), retention_rules=(floor,))
    snapshot = moment(context, has_ended=True)

    only_floor = ExpectedRetention(keep_until=length("5y"), rule=RuleName("floor"))
    assert missed(context, snapshot, retention=only_floor) == []
    deletion = ExpectedRetention(rule=RuleName("support-line#retention"))
    assert missed(context, snapshot, retention=deletion) == []
    wrong = ExpectedRetention(keep_until=length("5y"), rule=RuleName("support-line#retention"))
    assert missed(context, snapshot, retention=wrong) == [
        "retention.rule: expected support-line#retention, got floor"
    ]
