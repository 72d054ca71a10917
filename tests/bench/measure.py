"""What every measurement shares: a timer, and one row of the resulting table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison; `ratio` is ours to the baseline, in the unit's own direction."""

    what: str
    unit: str
    ours: float
    baseline: float
    target: str

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline


def seconds_of(ours: Callable[[], object], baseline: Callable[[], object]) -> tuple[float, float]:
    """Time two jobs in turns, so that a slow moment of the machine hits both; return the medians.

    The first turn warms caches and is not counted.
    """
    took: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for times, job in zip(took, (ours, baseline), strict=True):
            started = time.perf_counter()
            job()
            if turn:
                times.append(time.perf_counter() - started)
    return statistics.median(took[0]), statistics.median(took[1])
