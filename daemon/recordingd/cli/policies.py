"""`recordingd policies list|show`: the register of rules in force at any date, with their texts.

Reads the ledger, where every accepted tree is kept whole; the files stand in until there is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.cli.exits import Exit
from recordingd.cli.options import (
    add_config,
    add_format,
    counted,
    moment_or_day,
    positive_number,
    print_json,
    settings_path,
)
from recordingd.cli.origins import (
    NO_REVISION,
    NotThere,
    Origin,
    from_files,
    from_revision,
    revision_json,
)
from recordingd.cli.reading import reading
from recordingd.cli.tables import print_table, to_seconds
from recordingd.config.schema_words import did_you_mean
from recordingd.config.settings import Settings, load_settings
from recordingd.domain.errors import LedgerMissing
from recordingd.planning.register import Entry, Standing, register_of
from recordingd.ports.ledger import PolicyRevision
from recordingd.runtime.system import SystemClock
from recordingd.runtime.views import moment

REVISIONS_SHOWN = 100
FORMATS = ("text", "json", "markdown")
_WORDS = {
    Standing.IN_FORCE: "in force",
    Standing.NOT_YET: "not yet",
    Standing.EXPIRED: "expired",
    Standing.OBSERVED: "observed",
    Standing.RELEASED: "released",
}
_COLUMNS = ("kind", "name", "decision", "priority", "stands", "valid", "says", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What of the register is wanted; `name` is None for all of it."""

    revision: int | None
    name: str | None
    at: datetime | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="list|show")
    listing = commands.add_parser(
        "list", help="list the rules in force", description="List the rules in force."
    )
    either = listing.add_mutually_exclusive_group()
    either.add_argument(
        "revision",
        nargs="?",
        type=positive_number,
        metavar="REVISION",
        help="an accepted revision (default: the newest, or the one in force at --at)",
    )
    either.add_argument(
        "--revisions",
        nargs="?",
        const=REVISIONS_SHOWN,
        type=positive_number,
        metavar="N",
        help=f"list the newest N accepted revisions instead (default: {REVISIONS_SHOWN})",
    )
    show = commands.add_parser(
        "show",
        help="show rules with their texts",
        description="Show rules with their texts.",
    )
    show.add_argument(
        "wanted",
        nargs="*",
        metavar="NAME|REVISION",
        help="a rule, an accepted revision, or both (default: every rule of the newest revision)",
    )
    for command in (listing, show):
        command.add_argument(
            "--at",
            type=moment_or_day,
            metavar="DATE",
            help="as of a date (2026-11-20) or a time (RFC 3339) instead of now",
        )
        add_config(command)
        add_format(command, FORMATS)


def run(arguments: argparse.Namespace) -> Exit:
    """List or show."""
    asked = _asked(arguments)
    if asked is None:
        sys.stderr.write("recordingd: name at most one rule and one revision\n")
        return Exit.USAGE
    settings = load_settings(settings_path(arguments))
    if arguments.action == "list" and arguments.revisions is not None:
        return _list_revisions(settings, arguments)
    now = SystemClock().now_utc()
    origin = _origin(settings, asked, now)
    at = asked.at or now
    entries = register_of(origin.policies, at)
    if asked.name is not None:
        entries = _named(entries, asked.name)
    has_texts = arguments.action == "show"
    register = _Register(origin=origin, at=at, entries=entries, has_texts=has_texts)
    register.print(arguments.format)
    return Exit.OK


def _asked(arguments: argparse.Namespace) -> _Asked | None:
    """Return what is asked for; None for more than one rule or revision.

    What has digits alone is taken for a revision.
    """
    if arguments.action == "list":
        return _Asked(revision=arguments.revision, name=None, at=arguments.at)
    numbers = [int(word) for word in arguments.wanted if word.isdecimal()]
    names = [word for word in arguments.wanted if not word.isdecimal()]
    if len(numbers) > 1 or len(names) > 1:
        return None
    revision, name = next(iter(numbers), None), next(iter(names), None)
    return _Asked(revision=revision, name=name, at=arguments.at)


def _origin(settings: Settings, asked: _Asked, now: datetime) -> Origin:
    """Find the policies that are asked for; the files, where nothing was accepted yet."""
    try:
        revision = _revision(settings, asked)
    except LedgerMissing:
        if asked.revision is not None:
            raise
        revision = None
    return from_files(settings, None, now) if revision is None else from_revision(revision)


