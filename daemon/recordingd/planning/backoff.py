"""How long to wait before something is tried again, as a function of how often it failed."""

from __future__ import annotations

from datetime import timedelta


def backed_off(tries: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Return how long to wait after so many tries: doubling from `first` up to `longest`."""
    doubled: timedelta = first * (1 << min(max(tries - 1, 0), 20))
    return min(doubled, longest)
