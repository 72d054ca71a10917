"""The client of Azure Communication Services: `ports.cloud.Cloud` for one resource.

Built by `runtime.wiring`, called by the executor of plans. Every method is one request, or one per
redirect, and never a retry. It learns nothing of policies, plans or the ledger.

Sources: Call Automation specification 2026-03-12 (CallRecording operations), and call-recording.md
for files.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from recordingd.acs.credentials import Authorizer
from recordingd.acs.endpoint import Endpoint
from recordingd.acs.errors import Answer, Operation, fault_for, fault_for_unreadable
from recordingd.acs.exchange import Exchange, ExchangeOptions, Outgoing
from recordingd.acs.media import MediaStore
from recordingd.acs.signing import format_date
from recordingd.acs.url_guard import DEFAULT_STORAGE_HOSTS, guard_for
from recordingd.acs.wire import (
    Unreadable,
    read_is_active,
    read_metadata,
    read_recording_id,
    start_body,
)
from recordingd.domain.errors import CloudFault, FaultDetail, PermanentFault
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.clock import Clock
from recordingd.ports.cloud import Download, MediaMetadata, Started, StartRequest

DEFAULT_API_VERSION = "2026-03-12"
# pauseOnStart and externalStorage came with this version; an older one would ignore them silently.
_PAUSE_SINCE = "2024-04-15"
# Announced with SDK 1.5.0 (2025-09), whose oldest api-version of that year this is.
_CONNECTION_SINCE = "2025-05-15"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcsOptions:
    """How to reach a resource; `storage_hosts` are names, or suffixes with their leading dot."""

    api_version: str = DEFAULT_API_VERSION
    storage_hosts: tuple[str, ...] = DEFAULT_STORAGE_HOSTS
    exchange: ExchangeOptions = field(default_factory=ExchangeOptions)


class AcsClient:
    """Recording operations and file storage of one resource.

    Use it within one event loop, `async with` or followed by `aclose`. Equal requests
    are equal bytes in every api-version.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        authorizer: Authorizer,
        *,
        clock: Clock,
        options: AcsOptions | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raise ConfigurationError for storage hosts, OSError for a CA file that cannot be used.

        `transport` replaces the connections, None for real ones.
        """
        options = options or AcsOptions()
        self._base = endpoint.url
        self._api_version = options.api_version
        guard = guard_for(endpoint, storage_hosts=options.storage_hosts)
        self._exchange = Exchange(
            endpoint, authorizer, clock=clock, options=options.exchange, transport=transport
        )
        self._media = MediaStore(self._exchange, guard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; downloads still open end with a RetryableFault."""
        await self._exchange.aclose()

    @property
    def last_service_date(self) -> datetime | None:
        """The Date header of the newest response, None before the first: a witness of time."""
        return self._exchange.last_service_date

    async def start(self, request: StartRequest) -> Started:
        """Start a recording; the service answers 200, or 202 from 2026-03-12 on."""
        self._refuse_unknown_fields(request)
        answer = await self._ask(
            Operation.START,
            "POST",
            "/calling/recordings",
            body=start_body(request),
            headers={
                "Content-Type": "application/json",
                "Repeatability-Request-ID": request.request_id,
                "Repeatability-First-Sent": format_date(request.first_sent_at),
            },
        )
        try:
            return Started(recording_id=read_recording_id(answer.body))
        except Unreadable as error:
            raise self._unreadable(Operation.START, answer, str(error)) from error

    async def fetch_is_active(self, recording: ServiceRecordingId) -> bool:
        """Read whether a recording captures now."""
        operation = Operation.FETCH_STATE
        answer = await self._ask(operation, "GET", _path(recording))
        try:
            return read_is_active(answer.body)
        except Unreadable as error:
            raise self._unreadable(operation, answer, str(error)) from error

    async def pause(self, recording: ServiceRecordingId) -> None:
        """Ask for silence; the service answers 202."""
        await self._order(Operation.PAUSE, "POST", f"{_path(recording)}:pause")

    async def resume(self, recording: ServiceRecordingId) -> None:
        """Ask for audio; the service answers 202."""
        await self._order(Operation.RESUME, "POST", f"{_path(recording)}:resume")

    async def stop(self, recording: ServiceRecordingId) -> None:
        """End a recording; the service answers 204."""
        await self._order(Operation.STOP, "DELETE", _path(recording))

    def download(self, url: str, *, offset: int) -> AbstractAsyncContextManager[Download]:
        """Open a file's body from a byte on, in blocks of 256 KiB and more but the last."""
        return self._media.open(url, offset=offset)

    async def fetch_metadata(self, url: str) -> MediaMetadata:
        """Fetch a file's metadata document; one that is not JSON comes back with its body alone."""
        return read_metadata(await self._media.read(url))

    def read_metadata(self, body: bytes) -> MediaMetadata:
        """Read a metadata document that the service wrote elsewhere."""
        return read_metadata(body)

    async def remove(self, url: str) -> None:
        """Delete the service's copy of a file and of its metadata."""
        await self._media.remove(url)

    async def _order(self, operation: Operation, method: str, path: str) -> None:
        answer = await self._ask(operation, method, path)
        if answer.is_html:
            raise self._unreadable(operation, answer, "a page instead of an answer")

    async def _ask(
        self,
        operation: Operation,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        target = f"{path}?api-version={quote(self._api_version, safe='')}"
        outgoing = Outgoing(
            operation=operation,
            method=method,
            url=self._base + target,
            target=target,
            headers=headers or {},
            body=body,
        )
        answer = await self._exchange.fetch(outgoing)
        if answer.status not in {200, 202, 204}:
            raise fault_for(operation, answer, now=self._exchange.now())
        return answer

    def _unreadable(self, operation: Operation, answer: Answer, reason: str) -> CloudFault:
        return fault_for_unreadable(operation, answer, reason, now=self._exchange.now())

    def _refuse_unknown_fields(self, request: StartRequest) -> None:
        needs_more = request.start_paused or request.container is not None
        if needs_more and self._api_version < _PAUSE_SINCE:
            message = f"api-version {self._api_version} can neither start paused nor export"
            raise PermanentFault(FaultDetail(operation=Operation.START.value, message=message))
        if request.connection_id is not None and self._api_version < _CONNECTION_SINCE:
            message = f"api-version {self._api_version} cannot start by a call connection id"
            raise PermanentFault(FaultDetail(operation=Operation.START.value, message=message))


def _path(recording: ServiceRecordingId) -> str:
    # Ids may carry `=` padding and, being opaque, anything else; they are signed as quoted here.
    return f"/calling/recordings/{quote(recording, safe='')}"
