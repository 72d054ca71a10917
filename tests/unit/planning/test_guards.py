"""What may run of a plan: modes, and sanity of everything that deletes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from tests.factories import (
    CALL_ID,
    FILE,
    RECORDING,
    TICK,
    after,
    keep,
    make_call,
    make_copy,
    make_facts,
    make_file,
    make_recording,
    make_running,
    make_stopped,
    make_verified,
)

from recordingd.domain.errors import InvariantBroken, UnsafePlan
from recordingd.domain.plans import (
    CallPlan,
    DownloadFile,
    Effect,
    Mode,
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
from recordingd.domain.recordings import CallFacts, RecordingFile, RecordingId, StopReason
from recordingd.planning.guards import check, is_permitted

WHY = Why(code=ReasonCode.POLICY_WANTS, text="a test wants it")
START = StartRecording(
    call_id=CALL_ID, why=WHY, recording=RECORDING, affinity={}, start_paused=False
)
REMOVE = RemoveFile(call_id=CALL_ID, why=WHY, file=FILE)
PURGE = PurgeFile(
    call_id=CALL_ID, why=WHY, file=FILE, due_at=after(60, days=1), rule="rule", revision=3
)
DELETING = (REMOVE, PURGE)
RECORDING_ONES: tuple[Effect, ...] = (
    START,
    PauseRecording(call_id=CALL_ID, why=WHY, recording=RECORDING),
    ResumeRecording(call_id=CALL_ID, why=WHY, recording=RECORDING),
    StopRecording(call_id=CALL_ID, why=WHY, recording=RECORDING, stop_reason=StopReason.CALL_ENDED),
    DownloadFile(call_id=CALL_ID, why=WHY, file=FILE, deadline=after(1)),
    VerifyFile(call_id=CALL_ID, why=WHY, file=FILE),
)
OBSERVE = ObserveRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)


@pytest.mark.parametrize(
    ("mode", "permitted"),
    [
        (Mode.OBSERVE, {OBSERVE}),
        (Mode.RETAIN, {OBSERVE, *RECORDING_ONES[1:]}),
        (Mode.ENFORCE, {OBSERVE, *RECORDING_ONES[1:], *DELETING}),
    ],
)
def test_mode_says_what_may_run(mode: Mode, permitted: set[Effect]) -> None:
    hashable = (OBSERVE, *RECORDING_ONES[1:], *DELETING)

    assert {e for e in hashable if is_permitted(e, mode)} == permitted
    assert is_permitted(START, mode) is (mode is not Mode.OBSERVE)


def checked(facts: CallFacts, *effects: Effect, now: datetime | None = None) -> None:
    check(facts, CallPlan(call_id=CALL_ID, facts_version=0, effects=effects), now or after(days=2))


def filed(file: RecordingFile, **rows: object) -> CallFacts:
    recording = make_stopped(retention=keep(None, "1d"))
    return make_facts(make_call(ended_at=after(60)), recordings=recording, files=file, **rows)


def test_two_effects_on_one_target_break_a_promise() -> None:
    with pytest.raises(InvariantBroken, match="two effects on one target"):
        checked(make_facts(recordings=make_running()), OBSERVE, RECORDING_ONES[1])


def test_start_beside_a_running_recording_is_refused() -> None:
    other = make_running(id=RecordingId("other"))

    with pytest.raises(UnsafePlan, match="is being recorded already"):
        checked(make_facts(recordings=(other, make_recording())), START)


def test_start_beside_a_recording_that_is_over_passes() -> None:
    other = make_stopped(id=RecordingId("other"))

    checked(make_facts(recordings=(other, make_recording())), START)


@pytest.mark.parametrize(
    "facts",
    [
        filed(make_file()),
        filed(make_file(), copies=make_copy()),
        filed(make_verified(), copies=make_copy()),
        filed(make_verified(removed_at=None, suspect="short"), copies=make_copy()),
        filed(make_file(lost_at=after(99))),
    ],
    ids=["announced", "stored", "removed already", "suspect", "lost"],
)
def test_service_copy_goes_only_once_ours_is_verified(facts: CallFacts) -> None:
    with pytest.raises(UnsafePlan, match="only after ours is verified"):
        checked(facts, REMOVE)


def test_service_copy_of_a_verified_file_may_go() -> None:
    checked(filed(make_verified(removed_at=None), copies=make_copy()), REMOVE)


@pytest.mark.parametrize(
    ("now", "is_refused"),
    [
        (after(60, days=1) - TICK, True),
        (after(60, days=1), False),
        (after(60, days=1) + TICK, False),
    ],
)
def test_purge_before_its_time_is_refused(now: datetime, *, is_refused: bool) -> None:
    def attempt() -> None:
        checked(filed(make_verified()), PURGE, now=now)

    refused_as(attempt, "not due before" if is_refused else None)


@pytest.mark.parametrize(
    "file",
    [make_file(), make_verified(removed_at=None), make_verified(purged_at=after(days=1))],
    ids=["announced", "verified", "purged"],
)
def test_purge_of_what_is_not_kept_is_refused(file: RecordingFile) -> None:
    refused_as(lambda: checked(filed(file), PURGE), "only what is kept can be purged")


def test_purge_of_what_is_kept_forever_is_refused() -> None:
    facts = make_facts(
        make_call(ended_at=after(60)), recordings=make_stopped(), files=make_verified()
    )

    refused_as(lambda: checked(facts, PURGE), "not due before")


def refused_as(attempt: Callable[[], None], message: str | None) -> None:
    """Expect a refusal with a message, or none when the message is None."""
    if message is None:
        attempt()
        return
    with pytest.raises(UnsafePlan, match=message):
        attempt()
