"""`plan -o` and `apply` where no daemon runs."""

from __future__ import annotations

import asyncio
import getpass
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.conftest import InlineRunner
from tests.unit.runtime.offices import keep_recordings
from tests.unit.runtime.trees import HOLD, LOCKED, POLICY, make_settings, write_tree

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.config.policy_files import load_policies
from recordingd.config.saved_plans import faults_of
from recordingd.config.settings import Settings
from recordingd.domain.approvals import Approval
from recordingd.domain.holds import PlacedHold
from recordingd.domain.matchers import RuleName, Source
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.ports.ledger import Ledger
from recordingd.runtime.in_force import take_into_force
from recordingd.runtime.state_directory import locked
from recordingd.runtime.system import SystemClock

CLOCK = SystemClock()
YEAR = POLICY.format(name="everything")
MONTH = YEAR.replace("1y", "30d")


class Terminal(io.StringIO):
    """A terminal at which somebody types one line."""

    def isatty(self) -> bool:
        return True


@dataclass
class Desk:
    """Settings, a ledger that a daemon left behind, and commands that are run on both."""

    settings: Settings
    plan: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run a command; return (exit code, output, errors)."""
        code = run([*map(str, arguments), "--config", str(self.settings.path)])
        said = self.capture.readouterr()
        return code, said.out, said.err

    def save(self, text: str = MONTH) -> dict[str, Any]:
        """Edit the policy, and save a plan for it; return the plan."""
        write_tree(self.settings, {"all.yaml": text})
        assert self.run("plan", "-o", self.plan)[0] == Exit.OK
        saved: dict[str, Any] = json.loads(self.plan.read_text())
        return saved

    def apply(self, *arguments: str) -> tuple[int, str, str]:
        return self.run("apply", self.plan, "--yes", *arguments)

    def apply_json(self, *arguments: str) -> dict[str, Any]:
        """Apply and return the JSON answer, whose exit code is the command's."""
        code, out, err = self.run("apply", self.plan, *arguments, "-f", "json")
        answer: dict[str, Any] = json.loads(out)
        assert (answer["exitCode"], answer["ok"], err) == (code, code == Exit.OK, "")
        return answer

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        database = open_ledger(self.settings.ledger, instance="default", now=CLOCK.now_utc)
        with database.transaction() as ledger:
            yield ledger
        database.close()

    def approvals(self) -> list[Approval]:
        digest = load_policies(self.settings.policies).digest
        with self.ledger() as ledger:
            return list(ledger.approvals_for(digest, now=CLOCK.now_utc()))

    def place_hold(self) -> None:
        """Place a hold, as `holds add` on another terminal would."""
        hold = PlacedHold(
            name=RuleName("case-4711"),
            text=HOLD,
            source=Source(file="hold.yaml", line=1),
            reason="Subpoena",
            owner="legal@contoso.example",
            policy_revision=1,
            placed_by="legal",
            placed_at=CLOCK.now_utc(),
        )
        with self.ledger() as ledger:
            ledger.place_hold(hold)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Give a ledger with three recordings that are kept for a year, ten days old."""
    settings = make_settings(tmp_path)
    upgrade(settings.ledger, instance="default", backup_dir=settings.state_dir)
    made = Desk(settings=settings, plan=tmp_path / "plan.json", capture=capsys)
    accept(made)
    with made.ledger() as ledger:
        keep_recordings(ledger, 3, ended_at=CLOCK.now_utc() - timedelta(days=10))
    return made


def accept(desk: Desk) -> None:
    """Take the files into force, as the daemon did while it ran."""
    database = open_ledger(desk.settings.ledger, instance="default", now=CLOCK.now_utc)
    now = CLOCK.now_utc()
    asyncio.run(take_into_force(desk.settings, InlineRunner(database), now=now))
    database.close()


# --- plan -o --------------------------------------------------------------------------------------


def test_plan_is_saved_whole_and_as_its_json_form(desk: Desk) -> None:
    saved = desk.save()
    assert list(faults_of(saved)) == []
    assert saved["candidates"] == ["r0", "r1", "r2"]
    assert saved["policyDigest"] == load_policies(desk.settings.policies).digest
    assert [path.name for path in desk.plan.parent.glob("plan*")] == ["plan.json"]


def test_plan_is_printed_and_saved_at_once(desk: Desk) -> None:
    write_tree(desk.settings, {"all.yaml": MONTH})
    code, out, err = desk.run("plan", "-f", "json", "-o", desk.plan)
    assert code == Exit.OK
    assert json.loads(out) == json.loads(desk.plan.read_text())
    assert err == f"plan written to {desk.plan}\n"


def test_plan_that_cannot_be_saved_leaves_nothing_behind(desk: Desk) -> None:
    desk.plan.mkdir()
    code, _, err = desk.run("plan", "-o", desk.plan)
    assert code == Exit.FAILED
    assert str(desk.plan) in err
    assert [path.name for path in desk.plan.parent.glob("plan*")] == ["plan.json"]


def test_text_shows_so_many_lines_a_section(desk: Desk) -> None:
    write_tree(desk.settings, {"all.yaml": MONTH})
    assert "… and 1 more" in desk.run("plan", "--limit", "2")[1]
    assert "more; --limit" not in desk.run("plan", "--limit", "3")[1]


def test_plan_can_be_a_comment_on_a_pull_request(desk: Desk) -> None:
    write_tree(desk.settings, {"all.yaml": MONTH})
    code, out, _ = desk.run("plan", "-f", "markdown")
    assert code == Exit.OK
    assert out.startswith("### recordingd plan\n")
    assert out.count("<details>") == out.count("</details>") == 2


def test_shortening_that_waits_is_no_pending_change(desk: Desk) -> None:
    desk.save()
    accept(desk)
    assert desk.run("plan", "--detailed-exitcode")[0] == Exit.OK


# --- apply ----------------------------------------------------------------------------------------


def test_approval_names_the_plan_the_files_and_who_applied_it(desk: Desk) -> None:
    saved = desk.save()
    code, out, _ = desk.apply("--reason", "agreed with the works council")
    assert code == Exit.OK
    assert "3 recordings may go earlier" in out
    assert out.endswith("next: recordingd reload, which takes these policies into force\n")
    (made,) = desk.approvals()
    assert made.plan_digest == saved["planDigest"]
    assert made.recordings == {"r0", "r1", "r2"}
    assert (made.approved_by, made.reason) == (getpass.getuser(), "agreed with the works council")
    assert made.expires_at - made.approved_at == timedelta(days=7)


def test_approval_in_json_is_the_answer_of_a_daemon_and_the_next_step(desk: Desk) -> None:
    desk.save()
    answer = desk.apply_json("--yes")
    assert answer["approval"]["recordings"] == ["r0", "r1", "r2"]
    assert (answer["gone"], answer["next"]) == (0, "recordingd reload")


def test_no_reload_is_asked_for_where_the_files_are_in_force(desk: Desk) -> None:
    desk.save()
    accept(desk)
    code, out, _ = desk.apply()
    assert code == Exit.OK
    assert "reload" not in out


def test_plan_that_was_applied_has_nothing_left_to_approve(desk: Desk) -> None:
    desk.save()
    desk.apply()
    code, out, _ = desk.apply()
    assert (code, out) == (Exit.OK, f"{desk.plan}: nothing is left of it that needs an approval\n")
    assert len(desk.approvals()) == 1


def test_plan_that_shortens_nothing_asks_for_no_approval(desk: Desk) -> None:
    desk.save(YEAR.replace("1y", "2y"))
    assert desk.apply_json()["approval"] is None
    assert "nothing is in it that needs an approval" in desk.apply()[1]
    assert desk.approvals() == []


def test_plan_may_shrink(desk: Desk) -> None:
    desk.save()
    with desk.ledger() as ledger:
        ((call, _),) = ledger.find_recording("r1")
        facts = ledger.load(call)
        assert facts is not None
        purged = [replace(file, purged_at=CLOCK.now_utc()) for file in facts.files]
        ledger.save(replace(facts, files=tuple(purged)), audit=[])
    code, out, _ = desk.apply()
    assert code == Exit.OK
    assert "2 recordings may go earlier" in out
    assert "1 more of the plan need it no longer" in out
    (made,) = desk.approvals()
    assert made.recordings == {"r0", "r2"}


# --- what is refused ------------------------------------------------------------------------------


def stale(desk: Desk) -> str:
    """Apply a plan that is stale; return why."""
    errors = desk.apply_json("--yes")["errors"]
    code, _, err = desk.apply()
    assert code == Exit.PLAN_STALE
    assert err == "".join(f"recordingd: {error}\n" for error in errors)
    assert desk.approvals() == []
    return str(errors[0])


def test_plan_is_stale_once_the_files_have_changed(desk: Desk) -> None:
    desk.save()
    write_tree(desk.settings, {"all.yaml": MONTH.replace("30d", "20d")})
    assert stale(desk).endswith("is stale: the policy files have changed since")


def test_plan_is_stale_once_a_hold_was_placed(desk: Desk) -> None:
    desk.save()
    desk.place_hold()
    assert stale(desk).endswith("is stale: holds were placed or released since")


def test_plan_is_stale_once_something_came_to_it(desk: Desk) -> None:
    desk.save()
    with desk.ledger() as ledger:
        keep_recordings(ledger, 1, ended_at=CLOCK.now_utc(), first=3)
    assert stale(desk).endswith("is stale: 1 recording has come to it: r3")


def test_plan_of_another_instance_is_stale(desk: Desk) -> None:
    desk.save()
    text = desk.settings.path.read_text()
    desk.settings.path.write_text(f"{text}instance: us\n")
    upgrade(desk.settings.ledger, instance="us", backup_dir=desk.settings.state_dir)
    assert "made for instance 'default', and this is 'us'" in stale(desk)


def test_plan_that_was_edited_is_no_plan(desk: Desk) -> None:
    saved = desk.save()
    desk.plan.write_text(json.dumps({**saved, "candidates": ["r0"]}))
    assert desk.apply_json("--yes")["exitCode"] == Exit.INVALID
    code, _, err = desk.apply()
    assert code == Exit.INVALID
    assert "changed after it was written" in err
    assert desk.approvals() == []


def test_no_approval_lifts_a_lock(desk: Desk) -> None:
    five, three = (LOCKED.format(floor=floor) for floor in ("5y", "3y"))
    write_tree(desk.settings, {"all.yaml": YEAR, "locked.yaml": five})
    accept(desk)
    write_tree(desk.settings, {"all.yaml": MONTH, "locked.yaml": three})
    desk.run("plan", "-o", desk.plan)
    code, _, err = desk.apply()
    assert code == Exit.GUARD_REFUSED
    assert "keepAtLeast was 5y, is 3y" in err
    assert desk.apply_json("--yes")["exitCode"] == Exit.GUARD_REFUSED
    assert desk.approvals() == []


def test_nothing_is_written_beside_a_daemon_that_does_not_answer(desk: Desk) -> None:
    desk.save()
    with locked(desk.settings.state_dir):
        code, _, err = desk.apply()
    assert code == Exit.FAILED
    assert "a daemon runs on" in err
    assert desk.approvals() == []


# --- whether it is meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("yes\n", Exit.OK),
        ("  yes \n", Exit.OK),
        ("y\n", Exit.FAILED),
        ("YES\n", Exit.FAILED),
        ("no\n", Exit.FAILED),
        ("\n", Exit.FAILED),
        ("", Exit.FAILED),
    ],
)
def test_on_a_terminal_somebody_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, code: Exit
) -> None:
    desk.save()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    ended, _, err = desk.run("apply", desk.plan)
    assert ended == code
    assert "3 recordings may then go earlier. Type 'yes' to approve it: " in err
    assert ("nothing was approved" in err) is (code != Exit.OK)
    assert len(desk.approvals()) == (code == Exit.OK)


def test_where_nobody_can_be_asked_it_takes_a_word(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.save()
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    code, _, err = desk.run("apply", desk.plan)
    assert code == Exit.USAGE
    assert "--yes" in err
    assert desk.apply_json()["exitCode"] == Exit.USAGE
    assert desk.approvals() == []


def test_nobody_is_asked_where_nothing_is_to_be_approved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.save(YEAR)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert desk.run("apply", desk.plan)[0] == Exit.OK


@pytest.mark.parametrize("arguments", [("apply",), ("apply", "a", "b"), ("plan", "--limit", "0")])
def test_incomplete_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(list(arguments))
    assert ended.value.code == Exit.USAGE
