"""Deliver events and callbacks: at least once, retried on a schedule, in the end given up.

``announcer`` hands over finished bodies; ``app`` runs the couriers. Messages with one key go out
one after the other, keys in parallel, and a retry overtakes nothing: later messages pass it. It
knows nothing of what a body says. Source: Event Grid, delivery-and-retry.md.
"""

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from recordingd.emulator.clock import EmulatorClock
from recordingd.emulator.faults import Faults, number

_LOG = logging.getLogger(__name__)
_LANES = 32
_ANSWER_SECONDS_MAX = 30.0  # "30 s to answer", real time
_REORDER_SECONDS_MAX = 1.0  # a held event goes anyway when no other follows
_HISTORY_MAX = 100_000
_BATCH_TYPE = "application/cloudevents-batch+json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an endpoint answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SendError(Exception):
    """No answer came: refused, reset, timed out."""


class Sender(Protocol):
    """The way out; tests replace it."""

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Send one request and return its answer; raises `SendError` when none came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """When a delivery counts, when it is dropped at once, and when it is tried again.

    `waits_seconds` holds the wait after each failed attempt, the last one repeating.
    """

    acknowledged: frozenset[int]
    dropped: frozenset[int]
    waits_seconds: tuple[float, ...]
    attempts_max: int
    life_seconds: float

    def wait_after(self, attempts: int) -> float | None:
        """Return the wait before the next attempt, or None when `attempts` were enough."""
        if attempts >= self.attempts_max:
            return None
        return self.waits_seconds[min(attempts, len(self.waits_seconds)) - 1]


@dataclass(slots=True, kw_only=True, eq=False)
class Parcel:
    """One message on its way; `created_at` and `last_at` are on the emulator's clock."""

    id: str
    type: str
    key: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    context: Mapping[str, str]
    created_at: float = 0.0
    status: str = "pending"
    attempts: int = 0
    last_at: float | None = None
    last_status: int | None = None

    def again(self) -> "Parcel":
        """Return the same message as a delivery of its own."""
        return Parcel(
            id=self.id,
            type=self.type,
            key=self.key,
            url=self.url,
            headers=self.headers,
            body=self.body,
            context=self.context,
        )


@dataclass(slots=True, kw_only=True)
class _Held:
    parcel: Parcel | None = None


