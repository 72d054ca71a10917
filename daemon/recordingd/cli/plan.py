"""`recordingd plan`: what the daemon would do now, and what time will bring.

Reads the ledger through a connection that cannot write, and asks the service nothing but, with
`--observe`, whether recordings capture. The lines come from the planner that the daemon runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    moment,
    positive_number,
    print_json,
    settings_path,
)
from recordingd.cli.reading import reading
from recordingd.cli.terminal import counting
from recordingd.config.policy_files import load_policies
from recordingd.config.settings import Settings, load_settings
from recordingd.config.validation import context_of
from recordingd.domain.durations import Duration, add
from recordingd.domain.errors import NotFoundFault
from recordingd.domain.recordings import CallFacts
from recordingd.planning.forecast import PlanLine, drift_line
from recordingd.planning.rendering import PrintedPlan
from recordingd.runtime.foresight import Foresight

LINES_SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser, ("text", "json", "markdown"))
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="also write the plan, for 'apply'"
    )
    parser.add_argument(
        "--horizon",
        type=finite_duration,
        default=Duration(days=7),
        metavar="TIME",
        help="how far to look ahead (default: 7d)",
    )
    parser.add_argument(
        "--at", type=moment, metavar="TIME", help="plan as of a time (RFC 3339) instead of now"
    )
    parser.add_argument(
        "--observe", action="store_true", help="also ask the service whether recordings capture"
    )
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 when something is to be done"
    )
    parser.add_argument(
        "--policies", type=Path, metavar="DIR", help="plan with these instead of the settings'"
    )
    parser.add_argument(
        "--limit",
        type=positive_number,
        default=LINES_SHOWN,
        metavar="N",
        help=f"how many lines of each section the text shows (default: {LINES_SHOWN})",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Print the plan, and write it where asked."""
    settings = load_settings(settings_path(arguments))
    live: list[CallFacts] = []
    with reading(settings) as view, counting("calls looked at") as count:

        def seen(facts: CallFacts) -> None:
            count()
            if facts.open_recording is not None:
                live.append(facts)

        now = arguments.at or view.now
        foresight = Foresight(
            ledger=view.ledger,
            settings=settings,
            policies=load_policies(
                arguments.policies or settings.policies, context_of(settings, now)
            ),
            now=now,
            horizon=_end_of(now, arguments.horizon),
            seen=seen,
        )
        plan = foresight.plan()
    if arguments.observe:
        drift = asyncio.run(_observe(settings, live, now))
        plan = replace(plan, lines=(*plan.lines, *drift))
    _print(plan, arguments)
    if arguments.output is not None:
        _write(plan, arguments.output)
    is_pending = arguments.detailed_exitcode and plan.has_changes
    return Exit.CHANGES_PENDING if is_pending else Exit.OK


def _end_of(now: datetime, horizon: Duration) -> datetime:
    until = add(now, horizon)
    assert isinstance(until, datetime), "a finite duration ends"
    return until


def _print(plan: PrintedPlan, arguments: argparse.Namespace) -> None:
    if arguments.format == "json":
        print_json(plan.as_json())
    elif arguments.format == "markdown":
        sys.stdout.write(plan.as_markdown() + "\n")
    else:
        sys.stdout.write(plan.as_text(arguments.limit) + "\n")


def _write(plan: PrintedPlan, path: Path) -> None:
    """Write the JSON form whole or not at all: somebody will approve what is in it."""
    part = path.with_name(f"{path.name}.part")
    text = json.dumps(plan.as_json(), indent=2, ensure_ascii=False)
    try:
        part.write_text(f"{text}\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sys.stderr.write(f"plan written to {path}\n")


async def _observe(settings: Settings, calls: list[CallFacts], now: datetime) -> list[PlanLine]:
    """Ask the service of every recording believed alive; nothing but reads."""
    from recordingd.runtime.system import SystemClock  # loads the cloud's adapter
    from recordingd.runtime.wiring import build_cloud  # loads the cloud's adapter

    lines: list[PlanLine] = []
    async with build_cloud(settings, SystemClock()) as cloud:
        for facts in calls:
            recording = facts.open_recording
            if recording is None or recording.recording_id is None:
                continue
            try:
                is_active: bool | None = await cloud.fetch_is_active(recording.recording_id)
            except NotFoundFault:
                is_active = None
            line = drift_line(facts, recording, is_active=is_active, now=now)
            if line is not None:
                lines.append(line)
    return lines
