from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import COMMANDS, run

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: ACS}}
policies: policies
"""
POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
match: {}
record: {content: audio, channels: mixed, format: wav}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(POLICY)
    (tmp_path / "recordingd.yaml").write_text(SETTINGS)
    return tmp_path


def exit_of(arguments: Sequence[str]) -> int:
    """Run a command that argparse ends by exiting."""
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"emulator"}))
def test_every_command_offers_what_the_command_line_needs(name: str) -> None:
    module = import_module(f"recordingd.cli.{name}")
    assert callable(module.add_arguments)
    assert callable(module.run)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"emulator"}))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of([name, "--help"]) == Exit.OK
    assert name in capsys.readouterr().out


def test_bare_command_shows_the_next_step_and_not_a_wall(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([]) == Exit.OK
    assert "recordingd demo" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["unheard-of"],
        ["plan", "--horizon", "soon"],
        ["plan", "--horizon", "forever"],
        ["plan", "--at", "yesterday"],
        ["plan", "--at", "2026-11-20T10:00:00"],
        ["recordings"],
        ["recordings", "list", "--state", "unheard-of"],
        ["why"],
        ["validate", "-f", "unheard-of"],
    ],
)
def test_usage_error_is_never_read_as_changes_pending(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_of(arguments) == Exit.USAGE
    assert "usage:" in capsys.readouterr().err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(["--version"]) == Exit.OK
    assert capsys.readouterr().out.startswith("recordingd ")


def test_missing_settings_say_where_they_were_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plan"]) == Exit.INVALID
    assert "--config" in capsys.readouterr().err


def test_valid_tree_is_valid(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tree)]) == Exit.OK
    assert "valid" in capsys.readouterr().out


def test_fault_is_shown_at_its_token(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "policies" / "all.yaml"
    path.write_text(POLICY.replace("format: wav", "format: ogg"))
    assert run(["validate", str(tree)]) == Exit.INVALID
    assert f"{path}:5:" in capsys.readouterr().out


def test_json_and_exit_code_say_the_same(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "policies" / "all.yaml").write_text("kind: Nonsense\n")
    assert run(["validate", "-f", "json", str(tree)]) == Exit.INVALID
    report = json.loads(capsys.readouterr().out)
    assert report["valid"] is False
    assert report["diagnostics"][0]["line"] == 1


def test_plan_without_a_ledger_says_how_to_make_one(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--config", str(tree / "recordingd.yaml")]) == Exit.FAILED
    assert "recordingd ledger upgrade" in capsys.readouterr().err


def test_new_ledger_has_nothing_due_and_is_sound(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(tree / "recordingd.yaml")]
    assert run(["ledger", "upgrade", *config]) == Exit.OK
    assert run(["ledger", "check", *config]) == Exit.OK
    assert run(["plan", *config]) == Exit.OK
    assert "1 policy change to take into force" in capsys.readouterr().out


def test_policies_that_are_not_in_force_yet_are_pending_changes(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(tree / "recordingd.yaml")]
    run(["ledger", "upgrade", *config])
    capsys.readouterr()
    assert run(["plan", "-f", "json", "--detailed-exitcode", *config]) == Exit.CHANGES_PENDING
    plan = json.loads(capsys.readouterr().out)
    assert [line["verb"] for line in plan["sections"]["policy"]] == ["add"]
    assert plan["formatVersion"] == "1"
    assert set(plan["summary"]) == {
        "start",
        "pause",
        "resume",
        "stop",
        "download",
        "remove",
        "purge",
        "blocked",
        "unknown",
        "purgeBytes",
    }


def test_unknown_recording_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(tree / "recordingd.yaml")]
    run(["ledger", "upgrade", *config])
    assert run(["why", "abc", *config]) == Exit.FAILED
    assert "'abc'" in capsys.readouterr().err


def test_status_without_a_daemon_says_so(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--config", str(tree / "recordingd.yaml")]) == Exit.FAILED
    assert "recordingd run" in capsys.readouterr().err


def test_init_makes_a_tree_that_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "new"
    assert run(["init", str(target)]) == Exit.OK
    assert run(["validate", str(target)]) == Exit.OK
    assert "valid" in capsys.readouterr().out


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "recordingd.yaml").write_text("mine")
    assert run(["init", str(tmp_path)]) == Exit.FAILED
    assert (tmp_path / "recordingd.yaml").read_text() == "mine"
    assert not (tmp_path / "policies").exists()


def test_demo_refuses_a_directory_that_is_somebody_elses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert run(["demo", "--dir", str(tmp_path)]) == Exit.FAILED
    assert "was not made by a demo" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()
