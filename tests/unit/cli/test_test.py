"""`recordingd test`: tests beside policies, played, and what they say in every form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import run

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
match: {tags: {queue: support}}
record: {content: audio, channels: mixed, format: wav}
consent: {mode: explicit, parties: all}
retention: {keepAtLeast: 90d, deleteAfter: 2y}
"""
WAITS = """\
apiVersion: recordingd/v1
kind: PolicyTest
name: waits-for-consent
given:
  call: {tags: {queue: support}, participants: [{id: "8:acs:a"}]}
  steps: [{consent: {answer: granted}}, {end: true}]
expect:
  - {after: 0, policy: support-line, capture: paused}
  - {after: 1, capture: active}
  - {after: 2, retention: {keepUntil: 90d, rule: support-line#retention}}
"""
WRONG = """\
apiVersion: recordingd/v1
kind: PolicyTest
name: expects-too-much
given:
  call: {tags: {queue: support}, participants: [{id: "8:acs:a"}]}
expect:
  - {after: 0, capture: active}
"""
OTHER = """\
apiVersion: recordingd/v1
kind: PolicyTest
name: leaves-sales-alone
given:
  call: {tags: {queue: sales}, participants: [{id: "8:acs:a"}]}
expect:
  - {after: 0, policy: none}
"""
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {connectionString: {env: ACS}}
policies: rules
ceiling: 1y
"""
Make = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make `policies` with these documents where the command runs."""
    monkeypatch.chdir(tmp_path)

    def make(*documents: str, folder: str = "policies") -> Path:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "all.yaml").write_text("---\n".join(documents))
        return tmp_path

    return make


def test_passed_test_is_a_line_with_its_place(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS)
    assert run(["test"]) == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "ok    waits-for-consent  policies/all.yaml:11",
        "1 test: 1 passed",
    ]


def test_failed_test_says_what_was_expected_what_came_and_why(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS, WRONG)
    assert run(["test"]) == Exit.TEST_FAILED
    said = capsys.readouterr().out
    assert "FAIL  expects-too-much   policies/all.yaml:22" in said
    assert "policies/all.yaml:26: at the start\n" in said
    assert "  capture: expected active, got paused\n" in said
    assert "  because support-line wins (all.yaml:3)\n" in said
    assert said.endswith("2 tests: 1 passed, 1 failed\n")


def test_json_says_the_same_as_the_exit_code(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS, WRONG)
    assert run(["test", "-f", "json"]) == Exit.TEST_FAILED
    result = json.loads(capsys.readouterr().out)
    assert (result["formatVersion"], result["passed"], result["coverage"]) == ("1", False, None)
    assert result["summary"] == {"tests": 2, "passed": 1, "failed": 1}
    wrong, right = result["tests"]
    assert (right["passed"], wrong["passed"]) == (True, False)
    (expectation,) = wrong["expectations"]
    assert expectation["source"] == "policies/all.yaml:26"
    assert expectation["mismatches"] == [
        {"field": "capture", "expected": "active", "got": "paused"}
    ]
    assert expectation["reasons"]


