"""What is deleted when its time is over, what is left of it, and what the milder modes leave alone.

A recording that is to be kept for one second stands for all: nothing else in its life is faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import BRIEF_LINE, FLOOR_LINE, UNRECORDED_LINE

from recordingd.cli.exits import Exit

# Words that occur nowhere else, so that finding one means that somebody can be told from it.
CANARY_ID = "8:acs:canary-5e0f9d1c7b"
CANARY_NAME = "Canary Quillfeather"
CANARY_NUMBER = "+14155559273"
CANARIES = (CANARY_ID, CANARY_ID.removeprefix("8:acs:"), CANARY_NAME, CANARY_NUMBER.strip("+"))


def begin_canary_call(stage: Stage, line: str = BRIEF_LINE) -> str:
    """Begin a call in which everything that names somebody is a canary."""
    party: Json = {"id": CANARY_ID, "displayName": CANARY_NAME}
    return stage.begin_call(line, party, {"id": "8:acs:agent-1"}, caller=CANARY_NUMBER)


def play_canary_call(stage: Stage, line: str = BRIEF_LINE) -> str:
    call = begin_canary_call(stage, line)
    stage.until_captured(call)
    stage.end_call(call)
    return call


def files_with(stage: Stage, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Give every file below the stage's state that holds one of some words, with the word."""
    for path in stage.state.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield from ((path.name, word) for word in words if word.encode() in content)


def media_and_metadata(stage: Stage) -> list[Path]:
    return [p for p in stage.archive.rglob("*") if p.is_file()]


def storage_requests(stage: Stage, method: str) -> list[Json]:
    return stage.emulator.requests(method=method, holding="/v1/objects")


# --- enforce --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def purged(shared: Stage) -> tuple[Stage, str]:
    """Give a stage on which a canary call was recorded, kept for its second, and purged."""
    call = play_canary_call(shared)
    shared.until_state(call, "purged")
    return shared, call


def test_nothing_of_a_purged_recording_is_left_anywhere(purged: tuple[Stage, str]) -> None:
    stage, call = purged
    assert media_and_metadata(stage) == []
    (on_service,) = stage.emulator.recordings_of(call)
    assert [f["exists"] for f in on_service["files"]] == [False]


def test_every_purged_file_has_one_receipt(purged: tuple[Stage, str]) -> None:
    stage, call = purged
    (on_service,) = stage.emulator.recordings_of(call)
    rows = stage.rows(
        "SELECT document_id, sha256, size_bytes, rule, due_at, purged_at FROM receipts"
    )
    (file,) = on_service["files"]
    ((document, digest, size, rule, due_at, purged_at),) = rows
    assert (document, digest, size) == (file["documentId"], file["sha256"], file["sizeBytes"])
    assert rule == "brief-line#retention"
    assert due_at <= purged_at


def test_a_purged_recording_stays_listed_without_personal_data(purged: tuple[Stage, str]) -> None:
    stage, call = purged
    (row,) = stage.command("recordings", "list", "--state", "purged", "-f", "json").json
    (file,) = row["files"]
    assert (row["serverCallId"], row["state"], file["state"]) == (call, "purged", "purged")
    assert (file["path"], file["onService"]) == (None, False)
    shown = stage.call_in_ledger(call)
    assert shown is not None
    assert (shown["from"], shown["to"], shown["participants"]) == (None, None, [])


def test_nobody_is_named_in_the_state_directory_while_the_daemon_runs_on(
    purged: tuple[Stage, str],
) -> None:
    stage, _ = purged
    stage.until(lambda: not list(files_with(stage, CANARIES)), "the ledger's files name nobody")


def test_nobody_is_named_in_the_daemon_s_log(purged: tuple[Stage, str]) -> None:
    stage, _ = purged
    log = stage.log.read_text()
    assert [word for word in CANARIES if word in log] == []


def test_only_what_is_over_goes_and_nothing_of_it_is_left_after_the_daemon(stage: Stage) -> None:
    kept = stage.play(FLOOR_LINE)
    gone = play_canary_call(stage)
    stage.until_state(gone, "purged")
    (file,) = kept["files"]
    assert stage.media_on_disk() == {file["path"]: file["sha256"]}
    assert kept["keepUntil"] < kept["deleteAt"]
    stage.stop()
    assert list(files_with(stage, CANARIES)) == []
    assert stage.command("ledger", "check").code == Exit.OK


def test_a_purge_that_a_crash_interrupts_is_finished_by_the_next_start(stage: Stage) -> None:
    call = play_canary_call(stage)
    stage.until_kept(call)
    with stage.ledger_locked():
        # The claim cannot be written while the ledger is locked, so the purge is still to come.
        stage.kill()
    assert stage.media_on_disk() != {}
    stage.start()
    stage.until_state(call, "purged")
    assert media_and_metadata(stage) == []
    assert stage.rows("SELECT count(*) FROM receipts") == [(1,)]


# --- retain and observe ---------------------------------------------------------------------------


def test_mode_retain_deletes_nothing_anywhere(make_stage: MakeStage) -> None:
    stage = make_stage(mode="retain")
    stage.start()
    call = play_canary_call(stage)

    def removal_is_withheld() -> bool:
        lines = stage.command("plan", "-f", "json").json["sections"]["sweeps"]
        return [(a["verb"], a["blockedBy"]) for a in lines] == [("remove", "mode retain")]

    stage.until(removal_is_withheld, "only the mode keeps the service's copy")
    # Play another one, so that more than the second of the first has passed.
    other = play_canary_call(stage)
    stage.until(lambda: len(stage.media_on_disk()) == 2, "both are archived")
    assert storage_requests(stage, "DELETE") == []
    on_service = [r for c in (call, other) for r in stage.emulator.recordings_of(c)]
    assert [f["exists"] for r in on_service for f in r["files"]] == [True, True]
    assert set(stage.media_on_disk().values()) == {
        f["sha256"] for r in on_service for f in r["files"]
    }
    assert stage.rows("SELECT count(*) FROM receipts") == [(0,)]


def test_mode_observe_starts_nothing_and_sends_nothing_but_gets(make_stage: MakeStage) -> None:
    stage = make_stage(mode="observe")
    stage.start()
    call = begin_canary_call(stage)
    stage.until(lambda: stage.call_in_ledger(call), "the call is known")

    def start_is_withheld() -> bool:
        lines = stage.command("plan", "-f", "json").json["sections"]["live"]
        return [(a["verb"], a["blockedBy"]) for a in lines] == [("start", "mode observe")]

    stage.until(start_is_withheld, "only the mode keeps it from starting")
    stage.end_call(call)
    after = stage.begin_call(UNRECORDED_LINE)
    stage.until(lambda: stage.call_in_ledger(after), "what came before was applied")
    assert {r["method"] for r in stage.emulator.requests()} <= {"GET"}
    assert stage.emulator.recordings_of(call) == []
    assert stage.recordings_in_ledger(call) == []
