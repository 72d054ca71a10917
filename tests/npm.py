"""Programs from npm that tests run: installed once into the user's cache, then used from there.

Without Node.js, or without the registry while a package is missing, the tests that need it are
skipped; in CI they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

INSTALL_SECONDS = 110


def node() -> str:
    """Return the path of Node.js."""
    return _program("node", "Node.js")


def installed(package: str, version: str, folder: str) -> Path:
    """Return the `node_modules` that holds a package, after installing it if it is missing.

    `version` is a whole one, or its first number; `folder` is the place in the cache.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "recordingd-tests" / folder
    home.mkdir(parents=True, exist_ok=True)
    # Workers of one run start together: one installs, the others wait and find it done.
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has(home, package, version):
            _install(home, package, version)
    assert _has(home, package, version)
    return home / "node_modules"


def _has(home: Path, package: str, version: str) -> bool:
    manifest = home / "node_modules" / package / "package.json"
    if not manifest.is_file():
        return False
    return f"{json.loads(manifest.read_text())['version']}.".startswith(f"{version}.")


def _install(home: Path, package: str, version: str) -> None:
    npm = _program("npm", "npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(home)]
    try:
        subprocess.run(
            [*command, f"{package}@{version}"],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", "") or ""
        _refuse(f"{package} {version} could not be installed: {error} {said}")


def _program(name: str, shown: str) -> str:
    found = shutil.which(name)
    if found is None:
        _refuse(f"{shown} is not installed")
    return found


def _refuse(why: str) -> NoReturn:
    reason = f"this test needs a program of npm: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
