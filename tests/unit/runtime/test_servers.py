from __future__ import annotations

import asyncio
import socket

import pytest

from recordingd.runtime.servers import HEAD_BYTES_MAX, bind, make_server


async def application(scope: dict[str, object], _: object, send: object) -> None:
    assert callable(send)
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def first_line(head: bytes) -> bytes:
    """Serve, send a head, and return the first line of the answer."""
    listener = bind("127.0.0.1", 0)
    server = make_server(application)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(head)
        line = await reader.readline()
        writer.close()
        server.should_exit = True
        await serving
    return line


def test_ordinary_head_is_answered() -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + b"t" * 8000 + b"\r\n\r\n"
    assert asyncio.run(first_line(head)).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("end", [b"", b": y"])
def test_head_without_an_end_is_cut(end: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nx-" + b"a" * (HEAD_BYTES_MAX + 300_000) + end
    assert asyncio.run(first_line(head)).startswith(b"HTTP/1.1 431")


def test_body_of_any_size_is_not_the_heads_business() -> None:
    body = b"b" * (2 * HEAD_BYTES_MAX)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert asyncio.run(first_line(head + body)).startswith(b"HTTP/1.1 204")


def test_taken_port_is_an_error_at_once() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", taken.getsockname()[1])


def test_port_zero_is_a_free_one() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
        assert listener.family == socket.AF_INET