def _revision(settings: Settings, asked: _Asked) -> PolicyRevision | None:
    with reading(settings) as view:
        newest = view.ledger.latest_revision()
        if asked.revision is not None:
            found = view.ledger.revision(asked.revision)
            missing = f"there is no revision {asked.revision}"
        elif asked.at is not None and newest is not None:
            found = view.ledger.revision_at(asked.at)
            missing = f"no policies were in force at {moment(asked.at)}"
        else:
            return newest
    if found is None:
        hint = "'recordingd policies list --revisions' lists those there are"
        msg = f"{missing}; {hint}"
        raise NotThere(msg)
    return found


def _named(entries: Sequence[Entry], name: str) -> tuple[Entry, ...]:
    found = tuple(entry for entry in entries if entry.name == name)
    if not found:
        hint = did_you_mean(name, [entry.name for entry in entries])
        msg = f"no rule is named '{name}'" + ("" if hint is None else f"; {hint}")
        raise NotThere(msg)
    return found


def _list_revisions(settings: Settings, arguments: argparse.Namespace) -> Exit:
    with reading(settings) as view:
        found = view.ledger.revisions(arguments.revisions)
    until = arguments.at
    rows = [
        {**revision_json(one), "digest": one.digest}
        for one in found
        if until is None or one.accepted_at <= until
    ]
    if arguments.format == "json":
        print_json(rows)
        return Exit.OK
    columns = ("revision", "accepted at", "digest", "commit")
    cells = [
        (r["revision"], to_seconds(str(r["acceptedAt"])), r["digest"], r["gitCommit"]) for r in rows
    ]
    if arguments.format == "markdown":
        sys.stdout.write("".join(f"{line}\n" for line in _markdown_table(columns, cells)))
    else:
        print_table(columns, cells)
    return Exit.OK


# --- printing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Register:
    """What is printed, in whatever form."""

    origin: Origin
    at: datetime
    entries: Sequence[Entry]
    has_texts: bool

    def print(self, form: str) -> None:
        """Print in one of FORMATS."""
        if form == "json":
            print_json(self._json())
        elif form == "markdown":
            sys.stdout.write("\n".join(self._markdown()) + "\n")
        elif self.has_texts:
            sys.stdout.write("\n".join(self._texts()) + "\n")
        else:
            sys.stdout.write("\n".join(self._head()) + "\n")
            print_table(_COLUMNS, [_cells(entry) for entry in self.entries])

    def _json(self) -> dict[str, object]:
        return {
            "at": moment(self.at),
            "policies": self.origin.as_json(),
            "rules": [_entry_json(entry, has_text=self.has_texts) for entry in self.entries],
        }

    def _head(self) -> Iterator[str]:
        source = f"{self.origin}"
        if self.origin.revision is None:
            source += f"; {NO_REVISION}"
        yield f"policies: {source}"
        yield f"as of:    {moment(self.at)}, {counted(len(self.entries), 'rule')}"

    def _texts(self) -> Iterator[str]:
        yield from self._head()
        for entry in self.entries:
            yield f"\n{entry.kind} {entry.name} ({entry.source}), {_WORDS[entry.standing]}"
            yield f"  {entry.says}"
            yield ""
            yield from (f"    {line}".rstrip() for line in entry.text.splitlines())

    def _markdown(self) -> Iterator[str]:
        yield "# Rules of call recording\n"
        yield from (f"- {line}" for line in self._head())
        yield ""
        yield from _markdown_table(_COLUMNS, [_cells(entry) for entry in self.entries])
        if self.has_texts:
            for entry in self.entries:
                yield f"\n## {entry.kind} {entry.name}\n"
                if entry.description is not None:
                    yield f"{entry.description}\n"
                yield f"```yaml\n{entry.text}\n```"


def _cells(entry: Entry) -> tuple[object, ...]:
    ends = [to_seconds(moment(m)) or "" for m in (entry.valid_from, entry.valid_until)]
    lock = ", locked" if entry.is_locked else ""
    return (
        entry.kind.value,
        entry.name,
        entry.decision,
        entry.priority,
        f"{_WORDS[entry.standing]}{lock}",
        f"{ends[0]} – {ends[1]}".strip() if any(ends) else None,
        entry.says,
        str(entry.source),
    )


def _entry_json(entry: Entry, *, has_text: bool) -> dict[str, object]:
    return {
        "kind": entry.kind.value,
        "name": entry.name,
        "decision": entry.decision,
        "priority": entry.priority,
        "source": str(entry.source),
        "standing": entry.standing.value,
        "says": entry.says,
        "description": entry.description,
        "validFrom": moment(entry.valid_from),
        "validUntil": moment(entry.valid_until),
        "locked": entry.is_locked,
        **({"text": entry.text} if has_text else {}),
    }


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield _markdown_row(columns)
    yield _markdown_row(["---"] * len(columns))
    yield from map(_markdown_row, rows)


def _markdown_row(cells: Sequence[object]) -> str:
    texts = ("" if cell is None else str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"
