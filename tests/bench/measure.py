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


def seconds_of(*jobs: Callable[[], object]) -> tuple[float, ...]:
    """Time jobs in turns, so that a slow moment of the machine hits them all; return the medians.

    The first turn warms caches and is not counted.
    """
    took: list[list[float]] = [[] for _ in jobs]
    for turn in range(ROUNDS + 1):
        for times, job in zip(took, jobs, strict=True):
            started = time.perf_counter()
            job()
            if turn:
                times.append(time.perf_counter() - started)
    return tuple(statistics.median(times) for times in took)
