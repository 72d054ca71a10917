"""What is wanted of a call: the strictest reason to end it, and the reasons for silence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    ALICE,
    SOURCE,
    TICK,
    after,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_pause_rule,
    make_policy,
    make_recording,
    make_request,
    make_rule_of_consent,
    make_running,
    make_sent,
    make_stopped,
    no_participant,
    tag_is,
)

from recordingd.domain.calls import Call, ConsentAnswer
from recordingd.domain.consent import (
    BeforeDecision,
    ConsentMode,
    ConsentRule,
    ConsentSpec,
    Refusal,
    WithdrawnKept,
)
from recordingd.domain.durations import parse_finite_duration
from recordingd.domain.matchers import FlagField, FlagIs
from recordingd.domain.policies import Captured, Decision, PolicyName, Until
from recordingd.domain.recordings import PauseReason, Recording, StopReason
from recordingd.planning.context import PlanningContext
from recordingd.planning.wishes import Ending, wish

ENDED = make_call(ended_at=after(60))
ASKING_NOTHING = make_rule_of_consent(spec=ConsentSpec(mode=ConsentMode.NONE))


def ending(
    context: PlanningContext,
    *,
    call: Call | None = None,
    answer: ConsentAnswer | None = None,
    seconds: float = 20,
) -> Ending | None:
    facts = make_facts(
        call,
        recordings=make_running(consent=make_consent_rule()),
        participants=make_participant(),
        consents=() if answer is None else make_answer(answer, ALICE),
    )
    return wish(facts, context, after(seconds)).ending


def forbidding(captured: Captured) -> PlanningContext:
    return make_context(make_policy("council", Decision.FORBID, captured=captured))


@pytest.mark.parametrize("captured", Captured)
def test_forbid_says_what_becomes_of_what_was_captured(captured: Captured) -> None:
    found = ending(forbidding(captured), answer=ConsentAnswer.DENIED, call=ENDED, seconds=61)

    assert found is not None
    assert found.stop is StopReason.FORBIDDEN
    assert found.erases is (captured is Captured.DELETE)


def test_refusal_outranks_the_end_of_the_call() -> None:
    """Both may be told at once; what was refused must not be kept for it."""
    found = ending(make_context(), answer=ConsentAnswer.DENIED, call=ENDED, seconds=61)

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CONSENT_DENIED, True)


def test_end_of_the_call_outranks_a_late_answer() -> None:
    found = ending(make_context(), call=ENDED, seconds=61)

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CALL_ENDED, False)


@pytest.mark.parametrize(("seconds", "is_over"), [(30 - 0.001, False), (30, True), (30.001, True)])
def test_missing_answer_ends_the_recording_when_its_time_is_over(
    seconds: float, *, is_over: bool
) -> None:
    found = ending(make_context(), seconds=seconds)

    assert (found is not None) is is_over
    assert found is None or (found.stop, found.erases) == (StopReason.CONSENT_TIMEOUT, True)


@pytest.mark.parametrize(
    ("until", "stop"),
    [(Until.CALL_END, None), (Until.WHILE_MATCHED, StopReason.NO_LONGER_MATCHED)],
)
def test_lost_match_ends_only_what_is_recorded_while_it_matches(
    until: Until, stop: StopReason | None
) -> None:
    context = make_context(make_policy(match=tag_is("queue", "support"), until=until))

    found = ending(context, answer=ConsentAnswer.GRANTED)

    assert (None if found is None else found.stop) is stop


def test_match_of_another_policy_goes_on_with_the_recording() -> None:
    unmatched = make_policy(match=tag_is("queue", "support"), until=Until.WHILE_MATCHED)

    assert (
        ending(make_context(unmatched, make_policy("other")), answer=ConsentAnswer.GRANTED) is None
    )


def test_policy_that_is_gone_ends_nothing() -> None:
    context = make_context(make_policy("other", match=tag_is("queue", "support")))

    assert ending(context, answer=ConsentAnswer.GRANTED) is None


# --- silence --------------------------------------------------------------------------------------

UNDECIDED = make_context(
    make_policy(), make_policy("council", Decision.FORBID, match=no_participant(ALICE))
)


@pytest.mark.parametrize(
    ("now", "alarms"),
    [
        (after(2) - TICK, []),
        (after(2), ["ForbidUndecided"]),
        (after(2) + TICK, ["ForbidUndecided"]),
    ],
)
def test_undecided_forbid_is_silent_and_alarms_once_it_should_be_settled(
    now: datetime, alarms: list[str]
) -> None:
    found = wish(make_facts(recordings=make_running()), UNDECIDED, now)

    assert set(found.pauses) == {PauseReason.SETTLE}
    assert [a.name for a in found.alarms] == alarms


def test_pending_answer_is_a_reason_of_its_own_beside_an_undecided_forbid() -> None:
    facts = make_facts(
        recordings=make_running(consent=make_consent_rule()), participants=make_participant()
    )

    assert set(wish(facts, UNDECIDED, after(1)).pauses) == {
        PauseReason.SETTLE,
        PauseReason.CONSENT,
    }


# --- rules of the policies in force ---------------------------------------------------------------

ALONE = make_facts(recordings=make_running(), participants=make_participant())


def test_policy_that_asks_for_consent_now_silences_what_began_without_it() -> None:
    context = make_context(make_policy(consent=make_consent_rule()))

    assert set(wish(ALONE, context, after(5)).pauses) == {PauseReason.CONSENT}


def test_consent_rule_silences_every_recording_that_it_fits() -> None:
    found = wish(ALONE, make_context(consent_rules=(make_rule_of_consent(),)), after(5))

    assert set(found.pauses) == {PauseReason.CONSENT}
    assert len(found.questions) == 1
    assert found.changes_at == after(35)


def test_pause_rule_silences_beside_consent() -> None:
    context = make_context(
        make_policy(consent=make_consent_rule()), pause_rules=(make_pause_rule(),)
    )

    found = wish(replace(ALONE, requests=(make_request(after(4)),)), context, after(5))

    assert set(map(str, found.pauses)) == {"consent", "pause:card-payment"}


@pytest.mark.parametrize(
    ("now", "pauses"),
    [(after(2) - TICK, {"pause:card-payment"}), (after(2), {"operator"})],
)
def test_rule_in_doubt_counts_until_the_call_is_settled(now: datetime, pauses: set[str]) -> None:
    """Whether it is a rooms call is told at its start, which may still come."""
    in_a_room = FlagIs(path="match", source=SOURCE, field=FlagField.IS_ROOMS_CALL, value=True)
    context = make_context(pause_rules=(make_pause_rule(match=in_a_room),))
    facts = make_facts(
        make_call(started_at=None), recordings=make_running(), requests=make_request()
    )

    found = wish(facts, context, now)

    assert set(map(str, found.pauses)) == pauses
    assert found.changes_at == (after(2) if now < after(2) else None)


def test_observed_rules_ask_for_nothing() -> None:
    context = make_context(
        consent_rules=(make_rule_of_consent(is_observed=True),),
        pause_rules=(make_pause_rule(tags={"a": "b"}, is_observed=True),),
    )
    facts = replace(ALONE, call=make_call(tags={"a": "b"}))

    assert wish(facts, context, after(5)).pauses == {}


def test_call_that_is_not_recorded_is_not_asked_about() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))

    found = wish(make_facts(requests=make_request()), context, after(5))

    assert (found.pauses, found.questions, found.waits_to_start) == ({}, (), False)


@pytest.mark.parametrize(
    ("before", "waits"),
    [(None, False), (BeforeDecision.PAUSED, False), (BeforeDecision.NOT_STARTED, True)],
)
def test_start_waits_where_a_rule_says_so(before: BeforeDecision | None, *, waits: bool) -> None:
    spec = replace(make_consent_rule(), before_decision=before)
    facts = make_facts(recordings=make_recording(), participants=make_participant())
    context = make_context(consent_rules=(make_rule_of_consent(spec=spec),))

    assert wish(facts, context, after(1)).waits_to_start is waits
    agreed = replace(facts, consents=(make_answer(ConsentAnswer.GRANTED, ALICE),))
    assert wish(agreed, context, after(1)).waits_to_start is False


@pytest.mark.parametrize(
    ("rules", "is_required", "pauses", "alarms"),
    [
        ((), False, set(), []),
        ((), True, {"consent"}, ["ConsentRuleMissing"]),
        ((ASKING_NOTHING,), True, set(), []),
    ],
    ids=["not required", "missing", "there is one"],
)
def test_call_that_no_consent_rule_covers_is_silent_where_one_is_required(
    rules: tuple[ConsentRule, ...], pauses: set[str], alarms: list[str], *, is_required: bool
) -> None:
    context = make_context(consent_rules=rules, require_consent_rule=is_required)

    found = wish(ALONE, context, after(hours=1))

    assert set(map(str, found.pauses)) == pauses
    assert [a.name for a in found.alarms] == alarms
    assert found.ending is None


def test_pause_that_lasts_too_long_alarms() -> None:
    context = make_context(pause_rules=(make_pause_rule(alarm_after="10m"),))
    facts = replace(ALONE, requests=(make_request(),))

    assert [a.name for a in wish(facts, context, after(minutes=10)).alarms] == ["PauseOverdue"]


# --- withdrawals and outcomes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "erases"), [(WithdrawnKept.KEEP, False), (WithdrawnKept.REQUEST_ERASURE, True)]
)
def test_withdrawal_ends_the_recording(kept: WithdrawnKept, *, erases: bool) -> None:
    consent = replace(make_consent_rule(), withdrawn_kept=kept)
    facts = make_facts(
        recordings=make_running(consent=consent),
        participants=make_participant(),
        consents=(
            make_answer(ConsentAnswer.GRANTED, ALICE),
            make_answer(ConsentAnswer.WITHDRAWN, ALICE, after(10)),
        ),
    )

    found = wish(facts, make_context(), after(10)).ending

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CONSENT_WITHDRAWN, erases)


def test_refusal_that_only_ends_the_recording_keeps_what_was_captured() -> None:
    consent = replace(make_consent_rule(), denied=Refusal.CONTINUE_UNRECORDED)
    facts = make_facts(
        recordings=make_running(consent=consent),
        participants=make_participant(),
        consents=make_answer(ConsentAnswer.DENIED, ALICE),
    )

    found = wish(facts, make_context(), after(10)).ending

    assert found is not None
    assert (found.stop, found.erases) == (StopReason.CONSENT_DENIED, False)


# --- suspended ------------------------------------------------------------------------------------


def test_suspended_policy_wants_nothing() -> None:
    context = make_context()
    assert wish(make_facts(), context, after(5)).policy is not None

    suspended = replace(context, suspended=frozenset({PolicyName("support-line")}))
    assert wish(make_facts(), suspended, after(5)).policy is None


# --- seams ----------------------------------------------------------------------------------------

LONG = make_running(rotate_every=parse_finite_duration("8h"))


@pytest.mark.parametrize(
    ("now", "is_over"),
    [(after(hours=8) - TICK, False), (after(hours=8), True), (after(hours=8) + TICK, True)],
)
def test_recording_ends_at_its_seam(now: datetime, *, is_over: bool) -> None:
    found = wish(make_facts(recordings=LONG), make_context(), now)

    assert (found.ending is not None) is is_over
    assert found.ending is None or (found.ending.stop, found.ending.erases) == (
        StopReason.ROTATED,
        False,
    )
    assert found.changes_at == (None if is_over else after(hours=8))


@pytest.mark.parametrize(
    "recording",
    [
        make_running(),
        make_sent(rotate_every=LONG.rotate_every),
        make_recording(rotate_every=LONG.rotate_every),
    ],
    ids=["no seam", "start unresolved", "not sent"],
)
def test_no_seam_without_a_length_or_while_the_start_is_unresolved(recording: Recording) -> None:
    found = wish(make_facts(recordings=recording), make_context(), after(hours=9))

    assert (found.ending, found.changes_at) == (None, None)


def test_end_of_the_call_outranks_a_seam() -> None:
    facts = make_facts(make_call(ended_at=after(hours=8)), recordings=LONG)

    found = wish(facts, make_context(), after(hours=9)).ending

    assert found is not None
    assert found.stop is StopReason.CALL_ENDED


def test_recording_that_nobody_would_go_on_with_has_no_seam() -> None:
    gone = make_context(make_policy("other", match=tag_is("queue", "x")))

    assert wish(make_facts(recordings=LONG), gone, after(hours=9)).ending is None


def test_policy_that_records_to_the_end_of_the_call_goes_on_after_a_seam() -> None:
    lost = make_context(make_policy(match=tag_is("queue", "x")))
    facts = make_facts(recordings=make_stopped(stop_reason=StopReason.ROTATED))

    found = wish(facts, lost, after(61)).policy

    assert found is not None
    assert found.name == "support-line"


@pytest.mark.parametrize(
    "context",
    [
        make_context(make_policy(match=tag_is("queue", "x"), until=Until.WHILE_MATCHED)),
        make_context(make_policy(), make_policy("council", Decision.FORBID)),
        replace(make_context(), suspended=frozenset({PolicyName("support-line")})),
    ],
    ids=["no longer matched", "forbidden", "suspended"],
)
def test_nobody_goes_on_after_a_seam_where_nobody_may(context: PlanningContext) -> None:
    facts = make_facts(recordings=make_stopped(stop_reason=StopReason.ROTATED))

    assert wish(facts, context, after(61)).policy is None
