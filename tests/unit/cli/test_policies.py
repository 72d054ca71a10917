"""`policies` at the command line: the register of rules, at any date, with their texts."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
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
# Everything | always.
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
description: Every call there is
priority: 7
match: {}
record: {content: audio, channels: mixed, format: wav}
validUntil: 2026-03-05T00:00:00Z
"""
SKIP = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: nothing
match: {}
decision: skip
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
    """Make a ledger that accepted one tree at noon, and another one a day later."""
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "recordingd.yaml").write_text(SETTINGS)
    assert run(["ledger", "upgrade", "--config", str(folder / "recordingd.yaml")]) == Exit.OK
    database = open_ledger(
        f"sqlite:///{folder / 'ledger.db'}", instance="default", now=lambda: NOON
    )
    with database.transaction() as ledger:
        for n, text in enumerate((POLICY, SKIP)):
            at = NOON + timedelta(days=n)
            ledger.add_revision(
                digest=str(n) * 64, texts={"all.yaml": text}, git_commit=f"c0ffee{n}", at=at
            )
    database.close()
    return folder / "ledger.db"


@pytest.fixture
def accepted(tree: Path, ledger_file: Path) -> Path:
    shutil.copy(ledger_file, tree)
    return tree


def policies(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["policies", *arguments, "-f", "json"]) == Exit.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def names(register: dict[str, Any]) -> list[str]:
    return [rule["name"] for rule in register["rules"]]


@pytest.mark.usefixtures("tree")
def test_without_a_ledger_the_files_stand_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "list"]) == Exit.OK
    out = capsys.readouterr().out
    assert out.startswith("policies: files in ")
    assert "no revision is in force yet" in out
    assert "everything" in out


@pytest.mark.usefixtures("accepted")
def test_newest_revision_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = policies(capsys, "list")
    assert names(found) == ["nothing"]
    assert found["policies"]["revision"] == 2
    assert found["policies"]["gitCommit"] == "c0ffee1"
    assert found["policies"]["acceptedAt"] == "2026-03-03T12:00:00Z"


@pytest.mark.usefixtures("accepted")
def test_rule_is_listed_with_everything_about_it(capsys: pytest.CaptureFixture[str]) -> None:
    (rule,) = policies(capsys, "list", "1", "--at", "2026-03-02T12:00:00Z")["rules"]
    assert rule == {
        "kind": "RecordingPolicy",
        "name": "everything",
        "decision": "record",
        "priority": 7,
        "source": "all.yaml:4",
        "standing": "inForce",
        "says": "record, audio mixed wav: every call",
        "description": "Every call there is",
        "validFrom": None,
        "validUntil": "2026-03-05T00:00:00Z",
        "locked": False,
    }


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T12:00:00Z", "everything"),
        ("2026-03-03", "everything"),
        ("2026-03-03T11:59:59.999999Z", "everything"),
        ("2026-03-03T12:00:00Z", "nothing"),
        ("2026-03-04", "nothing"),
    ],
)
def test_date_chooses_the_revision_in_force(
    at: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(policies(capsys, "list", "--at", at)) == [expected]


@pytest.mark.usefixtures("accepted")
def test_date_before_every_revision_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "list", "--at", "2026-03-02"]) == Exit.FAILED
    assert "no policies were in force at 2026-03-02T00:00:00Z" in capsys.readouterr().err


@pytest.mark.usefixtures("accepted")
def test_date_says_whether_a_rule_of_a_revision_is_valid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (rule,) = policies(capsys, "list", "1", "--at", "2026-03-05")["rules"]
    assert rule["standing"] == "expired"


@pytest.mark.usefixtures("accepted")
def test_revision_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "list", "3"]) == Exit.FAILED
    assert "there is no revision 3" in capsys.readouterr().err


@pytest.mark.usefixtures("tree")
def test_revision_needs_a_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "list", "1"]) == Exit.FAILED
    assert "recordingd ledger upgrade" in capsys.readouterr().err


@pytest.mark.usefixtures("accepted")
def test_one_rule_of_one_revision_is_shown_with_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = policies(capsys, "show", "everything", "1")
    assert [rule["text"] for rule in found["rules"]] == [POLICY.rstrip("\n")]


@pytest.mark.usefixtures("accepted")
def test_rule_that_is_not_there_is_told_with_the_closest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["policies", "show", "noting"]) == Exit.FAILED
    assert "no rule is named 'noting'; did you mean 'nothing'?" in capsys.readouterr().err


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("wanted", [["a", "b"], ["1", "2"]])
def test_more_than_one_of_a_kind_is_a_usage_error(wanted: list[str]) -> None:
    assert run(["policies", "show", *wanted]) == Exit.USAGE


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        ([], [(2, "c0ffee1"), (1, "c0ffee0")]),
        (["1"], [(2, "c0ffee1")]),
        (["--at", "2026-03-03T11:00:00Z"], [(1, "c0ffee0")]),
    ],
)
def test_revisions_are_listed_newest_first(
    arguments: list[str], listed: list[tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["policies", "list", "--revisions", *arguments, "-f", "json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert [(row["revision"], row["gitCommit"]) for row in found] == listed


@pytest.mark.usefixtures("accepted")
def test_text_names_the_revision_and_when_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["policies", "show", "1", "--at", "2026-03-04"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("policies: revision 1 (digest 000000000000, commit c0ffee0, ")
    assert lines[1] == "as of:    2026-03-04T00:00:00Z, 1 rule"
    assert lines[3] == "RecordingPolicy everything (all.yaml:4), in force"
    assert "    # Everything | always." in lines


@pytest.mark.usefixtures("accepted")
def test_markdown_is_a_table_and_the_texts(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["policies", "show", "1", "-f", "markdown"]) == Exit.OK
    out = capsys.readouterr().out
    assert "| kind | name | decision | priority | stands | valid | says | source |" in out
    assert "\n```yaml\n# Everything | always.\n" in out
    assert "\nEvery call there is\n" in out


def test_markdown_keeps_its_columns_whatever_a_rule_says(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tree / "policies" / "all.yaml"
    path.write_text(POLICY.replace("match: {}", "match: {tags: {queue: 'a|b'}}"))
    assert run(["policies", "list", "-f", "markdown"]) == Exit.OK
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "everything" in line)
    assert "queue is a\\|b" in row
