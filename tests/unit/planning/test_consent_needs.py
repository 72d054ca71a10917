"""Which consent rules count for a recording, and since when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    RECORDING,
    T0,
    after,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_policy,
    make_rule_of_consent,
    make_running,
    make_stopped,
    no_participant,
    some_participant,
    tag_is,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import ConsentMode, ConsentSpec, Parties
from recordingd.domain.matchers import GroupName, RuleName, Selector
from recordingd.domain.recordings import CallFacts, Recording, RecordingId, StopReason
from recordingd.planning.consent_needs import (
    Standing,
    captured_since,
    predecessor_of,
    question_about,
    questions_to_carry,
    standing_of,
)
from recordingd.planning.consent_rules import combine, question_of
from recordingd.planning.context import PlanningContext

NOTICE = ConsentSpec(mode=ConsentMode.NOTICE, parties=Parties.EXTERNAL)
EXPLICIT = make_consent_rule()
INLINE, RULE = "support-line#consent", "all-parties"


def standing(
    context: PlanningContext, recording: Recording, facts: CallFacts | None = None, at: float = 60
) -> Standing:
    known = facts or make_facts(recordings=recording, participants=make_participant())
    return standing_of(known, recording, context, after(at))


def names(found: Standing) -> tuple[str, ...]:
    return () if found.need is None else found.need.rules


def asked(name: str, spec: ConsentSpec) -> str:
    question = question_of(RuleName(name), spec)
    assert question is not None
    return question


# --- which rules ----------------------------------------------------------------------------------


def test_recording_that_no_rule_covers_needs_nothing() -> None:
    assert standing(make_context(), make_running()) == Standing(need=None, asked_at=T0)


def test_word_of_the_policy_at_the_start_goes_on_counting() -> None:
    found = standing(make_context(make_policy()), make_running(consent=EXPLICIT))

    assert names(found) == (INLINE,)


def test_word_of_the_policy_as_it_is_now_counts_beside_it() -> None:
    found = standing(make_context(make_policy(consent=EXPLICIT)), make_running(consent=NOTICE))

    assert names(found) == (INLINE,)
    assert found.need is not None
    assert (found.need.mode, found.need.parties) == (ConsentMode.EXPLICIT, Parties.KNOWN)


def test_milder_word_of_the_policy_as_it_is_now_changes_nothing() -> None:
    found = standing(make_context(make_policy(consent=NOTICE)), make_running(consent=EXPLICIT))

    assert found.need is not None
    assert found.need.mode is ConsentMode.EXPLICIT


def test_policy_that_is_only_observed_says_nothing() -> None:
    context = make_context(make_policy(consent=EXPLICIT, is_observed=True))

    assert names(standing(context, make_running())) == ()


def test_rule_that_fits_the_call_counts() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))

    assert names(standing(context, make_running(consent=NOTICE))) == (RULE, INLINE)


def test_rule_that_does_not_fit_does_not_count() -> None:
    rule = make_rule_of_consent(match=tag_is("queue", "sales"))

    assert names(standing(make_context(consent_rules=(rule,)), make_running())) == ()


def test_rule_that_may_fit_counts() -> None:
    rule = make_rule_of_consent(match=no_participant(BOB))

    assert names(standing(make_context(consent_rules=(rule,)), make_running())) == (RULE,)


def test_rule_for_another_purpose_does_not_count() -> None:
    rule = make_rule_of_consent(purpose="training")
    context = make_context(consent_rules=(rule,))

    assert names(standing(context, make_running())) == ()
    assert names(standing(context, make_running(purpose="training"))) == (RULE,)


def test_rule_that_is_only_observed_never_counts() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(is_observed=True),))

    assert names(standing(context, make_running())) == ()


@pytest.mark.parametrize(
    ("answer", "counts"),
    [(None, ()), (ConsentAnswer.GRANTED, ()), (ConsentAnswer.DENIED, (RULE,))],
)
def test_rule_about_somebody_who_refused_does_not_go_with_them(
    answer: ConsentAnswer | None, counts: tuple[str, ...]
) -> None:
    context = make_context(consent_rules=(make_rule_of_consent(match=some_participant(BOB)),))
    recording = make_running()
    facts = make_facts(
        recordings=recording,
        participants=(make_participant(ALICE), make_participant(BOB, left_at=after(50))),
        consents=() if answer is None else make_answer(answer, BOB, after(49)),
    )

    assert names(standing(context, recording, facts)) == counts


# --- since when -----------------------------------------------------------------------------------


def test_question_of_the_policy_stands_since_the_recording_was_wanted() -> None:
    found = standing(make_context(make_policy(consent=EXPLICIT)), make_running(consent=EXPLICIT))

    assert (found.asked_at, found.new) == (T0, ())


def test_question_of_a_rule_stands_since_it_was_noted() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))
    question = asked(RULE, EXPLICIT)

    new = standing(context, make_running(), at=60)
    known = standing(context, make_running(asked={question: after(60)}), at=70)

    assert (new.asked_at, new.new) == (after(60), (question,))
    assert (known.asked_at, known.new) == (after(60), ())


def test_newest_question_sets_the_time_for_all() -> None:
    context = make_context(consent_rules=(make_rule_of_consent(),))

    found = standing(context, make_running(consent=NOTICE), at=60)

    assert found.asked_at == after(60)


def test_rule_that_asks_for_more_in_a_new_revision_is_a_new_question() -> None:
    context = make_context(make_policy(consent=EXPLICIT))

    found = standing(context, make_running(consent=NOTICE), at=60)

    assert (found.asked_at, found.new) == (after(60), (asked(INLINE, EXPLICIT),))


def test_rule_that_asks_for_nothing_is_no_question() -> None:
    nothing = make_rule_of_consent(spec=ConsentSpec(mode=ConsentMode.NONE))

    found = standing(make_context(consent_rules=(nothing,)), make_running())

    assert (names(found), found.asked_at, found.new) == ((RULE,), T0, ())


# --- seams ----------------------------------------------------------------------------------------

FIRST = make_stopped(
    id=RecordingId("first"), stop_reason=StopReason.ROTATED, consent=EXPLICIT, active_seen_at=T0
)
SECOND = make_stopped(
    id=RecordingId("second"),
    expected_at=after(60),
    active_seen_at=after(61),
    stop_reason=StopReason.ROTATED,
    recording_id=None,
)
THIRD = make_running(expected_at=after(120), active_seen_at=None, active_since=None)


def test_recording_follows_one_that_ended_at_a_seam() -> None:
    facts = make_facts(recordings=(FIRST, SECOND, THIRD))

    assert predecessor_of(facts, THIRD) == SECOND
    assert predecessor_of(facts, FIRST) is None
    assert predecessor_of(make_facts(recordings=(FIRST, SECOND)), None) == SECOND


def test_recording_follows_none_that_ended_otherwise() -> None:
    ended = replace(SECOND, stop_reason=StopReason.NO_LONGER_MATCHED)

    assert predecessor_of(make_facts(recordings=(ended, THIRD)), THIRD) is None


def test_audio_has_flowed_since_before_the_first_seam() -> None:
    assert captured_since(make_facts(recordings=(FIRST, SECOND, THIRD)), THIRD) == T0
    assert captured_since(make_facts(recordings=(THIRD,)), THIRD) is None


def test_questions_stand_on_over_a_seam() -> None:
    noted = replace(FIRST, asked={"all-parties@1": after(5)})

    carried = questions_to_carry(make_facts(recordings=(noted,)))

    assert carried == {asked(INLINE, EXPLICIT): T0, "all-parties@1": after(5)}
    assert questions_to_carry(make_facts(recordings=(make_stopped(),))) == {}


# --- the question ---------------------------------------------------------------------------------


def test_question_knows_who_is_internal_and_who_is_meant() -> None:
    internal = GroupName("staff")
    spec = replace(EXPLICIT, parties=(Selector(in_groups=(internal,)),))
    need = combine([(RuleName("rule"), spec)])
    assert need is not None
    recording = make_running()
    facts = make_facts(make_call(), recordings=recording)

    question = question_about(facts, recording, need, make_context(internal=[AGENT]), asked_at=T0)

    for raw_id, is_staff in ((AGENT, True), (ALICE, False)):
        party = make_participant(raw_id).party
        assert (question.is_internal(party), question.is_meant(party)) == (is_staff, is_staff)


def test_selector_of_an_old_revision_that_names_a_group_which_is_gone_means_everybody() -> None:
    spec = replace(EXPLICIT, parties=(Selector(in_groups=(GroupName("gone"),)),))
    need = combine([(RuleName("rule"), spec)])
    assert need is not None
    recording = make_running(id=RECORDING)

    question = question_about(
        make_facts(recordings=recording), recording, need, make_context(), asked_at=T0
    )

    assert question.is_meant(make_participant(ALICE).party)
