"""`diff` at the command line: the files against the running revision."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.config.policy_files import load_texts
from recordingd.ledger.engine import open_ledger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: NOBODY_SET_THIS}}
policies: policies
"""
POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
match: {}
record: {content: audio, channels: mixed, format: wav}
retention: {keepAtLeast: 90d}
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(POLICY)
    (tmp_path / "recordingd.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ledger that accepted the policy."""
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "recordingd.yaml").write_text(SETTINGS)
    assert run(["ledger", "upgrade", "--config", str(folder / "recordingd.yaml")]) == Exit.OK
    policies = load_texts({"all.yaml": POLICY})
    database = open_ledger(
        f"sqlite:///{folder / 'ledger.db'}", instance="default", now=lambda: NOON
    )
    with database.transaction() as ledger:
        ledger.add_revision(
            digest=policies.digest, texts=policies.texts, git_commit="c0ffee", at=NOON
        )
    database.close()
    return folder / "ledger.db"


@pytest.fixture
def accepted(tree: Path, ledger_file: Path) -> Path:
    """Take the files into force as they are; return the one policy file."""
    shutil.copy(ledger_file, tree)
    return tree / "policies" / "all.yaml"


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["diff", "-f", "json", *arguments]) == Exit.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("tree")
def test_without_a_ledger_everything_is_added_and_said_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["diff"]) == Exit.OK
    out = capsys.readouterr().out
    assert "no revision is in force yet, so every rule is new" in out
    assert "+ RecordingPolicy everything (all.yaml:3): records more calls" in out
    assert out.endswith("1 rule: 1 added\n")


@pytest.mark.usefixtures("accepted")
def test_same_files_differ_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "--detailed-exitcode"]) == Exit.OK
    assert capsys.readouterr().out.endswith("\n\nnothing differs\n")


def test_change_is_told_by_rule_field_and_effect(
    accepted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted.write_text(POLICY.replace("90d", "30d"))
    found = diff(capsys)
    assert found["summary"] == {"added": 0, "changed": 1, "removed": 0}
    assert found["running"]["revision"] == 1
    assert found["changes"] == [
        {
            "change": "changed",
            "kind": "RecordingPolicy",
            "name": "everything",
            "source": "all.yaml:3",
            "effects": ["keepsShorter"],
            "usedBy": [],
            "fields": [{"path": "retention.keepAtLeast", "old": "90d", "new": "30d"}],
        }
    ]


def test_text_says_the_same_as_json(accepted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accepted.write_text(POLICY.replace("  keepAtLeast: 90d", "").replace("90d", "P1Y"))
    assert run(["diff"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("running:  revision 1 (digest ")
    assert "commit c0ffee, accepted at 2026-03-02T12:00:00Z)" in lines[1]
    assert lines[3:] == [
        "~ RecordingPolicy everything (all.yaml:3): keeps recordings longer",
        "    retention.keepAtLeast: 90d -> 1y",
        "",
        "1 rule: 1 changed",
    ]


@pytest.mark.parametrize(
    ("new", "code"), [(POLICY, Exit.OK), (POLICY.replace("90d", "30d"), Exit.CHANGES_PENDING)]
)
def test_detailed_exit_code_says_whether_rules_differ(new: str, code: Exit, accepted: Path) -> None:
    accepted.write_text(new)
    assert run(["diff"]) == Exit.OK
    assert run(["diff", "--detailed-exitcode"]) == code


def test_new_words_around_the_same_rules_are_no_difference(
    accepted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted.write_text(f"# a comment\n{POLICY}")
    assert run(["diff", "--detailed-exitcode"]) == Exit.OK
    assert "no rule differs; only the texts around them do" in capsys.readouterr().out


@pytest.mark.usefixtures("accepted")
def test_other_files_can_be_compared(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "next").mkdir()
    (tree / "next" / "all.yaml").write_text(POLICY.replace("everything", "something"))
    found = diff(capsys, "--policies", "next")
    assert [(c["name"], c["change"]) for c in found["changes"]] == [
        ("everything", "removed"),
        ("something", "added"),
    ]


def test_invalid_files_are_refused_with_their_faults(
    accepted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted.write_text(POLICY.replace("wav", "ogg"))
    assert run(["diff"]) == Exit.INVALID
    assert "all.yaml:5:" in capsys.readouterr().err
