"""What the tests of the adapter share: a clock that stands still and a client without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from recordingd.acs.client import AcsClient, AcsOptions
from recordingd.acs.credentials import AccessKeyAuthorizer, AccessKeyCredential
from recordingd.acs.endpoint import parse_endpoint
from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.calls import ServerCallId
from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.ports.cloud import StartRequest

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)


class StillClock:
    """A clock that moves only by hand."""

    def __init__(self) -> None:
        self.now = AT

    def now_utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - AT).total_seconds()

    async def sleep_until(self, moment: datetime) -> None:
        self.now = max(self.now, moment)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Pieces(httpx.AsyncByteStream):
    """A body that arrives in the given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@dataclass(slots=True)
class Stub:
    """An httpx handler that answers in the given order and keeps every request."""

    answers: list[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return unread(answer)


def unread(answer: httpx.Response) -> httpx.Response:
    """Return an answer whose body is still to come, as every real one's is."""
    if not answer.is_stream_consumed:
        return answer
    return httpx.Response(answer.status_code, headers=answer.headers, stream=Pieces(answer.content))


Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@pytest.fixture
def make_client() -> Callable[..., AcsClient]:
    def make(
        handler: Handler,
        *,
        keys: tuple[str, ...] = (KEY,),
        api_version: str = "2026-03-12",
        clock: StillClock | None = None,
        exchange: ExchangeOptions | None = None,
    ) -> AcsClient:
        return AcsClient(
            parse_endpoint("https://contoso.communication.azure.com"),
            AccessKeyAuthorizer([AccessKeyCredential(key) for key in keys]),
            clock=clock or StillClock(),
            options=AcsOptions(api_version=api_version, exchange=exchange or ExchangeOptions()),
            transport=httpx.MockTransport(handler),
        )

    return make


@pytest.fixture
def plain_start() -> StartRequest:
    return StartRequest(
        server_call_id=ServerCallId("SCID"),
        content=Content.AUDIO,
        channels=Channels.MIXED,
        format=MediaFormat.MP3,
        affinity={},
        start_paused=False,
        container=None,
        callback_url=None,
        request_id="50c5d7eb-3fff-4097-8ecc-bb91eef95f05",
        first_sent_at=AT - timedelta(seconds=30),
    )


@pytest.fixture
def make_stub() -> type[Stub]:
    return Stub


@pytest.fixture
def make_pieces() -> type[Pieces]:
    return Pieces


@pytest.fixture
def still_clock() -> StillClock:
    return StillClock()
