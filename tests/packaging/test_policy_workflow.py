"""The hooks and the workflow that users copy call what exists."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.packaging.tree import BIN, ROOT, run

from recordingd.cli.main import COMMANDS, parser_for

DOCS = ROOT / "daemon" / "docs"
PAGE = DOCS / "policy-workflow.md"
WORKFLOW = DOCS / "ci" / "policies.yml"
ON_HOST = DOCS / "ci" / "plan-for-review.sh"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
COMMAND = re.compile(r"^\s*(?:\$ )?(recordingd [^|>#\n]*)", re.MULTILINE)


def steps() -> Iterator[dict[str, Any]]:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    for job in jobs.values():
        yield from job["steps"]


def commands() -> list[str]:
    """Return every command of ours that the workflow, the script, the page and the hooks run."""
    scripts = [step["run"] for step in steps() if "run" in step]
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`(recordingd [^`…]*)`", PAGE.read_text())
    texts = [*scripts, ON_HOST.read_text(), *blocks, *spans]
    found = [match.strip() for text in texts for match in COMMAND.findall(text)]
    return sorted({*found, *(" ".join([h["entry"], *h["args"]]) for h in HOOKS)})


@pytest.mark.parametrize("line", commands())
def test_command_is_one_that_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS
    parser_for(words).parse_args(words)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(SystemExit):
        parser_for(["validate"]).parse_args(["validate", "--unheard-of"])


def test_workflow_and_page_are_read_for_commands() -> None:
    assert {line.split()[1] for line in commands()} >= {"validate", "test", "plan", "schema"}


def test_workflow_may_write_nothing_but_comments() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    granted = [job.get("permissions", {}) for job in workflow["jobs"].values()]
    written = {name for grant in granted for name, level in grant.items() if level == "write"}
    assert written == {"pull-requests"}


def test_values_from_outside_reach_scripts_as_variables_only() -> None:
    """What is put between `${{` and `}}` into a script is run as a part of it."""
    assert not [step for step in steps() if "${{" in step.get("run", "")]


@pytest.mark.parametrize("script", [s["run"] for s in steps() if "run" in s])
def test_step_is_sound_shell(script: str, tmp_path: Path) -> None:
    path = tmp_path / "step.sh"
    path.write_text(script)
    assert run("bash", "-n", path).returncode == 0


def test_hooks_are_a_valid_manifest() -> None:
    checked = run(BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
    assert checked.returncode == 0, checked.stdout


def test_hooks_run_for_policies_and_members_files() -> None:
    assert [hook["id"] for hook in HOOKS] == ["recordingd-validate", "recordingd-test"]
    for hook in HOOKS:
        assert re.search(hook["files"], "policies/uk/agents.csv")
        assert re.search(hook["files"], "policies/support.yaml")
        assert not re.search(hook["files"], "README.md")


# --- the script on the daemon's host --------------------------------------------------------------


@pytest.fixture
def shown(tmp_path: Path) -> dict[str, str]:
    """An environment in which `recordingd` tells what it was asked for and what it was given."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "recordingd"
    program.write_text('#!/bin/sh\necho "$@" | sed "s|/[^ ]*/policies|FOLDER|"\nls "$5"\n')
    program.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(temporary)}


def send(tree: Path, environ: dict[str, str]) -> argparse.Namespace:
    """Pack the `policies` of a folder as the workflow does, and give them to the script."""
    line = (
        f"tar --create --directory {shlex.quote(str(tree))} policies | {shlex.quote(str(ON_HOST))}"
    )
    ended = run("bash", "-c", line, environ=environ)
    left = list(Path(environ["TMPDIR"]).iterdir())
    return argparse.Namespace(code=ended.returncode, out=ended.stdout, err=ended.stderr, left=left)


def test_host_plans_with_the_policies_it_was_sent(tmp_path: Path, shown: dict[str, str]) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    ended = send(tmp_path, shown)
    assert ended.code == 0, ended.err
    said, *files = ended.out.splitlines()
    assert said == (
        "plan --config /etc/recordingd/recordingd.yaml --policies FOLDER --format markdown"
    )
    assert "support.yaml" in files


def test_host_keeps_nothing_of_what_it_was_sent(tmp_path: Path, shown: dict[str, str]) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    assert send(tmp_path, shown).left == []


def test_host_refuses_links(tmp_path: Path, shown: dict[str, str]) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "leak.yaml").symlink_to("/etc/hostname")
    ended = send(tmp_path, shown)
    assert (ended.code, ended.out, ended.left) == (1, "", [])
