"""`recordingd status`: how the running daemon is doing, asked over its control socket."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from recordingd.cli.daemon import answer_of
from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, print_json, settings_path
from recordingd.cli.tables import to_seconds
from recordingd.cli.terminal import in_one_line
from recordingd.config.settings import load_settings
from recordingd.runtime.control import ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Ask and show; exit with 1 when no daemon answers."""
    settings = load_settings(settings_path(arguments))
    status = answer_of(settings, lambda: ask(settings.control, "/status"))
    if isinstance(status, Exit):
        return status
    if arguments.format == "json":
        print_json(status)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(status))
    return Exit.OK


def lines_of(status: dict[str, Any]) -> list[str]:
    """Return the text form of a status; nothing that others wrote ends a line or steers one."""
    recordings = ", ".join(f"{n} {state}" for state, n in status["recordings"].items()) or "none"
    downloads = status["downloads"]
    reload = status["lastReload"]
    lines = [
        f"recordingd {status['version']} ({status['instance']})",
        f"up:          {status['uptimeSeconds']:.0f} s",
        f"mode:        {status['mode']}",
        f"policies:    revision {status['revision']} ({_version_of(status)})",
        f"calls:       {status['calls']} live",
        f"recordings:  {recordings}",
        f"downloads:   {downloads['active']} active, {downloads['queued']} queued",
        f"last reload: {_outcome_of(reload)} at {to_seconds(reload['at'])}",
    ]
    lines += [
        f"suspended:   {s['scope']} until {to_seconds(s['until'])}, by {s['by']}: {s['reason']}"
        for s in status["suspensions"]
    ]
    lines += [
        f"event {name}: last at {to_seconds(seen['lastAt'])}, {seen['lag']} s after it happened"
        for name, seen in status["events"].items()
    ]
    for alarm in status["alarms"]:
        lines.append(
            f"{alarm['severity'].upper()} {alarm['name']} ×{alarm['count']} "
            f"since {to_seconds(alarm['since'])}: {alarm['impact']}"
        )
        lines += [f"      next: {command}" for command in alarm["next"]]
    return [in_one_line(line) for line in lines]


def _outcome_of(reload: dict[str, Any]) -> str:
    """Tell the first of its faults; the next command of the alarm shows them all."""
    if reload["ok"]:
        return "ok"
    first, *others = reload["error"].splitlines() or ["failed"]
    return f"{first}, and {len(others)} more," if others else str(first)


def _version_of(status: dict[str, Any]) -> str:
    digest, commit = status["digest"][:12], status["gitCommit"]
    return digest if commit is None else f"{digest}, commit {commit}"
