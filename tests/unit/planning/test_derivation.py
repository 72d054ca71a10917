"""States, dates and attention, from facts alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.factories import (
    FILE,
    RECORDING,
    TICK,
    after,
    keep,
    make_attempt,
    make_call,
    make_copy,
    make_facts,
    make_file,
    make_keeping,
    make_paused,
    make_put_off,
    make_recording,
    make_running,
    make_sent,
    make_stopped,
    make_verified,
)

from recordingd.domain.calls import Call
from recordingd.domain.durations import FOREVER, Forever
from recordingd.domain.errors import STORE_REFUSED
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    FileId,
    Outcome,
    Recording,
    Verb,
)
from recordingd.domain.retention import Basis, CountFrom, EventClock, RetentionSpec
from recordingd.planning.derivation import (
    FileState,
    RecordingState,
    deadline_of,
    derive,
    is_blocked_by_storage,
    never_captured,
)

ENDED = make_call(ended_at=after(60))
OTHER = FileId("file-2")


def file_state(facts: CallFacts) -> FileState:
    return derive(facts).files[FILE]


def recording_state(facts: CallFacts) -> RecordingState:
    return derive(facts).recordings[RECORDING].state


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (make_facts(files=make_file()), FileState.ANNOUNCED),
        (make_facts(files=make_file(), attempts=make_attempt(Verb.DOWNLOAD, FILE)), "downloading"),
        (make_facts(files=make_file(), copies=make_copy()), FileState.STORED),
        (
            make_facts(files=make_file(), copies=make_copy(deleted_at=after(101))),
            FileState.ANNOUNCED,
        ),
        (make_facts(files=make_verified(removed_at=None), copies=make_copy()), FileState.VERIFIED),
        (make_facts(files=make_verified(), copies=make_copy()), FileState.KEPT),
        (make_facts(files=make_verified(removed_at=None, suspect="short")), FileState.KEPT),
        (make_facts(files=make_file(lost_at=after(99))), FileState.LOST),
        (make_facts(files=make_verified(purged_at=after(99))), FileState.PURGED),
    ],
)
def test_file_stands_where_its_facts_say(facts: CallFacts, state: FileState | str) -> None:
    assert file_state(facts) == state


def test_finished_download_without_a_copy_is_no_download() -> None:
    ended = make_attempt(Verb.DOWNLOAD, FILE, finished_at=after(95), outcome=AttemptOutcome.DROPPED)

    assert file_state(make_facts(files=make_file(), attempts=ended)) is FileState.ANNOUNCED


@pytest.mark.parametrize(
    ("recording", "state"),
    [
        (make_recording(), RecordingState.EXPECTED),
        (make_sent(), RecordingState.STARTING),
        (
            make_sent(recording_id="r", accepted_at=after(1), inactive_since=after(2)),
            RecordingState.STARTING,
        ),
        (make_running(), RecordingState.CAPTURING),
        (make_paused(), RecordingState.PAUSED),
        (make_running(capture_wanted=Capture.PAUSED), RecordingState.CAPTURING),
        (make_stopped(), RecordingState.AWAITING_FILES),
        (make_sent(outcome=Outcome.LOST), RecordingState.LOST),
        (make_sent(outcome=Outcome.REFUSED), RecordingState.NOT_RECORDED),
        (make_recording(outcome=Outcome.NOT_RECORDED), RecordingState.NOT_RECORDED),
    ],
)
def test_recording_stands_where_its_facts_say(recording: Recording, state: RecordingState) -> None:
    assert recording_state(make_facts(recordings=recording)) is state


def test_recording_whose_stop_is_under_way_is_stopping() -> None:
    facts = make_facts(recordings=make_running(), attempts=make_put_off(Verb.STOP))

    assert recording_state(facts) is RecordingState.STOPPING


_KEPT = make_verified(id=OTHER, document_id="d-2")
_PURGED = make_verified(id=OTHER, document_id="d-2", purged_at=after(999))
_LOST = make_file(id=OTHER, document_id="d-2", lost_at=after(999))


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (make_file(), _KEPT, RecordingState.AWAITING_FILES),
        (make_verified(removed_at=None), _KEPT, RecordingState.AWAITING_FILES),
        (make_verified(), _KEPT, RecordingState.KEPT),
        (make_verified(), _PURGED, RecordingState.KEPT),
        (make_verified(), _LOST, RecordingState.KEPT),
        (make_file(lost_at=after(999)), _PURGED, RecordingState.PURGED),
        (make_file(lost_at=after(999)), _LOST, RecordingState.LOST),
    ],
)
def test_ended_recording_stands_where_its_files_do(
    first: object, second: object, state: RecordingState
) -> None:
    facts = make_facts(ENDED, recordings=make_stopped(), files=(first, second))

    assert recording_state(facts) is state


def test_running_recording_captures_whatever_its_files_say() -> None:
    facts = make_facts(recordings=make_running(), files=make_verified())

    assert recording_state(facts) is RecordingState.CAPTURING


# --- retention ------------------------------------------------------------------------------------


def dates(
    retention: RetentionSpec, call: Call = ENDED, **changes: object
) -> tuple[datetime | Forever | None, datetime | Forever | None, str | None]:
    recording = make_stopped(retention=retention, **changes)
    facts = make_facts(call, recordings=recording, files=make_verified())
    found = derive(facts).recordings[RECORDING]
    return found.keep_until, found.delete_at, found.delete_rule


RULE = "support-line#retention"


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (keep(), (None, FOREVER, None)),
        (keep("90d"), (after(60, days=90), FOREVER, None)),
        (keep(None, "90d"), (None, after(60, days=90), RULE)),
        (keep("30d", "90d"), (after(60, days=30), after(60, days=90), RULE)),
        (keep("90d", "30d"), (after(60, days=90), after(60, days=90), RULE)),
        (keep("30d", "forever"), (after(60, days=30), FOREVER, RULE)),
        (keep("forever", "30d"), (FOREVER, FOREVER, RULE)),
    ],
    ids=["no rule", "floor", "deletion", "both", "floor is later", "never", "kept forever"],
)
def test_later_of_floor_and_deletion_says_when_it_goes(
    retention: RetentionSpec, expected: object
) -> None:
    assert dates(retention) == expected


def test_retention_counts_from_the_last_verified_copy_where_the_rule_says_so() -> None:
    stored = keep(None, "1d", count_from=CountFrom.STORED)
    later = make_verified(id=OTHER, document_id="d-2", verified_at=after(500))
    facts = make_facts(
        ENDED, recordings=make_stopped(retention=stored), files=(make_verified(), later)
    )

    assert derive(facts).recordings[RECORDING].delete_at == after(500, days=1)


def test_retention_from_storing_is_unknown_before_anything_is_stored() -> None:
    stored = keep("1d", "2d", count_from=CountFrom.STORED)
    facts = make_facts(ENDED, recordings=make_stopped(retention=stored), files=make_file())

    found = derive(facts).recordings[RECORDING]
    assert (found.keep_until, found.delete_at, found.delete_rule) == (None, None, RULE)


def test_retention_of_a_live_call_has_not_begun() -> None:
    assert dates(keep("1d", "2d"), make_call()) == (None, None, RULE)


def test_end_of_the_recording_stands_in_for_that_of_a_call_nobody_saw_established() -> None:
    assert dates(keep(None, "1d"), make_call(started_at=None))[1] == after(60, days=1)


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (keep("90d", "1y"), (None, after(30))),
        (keep("90d", "1y", basis=Basis.LEGAL_OBLIGATION), (after(60, days=90),) * 2),
        (keep("forever", basis=Basis.LEGAL_OBLIGATION), (FOREVER, FOREVER)),
        (keep(None, "1y", basis=Basis.LEGAL_OBLIGATION), (None, after(30))),
        (
            keep("1d", basis=Basis.LEGAL_OBLIGATION, count_from=EventClock("contractEnded")),
            (None, None),
        ),
    ],
    ids=["business need", "obligation", "for ever", "no floor", "not known yet"],
)
def test_erasure_stops_at_legal_obligations_alone(
    retention: RetentionSpec, expected: tuple[object, object]
) -> None:
    assert dates(retention, erase_at=after(30)) == (*expected, "support-line#consent")


def test_rules_behind_both_dates_are_named() -> None:
    keeping = (make_keeping(keep("5y"), "mifid-ii"), make_keeping(keep(None, "1y")))
    facts = make_facts(ENDED, recordings=make_stopped(keeping=keeping), files=make_verified())
    found = derive(facts).recordings[RECORDING]
    assert (found.keep_rule, found.delete_rule) == ("mifid-ii", RULE)


@pytest.mark.parametrize("is_certain", [True, False])
def test_recording_is_undecided_while_a_rule_is_in_doubt(*, is_certain: bool) -> None:
    keeping = (make_keeping(keep("5y"), "mifid-ii", is_certain=is_certain),)
    facts = make_facts(ENDED, recordings=make_stopped(keeping=keeping), files=make_verified())
    found = derive(facts)
    assert found.recordings[RECORDING].is_undecided is not is_certain
    assert found.next_at == (None if is_certain else after(60, hours=24))


# --- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(),
        make_facts(ENDED, recordings=make_recording()),
        make_facts(ENDED, recordings=make_running()),
        make_facts(ENDED, recordings=make_stopped()),
        make_facts(ENDED, recordings=make_stopped(), files=make_file()),
        make_facts(ENDED, recordings=make_stopped(), files=make_verified(removed_at=None)),
        make_facts(
            ENDED,
            recordings=make_stopped(),
            files=make_verified(),
            attempts=make_attempt(Verb.PURGE, FILE),
        ),
    ],
    ids=["live", "expected", "running", "awaited", "announced", "not removed", "purging"],
)
def test_call_to_which_something_can_happen_needs_attention(facts: CallFacts) -> None:
    assert derive(facts).needs_attention


@pytest.mark.parametrize(
    "facts",
    [
        make_facts(ENDED),
        make_facts(make_call(started_at=None)),
        make_facts(ENDED, recordings=make_sent(outcome=Outcome.REFUSED)),
        make_facts(ENDED, recordings=make_stopped(), files=make_verified()),
        make_facts(ENDED, recordings=make_stopped(), files=make_file(lost_at=after(99))),
        make_facts(
            ENDED, recordings=make_stopped(), files=make_verified(is_external=True, removed_at=None)
        ),
    ],
    ids=["ended", "never began", "refused", "kept", "lost", "the customer's own storage"],
)
def test_call_to_which_nothing_can_happen_needs_no_attention(facts: CallFacts) -> None:
    assert not derive(facts).needs_attention


def test_kept_recording_is_due_on_its_date() -> None:
    recording = make_stopped(retention=keep(None, "1d"))
    facts = make_facts(ENDED, recordings=recording, files=make_verified())

    assert derive(facts).next_at == after(60, days=1)


@pytest.mark.parametrize(
    ("retention", "file"),
    [
        (keep(), make_verified()),
        (keep(None, "1d"), make_file()),
        (keep(None, "1d"), make_verified(purged_at=after(99))),
    ],
    ids=["kept forever", "not kept yet", "purged"],
)
def test_recording_that_is_never_due_has_no_date(retention: RetentionSpec, file: object) -> None:
    facts = make_facts(ENDED, recordings=make_stopped(retention=retention), files=file)

    assert derive(facts).next_at is None


# --- smaller questions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        (make_paused(), True),
        (make_paused(resumed_at=after(5)), False),
        (make_paused(active_seen_at=after(5)), False),
        (make_running(active_seen_at=None), False),
    ],
    ids=["paused throughout", "resumed", "seen active", "started active"],
)
def test_only_what_was_paused_throughout_certainly_has_no_file(
    recording: Recording, *, expected: bool
) -> None:
    assert never_captured(recording) is expected


@pytest.mark.parametrize(
    ("ended_at", "deadline"),
    [
        (None, after(90, hours=24)),
        (after(90) - TICK, after(90, hours=24) - TICK),
        (after(90) + TICK, after(90, hours=24)),
    ],
)
def test_life_of_a_file_counts_from_the_earlier_moment(
    ended_at: datetime | None, deadline: datetime
) -> None:
    assert deadline_of(after(90), ended_at, timedelta(hours=24)) == deadline


@pytest.mark.parametrize(
    ("verb", "detail", "is_blocked"),
    [
        (Verb.PURGE, f"{STORE_REFUSED}: BlobImmutableDueToPolicy", True),
        (Verb.PURGE, "a hold is in force", False),
        (Verb.PURGE, None, False),
        (Verb.VERIFY, f"{STORE_REFUSED}: AuthorizationFailure", False),
    ],
)
def test_purge_that_a_store_refuses_is_blocked_by_it(
    verb: Verb, detail: str | None, *, is_blocked: bool
) -> None:
    attempt = make_attempt(verb, FILE, detail=detail)
    facts = make_facts(ENDED, recordings=make_stopped(), files=make_verified(), attempts=attempt)
    assert is_blocked_by_storage(facts, FILE) is is_blocked


def test_file_without_an_attempt_is_not_blocked() -> None:
    facts = make_facts(ENDED, recordings=make_stopped(), files=make_verified())
    assert not is_blocked_by_storage(facts, FILE)
