from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from recordingd.acs.client import AcsClient
from recordingd.acs.exchange import ANSWER_BYTES_MAX, ExchangeOptions
from recordingd.acs.signing import Message, sign
from recordingd.domain.errors import AmbiguousFault, RetryableFault
from recordingd.domain.recordings import ServiceRecordingId

if TYPE_CHECKING:
    from tests.unit.acs.conftest import Pieces, Stub

MakeClient = Callable[..., AcsClient]
PRIMARY = base64.b64encode(b"primary-key-of-the-resource-0001").decode()
SECONDARY = base64.b64encode(b"secondary-key-of-the-resource-02").decode()
AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
ID = ServiceRecordingId("eyJQ")
ACTIVE = {"recordingState": "active"}
ACTIVE_BODY = b'{"recordingState": "active"}'


def authorization_of(request: httpx.Request, key: str) -> str:
    message = Message(
        method=request.method,
        target=request.url.raw_path.decode(),
        host="contoso.communication.azure.com",
        body=request.content,
    )
    return sign(message, key=base64.b64decode(key), at=AT)["Authorization"]


def test_second_key_is_used_after_the_first_was_refused(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(401), httpx.Response(200, json=ACTIVE)])

    async def twice() -> bool:
        async with make_client(stub, keys=(PRIMARY, SECONDARY)) as client:
            with pytest.raises(RetryableFault) as caught:
                await client.fetch_is_active(ID)
            assert caught.value.detail.status == 401
            return await client.fetch_is_active(ID)

    assert asyncio.run(twice())
    first, second = stub.requests
    assert first.headers["authorization"] == authorization_of(first, PRIMARY)
    assert second.headers["authorization"] == authorization_of(second, SECONDARY)


def test_date_of_the_newest_answer_is_kept(make_client: MakeClient, make_stub: type[Stub]) -> None:
    answers: list[httpx.Response | Exception] = [
        httpx.Response(200, json=ACTIVE),
        httpx.Response(200, json=ACTIVE, headers={"Date": "Tue, 04 Aug 2026 10:00:05 GMT"}),
        httpx.Response(200, json=ACTIVE, headers={"Date": "nonsense"}),
        httpx.Response(200, json=ACTIVE, headers={"Date": "Fri, 31 Dec 9999 23:59:59 -0100"}),
    ]

    async def each() -> list[datetime | None]:
        seen = []
        async with make_client(make_stub(answers)) as client:
            for _ in range(4):
                await client.fetch_is_active(ID)
                seen.append(client.last_service_date)
        return seen

    newest = datetime(2026, 8, 4, 10, 0, 5, tzinfo=UTC)
    assert asyncio.run(each()) == [None, newest, newest, newest]


def test_answer_without_an_end_is_cut_and_unreadable(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    endless = b'{"recordingState": "active", "x": "' + b"y" * (2 * ANSWER_BYTES_MAX) + b'"}'
    stub = make_stub([httpx.Response(200, content=endless)])

    async def once() -> None:
        async with make_client(stub) as client:
            await client.fetch_is_active(ID)

    with pytest.raises(RetryableFault, match="not JSON"):
        asyncio.run(once())


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (lambda c: c.stop(ID), AmbiguousFault),
        (lambda c: c.fetch_is_active(ID), RetryableFault),
    ],
)
def test_operation_without_an_answer_in_time_fails(
    work: Callable[[AcsClient], Awaitable[object]], kind: type[Exception], make_client: MakeClient
) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def once() -> None:
        async with make_client(
            never, exchange=ExchangeOptions(connect_seconds=0.001, operation_seconds=0.01)
        ) as client:
            await work(client)

    with pytest.raises(kind, match=r"no answer within 0\.01 s"):
        asyncio.run(once())


def test_requests_in_flight_are_bounded(make_client: MakeClient, make_pieces: type[Pieces]) -> None:
    running, most = 0, 0

    async def slow(_: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return httpx.Response(200, stream=make_pieces(ACTIVE_BODY))

    async def many() -> None:
        async with (
            make_client(slow, exchange=ExchangeOptions(operations_max=3)) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(20):
                group.create_task(client.fetch_is_active(ID))

    asyncio.run(many())
    assert most == 3


def test_open_downloads_do_not_hold_up_operations(
    make_client: MakeClient, make_pieces: type[Pieces]
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        is_storage = request.url.host.endswith("asm.skype.com")
        body = b"RIFF" if is_storage else ACTIVE_BODY
        return httpx.Response(200, stream=make_pieces(body))

    async def both() -> bool:
        options = ExchangeOptions(streams_max=1, operations_max=1)
        async with (
            make_client(answer, exchange=options) as client,
            client.download("https://us.asm.skype.com/x", offset=0),
            asyncio.timeout(5),
        ):
            return await client.fetch_is_active(ID)

    assert asyncio.run(both())


def test_cancelled_request_gives_its_slot_back(
    make_client: MakeClient, make_pieces: type[Pieces]
) -> None:
    calls = 0

    async def hang_once(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        return httpx.Response(200, stream=make_pieces(ACTIVE_BODY))

    async def cancel_then_ask() -> bool:
        async with make_client(hang_once, exchange=ExchangeOptions(operations_max=1)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.fetch_is_active(ID)
            async with asyncio.timeout(5):
                return await client.fetch_is_active(ID)

    assert asyncio.run(cancel_then_ask())
