"""What the adapter makes of real connections: what was sent, what was not, and what broke off."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from recordingd.acs.client import AcsClient
from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    RetryableFault,
)
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.cloud import StartRequest

Connect = Callable[..., AcsClient]
Work = Callable[[AcsClient, str], Awaitable[object]]
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ID = ServiceRecordingId("eyJQbGF0==")
FILE = bytes(range(256)) * 8192


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do with one request: `raw` is sent, then the connection goes on, ends or breaks."""

    raw: bytes = b""
    then: str = "keep"  # keep | close | reset | hang


def http(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class ScriptedServer:
    """Answers one request after the other from a list; a request beyond it is an error."""

    replies: list[Reply]
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (request := await read_request(reader)) is not None:
                self.seen.append(request)
                reply = self.replies.pop(0)
                writer.write(reply.raw.replace(b"@AUTHORIZATION@", echo(request)))
                await writer.drain()
                if reply.then == "hang":
                    await reader.read()
                if reply.then == "reset":
                    reset(writer)
                if reply.then != "keep":
                    return
        except ConnectionError:
            return
        finally:
            writer.close()


def echo(request: Seen) -> bytes:
    return request.headers["authorization"].encode()


async def read_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, body)


def reset(writer: asyncio.StreamWriter) -> None:
    # A linger time of 0 makes the kernel answer with RST instead of an orderly end.
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def serving(*replies: Reply) -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer(list(replies))
    server = await asyncio.start_server(scripted.converse, "127.0.0.1", 0)
    async with server:
        scripted.port = server.sockets[0].getsockname()[1]
        yield scripted


async def fetch(
    client: AcsClient, url: str, *, offset: int = 0, into: bytearray | None = None
) -> bytes:
    received = bytearray() if into is None else into
    async with client.download(url, offset=offset) as download:
        assert download.offset == offset
        async for block in download.blocks:
            received += block
    return bytes(received)


STARTED = http(200, b'{"recordingId": "eyJQ", "recordingState": "inactive"}')
ACTIVE = http(200, b'{"recordingState": "active"}')


async def stop(client: AcsClient, _: str) -> None:
    await client.stop(ID)


async def pause(client: AcsClient, _: str) -> None:
    await client.pause(ID)


async def remove(client: AcsClient, base: str) -> None:
    await client.remove(f"{base}/v1/objects/x")


async def read_state(client: AcsClient, _: str) -> None:
    await client.fetch_is_active(ID)


async def read_file(client: AcsClient, base: str) -> None:
    await fetch(client, f"{base}/v1/objects/x/content/audio")


async def read_metadata(client: AcsClient, base: str) -> None:
    await client.fetch_metadata(f"{base}/v1/objects/x/content/acsmetadata")


