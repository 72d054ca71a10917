"""`recordingd plan`: what the daemon would do now, and what time will bring.

Reads the ledger through a connection that cannot write, and asks the service nothing but, with
`--observe`, whether recordings capture. The lines come from the planner that the daemon runs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    print_json,
    settings_path,
)
from recordingd.cli.reading import reading
from recordingd.config.api_versions import can_start_paused
from recordingd.config.policy_files import load_policies
from recordingd.config.settings import Settings, load_settings
from recordingd.config.validation import context_of
from recordingd.domain.calls import CallId
from recordingd.domain.durations import Duration, add
from recordingd.domain.errors import NotFoundFault
from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.policies import PolicySet
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.forecast import PlanLine, Section, drift_line, plan_lines
from recordingd.planning.matching import compile_policies
from recordingd.planning.rendering import PrintedPlan
from recordingd.ports.ledger import Ledger, PolicyRevision
from recordingd.runtime.in_force import containers_of

PAGE = 1000
# Any horizon from any of these years still ends within the calendar.
FIRST_YEAR, LAST_YEAR = 1970, 9500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)
    parser.add_argument(
        "--horizon",
        type=finite_duration,
        default=Duration(days=7),
        metavar="TIME",
        help="how far to look ahead (default: 7d)",
    )
    parser.add_argument(
        "--at", type=_moment, metavar="TIME", help="plan as of a time (RFC 3339) instead of now"
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


def run(arguments: argparse.Namespace) -> Exit:
    """Print the plan."""
    settings = load_settings(settings_path(arguments))
    with reading(settings) as view:
        now = arguments.at or view.now
        policies = load_policies(arguments.policies or settings.policies, context_of(settings, now))
        running = view.ledger.latest_revision()
        context = _context(settings, policies, running)
        until = _end_of(now, arguments.horizon)
        calls = list(_calls(view.ledger, until))
        lines = [line for c in calls for line in plan_lines(c, context, now=now, horizon=until)]
        lines += _policy_lines(policies, running, now)
        generation = view.ledger.generation()
    if arguments.observe:
        lines += asyncio.run(_observe(settings, calls, now))
    plan = PrintedPlan(
        at=now,
        horizon=until,
        policy_digest=policies.digest,
        ledger_generation=generation,
        lines=tuple(lines),
    )
    if arguments.format == "json":
        print_json(plan.as_json())
    else:
        sys.stdout.write(plan.as_text() + "\n")
    is_pending = arguments.detailed_exitcode and plan.has_changes
    return Exit.CHANGES_PENDING if is_pending else Exit.OK


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not a time; write 2026-11-20T10:00:00Z"
        raise argparse.ArgumentTypeError(msg) from None
    if moment.tzinfo is None:
        msg = f"'{text}' has no time zone; write {text}Z for UTC"
        raise argparse.ArgumentTypeError(msg)
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        msg = f"'{text}' is not between {FIRST_YEAR} and {LAST_YEAR}"
        raise argparse.ArgumentTypeError(msg)
    return moment.astimezone(UTC)


def _end_of(now: datetime, horizon: Duration) -> datetime:
    until = add(now, horizon)
    assert isinstance(until, datetime), "a finite duration ends"
    return until


def _context(
    settings: Settings, policies: PolicySet, running: PolicyRevision | None
) -> PlanningContext:
    return PlanningContext(
        policies=compile_policies(policies),
        revision=running.revision if running is not None else 0,
        mode=settings.mode,
        archive=settings.archive,
        settle=settings.settle,
        start_window=settings.acs.start_window,
        can_start_paused=can_start_paused(settings.acs.api_version),
        service_retention=settings.service_retention,
        containers=containers_of(settings),
    )


def _calls(ledger: Ledger, until: datetime) -> Iterator[CallFacts]:
    """Yield every call in which something can happen by a moment."""
    after: CallId | None = None
    while page := ledger.calls_needing_attention(due_by=until, after=after, limit=PAGE):
        for call_id in page:
            facts = ledger.load(call_id)
            assert facts is not None, "a listed call is there"
            yield facts
        after = page[-1]


def _policy_lines(
    policies: PolicySet, running: PolicyRevision | None, now: datetime
) -> Iterator[PlanLine]:
    """Yield the files that differ from those in force."""
    before = dict(running.texts) if running is not None else {}
    for path in sorted(before.keys() | policies.texts.keys()):
        if before.get(path) == policies.texts.get(path):
            continue
        verb = "change"
        if path not in before:
            verb = "add"
        elif path not in policies.texts:
            verb = "delete"
        revision = running.revision if running is not None else 0
        text = f"differs from revision {revision}" if revision else "no revision is in force yet"
        why = Why(code=ReasonCode.POLICY_CHANGED, text=text)
        yield PlanLine(section=Section.POLICY, verb=verb, target=path, why=why, at=now)


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
