"""Thirteen mistakes in one tree: one run reports each of them once, at its token."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recordingd.config.diagnostics import Invalid
from recordingd.config.policy_files import check_policies, load_policies
from recordingd.config.validation import validate_paths

TREE = Path(__file__).parent / "thirteen-faults"
PLANTED = re.compile(r"# (?P<number>[0-9]+): ")
# File, line, column, and the token that is wrong, in the order of the numbers in the files.
FAULTS = [
    ("support.yaml", 5, 1, "descripton", "schema/unknown-field"),
    ("support.yaml", 8, 11, "recrod", "schema/enum"),
    ("support.yaml", 11, 16, "90 days", "schema/duration"),
    ("sales.yaml", 5, 11, '"50"', "schema/type"),
    ("sales.yaml", 9, 1, "onFailure", "yaml/duplicate-key"),
    ("desks.yaml", 6, 44, "traders", "policy/unknown-group"),
    ("desks.yaml", 12, 39, "all-party-su", "policy/unknown-place"),
    ("desks.yaml", 20, 58, "mp4", "policy/combination"),
    ("keeping.yaml", 7, 14, "7y", "policy/delete-before-floor"),
    ("keeping.yaml", 15, 1, "observe", "policy/field-not-possible"),
    ("keeping.yaml", 20, 1, "match", "policy/hold-on-everything"),
    ("sub/people.yml", 10, 7, "agents", "policy/duplicate-name"),
    ("sub/people.yml", 15, 7, "All_Party_US", "schema/pattern"),
]


def test_one_run_finds_exactly_the_thirteen_faults() -> None:
    diagnostics, policies = check_policies(TREE)
    assert policies is None
    assert all(found.is_error for found in diagnostics)
    assert sorted(FAULTS) == sorted(
        (
            Path(found.file).relative_to(TREE).as_posix(),
            found.span.line,
            found.span.column,
            (found.source_line or "")[found.span.column - 1 : found.span.end_column - 1],
            found.code,
        )
        for found in diagnostics
    )


def test_every_finding_stands_on_the_line_of_its_mistake() -> None:
    diagnostics, _ = check_policies(TREE)
    numbers = [PLANTED.search(found.source_line or "") for found in diagnostics]
    assert sorted(int(n["number"]) for n in numbers if n is not None) == list(range(1, 14))


def test_validate_says_the_same_and_nobody_loads_such_a_tree() -> None:
    diagnostics, _ = check_policies(TREE)
    report = validate_paths([TREE], environ={})
    assert not report.is_valid
    assert report.diagnostics == diagnostics
    with pytest.raises(Invalid) as caught:
        load_policies(TREE)
    assert caught.value.diagnostics == diagnostics
