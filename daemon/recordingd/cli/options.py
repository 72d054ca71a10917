"""Arguments that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from recordingd.domain.durations import Duration, parse_finite_duration
from recordingd.domain.errors import ConfigurationError

# Any horizon from any of these years still ends within the calendar.
FIRST_YEAR, LAST_YEAR = 1970, 9500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
USUAL_SETTINGS = (Path("recordingd.yaml"), Path("/etc/recordingd/recordingd.yaml"))


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare `--config`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: ./recordingd.yaml, then /etc/recordingd/recordingd.yaml)",
    )


def add_format(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """Declare `-f`."""
    parser.add_argument("-f", "--format", choices=formats, default="text", help="how to print")


def settings_path(arguments: argparse.Namespace) -> Path:
    """Return the settings file to use: the one named, else the first usual one that is there."""
    named: Path | None = arguments.config
    if named is not None:
        return named
    for path in USUAL_SETTINGS:
        if path.exists():
            return path
    usual = " nor ".join(str(path) for path in USUAL_SETTINGS)
    msg = f"no settings: neither {usual} is there; name a file with --config, or make one with "
    raise ConfigurationError((msg + "'recordingd init'",))


def positive_number(text: str) -> int:
    """Read a number that is at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        msg = f"'{text}' is not a number from 1"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def finite_duration(text: str) -> Duration:
    """Read a duration argument such as `7d`."""
    try:
        return parse_finite_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def moment(text: str) -> datetime:
    """Read a moment in RFC 3339, as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not a time; write 2026-11-20T10:00:00Z"
        raise argparse.ArgumentTypeError(msg) from None
    if found.tzinfo is None:
        whole = f"{text}T00:00:00Z" if _DAY.fullmatch(text) else f"{text}Z"
        msg = f"'{text}' has no time zone; write {whole} for UTC"
        raise argparse.ArgumentTypeError(msg)
    if not FIRST_YEAR <= found.year < LAST_YEAR:
        msg = f"'{text}' is not between {FIRST_YEAR} and {LAST_YEAR}"
        raise argparse.ArgumentTypeError(msg)
    return found.astimezone(UTC)


def moment_or_day(text: str) -> datetime:
    """Read a moment in RFC 3339, or a day, which is its beginning in UTC."""
    return moment(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_json(value: object) -> None:
    """Print one JSON value, indented, in its own order of keys."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
