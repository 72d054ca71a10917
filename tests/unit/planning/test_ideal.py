"""A service that does at once whatever it is asked, and says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.factories import (
    CALL_ID,
    FILE,
    MAIN,
    RECORDING,
    after,
    make_copy,
    make_facts,
    make_file,
    make_paused,
    make_reading,
    make_running,
    make_sent,
    make_stopped,
    make_verified,
)

from recordingd.domain.plans import (
    DownloadFile,
    Effect,
    ObserveRecording,
    PauseRecording,
    PurgeFile,
    ReasonCode,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    VerifyFile,
    Why,
)
from recordingd.domain.recordings import CallFacts, Capture, Recording, StopReason
from recordingd.planning.ideal import IdealService, read_back

WHY = Why(code=ReasonCode.POLICY_WANTS, text="")


def answered(
    effect: Effect, facts: CallFacts, at: datetime, service: IdealService | None = None
) -> CallFacts:
    return (service or IdealService()).answer(effect, facts, make_reading(at))


def recording_of(facts: CallFacts) -> Recording:
    return facts.recordings[0]


def start(*, paused: bool = False) -> StartRecording:
    return StartRecording(
        call_id=CALL_ID, why=WHY, recording=RECORDING, affinity={}, start_paused=paused
    )


def stop() -> StopRecording:
    return StopRecording(
        call_id=CALL_ID, why=WHY, recording=RECORDING, stop_reason=StopReason.CALL_ENDED
    )


def test_started_recording_is_known_and_active() -> None:
    recording = recording_of(answered(start(), make_facts(recordings=make_sent()), after(2)))

    assert recording.recording_id is not None
    assert recording.accepted_at == recording.active_since == after(2)


def test_recording_that_is_started_paused_is_silent() -> None:
    sent = make_sent(start_paused=True, capture_wanted=Capture.PAUSED)
    recording = recording_of(answered(start(paused=True), make_facts(recordings=sent), after(2)))

    assert (recording.active_since, recording.inactive_since) == (None, after(2))


def test_pause_and_resume_show_at_once() -> None:
    pause = PauseRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    resume = ResumeRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    silent = answered(pause, make_facts(recordings=make_running()), after(5))
    flowing = answered(resume, silent, after(7))

    assert recording_of(silent).inactive_since == after(5)
    assert recording_of(flowing).active_since == after(7)


def test_reading_back_finds_what_was_asked_for() -> None:
    observe = ObserveRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    seen = answered(observe, make_facts(recordings=make_paused()), after(20))

    assert recording_of(seen).observed_at == after(20)
    assert recording_of(seen).active_since is None
    assert seen == read_back(make_facts(recordings=make_paused()), RECORDING, after(20))


def test_flow_is_counted_from_start_to_pause_and_from_resume_on() -> None:
    service = IdealService()
    facts = answered(start(), make_facts(recordings=make_sent()), after(0), service)
    pause = PauseRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    facts = answered(pause, facts, after(10), service)
    resume = ResumeRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    facts = answered(resume, facts, after(30), service)

    assert service.flowed(after(30)) == {RECORDING: timedelta(seconds=10)}
    assert service.flowed(after(35)) == {RECORDING: timedelta(seconds=15)}
    answered(stop(), facts, after(40), service)
    assert service.flowed(after(99)) == {RECORDING: timedelta(seconds=20)}


def test_end_announces_one_file_of_the_whole_recording() -> None:
    ended = answered(stop(), make_facts(recordings=make_running()), after(60))

    (file,) = ended.files
    assert (file.recording, file.announced_at, file.is_external) == (RECORDING, after(60), False)
    assert recording_of(ended).stopped_at == after(60)
    assert recording_of(ended).duration_ms == 60_000


def test_end_of_what_never_flowed_announces_nothing() -> None:
    assert answered(stop(), make_facts(recordings=make_paused()), after(60)).files == ()


def test_file_is_downloaded_verified_and_removed() -> None:
    facts = make_facts(recordings=make_stopped(), files=make_file())
    download = DownloadFile(call_id=CALL_ID, why=WHY, file=FILE, deadline=after(hours=24))
    facts = answered(download, facts, after(100))
    facts = answered(VerifyFile(call_id=CALL_ID, why=WHY, file=FILE), facts, after(101))
    facts = answered(RemoveFile(call_id=CALL_ID, why=WHY, file=FILE), facts, after(102))

    assert [(c.store, c.durable_at) for c in facts.copies] == [(MAIN, after(100))]
    assert (facts.files[0].verified_at, facts.files[0].removed_at) == (after(101), after(102))


def test_purge_leaves_a_receipt() -> None:
    facts = make_facts(recordings=make_stopped(), files=make_verified(), copies=make_copy())
    purge = PurgeFile(
        call_id=CALL_ID, why=WHY, file=FILE, due_at=after(200), rule="short", revision=3
    )
    facts = answered(purge, facts, after(201))

    assert [(r.rule, r.purged_at) for r in facts.receipts] == [("short", after(201))]
    assert facts.copies_of(FILE) == ()
