"""What the service reports of a recording, and the files it announces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.factories import (
    ABOUT,
    ABOUT_RECORDING,
    FILE,
    RECORDING,
    SERVER_CALL_ID,
    SERVICE_ID,
    T0,
    TICK,
    after,
    folded,
    make_announcement,
    make_attempt,
    make_call,
    make_facts,
    make_file,
    make_recording,
    make_running,
    make_sent,
    make_stopped,
    token_of,
)

from recordingd.domain.calls import (
    CallReference,
    FilesAnnounced,
    RecordingStateChanged,
    StartRecordingFailed,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Outcome,
    Receipt,
    Recording,
    RecordingId,
    Verb,
)
from recordingd.planning.facts import announced_recording
from recordingd.planning.transitions import token_hash

BY_ID = ABOUT_RECORDING
BY_OTHER_ID = CallReference(server_call_id=SERVER_CALL_ID, recording_id="service-recording-2")
BY_TOKEN = CallReference(
    recording_id="service-recording-2", callback_token_hash=token_hash(token_of(RECORDING))
)


def state(*, is_active: bool, at: datetime, about: CallReference = BY_ID) -> RecordingStateChanged:
    return RecordingStateChanged(about=about, at=at, is_active=is_active)


def the_recording(facts: CallFacts) -> Recording:
    (recording,) = facts.recordings
    return recording


# --- what the service reports of a recording ------------------------------------------------------


def test_older_reading_changes_nothing_but_that_it_was_active_once() -> None:
    recording = make_sent(recording_id=SERVICE_ID, inactive_since=after(9), observed_at=after(9))

    facts = folded(state(is_active=True, at=after(5)), facts=make_facts(recordings=recording))

    assert the_recording(facts).active_seen_at == after(5)
    assert the_recording(facts).active_since is None
    assert the_recording(facts).inactive_since == after(9)


def test_repeated_reading_keeps_since_when_it_reads_so() -> None:
    facts = folded(
        state(is_active=False, at=after(5)),
        state(is_active=False, at=after(9)),
        facts=make_facts(recordings=make_running()),
    )

    assert the_recording(facts).inactive_since == after(5)
    assert the_recording(facts).observed_at == after(9)


def test_report_tells_the_id_of_a_start_whose_answer_was_lost() -> None:
    facts = folded(
        state(is_active=True, at=after(5), about=BY_TOKEN), facts=make_facts(recordings=make_sent())
    )

    assert the_recording(facts).recording_id == "service-recording-2"
    assert the_recording(facts).accepted_at == after(5)


def test_report_about_a_recording_that_is_not_ours_changes_nothing() -> None:
    facts = make_facts(recordings=make_running())

    assert folded(state(is_active=False, at=after(5), about=BY_OTHER_ID), facts=facts) == facts


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.LOST, Outcome.NOT_RECORDED])
def test_recording_that_was_given_up_and_captures_is_back_under_control(outcome: Outcome) -> None:
    given_up = make_sent(outcome=outcome)

    facts = folded(
        state(is_active=True, at=after(5), about=BY_TOKEN), facts=make_facts(recordings=given_up)
    )

    assert facts.open_recording == the_recording(facts)


def test_recording_that_is_over_is_not_opened_by_a_late_report() -> None:
    facts = folded(state(is_active=True, at=after(50)), facts=make_facts(recordings=make_stopped()))

    assert facts.open_recording is None


def test_given_up_recording_is_not_opened_beside_another() -> None:
    given_up = make_sent(id=RecordingId("earlier"), outcome=Outcome.REFUSED)
    running = make_running(recording_id="service-recording-9", callback_token_hash="other")
    about = replace(BY_TOKEN, recording_id="service-recording-2")

    facts = folded(
        state(is_active=True, at=after(5), about=about),
        facts=make_facts(recordings=(given_up, running)),
    )

    assert [r.is_open for r in facts.recordings] == [False, True]


def make_failure(about: CallReference = BY_ID) -> StartRecordingFailed:
    return StartRecordingFailed(about=about, at=after(4), code="8523", message="no")


def test_start_that_failed_after_its_acceptance_is_refused() -> None:
    accepted = make_sent(recording_id=SERVICE_ID, accepted_at=after(1))

    recording = the_recording(folded(make_failure(), facts=make_facts(recordings=accepted)))

    assert recording.outcome is Outcome.REFUSED
    assert recording.detail == "the service gave up the start: 8523 no"


def test_failure_of_a_start_without_an_answer_closes_its_attempt() -> None:
    facts = make_facts(
        recordings=make_sent(),
        attempts=make_attempt(Verb.START, outcome=AttemptOutcome.AMBIGUOUS),
    )

    facts = folded(make_failure(BY_TOKEN), facts=facts)

    assert facts.open_attempt(RECORDING) is None
    assert facts.attempts[0].outcome is AttemptOutcome.PERMANENT


def test_failure_of_a_start_that_captured_is_no_failure() -> None:
    facts = make_facts(recordings=make_running())

    assert folded(make_failure(), facts=facts) == facts


# --- announced files ------------------------------------------------------------------------------

UNKNOWN_ID = make_sent()


@pytest.mark.parametrize(
    ("about", "recording"),
    [
        (BY_ID, make_running()),
        (replace(BY_ID, recording_id=f"{SERVICE_ID}=="), make_running()),
        (BY_TOKEN, make_running()),
        (BY_OTHER_ID, UNKNOWN_ID),
        (ABOUT, make_running()),
    ],
    ids=["its id", "its id, padded", "our token", "a start without an id", "the latest sent"],
)
def test_file_finds_its_recording(about: CallReference, recording: Recording) -> None:
    facts = folded(make_announcement(about=about), facts=make_facts(recordings=recording))

    assert [f.recording for f in facts.files] == [RECORDING]


@pytest.mark.parametrize(
    ("about", "recordings"),
    [
        (BY_OTHER_ID, make_running()),
        (BY_ID, make_recording()),
        (BY_OTHER_ID, make_sent(outcome=Outcome.REFUSED)),
        (ABOUT, ()),
    ],
    ids=["another recording's", "none was sent", "it was refused", "there is none"],
)
def test_foreign_file_finds_no_recording(
    about: CallReference, recordings: Recording | tuple[()]
) -> None:
    facts = make_facts(recordings=recordings)

    assert folded(make_announcement(about=about), facts=facts) == facts


@pytest.mark.parametrize(
    ("sent_at", "is_ours"),
    [(after(120) - TICK, True), (after(120), True), (after(120) + TICK, False)],
)
def test_start_without_an_id_claims_only_what_was_captured_after_it(
    sent_at: datetime, *, is_ours: bool
) -> None:
    """It ended at 60 s; two clocks may differ by a minute."""
    facts = make_facts(recordings=make_sent(first_sent_at=sent_at))

    found = announced_recording(facts, make_announcement(about=BY_OTHER_ID))

    assert (found is not None) is is_ours


def test_file_tells_the_id_of_a_start_whose_answer_was_lost() -> None:
    facts = folded(make_announcement(about=BY_OTHER_ID), facts=make_facts(recordings=make_sent()))

    assert the_recording(facts).recording_id == "service-recording-2"


def test_twins_of_one_chunk_are_two_files() -> None:
    first, second = make_announcement("document-1"), make_announcement("document-2")

    facts = folded(first, second, facts=make_facts(recordings=make_running()))

    assert [(f.document_id, f.chunk) for f in facts.files] == [("document-1", 0), ("document-2", 0)]


def test_chunks_may_come_in_several_events() -> None:
    both = make_announcement("document-1", "document-2")
    one, other = (replace(both, files=(f,)) for f in both.files)

    at_once = folded(both, facts=make_facts(recordings=make_running()))
    in_turn = folded(one, other, facts=make_facts(recordings=make_running()))

    assert at_once == in_turn


@pytest.mark.parametrize("times", [2, 3])
def test_file_announced_again_is_one_file(times: int) -> None:
    events: Sequence[FilesAnnounced] = [make_announcement()] * times

    assert len(folded(*events, facts=make_facts(recordings=make_running())).files) == 1


def test_document_listed_twice_in_one_event_is_one_file() -> None:
    event = make_announcement("document-1", "document-1")

    assert len(folded(event, facts=make_facts(recordings=make_running())).files) == 1


def test_purged_file_does_not_come_back() -> None:
    receipt = Receipt(
        file=FILE,
        document_id=make_file().document_id,
        recording=RECORDING,
        sha256=None,
        size_bytes=None,
        copies=(),
        rule="r",
        policy_revision=1,
        hold_check="none",
        actor="test",
        due_at=T0,
        purged_at=T0,
    )
    facts = make_facts(recordings=make_stopped(), receipts=receipt)

    assert folded(make_announcement(), facts=facts).files == ()


def test_lost_recording_whose_file_comes_after_all_is_not_lost() -> None:
    lost = make_sent(outcome=Outcome.LOST)

    recording = the_recording(
        folded(make_announcement(about=BY_OTHER_ID), facts=make_facts(recordings=lost))
    )

    assert recording.outcome is None
    assert recording.stopped_at == after(60)


def test_file_of_a_running_recording_does_not_end_it() -> None:
    facts = folded(make_announcement(), facts=make_facts(recordings=make_running()))

    assert facts.open_recording is not None


@pytest.mark.parametrize(
    ("reason", "ended_at"), [("CallEnded", after(60)), ("InitiatorLeft", None)]
)
def test_recording_that_ended_with_its_call_tells_the_end_of_the_call(
    reason: str, ended_at: datetime | None
) -> None:
    event = make_announcement(session_end_reason=reason)

    assert folded(event, facts=make_facts(recordings=make_running())).call.ended_at == ended_at


def test_reported_end_of_a_call_is_not_replaced_by_that_of_its_recording() -> None:
    facts = make_facts(make_call(ended_at=after(61)), recordings=make_running())

    facts = folded(make_announcement(session_end_reason="CallEnded"), facts=facts)

    assert facts.call.ended_at == after(61)


def test_file_that_came_before_the_starts_answer_is_kept_with_it() -> None:
    facts = make_facts(recordings=make_sent(), attempts=make_attempt(Verb.START))

    facts = folded(make_announcement(about=BY_OTHER_ID), facts=facts)

    assert [f.recording for f in facts.files] == [RECORDING]
    assert facts.files[0].deadline == after(60) + timedelta(hours=24)


@pytest.mark.parametrize(
    ("container", "says_external", "is_external"),
    [
        (None, False, False),
        (None, True, True),
        ("https://storage.example", False, True),
        ("https://storage.example", True, True),
        ("https://contoso.blob.core.windows.net/vault", False, False),
        ("https://contoso.blob.core.windows.net/vault", True, False),
    ],
    ids=[
        "kept by the service",
        "exported by somebody else's wish",
        "exported without saying so",
        "exported",
        "a failed export",
        "a failed export that names the customer's storage",
    ],
)
def test_where_a_file_of_an_exported_recording_lies_is_told_by_its_url(
    container: str | None, *, says_external: bool, is_external: bool
) -> None:
    facts = make_facts(recordings=make_running(container=container))
    facts = folded(make_announcement(is_external=says_external), facts=facts)
    assert [f.is_external for f in facts.files] == [is_external]


@pytest.mark.parametrize("duration_ms", [2**53 - 1, 10**13])
def test_absurd_length_costs_neither_the_file_nor_the_end_of_its_keeping(duration_ms: int) -> None:
    event = make_announcement(duration_ms=duration_ms, session_end_reason="CallEnded")
    facts = folded(event, facts=make_facts(recordings=make_running()))
    assert len(facts.files) == 1
    assert facts.call.ended_at == event.at
