"""The source tree as the tests of packaging see it: its root, its files, its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "daemon" / "recordingd"
# Where the console scripts of the interpreter that runs the tests are.
BIN = Path(sys.executable).parent
TEXT_SUFFIXES = frozenset(
    {
        "",
        ".cfg",
        ".conf",
        ".csv",
        ".json",
        ".md",
        ".py",
        ".service",
        ".sh",
        ".toml",
        ".yaml",
        ".yml",
    }
)


def ignored_folders() -> frozenset[str]:
    """Return the names of folders that git leaves out."""
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return frozenset(line.strip("/") for line in lines if line.endswith("/")) | {".git"}


def text_files() -> Iterator[Path]:
    """Give every text file that belongs to the tree, links to folders not followed."""
    ignored = ignored_folders()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            name for name in folders if name not in ignored and not name.endswith(".egg-info")
        )
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT_SUFFIXES:
                yield path


def modules() -> list[Path]:
    """Return every module of the package."""
    return sorted(SOURCE.rglob("*.py"))


def run(
    *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is text, its exit code is for the caller to judge."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=None if environ is None else dict(environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
