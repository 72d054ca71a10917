"""The real clock, ids and randomness: the one place that asks the machine for them.

A command that only asks for the time must start fast, so what the rest needs is imported there.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now_utc(self) -> datetime:
        """Return the wall clock's time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep until the wall clock shows a moment; one sleep, so a jump may end it early."""
        import asyncio  # see above

        await asyncio.sleep(max(0.0, (moment - self.now_utc()).total_seconds()))


class SystemIds:
    """Ids from the operating system's randomness."""

    def new(self) -> str:
        """Return 128 random bits as 32 hexadecimal digits."""
        import secrets  # see above

        return secrets.token_hex(16)

    def request_id(self) -> str:
        """Return a version 4 UUID."""
        import uuid  # see above

        return str(uuid.uuid4())


class SystemRand:
    """Randomness for spreading retries; nothing secret depends on it."""

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        import random  # see above

        return random.uniform(low, high)  # noqa: S311 - jitter, not a secret
