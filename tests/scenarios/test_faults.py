"""The emulator's catalogue of faults, one call for each: what must come of a call all the same.

The calls of all faults are played side by side, since most of their time is waiting; every test
then looks at its own. A test that names a fault the call never met fails: each has to bite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from tests.scenarios.processes import Json, seconds_now
from tests.scenarios.stage import Stage
from tests.scenarios.tree import CONSENT_LINE, MIXED_LINE, UNRECORDED_LINE

LATE = "8:acs:late"
# Fields of a fault that say which happening of its call it is meant for.
_NARROWING = frozenset({"type", "operation"})


@dataclass(frozen=True, slots=True)
class Case:
    """Faults that one call meets; `files` is how many files must be kept of it."""

    name: str
    faults: tuple[Json, ...]
    files: int = 1


def case(name: str, fault: str | None = None, *, files: int = 1, **more: object) -> Case:
    """Describe a call that meets one fault."""
    return Case(name, ({"name": fault or name, **more},), files)


# Where "several" is said, the fault bites that often in a row.
PLAYED = (
    case("start.500"),
    case("several start.500", "start.500", count=3),
    case("start.lostResponse"),
    # A callback would tell the recording's id before the start is answered.
    Case(
        "several start.lostResponse",
        ({"name": "start.lostResponse", "count": 3}, {"name": "callbacks.drop", "count": None}),
    ),
    case("start.duplicate"),
    case("start.resetBeforeExecute"),
    case("start.429", retryAfter="1"),
    case("start.429 until a date", "start.429", retryAfter="1", asDate=True),
    case("start.429 without sense", "start.429", retryAfter="soon"),
    # Callbacks tell the state, too, and then it is not asked for so soon.
    Case(
        "state.500", ({"name": "state.500", "count": 2}, {"name": "callbacks.drop", "count": None})
    ),
    case("service.slow", operation="start", seconds=1.0),
    case("stop.500", operation="stop"),
    case("download.truncate"),
    case("several download.truncate", "download.truncate", count=3),
    case("download.reset"),
    case("download.empty"),
    case("download.html400"),
    case("download.503"),
    case("download.404"),
    case("download.401"),
    case("download.redirect"),
    case("download.redirectForeign"),
    case("download.wrongContentRange"),
    case("download.slow", bytes=4096, seconds=0.05),
    Case("download.wrongRange", ({"name": "download.truncate"}, {"name": "download.wrongRange"})),
    case("metadata.quirks", quirks=["float", "framerate", "crlf", "swapped"]),
    case("delete.500"),
    case("delete.503"),
    case("delete.reset"),
    case("events.duplicate", count=None, copies=2),
    case("events.reorder", count=3),
    case("events.delay", count=None, seconds=1.0),
    case("dropped CallStarted", "events.drop", type="CallStarted"),
    case("dropped CallParticipantAdded", "events.drop", count=2, type="CallParticipantAdded"),
    case("dropped CallEnded", "events.drop", type="CallEnded"),
    case("callbacks.drop", count=None),
    case("callbacks.duplicate", count=None),
    case("files.twin", files=2),
    case("files.chunks", files=3, chunks=3),
    Case(
        "files.splitEvents",
        ({"name": "files.chunks", "chunks": 3}, {"name": "files.splitEvents"}),
        files=3,
    ),
)


@pytest.fixture(scope="module")
def played(house: Stage) -> Mapping[str, str]:
    """Play one call for each case, all at once; return their ids by the cases' names."""
    calls = {c.name: begin(house, c.faults) for c in PLAYED}
    ends = seconds_now() + 10

    def are_captured() -> bool:
        captured = {
            r["serverCallId"]
            for r in house.emulator.ask("GET", "/recordings")
            if sum(end - start for start, end in r["capturedMs"]) >= 400
        }
        # A call that never gets so far fails its own test and none of the others.
        return set(calls.values()) <= captured or seconds_now() > ends

    house.until(are_captured, "the calls are captured")
    for call in calls.values():
        house.end_call(call)
    return calls


