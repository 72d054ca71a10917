"""`recordingd schema`: what policies and settings can say, in the terminal and for editors."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_format, print_json
from recordingd.config.schema_docs import FieldDoc, SchemaDocs, Topic, UnknownPath, load_docs

# Lines that are longer than this are hard to read, however wide the terminal is.
WIDTH_MAX = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "path",
        nargs="?",
        metavar="KIND[.path]",
        help="a kind, or a field by its path: RecordingPolicy.record.assign, Settings.acs, match",
    )
    add_format(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        dest="as_schema",
        help="print the JSON Schema itself, for an editor or another program",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Print the kinds, or what stands at a path; exit with 64 when there is nothing."""
    docs = load_docs()
    try:
        if arguments.as_schema:
            print_json(docs.json_schema(arguments.path))
        elif arguments.path is None:
            _print_kinds(list(docs.kinds()), arguments.format)
        else:
            _print_topic(docs, arguments.path, arguments.format)
    except UnknownPath as fault:
        sys.stderr.write(f"recordingd schema: {fault}\n")
        return Exit.USAGE
    return Exit.OK


def _print_kinds(kinds: list[Topic], form: str) -> None:
    if form == "json":
        print_json([{"kind": kind.path, "description": kind.description} for kind in kinds])
        return
    width = max(len(kind.path) for kind in kinds)
    lines = [f"{kind.path.ljust(width)}  {_first_sentence(kind.description)}" for kind in kinds]
    lines += ["", "One of them: recordingd schema RecordingPolicy"]
    lines += ["A field:     recordingd schema RecordingPolicy.record"]
    sys.stdout.write("\n".join(lines) + "\n")


def _print_topic(docs: SchemaDocs, path: str, form: str) -> None:
    topic = docs.topic(path)
    if form == "json":
        print_json(_as_json(topic))
    else:
        sys.stdout.write("\n".join(_topic_lines(topic)) + "\n")


def _as_json(topic: Topic) -> dict[str, Any]:
    fields = [_renamed(asdict(field)) for field in topic.fields]
    return {**_renamed(asdict(topic)), "fields": fields}


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    return {"required" if key == "is_required" else key: value for key, value in values.items()}


def _topic_lines(topic: Topic) -> Iterator[str]:
    yield topic.path
    if "." in topic.path:
        yield f"  {_type_line(topic)}"
    if topic.description:
        yield ""
        yield from _wrapped(topic.description, "  ")
    if topic.examples:
        yield ""
        yield from (f"  example: {example}" for example in topic.examples)
    if topic.fields:
        yield ""
        yield "Fields:"
        for field in topic.fields:
            yield f"  {field.name}: {_type_line(field)}"
            yield from _wrapped(_first_sentence(field.description), " " * 6)
    if topic.elsewhere:
        yield ""
        yield from _wrapped(f"Also: {', '.join(topic.elsewhere)}", "")


def _type_line(what: Topic | FieldDoc) -> str:
    if what.is_required:
        return f"{what.type} (required)"
    return what.type if what.default is None else f"{what.type} (default: {what.default})"


def _first_sentence(text: str) -> str:
    """Return what a text says first; a period inside a name or a number ends nothing."""
    return text.partition(". ")[0].rstrip(".") + "." if text else ""


def _wrapped(text: str, indent: str) -> list[str]:
    width = min(shutil.get_terminal_size((WIDTH_MAX, 0)).columns, WIDTH_MAX)
    return textwrap.wrap(text, max(width, 40), initial_indent=indent, subsequent_indent=indent)
