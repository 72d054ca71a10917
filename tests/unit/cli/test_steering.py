"""`reload`, `suspend` and `resume` where no daemon runs."""

from __future__ import annotations

import asyncio
import getpass
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.conftest import InlineRunner
from tests.unit.runtime.trees import FORBID, POLICY, make_settings, write_tree

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.config.settings import Settings
from recordingd.domain.suspensions import Suspension
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.runtime.in_force import take_into_force
from recordingd.runtime.state_directory import locked
from recordingd.runtime.system import SystemClock

CLOCK = SystemClock()


@dataclass
class Desk:
    """Settings, and a ledger that a daemon left behind; commands are run on both."""

    settings: Settings
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; return (exit code, output, errors)."""
        code = run([*arguments, "--config", str(self.settings.path)])
        said = self.capture.readouterr()
        return code, said.out, said.err

    def json(self, *arguments: str) -> dict[str, Any]:
        code, out, _ = self.run(*arguments, "-f", "json")
        answer: dict[str, Any] = json.loads(out)
        assert answer["exitCode"] == code
        return answer

    def suspensions(self) -> list[Suspension]:
        database = open_ledger(
            self.settings.ledger, instance="default", now=CLOCK.now_utc, read_only=True
        )
        with database.transaction() as ledger:
            found = list(ledger.suspensions(now=CLOCK.now_utc()))
        database.close()
        return found


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Give settings without a ledger."""
    return Desk(settings=make_settings(tmp_path), capture=capsys)


@pytest.fixture
def desk(bare: Desk) -> Desk:
    settings = bare.settings
    write_tree(settings, {"all.yaml": POLICY.format(name="everything"), "forbid.yaml": FORBID})
    upgrade(settings.ledger, instance="default", backup_dir=settings.state_dir)
    database = open_ledger(settings.ledger, instance="default", now=CLOCK.now_utc)
    now = CLOCK.now_utc()
    asyncio.run(take_into_force(settings, InlineRunner(database), now=now))
    database.close()
    return bare


SUSPEND = ("suspend", "everything", "--for", "2h", "--reason", "the archive moves")


def test_reload_without_a_daemon_says_so(desk: Desk) -> None:
    code, _, err = desk.run("reload")
    assert code == Exit.FAILED
    assert "no daemon answers" in err
    assert "recordingd run" in err


def test_suspension_is_written_where_no_daemon_runs(desk: Desk) -> None:
    code, out, _ = desk.run(*SUSPEND)
    (made,) = desk.suspensions()
    assert code == Exit.OK
    assert "recordingd resume everything" in out
    assert (made.scope, made.reason, made.suspended_by) == (
        "everything",
        "the archive moves",
        getpass.getuser(),
    )
    assert timedelta(hours=1) < made.until - made.suspended_at <= timedelta(hours=2)


def test_suspension_can_end_at_a_time(desk: Desk) -> None:
    until = CLOCK.now_utc().replace(microsecond=0) + timedelta(days=3)
    answer = desk.json("suspend", "deletions", "--until", until.isoformat(), "--reason", "r")
    assert answer["suspension"]["scope"] == "deletions"
    assert [s.until for s in desk.suspensions()] == [until]


def test_resume_lifts_what_is_suspended(desk: Desk) -> None:
    desk.run(*SUSPEND)
    assert desk.run("resume", "everything")[:2] == (Exit.OK, "everything is in force again\n")
    assert desk.suspensions() == []


def test_resume_of_what_is_not_suspended_is_no_error(desk: Desk) -> None:
    assert desk.run("resume", "everything")[:2] == (Exit.OK, "everything was not suspended\n")


def test_unknown_policy_is_a_wrong_command_line(desk: Desk) -> None:
    for command in (("suspend", "everithing", *SUSPEND[2:]), ("resume", "everithing")):
        code, _, err = desk.run(*command)
        assert code == Exit.USAGE
        assert "unknown policy 'everithing'" in err
    assert desk.suspensions() == []


def test_forbid_is_not_suspended(desk: Desk) -> None:
    code, _, err = desk.run("suspend", "works-council", *SUSPEND[2:])
    assert code == Exit.GUARD_REFUSED
    assert "decides 'forbid'" in err


def test_nothing_is_written_beside_a_daemon_that_does_not_answer(desk: Desk) -> None:
    with locked(desk.settings.state_dir):
        code, _, err = desk.run(*SUSPEND)
    assert code == Exit.FAILED
    assert "a daemon runs on" in err
    assert desk.suspensions() == []


@pytest.mark.parametrize("command", [SUSPEND, ("resume", "everything")])
def test_without_a_ledger_there_is_nothing_to_write_into(
    bare: Desk, command: tuple[str, ...]
) -> None:
    code, _, err = bare.run(*command)
    assert code == Exit.FAILED
    assert "ledger" in err


def test_nothing_is_made_where_there_is_no_ledger(bare: Desk) -> None:
    before = sorted(bare.settings.path.parent.rglob("*"))
    bare.run(*SUSPEND)
    assert sorted(bare.settings.path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("suspend", "everything", "--reason", "r"),
        ("suspend", "everything", "--for", "2h"),
        ("suspend", "everything", "--for", "2h", "--until", "2030-01-01T00:00:00Z"),
        ("suspend", "everything", "--for", "forever", "--reason", "r"),
        ("suspend",),
        ("resume",),
        ("reload", "--wait", "forever"),
    ],
)
def test_incomplete_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(list(arguments))
    assert ended.value.code == Exit.USAGE
