"""What may run of a plan: modes, and sanity of everything that deletes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.factories import (
    CALL_ID,
    FILE,
    RECORDING,
    TICK,
    after,
    changed,
    keep,
    make_call,
    make_context,
    make_copy,
    make_facts,
    make_file,
    make_hold,
    make_policy,
    make_recording,
    make_retention_rule,
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
from recordingd.domain.retention import KeptTotals, MovedItems
from recordingd.planning.context import PlanningContext
from recordingd.planning.guards import (
    DeleteLimits,
    blocked_by,
    check,
    check_purge,
    is_permitted,
    too_many,
)

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


def due(**changes: object) -> CallFacts:
    """Make a recording whose time is over."""
    recording = make_stopped(**({"retention": keep(None, "1d")} | changes))
    return make_facts(make_call(ended_at=after(60)), recordings=recording, files=make_verified())


def kept_by(
    context: PlanningContext, facts: CallFacts | None = None, now: datetime | None = None
) -> str | None:
    return blocked_by(PURGE, facts or due(), context, now or after(days=2))


# --- what keeps a deletion from running -----------------------------------------------------------


def test_nothing_keeps_what_is_due_from_going() -> None:
    assert kept_by(make_context()) is None


def test_mode_that_holds_an_effect_back_is_named() -> None:
    assert kept_by(make_context(mode=Mode.RETAIN)) == "mode retain"
    assert blocked_by(START, due(), make_context(mode=Mode.OBSERVE), after(0)) == "mode observe"


def test_suspended_deletions_stay_and_everything_else_runs() -> None:
    context = make_context(is_deleting_suspended=True)
    for effect in DELETING:
        assert blocked_by(effect, due(), context, after(0)) == "the suspension of deletions"
    for other in (START, OBSERVE, *RECORDING_ONES[1:]):
        assert blocked_by(other, due(), context, after(0)) is None


def test_held_recording_is_not_purged_and_the_services_copy_goes() -> None:
    context = make_context(holds=(make_hold("b"), make_hold("a")))
    assert kept_by(context) == "holds a, b"
    assert blocked_by(REMOVE, due(), context, after(0)) is None
    assert kept_by(make_context(holds=(make_hold(),))) == "hold case-4711"


MOVED_AT = after(days=2)
NOT_COUNTED = "the guard maxDeletes: it is not counted yet"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, NOT_COUNTED),
        ({"moves_counted_at": MOVED_AT - TICK}, NOT_COUNTED),
        ({"moves_counted_at": MOVED_AT}, None),
        ({"moves_counted_at": MOVED_AT + TICK}, None),
        (
            {"moves_counted_at": MOVED_AT, "too_many_moved": "9 of 10"},
            "the guard maxDeletes: 9 of 10",
        ),
        ({"too_many_moved": "9 of 10", "shortened": frozenset({RECORDING})}, None),
    ],
    ids=["never counted", "before", "exactly then", "after", "too many", "approved"],
)
def test_what_came_earlier_goes_once_it_is_counted_and_not_too_much(
    changes: dict[str, object], reason: str | None
) -> None:
    assert kept_by(changed(make_context(), changes), due(delete_moved_at=MOVED_AT)) == reason


@pytest.mark.parametrize(
    ("now", "is_held_back"),
    [
        (MOVED_AT + timedelta(hours=24) - TICK, True),
        (MOVED_AT + timedelta(hours=24), False),
        (MOVED_AT + timedelta(hours=24) + TICK, False),
    ],
)
def test_what_came_earlier_is_held_back_for_a_day_at_most(
    now: datetime, *, is_held_back: bool
) -> None:
    context = make_context(moves_counted_at=now, too_many_moved="too many")
    assert bool(kept_by(context, due(delete_moved_at=MOVED_AT), now)) is is_held_back


def test_what_did_not_come_earlier_is_never_held_back_by_the_others() -> None:
    assert kept_by(make_context(moves_counted_at=MOVED_AT, too_many_moved="too many")) is None


LIMITS = DeleteLimits(count=100, percent=10, size_bytes=1000)


@pytest.mark.parametrize(
    ("count", "size_bytes", "kept", "expected"),
    [
        (100, 0, 9999, None),
        (101, 0, 9999, "101 recordings would go earlier than was promised, over 100"),
        (1, 1000, 9999, None),
        (1, 1001, 9999, "1001 bytes would go earlier than was promised, over 1000"),
        (2, 0, 20, None),
        (3, 0, 20, "3 of 20 recordings would go earlier than was promised, over 10 %"),
        (9, 0, 9, None),
        (2, 0, 10, "2 of 10 recordings would go earlier than was promised, over 10 %"),
        (1, 0, 10, None),
        (2, 0, 11, "2 of 11 recordings would go earlier than was promised, over 10 %"),
    ],
)
def test_limits_are_exceeded_by_more_than_they_say(
    count: int, size_bytes: int, kept: int, expected: str | None
) -> None:
    moved = MovedItems(count=count, size_bytes=size_bytes)
    assert too_many(moved, KeptTotals(count=kept), LIMITS) == expected


# --- the purge's own question ---------------------------------------------------------------------


def may_go(facts: CallFacts, context: PlanningContext) -> None:
    check_purge(facts, PURGE, context, after(days=2))


def test_purge_passes_where_nothing_has_changed() -> None:
    may_go(due(), make_context())


@pytest.mark.parametrize(
    ("facts", "context", "message"),
    [
        (due(), make_context(holds=(make_hold(),)), "kept by hold case-4711"),
        (due(), make_context(mode=Mode.RETAIN), "kept by mode retain"),
        (due(retention=keep("9d")), make_context(), "not due before"),
        (due(), make_context(retention_rules=(make_retention_rule(),)), "say otherwise"),
        (due(), make_context(make_policy(retention=keep(None, "9d")), revision=4), "say otherwise"),
    ],
    ids=["held", "mode", "not due", "new rule", "longer words"],
)
def test_purge_that_was_planned_stops_at_what_has_changed_since(
    facts: CallFacts, context: PlanningContext, message: str
) -> None:
    with pytest.raises(UnsafePlan, match=message):
        may_go(facts, context)


# --- sanity of a plan -----------------------------------------------------------------------------


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
