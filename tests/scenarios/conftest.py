"""Factories for scenarios: the real daemon process against the emulator, over loopback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.conformance.openapi import faults_of_ours
from tests.scenarios.processes import Emulator, Port
from tests.scenarios.stage import (
    API_KEY,
    REPORTER_KEY,
    SETTINGS,
    WEBHOOK_KEY,
    Stage,
)
from tests.scenarios.tree import POLICIES

MakeStage = Callable[..., Stage]


def assert_requests_conform(emulator: Emulator) -> None:
    """Hold everything that the daemon asked of the service against the specification."""
    if emulator.program.is_running:
        assert faults_of_ours(emulator.requests()) == []


def build_stage(
    directory: Path,
    stack: ExitStack,
    *,
    mode: str = "enforce",
    policies: Mapping[str, str] = POLICIES,
    speed: float = 4.0,
) -> Stage:
    """Set a stage with a running emulator and no daemon yet; the stack takes it down."""
    port = Port()
    stack.callback(port.release)
    events_to = f"http://127.0.0.1:{port.number}/events?key={WEBHOOK_KEY}"
    emulator = Emulator.start(
        directory,
        *("--events-to", events_to, "--speed", str(speed)),
        *("--storage-host", "127.0.0.1", "localhost"),
    )
    stack.callback(emulator.program.stop)
    stack.callback(assert_requests_conform, emulator)
    secrets = {
        "acs": emulator.ready["connectionString"],
        "webhook": WEBHOOK_KEY,
        "reporter": REPORTER_KEY,
        "api": API_KEY,
    }
    (directory / "secrets").mkdir(mode=0o700)
    for name, value in secrets.items():
        descriptor = os.open(directory / "secrets" / name, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
    stage = Stage(directory=directory, emulator=emulator, port=port)
    stage.settings.write_text(SETTINGS.format(mode=mode, port=port.number))
    stage.write_policies(policies)
    # Registered last, so that the daemon ends before the service does.
    stack.callback(lambda: stage.daemon is None or stage.daemon.stop())
    return stage


@pytest.fixture
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """Make a stage of a test's own; the daemon is started by the test."""
    with ExitStack() as stack:

        def make(
            *,
            mode: str = "enforce",
            policies: Mapping[str, str] = POLICIES,
            speed: float = 4.0,
        ) -> Stage:
            # Short names, since the path of a socket has 107 bytes.
            directory = tmp_path_factory.mktemp("s")
            return build_stage(directory, stack, mode=mode, policies=policies, speed=speed)

        yield make


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """Give a stage of a test's own with a running daemon."""
    made = make_stage()
    made.start()
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give one running stage to the tests of a module, which leave nothing unfinished on it."""
    with ExitStack() as stack:
        made = build_stage(tmp_path_factory.mktemp("s"), stack)
        made.start()
        yield made


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give one running stage to all tests that only play calls of their own on it.

    They never stop it, never change its policies, and arm faults for their own call alone.
    """
    with ExitStack() as stack:
        made = build_stage(tmp_path_factory.mktemp("s"), stack)
        made.start()
        yield made
