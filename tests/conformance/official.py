"""The three official clients as programs that a test can ask, one request at a time."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import npm

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = "@azure/communication-call-automation"
VERSION = "1.6.0"
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
    command = [npm.node(), "--require", str(HERE / "loopback.cjs"), str(HERE / "javascript.cjs")]
    return command, {"NODE_PATH": str(npm.installed(PACKAGE, VERSION, "js-sdk"))}
