"""`recordingd recordings list|show`: what there is, straight from the ledger."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    positive_number,
    print_json,
    settings_path,
)
from recordingd.cli.reading import find_recording, reading
from recordingd.cli.tables import print_table, to_seconds
from recordingd.cli.terminal import in_one_line
from recordingd.config.settings import Settings, load_settings
from recordingd.planning.derivation import RecordingState
from recordingd.ports.ledger import Ledger, RecordingFilter
from recordingd.runtime.views import foreign_json, recordings_of

# As much of an id as a list shows: a prefix is all that other commands need.
SHOWN_ID = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="list|show")
    listing = commands.add_parser("list", help="list recordings", description="List recordings.")
    states = [state.value for state in RecordingState]
    listing.add_argument(
        "--state",
        action="append",
        default=[],
        choices=states,
        metavar="STATE",
        help=f"only those in this state, repeatable: {', '.join(states)}",
    )
    listing.add_argument(
        "--policy", metavar="NAME", help="only recordings that this policy asked for"
    )
    listing.add_argument(
        "--limit",
        type=positive_number,
        default=1000,
        metavar="N",
        help="at most so many calls (default: 1000)",
    )
    listing.add_argument(
        "--cursor", metavar="RECORDING", help="go on after this one, the last of an earlier list"
    )
    listing.add_argument(
        "--foreign", action="store_true", help="list files of recordings that are not ours"
    )
    show = commands.add_parser("show", help="show one recording", description="Show one recording.")
    show.add_argument("recording", metavar="RECORDING", help="our id, the service's, or a prefix")
    for command in (listing, show):
        add_config(command)
        add_format(command)


def run(arguments: argparse.Namespace) -> Exit:
    """List or show."""
    settings = load_settings(settings_path(arguments))
    if arguments.action == "show":
        return _show(arguments, settings)
    return _list_foreign(arguments, settings) if arguments.foreign else _list(arguments, settings)


def _list(arguments: argparse.Namespace, settings: Settings) -> Exit:
    with reading(settings) as view:
        wanted = RecordingFilter(
            states=frozenset(arguments.state),
            policy=arguments.policy,
            cursor=_call_of(view.ledger, arguments.cursor),
            limit=arguments.limit,
        )
        rows: list[dict[str, Any]] = [
            recording
            for facts in view.ledger.list_calls(wanted)
            for recording in recordings_of(
                facts, now=view.now, locate=view.locate, held_by=view.held_by(facts)
            )
            if _is_wanted(recording, wanted)
        ]
    if arguments.format == "json":
        print_json(rows)
        return Exit.OK
    columns = ("recording", "policy", "state", "started", "files", "delete at")
    print_table(
        columns,
        [
            (
                r["id"][:SHOWN_ID],
                r["policy"],
                r["state"],
                to_seconds(r["startedAt"]),
                len(r["files"]),
                to_seconds(r["deleteAt"]),
            )
            for r in rows
        ],
    )
    return Exit.OK


def _call_of(ledger: Ledger, recording: str | None) -> str | None:
    """Return the call after whose recording a list goes on."""
    if recording is None:
        return None
    facts, _ = find_recording(ledger, recording)
    return facts.call.call_id


def _is_wanted(recording: dict[str, Any], wanted: RecordingFilter) -> bool:
    """A call is listed for one of its recordings; the others need not be asked for."""
    is_state = not wanted.states or recording["state"] in wanted.states
    return is_state and wanted.policy in {None, recording["policy"]}


def _list_foreign(arguments: argparse.Namespace, settings: Settings) -> Exit:
    with reading(settings) as view:
        files = [foreign_json(f) for f in view.ledger.list_foreign(arguments.limit)]
    if arguments.format == "json":
        print_json(files)
    else:
        rows = [tuple(f.values()) for f in files]
        print_table(("document", "service's recording", "first seen"), rows)
    return Exit.OK


def _show(arguments: argparse.Namespace, settings: Settings) -> Exit:
    with reading(settings) as view:
        facts, recording_id = find_recording(view.ledger, arguments.recording)
        holds = view.held_by(facts)
        shown = next(
            r
            for r in recordings_of(facts, now=view.now, locate=view.locate, held_by=holds)
            if r["id"] == recording_id
        )
    if arguments.format == "json":
        print_json(shown)
        return Exit.OK
    for name, value in shown.items():
        if isinstance(value, list):
            sys.stdout.write(f"{name}: {len(value) or 'none'}\n")
            for item in value:
                sys.stdout.write(f"  {in_one_line(', '.join(_pairs(item)))}\n")
        else:
            sys.stdout.write(f"{name}: {'-' if value is None else in_one_line(str(value))}\n")
    return Exit.OK


def _pairs(item: dict[str, object]) -> list[str]:
    return [f"{name} {value}" for name, value in item.items() if value is not None]
