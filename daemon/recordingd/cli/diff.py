"""`recordingd diff`: the files against the running revision, rule by rule.

Reads files and ledger, and changes nothing. What a changed rule does to recordings that are there
already is `recordingd plan`'s to show.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    counted,
    print_json,
    settings_path,
)
from recordingd.cli.origins import (
    Origin,
    from_files,
    from_revision,
    revision_in_words,
    running_json,
    running_revision,
)
from recordingd.cli.terminal import in_one_line
from recordingd.config.settings import load_settings
from recordingd.planning.differences import Change, Difference, differences
from recordingd.ports.ledger import PolicyRevision
from recordingd.runtime.system import SystemClock

_SYMBOLS = {Change.ADDED: "+", Change.CHANGED: "~", Change.REMOVED: "-"}
_NOT_SET = "not set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    add_format(parser)
    parser.add_argument(
        "--policies", type=Path, metavar="DIR", help="compare these instead of the settings'"
    )
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 when a rule differs"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Compare and print."""
    settings = load_settings(settings_path(arguments))
    files = from_files(settings, arguments.policies, SystemClock().now_utc())
    running = running_revision(settings)
    before = None if running is None else from_revision(running).policies
    found = differences(before, files.policies)
    if arguments.format == "json":
        print_json(_as_json(files, running, found))
    else:
        sys.stdout.write(
            "".join(f"{in_one_line(line)}\n" for line in _lines(files, running, found))
        )
    is_pending = arguments.detailed_exitcode and found
    return Exit.CHANGES_PENDING if is_pending else Exit.OK


def _counts(found: Sequence[Difference]) -> dict[str, int]:
    return {change.value: sum(d.change is change for d in found) for change in Change}


def _as_json(
    files: Origin, running: PolicyRevision | None, found: Sequence[Difference]
) -> dict[str, object]:
    return {
        "files": {"path": str(files.path), "digest": files.policies.digest},
        "running": running_json(running),
        "summary": _counts(found),
        "changes": [_difference_json(one) for one in found],
    }


def _difference_json(one: Difference) -> dict[str, object]:
    return {
        "change": one.change.value,
        "kind": one.kind.value,
        "name": one.name,
        "source": str(one.source),
        "effects": [consequence.value for consequence in one.consequences],
        "usedBy": list(one.used_by),
        "fields": [{"path": f.path, "old": f.old, "new": f.new} for f in one.fields],
    }


def _lines(
    files: Origin, running: PolicyRevision | None, found: Sequence[Difference]
) -> Iterator[str]:
    yield f"policies: {files}"
    if running is None:
        yield f"running:  {revision_in_words(None)}, so every rule is new"
    else:
        yield f"running:  {revision_in_words(running)}"
    yield ""
    for one in found:
        effect = f": {one.effect}" if one.effect else ""
        yield f"{_SYMBOLS[one.change]} {one.kind} {one.name} ({one.source}){effect}"
        for field in one.fields:
            yield f"    {field.path}: {_shown(field.old)} -> {_shown(field.new)}"
    yield from [""] if found else []
    yield _summary(files, running, found)


def _shown(text: str | None) -> str:
    return _NOT_SET if text is None else text


def _summary(files: Origin, running: PolicyRevision | None, found: Sequence[Difference]) -> str:
    if found:
        counts = ", ".join(f"{n} {change}" for change, n in _counts(found).items() if n)
        return f"{counted(len(found), 'rule')}: {counts}"
    if running is not None and running.digest != files.policies.digest:
        return "no rule differs; only the texts around them do"
    return "nothing differs"
