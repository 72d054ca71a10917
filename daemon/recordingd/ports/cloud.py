"""The recording service, as the runtime needs it.

Implemented by `acs.client` for Azure Communication Services. Every method raises the faults of
`domain.errors`: RetryableFault, PermanentFault (NotFoundFault among them), AmbiguousFault, and for
URLs from the wire UrlRefused before a byte is sent. None of them retries by itself: whether and
when to ask again is decided in `runtime`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recordingd.domain.calls import RawId, ServerCallId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.domain.recordings import ServiceRecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """One start, complete: sending an equal value twice is the same request twice.

    The call is named in exactly one of three ways: by its server call id, by the group it is the
    call of, or by the connection of an application that is in it. `affinity` is channel -> raw id.
    `container` is a container URL of the customer's, or None.
    """

    server_call_id: ServerCallId | None = None
    group_call_id: str | None = None
    connection_id: str | None = None
    content: Content
    channels: Channels
    format: MediaFormat
    affinity: Mapping[int, RawId]
    start_paused: bool
    container: str | None
    callback_url: str | None
    request_id: str
    first_sent_at: datetime

    def __post_init__(self) -> None:
        names = (self.server_call_id, self.group_call_id, self.connection_id)
        assert sum(name is not None for name in names) == 1, "a start names its call once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The service accepted a start; capturing begins later, or a callback says it failed."""

    recording_id: ServiceRecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMetadata:
    """What the service's metadata document says of one file; None where it says nothing usable.

    `participants` is raw id -> channel (None when mixed); `pauses` are (start, length in ms);
    `body` is the document as it came, for keeping.
    """

    body: bytes
    duration_ms: int | None
    channels: int | None
    participants: Mapping[RawId, int | None]
    pauses: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An open body: its blocks start at byte `offset` of a file of `total_bytes` (None: unsaid).

    `offset` is 0 when the service ignored the range that was asked for. Iterating `blocks` raises
    RetryableFault when the body ends early or the connection breaks.
    """

    offset: int
    total_bytes: int | None
    blocks: AsyncIterator[bytes]


class Cloud(Protocol):
    """Recording operations of the service and its file storage."""

    async def start(self, request: StartRequest) -> Started:
        """Start a recording. Idempotent by `request_id` for at most 4 minutes after the first."""
        ...

    async def fetch_is_active(self, recording: ServiceRecordingId) -> bool:
        """Read whether a recording captures now; NotFoundFault once it is over."""
        ...

    async def pause(self, recording: ServiceRecordingId) -> None:
        """Ask for silence; it counts only after it was read back."""
        ...

    async def resume(self, recording: ServiceRecordingId) -> None:
        """Ask for audio; it counts only after it was read back."""
        ...

    async def stop(self, recording: ServiceRecordingId) -> None:
        """End a recording; NotFoundFault when it is already over."""
        ...

    def download(self, url: str, *, offset: int) -> AbstractAsyncContextManager[Download]:
        """Open a file's body from a byte on. NotFoundFault when the service has dropped it."""
        ...

    async def fetch_metadata(self, url: str) -> MediaMetadata:
        """Fetch and read a file's metadata document."""
        ...

    def read_metadata(self, body: bytes) -> MediaMetadata:
        """Read a metadata document that was not fetched here; what it does not say is None."""
        ...

    async def remove(self, url: str) -> None:
        """Delete the service's copy of a file; NotFoundFault when it is already gone."""
        ...
