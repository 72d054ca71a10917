"""Recordings that are made in parts: how one ends at its seam and the next one begins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.factories import (
    RECORDING,
    after,
    make_attempt,
    make_consent_rule,
    make_context,
    make_facts,
    make_participant,
    make_policy,
    make_request,
    make_running,
    make_sent,
    make_spec,
    make_stopped,
    make_supplies,
    tag_is,
)

from recordingd.domain.durations import parse_finite_duration
from recordingd.domain.plans import (
    ExpectRecording,
    ReasonCode,
    StartRecording,
    StopRecording,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    RecordingId,
    StopReason,
    Verb,
)
from recordingd.planning import outcomes
from recordingd.planning.advance import Advance, advance

EIGHT_HOURS = parse_finite_duration("8h")
CONTEXT = make_context(make_policy(record=replace(make_spec(), rotate_every=EIGHT_HOURS)))
LONG = make_running(rotate_every=EIGHT_HOURS)
AT_THE_SEAM = after(hours=8)
OVER = make_stopped(
    rotate_every=EIGHT_HOURS, stopped_at=AT_THE_SEAM, stop_reason=StopReason.ROTATED
)


def step(facts: CallFacts, seconds: float = 0) -> Advance:
    return advance(facts, CONTEXT, make_supplies(), busy=set(), now=after(seconds, hours=8))


def test_recording_keeps_the_length_that_its_policy_had_at_the_start() -> None:
    done = advance(make_facts(), CONTEXT, make_supplies(), busy=set(), now=after(1))

    assert done.facts.recordings[0].rotate_every == EIGHT_HOURS


def test_recording_is_stopped_at_its_seam_and_says_so() -> None:
    done = step(make_facts(recordings=LONG))

    (stop,) = done.effects
    assert isinstance(stop, StopRecording)
    assert (stop.stop_reason, stop.why.code) == (StopReason.ROTATED, ReasonCode.ROTATED)
    assert stop.why.text == "a planned seam after 8h: the next recording follows at once"
    assert done.facts.recordings[0].erase_at is None


def test_stop_at_a_seam_that_had_no_answer_is_sent_again_as_what_it_was() -> None:
    again = make_attempt(Verb.STOP, outcome=AttemptOutcome.AMBIGUOUS, retry_at=AT_THE_SEAM, tries=1)
    facts = make_facts(recordings=replace(LONG, stop_reason=StopReason.ROTATED), attempts=again)

    (stop,) = step(facts).effects

    assert isinstance(stop, StopRecording)
    assert stop.stop_reason is StopReason.ROTATED


def test_stop_at_a_seam_that_began_is_carried_out_though_nobody_goes_on() -> None:
    facts = make_facts(recordings=replace(LONG, stop_reason=StopReason.ROTATED))

    gone = make_context(make_policy("other", match=tag_is("never", "said")))

    done = advance(facts, gone, make_supplies(), busy=set(), now=AT_THE_SEAM)

    assert [(type(e), e.why.code) for e in done.effects] == [(StopRecording, ReasonCode.ROTATED)]


def test_next_recording_follows_at_once() -> None:
    done = step(make_facts(recordings=OVER))

    (expected,) = (a for a in done.applied if isinstance(a, ExpectRecording))
    assert expected.why.text == (
        "support-line wants this call recorded: it goes on after the planned seam of rec-1"
    )
    assert [type(e) for e in done.effects] == [StartRecording]
    _, following = done.facts.recordings
    assert following.start_request_id is not None
    assert following.rotate_every == EIGHT_HOURS


def test_stop_and_the_next_start_are_one_after_the_other() -> None:
    stopping = step(make_facts(recordings=LONG))
    stopped = outcomes.stopped(stopping.facts, RECORDING, StopReason.ROTATED, AT_THE_SEAM)

    done = step(stopped)

    assert [type(e) for e in done.effects] == [StartRecording]
    assert done.facts.recordings[0].stop_reason is StopReason.ROTATED


def test_seam_does_not_count_as_a_recording_that_ended_by_itself() -> None:
    """Otherwise the next one that does would wait ever longer."""
    by_itself = make_stopped(
        id=RecordingId("rec-2"),
        recording_id=None,
        expected_at=AT_THE_SEAM,
        stopped_at=after(10, hours=8),
    )
    facts = make_facts(recordings=(OVER, by_itself))

    assert step(facts, 20 - 0.001).effects == ()
    assert [type(e) for e in step(facts, 20).effects] == [StartRecording]


def test_start_that_has_no_answer_is_resolved_before_any_seam() -> None:
    sent = make_sent(rotate_every=EIGHT_HOURS)
    waiting = make_attempt(Verb.START, outcome=AttemptOutcome.AMBIGUOUS)

    done = step(make_facts(recordings=sent, attempts=waiting), 60)

    assert done.effects == ()
    assert done.facts.recordings[0].stop_reason is None


def test_silence_goes_on_over_a_seam() -> None:
    done = step(make_facts(recordings=OVER, requests=make_request(after(5))))

    (start,) = done.effects
    assert isinstance(start, StartRecording)
    assert start.start_paused


def test_time_to_answer_does_not_begin_anew_at_a_seam() -> None:
    """Somebody who joined shortly before it was asked then."""
    context = make_context(make_policy(consent=make_consent_rule()))
    facts = make_facts(
        recordings=replace(OVER, consent=make_consent_rule()),
        participants=make_participant(joined_at=after(-10, hours=8)),
    )

    done = advance(facts, context, make_supplies(), busy=set(), now=AT_THE_SEAM)

    assert done.wake_at == after(20, hours=8)


@pytest.mark.parametrize(
    "reason", [r for r in StopReason if r not in {StopReason.ROTATED, StopReason.NO_LONGER_MATCHED}]
)
def test_every_other_end_of_ours_is_final(reason: StopReason) -> None:
    done = step(make_facts(recordings=replace(OVER, stop_reason=reason)), 3600)

    assert done.effects == ()
    assert len(done.facts.recordings) == 1
