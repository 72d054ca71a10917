"""The daemon as a process: bad settings and policies, reloads, a second daemon, and a quiet end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import END_SECONDS, Program, seconds_now
from tests.scenarios.stage import Stage
from tests.scenarios.tree import MIXED_LINE, POLICIES, UNRECORDED_LINE, line

from recordingd.cli.exits import Exit

BROKEN = line("mixed-line", MIXED_LINE, "priorty: 3", "record: {channels: unmixed, format: mp3}")
RECORD = "record: {channels: mixed, format: wav}"
BROKEN_TOO = line(
    "late-line", UNRECORDED_LINE, RECORD, "retention: {keepAtLeast: 2y, deleteAfter: 90d}"
)
WIDER = {**POLICIES, "wider.yaml": line("wider-line", UNRECORDED_LINE, RECORD)}


def run_to_its_end(stage: Stage, *arguments: str) -> int:
    """Start the daemon and wait until it has ended; return its exit code."""
    return stage.launch(*arguments).process.wait(END_SECONDS)


def listens(stage: Stage) -> bool:
    try:
        stage.get("/livez")
    except ConnectionRefusedError:
        return False
    return True


# --- settings and policies that cannot be used ----------------------------------------------------


def test_every_fault_of_the_settings_is_shown_and_nothing_is_started(make_stage: MakeStage) -> None:
    stage = make_stage()
    text = stage.settings.read_text().replace("mode: enforce", "mode: enforced")
    stage.settings.write_text(text.replace("startWindow: 2s", "startWindow: 2 fortnights"))
    assert run_to_its_end(stage) == Exit.INVALID
    said = stage.log.read_text()
    assert "recordingd.yaml:4:7" in said
    assert "recordingd.yaml:8:16" in said
    assert not stage.state.exists()


def test_a_secret_that_cannot_be_read_is_told_where_it_is_referred_to(
    make_stage: MakeStage,
) -> None:
    stage = make_stage()
    (stage.directory / "secrets" / "webhook").unlink()
    assert run_to_its_end(stage) == Exit.INVALID
    assert "recordingd.yaml:12:" in stage.log.read_text()
    assert not stage.state.exists()


def test_every_fault_of_the_first_policies_is_shown_and_nothing_is_started(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(policies={**POLICIES, "mixed.yaml": BROKEN, "late.yaml": BROKEN_TOO})
    assert run_to_its_end(stage) == Exit.INVALID
    said = stage.log.read_text()
    for place in ("mixed.yaml:5:1", "mixed.yaml:6:37", "late.yaml:6:43"):
        assert place in said
    assert (listens(stage), (stage.state / "control.sock").exists()) == (False, False)
    assert stage.rows("SELECT count(*) FROM policy_revisions") == [(0,)]
    assert stage.emulator.requests() == []


@pytest.fixture
def outdated(stage: Stage) -> Stage:
    """Give a stage whose daemon had good policies, and whose files were broken since."""
    stage.stop()
    stage.write_policies({**POLICIES, "mixed.yaml": BROKEN})
    return stage


def test_the_last_good_policies_stand_in_for_invalid_files(outdated: Stage) -> None:
    outdated.start()
    assert "PolicyNotInForce" in outdated.alarms()
    reload = outdated.status()["lastReload"]
    assert (reload["ok"], "mixed.yaml:5:1" in reload["error"]) == (False, True)
    assert outdated.metric("policy_reload_success") == 0
    assert outdated.play(MIXED_LINE)["policyRevision"] == 1


def test_a_strict_start_takes_no_stand_in(outdated: Stage) -> None:
    assert run_to_its_end(outdated, "--strict-start") == Exit.INVALID
    assert "mixed.yaml:5:1" in outdated.log.read_text()
    assert not listens(outdated)


# --- reloads --------------------------------------------------------------------------------------


def reloaded(stage: Stage) -> None:
    """Have the policies read again and wait until they were."""
    before = stage.status()["lastReload"]["at"]
    stage.hang_up()
    stage.until(lambda: stage.status()["lastReload"]["at"] != before, "the policies were read")


def test_a_reload_takes_new_policies_and_keeps_the_old_ones_when_they_are_invalid(
    stage: Stage,
) -> None:
    call = stage.begin_call(UNRECORDED_LINE)
    stage.until(lambda: stage.call_in_ledger(call), "the call is known")
    assert stage.recordings_in_ledger(call) == []
    stage.write_policies(WIDER)
    reloaded(stage)
    # A live call is judged anew, without any event of its own.
    stage.until_captured(call)
    assert (stage.status()["revision"], stage.alarms()) == (2, set())

    stage.write_policies({**WIDER, "mixed.yaml": BROKEN})
    reloaded(stage)
    status = stage.status()
    assert (status["revision"], status["lastReload"]["ok"]) == (2, False)
    assert "PolicyNotInForce" in stage.alarms()
    assert stage.play(MIXED_LINE)["policyRevision"] == 2

    stage.write_policies(WIDER)
    reloaded(stage)
    assert (stage.status()["lastReload"]["ok"], stage.alarms()) == (True, set())
    stage.end_call(call)
    stage.until_kept(call)


# --- two daemons, and the end of one --------------------------------------------------------------


def test_a_second_daemon_on_the_same_state_is_refused_and_harms_nothing(house: Stage) -> None:
    log = house.directory / "second.log"
    second = Program.start(["run", "--config", str(house.settings)], log)
    assert second.process.wait(END_SECONDS) == Exit.FAILED
    assert f"another recordingd owns {house.state}" in log.read_text()
    assert "Traceback" not in log.read_text()
    house.play(MIXED_LINE)
    assert house.command("status").code == Exit.OK


def test_a_taken_port_ends_the_daemon_with_one_message(house: Stage, make_stage: MakeStage) -> None:
    stage = make_stage()
    text = stage.settings.read_text()
    taken = f"listen: 127.0.0.1:{house.port.number}"
    stage.settings.write_text(text.replace(f"listen: 127.0.0.1:{stage.port.number}", taken))
    assert run_to_its_end(stage) == Exit.FAILED
    said = stage.log.read_text()
    assert ("in use" in said, "Traceback" in said) == (True, False)


def test_status_of_no_daemon_says_so(make_stage: MakeStage) -> None:
    ran = make_stage().command("status")
    assert ran.code == Exit.FAILED
    assert "no daemon answers" in ran.err


def test_a_download_that_a_stop_cuts_off_is_continued_where_it_was(stage: Stage) -> None:
    call = stage.begin_call(MIXED_LINE)
    stage.until_captured(call)
    stage.lengthen(60)
    stage.emulator.arm("download.slow", call=call, bytes=64 * 1024, seconds=0.2)
    stage.end_call(call)
    (part,) = stage.until(lambda: [p for p in stage.parts_on_disk() if size_of(p)], "half is there")
    began = seconds_now()
    assert stage.stop() == 0
    assert seconds_now() - began < 5
    held = size_of(part)
    assert held > 0
    stage.start()
    (file,) = stage.until_kept(call)["files"]
    ranges = stage.until(both_downloads(stage), "the service is done with both downloads")
    assert set(ranges) == {None, f"bytes={held}-"}
    (on_service,) = stage.emulator.recordings_of(call)
    assert file["sha256"] == on_service["files"][0]["sha256"]
    assert size_of(Path(file["path"])) > held


def test_an_idle_daemon_ends_at_once_and_leaves_no_socket(stage: Stage) -> None:
    began = seconds_now()
    assert stage.stop() == 0
    assert seconds_now() - began < 5
    assert (listens(stage), (stage.state / "control.sock").exists()) == (False, False)


def both_downloads(stage: Stage) -> Callable[[], list[str | None]]:
    def ranges() -> list[str | None]:
        asked = stage.emulator.requests(holding="/content/audio")
        return [r["headers"].get("range") for r in asked] if len(asked) == 2 else []

    return ranges


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
