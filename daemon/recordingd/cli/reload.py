"""`recordingd reload`: have the running daemon take the policy files into force, and hear why not.

The daemon reads the files itself; what it found is printed as `validate` prints it.
"""

from __future__ import annotations

import argparse
import sys

from recordingd.cli.daemon import answer_of
from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    finite_duration,
    print_json,
    settings_path,
)
from recordingd.config.settings import load_settings
from recordingd.domain.durations import Duration, timedelta_of
from recordingd.runtime.control import Answer, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--check", action="store_true", help="only say what would become of the files"
    )
    parser.add_argument(
        "--wait",
        type=finite_duration,
        default=Duration(seconds=30),
        metavar="TIME",
        help="how long to wait for the verdict (default: 30s)",
    )
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Ask, print the verdict, and exit with it; 1 when no daemon answers."""
    settings = load_settings(settings_path(arguments))
    seconds = timedelta_of(arguments.wait).total_seconds()
    body = {"check": arguments.check}
    answer = answer_of(settings, lambda: tell(settings.control, "/reload", body, timeout=seconds))
    if isinstance(answer, Exit):
        return answer
    report = answer.pop("report", [])
    if arguments.format == "json":
        print_json(answer)
    else:
        for found in report:
            sys.stdout.write(f"{found}\n")
        _print_verdict(answer, is_check=arguments.check)
    return Exit(answer["exitCode"])


def _print_verdict(answer: Answer, *, is_check: bool) -> None:
    for error in answer["errors"]:
        sys.stderr.write(f"recordingd: {error}\n")
    if "revision" not in answer:
        return
    number, digest = answer["revision"], answer["digest"][:12]
    if not answer["ok"]:
        verdict = f"the files are refused; revision {number} stays in force"
    elif not answer["changed"]:
        verdict = f"nothing has changed since revision {number}"
    elif is_check:
        verdict = f"the files are good; revision {number} is in force until they are reloaded"
    else:
        verdict = f"revision {number} ({digest}) is in force"
    commit = answer["gitCommit"]
    sys.stdout.write(verdict + (f", commit {commit}" if commit is not None else "") + "\n")
