"""One HTTP request and its answer, with the rude endings that faults need.

The thin layer between uvicorn and the surfaces (``front``, ``control``): it reads a body within a
limit, answers, resets or truncates the connection, and keeps the log of requests. It knows no
operation.
"""

import json
import socket
import struct
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BODY_BYTES_MAX = 1 << 20
_TRANSPORT = "recordingd.emulator.transport"
_LOGGED_BODY_CHARS_MAX = 16_384
_SIGNATURE = "&Signature="

Headers = Iterable[tuple[str, str]]


@runtime_checkable
class Breakable(Protocol):
    """The part of a transport that faults need; event loops have transport classes of their own."""

    def get_extra_info(self, name: str) -> socket.socket | None:
        """Return the socket for ``socket``."""

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""

    def close(self) -> None:
        """Close after sending what was written."""


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, lending its transport to the application so that it can misbehave."""

    def on_message_begin(self) -> None:
        """Add the transport to the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}

    def shutdown(self) -> None:
        """End at once when idle: a TLS client that keeps its connection answers no goodbye."""
        # There is no cycle before the first request.
        is_idle = getattr(self.cycle, "response_complete", True)
        super().shutdown()
        if is_idle and isinstance(self.transport, Breakable):
            self.transport.abort()


class TooLargeError(Exception):
    """The request's body is longer than `BODY_BYTES_MAX`."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request being answered; `target` is path and query exactly as on the wire.

    `status` is what was answered, None while nothing was and for a connection that was reset.
    """

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    receive: Receive
    send: Send
    transport: object
    status: int | None = None
    segments: Sequence[str] = field(default_factory=tuple)

    @property
    def target(self) -> str:
        """Return path and query as they were signed."""
        return f"{self.raw_path}?{self.query}" if self.query else self.raw_path

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return dict(reversed(parse_qsl(self.query, keep_blank_values=True))).get(name)

    async def reply(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        """Answer with a body of known length."""
        await self.begin(status, (*headers, ("content-length", str(len(body)))))
        await self.send({"type": "http.response.body", "body": body})

    async def reply_json(self, status: int, value: object, headers: Headers = ()) -> None:
        """Answer with `value` as JSON."""
        body = json.dumps(value).encode()
        kind = ("content-type", "application/json; charset=utf-8")
        await self.reply(status, (kind, *headers), body)

    async def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers; `piece` calls must follow."""
        self.status = status
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})

    async def piece(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def reset(self) -> None:
        """Reset the connection (RST) without an answer."""
        self.status = None
        transport = self._transport()
        raw = transport.get_extra_info("socket")
        if raw is not None:
            # Linger zero turns the close into a reset.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await self.gone()

    async def cut(self) -> None:
        """Close the connection after what was sent so far, in the middle of a body."""
        self._transport().close()
        await self.gone()

    def _transport(self) -> Breakable:
        if not isinstance(self.transport, Breakable):
            # Called without a server, as simulations do: the client sees the error itself.
            msg = "reset by a fault"
            raise ConnectionResetError(msg)
        return self.transport

    async def gone(self) -> None:
        """Wait until the server has noticed that the connection is closed."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def read_exchange(scope: Scope, receive: Receive, send: Send) -> Exchange:
    """Read the request's body and return the exchange; raises `TooLargeError`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise TooLargeError
        if not message.get("more_body", False):
            break
    raw_path = scope["raw_path"].decode("ascii", errors="replace")
    extension = scope.get("extensions", {}).get(_TRANSPORT, {})
    return Exchange(
        method=scope["method"],
        raw_path=raw_path,
        query=scope["query_string"].decode("ascii", errors="replace"),
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
        body=bytes(body),
        receive=receive,
        send=send,
        transport=extension.get("transport"),
        # Split before unquoting: a server call id holds slashes of its own.
        segments=tuple(unquote(part) for part in raw_path.split("/")[1:]),
    )


@dataclass(slots=True, kw_only=True)
class RequestLog:
    """The last requests on the service side, oldest first."""

    entries: deque[dict[str, object]]
    total: int = 0

    def add(self, exchange: Exchange, at: str) -> None:
        """Remember a finished exchange, its signature masked."""
        self.total += 1
        self.entries.append(
            {
                "number": self.total,
                "at": at,
                "method": exchange.method,
                "path": exchange.raw_path,
                "query": exchange.query,
                "headers": _masked(exchange.headers),
                "body": _shown(exchange.body),
                "status": exchange.status,
            }
        )


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    shown = dict(headers)
    authorization = shown.get("authorization")
    if authorization is not None:
        scheme, separator, _ = authorization.partition(_SIGNATURE)
        shown["authorization"] = f"{scheme}{separator}***" if separator else "***"
    return shown


def _shown(body: bytes) -> str | None:
    return body.decode(errors="replace")[:_LOGGED_BODY_CHARS_MAX] if body else None