CHANGES = (stop, pause, remove)
READS = (read_state, read_file, read_metadata)
BROKEN = (
    Reply(then="reset"),
    Reply(then="close"),
    Reply(b"HTTP/1.1 20", then="close"),
    Reply(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", then="close"),
    Reply(b"SSH-2.0-OpenSSH\r\n\r\n", then="close"),
    Reply(then="hang"),
)
IMPATIENT = ExchangeOptions(connect_seconds=0.2, idle_seconds=0.1, operation_seconds=0.3)


async def meet(connect: Connect, work: Work, *replies: Reply) -> CloudFault:
    async with serving(*replies) as server:
        async with connect(server.endpoint, exchange=IMPATIENT) as client:
            with pytest.raises(CloudFault) as caught:
                await work(client, server.endpoint)
        assert len(server.seen) == len(replies), "something was sent again"
        return caught.value


@pytest.mark.parametrize("reply", BROKEN)
def test_start_that_broke_off_after_it_was_sent_is_ambiguous(
    reply: Reply, connect: Connect, plain_start: StartRequest
) -> None:
    async def start(client: AcsClient, _: str) -> None:
        await client.start(plain_start)

    assert type(asyncio.run(meet(connect, start, reply))) is AmbiguousFault


@pytest.mark.parametrize("work", CHANGES)
@pytest.mark.parametrize("reply", BROKEN)
def test_change_that_broke_off_after_it_was_sent_is_ambiguous(
    reply: Reply, work: Work, connect: Connect
) -> None:
    assert type(asyncio.run(meet(connect, work, reply))) is AmbiguousFault


@pytest.mark.parametrize("work", READS)
@pytest.mark.parametrize("reply", BROKEN)
def test_read_that_broke_off_is_retryable(reply: Reply, work: Work, connect: Connect) -> None:
    assert type(asyncio.run(meet(connect, work, reply))) is RetryableFault


@pytest.mark.parametrize("work", [*CHANGES, *READS])
def test_refused_connection_means_nothing_was_sent(work: Work, connect: Connect) -> None:
    async def inside() -> None:
        async with serving() as server:
            endpoint = server.endpoint
        async with connect(endpoint) as client:
            await work(client, endpoint)

    with pytest.raises(RetryableFault, match="no response"):
        asyncio.run(inside())


def test_handshake_with_a_plaintext_server_fails_without_falling_back(connect: Connect) -> None:
    received: list[bytes] = []

    async def answer_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def inside() -> None:
        server = await asyncio.start_server(answer_plainly, "127.0.0.1", 0)
        async with server:
            endpoint = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with connect(endpoint) as client:
                await client.stop(ID)

    with pytest.raises(RetryableFault, match="SSL"):
        asyncio.run(inside())
    handshake = b"\x16\x03"
    assert [data[:2] for data in received] == [handshake]
    assert b"HTTP" not in received[0]


def test_handshake_without_an_answer_means_nothing_was_sent(connect: Connect) -> None:
    async def inside() -> None:
        async with serving() as server:
            endpoint = server.endpoint.replace("http:", "https:")
            options = ExchangeOptions(connect_seconds=0.1)
            async with connect(endpoint, exchange=options) as client:
                await client.stop(ID)

    with pytest.raises(RetryableFault, match="timeout"):
        asyncio.run(inside())


@pytest.mark.parametrize("work", [*CHANGES, *READS])
def test_kept_connection_that_broke_is_not_tried_again(work: Work, connect: Connect) -> None:
    async def inside() -> int:
        async with serving(Reply(ACTIVE), Reply(then="close")) as server:
            async with connect(server.endpoint) as client:
                await client.fetch_is_active(ID)
                with pytest.raises(CloudFault):
                    await work(client, server.endpoint)
            return len(server.seen)

    assert asyncio.run(inside()) == 2


def test_connections_are_reused(connect: Connect) -> None:
    async def inside() -> int:
        async with serving(*[Reply(ACTIVE)] * 5) as server, connect(server.endpoint) as client:
            for _ in range(5):
                await client.fetch_is_active(ID)
            return server.connections

    assert asyncio.run(inside()) == 1


def test_cookies_are_not_kept(connect: Connect) -> None:
    async def inside() -> list[Seen]:
        cookie = http(200, b'{"recordingState": "active"}', set_cookie="a=b; Path=/")
        async with serving(*[Reply(cookie)] * 2) as server, connect(server.endpoint) as client:
            await client.fetch_is_active(ID)
            await client.fetch_is_active(ID)
            return server.seen

    assert ["cookie" in seen.headers for seen in asyncio.run(inside())] == [False, False]


def test_proxies_of_the_environment_are_not_used(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:1")

    async def inside() -> bool:
        async with serving(Reply(ACTIVE)) as server, connect(server.endpoint) as client:
            return await client.fetch_is_active(ID)

    assert asyncio.run(inside())


def test_redirected_operation_is_not_followed(connect: Connect) -> None:
    async def inside() -> list[Seen]:
        async with serving() as server, connect(server.endpoint) as client:
            server.replies.append(Reply(http(307, location=f"{server.endpoint}/elsewhere")))
            with pytest.raises(RetryableFault):
                await client.stop(ID)
            return server.seen

    assert len(asyncio.run(inside())) == 1


def signature_of(seen: Seen, host: str) -> str:
    text = (
        f"{seen.method}\n{seen.target}\n{seen.headers['x-ms-date']};{host};"
        f"{seen.headers['x-ms-content-sha256']}"
    )
    digest = hmac.digest(base64.b64decode(KEY), text.encode(), "sha256")
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "target",
    [
        "/v1/objects/0-wus-d2-x/content/audio",
        "/v1/objects/a%3Db%2Fc/content/audio",
        "/v1/objects/a%7eb~c/content;v=1/(x)!*'",
        "/v1//objects/x?a=b%2Bc+d&e=%e2%82%ac&f=/?:@",
        "/x?sig=q%3D%3D&sig=2",
    ],
)
def test_signature_covers_the_bytes_on_the_wire(target: str, connect: Connect) -> None:
    async def inside() -> tuple[Seen, str]:
        async with serving(Reply(http(200, FILE))) as server, connect(server.endpoint) as client:
            await fetch(client, server.endpoint + target)
            return server.seen[0], f"127.0.0.1:{server.port}"

    seen, host = asyncio.run(inside())
    assert seen.target == target
    assert seen.headers["x-ms-host"] == host
    assert seen.headers["authorization"].endswith(f"&Signature={signature_of(seen, host)}")


def test_signature_of_a_start_covers_its_body(connect: Connect, plain_start: StartRequest) -> None:
    async def inside() -> tuple[Seen, str]:
        async with serving(Reply(STARTED)) as server, connect(server.endpoint) as client:
            await client.start(plain_start)
            return server.seen[0], f"127.0.0.1:{server.port}"

    seen, host = asyncio.run(inside())
    digest = base64.b64encode(hashlib.sha256(seen.body).digest()).decode()
    assert seen.headers["x-ms-content-sha256"] == digest
    assert seen.headers["authorization"].endswith(f"&Signature={signature_of(seen, host)}")
    assert seen.headers["host"] == host


# --- files ----------------------------------------------------------------------------------------


def ranged(first: int, stop: int = len(FILE)) -> bytes:
    content_range = f"bytes {first}-{len(FILE) - 1}/{len(FILE)}"
    length = len(FILE) - first
    return http(206, FILE[first:stop], length=length, content_range=content_range)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_download_cut_in_the_middle_is_continued_from_there(then: str, connect: Connect) -> None:
    middle = len(FILE) // 2

    async def inside() -> bytes:
        received = bytearray()
        reply = Reply(ranged(0, middle), then=then)
        async with serving(reply) as server, connect(server.endpoint) as client:
            url = f"{server.endpoint}/v1/objects/x/content/audio"
            with pytest.raises(RetryableFault):
                await fetch(client, url, into=received)
            # A reset may throw away what the kernel had not handed over yet.
            server.replies = [Reply(ranged(len(received)))]
            return await fetch(client, url, offset=len(received), into=received)

    assert asyncio.run(inside()) == FILE


def test_every_byte_before_an_orderly_cut_is_delivered(connect: Connect) -> None:
    received = bytearray()

    async def inside() -> None:
        async with (
            serving(Reply(ranged(0, 100_001), then="close")) as server,
            connect(server.endpoint) as client,
        ):
            await fetch(client, f"{server.endpoint}/x", into=received)

    with pytest.raises(RetryableFault):
        asyncio.run(inside())
    assert received == FILE[:100_001]


def test_download_that_falls_silent_is_given_up(connect: Connect) -> None:
    async def inside() -> None:
        async with (
            serving(Reply(ranged(0, 1000), then="hang")) as server,
            connect(server.endpoint, exchange=IMPATIENT) as client,
        ):
            await fetch(client, f"{server.endpoint}/x")

    with pytest.raises(RetryableFault):
        asyncio.run(inside())


def test_chunked_download_is_read_to_its_end(connect: Connect) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nRIFF!\r\n0\r\n\r\n"

    async def inside() -> bytes:
        async with serving(Reply(chunked)) as server, connect(server.endpoint) as client:
            return await fetch(client, f"{server.endpoint}/x")

    assert asyncio.run(inside()) == b"RIFF!"


def test_chunked_download_without_its_end_is_retryable(connect: Connect) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nRIFF!\r\n"

    async def inside() -> None:
        async with (
            serving(Reply(chunked, then="close")) as server,
            connect(server.endpoint) as client,
        ):
            await fetch(client, f"{server.endpoint}/x")

    with pytest.raises(RetryableFault):
        asyncio.run(inside())


def test_download_left_early_closes_its_connection(connect: Connect) -> None:
    async def inside() -> int:
        async with (
            serving(Reply(ranged(0)), Reply(http(404))) as server,
            connect(server.endpoint, exchange=ExchangeOptions(streams_max=1)) as client,
        ):
            async with client.download(f"{server.endpoint}/x", offset=0) as download:
                assert await anext(aiter(download.blocks))
            with pytest.raises(NotFoundFault):
                await fetch(client, f"{server.endpoint}/x")
            return server.connections

    assert asyncio.run(inside()) == 2


def test_redirect_to_another_loopback_host_is_signed_again(connect: Connect) -> None:
    async def inside() -> tuple[Seen, Seen, str]:
        async with (
            serving(Reply(ranged(0))) as second,
            serving() as first,
            connect(first.endpoint) as client,
        ):
            there = f"{second.endpoint}/v1/objects/y?hop=1"
            first.replies.append(Reply(http(302, location=there)))
            assert await fetch(client, f"{first.endpoint}/v1/objects/x") == FILE
            return first.seen[0], second.seen[0], f"127.0.0.1:{first.port}"

    first, second, host = asyncio.run(inside())
    for seen in (first, second):
        assert seen.headers["x-ms-host"] == host
        assert seen.headers["authorization"].endswith(signature_of(seen, host))
    assert second.target == "/v1/objects/y?hop=1"


# --- secrets --------------------------------------------------------------------------------------

# Azure Storage answers a bad signature with what it was sent and what it had expected.
ECHO = (
    b"HTTP/1.1 401 X\r\nconnection: close\r\n\r\n"
    b'{"error": {"code": "7509", "message": "expected another than @AUTHORIZATION@"}}'
)


@pytest.mark.parametrize("work", [*CHANGES, *READS])
@pytest.mark.parametrize("then", ["close", "reset"])
def test_no_fault_shows_the_key_or_a_signature(work: Work, then: str, connect: Connect) -> None:
    async def inside() -> tuple[CloudFault, Seen]:
        reply = Reply(ECHO if then == "close" else b"", then=then)
        async with serving(reply) as server, connect(server.endpoint) as client:
            with pytest.raises(CloudFault) as caught:
                await work(client, server.endpoint)
            return caught.value, server.seen[0]

    fault, seen = asyncio.run(inside())
    shown = "".join(traceback.format_exception(fault)) + repr(fault) + repr(fault.detail)
    signature = seen.headers["authorization"].partition("Signature=")[2]
    assert KEY not in shown
    assert signature not in shown
    assert then == "reset" or "expected" in shown
