"""The emulator's own time, and its only source of identifiers and chance.

Every wait, expiry and retry of the emulator sleeps on `EmulatorClock`, which follows real time
and can be sent ahead; only request signing and ``Date`` headers use `real_now`. Called by every
module of the emulator; it knows nothing of calls or recordings.
"""

import asyncio
import heapq
import itertools
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

_LONGEST_WAKE_SECONDS = 3600.0  # call_later overflows some loops far in the future; wake and look


def real_now() -> float:
    """Return real time in epoch seconds; advancing an `EmulatorClock` does not move it."""
    return time.time()


def utc(moment: float) -> datetime:
    """Return the aware UTC time of `moment`, epoch seconds on any clock."""
    return datetime.fromtimestamp(moment, tz=UTC)


class Timer:
    """One pending action of a clock; `cancel` it to forget it."""

    __slots__ = ("action", "cancelled", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        """Hold `action` until `due`, epoch seconds of the owning clock."""
        self.due = due
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """Forget the action; harmless when it already ran."""
        self.cancelled = True


class EmulatorClock:
    """Real time plus whatever it was advanced by, with a heap of timers.

    `speed` divides waits given in seconds (`call_after`, `sleep`), never the passage of time, so
    that timestamps stay comparable with the client's clock. `wall` and `monotonic` are injected
    by simulations; timers wake through the running loop's ``call_later``.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at `wall` time; `speed` must be positive."""
        self.speed = speed
        self._monotonic = monotonic
        self._epoch = wall() - monotonic()
        self._ahead = 0.0
        self._frozen: float | None = None
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._wake: asyncio.TimerHandle | None = None

    @property
    def ahead_seconds(self) -> float:
        """Return how far the clock was advanced in total."""
        return self._ahead

    def now(self) -> float:
        """Return the emulator's time in epoch seconds; while advancing, the timer's due time."""
        if self._frozen is not None:
            return self._frozen
        return self._epoch + self._monotonic() + self._ahead

    def call_at(self, due: float, action: Callable[[], None]) -> Timer:
        """Run `action` once when the clock reaches `due`; equal times run in order of request."""
        timer = Timer(due, action)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        if self._frozen is None:
            self._arm()
        return timer

    def call_after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` after a wait of `seconds`, divided by the clock's speed."""
        return self.call_at(self.now() + seconds / self.speed, action)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`, divided by the clock's speed."""
        await self.sleep_until(self.now() + seconds / self.speed)

    async def sleep_until(self, due: float) -> None:
        """Wait until the clock reaches `due`; return at once when it has."""
        if due <= self.now():
            return
        reached = asyncio.Event()
        timer = self.call_at(due, reached.set)
        try:
            await reached.wait()
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> float:
        """Move the clock ahead and run what falls due, in order, each at its own due time.

        Return the new time. Actions that start tasks see those run only after the whole jump.
        """
        target = self.now() + seconds
        self._run_due(target)
        self._ahead += seconds
        self._frozen = None
        self._arm()
        return self.now()

    def run_due(self) -> None:
        """Run every action that is due now; a wake-up of the loop calls it."""
        self._run_due(self.now())
        self._frozen = None
        self._arm()

    def close(self) -> None:
        """Drop every timer; nothing runs afterwards."""
        self._heap.clear()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _run_due(self, target: float) -> None:
        while self._heap and self._heap[0][0] <= target:
            due, _, timer = heapq.heappop(self._heap)
            if timer.cancelled:
                continue
            # A timer that fires late in real time still acts at its due time, so that intervals
            # do not depend on how busy this machine is.
            self._frozen = due
            timer.action()
        self._frozen = None

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        if not self._heap:
            return
        delay = min(max(0.0, self._heap[0][0] - self.now()), _LONGEST_WAKE_SECONDS)
        self._wake = asyncio.get_running_loop().call_later(delay, self.run_due)


class Chance(random.Random):
    """A stream of chance; only its type is used outside this module."""


class Ids:
    """Make identifiers; a seed makes them the same in every run."""

    def __init__(self, seed: int | None = None) -> None:
        """Draw from the system's randomness unless a `seed` is given."""
        self._random = random.Random(seed)  # noqa: S311  identifiers of a test tool, no secrets

    def guid(self) -> str:
        """Return a version 4 UUID in lower case."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def octets(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return self._random.randbytes(count)

    def chance(self, seed: int | None) -> Chance:
        """Return a generator for one fault, seeded on its own when `seed` is given."""
        return Chance(self._random.getrandbits(64) if seed is None else seed)
