"""The client against the emulator, which was written from the documents and not from the client."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from recordingd.acs.client import AcsClient
from recordingd.acs.credentials import parse_connection_string
from recordingd.domain.calls import RawId, ServerCallId
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
    UrlRefused,
)
from recordingd.domain.policies import Channels
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.emulator.clock import real_now

if TYPE_CHECKING:
    from tests.contracts.acs.conftest import World

T = TypeVar("T")
Connect = Callable[..., AcsClient]
Live = Callable[..., T]
AGENT, CUSTOMER = RawId("8:acs:agent"), RawId("4:+4930123456")
WRONG_KEY = base64.b64encode(b"not the key of this resource").decode()


async def fetch(client: AcsClient, url: str, *, offset: int = 0) -> tuple[int, int | None, bytes]:
    async with client.download(url, offset=offset) as download:
        body = b"".join([block async for block in download.blocks])
        return download.offset, download.total_bytes, body


# --- recording operations -------------------------------------------------------------------------


def test_recording_goes_from_start_to_stop(live: Live[list[bool]]) -> None:
    async def work(world: World) -> list[bool]:
        client, states = world.client, []
        recording = (await client.start(world.request)).recording_id
        states.append(await client.fetch_is_active(recording))
        world.advance(1)
        states.append(await client.fetch_is_active(recording))
        await client.pause(recording)
        states.append(await client.fetch_is_active(recording))
        await client.resume(recording)
        states.append(await client.fetch_is_active(recording))
        await client.stop(recording)
        with pytest.raises(NotFoundFault):
            await client.fetch_is_active(recording)
        with pytest.raises(NotFoundFault):
            await client.stop(recording)
        return states

    assert live(work) == [False, True, False, True]


def test_recording_started_paused_is_silent_until_resumed(live: Live[list[bool]]) -> None:
    async def work(world: World) -> list[bool]:
        client = world.client
        request = replace(world.request, start_paused=True)
        recording = (await client.start(request)).recording_id
        world.advance(20)
        before = await client.fetch_is_active(recording)
        await client.resume(recording)
        return [before, await client.fetch_is_active(recording)]

    assert live(work) == [False, True]


def test_lost_answer_is_made_up_for_by_sending_the_same_request_again(live: Live[int]) -> None:
    async def work(world: World) -> int:
        world.fault("start.lostResponse")
        with pytest.raises(AmbiguousFault):
            await world.client.start(world.request)
        assert (await world.client.start(world.request)).recording_id
        return world.recordings()

    assert live(work) == 1


def test_second_start_of_a_call_is_ambiguous_and_makes_nothing(live: Live[int]) -> None:
    async def work(world: World) -> int:
        await world.start()
        other = replace(world.request, request_id="00000000-0000-4000-8000-000000000001")
        with pytest.raises(AmbiguousFault):
            await world.client.start(other)
        return world.recordings()

    assert live(work) == 1


FAULTS = [
    ("start.500", {}, AmbiguousFault),
    ("start.resetBeforeExecute", {}, AmbiguousFault),
    ("start.429", {}, RetryableFault),
    ("start.duplicate", {"code": "8553"}, AmbiguousFault),
    ("start.duplicate", {"code": "8559"}, AmbiguousFault),
    ("service.error", {"status": 503}, RetryableFault),
    ("service.error", {"status": 401, "code": "7501"}, RetryableFault),
    ("service.error", {"status": 403, "code": "7504"}, RetryableFault),
    ("service.error", {"status": 400, "code": "8501"}, RetryableFault),
    ("service.error", {"status": 400, "code": "8528"}, PermanentFault),
    ("service.error", {"status": 409, "code": "8571"}, AmbiguousFault),
    ("service.error", {"status": 412, "code": "8583"}, PermanentFault),
]


@pytest.mark.parametrize(("name", "params", "kind"), FAULTS)
def test_fault_of_a_start_is_told_apart(
    name: str, params: dict[str, object], kind: type[CloudFault], live: Live[CloudFault]
) -> None:
    async def work(world: World) -> CloudFault:
        world.fault(name, **params)
        with pytest.raises(CloudFault) as caught:
            await world.client.start(world.request)
        return caught.value

    assert type(live(work)) is kind


@pytest.mark.parametrize(("given", "seconds"), [("2", 2.0), ("86400", 300.0), ("soon", None)])
def test_wait_that_the_service_asks_for_is_clamped(
    given: str, seconds: float | None, live: Live[float | None]
) -> None:
    async def work(world: World) -> float | None:
        world.fault("start.429", retryAfter=given)
        with pytest.raises(RetryableFault) as caught:
            await world.client.start(world.request)
        return caught.value.detail.delay_seconds

    assert live(work) == seconds


def test_start_in_an_unknown_call_is_not_found(live: Live[None]) -> None:
    async def work(world: World) -> None:
        request = replace(world.request, server_call_id=ServerCallId("bm90aGluZw=="))
        with pytest.raises(NotFoundFault):
            await world.client.start(request)

    live(work)


def test_wrong_key_is_refused_as_retryable_401(live: Live[int | None]) -> None:
    async def work(world: World) -> int | None:
        with pytest.raises(RetryableFault) as caught:
            await world.client.start(world.request)
        return caught.value.detail.status

    assert live(work, key=WRONG_KEY) == 401


def test_private_authority_is_trusted_when_named(live: Live[bool]) -> None:
    async def work(world: World) -> bool:
        return await world.client.fetch_is_active(await world.start())

    assert live(work, tls=True)


def test_unknown_authority_is_refused_before_anything_is_sent(
    live: Live[list[object]], connect: Connect
) -> None:
    async def work(world: World) -> list[object]:
        endpoint = str(world.server.ready["endpoint"])
        async with connect(endpoint) as stranger:
            with pytest.raises(RetryableFault, match="certificate refused"):
                await stranger.stop(ServiceRecordingId("eyJQ"))
        return list(world.server.emulator.control.log.entries)

    assert live(work, tls=True) == []


def test_date_of_the_service_is_noted(live: Live[float]) -> None:
    async def work(world: World) -> float:
        await world.start()
        assert world.client.last_service_date is not None
        return abs(world.client.last_service_date.timestamp() - real_now())

    assert live(work) < 5


def test_connection_string_of_the_emulator_reaches_it(live: Live[str]) -> None:
    async def work(world: World) -> str:
        text = str(world.server.ready["connectionString"])
        assert parse_connection_string(text).endpoint.url == world.server.ready["endpoint"]
        return (await world.client.start(world.request)).recording_id

    assert live(work)


# --- files ----------------------------------------------------------------------------------------


def test_file_is_downloaded_described_and_removed(live: Live[None]) -> None:
    async def work(world: World) -> None:
        place, client = await world.make_file(), world.client
        offset, total, body = await fetch(client, place.content_url)
        (file,) = world.server.emulator.filing.documents.values()
        assert (offset, total) == (0, file.size_bytes)
        assert hashlib.sha256(body).hexdigest() == file.sha256
        metadata = await client.fetch_metadata(place.metadata_url)
        assert metadata.duration_ms is not None
        assert abs(metadata.duration_ms - 20_000) < 1000
        assert set(metadata.participants) == {AGENT, CUSTOMER}
        assert place.delete_url is not None
        await client.remove(place.delete_url)
        for url in (place.content_url, place.metadata_url):
            with pytest.raises(NotFoundFault):
                await fetch(client, url)
        with pytest.raises(NotFoundFault):
            await client.remove(place.delete_url)

    live(work)


def test_unmixed_metadata_names_the_assigned_channels(live: Live[dict[RawId, int | None]]) -> None:
    async def work(world: World) -> dict[RawId, int | None]:
        affinity = {0: CUSTOMER, 1: AGENT}
        request = replace(world.request, channels=Channels.UNMIXED, affinity=affinity)
        place = await replace(world, request=request).make_file()
        return dict((await world.client.fetch_metadata(place.metadata_url)).participants)

    assert live(work) == {CUSTOMER: 0, AGENT: 1}


@pytest.mark.parametrize("name", ["download.truncate", "download.reset"])
def test_broken_download_is_continued(name: str, live: Live[bool]) -> None:
    async def work(world: World) -> bool:
        place, client = await world.make_file(), world.client
        _, _, whole = await fetch(client, place.content_url)
        received = bytearray()
        world.fault(name)

        async def read_on() -> None:
            async with client.download(place.content_url, offset=len(received)) as download:
                assert download.offset == len(received)
                async for block in download.blocks:
                    received.extend(block)

        with pytest.raises(RetryableFault):
            await read_on()
        assert len(received) < len(whole)
        await read_on()
        return bytes(received) == whole

    assert live(work)


@pytest.mark.parametrize(
    "quirks", [(), ("float",), ("framerate", "crlf"), ("swapped",), ("noChannels", "float", "crlf")]
)
def test_metadata_is_read_in_every_shape_seen(
    quirks: tuple[str, ...], live: Live[int | None]
) -> None:
    async def work(world: World) -> int | None:
        if quirks:
            world.fault("metadata.quirks", quirks=list(quirks))
        place = await world.make_file()
        return (await world.client.fetch_metadata(place.metadata_url)).duration_ms

    duration_ms = live(work)
    assert duration_ms is not None
    assert abs(duration_ms - 20_000) < 1000


def test_range_that_is_ignored_restarts_at_0(live: Live[tuple[int, bool]]) -> None:
    async def work(world: World) -> tuple[int, bool]:
        place, client = await world.make_file(), world.client
        _, total, whole = await fetch(client, place.content_url)
        assert await fetch(client, place.content_url, offset=1000) == (1000, total, whole[1000:])
        world.fault("download.wrongRange")
        offset, _, body = await fetch(client, place.content_url, offset=1000)
        return offset, body == whole

    assert live(work) == (0, True)


@pytest.mark.parametrize("beyond", [0, 1, 1_000_000])
def test_offset_at_or_after_the_end_restarts_at_0(
    beyond: int, live: Live[tuple[int, bool]]
) -> None:
    async def work(world: World) -> tuple[int, bool]:
        place, client = await world.make_file(), world.client
        _, _, whole = await fetch(client, place.content_url)
        offset, _, body = await fetch(client, place.content_url, offset=len(whole) + beyond)
        return offset, body == whole

    assert live(work) == (0, True)


def test_wrong_content_range_restarts_at_0(live: Live[tuple[int, bool]]) -> None:
    async def work(world: World) -> tuple[int, bool]:
        place, client = await world.make_file(), world.client
        _, _, whole = await fetch(client, place.content_url)
        world.fault("download.wrongContentRange")
        offset, _, body = await fetch(client, place.content_url, offset=1000)
        return offset, body == whole

    assert live(work) == (0, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("download.empty", RetryableFault),
        ("download.html400", RetryableFault),
        ("download.503", RetryableFault),
        ("download.401", RetryableFault),
        ("download.404", NotFoundFault),
        ("download.wrongContentRange", RetryableFault),
        ("download.redirectForeign", UrlRefused),
    ],
)
def test_fault_of_a_download_is_told_apart(
    name: str, kind: type[Exception], live: Live[None]
) -> None:
    async def work(world: World) -> None:
        place = await world.make_file()
        world.fault(name)
        with pytest.raises((CloudFault, UrlRefused)) as caught:
            await fetch(world.client, place.content_url)
        assert type(caught.value) is kind
        assert await fetch(world.client, place.content_url)

    live(work)


@pytest.mark.parametrize("offset", [0, 1000])
def test_redirect_to_the_second_storage_host_is_signed_and_followed(
    offset: int, live: Live[bool]
) -> None:
    async def work(world: World) -> bool:
        place, client = await world.make_file(), world.client
        _, _, whole = await fetch(client, place.content_url)
        world.fault("download.redirect")
        found = await fetch(client, place.content_url, offset=offset)
        return found == (offset, len(whole), whole[offset:])

    assert live(work)


@pytest.mark.parametrize(
    ("name", "kind"), [("delete.500", AmbiguousFault), ("delete.503", RetryableFault)]
)
def test_fault_of_a_removal_is_told_apart(
    name: str, kind: type[CloudFault], live: Live[None]
) -> None:
    async def work(world: World) -> None:
        place = await world.make_file()
        assert place.delete_url is not None
        world.fault(name)
        with pytest.raises(CloudFault) as caught:
            await world.client.remove(place.delete_url)
        assert type(caught.value) is kind
        await world.client.remove(place.delete_url)

    live(work)


@pytest.mark.parametrize("name", ["stop.lostResponse", "delete.reset"])
def test_effect_without_an_answer_is_ambiguous_and_then_gone(name: str, live: Live[None]) -> None:
    async def work(world: World) -> None:
        if name == "delete.reset":
            url = (await world.make_file()).delete_url
            assert url is not None
            effect = partial(world.client.remove, url)
        else:
            effect = partial(world.client.stop, await world.start())
        world.fault(name)
        with pytest.raises(AmbiguousFault):
            await effect()
        with pytest.raises(NotFoundFault):
            await effect()

    live(work)
