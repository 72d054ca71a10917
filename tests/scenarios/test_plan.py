"""`plan` beside a running daemon: what the daemon would do, and no change of anything."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import Ran, Stage
from tests.scenarios.tree import CONSENT_LINE, FLOOR_LINE, MIXED_LINE

from recordingd.cli.exits import Exit
from recordingd.config.saved_plans import faults_of
from recordingd.runtime.system import SystemClock

COUNTED = {"start", "pause", "resume", "stop", "download", "remove", "purge"}
COUNTED |= {"blocked", "unknown", "purgeBytes"}
ACTION = {"verb", "target", "reason", "reasonCode", "policy", "source", "at"}


@contextmanager
def frozen(stage: Stage) -> Iterator[None]:
    """Hold the daemon still, its ledger open, so that whatever happens was not done by it."""
    assert stage.daemon is not None
    stage.daemon.send(signal.SIGSTOP)
    try:
        yield
    finally:
        stage.daemon.send(signal.SIGCONT)


def bytes_on_disk(stage: Stage) -> dict[str, tuple[str, int]]:
    """Return hash and time of change of every file below the state directory.

    The index of the write-ahead log is memory that readers share and lock, not data.
    """
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in stage.state.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def make_download_due(stage: Stage) -> str:
    """End a call whose file cannot be fetched, and kill the daemon in between; return the call."""
    call = stage.begin_call(MIXED_LINE)
    stage.until_captured(call)
    stage.emulator.arm("download.503", call=call, count=None)
    stage.end_call(call)
    stage.until(lambda: stage.emulator.fired("download.503") > 0, "the download has failed")
    stage.kill()
    return call


def finish(stage: Stage, call: str) -> None:
    """End a call and wait until nothing is left to do for it."""
    stage.end_call(call)
    stage.until_kept(call)


def actions(plan: Json) -> list[Json]:
    return [line for section in plan["sections"].values() for line in section]


def test_plan_asks_the_service_nothing(shared: Stage) -> None:
    call = shared.begin_call(MIXED_LINE)
    shared.until_captured(call)
    with frozen(shared):
        before = shared.emulator.requests()
        assert shared.command("plan").code == Exit.OK
        assert shared.emulator.requests() == before
    finish(shared, call)


def test_observing_sends_nothing_but_gets(shared: Stage) -> None:
    calls = [shared.begin_call(line) for line in (MIXED_LINE, CONSENT_LINE)]
    shared.until_captured(calls[0])
    shared.until_state(calls[1], "paused")
    with frozen(shared):
        before = len(shared.emulator.requests())
        ran = shared.command("plan", "--observe", "--detailed-exitcode")
        asked = shared.emulator.requests()[before:]
    ids = {r["recordingId"] for call in calls for r in shared.emulator.recordings_of(call)}
    assert {r["method"] for r in asked} == {"GET"}
    assert {r["path"].rpartition("/")[2] for r in asked} == ids
    assert ran.code == Exit.OK, ran.out
    finish(shared, calls[0])
    shared.consent(calls[1])
    shared.until_captured(calls[1])
    finish(shared, calls[1])


def test_observing_shows_where_the_service_differs_from_what_is_wanted(shared: Stage) -> None:
    call = shared.begin_call(MIXED_LINE)
    shared.until_captured(call)
    with frozen(shared):
        shared.end_call(call)
        plan = shared.command("plan", "--observe", "-f", "json").json
    (drift,) = plan["sections"]["drift"]
    assert (drift["verb"], drift["policy"]) == ("stop", "mixed-line")
    finish(shared, call)


def test_nothing_is_due_once_everything_is_applied(shared: Stage) -> None:
    shared.play(FLOOR_LINE)
    ran = shared.command("plan", "--detailed-exitcode")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert "Plan: nothing is due." in ran.out
    plan = shared.command("plan", "-f", "json").json
    assert {n: v for n, v in plan["summary"].items() if v} == {}
    # What only time will bring is shown, and is no change.
    to_come = actions(plan)
    assert {(a["verb"], a["policy"]) for a in to_come} == {("purge", "floor-line")}
    assert all(
        datetime.fromisoformat(a["at"]) > datetime.fromisoformat(plan["at"]) for a in to_come
    )


def test_something_due_is_shown_and_exits_with_2(stage: Stage) -> None:
    call = make_download_due(stage)
    ran = stage.until(due(stage), "the next try of the download is due")
    assert ran is not None
    assert ran.code == Exit.CHANGES_PENDING
    assert stage.command("plan").code == Exit.OK, "the code is only for those who ask for it"
    plan = stage.command("plan", "-f", "json").json
    (download,) = plan["sections"]["sweeps"]
    assert download.keys() >= ACTION
    assert (download["verb"], download["reasonCode"], download["policy"], download["source"]) == (
        "download",
        "fileAnnounced",
        "mixed-line",
        "mixed.yaml:3",
    )
    assert plan["summary"]["download"] == 1
    documents = [f["documentId"] for r in stage.emulator.recordings_of(call) for f in r["files"]]
    rows = stage.rows("SELECT document_id FROM files WHERE id = ?", download["target"])
    assert rows == [(name,) for name in documents]


def due(stage: Stage) -> Callable[[], Ran | None]:
    def is_due() -> Ran | None:
        ran = stage.command("plan", "--detailed-exitcode")
        return ran if ran.code == Exit.CHANGES_PENDING else None

    return is_due


@pytest.mark.parametrize("is_running", [True, False])
def test_plan_writes_nothing(stage: Stage, *, is_running: bool) -> None:
    call = stage.begin_call(MIXED_LINE)
    stage.until_captured(call)
    if not is_running:
        stage.kill()
    with frozen(stage) if is_running else nullcontext():
        before = bytes_on_disk(stage)
        for command in (["plan"], ["plan", "-f", "json"], ["plan", "--observe"]):
            assert stage.command(*command).code == Exit.OK
        assert bytes_on_disk(stage) == before


def test_the_json_form_has_the_fields_that_others_rely_on(shared: Stage) -> None:
    shared.play(MIXED_LINE)
    before = SystemClock().now_utc()
    plan = shared.command("plan", "-f", "json", "--horizon", "1000d").json
    assert plan.keys() >= {
        "formatVersion",
        "at",
        "policyDigest",
        "ledgerGeneration",
        "summary",
        "sections",
    }
    assert list(faults_of(plan)) == []
    assert plan["formatVersion"] == "1"
    assert plan["policyDigest"] == shared.status()["digest"]
    assert datetime.fromisoformat(plan["at"]) >= before
    assert plan["summary"].keys() == COUNTED
    assert list(plan["sections"]) == ["policy", "live", "drift", "sweeps"]
    assert actions(plan)
    assert all(line.keys() >= ACTION for line in actions(plan))


def test_a_changed_policy_is_shown_against_the_running_revision(stage: Stage) -> None:
    files = {p.name: p.read_text() for p in (stage.directory / "policies").iterdir()}
    stage.write_policies({**files, "mixed.yaml": files["mixed.yaml"].replace("90d", "91d")})
    plan = stage.command("plan", "-f", "json").json
    assert [(c["verb"], c["target"], c["source"]) for c in plan["sections"]["policy"]] == [
        ("change", "RecordingPolicy mixed-line", "mixed.yaml:3")
    ]
    text = stage.command("plan").out
    assert "~ change  RecordingPolicy mixed-line  mixed.yaml:3" in text
    assert "retention.keepAtLeast 90d -> 91d" in text
    assert "1 policy change to take into force" in text


def test_plan_without_a_ledger_says_so_and_makes_none(make_stage: MakeStage) -> None:
    stage = make_stage()
    ran = stage.command("plan")
    assert ran.code == Exit.FAILED
    assert "ledger" in ran.err
    assert not stage.state.exists()
