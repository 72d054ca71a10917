"""Files on the service's storage: opening, continuing, reading whole, and removing them.

Called by `client`. The service redirects between storage hosts and expects a signature at each, so
every hop is checked against the URL guard and signed anew, and the HTTP client follows nothing by
itself (the official clients lose their credentials at the first hop). It decides about bytes and
lengths; whether a body is a recording is judged elsewhere.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx

from recordingd.acs.errors import (
    Answer,
    Operation,
    fault_for,
    fault_for_body,
    fault_for_silence,
    fault_for_unreadable,
)
from recordingd.acs.exchange import Exchange, Outgoing, read_answer
from recordingd.acs.transport import location_of
from recordingd.acs.url_guard import GuardedUrl, UrlGuard
from recordingd.acs.wire import looks_like_html
from recordingd.ports.cloud import Download

REDIRECTS_MAX = 3
# Large enough that writing and hashing a block costs more than handing it over.
BLOCK_BYTES = 256 * 1024
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
DOCUMENT_SECONDS_MAX = 60.0
# Every status with which a storage host may point elsewhere; 303 would turn a removal into a read.
_REDIRECTS = frozenset({301, 302, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes +([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extent:
    """Which bytes a response carries: `length` of them from `offset`, of `total`; None: unsaid."""

    offset: int
    length: int | None
    total: int | None


class MediaStore:
    """The storage that events point to, reached with the resource's own credentials."""

    def __init__(self, exchange: Exchange, guard: UrlGuard) -> None:
        self._exchange = exchange
        self._guard = guard

    @asynccontextmanager
    async def open(self, url: str, *, offset: int) -> AsyncIterator[Download]:
        """Open a file from a byte on, or from its start where the service will not do that.

        Raises UrlRefused, RetryableFault, or NotFoundFault when the file is gone.
        """
        operation = Operation.DOWNLOAD
        async with AsyncExitStack() as stack:
            response = await self._enter(stack, operation, url, offset)
            extent = await self._extent(operation, response, offset)
            if extent is None and offset:
                # The range cannot be had (416, or the answer starts somewhere else): from 0, then.
                await stack.aclose()
                response = await self._enter(stack, operation, url, 0)
                extent = await self._extent(operation, response, 0)
            if extent is None:
                raise fault_for_body(operation, "the answer does not start at the first byte")
            blocks = await stack.enter_async_context(aclosing(_blocks(response, extent, operation)))
            yield Download(offset=extent.offset, total_bytes=extent.total, blocks=blocks)

    async def read(self, url: str) -> bytes:
        """Read a small document whole, up to 16 MiB within a minute. Raises what `open` raises."""
        operation = Operation.FETCH_METADATA
        try:
            async with asyncio.timeout(DOCUMENT_SECONDS_MAX), AsyncExitStack() as stack:
                response = await self._enter(stack, operation, url, 0)
                extent = await self._extent(operation, response, 0)
                if extent is None:
                    raise fault_for_body(operation, "the answer does not start at the first byte")
                body = bytearray()
                async with aclosing(_blocks(response, extent, operation)) as blocks:
                    async for block in blocks:
                        body += block
                        if len(body) > DOCUMENT_BYTES_MAX:
                            raise fault_for_body(operation, "a document without an end")
        except TimeoutError as error:
            reason = f"not read within {DOCUMENT_SECONDS_MAX:g} s"
            raise fault_for_body(operation, reason) from error
        return bytes(body)

    async def remove(self, url: str) -> None:
        """Delete a file with everything that belongs to it; NotFoundFault when it is not there.

        The service answers 200 (recorded traffic); other statuses of success are taken too.
        """
        operation = Operation.REMOVE
        hop = self._guard.check(url)
        for _ in range(REDIRECTS_MAX + 1):
            answer = await self._exchange.fetch(_outgoing(operation, hop, offset=0))
            location = _location(answer.status, answer.headers.get("location"))
            if location is None:
                return self._confirm_removed(answer)
            hop = self._guard.check(_resolve(hop, location))
        raise fault_for_body(operation, f"more than {REDIRECTS_MAX} redirects")

    def _confirm_removed(self, answer: Answer) -> None:
        now = self._exchange.now()
        if answer.status not in {200, 202, 204}:
            raise fault_for(Operation.REMOVE, answer, now=now)
        if answer.is_html:
            reason = "a page instead of an answer"
            raise fault_for_unreadable(Operation.REMOVE, answer, reason, now=now)

    async def _enter(
        self, stack: AsyncExitStack, operation: Operation, url: str, offset: int
    ) -> httpx.Response:
        """Follow redirects to the response that counts; it stays open as long as the stack."""
        hop = self._guard.check(url)
        for _ in range(REDIRECTS_MAX + 1):
            exchange = self._exchange.stream(_outgoing(operation, hop, offset=offset))
            response = await stack.enter_async_context(exchange)
            location = _location(response.status_code, location_of(response))
            if location is None:
                return response
            await stack.aclose()
            hop = self._guard.check(_resolve(hop, location))
        raise fault_for_body(operation, f"more than {REDIRECTS_MAX} redirects")

    async def _extent(
        self, operation: Operation, response: httpx.Response, offset: int
    ) -> _Extent | None:
        """Read from a response's head what its body holds; None when it is not from `offset` on.

        Raises the fault of an answer that is no file.
        """
        headers, status = response.headers, response.status_code
        if status == 416 and offset:
            return None
        if status not in {200, 206}:
            answer = await _finish(operation, response)
            raise fault_for(operation, answer, now=self._exchange.now())
        reason = _unusable(headers)
        if reason is not None:
            raise fault_for_body(operation, reason)
        length = _length(headers)
        if status == 200:
            return _Extent(offset=0, length=length, total=length)
        return _partial(headers.get("content-range"), offset=offset, length=length)


