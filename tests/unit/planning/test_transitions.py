"""What an action, or the end of an effect, changes in a call's facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    CALL_ID,
    FILE,
    MAIN,
    RECORDING,
    SERVICE_ID,
    SOURCE,
    TICK,
    after,
    keep,
    make_answer,
    make_attempt,
    make_call,
    make_consent_rule,
    make_context,
    make_copy,
    make_facts,
    make_file,
    make_keeping,
    make_participant,
    make_party,
    make_paused,
    make_put_off,
    make_recording,
    make_running,
    make_sent,
    make_spec,
    make_stopped,
    make_supplies,
    make_verified,
    token_of,
)

from recordingd.domain.calls import Party
from recordingd.domain.plans import (
    BringForwardErasure,
    ChangeKeeping,
    ClosePause,
    CloseRecording,
    Effect,
    ExpectRecording,
    LedgerAction,
    MarkFileExpired,
    MarkFileLost,
    NoteQuestions,
    ObserveRecording,
    OpenPause,
    PauseRecording,
    ReasonCode,
    ResumeRecording,
    StartRecording,
    StopRecording,
    Why,
)
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    Outcome,
    Pause,
    PauseReason,
    Receipt,
    Recording,
    RecordingFile,
    RecordingId,
    ServiceRecordingId,
    StopReason,
    Verb,
)
from recordingd.planning import attempts, outcomes, transitions

NOW = after(100)
WHY = Why(
    code=ReasonCode.POLICY_WANTS,
    text="a test wants it",
    policy=make_recording().policy,
    source=SOURCE,
)
START = StartRecording(
    call_id=CALL_ID, why=WHY, recording=RECORDING, affinity={0: AGENT}, start_paused=True
)
PAUSE = PauseRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
STOP = StopRecording(
    call_id=CALL_ID, why=WHY, recording=RECORDING, stop_reason=StopReason.CALL_ENDED
)


def applied(facts: CallFacts, action: LedgerAction) -> CallFacts:
    return transitions.apply(facts, action, make_context(), make_supplies(), now=NOW)


def begun(facts: CallFacts, effect: Effect, now: datetime = NOW) -> CallFacts:
    return transitions.begin(facts, effect, make_context(), make_supplies(), now=now)


def only(facts: CallFacts) -> Recording:
    (recording,) = facts.recordings
    return recording


# --- the ledger alone -----------------------------------------------------------------------------


def test_expected_recording_is_frozen_as_its_policy_says() -> None:
    action = ExpectRecording(
        call_id=CALL_ID,
        why=WHY,
        spec=replace(make_spec(), archive=StoreName("vault")),
        consent=make_consent_rule(),
        keeping=(make_keeping(keep("1d")),),
        purpose="training",
    )

    recording = only(applied(make_facts(), action))

    assert (recording.expected_at, recording.policy_revision) == (NOW, 3)
    assert (recording.archive, recording.purpose) == ("vault", "training")
    assert (recording.keeping, recording.keeping_revision) == (action.keeping, 3)
    assert recording.callback_token_hash == transitions.token_hash(token_of(recording.id))
    assert recording.first_sent_at is None


def test_question_keeps_the_time_at_which_it_was_first_noted() -> None:
    noted = NoteQuestions(call_id=CALL_ID, why=WHY, recording=RECORDING, questions=("a", "b"))
    facts = make_facts(recordings=make_running(asked={"a": after(1)}))

    assert only(applied(facts, noted)).asked == {"a": after(1), "b": NOW}


def test_pause_is_opened_and_only_the_same_one_is_closed() -> None:
    consent = OpenPause(call_id=CALL_ID, why=WHY, recording=RECORDING, pause=PauseReason.CONSENT)
    settle = replace(consent, pause=PauseReason.SETTLE)
    facts = applied(applied(make_facts(recordings=make_running()), consent), settle)

    closed = ClosePause(call_id=CALL_ID, why=WHY, recording=RECORDING, pause=PauseReason.SETTLE)
    facts = applied(facts, closed)

    assert facts.open_pauses(RECORDING) == {PauseReason.CONSENT}


def test_closed_pause_keeps_when_it_was_closed() -> None:
    old = Pause(
        recording=RECORDING, reason=PauseReason.CONSENT, opened_at=after(1), closed_at=after(2)
    )
    closed = ClosePause(call_id=CALL_ID, why=WHY, recording=RECORDING, pause=PauseReason.CONSENT)

    assert applied(make_facts(pauses=old), closed).pauses == (old,)


def test_closed_recording_says_why_and_drops_its_attempt() -> None:
    action = CloseRecording(
        call_id=CALL_ID,
        why=WHY,
        recording=RECORDING,
        outcome=Outcome.NOT_RECORDED,
        stop_reason=StopReason.FORBIDDEN,
    )
    facts = make_facts(recordings=make_sent(), attempts=make_put_off(Verb.START))

    facts = applied(facts, action)

    assert only(facts).outcome is Outcome.NOT_RECORDED
    assert only(facts).stop_reason is StopReason.FORBIDDEN
    assert facts.attempts[0].outcome is AttemptOutcome.DROPPED
    assert facts.open_attempt(RECORDING) is None


def test_lost_file_drops_its_download() -> None:
    facts = make_facts(files=make_file(), attempts=make_put_off(Verb.DOWNLOAD, target=FILE))

    facts = applied(facts, MarkFileLost(call_id=CALL_ID, why=WHY, file=FILE))

    assert facts.files[0].lost_at == NOW
    assert facts.open_attempt(FILE) is None


def test_expired_file_was_removed_at_its_deadline() -> None:
    facts = make_facts(files=make_verified(removed_at=None))

    facts = applied(facts, MarkFileExpired(call_id=CALL_ID, why=WHY, file=FILE))

    assert facts.files[0].removed_at == make_file().deadline


def test_erasure_is_dated() -> None:
    action = BringForwardErasure(call_id=CALL_ID, why=WHY, recording=RECORDING, at=after(30))

    assert only(applied(make_facts(recordings=make_running()), action)).erase_at == after(30)


@pytest.mark.parametrize(("moves_earlier", "moved_at"), [(True, NOW), (False, after(7))])
def test_keeping_is_written_down_with_when_its_date_came_earlier(
    *, moves_earlier: bool, moved_at: datetime
) -> None:
    keeping = (make_keeping(keep("1d")),)
    action = ChangeKeeping(
        call_id=CALL_ID,
        why=WHY,
        recording=RECORDING,
        keeping=keeping,
        revision=9,
        moves_earlier=moves_earlier,
    )

    found = only(applied(make_facts(recordings=make_stopped(delete_moved_at=after(7))), action))

    assert (found.keeping, found.keeping_revision) == (keeping, 9)
    assert found.delete_moved_at == moved_at


# --- intents --------------------------------------------------------------------------------------


def test_start_is_frozen_with_its_intent() -> None:
    recording = only(begun(make_facts(recordings=make_recording()), START))

    assert recording.affinity == {0: AGENT}
    assert recording.start_paused is True
    assert recording.capture_wanted is Capture.PAUSED
    assert (recording.start_request_id, recording.first_sent_at) == ("request-1", NOW)


@pytest.mark.parametrize("outcome", [None, AttemptOutcome.AMBIGUOUS])
def test_start_without_an_answer_is_the_same_one_again(outcome: AttemptOutcome | None) -> None:
    sent = make_sent(affinity={1: BOB})
    facts = make_facts(recordings=sent, attempts=make_attempt(Verb.START, outcome=outcome))

    assert only(begun(facts, START, after(300))) == sent


@pytest.mark.parametrize(
    ("now", "request_id"),
    [
        (after(240) - TICK, "request-0"),
        (after(240), "request-1"),
        (after(240) + TICK, "request-1"),
    ],
)
def test_start_that_was_certainly_refused_is_a_new_one_after_four_minutes(
    now: datetime, request_id: str
) -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_put_off(Verb.START))

    assert only(begun(facts, START, now)).start_request_id == request_id


def test_effect_is_counted_when_it_is_begun_again() -> None:
    facts = begun(make_facts(recordings=make_running(), attempts=make_put_off(Verb.PAUSE)), PAUSE)

    (attempt,) = facts.attempts
    assert (attempt.tries, attempt.sent_at, attempt.retry_at) == (2, NOW, None)


def test_effect_of_another_verb_drops_the_unfinished_one() -> None:
    facts = begun(make_facts(recordings=make_running(), attempts=make_put_off(Verb.PAUSE)), STOP)

    assert [a.outcome for a in facts.attempts] == [AttemptOutcome.DROPPED, None]
    assert [a.verb for a in facts.attempts] == [Verb.PAUSE, Verb.STOP]


def test_reading_back_leaves_no_trace() -> None:
    facts = make_facts(recordings=make_running())

    observe = ObserveRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    assert begun(facts, observe) == facts


def test_resume_may_capture_from_its_intent_on() -> None:
    resume = ResumeRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)

    assert only(begun(make_facts(recordings=make_paused()), resume)).resumed_at == NOW


def test_first_reason_to_stop_stays() -> None:
    facts = begun(make_facts(recordings=make_running(stop_reason=StopReason.CONSENT_DENIED)), STOP)

    assert only(facts).stop_reason is StopReason.CONSENT_DENIED


# --- ends -----------------------------------------------------------------------------------------


def test_answered_start_is_accepted() -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_attempt(Verb.START))

    facts = outcomes.started(facts, RECORDING, SERVICE_ID, NOW)

    assert (only(facts).recording_id, only(facts).accepted_at) == (SERVICE_ID, NOW)
    assert facts.attempts[0].outcome is AttemptOutcome.OK


def test_answer_after_the_id_is_known_changes_no_id() -> None:
    facts = make_facts(recordings=make_running())

    facts = outcomes.started(facts, RECORDING, ServiceRecordingId("another"), NOW)

    assert only(facts).recording_id == SERVICE_ID


def test_refused_start_is_refused() -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_attempt(Verb.START))

    facts = outcomes.refused(facts, RECORDING, detail="HTTP 400", now=NOW)

    assert only(facts).outcome is Outcome.REFUSED
    assert facts.attempts[0].outcome is AttemptOutcome.PERMANENT


def test_refusal_after_the_id_is_known_refuses_nothing() -> None:
    """An event told of the recording while the answer was on its way."""
    facts = make_facts(recordings=make_running(), attempts=make_attempt(Verb.START))

    assert only(outcomes.refused(facts, RECORDING, detail="", now=NOW)).outcome is None


@pytest.mark.parametrize(
    ("verb", "kept"),
    [(Verb.START, AttemptOutcome.AMBIGUOUS), (Verb.PAUSE, AttemptOutcome.RETRYABLE)],
)
def test_only_a_start_stays_ambiguous(verb: Verb, kept: AttemptOutcome) -> None:
    facts = make_facts(attempts=make_put_off(verb, AttemptOutcome.AMBIGUOUS))

    facts = attempts.put_off(
        facts, RECORDING, AttemptOutcome.RETRYABLE, detail="HTTP 503", retry_at=NOW
    )

    assert facts.attempts[0].outcome is kept


def test_end_of_an_effect_nobody_waits_for_changes_nothing() -> None:
    facts = make_facts(recordings=make_running())

    assert attempts.finish_ok(facts, RECORDING, NOW) == facts
    assert attempts.finish_failed(facts, RECORDING, detail="", now=NOW) == facts
    assert (
        attempts.put_off(facts, RECORDING, AttemptOutcome.RETRYABLE, detail="", retry_at=NOW)
        == facts
    )


def test_stopped_recording_is_over_once() -> None:
    pause = Pause(recording=RECORDING, reason=PauseReason.CONSENT, opened_at=after(1))
    facts = make_facts(recordings=make_running(), pauses=pause)

    once = outcomes.stopped(facts, RECORDING, StopReason.CALL_ENDED, NOW)
    twice = outcomes.stopped(once, RECORDING, StopReason.FORBIDDEN, NOW + TICK)

    assert twice == once
    assert (only(once).stopped_at, only(once).stop_reason) == (NOW, StopReason.CALL_ENDED)
    assert once.open_pauses(RECORDING) == frozenset()


def test_end_of_a_call_that_the_service_tells_does_not_replace_the_reported_one() -> None:
    ended = make_facts(make_call(ended_at=after(60)))

    assert outcomes.call_is_gone(ended, NOW).call.ended_at == after(60)
    assert outcomes.call_is_gone(make_facts(), NOW).call.ended_at == NOW


def test_pause_that_was_accepted_is_not_yet_confirmed() -> None:
    facts = outcomes.capture_changed(
        make_facts(recordings=make_running()), RECORDING, Capture.PAUSED, NOW
    )

    assert only(facts).capture_wanted is Capture.PAUSED
    assert only(facts).capture_changed_at == NOW
    assert only(facts).active_since == after(1)


def test_failed_reading_is_put_off() -> None:
    facts = outcomes.state_unread(make_facts(recordings=make_running()), RECORDING, NOW)

    assert only(facts).observe_after == NOW


def test_successful_reading_ends_the_waiting() -> None:
    facts = make_facts(recordings=make_running(observe_after=after(200)))

    facts = outcomes.state_read(facts, RECORDING, is_active=True, now=NOW)

    assert only(facts).observe_after is None


# --- files ----------------------------------------------------------------------------------------


def test_newer_copy_in_a_store_replaces_the_older_one() -> None:
    facts = make_facts(files=make_file(), copies=make_copy())
    newer = make_copy(sha256="cd" * 32)

    assert outcomes.copied(facts, newer, make_file(), NOW).copies == (newer,)


def test_damaged_copy_is_given_up() -> None:
    facts = outcomes.copy_discarded(make_facts(files=make_file(), copies=make_copy()), FILE, NOW)

    assert facts.copies_of(FILE) == ()
    assert facts.copies[0].answer == "discarded: damaged"


def make_receipt(file: RecordingFile) -> Receipt:
    return Receipt(
        file=file.id,
        document_id=file.document_id,
        recording=file.recording,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        copies=((MAIN, "file-1.wav", "deleted"),),
        rule="rule",
        policy_revision=3,
        hold_check="none",
        actor="test",
        due_at=NOW,
        purged_at=NOW,
    )


def test_purged_file_keeps_its_proof_and_no_address() -> None:
    facts = make_facts(files=make_verified(), copies=make_copy())

    facts = outcomes.purged(facts, make_receipt(make_file()), NOW)

    assert (facts.files[0].purged_at, facts.files[0].content_url) == (NOW, "")
    assert (facts.copies[0].deleted_at, facts.copies[0].answer) == (NOW, "deleted")
    assert facts.receipts == (make_receipt(make_file()),)


ENDED = make_call(ended_at=after(60))
GONE = make_verified(purged_at=NOW)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (make_facts(ENDED, recordings=make_stopped(), files=GONE), True),
        (make_facts(recordings=make_stopped(), files=GONE), False),
        (make_facts(ENDED, recordings=make_stopped()), False),
        (make_facts(ENDED, recordings=make_stopped(), files=make_verified()), False),
        (
            make_facts(
                ENDED, recordings=(make_stopped(), make_running(id=RecordingId("2"))), files=GONE
            ),
            False,
        ),
        (
            make_facts(
                ENDED, recordings=(make_stopped(), make_stopped(id=RecordingId("2"))), files=GONE
            ),
            False,
        ),
    ],
    ids=["all gone", "live", "no file", "kept", "another runs", "another awaits its file"],
)
def test_call_is_fully_purged_once_nothing_more_can_come(
    facts: CallFacts, *, expected: bool
) -> None:
    assert outcomes.is_fully_purged(facts) is expected


def test_nobody_is_named_once_everything_is_purged() -> None:
    call = replace(
        ENDED,
        started_by=make_party(),
        from_party=make_party(),
        to_party=Party(raw_id=BOB),
        tags={"queue": "support"},
        roles={ALICE: "agent"},
        context={"X-Name": "Alice"},
    )
    facts = make_facts(
        call,
        participants=make_participant(),
        recordings=make_stopped(affinity={0: ALICE}),
        files=GONE,
    )

    assert ALICE not in repr(outcomes.without_personal_data(facts))


def test_answers_outlive_the_recording() -> None:
    answer = make_answer(participant=ALICE)
    facts = make_facts(ENDED, consents=answer, recordings=make_stopped(), files=GONE)

    assert outcomes.without_personal_data(facts).consents == (answer,)
