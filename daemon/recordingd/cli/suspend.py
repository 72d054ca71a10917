"""`recordingd suspend POLICY|deletions`: stop one policy, or every deletion, until a time.

Goes through the running daemon; where none runs, the suspension is written into the ledger, and
the next one heeds it.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from recordingd.cli.daemon import complain
from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    moment,
    print_json,
    settings_path,
)
from recordingd.cli.steering import Steer, steer
from recordingd.cli.tables import to_seconds
from recordingd.config.settings import load_settings
from recordingd.domain.durations import add
from recordingd.runtime.system import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("scope", metavar="POLICY|deletions", help="what to stop for a while")
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--until", type=moment, metavar="TIME", help="until a time (RFC 3339)")
    end.add_argument(
        "--for", type=finite_duration, dest="lasts", metavar="TIME", help="for so long (2h, 3d)"
    )
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, for others to read")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Suspend, and say until when."""
    settings = load_settings(settings_path(arguments))
    wish = {
        "scope": arguments.scope,
        "until": _end_of(arguments).isoformat(),
        "reason": arguments.reason,
    }
    answer = steer(settings, Steer.SUSPEND, wish)
    if isinstance(answer, Exit):
        return answer
    if arguments.format == "json":
        print_json(answer)
        return Exit(answer["exitCode"])
    if not answer["ok"]:
        return complain(answer)
    made = answer["suspension"]
    sys.stdout.write(
        f"{made['scope']} suspended until {to_seconds(made['until'])};"
        f" end it earlier with 'recordingd resume {made['scope']}'\n"
    )
    return Exit.OK


def _end_of(arguments: argparse.Namespace) -> datetime:
    until: datetime | None = arguments.until
    if until is not None:
        return until
    end = add(SystemClock().now_utc(), arguments.lasts)
    assert isinstance(end, datetime), "a finite duration ends"
    return end