def begin(stage: Stage, faults: tuple[Json, ...], line: str = MIXED_LINE) -> str:
    """Begin a call that meets some faults."""
    call = stage.name_call()
    for fault in faults:
        arm(stage, call, fault)
    return stage.begin_call(line, call=call)


def arm(stage: Stage, call: str, fault: Json) -> None:
    """Arm a fault for one call; `type` and `operation` narrow it further."""
    match: Json = {"serverCallId": call}
    match |= {key: value for key, value in fault.items() if key in _NARROWING}
    rest = {key: value for key, value in fault.items() if key not in _NARROWING}
    stage.emulator.ask("POST", "/faults", {**rest, "match": match})


def is_armed(stage: Stage, call: str, name: str) -> bool:
    """Say whether a fault with a count still waits for this call to meet it."""
    kinds = stage.emulator.ask("GET", "/faults")
    armed = next(kind["armed"] for kind in kinds if kind["name"] == name)
    return any(a["match"]["serverCallId"] == call and a["count"] is not None for a in armed)


def assert_bitten(stage: Stage, call: str, *names: str) -> None:
    for name in names:
        assert not is_armed(stage, call, name), f"{name} never bit"


def until_removed(stage: Stage, call: str) -> Json:
    """Wait until the service has nothing left of a call; return its recording there."""

    def nothing_left() -> Json | None:
        (recording,) = stage.emulator.recordings_of(call)
        return None if any(f["exists"] for f in recording["files"]) else recording

    found = stage.until(nothing_left, "nothing is left on the service")
    assert found is not None
    return found


def assert_archived(stage: Stage, kept: Json, on_service: Json, *, files: int = 1) -> None:
    """Compare what is kept with what the service had, file by file and byte by byte."""
    ours = {f["documentId"]: (f["sha256"], f["suspect"]) for f in kept["files"]}
    theirs = {f["documentId"]: (f["sha256"], None) for f in on_service["files"]}
    assert ours == theirs
    assert len(kept["files"]) == files
    on_disk = stage.media_on_disk()
    assert [on_disk.get(f["path"]) for f in kept["files"]] == [f["sha256"] for f in kept["files"]]


# --- faults that a call comes through unharmed ----------------------------------------------------


@pytest.mark.parametrize("faulty", PLAYED, ids=lambda faulty: faulty.name.replace(" ", "-"))
def test_a_call_is_kept_whole_in_spite_of(
    house: Stage, played: Mapping[str, str], faulty: Case
) -> None:
    call = played[faulty.name]
    house.until(lambda: kept_files(house, call) >= faulty.files, f"{faulty.files} files are kept")
    kept = house.until_kept(call)
    on_service = until_removed(house, call)
    assert_archived(house, kept, on_service, files=faulty.files)
    assert_bitten(house, call, *(fault["name"] for fault in faulty.faults))


def kept_files(stage: Stage, call: str) -> int:
    files = [f for r in stage.recordings_in_ledger(call) for f in r["files"]]
    return sum(f["state"] == "kept" for f in files)


def until_silent(stage: Stage, call: str) -> None:
    def is_silent() -> bool:
        (recording,) = stage.emulator.recordings_of(call)
        return recording["state"] == "paused" and stage.state_of(call) == "paused"

    stage.until(lambda: stage.emulator.recordings_of(call), "it was started")
    stage.until(is_silent, "it is silent")


