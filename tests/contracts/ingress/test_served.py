"""The application behind a real server on a real socket: what only the wire can show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from tests.receivers import make_receiver

from recordingd.ingress.auth import Keyring, NamedSecret, token_hash_of
from recordingd.ingress.receiver import build_app
from recordingd.ingress.requests import BODY_BYTES_MAX
from recordingd.ports.ledger import InboxEvent

SERVER = "aHR0cHM6Ly9hcGkvY29udi9R/aT0xMC0x+Mg=="
EVENT = {"id": "1", "topic": "/t", "eventType": "x", "data": {}}


class MemoryBackend:
    """A ledger in memory, unique by the inbox key."""

    def __init__(self) -> None:
        self.inbox: dict[tuple[str, str, str], InboxEvent] = {}

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        for event in events:
            self.inbox.setdefault((event.channel, event.source, event.event_id), event)

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        if token_hash != token_hash_of("known"):
            return False
        await self.commit(events)
        return True

    async def status(self) -> Mapping[str, object]:
        return {}

    async def call(self, server_call_id: str) -> Mapping[str, object] | None:
        return {"serverCallId": server_call_id}

    async def recording(self, prefix: str) -> Mapping[str, object] | None:
        return {"id": prefix}

    def is_live(self) -> bool:
        return True

    async def is_ready(self) -> bool:
        return True

    def metrics(self) -> tuple[bytes, str]:
        return b"", "text/plain"

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)


@contextlib.asynccontextmanager
async def served(backend: MemoryBackend) -> AsyncIterator[int]:
    """Serve the application on a free loopback port; give the port."""
    keyring = Keyring(
        webhook=(NamedSecret(name="hook", value="a+b/c=="),),
        api_tokens=(NamedSecret(name="ops", value="ops-key"),),
    )
    app = build_app(make_receiver(backend, keyring))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, access_log=False, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            try:
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True


Scene = Callable[[httpx.AsyncClient, MemoryBackend], Coroutine[Any, Any, None]]


def play(scene: Scene) -> None:
    """Run a scene against a served application with an empty ledger."""

    async def run() -> None:
        backend = MemoryBackend()
        async with (
            served(backend) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            await scene(client, backend)

    asyncio.run(run())


def test_key_with_plus_and_slash_is_accepted_unencoded_in_the_address() -> None:
    async def scene(client: httpx.AsyncClient, backend: MemoryBackend) -> None:
        answer = await client.post("/events?key=a+b/c==", json=[EVENT])
        assert (answer.status_code, len(backend.inbox)) == (200, 1)

    play(scene)


def test_duplicate_is_acknowledged_and_kept_once() -> None:
    async def scene(client: httpx.AsyncClient, backend: MemoryBackend) -> None:
        for _ in range(2):
            answer = await client.post("/events?key=a+b/c==", json=[EVENT, EVENT])
            assert answer.status_code == 200
        assert len(backend.inbox) == 1

    play(scene)


def test_percent_encoded_call_id_reaches_the_backend_whole() -> None:
    async def scene(client: httpx.AsyncClient, _backend: MemoryBackend) -> None:
        path = "/v1/calls/" + SERVER.replace("/", "%2F").replace("=", "%3D")
        answer = await client.get(path, headers={"authorization": "Bearer ops-key"})
        assert answer.json() == {"serverCallId": SERVER}

    play(scene)


def test_unknown_callback_token_changes_nothing() -> None:
    async def scene(client: httpx.AsyncClient, backend: MemoryBackend) -> None:
        assert (await client.post("/callbacks/guess", json=[EVENT])).status_code == 401
        assert backend.inbox == {}
        assert (await client.post("/callbacks/known", json=[EVENT])).status_code == 200
        assert len(backend.inbox) == 1

    play(scene)


async def _exchange(port: int, *blocks: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for block in blocks:
            writer.write(block)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.readline()
    finally:
        writer.close()


@pytest.mark.parametrize("announced", [BODY_BYTES_MAX + 1, 10**15])
def test_body_announced_too_long_is_refused_before_it_is_sent(announced: int) -> None:
    async def run() -> None:
        head = (
            "POST /events HTTP/1.1\r\nhost: d\r\nx-recordingd-key: a+b/c==\r\n"
            f"content-length: {announced}\r\n\r\n"
        )
        async with served(MemoryBackend()) as port:
            assert b" 413 " in await _exchange(port, head.encode())

    asyncio.run(run())


def test_chunked_body_is_refused_once_it_is_too_long() -> None:
    async def run() -> None:
        head = b"POST /events HTTP/1.1\r\nhost: d\r\nx-recordingd-key: a+b/c==\r\n"
        head += b"transfer-encoding: chunked\r\n\r\n"
        block = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        backend = MemoryBackend()
        async with served(backend) as port:
            # The end of the body never comes: the answer must not wait for it.
            assert b" 413 " in await _exchange(port, head, *[block] * 33)
        assert backend.inbox == {}

    asyncio.run(run())


def test_body_that_breaks_off_commits_nothing_and_leaves_the_server_well() -> None:
    async def run() -> None:
        body = json.dumps([EVENT]).encode()
        head = b"POST /events HTTP/1.1\r\nhost: d\r\nx-recordingd-key: a+b/c==\r\n"
        head += b"content-length: %d\r\n\r\n" % (len(body) + 1)
        backend = MemoryBackend()
        async with served(backend) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + body)
            await writer.drain()
            writer.close()
            assert b" 200 " in await _exchange(port, b"GET /livez HTTP/1.1\r\nhost: d\r\n\r\n")
        assert backend.inbox == {}

    asyncio.run(run())


def test_handshake_never_fetches_an_address() -> None:
    async def run() -> None:
        seen: list[str] = []

        async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append((await reader.readline()).decode())
            writer.close()

        recorder = await asyncio.start_server(record, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{recorder.sockets[0].getsockname()[1]}/validate?id=1"
        data = {"validationCode": "c", "validationUrl": url}
        kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
        headers = {"webhook-request-origin": "e.example", "webhook-request-callback": url}
        async with recorder, served(MemoryBackend()) as port:
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
                posted = await client.post(
                    "/events?key=a+b/c==", json=[{**EVENT, "eventType": kind, "data": data}]
                )
                asked = await client.options("/events?key=a+b/c==", headers=headers)
            # The server has ended by now, so nothing of it is still on its way.
            assert (posted.json(), asked.status_code) == ({"validationResponse": "c"}, 200)
        assert seen == []

    asyncio.run(run())
