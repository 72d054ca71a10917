"""One emulator over HTTPS and one official client at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.conformance.emulated import STORAGE_HOSTS, Emulated, emulating
from tests.conformance.official import NAMES, OfficialClient, running


@pytest.fixture(scope="package")
def service() -> Iterator[Emulated]:
    """The emulator, over HTTPS and with the storage names of the real service."""
    with emulating("--tls", "--storage-host", *STORAGE_HOSTS) as emulated:
        yield emulated


@pytest.fixture
def launch(service: Emulated) -> Iterator[Callable[..., OfficialClient]]:
    """Return a starter of official clients, with the service's key and authority or others."""
    with ExitStack() as opened:

        def start(
            name: str, *, connection_string: str | None = None, ca_file: str | None = None
        ) -> OfficialClient:
            text, trusted = connection_string or service.connection_string, ca_file
            return opened.enter_context(running(name, text, trusted or service.ca_file or ""))

        yield start


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest, launch: Callable[..., OfficialClient]) -> OfficialClient:
    """Each official client in turn."""
    return launch(request.param)
