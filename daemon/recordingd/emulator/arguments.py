"""The emulator's way to read a command line: its parser, and its single arguments.

``command`` and ``calling`` give these functions to argparse: each returns a value, or raises
`argparse.ArgumentTypeError` with a message for whoever typed it.
"""

import argparse
import re
import sys
from typing import NoReturn
from urllib.parse import urlsplit

from recordingd.emulator.containers import read_place
from recordingd.emulator.options import EVENT_GRID_APPLICATION, EventsEntra
from recordingd.emulator.signing import decode_key

USAGE_ERROR = 64  # EX_USAGE of sysexits.h
_PORT_MAX = 65535
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ENTRA_KEYS = frozenset({"tenant", "audience", "application", "version"})


class Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with the status of sysexits.h."""

    def error(self, message: str) -> NoReturn:
        """Print usage and `message`, and exit with 64."""
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"{self.prog}: error: {message}\n")


def address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > _PORT_MAX:
        msg = f"{text!r} is not HOST:PORT"
        raise argparse.ArgumentTypeError(msg)
    return host.strip("[]"), int(port)


def access_key(text: str) -> str:
    """Return an access key as it is, if it is base64."""
    try:
        decode_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def account_key(text: str) -> tuple[str, str]:
    """Return account name and key of ``NAME=KEY``."""
    name, separator, key = text.partition("=")
    if not separator or not name:
        # The text may be a key, so it is not shown.
        msg = "is not NAME=KEY"
        raise argparse.ArgumentTypeError(msg)
    return name, access_key(key)


def web_url(text: str) -> str:
    """Return an http or https URL as it is."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = f"{text!r} is not an http or https URL"
        raise argparse.ArgumentTypeError(msg)
    return text


def storage_url(text: str) -> str:
    """Return the URL of a queue or container as it is."""
    try:
        read_place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def events_entra(text: str) -> EventsEntra:
    """Return the protection of the event subscription, ``tenant=…,audience=…`` and so on."""
    given = dict(part.partition("=")[::2] for part in text.split(","))
    if not {"tenant", "audience"} <= given.keys() <= _ENTRA_KEYS or not all(given.values()):
        msg = f"{text!r} is not tenant=…,audience=…[,application=…][,version=1|2]"
        raise argparse.ArgumentTypeError(msg)
    if given.setdefault("version", "2") not in {"1", "2"}:
        msg = "version is 1 or 2"
        raise argparse.ArgumentTypeError(msg)
    return EventsEntra(
        tenant_id=given["tenant"],
        audience=given["audience"],
        application_id=given.get("application", EVENT_GRID_APPLICATION),
        version=int(given["version"]),
    )


def count(text: str) -> int:
    """Return a whole number from 1 to 5,000, the sizes of a batch (delivery-and-retry.md)."""
    if not text.isdigit() or not 1 <= int(text) <= 5000:
        msg = f"{text!r} is not a whole number from 1 to 5000"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def positive(text: str) -> float:
    """Return a number above 0."""
    try:
        value = float(text)
    except ValueError as error:
        msg = f"{text!r} is not a number"
        raise argparse.ArgumentTypeError(msg) from error
    if not 0 < value < 1e9:
        msg = "must be more than 0"
        raise argparse.ArgumentTypeError(msg)
    return value


def duration(text: str) -> float:
    """Return the seconds of a length of time such as ``10s``, ``1.5m`` or ``500ms``."""
    matched = _DURATION.fullmatch(text)
    if matched is None:
        msg = f"{text!r} is not a length of time such as 10s"
        raise argparse.ArgumentTypeError(msg)
    return float(matched[1]) * _UNIT_SECONDS[matched[2]]
