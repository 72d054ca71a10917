"""Arguments that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from recordingd.domain.durations import Duration, parse_finite_duration
from recordingd.domain.errors import ConfigurationError

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


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_json(value: object) -> None:
    """Print one JSON value, indented, in its own order of keys."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
