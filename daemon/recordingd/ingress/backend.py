"""What the HTTP surface needs from the daemon behind it.

Implemented by `runtime`, called by `receiver` on the event loop. Whatever is slow or blocking is
the implementation's to move elsewhere. LedgerFault and OSError pass through every method and are
answered with 503, so that the sender tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from recordingd.ports.ledger import InboxEvent


class Backend(Protocol):
    """The daemon as a request sees it."""

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        """Make events durable, all or none, duplicates without effect; then wake the loop.

        Returning is the promise that an acknowledgement may be sent. `events` is never empty.
        """
        ...

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        """Make events durable that came to the callback address of one start.

        False, and nothing changed, when no start of ours has a token of this hash. `events` may be
        empty, which only asks.
        """
        ...

    async def status(self) -> Mapping[str, object]:
        """Return the status in its JSON form."""
        ...

    async def call(self, server_call_id: str) -> Mapping[str, object] | None:
        """Return what is known of a call in its JSON form; None when nothing is."""
        ...

    async def recording(self, prefix: str) -> Mapping[str, object] | None:
        """Return the one recording whose id starts with a prefix in its JSON form, else None."""
        ...

    def is_live(self) -> bool:
        """Say whether the loop turned within its time."""
        ...

    async def is_ready(self) -> bool:
        """Say whether an event could be committed now, without asking the cloud."""
        ...

    def metrics(self) -> tuple[bytes, str]:
        """Return the page for Prometheus and its content type."""
        ...

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...
