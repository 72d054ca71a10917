"""`recordingd resume POLICY|deletions`: end a suspension before its time."""

from __future__ import annotations

import argparse
import sys

from recordingd.cli.daemon import complain
from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, print_json, settings_path
from recordingd.cli.steering import Steer, steer
from recordingd.config.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("scope", metavar="POLICY|deletions", help="what is suspended")
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Lift; what was not suspended is no error."""
    settings = load_settings(settings_path(arguments))
    answer = steer(settings, Steer.LIFT, {"scope": arguments.scope})
    if isinstance(answer, Exit):
        return answer
    if arguments.format == "json":
        print_json(answer)
        return Exit(answer["exitCode"])
    if not answer["ok"]:
        return complain(answer)
    verdict = "is in force again" if answer["lifted"] else "was not suspended"
    sys.stdout.write(f"{arguments.scope} {verdict}\n")
    return Exit.OK
