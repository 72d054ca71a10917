"""One signed request and its response: slots, deadlines, credentials, and the faults of silence.

Called by `client` and `media`. It signs each request just before it is sent, tells the authorizer
about a refused credential, and notes the service's clock. It knows no operation's meaning.
"""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from recordingd.acs.credentials import Authorization, Authorizer
from recordingd.acs.endpoint import Endpoint
from recordingd.acs.errors import Answer, Operation, fault_for_silence
from recordingd.acs.signing import Message
from recordingd.acs.transport import SigningTransport, location_of, open_client, tls_context
from recordingd.domain.errors import CloudFault
from recordingd.ports.clock import Clock

ANSWER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOptions:
    """Waits and limits of every request.

    `connect_seconds` is for name, connection and handshake; `idle_seconds` the longest silence
    within a response; `operation_seconds` the whole of a request whose answer is read at once.
    `operations_max` and `streams_max` are requests in flight: downloads never hold up a start.
    `ca_file` is one more trusted authority, None for the system's alone.

    Connecting must end before the operation's time does: a request that runs out of time counts as
    sent, and one that never got a connection must not.
    """

    connect_seconds: float = 5.0
    idle_seconds: float = 30.0
    operation_seconds: float = 20.0
    operations_max: int = 64
    streams_max: int = 16
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        assert 0 < self.connect_seconds < self.operation_seconds, "connecting takes all the time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request before it is signed: `url` is whole, `target` its path and query.

    `is_for_storage` says that the resource's host must be named in x-ms-host, because the request
    goes to another one (ContentDownloader of the SDK, 1.6.0).
    """

    operation: Operation
    method: str
    url: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""
    is_for_storage: bool = False


class Exchange:
    """Sends requests of one resource; close it with `aclose`, after which it cannot be used."""

    def __init__(
        self,
        endpoint: Endpoint,
        authorizer: Authorizer,
        *,
        clock: Clock,
        options: ExchangeOptions,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._host = endpoint.authority
        self._authorizer = authorizer
        self._clock = clock
        self._operation_seconds = options.operation_seconds
        self._operation_slots = asyncio.Semaphore(options.operations_max)
        self._stream_slots = asyncio.Semaphore(options.streams_max)
        self._client = open_client(
            transport or SigningTransport(tls_context(options.ca_file)),
            connect_seconds=options.connect_seconds,
            idle_seconds=options.idle_seconds,
        )
        self.last_service_date: datetime | None = None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def now(self) -> datetime:
        """Return the clock's time."""
        return self._clock.now_utc()

    async def fetch(self, outgoing: Outgoing, *, bytes_max: int = ANSWER_BYTES_MAX) -> Answer:
        """Send a request and read the whole answer, whatever its status.

        A body longer than `bytes_max` is cut there. Raises RetryableFault or AmbiguousFault when no
        whole answer came, within `operation_seconds` of its turn to be sent.
        """
        async with self._operation_slots:
            try:
                async with asyncio.timeout(self._operation_seconds):
                    response = await self._send(outgoing)
                    try:
                        body = await _read(response, bytes_max)
                    finally:
                        await response.aclose()
            except TimeoutError as error:
                reason = f"no answer within {self._operation_seconds:g} s"
                raise fault_for_silence(outgoing.operation, was_sent=True, reason=reason) from error
            except httpx.HTTPError as error:
                raise _silence(outgoing, error) from error
        return _answer(response, body)

    @asynccontextmanager
    async def stream(self, outgoing: Outgoing) -> AsyncIterator[httpx.Response]:
        """Send a request and hand over its response with the body unread.

        Raises RetryableFault when no response came. Reading the body raises httpx.HTTPError.
        """
        async with self._stream_slots:
            try:
                response = await self._send(outgoing)
            except httpx.HTTPError as error:
                raise _silence(outgoing, error) from error
            try:
                yield response
            finally:
                await response.aclose()

    async def _send(self, outgoing: Outgoing) -> httpx.Response:
        message = Message(
            method=outgoing.method, target=outgoing.target, host=self._host, body=outgoing.body
        )
        authorization = await self._authorizer.authorize(message, at=self._clock.now_utc())
        headers = {**outgoing.headers, **authorization.headers}
        if outgoing.is_for_storage:
            headers["x-ms-host"] = self._host
        request = self._client.build_request(
            outgoing.method, outgoing.url, headers=headers, content=outgoing.body
        )
        response = await self._client.send(request, stream=True)
        self._note(response, authorization)
        return response

    def _note(self, response: httpx.Response, authorization: Authorization) -> None:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._authorizer.reject(authorization)
        try:
            date = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
            # A moment at the end of time has no place in another zone: OverflowError.
            date = date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            return
        self.last_service_date = date


async def read_answer(response: httpx.Response, *, bytes_max: int = ANSWER_BYTES_MAX) -> Answer:
    """Read the rest of a streamed response as an answer, cut at `bytes_max`."""
    return _answer(response, await _read(response, bytes_max))


async def _read(response: httpx.Response, bytes_max: int) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        pieces.append(piece)
        size += len(piece)
        if size >= bytes_max:
            break
    return b"".join(pieces)[:bytes_max]


def _answer(response: httpx.Response, body: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if (location := location_of(response)) is not None:
        headers["location"] = location
    return Answer(status=response.status_code, headers=headers, body=body)


def _silence(outgoing: Outgoing, error: httpx.HTTPError) -> CloudFault:
    was_sent = not isinstance(error, httpx.ConnectError)
    return fault_for_silence(outgoing.operation, was_sent=was_sent, reason=str(error))