def _outgoing(operation: Operation, url: GuardedUrl, *, offset: int) -> Outgoing:
    return Outgoing(
        operation=operation,
        method="DELETE" if operation is Operation.REMOVE else "GET",
        url=url.url,
        target=url.target,
        headers={"Range": f"bytes={offset}-"} if offset else {},
        is_for_storage=True,
    )


def _location(status: int, location: str | None) -> str | None:
    return location if status in _REDIRECTS and location else None


def _resolve(base: GuardedUrl, location: str) -> str:
    # An absolute path stays on its host; what is neither that nor a whole URL is refused as it is.
    is_path = location.startswith("/") and not location.startswith("//")
    return base.url.removesuffix(base.target) + location if is_path else location


async def _finish(operation: Operation, response: httpx.Response) -> Answer:
    try:
        return await read_answer(response)
    except httpx.HTTPError as error:
        raise fault_for_silence(operation, was_sent=True, reason=str(error)) from error


def _length(headers: httpx.Headers) -> int | None:
    value = headers.get("content-length", "")
    return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None


def _unusable(headers: httpx.Headers) -> str | None:
    kind = headers.get("content-type", "").lower()
    if looks_like_html(kind, b""):
        return "a page instead of a file"
    if kind.startswith("multipart/"):
        return "several ranges instead of one"
    if headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        return "an encoded body that was not asked for"
    # azure-sdk-for-python issue 33415: 0 bytes at first, the file a minute later.
    return "an empty body" if _length(headers) == 0 else None


def _partial(content_range: str | None, *, offset: int, length: int | None) -> _Extent | None:
    if content_range is None:
        # Where the body starts is not said; without a range asked for it can only be the start.
        return None if offset else _Extent(offset=0, length=length, total=length)
    found = _CONTENT_RANGE.fullmatch(content_range.strip())
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    is_sound = first <= last and (total is None or last < total)
    if not is_sound or first != offset or length not in {None, last - first + 1}:
        return None
    return _Extent(offset=first, length=last - first + 1, total=total)


async def _blocks(
    response: httpx.Response, extent: _Extent, operation: Operation
) -> AsyncGenerator[bytes]:
    """Yield a body in blocks of BLOCK_BYTES or more but the last; every byte before any fault."""
    pending: list[bytes] = []
    held = received = 0
    failure: httpx.HTTPError | None = None
    try:
        async for piece in response.aiter_raw():
            if not received and looks_like_html("", piece):
                raise fault_for_body(operation, "a page instead of a file")
            received += len(piece)
            held += len(piece)
            pending.append(piece)
            if held >= BLOCK_BYTES:
                yield b"".join(pending)
                pending.clear()
                held = 0
    except httpx.HTTPError as error:
        failure = error
    if pending:
        yield b"".join(pending)
    reason = _shortfall(extent, received) if failure is None else str(failure)
    if reason:
        raise fault_for_body(operation, reason) from failure


def _shortfall(extent: _Extent, received: int) -> str:
    if not received:
        return "an empty body"
    if extent.length is not None and received != extent.length:
        return f"{received} bytes came instead of {extent.length}"
    if extent.total is not None and extent.offset + received != extent.total:
        return f"the body ended at byte {extent.offset + received} of {extent.total}"
    return ""
