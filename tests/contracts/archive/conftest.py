"""One store per test, for every implementation of the archive port."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.azurite import Azurite

from recordingd.archive.azure_blob import BlobArchive, account_key
from recordingd.archive.local import LocalArchive
from recordingd.domain.policies import StoreName
from recordingd.ports.archive import Archive

Reopen = Callable[[], Archive]


def open_container(azurite: Azurite, url: str) -> BlobArchive:
    """Open a store in a container of Azurite's."""
    key = account_key(url, azurite.key)
    return BlobArchive(StoreName("vault"), container_url=url, credential=key)


def _local(request: pytest.FixtureRequest) -> Reopen:
    folder: Path = request.getfixturevalue("tmp_path")

    def reopen() -> Archive:
        return LocalArchive(StoreName("main"), root=folder / "archive", parts=folder / "parts")

    return reopen


def _azure_blob(request: pytest.FixtureRequest) -> Reopen:
    azurite: Azurite = request.getfixturevalue("azurite")
    url = azurite.create_container()

    def reopen() -> Archive:
        archive = open_container(azurite, url)
        request.addfinalizer(archive.close)
        return archive

    return reopen


IMPLEMENTATIONS: dict[str, Callable[[pytest.FixtureRequest], Reopen]] = {
    "azure-blob": _azure_blob,
    "local": _local,
}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def reopen(request: pytest.FixtureRequest) -> Reopen:
    """Open the test's one store; again, as after a restart of the daemon, with every call."""
    return IMPLEMENTATIONS[request.param](request)


@pytest.fixture
def make_wav() -> Callable[..., bytes]:
    """Make a WAVE file of silence: 16 kHz, 16 bit, as the service records it."""

    def make(seconds: float = 0.1, *, channels: int = 1) -> bytes:
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(bytes(round(seconds * 16_000) * 2 * channels))
        return buffer.getvalue()

    return make
