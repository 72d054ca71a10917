"""The key source against an issuer on a real socket: what it fetches and what it believes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.issuer import jwk, rsa_key

from recordingd.acs.key_source import (
    DOCUMENT_BYTES_MAX,
    REFRESH_AFTER_SECONDS,
    RETRY_SECONDS,
    TRUSTED_FOR_SECONDS,
    UNKNOWN_KID_SECONDS,
    OpenIdKeySource,
)
from recordingd.domain.errors import ConfigurationError, KeysUnavailable

CONFIGURATION = "/.well-known/openid-configuration"
KEYS = "/keys"


class HandClock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_utc(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


@dataclass
class Issuer:
    """An HTTP server with an OpenID configuration and keys; `requests` are the paths asked for."""

    base: str = ""
    kids: tuple[str, ...] = ("key-1",)
    configuration: dict[str, Any] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)
    status: int = 200
    raw: bytes | None = None
    location: str | None = None
    gate: asyncio.Event | None = None
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.base + CONFIGURATION

    def fetches(self) -> int:
        return self.requests.count(KEYS)

    def body(self, path: str) -> bytes:
        if self.raw is not None:
            return self.raw
        if path == CONFIGURATION:
            document = {"issuer": "x", "jwks_uri": self.base + KEYS, **self.configuration}
        else:
            document = {"keys": self.entries or [jwk(kid) for kid in self.kids]}
        return json.dumps(document).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.requests.append(path)
        self.headers.append(head.lower())
        self.is_asked.set()
        if self.gate is not None:
            await self.gate.wait()
        body = self.body(path)
        lines = [f"HTTP/1.1 {self.status} X", f"content-length: {len(body)}", "connection: close"]
        if self.location is not None:
            lines.append(f"location: {self.location}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def running(issuer: Issuer) -> AsyncIterator[None]:
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    async with server:
        issuer.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield


Scene = Callable[[OpenIdKeySource, Issuer, HandClock], Coroutine[Any, Any, None]]


def play(scene: Scene, issuer: Issuer | None = None) -> None:
    """Run a scene with an issuer, a clock, and a source that has fetched nothing yet."""

    async def run() -> None:
        clock, server = HandClock(), issuer or Issuer()
        async with running(server), OpenIdKeySource(server.url, clock=clock) as source:
            await scene(source, server, clock)

    asyncio.run(run())


async def outcome(source: OpenIdKeySource, kid: str) -> str:
    try:
        key = await source.key_for(kid)
    except KeysUnavailable:
        return "unavailable"
    return "unknown" if key is None else "known"


# --- what is fetched ------------------------------------------------------------------------------


def test_key_is_fetched_once_and_remembered() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        for _ in range(3):
            assert await source.key_for("key-1") == rsa_key("key-1")
        assert issuer.requests == [CONFIGURATION, KEYS]

    play(scene)


def test_nothing_is_fetched_before_a_key_is_asked_for() -> None:
    async def scene(_source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        assert issuer.requests == []

    play(scene)


def test_no_credential_and_no_cookie_goes_to_the_issuer() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        await source.key_for("key-1")
        assert not any("authorization:" in head or "cookie:" in head for head in issuer.headers)

    play(scene)


def test_callers_at_the_same_time_share_one_fetch() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(outcome(source, "key-1")) for _ in range(50)]
        assert {task.result() for task in asked} == {"known"}
        assert issuer.fetches() == 1

    play(scene)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/c",
        "ftp://127.0.0.1/c",
        "https:///c",
        "https://user:secret@issuer.example/c",
        "https://issuer.example/c#f",
        "https://issuer.example:99999/c",
        "issuer.example/c",
        "",
    ],
)
def test_address_that_is_neither_https_nor_this_machine_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        OpenIdKeySource(url, clock=HandClock())


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.2:{port}/keys",
        "http://127.0.0.1:1/keys",
        "https://127.0.0.1:{port}/keys",
        "http://127.0.0.1:{port}@evil.example/keys",
        "http://evil.example/keys",
        "//127.0.0.1:{port}/keys",
        "file:///etc/passwd",
        "/keys",
        "",
        None,
        7,
    ],
)
def test_keys_are_fetched_from_the_same_origin_only(address: object) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        port = issuer.base.rpartition(":")[2]
        named = address.format(port=port) if isinstance(address, str) else address
        issuer.configuration = {"jwks_uri": named}
        assert await outcome(source, "key-1") == "unavailable"
        assert issuer.requests == [CONFIGURATION]

    play(scene)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        issuer.status, issuer.location = status, issuer.base + KEYS
        assert await outcome(source, "key-1") == "unavailable"
        assert issuer.requests == [CONFIGURATION]

    play(scene)


# --- what is believed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"keys": [' + b" " * DOCUMENT_BYTES_MAX + b"]}",
    ],
    ids=["empty", "page", "array", "null", "not-utf-8", "deep", "long"],
)
def test_answer_that_is_no_document_gives_no_keys(raw: bytes) -> None:
    async def scene(source: OpenIdKeySource, _issuer: Issuer, _clock: HandClock) -> None:
        assert await outcome(source, "key-1") == "unavailable"

    play(scene, Issuer(raw=raw))


@pytest.mark.parametrize(
    "entry",
    [
        jwk("key-1", use="enc"),
        jwk("key-1", alg="RS512"),
        jwk("key-1", alg="HS256"),
        jwk("key-1", kty="oct", k="c2VjcmV0"),
        jwk("key-1", e="AA"),
        jwk("key-1", e="AQ"),
        jwk("key-1", e="Ag"),
        jwk("key-1", n="3q2-7w"),
        jwk("key-1", n="*"),
        jwk("key-1", n=7),
        jwk("key-1", kid=None),
        {},
        None,
        "key-1",
    ],
)
def test_entry_that_is_no_signing_key_is_left_out(entry: object) -> None:
    async def scene(source: OpenIdKeySource, _issuer: Issuer, _clock: HandClock) -> None:
        assert await outcome(source, "key-1") == "unknown"
        assert await outcome(source, "key-2") == "known"

    play(scene, Issuer(entries=[entry, jwk("key-2")]))


def test_entry_that_says_neither_use_nor_algorithm_is_a_signing_key() -> None:
    entry = {name: value for name, value in jwk("key-1").items() if name not in {"use", "alg"}}

    async def scene(source: OpenIdKeySource, _issuer: Issuer, _clock: HandClock) -> None:
        assert await outcome(source, "key-1") == "known"

    play(scene, Issuer(entries=[entry]))


# --- unknown names --------------------------------------------------------------------------------


def test_key_that_is_new_is_found_by_its_name() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        await source.key_for("key-1")
        issuer.kids = ("key-1", "key-2")
        assert await outcome(source, "key-2") == "known"
        assert issuer.fetches() == 2

    play(scene)


@pytest.mark.parametrize("is_warm", [True, False])
def test_ten_thousand_unknown_names_cause_one_fetch_a_minute(*, is_warm: bool) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        if is_warm:
            await source.key_for("key-1")
        before = issuer.fetches()
        # Ten thousand names, spread evenly over less than five minutes.
        for number in range(10_000):
            assert await outcome(source, f"invented-{number}") == "unknown"
            clock.seconds += 5 * UNKNOWN_KID_SECONDS / 10_000
        assert issuer.fetches() - before == 5
        assert await outcome(source, "key-1") == "known"

    play(scene)


@pytest.mark.parametrize(
    ("after", "fetches"),
    [(UNKNOWN_KID_SECONDS - 0.1, 1), (UNKNOWN_KID_SECONDS, 2), (UNKNOWN_KID_SECONDS + 0.1, 2)],
)
def test_unknown_name_is_looked_for_again_after_a_minute(after: float, fetches: int) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        await outcome(source, "invented")
        clock.seconds += after
        await outcome(source, "invented")
        assert issuer.fetches() == fetches

    play(scene)


# --- age and failure ------------------------------------------------------------------------------


def test_keys_are_fetched_again_ahead_of_their_expiry() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        await source.key_for("key-1")
        clock.seconds += REFRESH_AFTER_SECONDS - 1
        await source.key_for("key-1")
        assert issuer.fetches() == 1
        clock.seconds += 1
        await source.key_for("key-1")
        assert issuer.fetches() == 2

    play(scene)


def test_withdrawn_key_is_unknown_after_the_next_fetch() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        await source.key_for("key-1")
        issuer.kids = ("key-2",)
        clock.seconds += REFRESH_AFTER_SECONDS
        assert await outcome(source, "key-1") == "unknown"

    play(scene)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (TRUSTED_FOR_SECONDS - 1, "known"),
        (TRUSTED_FOR_SECONDS, "unavailable"),
        (TRUSTED_FOR_SECONDS + 1, "unavailable"),
    ],
)
def test_keys_are_trusted_for_a_day_while_the_issuer_is_away(after: float, found: str) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        await source.key_for("key-1")
        issuer.status = 500
        clock.seconds += after
        assert await outcome(source, "key-1") == found

    play(scene)


def test_unknown_name_is_unavailable_while_the_issuer_is_away() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        await source.key_for("key-1")
        issuer.status = 503
        assert await outcome(source, "key-2") == "unavailable"
        assert await outcome(source, "key-3") == "unavailable"
        assert await outcome(source, "key-1") == "known"

    play(scene)


@pytest.mark.parametrize(
    ("after", "found"),
    [(RETRY_SECONDS - 0.1, "unavailable"), (RETRY_SECONDS, "known"), (RETRY_SECONDS + 1, "known")],
)
def test_failed_fetch_is_tried_again_after_its_pause(after: float, found: str) -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, clock: HandClock) -> None:
        assert await outcome(source, "key-1") == "unavailable"
        issuer.status = 200
        clock.seconds += after
        assert await outcome(source, "key-1") == found

    play(scene, Issuer(status=500))


def test_refused_connection_is_unavailable() -> None:
    async def run() -> None:
        async with running(gone := Issuer()):
            url = gone.url
        async with OpenIdKeySource(url, clock=HandClock()) as source:
            assert await outcome(source, "key-1") == "unavailable"

    asyncio.run(run())


def test_known_key_does_not_wait_for_a_fetch_under_way() -> None:
    async def scene(source: OpenIdKeySource, issuer: Issuer, _clock: HandClock) -> None:
        await source.key_for("key-1")
        issuer.gate, issuer.is_asked = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(outcome(source, "invented"))
            await issuer.is_asked.wait()
            assert await outcome(source, "key-1") == "known"
            assert not waiting.done()
            issuer.gate.set()

    play(scene)
