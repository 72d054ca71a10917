"""The real clock, ids and randomness: the one place that asks the machine for them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
import uuid
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
        await asyncio.sleep(max(0.0, (moment - self.now_utc()).total_seconds()))


class SystemIds:
    """Ids from the operating system's randomness."""

    def new(self) -> str:
        """Return 128 random bits as 32 hexadecimal digits."""
        return secrets.token_hex(16)

    def request_id(self) -> str:
        """Return a version 4 UUID."""
        return str(uuid.uuid4())


class SystemRand:
    """Randomness for spreading retries; nothing secret depends on it."""

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        return random.uniform(low, high)  # noqa: S311 - jitter, not a secret
