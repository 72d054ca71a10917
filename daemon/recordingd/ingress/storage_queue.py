"""Fetch the events that Event Grid put into a storage queue: the way in without a public address.

Built by `runtime.wiring` and run by `runtime.service`, beside the webhook or instead of it. A
message is deleted only after its events are durable: a crash in between brings it back, and the
ledger knows its events. How a queue is spoken to is `azure_queue`'s, what an event means the
loop's.

Sources: event-grid, handler-storage-queues.md; Queue Storage REST, "Get Messages".
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from recordingd.domain.errors import LedgerFault
from recordingd.ingress import envelopes
from recordingd.ingress.arrivals import QUEUE_CHANNEL, Arrivals
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import InboxEvent

# The most that one request gives (Get Messages, numofmessages).
BATCH_MAX = 32
# Longer than a commit may take, so that no message is given out again while it is being kept;
# short, because it is also how long the messages of a killed daemon stay hidden from the next one.
VISIBILITY_SECONDS = 30
COMMIT_SECONDS_MAX = 15.0
WAIT_MIN = timedelta(seconds=1)
WAIT_MAX = timedelta(seconds=10)
# Failures in a row before a person is told: one or two are a connection that broke.
FAILURES_UNTIL_ALARM = 3

_AT_ONCE = timedelta(0)
_LOG = logging.getLogger(__name__)


class QueueFault(Exception):
    """The queue did not do what was asked; the text says why and holds no credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it was received; `receipt` deletes it until it is given out again."""

    id: str
    receipt: str
    text: str


class Queue(Protocol):
    """A queue of messages; both methods raise QueueFault."""

    url: str

    async def receive(self, count: int) -> list[Message]:
        """Take up to `count` messages, hidden from everybody else for VISIBILITY_SECONDS."""
        ...

    async def delete(self, message: Message) -> None:
        """Delete a message. Idempotent: one that is gone is no fault."""
        ...


@dataclass(slots=True, kw_only=True)
class QueuePull:
    """The loop that empties one queue into the ledger.

    `commit` makes events durable, all or none, duplicates without effect, and then wakes the loop
    that applies them; it is never called without events.
    """

    queue: Queue
    commit: Callable[[Sequence[InboxEvent]], Awaitable[None]]
    arrivals: Arrivals
    clock: Clock
    _size: int = BATCH_MAX
    _failures: int = 0
    _idle: timedelta = WAIT_MIN

    async def run(self) -> None:
        """Fetch until cancelled; what was not deleted by then comes again."""
        _LOG.info("fetching events from %s", self.queue.url)
        while True:
            wait = await self.turn()
            if wait > _AT_ONCE:
                await self.clock.sleep_until(self.clock.now_utc() + wait)

    async def turn(self) -> timedelta:
        """Fetch and keep one batch; return how long to wait before the next one."""
        try:
            messages = await self.queue.receive(self._size)
            self._reached()
            if messages:
                return await self._keep(messages)
        except QueueFault as fault:
            return self._failed(str(fault))
        except Exception:  # noqa: BLE001 -- see below
            # The one place where an unforeseen failure ends: the messages come again, and the ways
            # in beside this one go on.
            _LOG.exception("a batch of the queue failed")
            return self._failed("an unforeseen failure; the log shows it")
        wait, self._idle = self._idle, min(self._idle * 2, WAIT_MAX)
        return wait

    async def _keep(self, messages: Sequence[Message]) -> timedelta:
        """Commit a batch, then delete it; a batch that cannot be committed stays in the queue."""
        self._idle = WAIT_MIN
        events = [event for message in messages for event in self._events(message)]
        try:
            if events:
                async with asyncio.timeout(COMMIT_SECONDS_MAX):
                    await self.commit(events)
        except (LedgerFault, OSError) as fault:
            # From now on one by one, so that a message that cannot be kept holds up no other.
            self._size = 1
            _LOG.warning("%s messages stay in the queue: %s", len(messages), fault)
            return WAIT_MIN
        self._size = min(self._size * 2, BATCH_MAX)
        self.arrivals.note(events)
        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(self._delete(message))
        return _AT_ONCE

    def _events(self, message: Message) -> list[InboxEvent]:
        return envelopes.split(
            body_of(message.text),
            content_type="",
            channel=QUEUE_CHANNEL,
            context=None,
            received_at=self.clock.now_utc(),
        )

    async def _delete(self, message: Message) -> None:
        try:
            await self.queue.delete(message)
        except QueueFault as fault:
            _LOG.info("a message that is kept was not deleted and comes again: %s", fault)

    def _reached(self) -> None:
        if self._failures >= FAILURES_UNTIL_ALARM:
            self.arrivals.reachable()
        if self._failures:
            _LOG.info("the queue can be read again")
        self._failures = 0

    def _failed(self, why: str) -> timedelta:
        if not self._failures:
            _LOG.warning("the queue %s cannot be read: %s", self.queue.url, why)
        wait = min(WAIT_MIN * (1 << min(self._failures, 10)), WAIT_MAX)
        self._failures += 1
        if self._failures >= FAILURES_UNTIL_ALARM:
            self.arrivals.unreachable(self.queue.url, why=why, now=self.clock.now_utc())
        return wait


def body_of(text: str) -> bytes:
    """Return the body of a message: Event Grid writes base64 of JSON, and plain JSON is taken too.

    Text that is neither is returned as it is, for keeping.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            _LOG.debug("a message is neither JSON nor base64")
    return text.encode(errors="replace")
