"""Factories for tests that drive the emulator over loopback, as any client would."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import pytest
from azure.communication.callautomation import CallAutomationClient
from azure.core.credentials import AzureKeyCredential

from recordingd.emulator.app import EmulatorOptions, EmulatorServer

Json = dict[str, Any]
T = TypeVar("T")
_REASONS = {200: "OK", 400: "Bad Request", 503: "Service Unavailable"}


def sign(
    key: str, method: str, url: str, body: bytes = b"", host: str | None = None
) -> dict[str, str]:
    """Return the headers of a signed request, written from the documented recipe."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    date = formatdate(usegmt=True)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"{method}\n{target}\n{date};{host or parts.netloc};{digest}"
    mac = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mac).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        f"&Signature={signature}",
    }
    return headers | ({"x-ms-host": host} if host else {})


@dataclass
class Webhook:
    """A bare HTTP receiver; `statuses` are answered in turn, then 200."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    handshakes: list[dict[str, str]] = field(default_factory=list)
    validates: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers: dict[str, str] = {}
                while (raw := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = raw.decode().partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                writer.write(self.answer(method, path, headers, body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        extra, reply, status = "", b"", 200
        is_handshake = headers.get("aeg-event-type") == "SubscriptionValidation"
        if method == "OPTIONS" or is_handshake:
            self.handshakes.append(headers)
        if method == "OPTIONS" and self.validates:
            extra = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 1000\r\n"
        elif is_handshake:
            code = json.loads(body)[0]["data"]["validationCode"]
            if self.validates:
                reply = json.dumps({"validationResponse": code}).encode()
        else:
            status = self.statuses.pop(0) if self.statuses else 200
            entry = {"path": path, "headers": headers, "body": json.loads(body), "status": status}
            self.received.append(entry)
            self.arrived.set()
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'X')}\r\n{extra}"
        return f"{head}content-length: {len(reply)}\r\n\r\n".encode() + reply

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the received events one by one, whatever their envelope."""
        bodies = [entry["body"] for entry in self.received if entry["status"] == 200]
        return [event for body in bodies for event in (body if isinstance(body, list) else [body])]

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """Return the received events of one type."""
        return [
            e for e in self.events if (e.get("eventType") or e.get("type", "")).endswith(f".{name}")
        ]


@dataclass
class World:
    """A running emulator with clients for its two listeners and a webhook."""

    server: EmulatorServer
    http: httpx.AsyncClient
    control: httpx.AsyncClient
    webhook: Webhook

    @property
    def endpoint(self) -> str:
        return str(self.server.ready["endpoint"])

    @property
    def key(self) -> str:
        return self.server.options.access_key

    def sdk(self) -> CallAutomationClient:
        return CallAutomationClient(self.endpoint, AzureKeyCredential(self.key))

    async def post(self, path: str, **body: object) -> Json:
        answer = await self.control.post(path, json=body)
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()
        return made

    async def call(self, *participants: str | dict[str, Any], **fields: object) -> Json:
        parties = [{"id": p} if isinstance(p, str) else p for p in participants]
        return await self.post("/calls", participants=parties, **fields)

    async def leave_or_end(self, server_call_id: str, raw_id: str | None = None) -> Json:
        path = f"/calls/{quote(server_call_id, safe='')}"
        if raw_id is not None:
            path += f"/participants/{quote(raw_id, safe='')}"
        left: Json = (await self.control.delete(path)).raise_for_status().json()
        return left

    async def fault(self, name: str, **fields: object) -> None:
        await self.post("/faults", name=name, **fields)

    async def recordings(self) -> list[Json]:
        listed: list[Json] = (await self.control.get("/recordings")).json()
        return listed

    async def rest(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        version: str = "2026-03-12",
    ) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        url = f"{self.endpoint}/calling/recordings{path}?api-version={version}"
        signed = sign(self.key, method, url, content)
        return await self.http.request(
            method, url, content=content, headers={**signed, **(headers or {})}
        )

    async def start(
        self, call: Json, headers: dict[str, str] | None = None, **fields: object
    ) -> httpx.Response:
        locator = {"serverCallId": call["serverCallId"], "kind": "serverCallLocator"}
        wav = {
            "recordingContentType": "audio",
            "recordingChannelType": "mixed",
            "recordingFormatType": "wav",
        }
        return await self.rest("POST", "", {"callLocator": locator} | wav | fields, headers)

    async def storage(
        self, url: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        host = urlsplit(self.endpoint).hostname
        signed = sign(self.key, method, url, host=host)
        return await self.http.request(method, url, headers={**signed, **(headers or {})})

    def signed(self, url: str, host: str) -> dict[str, str]:
        """Return the headers of a storage GET that names `host` as the resource."""
        return sign(self.key, "GET", url, host=host)

    async def until(self, check: Callable[[], T], seconds: float = 5.0) -> T:
        """Wait until what `check` returns is true, and return it."""
        async with asyncio.timeout(seconds):
            while not (found := check()):  # noqa: ASYNC110  waits for anything at all
                await asyncio.sleep(0.01)
            return found

    async def made_file(self, seconds: float = 0.3, **fields: Any) -> Json:  # noqa: ANN401  JSON
        """Record a call of two for `seconds` and return the first chunk of its file event."""
        call = await self.call({"id": "8:acs:a", "hz": 500}, {"id": "8:acs:b", "hz": 1000})
        started = (await self.start(call, **fields)).json()
        await asyncio.sleep(0.2 / self.server.options.speed + seconds)
        await self.leave_or_end(call["serverCallId"])
        event = (await self.until(lambda: self.webhook.of_type("RecordingFileStatusUpdated"), 20))[
            -1
        ]
        chunk: dict[str, Any] = event["data"]["recordingStorageInfo"]["recordingChunks"][0]
        return chunk | {"recordingId": started["recordingId"]}


Emulate = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def emulate() -> Emulate:
    """Return a factory of running emulators whose events go to a webhook."""

    @asynccontextmanager
    async def run(**options: Any) -> AsyncIterator[World]:  # noqa: ANN401  of many types
        webhook = Webhook()
        for name in ("statuses", "validates"):
            if name in options:
                setattr(webhook, name, options.pop(name))
        listener = await asyncio.start_server(webhook.serve, "127.0.0.1", 0)
        webhook.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        defaults: Json = {"events_to": f"{webhook.url}/events?key=secret", "speed": 5.0}
        settings = EmulatorOptions(**(defaults | options))
        try:
            async with (
                EmulatorServer(settings) as server,
                httpx.AsyncClient(trust_env=False) as http,
                httpx.AsyncClient(
                    base_url=str(server.ready["control"]), trust_env=False
                ) as control,
            ):
                yield World(server=server, http=http, control=control, webhook=webhook)
        finally:
            listener.close()
            await asyncio.sleep(0)

    return run
