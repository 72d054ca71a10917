"""`recordingd validate` in every form: the same findings, the same exit code."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.cli.validate import FORMATS

GOOD = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
match: {}
record: {content: audio, channels: mixed, format: wav}
"""
BAD = GOOD.replace("channels: mixed", "chanels: mixed")
EXPIRED = GOOD + "validUntil: 2020-01-01T00:00:00Z\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "policies"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("text", "code"), [(GOOD, Exit.OK), (BAD, Exit.INVALID), (EXPIRED, Exit.OK)]
)
def test_exit_code_is_the_same_in_every_form(tree: Path, form: str, text: str, code: Exit) -> None:
    (tree / "a.yaml").write_text(text)
    assert run(["validate", "policies", "-f", form]) == code


def test_sarif_names_files_from_here(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "a.yaml").write_text(BAD)
    run(["validate", str(tree), "-f", "sarif"])
    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "policies/a.yaml"
    assert location["region"]["startLine"] == 5


def test_commands_are_followed_by_what_a_person_reads(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "a.yaml").write_text(BAD)
    run(["validate", str(tree), "-f", "github"])
    command, summary = capsys.readouterr().out.splitlines()
    assert command.startswith("::error file=policies/a.yaml,line=5,")
    assert summary == "1 file: 1 error"


def test_junit_is_one_document(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "a.yaml").write_text(GOOD)
    (tree / "b.yaml").write_text(BAD.replace("everything", "bad"))
    run(["validate", "policies", "-f", "junit"])
    document = ET.XML(capsys.readouterr().out.encode())
    assert (document.get("tests"), document.get("failures")) == ("2", "1")


def test_document_that_has_expired_is_warned_of(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "a.yaml").write_text(EXPIRED)
    assert run(["validate", "policies"]) == Exit.OK
    said = capsys.readouterr().out
    assert "[policy/expired]" in said
    assert said.endswith("1 file: valid, 1 warning\n")


@pytest.mark.parametrize("form", ["sarif", "junit"])
def test_form_without_room_for_it_refuses_to_look_online(
    tree: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "a.yaml").write_text(GOOD)
    assert run(["validate", "policies", "--online", "-f", form]) == Exit.USAGE
    assert "--online" in capsys.readouterr().err


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_faults_are_coloured_on_a_terminal_that_wants_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch, no_color: str, *, is_coloured: bool
) -> None:
    (tree / "a.yaml").write_text(BAD)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stdout", Terminal())
    run(["validate", "policies"])
    assert isinstance(sys.stdout, Terminal)
    assert ("\x1b[" in sys.stdout.getvalue()) is is_coloured


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_coloured_in_a_pipe(
    tree: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "a.yaml").write_text(BAD)
    run(["validate", "policies", "-f", form])
    assert "\x1b" not in capsys.readouterr().out