@dataclass(slots=True, kw_only=True)
class Courier:
    """One family of messages with its faults (`family` is ``events`` or ``callbacks``).

    Nothing is sent before `open` is set: Event Grid delivers only to validated endpoints.
    `authorize` returns the headers that prove who sends, anew for each attempt. With `batch_max`
    above 1 what waits goes out together, without waiting for more.
    """

    family: str
    rules: RetryRules
    clock: EmulatorClock
    faults: Faults
    sender: Sender
    open: asyncio.Event
    authorize: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None
    batch_max: int = 1
    history: deque[Parcel] = field(default_factory=lambda: deque(maxlen=_HISTORY_MAX))
    _lanes: list[asyncio.Queue[Parcel]] = field(
        default_factory=lambda: [asyncio.Queue() for _ in range(_LANES)]
    )
    _held: _Held = field(default_factory=_Held)

    def post(self, parcel: Parcel) -> None:
        """Take `parcel` for delivery, subject to the family's faults."""
        parcel.created_at = self.clock.now()
        self.history.append(parcel)
        if self._take("drop", parcel) is not None:
            parcel.status = "faulted"
            return
        if (params := self._take("delay", parcel)) is not None:
            self.clock.call_after(number(params, "seconds"), lambda: self._enqueue(parcel))
            return
        if self._take("reorder", parcel) is not None:
            self._hold(parcel)
            return
        self._enqueue(parcel)
        if (params := self._take("duplicate", parcel)) is not None:
            for _ in range(max(1, int(number(params, "copies")))):
                copy = parcel.again()
                copy.created_at = parcel.created_at
                self.history.append(copy)
                self._enqueue(copy)
        if self._held.parcel is not None:
            self._release(self._held.parcel)

    def replay(self, type_name: str | None, count: int) -> int:
        """Deliver again the last `count` messages, of one type or any; return how many."""
        past = [p for p in self.history if type_name in (None, p.type)][-count:]
        for parcel in past:
            copy = parcel.again()
            copy.created_at = self.clock.now()
            self.history.append(copy)
            self._enqueue(copy)
        return len(past)

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._work(lane))

    def _take(self, fault: str, parcel: Parcel) -> Mapping[str, object] | None:
        return self.faults.take(f"{self.family}.{fault}", **parcel.context)

    def _hold(self, parcel: Parcel) -> None:
        if self._held.parcel is not None:
            self._release(self._held.parcel)
        self._held.parcel = parcel
        self.clock.call_after(_REORDER_SECONDS_MAX, lambda: self._release(parcel))

    def _release(self, parcel: Parcel) -> None:
        if self._held.parcel is parcel:
            self._held.parcel = None
            self._enqueue(parcel)

    def _enqueue(self, parcel: Parcel) -> None:
        # One lane for all when they may go together; else a call's messages stay in order.
        lane = 0 if self.batch_max > 1 else zlib.crc32(parcel.key.encode()) % _LANES
        self._lanes[lane].put_nowait(parcel)

    async def _work(self, lane: asyncio.Queue[Parcel]) -> None:
        while True:
            parcels = [await lane.get()]
            await self.open.wait()
            while len(parcels) < self.batch_max and not lane.empty():
                parcels.append(lane.get_nowait())
            try:
                await self._attempt(parcels)
            except Exception:  # noqa: BLE001  the one place of this loop
                # One undeliverable message must not stop the lane.
                for parcel in parcels:
                    parcel.status = "lost"
                _LOG.exception("delivery of %s failed", [parcel.id for parcel in parcels])

    async def _attempt(self, waiting: Sequence[Parcel]) -> None:
        now = self.clock.now()
        parcels = [p for p in waiting if now - p.created_at < self.rules.life_seconds]
        for parcel in waiting:
            if parcel not in parcels:
                parcel.status = "expired"
        if not parcels:
            return
        headers, body = self._packed(parcels)
        for parcel in parcels:
            parcel.attempts += 1
            parcel.last_at = now
        status = await self._sent(parcels[0].url, headers, body)
        for parcel in parcels:
            parcel.last_status = status
            self._conclude(parcel)

    async def _sent(self, url: str, headers: Mapping[str, str], body: bytes) -> int | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                return (await self.sender("POST", url, headers, body)).status
        except (SendError, TimeoutError):
            return None

    def _packed(self, parcels: Sequence[Parcel]) -> tuple[dict[str, str], bytes]:
        first = parcels[0]
        headers = dict(first.headers)
        if self.family == "events":
            headers["aeg-delivery-count"] = str(first.attempts)
        if self.authorize is not None:
            headers |= self.authorize(first.context)
        if self.batch_max == 1:
            return headers, first.body
        if first.body.startswith(b"["):
            return headers, b"[" + b", ".join(p.body[1:-1] for p in parcels) + b"]"
        headers["content-type"] = _BATCH_TYPE
        return headers, b"[" + b", ".join(p.body for p in parcels) + b"]"

    def _conclude(self, parcel: Parcel) -> None:
        status = parcel.last_status
        if status in self.rules.acknowledged:
            parcel.status = "delivered"
            return
        if status in self.rules.dropped:
            parcel.status = "dropped"
            _LOG.warning("%s %s dropped: answered %s", parcel.type, parcel.id, status)
            return
        wait = self.rules.wait_after(parcel.attempts)
        if wait is None:
            parcel.status = "lost"
            _LOG.warning("%s %s given up after %d", parcel.type, parcel.id, parcel.attempts)
            return
        self.clock.call_after(wait, lambda: self._enqueue(parcel))
