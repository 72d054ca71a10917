"""Read single fields of wire objects leniently: a field of the wrong type is a field not there.

Called by the readers of this package. The service adds, omits and retypes fields between versions,
so what an event needs is asserted by its reader, not here. Strings leave here without NUL, which
PostgreSQL cannot store; times leave here aware, in UTC, in microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

Json = Mapping[str, Any]

# The largest integer that JSON carries exactly everywhere (RFC 8259, section 6).
_INTEGER_MAX = 2**53 - 1
# "0001-01-01T00:00:00Z" is the service's way to leave a time out (seen in answers to GET …/result).
_YEAR_MIN = 2000
_TIME = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[Tt ](?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,32}))?"
    r"\s?(?:[Zz]|(?P<sign>[+-])(?P<offset_hour>\d{2}):?(?P<offset_minute>\d{2}))?",
    re.ASCII,
)


def clean(text: str) -> str:
    """Return a text with every NUL made visible, unchanged otherwise."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def text_of(data: Json, name: str) -> str | None:
    """Return a non-empty string, or None."""
    value = data.get(name)
    return clean(value) if isinstance(value, str) and value else None


def object_of(data: Json, name: str) -> Json:
    """Return an object, empty when there is none."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(data: Json, name: str) -> Sequence[Any]:
    """Return an array, empty when there is none."""
    value = data.get(name)
    return value if isinstance(value, list) else ()


def boolean_of(data: Json, name: str) -> bool | None:
    """Return a boolean, or None."""
    value = data.get(name)
    return value if isinstance(value, bool) else None


def integer_of(data: Json, name: str) -> int | None:
    """Return a number without its fraction, or None when it is negative, too large or no number."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _INTEGER_MAX else None


def code_of(data: Json, name: str) -> str | None:
    """Return a code that may come as a number or as a string, as a string."""
    number = integer_of(data, name)
    return text_of(data, name) if number is None else str(number)


def time_of(data: Json, name: str) -> datetime | None:
    """Return a time, or None when there is none that can be read."""
    value = data.get(name)
    return parse_time(value) if isinstance(value, str) else None


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time as the service writes it; None when it is none.

    Fractions may have any number of digits (seven are usual) and are cut to microseconds; a time
    without an offset is UTC; second 60 is the second after 59; years before 2000 mean "not set".
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    fraction = int((found["fraction"] or "").ljust(6, "0")[:6])
    leap = found["second"] == "60"
    try:
        moment = datetime.fromisoformat(
            f"{found['day']}T{found['hour']}:{found['minute']}:{'59' if leap else found['second']}"
        ).replace(tzinfo=_zone(found), microsecond=fraction)
        moment = (moment + timedelta(seconds=leap)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= _YEAR_MIN else None


def _zone(found: re.Match[str]) -> timezone:
    if found["sign"] is None:
        return UTC
    offset = timedelta(hours=int(found["offset_hour"]), minutes=int(found["offset_minute"]))
    return timezone(-offset if found["sign"] == "-" else offset)
