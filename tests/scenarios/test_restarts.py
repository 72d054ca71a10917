"""Kill the daemon with SIGKILL all along a call's life: nothing is lost, nothing is doubled.

Each moment brings a call somewhere, kills the daemon there, and starts it again. What must come of
the call is the same for all: one recording on the service and in the ledger, every file archived
once and unharmed, and nothing left on the service.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import CONSENT_LINE, MIXED_LINE, UNRECORDED_LINE

from recordingd.cli.exits import Exit


@dataclass(slots=True)
class Play:
    """One call on its way through a crash of the daemon."""

    stage: Stage
    call: str = field(default="")
    has_ended: bool = False

    def begin(self, line: str = MIXED_LINE, *, queue: str = "none") -> None:
        context = {"X-MS-Custom-Queue": queue}
        self.call = self.stage.begin_call(line, context=context)

    def end(self) -> None:
        self.has_ended = True
        self.stage.end_call(self.call)

    def arm(self, name: str, **more: object) -> None:
        """Arm a fault whose biting shows that the moment has come."""
        self.stage.emulator.arm(name, call=self.call or None, **more)

    def until_bitten(self, name: str) -> None:
        self.stage.until(lambda: self.stage.emulator.fired(name) > 0, f"{name} has bitten")

    def until_service_says(self, state: str) -> None:
        def says() -> bool:
            found = self.stage.emulator.recordings_of(self.call)
            return [r["state"] for r in found] == [state]

        self.stage.until(says, f"the service says {state}")

    def finish(self) -> None:
        """Let the call capture something more, if it still lives, and end it."""
        if not self.has_ended:
            self.stage.until_captured(self.call)
            self.end()


# --- the moments ----------------------------------------------------------------------------------


def before_the_call(play: Play) -> None:
    play.stage.kill()
    play.begin()
    play.stage.start()


def start_in_flight(play: Play) -> None:
    play.arm("service.slow", operation="start", seconds=1.0)
    play.begin()
    play.until_bitten("service.slow")
    play.stage.crash()


def start_executed_and_its_answer_lost(play: Play) -> None:
    play.arm("start.lostResponse", count=None)
    play.begin()
    play.until_bitten("start.lostResponse")
    play.stage.crash()


def capturing(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.stage.crash()


def paused_until_consent(play: Play) -> None:
    play.begin(CONSENT_LINE)
    play.stage.until_state(play.call, "paused")
    play.until_service_says("paused")
    play.stage.crash()
    play.stage.consent(play.call)


def resume_in_flight(play: Play) -> None:
    play.begin(CONSENT_LINE)
    play.stage.until_state(play.call, "paused")
    play.arm("service.slow", operation="resume", seconds=1.0)
    play.stage.consent(play.call)
    play.until_bitten("service.slow")
    play.stage.crash()


def stop_in_flight(play: Play) -> None:
    play.begin(UNRECORDED_LINE, queue="labelled")
    play.stage.until_captured(play.call)
    play.arm("service.slow", operation="stop", seconds=1.0)
    play.stage.signal("call.tagged", play.call, tags={"queue": "other"})
    play.until_bitten("service.slow")
    play.stage.crash()
    play.until_service_says("ended")
    play.end()


def file_announced_while_down(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.stage.kill()
    play.end()

    def has_been_tried() -> bool:
        events = play.stage.emulator.ask("GET", "/events")
        files = [e for e in events if e["type"] == "RecordingFileStatusUpdated"]
        return any(e["attempts"] > 0 and e["status"] == "pending" for e in files)

    play.stage.until(has_been_tried, "the announcement found nobody")
    play.stage.start()


def half_way_through_a_download(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.stage.lengthen(30)
    play.arm("download.slow", count=None, bytes=64 * 1024, seconds=0.2)
    play.end()
    play.stage.until(
        lambda: any(p.stat().st_size for p in play.stage.parts_on_disk()), "a part is on the disk"
    )
    play.stage.crash()


def durable_and_not_yet_in_the_ledger(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.arm("download.slow", count=None, bytes=4096, seconds=0.1)
    play.end()
    play.stage.until(play.stage.parts_on_disk, "the download is under way")
    with play.stage.ledger_locked():
        play.stage.until(play.stage.media_on_disk, "the file has its final name")
        play.stage.kill()
    play.stage.emulator.disarm()
    play.stage.start()


def verified_and_not_yet_removed(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.arm("delete.503", count=None)
    play.end()
    play.until_bitten("delete.503")
    play.stage.crash()


def delete_executed_and_its_answer_lost(play: Play) -> None:
    play.begin()
    play.stage.until_captured(play.call)
    play.arm("delete.reset")
    play.end()
    play.until_bitten("delete.reset")
    play.stage.crash()


MOMENTS: tuple[Callable[[Play], None], ...] = (
    before_the_call,
    start_in_flight,
    start_executed_and_its_answer_lost,
    capturing,
    paused_until_consent,
    resume_in_flight,
    stop_in_flight,
    file_announced_while_down,
    half_way_through_a_download,
    durable_and_not_yet_in_the_ledger,
    verified_and_not_yet_removed,
    delete_executed_and_its_answer_lost,
)


# --- what must come of it -------------------------------------------------------------------------


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_a_killed_daemon_goes_on_where_it_was(stage: Stage, moment: Callable[[Play], None]) -> None:
    play = Play(stage)
    moment(play)
    play.finish()
    kept = stage.until_kept(play.call)
    on_service = stage.emulator.recordings_of(play.call)
    assert len(on_service) == 1
    assert len(stage.command("recordings", "list", "-f", "json").json) == 1
    assert kept["recordingId"] == on_service[0]["recordingId"]
    assert_archived_once(stage, kept, on_service[0])
    assert stage.command("ledger", "check").code == Exit.OK
    plan = stage.command("plan", "--detailed-exitcode")
    assert (plan.code, "nothing is due" in plan.out) == (Exit.OK, True), plan.out


def assert_archived_once(stage: Stage, kept: Json, on_service: Json) -> None:
    """Compare disk, ledger and service, file by file."""
    files = {f["documentId"]: f for f in kept["files"]}
    assert len(files) == len(kept["files"])
    assert stage.media_on_disk() == {f["path"]: f["sha256"] for f in files.values()}
    theirs = {f["documentId"]: f["sha256"] for f in on_service["files"]}
    assert {name: f["sha256"] for name, f in files.items()} == theirs
    assert theirs, "something was captured, so there is a file"
    assert not [f for f in on_service["files"] if f["exists"]]
    assert not stage.parts_on_disk()
