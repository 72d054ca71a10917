"""`recordingd doctor`: every link of the chain, and the command that mends a broken one."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime, timedelta

from recordingd.cli.exits import Exit
from recordingd.cli.findings import show
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    print_json,
    settings_path,
)
from recordingd.config.settings import Settings, load_settings
from recordingd.domain.durations import timedelta_of
from recordingd.runtime.checking import Check, fail, ok
from recordingd.runtime.checks import check_everything
from recordingd.runtime.control import DaemonNotRunning, ask
from recordingd.runtime.system import SystemClock

LOOK_EVERY_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)
    parser.add_argument(
        "--wait-event",
        type=finite_duration,
        metavar="TIME",
        help="wait this long for the running daemon to receive an event, for example 5m",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Check everything; exit with 1 when something is broken."""
    settings = load_settings(settings_path(arguments))
    wait = None if arguments.wait_event is None else timedelta_of(arguments.wait_event)
    checks = asyncio.run(_check(settings, wait, shows=arguments.format == "text"))
    if arguments.format == "json":
        print_json([check.as_json() for check in checks])
    return Exit.FAILED if any(check.is_failure for check in checks) else Exit.OK


async def _check(settings: Settings, wait: timedelta | None, *, shows: bool) -> list[Check]:
    """Run the checks, and show each as soon as it is known."""
    checks: list[Check] = []
    async for check in check_everything(settings, SystemClock()):
        checks.append(check)
        if shows:
            show(check)
    if wait is not None:
        checks.append(await _await_event(settings, wait))
        if shows:
            show(checks[-1])
    return checks


async def _await_event(settings: Settings, wait: timedelta) -> Check:
    """Wait until the daemon receives an event that it had not received before."""
    clock = SystemClock()
    until = clock.now_utc() + wait
    before = _newest(settings)
    while clock.now_utc() < until:
        newest = _newest(settings)
        if newest is not None and newest != before:
            return ok("events", f"one arrived at {newest.isoformat()}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    fix = "make a call, and look at the event subscription's delivery metrics"
    return fail("events", f"none arrived within {wait.total_seconds():.0f} s", fix)


def _newest(settings: Settings) -> datetime | None:
    try:
        events = ask(settings.control, "/status")["events"]
    except (DaemonNotRunning, OSError):
        return None
    times = [datetime.fromisoformat(seen["lastAt"]) for seen in events.values()]
    return max(times, default=None)
