"""The two processes of a scenario, and how a test waits for them and talks to them.

Used by `stage`. Every process is ended by its own id, every wait has an end, and everything listens
on loopback. Nothing here knows what a call is.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from recordingd.runtime.system import SystemClock

T = TypeVar("T")
Json = dict[str, Any]

POLL_SECONDS = 0.05
START_SECONDS = 30.0
END_SECONDS = 60.0
TAIL_LINES = 40
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is any value
        return json.loads(self.body)


def seconds_now() -> float:
    """Return a moment of the monotonic clock, for measuring how long something took."""
    return _CLOCK.monotonic()


def until(condition: Callable[[], T], seconds: float, what: str, *, log: Path | None = None) -> T:
    """Ask until the answer is true and return it; fail with the end of `log` when time is up."""
    ends = seconds_now() + seconds
    pause = threading.Event()
    while not (found := condition()):
        if seconds_now() > ends:
            msg = f"not within {seconds} s: {what}\n{tail(log)}"
            raise AssertionError(msg)
        pause.wait(POLL_SECONDS)
    return found


def tail(log: Path | None) -> str:
    """Return the last lines of a log, or why there are none."""
    if log is None or not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def exchange(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return its answer, whatever its status; OSError when none comes."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()},
                      response.read())  # fmt: skip
    finally:
        connection.close()


@dataclass(slots=True)
class Port:
    """A TCP port that stays ours while the daemon on it is down.

    Bound and never listened on: another bind with SO_REUSEADDR succeeds beside it (socket(7)),
    while nobody is given the port by chance.
    """

    holder: socket.socket = field(init=False)
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.holder = socket.socket()
        self.holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.holder.bind(("127.0.0.1", 0))
        self.number = self.holder.getsockname()[1]

    def release(self) -> None:
        self.holder.close()


@dataclass(slots=True, kw_only=True)
class Program:
    """A `recordingd` command that runs until it is ended."""

    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, arguments: list[str], log: Path, *, reads_output: bool = False) -> Program:
        """Start a command; standard error goes to the log, and so does output nobody reads."""
        with log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "recordingd", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if reads_output else errors,
                stderr=errors,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            )
        return cls(log=log, process=process)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as the kernel would: at once, without a last word."""
        self.process.kill()
        self.process.wait(END_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        if self.is_running:
            self.process.terminate()
        code = self.process.wait(END_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@dataclass(slots=True, kw_only=True)
class Emulator:
    """A running emulator, spoken to over its control interface."""

    program: Program
    ready: Json

    @classmethod
    def start(cls, directory: Path, *arguments: str) -> Emulator:
        """Start it and wait for its ready line."""
        program = Program.start(
            ["emulator", "--state-dir", str(directory / "emulator"), *arguments],
            directory / "emulator.log",
            reads_output=True,
        )
        assert program.process.stdout is not None
        line = program.process.stdout.readline()
        assert line, f"the emulator did not start:\n{tail(program.log)}"
        return cls(program=program, ready=json.loads(line))

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the control interface and return its JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        answer = exchange(method, self.ready["control"] + path, body=data)
        assert answer.status == 200, answer.body
        return answer.json

    def recordings_of(self, call: str) -> list[Json]:
        """Return every recording of a call that the service ever made."""
        return [r for r in self.ask("GET", "/recordings") if r["serverCallId"] == call]

    def requests(self, *, method: str | None = None, holding: str = "") -> list[Json]:
        """Return the finished requests whose path holds a text, oldest first."""
        return [
            r
            for r in self.ask("GET", "/requests")
            if method in (None, r["method"]) and holding in r["path"]
        ]

    def arm(self, name: str, *, call: str | None = None, **more: object) -> None:
        """Arm a fault, for one call only when it is named; `operation` narrows it further."""
        match = {} if call is None else {"serverCallId": call}
        operation = more.pop("operation", None)
        if operation is not None:
            match["operation"] = str(operation)
        self.ask("POST", "/faults", {"name": name, "match": match, **more})

    def disarm(self) -> None:
        """Disarm every fault."""
        self.ask("DELETE", "/faults")

    def fired(self, name: str) -> int:
        """Return how often a fault has bitten."""
        return int(next(f["fired"] for f in self.ask("GET", "/faults") if f["name"] == name))
