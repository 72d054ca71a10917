"""`recordingd status`: how the running daemon is doing, asked over its control socket."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, print_json, settings_path
from recordingd.cli.tables import to_seconds
from recordingd.config.settings import load_settings
from recordingd.runtime.control import DaemonNotRunning, ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> Exit:
    """Ask and show; exit with 1 when no daemon answers."""
    settings = load_settings(settings_path(arguments))
    try:
        status = ask(settings.control, "/status")
    except DaemonNotRunning as error:
        sys.stderr.write(f"recordingd: {error}; start it with 'recordingd run'\n")
        return Exit.FAILED
    except PermissionError:
        sys.stderr.write(f"recordingd: you may not open {settings.control}; ask as its owner\n")
        return Exit.FAILED
    if arguments.format == "json":
        print_json(status)
    else:
        _print_text(status)
    return Exit.OK


def _print_text(status: dict[str, Any]) -> None:
    recordings = ", ".join(f"{n} {state}" for state, n in status["recordings"].items()) or "none"
    downloads = status["downloads"]
    reload = status["lastReload"]
    lines = [
        f"recordingd {status['version']} ({status['instance']})",
        f"up:          {status['uptimeSeconds']:.0f} s",
        f"mode:        {status['mode']}",
        f"policies:    revision {status['revision']} ({status['digest'][:12]})",
        f"calls:       {status['calls']} live",
        f"recordings:  {recordings}",
        f"downloads:   {downloads['active']} active, {downloads['queued']} queued",
        f"last reload: {'ok' if reload['ok'] else reload['error']} at {to_seconds(reload['at'])}",
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
    sys.stdout.write("\n".join(lines) + "\n")
