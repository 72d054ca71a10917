"""Time, identifiers and randomness from outside, so that a simulation can own all three."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time."""

    def now_utc(self) -> datetime:
        """Return the wall clock's time, aware, in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment, never going back."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return at or soon after a moment; at once when it has passed."""
        ...


class Ids(Protocol):
    """Fresh identifiers."""

    def new(self) -> str:
        """Return 26 or more characters `[0-9a-f]` that nobody can guess and nothing had before."""
        ...

    def request_id(self) -> str:
        """Return a version 4 UUID in its usual form, as Repeatability-Request-ID wants it."""
        ...


class Rand(Protocol):
    """Randomness for spreading retries."""

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        ...
