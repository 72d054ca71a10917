"""`recordingd schema` explains to people, and hands schemas to programs."""

from __future__ import annotations

import json

import pytest
from tests.packaging.tree import ROOT

from recordingd.cli.exits import Exit
from recordingd.cli.main import run


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["schema", *arguments]) == Exit.OK
    return capsys.readouterr().out


def test_kinds_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).partition("\n\n")[0].splitlines()
    kinds = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert {"RecordingPolicy", "ConsentRule", "PolicyTest", "Settings"} <= set(kinds)
    assert all(text.endswith(".") for text in kinds.values())


def test_kind_lists_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "RecordingPolicy")
    assert "\n  name: text (required)\n" in text
    assert "\n  decision: record | require | skip | forbid (default: record)\n" in text


def test_field_is_explained_with_its_values_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "RecordingPolicy.record.ifAbsent")
    assert "\n  startWithout | alarm, or mapping (default: startWithout)\n" in text
    assert "wait: duration (required)" in text


def test_examples_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\n  example: support-line\n" in shown(capsys, "RecordingPolicy.name")


def test_field_that_several_kinds_have_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "match")
    assert text.startswith("RecordingPolicy.match\n")
    assert "\nAlso: ConsentRule.match, PauseRule.match" in text


@pytest.mark.parametrize("columns", ["40", "80", "100", "400"])
def test_lines_fit_the_terminal(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = shown(capsys, "RecordingPolicy.record").splitlines()
    words = [line for line in lines if line.startswith("      ")]
    assert words
    assert max(map(len, words)) <= min(int(columns), 100)


def test_json_has_what_the_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    topic = json.loads(shown(capsys, "RecordingPolicy.record", "-f", "json"))
    assert topic["path"] == "RecordingPolicy.record"
    [channels] = [field for field in topic["fields"] if field["name"] == "channels"]
    assert channels["type"] == "mixed | unmixed"
    assert (channels["required"], channels["default"]) == (False, "mixed")


def test_json_lists_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = json.loads(shown(capsys, "-f", "json"))
    assert kinds[0]["kind"] == "RecordingPolicy"


def test_schema_for_editors_is_the_one_of_the_package(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = (ROOT / "schema" / "policy.schema.json").read_text()
    assert shown(capsys, "--json") == file


def test_schema_of_the_settings_is_the_one_of_the_package(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = (ROOT / "schema" / "settings.schema.json").read_text()
    assert shown(capsys, "Settings", "--json") == file


def test_schema_of_a_kind_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(shown(capsys, "Group", "--json"))
    assert schema["title"] == "Group"
    assert schema["$ref"].removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize("more", [[], ["--json"], ["-f", "json"]])
def test_unknown_path_is_a_usage_error_with_a_hint(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", "RecordingPolicy.record.chanels", *more]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "did you mean 'channels'?" in said.err
