"""Findings in the forms of other programs: the same findings, the same places."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from recordingd.cli.reports import as_github, as_junit, as_sarif
from recordingd.config.diagnostics import Diagnostic, Related, Severity, Span
from recordingd.config.validation import ValidationReport, validate_paths

HERE = Path("/srv/rules")
SPAN = Span(line=3, column=5, end_line=3, end_column=13)


def make_finding(
    file: str = "policies/support.yaml",
    *,
    span: Span = SPAN,
    severity: Severity = Severity.ERROR,
    code: str = "schema/unknown-field",
    message: str = "unknown field 'contaner'",
    hint: str | None = None,
    related: tuple[Related, ...] = (),
) -> Diagnostic:
    return Diagnostic(
        file=file,
        span=span,
        severity=severity,
        code=code,
        message=message,
        help=hint,
        related=related,
    )


def report(
    *found: Diagnostic, files: tuple[str, ...] = ("policies/support.yaml",)
) -> ValidationReport:
    return ValidationReport(files=files, diagnostics=found)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ValidationReport:
    """A report about a tree with errors, warnings, and findings about two places."""
    monkeypatch.chdir(tmp_path)
    policy = "apiVersion: recordingd/v1\nkind: RecordingPolicy\nname: {name}\nmatch: {{}}\n"
    Path("policies").mkdir()
    Path("policies/a.yaml").write_text(policy.format(name="a") + "record: {chanels: x}\n")
    Path("policies/b.yaml").write_text(
        policy.format(name="b") + "validUntil: 2020-01-01T00:00:00Z\n"
    )
    Path("policies/c.yaml").write_text(policy.format(name="a"))
    return validate_paths([Path("policies")])


# --- SARIF ----------------------------------------------------------------------------------------


def sarif_run(of: ValidationReport, folder: Path = HERE) -> dict[str, Any]:
    [run] = as_sarif(of, folder=folder, version="1.2.3")["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_names_its_version_and_its_schema() -> None:
    log = as_sarif(report(), folder=HERE, version="1.2.3")
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert log["runs"][0]["tool"]["driver"]["version"] == "1.2.3"


def test_sarif_counts_columns_as_we_do() -> None:
    assert sarif_run(report())["columnKind"] == "unicodeCodePoints"


def test_sarif_region_is_the_span_of_the_finding() -> None:
    [result] = sarif_run(report(make_finding()))["results"]
    [location] = result["locations"]
    assert location["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endLine": 3,
        "endColumn": 13,
    }


@pytest.mark.parametrize("severity", Severity)
def test_sarif_level_is_the_severity(severity: Severity) -> None:
    [result] = sarif_run(report(make_finding(severity=severity)))["results"]
    assert result["level"] == severity.value


def test_every_sarif_result_points_at_its_rule(faulty: ValidationReport) -> None:
    run = sarif_run(faulty)
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(faulty.diagnostics) > 2
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"]


def test_field_that_is_missing_is_one_sarif_rule_whatever_it_is_called() -> None:
    found = [make_finding(code=f"schema/required:{name}") for name in ("name", "match")]
    run = sarif_run(report(*found))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["schema/required"]


def test_sarif_message_ends_with_the_help() -> None:
    [result] = sarif_run(report(make_finding(hint="did you mean 'container'?")))["results"]
    assert result["message"]["text"] == (
        "unknown field 'contaner'\nhelp: did you mean 'container'?"
    )


def test_sarif_names_the_other_place_of_a_finding() -> None:
    other = Related(file="policies/other.yaml", span=SPAN, message="the other one")
    [result] = sarif_run(report(make_finding(related=(other,))))["results"]
    [related] = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "policies/other.yaml"
    assert (related["id"], related["message"]["text"]) == (1, "the other one")


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("policies/a b.yaml", "policies/a%20b.yaml"),
        ("./policies/a.yaml", "policies/a.yaml"),
        ("policies/../a.yaml", "a.yaml"),
        ("/srv/rules/a.yaml", "a.yaml"),
        ("policies/ü#1.yaml", "policies/%C3%BC%231.yaml"),
    ],
)
def test_sarif_address_is_relative_to_the_folder(file: str, uri: str) -> None:
    [result] = sarif_run(report(make_finding(file)))["results"]
    address = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert address == {"uri": uri, "uriBaseId": "%SRCROOT%"}


@pytest.mark.parametrize("file", ["../other/a.yaml", "/srv/other/a.yaml"])
def test_sarif_address_outside_the_folder_is_absolute(file: str) -> None:
    [result] = sarif_run(report(make_finding(file)))["results"]
    address = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert address == {"uri": "file:///srv/other/a.yaml"}


def test_sarif_lists_every_file_that_was_read() -> None:
    run = sarif_run(report(files=("policies/a.yaml", "policies/b.yaml")))
    assert [a["location"]["uri"] for a in run["artifacts"]] == [
        "policies/a.yaml",
        "policies/b.yaml",
    ]


# --- GitHub ---------------------------------------------------------------------------------------


def test_command_names_place_and_code() -> None:
    [command] = as_github(report(make_finding()), folder=HERE)
    assert command == (
        "::error file=policies/support.yaml,line=3,endLine=3,col=5,endColumn=13,"
        "title=schema/unknown-field::unknown field 'contaner'"
    )


def test_command_over_several_lines_has_no_columns() -> None:
    span = Span(line=3, column=5, end_line=4, end_column=2)
    [command] = as_github(report(make_finding(span=span)), folder=HERE)
    assert "line=3,endLine=4,title=" in command


@pytest.mark.parametrize("severity", Severity)
def test_command_has_the_runners_word_for_a_severity(severity: Severity) -> None:
    found = make_finding(severity=severity)
    word = {"note": "notice"}.get(severity.value, severity.value)
    [command] = as_github(report(found), folder=HERE)
    assert command.startswith(f"::{word} ")


def test_command_escapes_what_would_end_it() -> None:
    found = make_finding("a,b:c%.yaml", message="100%\r\n::error::x", code="a/b:c,d")
    [command] = as_github(report(found), folder=HERE)
    assert "file=a%2Cb%3Ac%25.yaml," in command
    assert "title=a/b%3Ac%2Cd::" in command
    assert command.endswith("::100%25%0D%0A::error::x")


def test_command_says_help_and_other_places_on_lines_of_their_own() -> None:
    other = Related(file="b.yaml", span=SPAN, message="the other one")
    found = make_finding(message="m", hint="h", related=(other,))
    [command] = as_github(report(found), folder=HERE)
    assert command.endswith("::m%0Ahelp: h%0Asee: b.yaml:3:5: the other one")


def test_command_names_files_from_the_folder() -> None:
    [command] = as_github(report(make_finding("/srv/rules/a.yaml")), folder=HERE)
    assert "file=a.yaml," in command


# --- JUnit ----------------------------------------------------------------------------------------


def cases(of: ValidationReport) -> list[ET.Element]:
    document = ET.XML(as_junit(of).encode())
    return list(document.iter("testcase"))


def test_every_file_is_one_case() -> None:
    found = cases(report(files=("a.yaml", "b.yaml")))
    assert [case.get("name") for case in found] == ["a.yaml", "b.yaml"]
    assert all(case.find("failure") is None for case in found)


def test_file_with_errors_fails_with_all_their_places() -> None:
    second = make_finding(span=Span(line=9, column=1, end_line=9, end_column=2), message="second")
    [case] = cases(report(make_finding(), second))
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "3:5: unknown field 'contaner' (and 1 more)"
    assert failure.get("type") == "schema/unknown-field"
    assert re.findall(r"support\.yaml:(\d+:\d+)", failure.text or "") == ["3:5", "9:1"]


def test_warning_fails_no_case_and_is_said() -> None:
    [case] = cases(report(make_finding(severity=Severity.WARNING)))
    assert case.find("failure") is None
    assert "3:5: warning:" in (case.findtext("system-out") or "")


def test_file_that_was_not_read_has_a_case_too() -> None:
    found = cases(report(make_finding("gone.yaml", code="file/missing"), files=()))
    assert [case.get("name") for case in found] == ["gone.yaml"]


# --- all of them ----------------------------------------------------------------------------------


def test_every_form_tells_every_finding(faulty: ValidationReport) -> None:
    folder = Path.cwd()
    count = len(faulty.diagnostics)
    assert len(json.loads(json.dumps(faulty.as_json()))["diagnostics"]) == count
    assert len(sarif_run(faulty, folder)["results"]) == count
    assert len(as_github(faulty, folder=folder)) == count
    said = as_junit(faulty)
    assert all(f"[{found.code}]" in said for found in faulty.diagnostics)