@pytest.mark.parametrize("name", ["resume.500", "resume.ignored"])
def test_a_consented_call_is_heard_in_spite_of(house: Stage, name: str) -> None:
    call = begin(house, ({"name": name},), CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.end_call(call)
    assert_archived(house, house.until_kept(call), until_removed(house, call))
    assert_bitten(house, call, name)


@pytest.mark.parametrize("name", ["pause.500", "pause.ignored"])
def test_a_late_joiner_is_not_heard_in_spite_of(house: Stage, name: str) -> None:
    call = begin(house, ({"name": name},), CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    allowed_ms = house.captured_ms(call)
    house.join(call, {"id": LATE})
    until_silent(house, call)
    assert_bitten(house, call, name)
    # Three tries fit into two seconds; the second one here succeeds.
    assert house.captured_ms(call) - allowed_ms < 2000
    house.end_call(call)
    assert_archived(house, house.until_kept(call), until_removed(house, call))


def test_a_recording_that_cannot_be_silenced_is_stopped_and_alarmed(house: Stage) -> None:
    before = house.alarmed("CaptureUncontrolled")
    call = begin(house, ({"name": "pause.ignored", "count": None},), CONSENT_LINE)
    until_silent(house, call)
    house.consent(call)
    house.until_captured(call)
    house.join(call, {"id": LATE})
    house.until(
        lambda: [r["state"] for r in house.emulator.recordings_of(call)] == ["ended"],
        "it is stopped",
    )
    house.until_alarmed("CaptureUncontrolled", since=before)
    house.end_call(call)


@pytest.mark.parametrize("name", ["stop.500", "stop.404", "stop.lostResponse"])
def test_a_recording_that_is_no_longer_wanted_ends_in_spite_of(house: Stage, name: str) -> None:
    call = house.begin_call(UNRECORDED_LINE, context={"X-MS-Custom-Queue": "labelled"})
    house.until_captured(call)
    arm(house, call, {"name": name})
    house.signal("call.tagged", call, tags={"queue": "other"})
    kept = house.until_kept(call)
    assert_bitten(house, call, name)
    (on_service,) = house.emulator.recordings_of(call)
    assert (on_service["state"], on_service["endReason"]) == ("ended", "InitiatorLeft")
    assert_archived(house, kept, until_removed(house, call))
    house.end_call(call)


# --- faults that leave something to a person ------------------------------------------------------


def test_a_file_without_metadata_is_kept_and_doubted_and_stays_on_the_service(
    house: Stage,
) -> None:
    before = house.alarmed("FileSuspect")
    call = begin(house, ({"name": "metadata.404", "count": None},))
    house.until_captured(call)
    house.end_call(call)
    (file,) = house.until_kept(call)["files"]
    (on_service,) = house.emulator.recordings_of(call)
    (theirs,) = on_service["files"]
    assert "no metadata" in file["suspect"]
    assert (file["sha256"], file["onService"]) == (theirs["sha256"], True)
    house.until_alarmed("FileSuspect", since=before)
    assert (theirs["exists"], theirs["deletedAt"]) == (True, None)


def test_a_start_that_fails_after_it_was_accepted_is_told_and_not_tried_as_another(
    house: Stage,
) -> None:
    before = house.alarmed("RecordingRefused")
    call = begin(house, ({"name": "start.202ThenFailed"},))
    house.until_state(call, "notRecorded")
    house.until_alarmed("RecordingRefused", since=before)
    assert_bitten(house, call, "start.202ThenFailed")
    house.end_call(call)
    assert [r["state"] for r in house.recordings_in_ledger(call)] == ["notRecorded"]


def test_a_file_that_is_never_announced_is_waited_for_and_not_called_kept(house: Stage) -> None:
    call = begin(house, ({"name": "files.none"},))
    house.until_captured(call)
    house.end_call(call)
    house.until(lambda: not is_armed(house, call, "files.none"), "the announcement was swallowed")
    assert house.until_state(call, "awaitingFiles") == "awaitingFiles"
    (on_service,) = house.emulator.recordings_of(call)
    assert [f["exists"] for f in on_service["files"]] == [True]


def test_a_file_that_the_service_cannot_find_is_asked_for_again_and_not_given_up(
    house: Stage,
) -> None:
    call = begin(house, ({"name": "events.wrongDocument"},))
    house.until_captured(call)
    house.end_call(call)

    def asked_twice() -> bool:
        files = [f for r in house.recordings_in_ledger(call) for f in r["files"]]
        names = [f["documentId"] for f in files]
        return any(len(house.emulator.requests(holding=f"{n}/content/")) > 2 for n in names)

    house.until(asked_twice, "it was asked for again")
    assert house.state_of(call) == "awaitingFiles"
