"""No request, signed or not, leaves for a host that is not on the list, however it is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest

from recordingd.acs.client import AcsClient
from recordingd.domain.errors import CloudFault, UrlRefused

ENDPOINT = "https://contoso.communication.azure.com"
HOSTS = (".asm.skype.com", ".ams.gov.teams.microsoft.us")
COUNT = 10_000
GOOD = "https://us-storage.asm.skype.com/v1/objects/x"

PREFIXES = (
    "https://",
    "https://",
    "https://",
    "http://",
    "HTTPS://",
    "//",
    "https:/",
    "ftp://",
    "",
)
NAMES = (
    *("us-storage.asm.skype.com", "asm.skype.com", "evil.example", "evilasm.skype.com"),
    *("us-storage.asm.skype.com.evil.example", "contoso.communication.azure.com"),
    *("x.contoso.communication.azure.com", "127.0.0.1", "[::1]", "169.254.169.254", "localhost"),
    *("2130706433", "0x7f.1", "us-storage.asm.skype.com.", "us-storage.asm.skype.com..", ""),
    *("us-storage\u3002asm\u3002skype\u3002com", "us-stor\u0430ge.asm.skype.com", "[fe80::1]"),
)
JOINTS = (
    "@",
    ":@",
    "user:pass@",
    "\\@",
    "#@",
    "?@",
    "/@",
    "%40",
    "%2f",
    ".",
    "\\",
    "\t",
    "\r\n",
    " ",
)
PORTS = ("", "", "", ":443", ":80", ":8443", ":", ":0443", ":99999", ":443:443")
TAILS = (
    "",
    "/",
    "/v1/objects/x",
    "/../x",
    "/%2e%2e/x",
    "/x?sig=a%2Bb",
    "/x#y",
    "/\x00",
    "/x y",
    "\\x",
)


SPLICES = ("", "", "", "\n", "\t", " ", "\\", "@", ":", "#", "%", ".", "\u200b", "\ufe55", "\x7f")
DIALS = (PREFIXES, ("", *NAMES), JOINTS, NAMES, PORTS, TAILS, SPLICES)


class Nothing(httpx.AsyncByteStream):
    """An empty body that is still to come."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield


def hostile_urls(start: int) -> Iterator[str]:
    """Turn every dial at once, each at its own pace, so that all meet in ever new settings."""
    for turn in range(start, start + COUNT):
        rest = turn * 7919 * 104729
        chosen = []
        for dial in DIALS:
            rest, place = divmod(rest, len(dial))
            chosen.append(dial[place])
        prefix, lure, joint, name, port, tail, splice = chosen
        url = prefix + (lure + joint if lure else "") + name + port + tail
        cut = turn % (len(url) + 1)
        yield url[:cut] + splice + url[cut:]


def is_allowed(request: httpx.Request) -> bool:
    own = request.url.host == "contoso.communication.azure.com"
    is_listed = own or request.url.host.endswith(HOSTS)
    return is_listed and request.url.scheme == "https" and request.url.port is None


async def outcome(work: Awaitable[object]) -> type[Exception] | None:
    try:
        await work
    except (UrlRefused, CloudFault) as error:
        return type(error)
    return None


async def open_file(client: AcsClient, url: str) -> None:
    async with client.download(url, offset=0):
        pass


WORKS: dict[str, Callable[[AcsClient, str], Awaitable[object]]] = {
    "download": open_file,
    "metadata": lambda client, url: client.fetch_metadata(url),
    "remove": lambda client, url: client.remove(url),
}


@pytest.mark.parametrize("name", WORKS)
def test_refused_urls_are_never_asked_for(name: str, connect: Callable[..., AcsClient]) -> None:
    sent: list[httpx.Request] = []

    async def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(404, stream=Nothing())

    async def inside() -> tuple[int, int]:
        refused = asked = 0
        transport = httpx.MockTransport(record)
        async with connect(ENDPOINT, storage_hosts=HOSTS, transport=transport) as client:
            for url in hostile_urls(0):
                before = len(sent)
                if await outcome(WORKS[name](client, url)) is UrlRefused:
                    refused += 1
                    assert len(sent) == before, url
                else:
                    asked += 1
                    assert len(sent) == before + 1, url
        return refused, asked

    refused, asked = asyncio.run(inside())
    assert refused + asked == COUNT
    assert refused > COUNT * 0.9
    assert asked > 0
    assert all(map(is_allowed, sent))


@pytest.mark.parametrize("name", WORKS)
def test_refused_redirects_are_never_followed(name: str, connect: Callable[..., AcsClient]) -> None:
    location = ""
    sent: list[httpx.Request] = []

    async def redirect(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if str(request.url) != GOOD:
            return httpx.Response(404, stream=Nothing())
        raw = location.encode("utf-8", "surrogatepass")
        return httpx.Response(302, headers=[(b"location", raw)], stream=Nothing())

    async def inside() -> int:
        nonlocal location
        refused = 0
        transport = httpx.MockTransport(redirect)
        async with connect(ENDPOINT, storage_hosts=HOSTS, transport=transport) as client:
            for location in hostile_urls(COUNT):
                before = len(sent)
                if await outcome(WORKS[name](client, GOOD)) is UrlRefused:
                    refused += 1
                    assert len(sent) == before + 1, location
        return refused

    assert asyncio.run(inside()) > COUNT * 0.8
    assert all(map(is_allowed, sent))
