"""Triggers the sweeps at their intervals. The one importer of APScheduler.

Started by `runtime.service`. One job per kind of sweep, never two of a kind at once, and a missed
run is made up for once. What a sweep does is `runtime.sweeps`'; due times are the loop's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

Sweep = Callable[[], Awaitable[None]]


@contextmanager
def sweeping(
    sweeps: Mapping[str, tuple[Sweep, timedelta]], *, at_once: Sequence[Sweep] = ()
) -> Iterator[Callable[[Sweep], None]]:
    """Run each named sweep at its interval for as long as the block runs.

    Those of `at_once` run at the beginning as well, and any other that the block asks for, with
    what it is given, as soon as it does. A sweep that fails is logged and runs again.
    """
    scheduler = AsyncIOScheduler(timezone="UTC")
    for name, (sweep, every) in sweeps.items():
        scheduler.add_job(
            sweep,
            IntervalTrigger(seconds=every.total_seconds(), timezone="UTC"),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def run_soon(sweep: Sweep) -> None:
        scheduler.add_job(sweep, DateTrigger(timezone="UTC"), misfire_grace_time=None)

    for sweep in at_once:
        run_soon(sweep)
    scheduler.start()
    try:
        yield run_soon
    finally:
        scheduler.shutdown(wait=False)