def test_junit_is_well_formed_and_says_the_same(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS, WRONG)
    assert run(["test", "-f", "junit"]) == Exit.TEST_FAILED
    root = ET.XML(capsys.readouterr().out.encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["waits-for-consent"].find("failure") is None
    failure = cases["expects-too-much"].find("failure")
    assert failure is not None
    assert failure.get("message") == "capture: expected active, got paused"
    assert "policies/all.yaml:26" in (failure.text or "")


def test_junit_has_a_case_for_whatever_else_is_asked_for(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY)
    asked = ["test", "-f", "junit", "--require-tests", "--threshold", "50"]
    assert run(asked) == Exit.TEST_FAILED
    root = ET.XML(capsys.readouterr().out.encode())
    failed = [c.get("name") for c in root.iter("testcase") if c.find("failure") is not None]
    assert failed == ["tests", "coverage"]


@pytest.mark.parametrize(
    ("options", "code"), [([], Exit.OK), (["--require-tests"], Exit.TEST_FAILED)]
)
def test_tree_without_tests_fails_only_where_they_are_required(
    options: list[str], code: Exit, tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY)
    assert run(["test", *options]) == code
    assert "no tests: there is no PolicyTest document in policies\n" in capsys.readouterr().out


def test_coverage_names_the_branch_that_no_test_has_tried(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS)
    assert run(["test", "--coverage"]) == Exit.OK
    said = capsys.readouterr().out
    assert "never no: match.tags.queue of support-line (policies/all.yaml:4)\n" in said
    assert said.endswith("coverage: 50.0% (1 of 2 branches)\n")


@pytest.mark.parametrize(
    ("threshold", "code"),
    [("49", Exit.OK), ("50", Exit.OK), ("50.1", Exit.TEST_FAILED), ("100", Exit.TEST_FAILED)],
)
def test_threshold_is_a_percentage_of_branches(threshold: str, code: Exit, tree: Make) -> None:
    tree(POLICY, WAITS)
    assert run(["test", "--threshold", threshold]) == code


def test_missed_threshold_is_named_in_every_form(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY, WAITS)
    run(["test", "--threshold", "80"])
    assert capsys.readouterr().out.endswith("coverage: 50.0% (1 of 2 branches), below 80%\n")
    run(["test", "--threshold", "80", "-f", "json"])
    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert (coverage["percent"], coverage["threshold"]) == (50, 80)
    (rule,) = coverage["rules"]
    assert (rule["name"], rule["use"]) == ("support-line", "won")
    assert rule["leaves"][0]["missing"] == ["no"]


def test_both_answers_make_full_coverage(tree: Make) -> None:
    tree(POLICY, WAITS, OTHER)
    assert run(["test", "--threshold", "100"]) == Exit.OK


@pytest.mark.parametrize("threshold", ["-1", "101", "all", "nan"])
def test_threshold_that_is_no_percentage_is_a_usage_error(
    threshold: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["test", f"--threshold={threshold}"])
    assert ended.value.code == Exit.USAGE
    assert f"'{threshold}'" in capsys.readouterr().err


def test_invalid_tree_is_refused_with_its_faults(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(POLICY.replace("wav", "ogg"), WAITS)
    assert run(["test"]) == Exit.INVALID
    assert "policies/all.yaml:5:" in capsys.readouterr().err


def test_missing_tree_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["test", "nowhere"]) == Exit.INVALID
    assert "nowhere" in capsys.readouterr().err


# --- which tree, under which settings -------------------------------------------------------------

KEPT_A_YEAR = WAITS.replace("keepUntil: 90d, rule: support-line#retention", "deleteAfter: 1y")
NO_DELETION = POLICY.replace(", deleteAfter: 2y", "")


def test_tree_of_the_settings_is_tested_under_them(
    tree: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tree(NO_DELETION, KEPT_A_YEAR, folder="rules")
    (here / "recordingd.yaml").write_text(SETTINGS)
    assert run(["test"]) == Exit.OK
    assert "rules/all.yaml:11" in capsys.readouterr().out


@pytest.mark.parametrize("named", ["rules", "."])
def test_named_tree_is_tested_under_the_settings_around_it(named: str, tree: Make) -> None:
    here = tree(NO_DELETION, KEPT_A_YEAR, folder="rules")
    (here / "recordingd.yaml").write_text(SETTINGS)
    assert run(["test", named]) == Exit.OK


def test_named_settings_outrank_those_around_the_tree(tree: Make) -> None:
    here = tree(NO_DELETION, KEPT_A_YEAR, folder="rules")
    (here / "recordingd.yaml").write_text(SETTINGS)
    (here / "other.yaml").write_text(SETTINGS.replace("1y", "9y"))
    assert run(["test", "--config", "other.yaml"]) == Exit.TEST_FAILED
    assert run(["test", "rules", "--config", "other.yaml"]) == Exit.TEST_FAILED


def test_tree_without_settings_is_tested_under_the_defaults(tree: Make) -> None:
    tree(NO_DELETION, KEPT_A_YEAR)
    assert run(["test"]) == Exit.TEST_FAILED


def test_observing_settings_do_not_keep_tests_from_recording(tree: Make) -> None:
    here = tree(POLICY, WAITS, folder="rules")
    (here / "recordingd.yaml").write_text(SETTINGS.replace("ceiling: 1y", "ceiling: 10y"))
    assert run(["test"]) == Exit.OK


def test_playing_tests_loads_neither_ledger_nor_network(tree: Make) -> None:
    here = tree(POLICY, WAITS)
    code = (
        "import sys; from recordingd.cli.main import run; code = run(['test']); "
        "heavy = {'sqlalchemy', 'httpx', 'aiohttp', 'azure', 'starlette', 'rich', 'cryptography'}; "
        "print(code, sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "0 []"
