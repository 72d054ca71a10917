"""Recordings that are over, and what becomes known of them since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    TICK,
    after,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_file,
    make_participant,
    make_rule_of_consent,
    make_running,
    make_sent,
    make_stopped,
    make_verified,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import ConsentMode, ConsentSpec, Parties, Refusal, WithdrawnKept
from recordingd.domain.plans import BringForwardErasure, ReasonCode
from recordingd.domain.recordings import (
    CallFacts,
    Consent,
    Outcome,
    Recording,
    RecordingId,
    StopReason,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.erasing import plan_erasures
from recordingd.planning.steps import NOTHING

ENDED = make_call(ended_at=after(60))
ASKED = make_stopped(consent=make_consent_rule())
PLAIN = make_context()
LATER = after(days=1)


def over(*answers: Consent, recording: Recording = ASKED) -> CallFacts:
    """Make a call that is over, of one participant who left with it."""
    return make_facts(
        ENDED,
        recordings=recording,
        participants=make_participant(left_at=after(60)),
        consents=answers,
    )


def erased(
    facts: CallFacts, context: PlanningContext = PLAIN, now: datetime = LATER
) -> dict[str, ReasonCode]:
    found: dict[str, ReasonCode] = {}
    for action in plan_erasures(facts, context, now).ledger:
        assert isinstance(action, BringForwardErasure)
        assert action.at == now
        found[action.recording] = action.why.code
    return found


# --- taken back -----------------------------------------------------------------------------------

TAKEN_BACK = (
    make_answer(ConsentAnswer.GRANTED, ALICE),
    make_answer(ConsentAnswer.WITHDRAWN, ALICE, after(hours=5)),
)


def test_consent_that_was_never_taken_back_erases_nothing() -> None:
    assert plan_erasures(over(TAKEN_BACK[0]), PLAIN, LATER) == NOTHING


def test_consent_that_is_taken_back_afterwards_erases() -> None:
    assert erased(over(*TAKEN_BACK)) == {"rec-1": ReasonCode.CONSENT_WITHDRAWN}


def test_consent_that_is_taken_back_for_the_whole_call_erases() -> None:
    answer = make_answer(ConsentAnswer.WITHDRAWN, None, after(hours=5))

    assert erased(over(answer)) == {"rec-1": ReasonCode.CONSENT_WITHDRAWN}


def test_consent_that_was_given_again_erases_nothing() -> None:
    again = make_answer(ConsentAnswer.GRANTED, ALICE, after(hours=6))

    assert erased(over(*TAKEN_BACK, again)) == {}


def test_consent_for_another_purpose_erases_nothing() -> None:
    other = make_answer(ConsentAnswer.WITHDRAWN, ALICE, after(hours=5), purpose="training")

    assert erased(over(other)) == {}


def test_rule_may_keep_what_was_captured() -> None:
    keeping = replace(make_consent_rule(), withdrawn_kept=WithdrawnKept.KEEP)

    assert erased(over(*TAKEN_BACK, recording=make_stopped(consent=keeping))) == {}


def test_rule_in_a_document_of_its_own_counts_as_well() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))

    assert set(erased(over(*TAKEN_BACK, recording=make_stopped()), context)) == {"rec-1"}


@pytest.mark.parametrize(
    ("recording", "is_erased"),
    [
        (make_stopped(), False),
        (make_stopped(asked={"all-parties@1": after(5)}), True),
        (make_stopped(consent=ConsentSpec(mode=ConsentMode.NONE)), False),
    ],
    ids=["never asked", "its rule is gone", "asked for nothing"],
)
def test_what_was_asked_goes_on_mattering(recording: Recording, *, is_erased: bool) -> None:
    assert bool(erased(over(*TAKEN_BACK, recording=recording))) is is_erased


def test_somebody_whom_no_rule_asks_takes_nothing_back() -> None:
    external = make_stopped(consent=make_consent_rule(Parties.EXTERNAL))
    facts = make_facts(
        ENDED,
        recordings=external,
        participants=make_participant(AGENT, left_at=after(60)),
        consents=make_answer(ConsentAnswer.WITHDRAWN, AGENT, after(70)),
    )

    assert erased(facts, make_context(internal=[AGENT])) == {}


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered_at", "is_erased"),
    [(after(60) - TICK, True), (after(60), True), (after(60) + TICK, False)],
)
def test_refusal_in_the_call_that_reached_us_after_it_erases(
    answered_at: datetime, *, is_erased: bool
) -> None:
    late = replace(
        make_answer(ConsentAnswer.DENIED, ALICE, answered_at), received_at=after(hours=1)
    )

    assert erased(over(late)) == ({"rec-1": ReasonCode.CONSENT_DENIED} if is_erased else {})


def test_refusal_erases_only_where_its_outcome_says_so() -> None:
    kept = make_stopped(consent=replace(make_consent_rule(), denied=Refusal.CONTINUE_UNRECORDED))

    assert erased(over(make_answer(ConsentAnswer.DENIED, ALICE), recording=kept)) == {}


@pytest.mark.parametrize(
    "recording",
    [
        make_running(consent=make_consent_rule()),
        make_stopped(consent=make_consent_rule(), erase_at=after(61)),
        make_sent(consent=make_consent_rule(), outcome=Outcome.LOST),
    ],
    ids=["still running", "erased already", "lost"],
)
def test_only_what_is_over_and_may_have_a_file_is_looked_at(recording: Recording) -> None:
    assert erased(over(*TAKEN_BACK, recording=recording)) == {}


@pytest.mark.parametrize(("purged_at", "is_erased"), [(None, True), (after(hours=2), False)])
def test_what_is_gone_already_is_left_alone(purged_at: datetime | None, *, is_erased: bool) -> None:
    facts = replace(over(*TAKEN_BACK), files=(make_verified(purged_at=purged_at),))

    assert bool(erased(facts)) is is_erased


# --- parts ----------------------------------------------------------------------------------------


def parts(**last: object) -> CallFacts:
    """Make a call in two parts before a last one; the second joined late in the last."""
    first, second = (
        make_stopped(
            id=RecordingId(f"part-{n}"),
            recording_id=None,
            expected_at=after(n),
            stopped_at=after(10 * n),
            stop_reason=StopReason.ROTATED,
            consent=make_consent_rule(),
        )
        for n in (1, 2)
    )
    third = make_stopped(**({"id": RecordingId("part-3"), "expected_at": after(3)} | last))
    return make_facts(
        ENDED,
        recordings=(first, second, third),
        participants=(make_participant(), make_participant(BOB, after(40))),
        files=make_file(recording=RecordingId("part-3")),
    )


def test_parts_before_one_that_is_erased_go_with_it() -> None:
    assert erased(parts(erase_at=after(50))) == {
        "part-1": ReasonCode.ROTATED,
        "part-2": ReasonCode.ROTATED,
    }


def test_parts_stay_while_the_last_one_does() -> None:
    assert erased(parts()) == {}


def test_recording_that_is_no_part_stays_when_the_next_one_goes() -> None:
    facts = parts(erase_at=after(50))
    first, second, third = facts.recordings
    by_itself = replace(second, stop_reason=StopReason.NO_LONGER_MATCHED)

    assert erased(replace(facts, recordings=(first, by_itself, third))) == {}


def test_refusal_of_the_last_part_reaches_the_first_in_one_step() -> None:
    facts = replace(
        parts(consent=make_consent_rule()),
        consents=(make_answer(ConsentAnswer.DENIED, BOB, after(41)),),
    )

    assert set(erased(facts)) == {"part-1", "part-2", "part-3"}
