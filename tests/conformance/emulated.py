"""The emulator as a process of its own, over HTTPS, under the storage names of the real service."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.scenarios.processes import until

# Names that the official clients accept; clients resolve them to this machine themselves.
STORAGE_HOSTS = ("us-storage.asm.skype.com", "uk-storage.asm.skype.com")
START_SECONDS = 30
STOP_SECONDS = 10
WAIT_SECONDS = 20.0

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """A running emulator; `control` speaks to its control interface.

    `nowhere` is an address that refuses every connection: what is sent there stays in the lists.
    """

    endpoint: str
    connection_string: str
    ca_file: str | None
    nowhere: str
    control: httpx.Client

    @property
    def ca_path(self) -> Path:
        """The authority to trust; only of an emulator over HTTPS."""
        assert self.ca_file is not None
        return Path(self.ca_file)

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """Ask the control interface and return its answer."""
        return self.control.request(method, path, json=body).raise_for_status().json()

    def create_call(self, *raw_ids: str) -> dict[str, str]:
        """Begin a call between participants; return its identity."""
        parties = [{"id": raw_id} for raw_id in raw_ids or ("8:acs:agent", "4:+4930123456")]
        call: dict[str, str] = self.ask("POST", "/calls", {"participants": parties})
        return call

    def end_call(self, server_call_id: str) -> None:
        """End a call."""
        self.ask("DELETE", f"/calls/{quote(server_call_id, safe='')}")

    def leave(self, server_call_id: str, raw_id: str) -> None:
        """Let a participant leave a call."""
        path = f"/calls/{quote(server_call_id, safe='')}/participants/{quote(raw_id, safe='')}"
        self.ask("DELETE", path)

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock."""
        self.ask("POST", "/clock", {"advanceSeconds": seconds})

    def fault(self, name: str, **fields: Json) -> None:
        """Plant a fault, once."""
        self.ask("POST", "/faults", {"name": name, **fields})

    def events(self, kind: str) -> list[dict[str, Json]]:
        """Return the data of every event of one type, oldest first."""
        listed = self.ask("GET", "/events")
        return [entry["body"][0]["data"] for entry in listed if entry["type"] == kind]

    def chunks_of(self, recording_id: str) -> list[dict[str, Json]]:
        """Wait for the file event of a recording and return its chunks."""

        def announced() -> list[dict[str, Json]]:
            found = self.events("RecordingFileStatusUpdated")
            ours = (data for data in found if data["recordingId"] == recording_id)
            return [c for data in ours for c in data["recordingStorageInfo"]["recordingChunks"]]

        return until(announced, WAIT_SECONDS, "the files are announced")


@contextmanager
def emulating(*options: str) -> Iterator[Emulated]:
    """Run an emulator with further options; its events are kept by it and delivered nowhere."""
    with socket.socket() as silent:
        # Bound and not listening: nobody else can be told the events by accident.
        silent.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        command = [sys.executable, "-m", "recordingd", "emulator", "--events-to", nowhere, *options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            yield from _when_ready(process, nowhere)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _when_ready(process: subprocess.Popen[str], nowhere: str) -> Iterator[Emulated]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the emulator ended before it was ready"
    ready = json.loads(line)
    with httpx.Client(base_url=ready["control"], trust_env=False, timeout=WAIT_SECONDS) as control:
        yield Emulated(
            endpoint=ready["endpoint"],
            connection_string=ready["connectionString"],
            ca_file=ready["caFile"],
            nowhere=nowhere,
            control=control,
        )
