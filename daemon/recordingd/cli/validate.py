"""`recordingd validate`: every fault of every file at once, at the token that is wrong.

Works offline and needs no secret.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    USUAL_SETTINGS,
    add_config,
    add_format,
    counted,
    print_json,
    settings_path,
)
from recordingd.cli.terminal import shows_colour
from recordingd.config.validation import ValidationReport, validate_paths
from recordingd.runtime.system import SystemClock

if TYPE_CHECKING:
    from recordingd.runtime.checking import Check

FORMATS = ("text", "json", "sarif", "github", "junit")
# Forms with a shape of their own, which has no room for anything but findings in files.
_CLOSED = frozenset({"sarif", "junit"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="settings, policy files, directories"
    )
    add_config(parser)
    add_format(parser, FORMATS)
    parser.add_argument(
        "--online",
        action="store_true",
        help="also try the settings' credentials and stores, and say what is missing",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Check the files named, else the settings and their policies, else what lies here."""
    config = arguments.config or next((p for p in USUAL_SETTINGS if p.exists()), None)
    paths = arguments.paths
    if not paths and config is None:
        paths = [Path("policies") if Path("policies").is_dir() else Path()]
    if arguments.config is not None and arguments.config.is_dir():
        # A directory would be read as policies, and pass for settings.
        _load_settings(arguments.config)
    if arguments.online and arguments.format in _CLOSED:
        sys.stderr.write(f"recordingd validate: -f {arguments.format} cannot show --online\n")
        return Exit.USAGE
    report = validate_paths(paths, config=config, now=SystemClock().now_utc())
    online = _try_online(arguments) if arguments.online and report.is_valid else []
    if arguments.format == "json":
        tried = {"online": [check.as_json() for check in online]} if arguments.online else {}
        print_json({**report.as_json(), **tried})
    elif arguments.format == "text":
        _print_text(report)
        _print_findings(online)
    else:
        _print_report(report, arguments.format)
        _print_findings(online)
    if not report.is_valid:
        return Exit.INVALID
    return Exit.FAILED if any(check.is_failure for check in online) else Exit.OK


def _try_online(arguments: argparse.Namespace) -> list[Check]:
    from recordingd.cli.online import named_settings, try_online  # loads every adapter

    return try_online(named_settings(arguments.paths) or settings_path(arguments))


def _print_findings(online: list[Check]) -> None:
    if online:
        from recordingd.cli.findings import show  # loaded with what was found

        for check in online:
            show(check)


def _load_settings(path: Path) -> None:
    from recordingd.config.settings import load_settings  # many policies come without settings

    load_settings(path)


def _print_text(report: ValidationReport) -> None:
    colour = shows_colour(sys.stdout)
    for found in report.diagnostics:
        sys.stdout.write(found.as_text(colour=colour) + "\n")
    _print_summary(report)


def _print_report(report: ValidationReport, form: str) -> None:
    from importlib.metadata import version  # slow to load, and only asked for here

    from recordingd.cli.reports import as_github, as_junit, as_sarif  # for machines only

    if form == "sarif":
        print_json(as_sarif(report, folder=Path.cwd(), version=version("recordingd")))
    elif form == "junit":
        sys.stdout.write(as_junit(report))
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_github(report, folder=Path.cwd()))
        _print_summary(report)


def _print_summary(report: ValidationReport) -> None:
    counts = Counter(found.severity.value for found in report.diagnostics)
    verdict = [] if counts["error"] else ["valid"]
    verdict += [
        counted(counts[word], word) for word in ("error", "warning", "note") if counts[word]
    ]
    sys.stdout.write(f"{counted(len(report.files), 'file')}: {', '.join(verdict)}\n")
