"""Editors with the YAML language server: the schemas check, complete and explain what is typed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.language_server import Editor, editing

from recordingd.cli.exits import Exit
from recordingd.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "policies").rglob("*.yaml"))
MODELINE_MARK = "# yaml-language-server: $schema="
MODELINE = MODELINE_MARK + "../schema/policy.schema.json\n"
HEAD = MODELINE + "apiVersion: recordingd/v1\nkind: {kind}\nname: typed\n"
POLICY = HEAD.format(kind="RecordingPolicy") + "match: {}\n"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    with editing(ROOT) as opened:
        yield opened


def fresh() -> Path:
    """Return a path beside the samples under which nothing was opened yet; no file is made."""
    return ROOT / "policies" / f"typed-{next(_NUMBERS)}.yaml"


def complete_after(editor: Editor, text: str) -> set[str]:
    """Return what is offered at the end of a text."""
    path = fresh()
    editor.open(path, text)
    lines = text.split("\n")
    return editor.complete(path, len(lines) - 1, len(lines[-1]))


def hover_over(editor: Editor, text: str, word: str) -> str:
    """Return what is said of the last place where a word stands."""
    path = fresh()
    editor.open(path, text)
    before = text[: text.rindex(word)].split("\n")
    return editor.hover(path, len(before) - 1, len(before[-1]) + 1)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_names_its_schema(sample: Path) -> None:
    depth = len(sample.relative_to(ROOT).parts) - 1
    modeline = MODELINE.replace("../", "../" * depth)
    assert sample.read_text().startswith(modeline)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_shows_no_faults(editor: Editor, sample: Path) -> None:
    assert editor.open(sample) == []


@pytest.mark.parametrize(
    "sample", sorted((ROOT / "tests/policies/every-kind").glob("*.yaml")), ids=lambda p: p.name
)
def test_every_kind_shows_no_faults(editor: Editor, sample: Path) -> None:
    assert editor.open(fresh(), MODELINE + sample.read_text()) == []


def test_new_tree_shows_no_faults(editor: Editor, tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "tree")]) == Exit.OK
    files = sorted((tmp_path / "tree").rglob("*.yaml"))
    assert len(files) > 1
    for path in files:
        assert MODELINE_MARK in path.read_text()
        assert editor.open(path) == []


def test_unknown_field_is_marked_where_it_stands(editor: Editor) -> None:
    text = POLICY + "record:\n  contaner: x\n"
    [found] = editor.open(fresh(), text)
    assert "contaner" in found["message"]
    line = text.split("\n").index("  contaner: x")
    assert found["range"] == {
        "start": {"line": line, "character": 2},
        "end": {"line": line, "character": 10},
    }


def test_value_that_is_none_of_a_list_is_marked(editor: Editor) -> None:
    [found] = editor.open(fresh(), POLICY + "record:\n  channels: stereo\n")
    assert found["range"]["start"]["character"] == 12


def test_field_of_another_kind_is_marked(editor: Editor) -> None:
    found = editor.open(fresh(), HEAD.format(kind="Group") + "members: []\ndecision: record\n")
    assert any("decision" in one["message"] for one in found)


def test_fields_of_a_record_are_offered(editor: Editor) -> None:
    offered = complete_after(editor, POLICY + "record:\n  ")
    assert {"content", "channels", "format", "assign", "archive"} <= offered


def test_values_of_a_list_are_offered(editor: Editor) -> None:
    assert complete_after(editor, POLICY + "record:\n  channels: ") == {"mixed", "unmixed"}


def test_fields_behind_references_are_offered(editor: Editor) -> None:
    text = HEAD.format(kind="RecordingPolicy") + "match:\n  participants:\n    some:\n      "
    assert {"id", "phone", "role", "in", "notIn"} <= complete_after(editor, text)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("RecordingPolicy", {"match", "decision", "record", "retention", "consent"}),
        ("Group", {"members", "membersFile", "internal"}),
        ("ConsentRule", {"mode", "outcomes", "timeout"}),
        ("PauseRule", {"trigger", "autoResume"}),
        ("RetentionRule", {"keepAtLeast", "deleteAfter", "countFrom"}),
        ("LegalHold", {"reason", "owner", "released"}),
        ("Places", {"places", "source"}),
        ("PolicyTest", {"given", "expect"}),
    ],
)
def test_fields_of_a_kind_are_offered(editor: Editor, kind: str, fields: set[str]) -> None:
    assert fields <= complete_after(editor, HEAD.format(kind=kind))


def test_hover_explains_a_field(editor: Editor) -> None:
    said = hover_over(editor, POLICY + "record:\n  assign: {0: {in: [agents]}}\n", "assign")
    assert "Who is recorded on which channel" in said


def test_hover_explains_a_field_behind_references(editor: Editor) -> None:
    text = HEAD.format(kind="RecordingPolicy") + "match:\n  to: {phone: +18005550100}\n"
    assert "E.164" in hover_over(editor, text, "phone")
