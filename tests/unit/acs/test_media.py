from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx
import pytest

from recordingd.acs.client import AcsClient
from recordingd.acs.media import BLOCK_BYTES
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    RetryableFault,
    UrlRefused,
)

if TYPE_CHECKING:
    from tests.unit.acs.conftest import Stub

MakeClient = Callable[..., AcsClient]
URL = "https://us-storage.asm.skype.com/v1/objects/0-wus-d2-x/content/audio"
FILE = bytes(range(256)) * 4
SIZE = len(FILE)


def part(
    first: int, *, status: int = 206, body: bytes | None = None, **headers: str
) -> httpx.Response:
    names = {"content-range": f"bytes {first}-{SIZE - 1}/{SIZE}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return httpx.Response(status, content=FILE[first:] if body is None else body, headers=names)


class Pieces(httpx.AsyncByteStream):
    """A body that arrives in the given pieces, its length unsaid."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def fetch(client: AcsClient, *, offset: int = 0) -> tuple[int, int | None, bytes]:
    async def inside() -> tuple[int, int | None, bytes]:
        body = b""
        async with client, client.download(URL, offset=offset) as download:
            async for block in download.blocks:
                body += block
        return download.offset, download.total_bytes, body

    return asyncio.run(inside())


# --- whole files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=FILE),
        part(0),
        part(0, status=200),
        httpx.Response(206, content=FILE),
    ],
)
def test_whole_file_comes_with_200_and_with_206(
    answer: httpx.Response, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    assert fetch(make_client(make_stub([answer]))) == (0, SIZE, FILE)


def test_request_for_a_whole_file_has_no_range_and_no_encoding(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, content=FILE)])
    fetch(make_client(stub))
    headers = stub.requests[0].headers
    assert "range" not in headers
    assert headers["accept-encoding"] == "identity"
    assert headers["x-ms-host"] == "contoso.communication.azure.com"
    assert headers["host"] == "us-storage.asm.skype.com"


def test_length_that_is_not_said_is_none(make_client: MakeClient, make_stub: type[Stub]) -> None:
    stub = make_stub([httpx.Response(200, stream=Pieces(b"abc", b"def"))])
    assert fetch(make_client(stub)) == (0, None, b"abcdef")


def test_small_pieces_are_gathered_into_blocks(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    small = [b"x" * 1000] * 600
    stub = make_stub([httpx.Response(200, stream=Pieces(*small))])

    async def sizes() -> list[int]:
        async with make_client(stub) as client, client.download(URL, offset=0) as download:
            return [len(block) async for block in download.blocks]

    found = asyncio.run(sizes())
    assert sum(found) == 600_000
    assert all(BLOCK_BYTES <= size < BLOCK_BYTES + 1000 for size in found[:-1])
    assert len(found) == 3


# --- continuing -----------------------------------------------------------------------------------


def test_file_is_continued_from_the_offset(make_client: MakeClient, make_stub: type[Stub]) -> None:
    stub = make_stub([part(100)])
    assert fetch(make_client(stub), offset=100) == (100, SIZE, FILE[100:])
    assert stub.requests[0].headers["range"] == "bytes=100-"


def test_range_of_unknown_total_is_continued(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([part(100, content_range=f"bytes 100-{SIZE - 1}/*")])
    assert fetch(make_client(stub), offset=100) == (100, None, FILE[100:])


def test_ignored_range_restarts_at_0(make_client: MakeClient, make_stub: type[Stub]) -> None:
    stub = make_stub([httpx.Response(200, content=FILE)])
    assert fetch(make_client(stub), offset=100) == (0, SIZE, FILE)


@pytest.mark.parametrize(
    "answer",
    [
        part(101),
        part(0),
        part(99),
        httpx.Response(206, content=FILE[100:]),
        part(100, content_range="bytes 100-50/1024", body=b"x"),
        part(100, content_range="bytes 100-2000/1024", body=b"x"),
        part(100, content_range="bytes 100-1000/1024"),
        part(100, content_range="pages 1-2/3"),
        httpx.Response(416, headers={"content-range": f"bytes */{SIZE}"}),
        httpx.Response(416),
    ],
)
def test_range_that_cannot_be_trusted_restarts_at_0(
    answer: httpx.Response, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([answer, httpx.Response(200, content=FILE)])
    assert fetch(make_client(stub), offset=100) == (0, SIZE, FILE)
    assert "range" not in stub.requests[1].headers


def test_start_elsewhere_than_at_0_is_not_taken_for_the_file(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([part(1)])
    with pytest.raises(RetryableFault, match="first byte"):
        fetch(make_client(stub))
    assert len(stub.requests) == 1


# --- bodies that are not the file -----------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, stream=Pieces()),
        httpx.Response(204),
        httpx.Response(200, html="<html>sign in</html>"),
        httpx.Response(200, content=b"\r\n<!DOCTYPE html><html>"),
        httpx.Response(200, stream=Pieces(b"<html>", FILE)),
        httpx.Response(
            206, content=b"x", headers={"content-type": "multipart/byteranges; boundary=x"}
        ),
        httpx.Response(200, stream=Pieces(FILE), headers={"content-encoding": "gzip"}),
        part(0, content_range="bytes 0-1022/1023"),
        part(0, content_range="bytes 0-1/2"),
        httpx.Response(400, html="<html>Bad Request</html>"),
        httpx.Response(401),
        httpx.Response(403),
        httpx.Response(500),
        httpx.Response(503, text="Service Unavailable"),
        httpx.Response(302),
    ],
)
def test_answer_that_is_not_the_file_is_retryable(
    answer: httpx.Response, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    with pytest.raises(RetryableFault):
        fetch(make_client(make_stub([answer])))


@pytest.mark.parametrize("status", [404, 410])
def test_file_that_the_service_dropped_is_not_found(
    status: int, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    with pytest.raises(NotFoundFault):
        fetch(make_client(make_stub([httpx.Response(status)])))


def test_body_shorter_than_its_range_is_retryable_after_its_last_byte(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    answer = httpx.Response(
        206, stream=Pieces(FILE[:500]), headers={"content-range": f"bytes 0-{SIZE - 1}/{SIZE}"}
    )
    received = b""

    async def inside() -> None:
        nonlocal received
        async with (
            make_client(make_stub([answer])) as client,
            client.download(URL, offset=0) as download,
        ):
            async for block in download.blocks:
                received += block

    with pytest.raises(RetryableFault, match="500 bytes came instead of 1024"):
        asyncio.run(inside())
    assert received == FILE[:500]


def test_part_of_a_file_is_not_the_whole(make_client: MakeClient, make_stub: type[Stub]) -> None:
    answer = part(0, content_range=f"bytes 0-9/{SIZE}", body=FILE[:10])
    with pytest.raises(RetryableFault, match="ended at byte 10 of 1024"):
        fetch(make_client(make_stub([answer])))


def test_body_longer_than_its_range_is_retryable(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    answer = httpx.Response(206, stream=Pieces(FILE), headers={"content-range": "bytes 0-9/10"})
    with pytest.raises(RetryableFault, match="1024 bytes came instead of 10"):
        fetch(make_client(make_stub([answer])))


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "https://uk-storage.asm.skype.com/v1/objects/other?hop=1",
        "/v1/objects/other?hop=1",
    ],
)
def test_every_hop_is_signed_anew_and_keeps_the_range(
    status: int, location: str, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(status, headers={"location": location}), part(100)])
    assert fetch(make_client(stub), offset=100)[0] == 100
    first, second = stub.requests
    assert second.url.raw_path == b"/v1/objects/other?hop=1"
    assert second.headers["range"] == "bytes=100-"
    assert second.headers["x-ms-host"] == "contoso.communication.azure.com"
    assert second.headers["authorization"].startswith("HMAC-SHA256 ")
    assert second.headers["authorization"] != first.headers["authorization"]


def test_three_redirects_are_followed_and_a_fourth_is_not(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    def hops(count: int) -> list[httpx.Response | Exception]:
        return [httpx.Response(302, headers={"location": f"/hop/{n}"}) for n in range(count)]

    assert fetch(make_client(make_stub([*hops(3), part(0)])))[2] == FILE
    stub = make_stub([*hops(4), part(0)])
    with pytest.raises(RetryableFault, match="more than 3 redirects"):
        fetch(make_client(stub))
    assert len(stub.requests) == 4


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/x",
        "http://us-storage.asm.skype.com/x",
        "//evil.example/x",
        "/../x",
        "content",
        "https://[bad",
        "https://us-storage.asm.skype.com@evil.example/",
    ],
)
def test_redirect_off_the_list_is_refused_unsent(
    location: str, make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(302, headers={"location": location}), part(0)])
    with pytest.raises(UrlRefused):
        fetch(make_client(stub))
    assert len(stub.requests) == 1


# --- removing -------------------------------------------------------------------------------------


def remove(client: AcsClient) -> None:
    async def inside() -> None:
        async with client:
            await client.remove(URL)

    asyncio.run(inside())


def test_removal_follows_redirects_as_a_removal(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    there = {"location": "https://uk-storage.asm.skype.com/v1/objects/x"}
    stub = make_stub([httpx.Response(302, headers=there), httpx.Response(200)])
    remove(make_client(stub))
    assert [request.method for request in stub.requests] == ["DELETE", "DELETE"]
    assert stub.requests[1].url.host == "uk-storage.asm.skype.com"
    assert "x-ms-host" in stub.requests[1].headers


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(404), NotFoundFault),
        (httpx.Response(401), RetryableFault),
        (httpx.Response(503), RetryableFault),
        (httpx.Response(500), AmbiguousFault),
        (httpx.Response(303, headers={"location": "/x"}), RetryableFault),
        (httpx.ReadError("reset"), AmbiguousFault),
        (httpx.ConnectError("refused"), RetryableFault),
    ],
)
def test_removal_that_was_not_confirmed_says_what_is_known(
    answer: httpx.Response | Exception,
    kind: type[CloudFault],
    make_client: MakeClient,
    make_stub: type[Stub],
) -> None:
    with pytest.raises(kind) as caught:
        remove(make_client(make_stub([answer])))
    assert type(caught.value) is kind


def test_removal_lost_in_redirects_was_not_carried_out(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    answers = [httpx.Response(302, headers={"location": "/again"}) for _ in range(9)]
    with pytest.raises(RetryableFault, match="redirects"):
        remove(make_client(make_stub([*answers])))


# --- metadata -------------------------------------------------------------------------------------


def test_metadata_behind_a_redirect_is_read(make_client: MakeClient, make_stub: type[Stub]) -> None:
    body = b'{\r\n"chunkDuration": 5580.0}'
    stub = make_stub(
        [
            httpx.Response(302, headers={"location": "/elsewhere"}),
            httpx.Response(
                206, content=body, headers={"content-range": f"bytes 0-{len(body) - 1}/{len(body)}"}
            ),
        ]
    )

    async def inside() -> int | None:
        async with make_client(stub) as client:
            return (await client.fetch_metadata(URL)).duration_ms

    assert asyncio.run(inside()) == 5580


def test_metadata_without_an_end_is_given_up(
    make_client: MakeClient, make_stub: type[Stub]
) -> None:
    stub = make_stub([httpx.Response(200, stream=Pieces(*[b" " * 1_000_000] * 20))])

    async def inside() -> None:
        async with make_client(stub) as client:
            await client.fetch_metadata(URL)

    with pytest.raises(RetryableFault, match="without an end"):
        asyncio.run(inside())
