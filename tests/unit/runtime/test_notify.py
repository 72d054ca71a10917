from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordingd.runtime.notify import notify, watchdog_seconds


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(2)
        yield channel


def test_state_reaches_the_service_manager(manager: socket.socket, tmp_path: Path) -> None:
    assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_sent() -> None:
    assert not notify("READY=1", {})


def test_manager_that_went_away_is_no_fault(tmp_path: Path) -> None:
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})


def test_watchdog_is_ours_when_it_names_our_process() -> None:
    told = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert watchdog_seconds(told) == 30


@pytest.mark.parametrize(
    "told",
    [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}],
)
def test_watchdog_that_is_not_ours_is_left_alone(told: dict[str, str]) -> None:
    assert watchdog_seconds(told) is None
