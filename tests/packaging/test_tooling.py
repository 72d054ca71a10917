"""make, the pipeline and the commit hooks call what exists."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from tests.packaging.tree import BIN, ROOT, run

PIPELINE = ROOT / ".ci" / "run"
DECISIONS = ROOT / "daemon" / "docs" / "decisions"


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench"])
def test_make_knows_its_targets(target: str) -> None:
    planned = run("make", "--dry-run", target)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("target", ["check", "test"])
def test_make_runs_the_checks_in_their_order(target: str) -> None:
    steps = run("make", "--dry-run", target).stdout
    order = ["ruff format --check", "ruff check", "mypy", "lint-imports"]
    if target == "test":
        order += [
            "--ignore=tests/packaging",
            "recordingd validate policies",
            "loadfile tests/packaging",
        ]
    places = [steps.index(step) for step in order]
    assert places == sorted(places)


def test_setup_refuses_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = run("make", "setup", f"PYTHON={old}", "VENV=none")
    assert refused.returncode != 0
    assert "needs Python 3.11 or newer" in refused.stderr
    assert not (ROOT / "none").exists()


def test_pipeline_can_be_started_and_is_sound_shell() -> None:
    assert os.access(PIPELINE, os.X_OK)
    assert "set -euo pipefail" in PIPELINE.read_text()
    assert run("bash", "-n", PIPELINE).returncode == 0


def test_pipeline_ends_red_when_a_suite_fails(tmp_path: Path) -> None:
    """A copy whose suites are `true` and `false` shows what the frame around them does."""
    frame = PIPELINE.read_text().partition("\nsuite tools")[0]
    (tmp_path / ".ci").mkdir()
    copy = tmp_path / ".ci" / "run"
    copy.write_text(frame + "\nfails() { false; true; }\nsuite good true\nsuite bad fails\n")
    ended = run("bash", copy)
    assert ended.returncode == 1
    assert re.search(r"good +\d+\nbad +FAILED\nred\n", ended.stdout)


def test_hosted_pipeline_runs_the_same_script() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["run"]["steps"]
    assert steps[-1] == {"run": ".ci/run"}


def test_hooks_use_the_tools_of_the_virtual_environment() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    programs = {hook["entry"].split()[0] for hook in hooks}
    assert programs == {".venv/bin/ruff", ".venv/bin/recordingd", ".venv/bin/mypy"}
    assert all((BIN / Path(program).name).exists() for program in programs)


def test_hooks_are_a_valid_configuration() -> None:
    checked = run(BIN / "pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml")
    assert checked.returncode == 0, checked.stdout


def test_every_decision_is_one_page_with_its_four_parts_and_indexed() -> None:
    index = (DECISIONS / "README.md").read_text()
    records = sorted(DECISIONS.glob("[0-9]*.md"))
    assert [r.name[:4] for r in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text()
        parts = [line for line in text.splitlines() if line.startswith("## ")]
        wanted = ["## Context", "## Choice", "## Alternatives", "## What would change our mind"]
        assert parts[:4] == wanted, record.name
        assert len(text.splitlines()) <= 70, record.name
        assert f"({record.name})" in index
