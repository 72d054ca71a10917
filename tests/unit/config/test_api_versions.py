"""What a version of the service's API lacks is found before a call is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recordingd.config.api_versions import can_start_paused
from recordingd.config.validation import ValidationReport, validate_paths

SCHEMA = Path(__file__).parents[3] / "schema" / "settings.schema.json"
VERSIONS = json.loads(SCHEMA.read_text())["properties"]["acs"]["properties"]["apiVersion"]["enum"]
POOR = [version for version in VERSIONS if version < "2024-04-15"]
RICH = [version for version in VERSIONS if version >= "2024-04-15"]
POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: p
match: {}
record: {}
"""
CONSENT = f"{POLICY}consent:\n  mode: explicit\n"
STORAGE = POLICY.replace(
    "record: {}", "record:\n  storage:\n    container: https://a.blob.core.windows.net/b"
)


def validate(tree: Path, version: str, policy: str) -> ValidationReport:
    (tree / "recordingd.yaml").write_text(
        "apiVersion: recordingd/v1\n"
        "kind: Settings\n"
        "mode: observe\n"
        f"acs: {{connectionString: {{env: ACS}}, apiVersion: '{version}'}}\n"
        "policies: policies\n"
    )
    (tree / "policies").mkdir()
    (tree / "policies" / "p.yaml").write_text(policy)
    return validate_paths([tree], environ={})


@pytest.mark.parametrize("version", POOR)
@pytest.mark.parametrize(("policy", "line", "column"), [(CONSENT, 7, 9), (STORAGE, 7, 16)])
def test_policy_that_needs_more_than_the_version_can_do_is_refused_at_its_line(
    policy: str, line: int, column: int, version: str, tmp_path: Path
) -> None:
    [found] = validate(tmp_path, version, policy).diagnostics
    assert found.code == "policy/api-version"
    assert found.is_error
    assert Path(found.file).name == "p.yaml"
    assert (found.span.line, found.span.column) == (line, column)
    assert version in found.message
    assert "2024-04-15" in (found.help or "")


@pytest.mark.parametrize("version", RICH)
@pytest.mark.parametrize("policy", [CONSENT, STORAGE])
def test_later_version_can_do_everything(policy: str, version: str, tmp_path: Path) -> None:
    assert validate(tmp_path, version, policy).is_valid


@pytest.mark.parametrize("version", POOR)
@pytest.mark.parametrize("policy", [POLICY, f"{POLICY}consent: {{mode: none}}\n"])
def test_plain_policy_goes_with_every_version(policy: str, version: str, tmp_path: Path) -> None:
    assert validate(tmp_path, version, policy).is_valid


def test_silent_start_came_with_one_version() -> None:
    assert [can_start_paused(v) for v in ("2023-10-15", "2024-04-14", "2024-04-15")] == [
        False,
        False,
        True,
    ]


def test_both_kinds_of_version_can_be_chosen() -> None:
    assert (POOR, RICH[-1]) == (["2023-10-15"], "2026-03-12")
