"""Lengths of time as policies write them, and their calendar arithmetic.

`15s 10m 24h 90d 6w 7y`, ISO 8601 (`P1Y6M`, `PT30S`), and the named value `forever`. Days, months
and years are calendar steps in UTC: 29 February plus one year is 28 February. Pure; the readers of
settings and policies parse with it, planning adds with it.
"""

from __future__ import annotations

import calendar
import enum
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

YEARS_MAX = 400
# More digits than 400 years have in seconds: whatever is read can be written and read again.
_SIMPLE = re.compile(r"(?P<count>[0-9]{1,12})(?P<unit>[smhdwy])")
_ISO = re.compile(
    r"P(?!$)(?:(?P<years>[0-9]{1,6})Y)?(?:(?P<months>[0-9]{1,6})M)?(?:(?P<weeks>[0-9]{1,6})W)?"
    r"(?:(?P<days>[0-9]{1,12})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,12})H)?(?:(?P<minutes>[0-9]{1,12})M)?"
    r"(?:(?P<seconds>[0-9]{1,12})S)?)?"
)
_SIMPLE_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DAYS_MAX = YEARS_MAX * 366


class Forever(enum.Enum):
    """The duration, or the moment, that never comes."""

    FOREVER = "forever"

    def __str__(self) -> str:
        return self.value


FOREVER = Forever.FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length of time: calendar months and days, then exact seconds; none of them negative."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        """Render in the shortest form that `parse_duration` reads back to the same value."""
        parts = (self.months, self.days, self.seconds)
        if parts.count(0) < len(parts) - 1:
            return self._iso()
        if self.months:
            return f"{self.months // 12}y" if self.months % 12 == 0 else f"P{self.months}M"
        if self.days:
            return f"{self.days}d"
        for unit, size in (("h", 3600), ("m", 60)):
            if self.seconds and self.seconds % size == 0:
                return f"{self.seconds // size}{unit}"
        return f"{self.seconds}s"

    def _iso(self) -> str:
        date = f"{self.months}M" * bool(self.months) + f"{self.days}D" * bool(self.days)
        return "P" + date + (f"T{self.seconds}S" if self.seconds else "")

    def approximate_seconds(self) -> float:
        """Return its length with a month of 30.436875 days, for comparing and sorting only."""
        return (self.months * 30.436875 + self.days) * 86400 + self.seconds


def parse_duration(text: str) -> Duration | Forever:
    """Read a duration as a policy writes it.

    Raises ValueError with a sentence for a person when the text is no duration or is longer than
    400 years (`forever` says what a longer one would mean).
    """
    if text == FOREVER.value:
        return FOREVER
    return _parse(text, others=", ISO 8601, or forever", longer="write forever")


def parse_finite_duration(text: str) -> Duration:
    """Read a duration that must end; `forever` is refused with a ValueError as well."""
    if text == FOREVER.value:
        msg = "'forever' is not possible here; write a finite duration"
        raise ValueError(msg)
    return _parse(text, others=" or ISO 8601", longer="write a shorter one")


def _parse(text: str, *, others: str, longer: str) -> Duration:
    duration = _parse_simple(text) or _parse_iso(text)
    if duration is None:
        msg = f"'{text}' is not a duration; write 15s, 10m, 24h, 90d, 6w, 7y{others}"
        raise ValueError(msg)
    if duration.approximate_seconds() > _DAYS_MAX * 86400:
        msg = f"'{text}' is longer than {YEARS_MAX} years; {longer}"
        raise ValueError(msg)
    return duration


def _parse_simple(text: str) -> Duration | None:
    found = _SIMPLE.fullmatch(text)
    if found is None:
        return None
    count, unit = int(found["count"]), found["unit"]
    if unit == "y":
        return Duration(months=12 * count)
    if unit in "dw":
        return Duration(days=count * (7 if unit == "w" else 1))
    return Duration(seconds=count * _SIMPLE_SECONDS[unit])


def _parse_iso(text: str) -> Duration | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    part = {name: int(value or 0) for name, value in found.groupdict().items()}
    return Duration(
        months=12 * part["years"] + part["months"],
        days=7 * part["weeks"] + part["days"],
        seconds=3600 * part["hours"] + 60 * part["minutes"] + part["seconds"],
    )


def add(moment: datetime, duration: Duration | Forever) -> datetime | Forever:
    """Return the moment a duration later, in UTC calendar steps; forever stays forever."""
    if isinstance(duration, Forever):
        return FOREVER
    month_index = moment.year * 12 + moment.month - 1 + duration.months
    year, month = divmod(month_index, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    stepped = moment.replace(year=year, month=month + 1, day=day)
    return stepped + timedelta(days=duration.days, seconds=duration.seconds)


def timedelta_of(duration: Duration) -> timedelta:
    """Return a duration without months as a timedelta; months count 30.436875 days."""
    return timedelta(seconds=duration.approximate_seconds())
