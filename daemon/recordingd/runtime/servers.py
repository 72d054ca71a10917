"""uvicorn, run inside our own task group: it handles no signals and owns no loop.

Called by `runtime.service`. Sockets are bound before anything is served, so that a taken port is an
error at the start, and port 0 is known when the daemon says that it listens. Of the control socket
the kernel says who is at the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from recordingd.ingress.control import PEER
from recordingd.runtime.accounts import account_of

# A request that was taken is answered; one that hangs does not keep the daemon from ending.
GRACE_SECONDS = 5
BACKLOG = 2048
# Far above what any proxy passes on; a bearer token has a few KiB.
HEAD_BYTES_MAX = 64 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHead(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers have an end: httptools itself counts neither.

    Nobody is known yet while a head arrives, so what it may hold is bounded before anything else.
    """

    _is_in_head = False
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take what arrived; answer 431 and hang up once a head is larger than it may be."""
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: bodies are counted by whoever reads them."""
        self._is_in_head = False
        super().on_headers_complete()


class NamedPeer(BoundedHead):
    """HTTP/1.1 over a UNIX socket; every request tells whose process sent it, as PEER."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the kernel who is at the other end."""
        # uvloop's transports are such without being of the class.
        super().connection_made(cast("asyncio.Transport", transport))
        self.app_state = {**self.app_state, PEER: peer_of(transport.get_extra_info("socket"))}


def peer_of(connection: socket.socket) -> str:
    """Return the account of the process that opened a UNIX connection (unix(7), SO_PEERCRED)."""
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", credentials)
    return account_of(uid)


class Server(uvicorn.Server):
    """A server whose process belongs to somebody else."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: the daemon handles them."""
        yield


def make_server(
    app: Any,  # noqa: ANN401 - an ASGI application is any callable to uvicorn
    *,
    protocol: type[BoundedHead] = BoundedHead,
) -> Server:
    """Make a server for an ASGI application; end it by setting `should_exit`."""
    config = uvicorn.Config(
        app,
        http=protocol,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config)


def bind(host: str, port: int) -> socket.socket:
    """Bind a TCP address; OSError when it is taken. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Whoever connects from now on waits for us instead of being refused.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def bind_unix(path: Path) -> socket.socket:
    """Bind a UNIX socket that only our own user may open; one left by a dead daemon is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.listen(BACKLOG)
    return listener
