"""`explain` at the command line: what it looks at, what it prints, and its exit codes."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.factories import ABOUT, make_reading

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.domain.calls import CallStarted, ServerCallId
from recordingd.domain.recordings import CallFacts
from recordingd.ledger.engine import open_ledger
from recordingd.planning.facts import fold, new_call

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: NOBODY_SET_THIS}}
policies: policies
tags: {fromContext: {queue: X-Queue}}
"""
POLICIES = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: sales
priority: 9
match: {tags: {queue: sales}}
record: {content: audio, channels: mixed, format: wav}
---
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
match: {}
record: {content: audio, channels: mixed, format: wav}
"""
TAGGED = {
    "specversion": "1.0",
    "id": "1",
    "source": "ivr",
    "type": "recordingd.call.tagged",
    "time": NOON.isoformat(),
    "data": {"serverCallId": "c2VydmVy", "tags": {"queue": "sales"}},
}
STARTED = {
    "id": "2",
    "topic": "/x",
    "subject": "s",
    "eventType": "Microsoft.Communication.CallStarted",
    "eventTime": NOON.isoformat(),
    "dataVersion": "1.0",
    "data": {"serverCallId": "c2VydmVy"},
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(POLICIES)
    (tmp_path / "recordingd.yaml").write_text(SETTINGS)
    (tmp_path / "tagged.json").write_text(json.dumps(TAGGED))
    (tmp_path / "started.json").write_text(json.dumps([STARTED]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keep(tree: Path, *calls: CallFacts) -> None:
    """Make a ledger with one revision and some calls."""
    assert run(["ledger", "upgrade"]) == Exit.OK
    url = f"sqlite:///{tree / 'ledger.db'}"
    database = open_ledger(url, instance="default", now=lambda: NOON)
    with database.transaction() as ledger:
        texts = {"all.yaml": POLICIES.replace("priority: 9", "priority: -1")}
        ledger.add_revision(digest="d" * 64, texts=texts, git_commit="c0ffee", at=NOON)
        for facts in calls:
            ledger.save(facts, audit=())
    database.close()


def a_call(name: str) -> CallFacts:
    facts = new_call(ServerCallId(name), seen_at=NOON)
    return fold(facts, CallStarted(about=ABOUT, at=NOON), make_reading())


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_event_is_explained_without_a_ledger_and_without_secrets(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "--event", "tagged.json", "-f", "json"]) == Exit.OK
    found = told(capsys)
    assert (found["decision"], found["policy"]) == ("record", "sales")
    assert found["runnerUp"] == "everything"
    assert [vote["policy"] for vote in found["votes"]] == ["sales", "everything"]
    assert found["votes"][0]["leaves"][0]["source"] == "all.yaml:5"
    assert (found["running"], found["policies"]["path"]) == (None, str(tree / "policies"))


@pytest.mark.usefixtures("tree")
def test_text_says_which_policies_decided(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--event", "started.json"]) == Exit.OK
    out = capsys.readouterr().out
    assert out.startswith("policies: files in ")
    assert "running:  no revision is in force yet" in out
    assert "record by everything" in out


@pytest.mark.usefixtures("tree")
def test_event_is_read_from_the_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = io.TextIOWrapper(io.BytesIO(json.dumps(TAGGED).encode()))
    monkeypatch.setattr(sys, "stdin", body)
    assert run(["explain", "--event", "-", "-f", "json"]) == Exit.OK
    assert told(capsys)["policy"] == "sales"


def test_named_policies_need_no_settings(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "recordingd.yaml").unlink()
    arguments = ["explain", "--event", "tagged.json", "-f", "json"]
    assert run([*arguments, "--policies", "policies"]) == Exit.OK
    assert told(capsys)["policy"] == "sales"
    assert run(arguments) == Exit.INVALID


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("sales", Exit.OK),
        ("everything", Exit.TEST_FAILED),
        ("none", Exit.TEST_FAILED),
        ("seles", Exit.TEST_FAILED),
    ],
)
def test_expectation_decides_the_exit_code(
    expected: str, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["explain", "--event", "tagged.json", "--expect", expected, "-f", "json"]
    assert run(arguments) == code
    assert told(capsys)["expected"]["met"] is (code is Exit.OK)


@pytest.mark.usefixtures("tree")
def test_expected_policy_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    run(["explain", "--event", "tagged.json", "--expect", "seles"])
    assert "no policy is named 'seles'; did you mean 'sales'?" in capsys.readouterr().err


def test_no_policy_is_expected_where_none_matches(tree: Path) -> None:
    path = tree / "policies" / "all.yaml"
    path.write_text(POLICIES.partition("---\n")[0])
    assert run(["explain", "--event", "started.json", "--expect", "none"]) == Exit.OK


def test_doubt_is_no_fulfilled_expectation(tree: Path) -> None:
    path = tree / "policies" / "all.yaml"
    path.write_text(POLICIES.replace("match: {}", "match: {direction: incoming}"))
    command = ["explain", "--event", "started.json", "--expect"]
    assert run([*command, "everything"]) == Exit.TEST_FAILED
    assert run([*command, "none"]) == Exit.OK


@pytest.mark.usefixtures("tree")
def test_why_not_names_what_decides(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "--event", "started.json", "--why-not", "sales", "-f", "json"]
    assert run(command) == Exit.OK
    found = told(capsys)["whyNot"]
    assert (found["name"], found["kind"]) == ("sales", "RecordingPolicy")
    assert [leaf["path"] for leaf in found["leaves"]] == ["match.tags.queue"]


@pytest.mark.usefixtures("tree")
def test_why_not_of_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--event", "tagged.json", "--why-not", "sails"]) == Exit.USAGE
    said = capsys.readouterr()
    assert "no policy or rule is named 'sails'; did you mean 'sales'?" in said.err
    assert said.out == ""


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--call", "x", "--event", "y"],
        ["--event", "tagged.json", "--policies", "policies", "--revision", "1"],
    ],
)
def test_what_to_explain_is_named_once(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["explain", *arguments])
    assert ended.value.code == Exit.USAGE


def test_event_that_cannot_be_understood_is_one_line(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "tagged.json").write_text("{")
    assert run(["explain", "--event", "tagged.json"]) == Exit.FAILED
    assert "cannot be understood" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Y2FsbA", "Y2Fs", "call-"])
def test_call_is_found_by_its_ids_and_their_prefixes(
    name: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tree, a_call("Y2FsbA"))
    capsys.readouterr()
    assert run(["explain", "--call", name, "-f", "json"]) == Exit.OK
    found = told(capsys)
    assert (found["serverCallId"], found["policy"]) == ("Y2FsbA", "everything")
    assert found["running"]["gitCommit"] == "c0ffee"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("Y2Fs", "several calls' ids start with 'Y2Fs'"), ("nobody", "no call's id starts with")],
)
def test_call_that_is_not_found_alone_is_told(
    name: str, complaint: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tree, a_call("Y2FsbA"), a_call("Y2FsbB"))
    assert run(["explain", "--call", name]) == Exit.FAILED
    assert complaint in capsys.readouterr().err


def test_revision_decides_instead_of_the_files(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tree)
    capsys.readouterr()
    command = ["explain", "--event", "tagged.json", "-f", "json"]
    assert run([*command, "--revision", "1"]) == Exit.OK
    found = told(capsys)
    assert (found["policy"], found["policies"]["revision"]) == ("everything", 1)
    assert run([*command, "--revision", "2"]) == Exit.FAILED
    assert "there is no revision 2" in capsys.readouterr().err


@pytest.mark.usefixtures("tree")
def test_call_needs_a_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--call", "x"]) == Exit.FAILED
    assert "recordingd ledger upgrade" in capsys.readouterr().err


def test_ledger_that_cannot_be_read_keeps_no_event_from_being_explained(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "ledger.db").write_text("no database")
    assert run(["explain", "--event", "tagged.json"]) == Exit.OK
    assert "running:  not known: " in capsys.readouterr().out
