"""The demo's two processes, the emulator and the daemon, and how they are spoken to.

Used by `cli.demo`. Everything lies under one directory, which is made anew for each demo.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib import request
from urllib.error import URLError

from recordingd.domain.errors import RecordingdError

# Left in every directory that a demo made, so that no other directory is ever emptied.
MARK = ".recordingd-demo"
START_SECONDS = 20.0
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
stateDir: state
mode: enforce
acs:
  connectionString: {{file: secrets/acs}}
  storageHosts: [127.0.0.1, localhost]
policies: {policies}
listen: 127.0.0.1:{port}
publicUrl: http://127.0.0.1:{port}
ingress: {{webhook: {{secrets: [{{file: secrets/webhook}}]}}}}
tags:
  fromContext: {{queue: X-MS-Custom-Queue, consent: X-MS-Custom-Consent}}
signals: {{reporters: [{{name: demo, secret: {{file: secrets/reporter}}}}]}}
log: {{format: text}}
"""


class DemoFailed(RecordingdError):
    """A part of the demo did not come up, or did not do what it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running emulator and a running daemon."""

    directory: Path
    control: str
    daemon: str
    reporter_secret: str

    @property
    def settings(self) -> Path:
        """The daemon's settings file."""
        return self.directory / "recordingd.yaml"

    async def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the emulator's control interface; return its JSON answer."""
        return await asyncio.to_thread(_exchange, self.control + path, method, body, {})

    async def signal(self, event: dict[str, object]) -> None:
        """Report an event to the daemon, as an application would."""
        headers = {
            "content-type": "application/cloudevents+json",
            "authorization": f"Bearer {self.reporter_secret}",
        }
        url = f"{self.daemon}/v1/signals"
        await asyncio.to_thread(_exchange, url, "POST", event, headers)


def _exchange(url: str, method: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    asked = request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - our own
    with request.urlopen(asked, timeout=10) as response:  # noqa: S310 - our own processes
        answer = response.read()
    return json.loads(answer) if answer.strip().startswith((b"{", b"[")) else None


@asynccontextmanager
async def staged(directory: Path) -> AsyncIterator[Stage]:
    """Start both processes in a fresh directory; end them with the block, the daemon first."""
    _prepare(directory)
    port = _free_port()
    keys = {name: secrets.token_urlsafe(18) for name in ("webhook", "reporter")}
    events_to = f"http://127.0.0.1:{port}/events?key={keys['webhook']}"
    emulator = ["emulator", "--events-to", events_to, "--state-dir", str(directory / "emulator")]
    emulator += ["--storage-host", "127.0.0.1", "localhost"]
    async with _process(emulator, directory / "emulator.log") as (ready, _):
        line = await _first_line(ready, "the emulator")
        told = json.loads(line)
        _write_settings(directory, port, {"acs": told["connectionString"], **keys})
        run = ["run", "--config", str(directory / "recordingd.yaml")]
        async with _process(run, directory / "daemon.log") as (_, daemon):
            stage = Stage(
                directory=directory,
                control=told["control"],
                daemon=f"http://127.0.0.1:{port}",
                reporter_secret=keys["reporter"],
            )
            await _until_ready(stage, daemon)
            yield stage


def _prepare(directory: Path) -> None:
    if directory.exists():
        if not (directory / MARK).exists() and any(directory.iterdir()):
            msg = f"{directory} is not empty and was not made by a demo; name another with --dir"
            raise DemoFailed(msg)
        shutil.rmtree(directory)
    (directory / "secrets").mkdir(mode=0o700, parents=True)
    (directory / MARK).touch()


def _write_settings(directory: Path, port: int, keys: dict[str, str]) -> None:
    for name, value in keys.items():
        path = directory / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value)
    shutil.copytree(str(files("recordingd") / "samples"), directory / "policies")
    text = SETTINGS.format(policies="policies", port=port)
    (directory / "recordingd.yaml").write_text(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _process(
    command: list[str], log: Path
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.subprocess.Process]]:
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "recordingd",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout is not None
    try:
        yield process.stdout, process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _first_line(stream: asyncio.StreamReader, name: str) -> bytes:
    async with asyncio.timeout(START_SECONDS):
        line = await stream.readline()
    if not line:
        msg = f"{name} did not start; its log tells why"
        raise DemoFailed(msg)
    return line


async def _until_ready(stage: Stage, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _is_ready(stage):
                if process.returncode is not None:
                    break
                await asyncio.sleep(0.1)
            else:
                return
    except TimeoutError:
        pass
    msg = f"the daemon did not start; {stage.directory / 'daemon.log'} tells why"
    raise DemoFailed(msg)


async def _is_ready(stage: Stage) -> bool:
    try:
        await asyncio.to_thread(_exchange, f"{stage.daemon}/livez", "GET", None, {})
    except (URLError, OSError):
        return False
    return True
