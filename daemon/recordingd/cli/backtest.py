"""`recordingd backtest`: proposed policies over the calls that the ledger remembers.

Reads the ledger through a connection that cannot write. What would have been recorded comes from a
rehearsal of every call with the planner that the daemon runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from recordingd.cli.balance import Printed
from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    positive_number,
    print_json,
    settings_path,
)
from recordingd.cli.reading import reading
from recordingd.cli.rehearsing import rehearsal_context
from recordingd.config.policy_files import load_policies
from recordingd.config.settings import load_settings
from recordingd.config.validation import context_of
from recordingd.domain.calls import CallId
from recordingd.domain.durations import Duration, timedelta_of
from recordingd.domain.recordings import CallFacts
from recordingd.planning.backtest import backtest, compare
from recordingd.ports.ledger import Ledger

PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)
    parser.add_argument(
        "--since",
        type=finite_duration,
        default=Duration(days=30),
        metavar="TIME",
        help="how far to look back (default: 30d)",
    )
    parser.add_argument(
        "--policies", type=Path, metavar="DIR", help="try these instead of the settings'"
    )
    parser.add_argument(
        "--limit",
        type=positive_number,
        default=100,
        metavar="N",
        help="show at most so many calls that differ (default: 100)",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Rehearse every call and print what differs."""
    settings = load_settings(settings_path(arguments))
    with reading(settings) as view:
        policies = load_policies(
            arguments.policies or settings.policies, context_of(settings, view.now)
        )
        context = rehearsal_context(policies, settings, view.now)
        since = view.now - timedelta_of(arguments.since)
        result = backtest(compare(c, context, view.now) for c in _calls(view.ledger, since))
    printed = Printed(
        result=result,
        since=since,
        at=view.now,
        policy_digest=policies.digest,
        limit=arguments.limit,
    )
    if arguments.format == "json":
        print_json(printed.as_json())
    else:
        _print_text(printed)
    return Exit.OK


def _calls(ledger: Ledger, since: datetime) -> Iterator[CallFacts]:
    after: CallId | None = None
    while page := ledger.calls_since(since, after=after, limit=PAGE):
        yield from page
        after = page[-1].call.call_id


def _print_text(printed: Printed) -> None:
    from recordingd.cli.tables import print_table  # slow to load, and not needed for JSON

    sys.stdout.writelines(f"{line}\n" for line in printed.summary())
    if printed.result.compared:
        columns = ("policy", "recorded", "bytes", "would be", "bytes")
        print_table(columns, printed.balance_rows())
    rows = printed.difference_rows()
    if rows:
        columns = ("started", "call", "change", "recorded by", "kept until")
        print_table((*columns, "would be by", "kept until"), rows)
    sys.stdout.writelines(f"{line}\n" for line in printed.footnotes())
