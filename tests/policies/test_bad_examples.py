"""Every bad example names the faults it must produce, and produces exactly those."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies
from recordingd.domain.durations import parse_duration

BAD = Path(__file__).parent / "bad"
EXAMPLES = sorted(BAD.glob("*.yaml"))
EXPECTED = re.compile(
    r"^# expect: (?P<code>\S+) at (?P<line>[0-9]+):(?P<column>[0-9]+)(?: in (?P<file>\S+))?$",
    re.MULTILINE,
)
SETTINGS = PolicyContext(
    stores={"main": None, "vault": "https://contoso.blob.core.windows.net/vault"},
    is_container_list=True,
    ceiling=parse_duration("10y"),
    has_callbacks=False,
    now=datetime(2026, 11, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_bad_example_names_its_faults(example: Path) -> None:
    expected = sorted(
        (
            found["code"],
            int(found["line"]),
            int(found["column"]),
            found["file"] or example.name,
        )
        for found in EXPECTED.finditer(example.read_text())
    )
    diagnostics, policies = check_policies(example, SETTINGS)
    assert expected
    assert expected == sorted(
        (d.code, d.span.line, d.span.column, Path(d.file).name) for d in diagnostics
    )
    assert (policies is None) is any(d.is_error for d in diagnostics)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_finding_points_at_its_line(example: Path) -> None:
    diagnostics, _ = check_policies(example, SETTINGS)
    for found in (d for d in diagnostics if d.source_line is not None):
        headline, shown, carets, *_ = found.as_text().splitlines()
        assert headline.startswith(f"{found.file}:{found.span.line}:{found.span.column}: ")
        assert len(shown) <= 130
        assert carets.strip(" |").strip("^") == ""


def test_one_run_reports_the_faults_of_all_files() -> None:
    diagnostics, policies = check_policies(BAD, SETTINGS)
    assert policies is None
    unreported = {path.name for path in EXAMPLES} - {Path(d.file).name for d in diagnostics}
    # What is wrong with this one stands in the members file that it names.
    assert unreported == {"members-faulty.yaml"}
