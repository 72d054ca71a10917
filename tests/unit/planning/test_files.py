"""From an announced file to a verified copy, the end of the service's copy, and the purge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.factories import (
    FILE,
    TICK,
    after,
    keep,
    make_attempt,
    make_call,
    make_context,
    make_copy,
    make_facts,
    make_file,
    make_keeping,
    make_paused,
    make_put_off,
    make_stopped,
    make_verified,
)

from recordingd.domain.matchers import Source
from recordingd.domain.plans import (
    CallPlan,
    CloseRecording,
    DownloadFile,
    Effect,
    InContainer,
    MarkFileExpired,
    MarkFileLost,
    PurgeFile,
    RemoveFile,
    VerifyFile,
)
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import CallFacts, FileId, Outcome, RecordingFile, Verb
from recordingd.domain.retention import CountFrom, EventClock, RetentionSpec
from recordingd.planning.context import ContainerStore, PlanningContext
from recordingd.planning.planner import plan_call

ENDED = make_call(ended_at=after(60))
DEADLINE = make_file().deadline
GRACE = timedelta(hours=1)


def plan(facts: CallFacts, now: datetime, context: PlanningContext | None = None) -> CallPlan:
    return plan_call(facts, context or make_context(), now)


def make_filed(file: RecordingFile | None = None, **rows: object) -> CallFacts:
    return make_facts(ENDED, recordings=make_stopped(), files=file or make_file(), **rows)


def effects(found: CallPlan) -> list[type[Effect]]:
    return [type(e) for e in found.effects]


# --- waiting for the announcement -----------------------------------------------------------------


def test_recording_that_was_paused_throughout_is_not_recorded() -> None:
    facts = make_facts(ENDED, recordings=make_paused(stopped_at=after(60)))

    (closed,) = plan(facts, after(60)).ledger

    assert isinstance(closed, CloseRecording)
    assert closed.outcome is Outcome.NOT_RECORDED


@pytest.mark.parametrize(
    ("now", "alarms", "wake_at"),
    [
        (after(60, minutes=15) - TICK, [], after(60, minutes=15)),
        (after(60, minutes=15), ["FileUnannounced"], after(60, hours=25)),
        (after(60, minutes=15) + TICK, ["FileUnannounced"], after(60, hours=25)),
    ],
)
def test_file_that_is_not_announced_alarms_after_a_quarter_of_an_hour(
    now: datetime, alarms: list[str], wake_at: datetime
) -> None:
    found = plan(make_facts(ENDED, recordings=make_stopped()), now)

    assert [a.name for a in found.alarms] == alarms
    assert found.wake_at == wake_at


@pytest.mark.parametrize(
    ("now", "is_lost"),
    [
        (after(60, hours=25) - TICK, False),
        (after(60, hours=25), True),
        (after(60, hours=25) + TICK, True),
    ],
)
def test_recording_is_lost_once_the_service_can_have_no_file_of_it(
    now: datetime, *, is_lost: bool
) -> None:
    found = plan(make_facts(ENDED, recordings=make_stopped()), now)

    assert [a.outcome for a in found.ledger if isinstance(a, CloseRecording)] == (
        [Outcome.LOST] * is_lost
    )
    assert ("FileLost" in [a.name for a in found.alarms]) is is_lost


# --- fetching -------------------------------------------------------------------------------------


def test_announced_file_is_downloaded_by_its_deadline() -> None:
    (download,) = plan(make_filed(), after(91)).effects

    assert isinstance(download, DownloadFile)
    assert download.deadline == DEADLINE


def test_every_file_is_planned_by_itself() -> None:
    other = make_file(id=FileId("file-2"), document_id="document-2", chunk=1)
    facts = make_facts(ENDED, recordings=make_stopped(), files=(make_file(), other))

    assert effects(plan(facts, after(91))) == [DownloadFile, DownloadFile]


def test_failed_download_waits_for_its_turn() -> None:
    facts = make_filed(attempts=make_put_off(Verb.DOWNLOAD, target=FILE, retry_at=after(200)))

    assert plan(facts, after(200) - TICK).wake_at == after(200)
    assert effects(plan(facts, after(200) - TICK)) == []
    assert effects(plan(facts, after(200))) == [DownloadFile]


@pytest.mark.parametrize(
    ("now", "alarms"),
    [
        (DEADLINE - timedelta(hours=18) - TICK, []),
        (DEADLINE - timedelta(hours=18), ["FileDeadlineNear"]),
        (DEADLINE - timedelta(hours=18) + TICK, ["FileDeadlineNear"]),
    ],
)
def test_file_alarms_from_a_quarter_of_its_life_on(now: datetime, alarms: list[str]) -> None:
    assert [a.name for a in plan(make_filed(), now).alarms] == alarms


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (DEADLINE - timedelta(hours=6) - TICK, []),
        (DEADLINE - timedelta(hours=6), [DownloadFile]),
        (DEADLINE - timedelta(hours=6) + TICK, [DownloadFile]),
    ],
)
def test_full_archive_fetches_only_what_the_service_is_about_to_drop(
    now: datetime, expected: list[type[Effect]]
) -> None:
    found = plan(make_filed(), now, make_context(is_archive_tight=True))

    assert effects(found) == expected
    assert ("ArchiveFillsSoon" in [a.name for a in found.alarms]) is (expected == [])


# --- past the deadline ----------------------------------------------------------------------------


def gone(detail: str = "download: HTTP 404") -> CallFacts:
    attempt = make_put_off(Verb.DOWNLOAD, target=FILE, detail=detail)
    return make_filed(attempts=attempt)


@pytest.mark.parametrize(
    ("now", "is_lost"), [(DEADLINE - TICK, False), (DEADLINE, True), (DEADLINE + TICK, True)]
)
def test_file_is_lost_when_the_service_does_not_have_it_after_its_deadline(
    now: datetime, *, is_lost: bool
) -> None:
    found = plan(gone(), now)

    assert [type(a) for a in found.ledger] == [MarkFileLost] * is_lost
    assert effects(found) == [DownloadFile] * (not is_lost)


@pytest.mark.parametrize(
    ("now", "is_lost"),
    [(DEADLINE + GRACE - TICK, False), (DEADLINE + GRACE, True), (DEADLINE + GRACE + TICK, True)],
)
def test_file_that_fails_otherwise_is_tried_for_an_hour_longer(
    now: datetime, *, is_lost: bool
) -> None:
    found = plan(gone("download: HTTP 503"), now)

    assert [type(a) for a in found.ledger] == [MarkFileLost] * is_lost


def test_file_that_was_never_tried_is_tried_however_late() -> None:
    assert effects(plan(make_filed(), DEADLINE + 2 * GRACE)) == [DownloadFile]


def test_file_that_is_on_its_way_is_not_given_up() -> None:
    """Its copy would lie in the archive, and nothing would ever verify or purge it."""
    under_way = make_attempt(Verb.DOWNLOAD, FILE, tries=5, detail="download: HTTP 404")

    assert plan(make_filed(attempts=under_way), DEADLINE + 2 * GRACE).ledger == ()


# --- keeping --------------------------------------------------------------------------------------


def test_stored_copy_is_read_back_before_anything_is_removed() -> None:
    assert effects(plan(make_filed(copies=make_copy()), after(101))) == [VerifyFile]


def test_verified_file_is_removed_from_the_service() -> None:
    file = make_verified(removed_at=None)

    assert effects(plan(make_filed(file, copies=make_copy()), after(121))) == [RemoveFile]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (DEADLINE - TICK, [RemoveFile]),
        (DEADLINE, []),
        (DEADLINE + TICK, []),
    ],
)
def test_service_has_removed_its_copy_by_itself_at_the_deadline(
    now: datetime, expected: list[type[Effect]]
) -> None:
    found = plan(make_filed(make_verified(removed_at=None), copies=make_copy()), now)

    assert effects(found) == expected
    assert [type(a) for a in found.ledger] == [MarkFileExpired] * (not expected)


def test_copy_that_cannot_be_removed_is_left_to_expire() -> None:
    file = make_verified(removed_at=None, delete_url=None)

    found = plan(make_filed(file, copies=make_copy()), after(121))

    assert found.is_empty
    assert found.wake_at == DEADLINE


def test_suspect_file_keeps_the_services_copy() -> None:
    file = make_verified(removed_at=None, suspect="too short")

    assert plan(make_filed(file, copies=make_copy()), after(121)).is_empty


# --- the end --------------------------------------------------------------------------------------


def kept(*files: RecordingFile, **changes: object) -> CallFacts:
    recording = make_stopped(**({"retention": keep(None, "1d")} | changes))
    return make_facts(ENDED, recordings=recording, files=files or (make_verified(),))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (after(60, days=1) - TICK, []),
        (after(60, days=1), [PurgeFile]),
        (after(60, days=1) + TICK, [PurgeFile]),
    ],
)
def test_kept_recording_goes_when_its_time_is_over(
    now: datetime, expected: list[type[Effect]]
) -> None:
    found = plan(kept(), now)

    assert effects(found) == expected
    assert expected or found.wake_at == after(60, days=1)


def test_purge_says_by_which_rule_and_revision() -> None:
    (purge,) = plan(kept(), after(days=2)).effects

    assert isinstance(purge, PurgeFile)
    assert (purge.rule, purge.revision) == ("support-line#retention", 3)
    assert purge.due_at == after(60, days=1)


def test_recording_is_not_purged_while_one_of_its_files_is_on_its_way() -> None:
    late = make_file(id=FileId("file-2"), document_id="d-2", deadline=after(days=9))

    assert effects(plan(kept(make_verified(), late), after(days=2))) == [DownloadFile]


def test_purged_and_lost_files_are_not_purged_again() -> None:
    purged = make_verified(id=FileId("file-2"), document_id="d-2", purged_at=after(days=1))
    lost = make_file(id=FileId("file-3"), document_id="d-3", lost_at=after(days=1))

    found = plan(kept(purged, lost, make_verified()), after(days=2))

    assert [e.file for e in found.effects if isinstance(e, PurgeFile)] == [FILE]


def test_purge_tells_the_rule_that_decides_where_several_do() -> None:
    mifid = make_keeping(
        keep(None, "2d"), "mifid-ii", priority=9, revision=7, source=Source(file="m.yaml", line=4)
    )
    (purge,) = plan(kept(keeping=(mifid, make_keeping(keep(None, "1d")))), after(days=3)).effects

    assert isinstance(purge, PurgeFile)
    assert (purge.rule, purge.revision, purge.why.source) == ("mifid-ii", 7, mifid.source)


def test_erased_recording_goes_at_once_whatever_business_needs() -> None:
    facts = kept(retention=keep("90d"), erase_at=after(30))

    assert effects(plan(facts, after(130))) == [PurgeFile]


CONTRACT = EventClock("contractEnded")


@pytest.mark.parametrize(
    ("retention", "due_at"),
    [
        (keep(None, "1d"), after(60, days=1)),
        (keep(None, "1d", count_from=CountFrom.STORED), after(120, days=1)),
        (keep(None, "1d", count_from=CONTRACT), after(days=31)),
        (keep(None, "P1M", count_from=CONTRACT), datetime(2027, 1, 2, 9, tzinfo=UTC)),
        (keep("3d", "1d"), after(60, days=3)),
    ],
    ids=["call end", "stored", "event", "months", "floor"],
)
@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
def test_recording_goes_exactly_when_its_clock_says(
    retention: RetentionSpec, due_at: datetime, offset: timedelta
) -> None:
    call = replace(ENDED, moments={"contractEnded": after(days=30)})
    facts = replace(kept(retention=retention), call=call)

    found = plan(facts, due_at + offset)

    assert effects(found) == ([] if offset < timedelta(0) else [PurgeFile])
    assert found.wake_at == (due_at if offset < timedelta(0) else None)


def test_recording_that_is_kept_forever_never_goes() -> None:
    found = plan(kept(retention=keep("1d")), after(days=100_000))

    assert found.is_empty
    assert found.wake_at is None


def test_failed_purge_waits_for_its_turn() -> None:
    attempt = make_put_off(Verb.PURGE, target=FILE, retry_at=after(days=3))
    recording = make_stopped(retention=keep(None, "1d"))
    facts = make_facts(ENDED, recordings=recording, files=make_verified(), attempts=attempt)

    assert effects(plan(facts, after(days=3) - TICK)) == []
    assert effects(plan(facts, after(days=3))) == [PurgeFile]


# --- exported by the service ----------------------------------------------------------------------

VAULT = StoreName("vault")
CONTAINER = "https://contoso.blob.core.windows.net/vault"
EXPORTED = make_file(
    is_external=True,
    content_url=f"{CONTAINER}/call/audio.wav",
    metadata_url=f"{CONTAINER}/call/meta.json",
)
WITH_VAULT = make_context(containers={VAULT: ContainerStore(url=CONTAINER)})


def test_exported_file_is_verified_where_it_lies() -> None:
    (look,) = plan(make_filed(EXPORTED), after(91), WITH_VAULT).effects
    assert isinstance(look, VerifyFile)
    assert look.in_container == InContainer(
        store=VAULT, uri="call/audio.wav", metadata_uri="call/meta.json"
    )


def test_exported_file_in_an_unknown_container_is_left_there_and_alarmed() -> None:
    found = plan(make_filed(EXPORTED), after(91))
    assert found.is_empty
    assert [a.name for a in found.alarms] == ["ExportUnverified"]
    assert found.wake_at == after(91 + 600)


def test_export_that_could_not_be_verified_is_tried_again_and_alarmed() -> None:
    attempt = make_put_off(Verb.VERIFY, target=FILE, retry_at=after(200), detail="HTTP 404")
    facts = make_filed(EXPORTED, attempts=attempt)

    early = plan(facts, after(200) - TICK, WITH_VAULT)
    assert (effects(early), early.wake_at) == ([], after(200))
    assert [a.name for a in early.alarms] == ["ExportUnverified"]
    assert effects(plan(facts, after(200), WITH_VAULT)) == [VerifyFile]


@pytest.mark.parametrize(
    ("detail", "now", "is_lost"),
    [
        ("HTTP 404", DEADLINE - TICK, False),
        ("HTTP 404", DEADLINE, True),
        ("HTTP 404", DEADLINE + TICK, True),
        ("no answer from the store", DEADLINE + timedelta(days=30), False),
    ],
)
def test_exported_file_is_lost_only_when_it_stays_missing(
    detail: str, now: datetime, *, is_lost: bool
) -> None:
    attempt = make_put_off(Verb.VERIFY, target=FILE, retry_at=after(200), detail=detail)
    found = plan(make_filed(EXPORTED, attempts=attempt), now, WITH_VAULT)
    assert [type(a) for a in found.ledger] == ([MarkFileLost] if is_lost else [])


def test_verified_export_is_never_removed_from_the_service() -> None:
    kept = replace(EXPORTED, verified_at=after(120))
    assert plan(make_filed(kept, copies=make_copy()), after(121), WITH_VAULT).is_empty


def test_verified_export_is_purged_when_its_time_is_over() -> None:
    facts = make_facts(
        ENDED,
        recordings=make_stopped(retention=keep(None, "1d")),
        files=replace(EXPORTED, verified_at=after(120)),
        copies=make_copy(store=VAULT),
    )
    assert effects(plan(facts, after(60, days=1) - TICK, WITH_VAULT)) == []
    assert effects(plan(facts, after(60, days=1), WITH_VAULT)) == [PurgeFile]
