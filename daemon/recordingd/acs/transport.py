"""The HTTP client underneath: httpx's interface over aiohttp's connections.

Built by `exchange`, which is its only caller. httpx's own transport slows down as requests in
flight grow, and httpx-aiohttp's as published rewrites URLs after they were signed and reports a
reset as if nothing had been sent. This one sends URLs byte for byte and keeps the two apart. It
knows nothing of recordings, signatures or hosts.
"""

from __future__ import annotations

import http.cookiejar
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import aiohttp
import httpx
import httpx_aiohttp
from yarl import URL

# What the kernel hands over at once on a fast link; aiohttp pauses reading at twice this.
READ_BUFFER_BYTES = 512 * 1024
# Shorter than the service's own keep-alive, so that a start is seldom sent into a closing one.
KEEPALIVE_SECONDS = 15.0
# Failures before the first byte of a request can have left: name, connection, TLS handshake.
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


class SigningTransport(httpx_aiohttp.AiohttpTransport):
    """Sends what was signed, and raises httpx.ConnectError exactly when nothing was sent.

    Every other failure is an httpx.ReadError: the request, or a part of it, may have arrived.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False, client=self._open_session)

    def _open_session(self) -> aiohttp.ClientSession:
        # No limit here: `exchange` counts, and a queue in two places is a queue nobody sees.
        connector = aiohttp.TCPConnector(
            ssl=self.ssl_context, limit=0, keepalive_timeout=KEEPALIVE_SECONDS
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            trust_env=False,
            middlewares=(_send_once,),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return when the response's headers are there."""
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self._open_session()
        waits = request.extensions.get("timeout", {})
        with _told_apart(request):
            response = await self.client.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[(k.decode("ascii"), v.decode("latin-1")) for k, v in request.headers.raw],
                data=request.content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=waits.get("connect"), sock_read=waits.get("read")
                ),
            )
        return httpx.Response(
            response.status,
            headers=list(response.raw_headers),
            stream=_Body(response, request),
            request=request,
        )


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp sends a GET or DELETE again by itself when the connection broke; whether to ask again
    # is not for this layer to say. It does so for two exceptions, so they leave as a third.
    try:
        return await handler(request)
    except _NOT_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(_describe(error)) from error


class _Body(httpx.AsyncByteStream, AsyncIterator[bytes]):
    """A body in whatever pieces the connection delivers, without copying."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        with _told_apart(self._request):
            block = await self._response.content.readany()
        if not block:
            raise StopAsyncIteration
        return block

    async def aclose(self) -> None:
        # A body that was read to its end gives the connection back; any other closes it.
        self._response.release()


@contextmanager
def _told_apart(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise httpx.ConnectError(_refusal(error), request=request) from error
    except _NOT_SENT as error:
        raise httpx.ConnectError(_describe(error), request=request) from error
    except (aiohttp.ClientError, OSError, EOFError, ssl.SSLError) as error:
        raise httpx.ReadError(_describe(error), request=request) from error


def _refusal(error: aiohttp.ClientConnectorCertificateError) -> str:
    # A certificate does not mend itself as a slow host does: people must see which of the two it
    # is, and why.
    why = error.certificate_error
    reason = why.verify_message if isinstance(why, ssl.SSLCertVerificationError) else str(why)
    return f"certificate refused: {reason} ({error.host}:{error.port})"


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return verification against the system's authorities, and one more from a file if given.

    Raises OSError when the file cannot be read; ssl.SSLError is one.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


async def _set_location_aside(response: httpx.Response) -> None:
    # httpx parses Location even when it follows nothing, and raises over one it cannot read: before
    # anybody could refuse it for what it is.
    response.extensions["location"] = response.headers.pop("location", None)


def location_of(response: httpx.Response) -> str | None:
    """Return the Location header as it came, None when there is none."""
    location: str | None = response.extensions["location"]
    return location


def open_client(
    transport: httpx.AsyncBaseTransport, *, connect_seconds: float, idle_seconds: float
) -> httpx.AsyncClient:
    """Return a client that follows nothing, remembers nothing and reads no environment.

    `idle_seconds` is the longest silence between two pieces of a response.
    """
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(idle_seconds, connect=connect_seconds),
        event_hooks={"response": [_set_location_aside]},
        cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=())),
        headers={
            # The official clients ask storage for JSON too, whatever the file is.
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "recordingd",
        },
    )
