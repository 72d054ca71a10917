"""The three official clients as programs that a test can ask, one request at a time."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = "@azure/communication-call-automation"
VERSION = "1.6.0"
INSTALL_SECONDS = 110
STOP_SECONDS = 10
NAMES = ("python", "python-aio", "javascript")


@dataclass(frozen=True, slots=True)
class Refused:
    """The client raised its error for an answer of the service, None when there was none."""

    status: int | None


@dataclass(frozen=True, slots=True)
class OfficialClient:
    """A process around an official client; arguments have the names of the Python client."""

    process: subprocess.Popen[str]

    def ask(self, do: str, **given: object) -> Any:  # noqa: ANN401  whatever the client returns
        """Carry out one operation; return what it returned, or how it was refused."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, "with": given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the client ended over {do}"
        answer = json.loads(line)
        return Refused(answer["status"]) if "status" in answer else answer["got"]

    def download(self, url: str, **span: int) -> bytes:
        """Read a file, or a part of it."""
        encoded = self.ask("download", recording_url=url, **span)
        assert isinstance(encoded, str), encoded
        return base64.b64decode(encoded)


@contextmanager
def running(name: str, connection_string: str, ca_file: str) -> Iterator[OfficialClient]:
    """Start a client that trusts one authority more than usual, and end it."""
    command, more = _command(name)
    environment = {
        "PATH": os.environ["PATH"],
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
        "NODE_EXTRA_CA_CERTS": ca_file,
        **more,
    }
    process = subprocess.Popen(
        [*command, connection_string],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    try:
        yield OfficialClient(process)
    finally:
        # Without more to read each program ends by itself.
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _command(name: str) -> tuple[list[str], dict[str, str]]:
    if name != "javascript":
        module = "python_aio" if name == "python-aio" else "python_sync"
        return [sys.executable, "-m", f"tests.conformance.{module}"], {}
    node = _program("node")
    command = [node, "--require", str(HERE / "loopback.cjs"), str(HERE / "javascript.cjs")]
    return command, {"NODE_PATH": str(_installed() / "node_modules")}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        _refuse(f"{name} is not installed")
    return found


def _installed() -> Path:
    """Return the folder of the JavaScript client, after installing it there if it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "recordingd-tests" / "js-sdk"
    folder.mkdir(parents=True, exist_ok=True)
    # Workers of one run start together: one installs, the others wait and find it done.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _version_in(folder) != VERSION:
            _install(folder)
    assert _version_in(folder) == VERSION
    return folder


def _version_in(folder: Path) -> str | None:
    manifest = folder / "node_modules" / PACKAGE / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.is_file() else None


def _install(folder: Path) -> None:
    command = [_program("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        subprocess.run(
            [*command, f"{PACKAGE}@{VERSION}"],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.SubprocessError as error:
        _refuse(f"it could not be installed: {error} {getattr(error, 'stderr', '') or ''}")


def _refuse(why: str) -> NoReturn:
    reason = f"the official JavaScript client is needed for this test: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
