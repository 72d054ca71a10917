"""A real blob and queue storage for tests: Azurite, started on free ports of this machine.

The fixture `azurite` (made known to every test by `tests/conftest.py`) starts one process per test
run, keeps everything in memory, and stops it by its pid. Azurite is installed into the user's cache
when it is missing. Without Node.js the tests that need it are skipped, and in CI they fail.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient
from tests import npm

# The account that Azurite always has; its key is published with the program and opens nothing else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "3"
STOP_SECONDS = 10
_LISTENING = re.compile(r"Azurite (Blob|Queue) service is successfully listening at (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running Azurite: `blob_url` and `queue_url` are the account's, without a final slash."""

    blob_url: str
    queue_url: str
    account: str = ACCOUNT
    key: str = KEY
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def create_container(self, prefix: str = "container") -> str:
        """Make a container with a name of its own; return its URL."""
        url = f"{self.blob_url}/{prefix}-{next(self._numbers)}"
        with self.container(url) as client:
            client.create_container()
        return url

    def create_queue(self, prefix: str = "queue") -> str:
        """Make a queue with a name of its own; return its URL."""
        url = f"{self.queue_url}/{prefix}-{next(self._numbers)}"
        with self.queue(url) as client:
            client.create_queue()
        return url

    def container(self, url: str) -> ContainerClient:
        """Return the official client of a container, to look into it or to fill it."""
        return ContainerClient.from_container_url(url, credential=self._credential)

    def queue(self, url: str) -> QueueClient:
        """Return the official client of a queue."""
        return QueueClient.from_queue_url(url, credential=self._credential)

    @property
    def _credential(self) -> dict[str, str]:
        return {"account_name": self.account, "account_key": self.key}


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run; each test makes containers and queues of its own."""
    with running(npm.node(), installed_script()) as started:
        yield started


@contextmanager
def running(node: str, script: Path, *options: str) -> Iterator[Azurite]:
    """Start an Azurite, with further options if need be, and stop it at the end."""
    command = [
        *(node, str(script), "--inMemoryPersistence", "--disableTelemetry", "--silent"),
        # The storage SDKs learn new versions of the protocol before Azurite does.
        "--skipApiVersionCheck",
        *("--blobPort", "0", "--queuePort", "0", "--tablePort", "0", *options),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )
    try:
        yield _when_listening(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def installed_script() -> Path:
    """Return Azurite's program in the cache, after installing it if it is missing."""
    return npm.installed("azurite", VERSION, "azurite") / "azurite" / "dist" / "src" / "azurite.js"


def _when_listening(process: subprocess.Popen[str]) -> Azurite:
    """Read what Azurite prints until both services told their address."""
    urls: dict[str, str] = {}
    said: list[str] = []
    assert process.stdout is not None
    while len(urls) < 2:
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"Azurite ended before it listened: {''.join(said)}")
        said.append(line)
        if (found := _LISTENING.search(line)) is not None:
            urls[found[1]] = f"{found[2]}/{ACCOUNT}"
    return Azurite(blob_url=urls["Blob"], queue_url=urls["Queue"])
