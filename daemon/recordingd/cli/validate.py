"""`recordingd validate`: every fault of every file at once, at the token that is wrong.

Works offline and needs no secret.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.findings import show
from recordingd.cli.options import (
    USUAL_SETTINGS,
    add_config,
    add_format,
    counted,
    print_json,
    settings_path,
)
from recordingd.config.settings import check_settings, load_settings
from recordingd.config.validation import SETTINGS_NAME, ValidationReport, validate_paths
from recordingd.runtime.checking import Check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="settings, policy files, directories"
    )
    add_config(parser)
    add_format(parser)
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
        load_settings(arguments.config)
    report = validate_paths(paths, config=config)
    online = _try_online(arguments) if arguments.online and report.is_valid else []
    if arguments.format == "json":
        tried = {"online": [check.as_json() for check in online]} if arguments.online else {}
        print_json({**report.as_json(), **tried})
    else:
        _print_text(report)
        for check in online:
            show(check)
    if not report.is_valid:
        return Exit.INVALID
    return Exit.FAILED if any(check.is_failure for check in online) else Exit.OK


def _try_online(arguments: argparse.Namespace) -> list[Check]:
    """Try every credential and store of the settings."""
    from recordingd.runtime.checks import check_online  # loads every adapter
    from recordingd.runtime.system import SystemClock  # beside the other import

    settings = load_settings(_named_settings(arguments.paths) or settings_path(arguments))

    async def check() -> list[Check]:
        return [found async for found in check_online(settings, SystemClock())]

    return asyncio.run(check())


def _named_settings(paths: Sequence[Path]) -> Path | None:
    """Return the settings among the paths to check: a file, or a directory that holds one."""
    for path in paths:
        if (path / SETTINGS_NAME).is_file():
            return path / SETTINGS_NAME
        if path.is_file() and check_settings(path)[1] is not None:
            return path
    return None


def _print_text(report: ValidationReport) -> None:
    for found in report.diagnostics:
        sys.stdout.write(found.as_text() + "\n")
    errors = sum(d.is_error for d in report.diagnostics)
    warnings = len(report.diagnostics) - errors
    verdict = [counted(errors, "error") if errors else "valid"]
    verdict += [counted(warnings, "warning")] if warnings else []
    sys.stdout.write(f"{counted(len(report.files), 'file')}: {', '.join(verdict)}\n")
