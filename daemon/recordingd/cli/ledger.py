"""`recordingd ledger upgrade|check`: bring the ledger to this program's schema; look it over."""

from __future__ import annotations

import argparse
import sys

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, add_format, counted, print_json, settings_path
from recordingd.config.settings import Settings, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="upgrade|check")
    upgrade = commands.add_parser(
        "upgrade", help="create the ledger, or bring it to the newest schema after a backup"
    )
    check = commands.add_parser(
        "check", help="compare everything derived with its facts, and verify the audit chain"
    )
    add_format(check)
    for command in (upgrade, check):
        add_config(command)


def run(arguments: argparse.Namespace) -> Exit:
    """Upgrade or check."""
    settings = load_settings(settings_path(arguments))
    if arguments.action == "upgrade":
        return _upgrade(settings)
    return _check(settings, as_json=arguments.format == "json")


def _upgrade(settings: Settings) -> Exit:
    from recordingd.ledger.upgrading import upgrade  # loads Alembic

    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    backup = upgrade(
        settings.ledger, instance=settings.instance, backup_dir=settings.state_dir / "backups"
    )
    sys.stdout.write("the ledger has this program's schema\n")
    if backup is not None:
        sys.stdout.write(f"the ledger as it was before: {backup}\n")
    return Exit.OK


def _check(settings: Settings, *, as_json: bool) -> Exit:
    from recordingd.ledger.check import check_ledger  # loads SQLAlchemy
    from recordingd.ledger.engine import open_ledger  # loads SQLAlchemy
    from recordingd.runtime.system import SystemClock  # needed by this action only

    database = open_ledger(
        settings.ledger, instance=settings.instance, now=SystemClock().now_utc, read_only=True
    )
    try:
        findings = list(check_ledger(database))
    finally:
        database.close()
    if as_json:
        print_json({"findings": findings})
    else:
        sys.stdout.write("".join(f"{finding}\n" for finding in findings))
        sys.stdout.write(
            f"{counted(len(findings), 'finding')}\n" if findings else "nothing found\n"
        )
    return Exit.DAMAGE_FOUND if findings else Exit.OK
