from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from recordingd.runtime.git_commit import commit_of

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@contoso.example")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.strip()


def asked(root: Path, texts: Mapping[str, str]) -> str | None:
    return asyncio.run(commit_of(root, texts))


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


TEXTS = {"all.yaml": "kind: A\n", "deep/ü.yml": "kind: B\r\n", "../agents.csv": "8:acs:a\n"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with a policy tree in a folder of it; return the folder."""
    root = tmp_path / "repository" / "policies"
    write(root, {**TEXTS, "README.md": "read me"})
    git(root.parent, "init", "--quiet")
    git(root.parent, "add", ".")
    git(root.parent, "commit", "--quiet", "-m", "First")
    return root


@needs_git
def test_commit_that_holds_the_files_as_they_are(repository: Path) -> None:
    assert asked(repository, TEXTS) == git(repository, "rev-parse", "HEAD")


@needs_git
def test_repository_whose_top_is_the_tree(tmp_path: Path) -> None:
    write(tmp_path, {"all.yaml": "kind: A\n"})
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "First")
    assert asked(tmp_path, {"all.yaml": "kind: A\n"}) == git(tmp_path, "rev-parse", "HEAD")


CHANGED = {
    "edited": TEXTS | {"all.yaml": "kind: C\n"},
    "added": TEXTS | {"new.yaml": "kind: D\n"},
    "removed": {path: text for path, text in TEXTS.items() if path != "all.yaml"},
    "members edited": TEXTS | {"../agents.csv": "8:acs:b\n"},
    "members outside of the repository": TEXTS | {"../../agents.csv": "8:acs:a\n"},
}


@needs_git
@pytest.mark.parametrize("change", CHANGED)
def test_files_that_differ_from_the_commit_are_told(repository: Path, change: str) -> None:
    found = asked(repository, CHANGED[change])
    assert found == git(repository, "rev-parse", "HEAD") + "+changes"


@needs_git
def test_file_that_is_no_policy_changes_nothing(repository: Path) -> None:
    write(repository, {"README.md": "changed", ".hidden/x.yaml": "kind: X\n"})
    git(repository, "add", ".hidden")
    git(repository, "commit", "--quiet", "-m", "Second")
    assert asked(repository, TEXTS) == git(repository, "rev-parse", "HEAD")


@needs_git
def test_one_policy_file_is_compared_alone(repository: Path) -> None:
    found = asked(repository / "all.yaml", {"all.yaml": "kind: A\n"})
    assert found == git(repository, "rev-parse", "HEAD")


@needs_git
def test_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert asked(tmp_path, {"all.yaml": ""}) is None


@needs_git
def test_no_program_that_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o700)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "filter.x.clean"):
        git(repository, "config", name, str(program))
    write(repository.parent, {".gitattributes": "* filter=x\n"})
    assert asked(repository, TEXTS) is not None
    assert not ran.exists()


def test_tree_outside_of_a_repository_has_no_commit(tmp_path: Path) -> None:
    assert asked(tmp_path, {"all.yaml": ""}) is None


def test_git_that_is_missing_means_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asked(tmp_path, {"all.yaml": ""}) is None
