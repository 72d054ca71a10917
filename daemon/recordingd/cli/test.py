"""`recordingd test`: play the tests that stand beside the policies, and say what they cover.

Works offline: every call is rehearsed in pure code, through the planner that the daemon runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import USUAL_SETTINGS, add_config, add_format, print_json
from recordingd.cli.played import Results
from recordingd.cli.rehearsing import rehearsal_context
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import load_tree
from recordingd.config.settings import Settings, load_settings
from recordingd.config.validation import SETTINGS_NAME, context_of
from recordingd.planning.coverage import coverage_of
from recordingd.planning.policy_tests import play
from recordingd.runtime.system import SystemClock

FORMATS = ("text", "json", "junit")
_HERE = Path("policies")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "tree",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="the policies and their tests (default: the settings' policies, else ./policies)",
    )
    add_config(parser)
    add_format(parser, FORMATS)
    parser.add_argument(
        "--coverage", action="store_true", help="show which rules and branches no test has tried"
    )
    parser.add_argument(
        "--threshold",
        type=_percentage,
        metavar="N",
        help="fail when less than N percent of the branches of all matchers were tried",
    )
    parser.add_argument(
        "--require-tests", action="store_true", help="fail when there is no test at all"
    )


def _percentage(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        msg = f"'{text}' is not a number from 0 to 100"
        raise argparse.ArgumentTypeError(msg)
    return number


def run(arguments: argparse.Namespace) -> Exit:
    """Play every test and print what came of it."""
    where = _find(arguments.tree, arguments.config)
    now = SystemClock().now_utc()
    rules = PolicyContext(now=now) if where.settings is None else context_of(where.settings, now)
    tree = load_tree(where.root, rules)
    context = rehearsal_context(tree.policies, where.settings, now)
    played = tuple(play(test, context) for test in tree.tests)
    coverage = None
    if arguments.coverage or arguments.threshold is not None:
        snapshots = chain.from_iterable(one.snapshots for one in played)
        coverage = coverage_of(context.policies, snapshots)
    results = Results(
        root=where.root,
        played=played,
        coverage=coverage,
        threshold=arguments.threshold,
        are_required=arguments.require_tests,
    )
    _print(results, arguments)
    return Exit.OK if results.has_passed else Exit.TEST_FAILED


def _print(results: Results, arguments: argparse.Namespace) -> None:
    match arguments.format:
        case "json":
            print_json(results.as_json())
        case "junit":
            sys.stdout.write(results.as_junit())
        case _:
            sys.stdout.writelines(f"{line}\n" for line in results.lines())
            if arguments.coverage:
                _print_coverage(results)
            sys.stdout.write(f"{results.summary()}\n")


def _print_coverage(results: Results) -> None:
    from recordingd.cli.tables import print_table  # slow to load, and only asked for here

    print_table(("kind", "name", "at best", "branches"), results.coverage_rows())
    sys.stdout.writelines(f"{line}\n" for line in results.untried())


# --- which tree, under which settings -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """The tree to test, and the settings that it is meant for, if there are any."""

    root: Path
    settings: Settings | None


def _find(tree: Path | None, config: Path | None) -> _Where:
    """Return what to test: the tree named, else that of the settings, else what lies here.

    A tree is meant for the settings that are named, or lie in it or in the folder above.
    """
    if tree is None:
        usual = config or next((p for p in USUAL_SETTINGS if p.exists()), None)
        if usual is not None:
            return _tree_of(usual)
        return _Where(root=_HERE if _HERE.is_dir() else Path(), settings=None)
    inside, beside = tree / SETTINGS_NAME, tree.absolute().parent / SETTINGS_NAME
    if config is None and inside.is_file():
        return _tree_of(inside)
    path = config or (beside if beside.is_file() else None)
    return _Where(root=tree, settings=None if path is None else load_settings(path))


def _tree_of(config: Path) -> _Where:
    """Return the tree of some settings, named as somebody standing here would type it."""
    settings = load_settings(config)
    shown = config.parent / os.path.relpath(settings.policies, settings.path.parent)
    return _Where(root=shown, settings=settings)
