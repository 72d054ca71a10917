"""Files of finished recordings: what they hold, how they are fetched and deleted."""

import asyncio
import hashlib
import io
import wave
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
import numpy.typing as npt
import pytest

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, World


Samples = npt.NDArray[np.int16]


def tracks_of(data: bytes) -> Samples:
    with wave.open(io.BytesIO(data)) as source:
        assert (source.getframerate(), source.getsampwidth()) == (16_000, 2)
        raw = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2")
        return raw.reshape(-1, source.getnchannels())


def loudest_hz(track: Samples) -> int:
    spectrum = np.abs(np.fft.rfft(track.astype(float)))
    return round(float(spectrum.argmax()) * 16_000 / len(track))


def test_unmixed_file_is_what_the_control_api_says(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file(1.0, recordingChannelType="unmixed")
            answer = await world.storage(chunk["contentLocation"])
            assert answer.status_code == 200
            (recording,) = await world.recordings()
            (file,) = recording["files"]
            assert file["sha256"] == hashlib.sha256(answer.content).hexdigest()
            assert file["sizeBytes"] == len(answer.content)
            assert (file["exists"], file["downloads"], file["chunk"]) == (True, 1, 0)
            assert recording["channels"] == {"0": "8:acs:a", "1": "8:acs:b"}
            tracks = tracks_of(answer.content)
            assert [abs(loudest_hz(tracks[:, n]) - hz) < 3 for n, hz in ((0, 500), (1, 1000))]
            ((start, end),) = recording["capturedMs"]
            assert len(tracks) / 16 == pytest.approx(end - start, abs=2)

    asyncio.run(scene())


def test_participant_is_heard_exactly_while_present(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call({"id": "8:acs:a", "hz": 500}, {"id": "8:acs:b", "hz": 1000})
            await world.start(call, recordingChannelType="unmixed")
            await asyncio.sleep(0.3)
            await world.post("/clock", advanceSeconds=2)
            await world.leave_or_end(call["serverCallId"], "8:acs:b")
            await world.post("/clock", advanceSeconds=2)
            await world.leave_or_end(call["serverCallId"])
            event = await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
            chunk = event[0]["data"]["recordingStorageInfo"]["recordingChunks"][0]
            tracks = tracks_of((await world.storage(chunk["contentLocation"])).content)
            assert loudest_hz(tracks[:16_000, 1]) == 1000
            assert not tracks[40_000:, 1].any()
            assert loudest_hz(tracks[40_000:56_000, 0]) == 500

    asyncio.run(scene())


def test_ranges_and_content_range(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            whole = await world.storage(chunk["contentLocation"])
            size = len(whole.content)
            assert whole.headers["content-range"] == f"bytes 0-{size - 1}/{size}"
            assert whole.headers["content-type"] == "application/octet-stream"
            for spec, first, last in (
                ("10-19", 10, 19),
                (f"{size - 5}-", size - 5, size - 1),
                ("-7", size - 7, size - 1),
                (f"0-{size + 99}", 0, size - 1),
            ):
                part = await world.storage(
                    chunk["contentLocation"], headers={"Range": f"bytes={spec}"}
                )
                assert part.status_code == 206
                assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
                assert part.content == whole.content[first : last + 1]
            late = await world.storage(
                chunk["contentLocation"], headers={"Range": f"bytes={size}-"}
            )
            assert late.status_code == 416

    asyncio.run(scene())


def test_metadata_is_as_documented(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file(recordingChannelType="unmixed")
            metadata = (await world.storage(chunk["metadataLocation"])).json()
            assert set(metadata) == {
                "resourceId", "callId", "chunkDocumentId", "chunkIndex", "chunkStartTime",
                "chunkDuration", "pauseResumeIntervals", "recordingInfo", "participants",
            }  # fmt: skip
            assert metadata["chunkDocumentId"] == chunk["documentId"]
            assert metadata["recordingInfo"] == {
                "contentType": "audio",
                "channelType": "unmixed",
                "format": "wav",
                "audioConfiguration": {"sampleRate": 16_000, "bitRate": 256_000, "channels": 2},
            }
            assert metadata["participants"] == [
                {"participantId": "8:acs:a", "channel": 0},
                {"participantId": "8:acs:b", "channel": 1},
            ]

    asyncio.run(scene())


def test_metadata_lists_pauses(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            call = await world.call("8:acs:a")
            path = "/" + (await world.start(call)).json()["recordingId"]
            await asyncio.sleep(0.25)
            await world.rest("POST", f"{path}:pause")
            await world.post("/clock", advanceSeconds=30)
            await world.rest("POST", f"{path}:resume")
            await asyncio.sleep(0.1)
            await world.rest("DELETE", path)
            await world.until(lambda: world.webhook.of_type("RecordingFileStatusUpdated"))
            (recording,) = await world.recordings()
            ((start, end),) = recording["pausedMs"]
            document = recording["files"][0]["documentId"]
            url = f"{world.endpoint}/v1/objects/{document}/content/acsmetadata"
            metadata = (await world.storage(url)).json()
            (interval,) = metadata["pauseResumeIntervals"]
            assert interval["duration"] == pytest.approx(end - start, abs=1)
            captured = sum(b - a for a, b in recording["capturedMs"])
            assert metadata["chunkDuration"] == pytest.approx(captured, abs=2)

    asyncio.run(scene())


def test_metadata_quirks_of_recorded_traffic(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(metadata_quirks=frozenset({"float", "crlf", "swapped"})) as world:
            chunk = await world.made_file()
            answer = await world.storage(chunk["metadataLocation"])
            assert b"\r\n" in answer.content
            assert isinstance(answer.json()["chunkDuration"], float)
            assert answer.json()["recordingInfo"]["contentType"] == "mixed"

    asyncio.run(scene())


def test_unauthenticated_and_wrongly_signed_requests_get_an_empty_401(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(storage_hosts=("localhost",)) as world:
            chunk = await world.made_file()
            url = chunk["contentLocation"]
            assert url.startswith("http://localhost:")
            plain = await world.http.get(url)
            assert (plain.status_code, plain.content) == (401, b"")
            for host in ("127.0.0.1", world.endpoint.removeprefix("http://")):
                assert (await signed_for(world, url, host)).status_code == 200
            assert (await signed_for(world, url, "localhost")).status_code == 401

    asyncio.run(scene())


async def signed_for(world: "World", url: str, host: str) -> httpx.Response:
    answer: httpx.Response = await world.http.get(url, headers=world.signed(url, host))
    return answer


def test_deleted_file_is_gone(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            assert chunk["deleteLocation"].endswith(f"/v1/objects/{chunk['documentId']}")
            codes = [
                (await world.storage(chunk["deleteLocation"], "DELETE")).status_code
                for _ in range(2)
            ]
            assert codes == [200, 404]
            assert (await world.storage(chunk["contentLocation"])).status_code == 404
            (recording,) = await world.recordings()
            assert not recording["files"][0]["exists"]
            assert recording["files"][0]["deletedAt"]

    asyncio.run(scene())


@pytest.mark.parametrize(("hours", "status"), [(23.9, 200), (24.1, 404)])
def test_file_expires_after_a_day(emulate: "Emulate", hours: float, status: int) -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            await world.post("/clock", advanceSeconds=hours * 3600)
            assert (await world.storage(chunk["contentLocation"])).status_code == status

    asyncio.run(scene())


ANSWERING_FAULTS = {
    "download.html400": 400,
    "download.503": 503,
    "download.404": 404,
    "download.401": 401,
}


def test_download_faults_that_answer(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            for name, status in ANSWERING_FAULTS.items():
                await world.fault(name, match={"documentId": chunk["documentId"]})
                assert (await world.storage(chunk["contentLocation"])).status_code == status
                assert (await world.storage(chunk["contentLocation"])).status_code == 200

    asyncio.run(scene())


def test_truncated_download_breaks_off_inside_the_body(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            whole = (await world.storage(chunk["contentLocation"])).content
            await world.fault("download.truncate")
            received = b""
            headers = world.signed(chunk["contentLocation"], "127.0.0.1")
            async with world.http.stream("GET", chunk["contentLocation"], headers=headers) as r:
                assert int(r.headers["content-length"]) == len(whole)
                with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012  the loop is one act
                    async for piece in r.aiter_raw():
                        received += piece
            assert received == whole[: len(whole) // 2]

    asyncio.run(scene())


def test_spoiled_downloads(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            url = chunk["contentLocation"]
            whole = (await world.storage(url)).content
            await world.fault("download.empty")
            assert (await world.storage(url)).content == b""
            await world.fault("download.corrupt")
            spoiled = (await world.storage(url)).content
            assert len(spoiled) == len(whole)
            assert spoiled != whole
            await world.fault("download.wrongRange")
            ranged = await world.storage(url, headers={"Range": "bytes=5-"})
            assert (ranged.status_code, len(ranged.content)) == (200, len(whole))
            await world.fault("metadata.404")
            assert (await world.storage(chunk["metadataLocation"])).status_code == 404
            await world.fault("delete.500")
            assert (await world.storage(chunk["deleteLocation"], "DELETE")).status_code == 500
            await world.fault("delete.reset")
            with pytest.raises(httpx.TransportError):
                await world.storage(chunk["deleteLocation"], "DELETE")
            assert (await world.storage(chunk["deleteLocation"], "DELETE")).status_code == 404

    asyncio.run(scene())


def test_redirect_leads_to_another_storage_host(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(storage_hosts=("127.0.0.1", "localhost")) as world:
            chunk = await world.made_file()
            await world.fault("download.redirect", count=None)
            first = await world.storage(chunk["contentLocation"])
            assert first.status_code == 302
            assert first.headers["location"].startswith("http://localhost:")
            assert (await world.storage(first.headers["location"])).status_code == 200

    asyncio.run(scene())


def test_redirect_with_one_storage_host_marks_the_hop(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            await world.fault("download.redirect", count=None)
            first = await world.storage(chunk["contentLocation"])
            assert (await world.storage(first.headers["location"])).status_code == 200
            await world.fault("download.redirectForeign")
            foreign = await world.storage(chunk["contentLocation"])
            assert foreign.headers["location"].startswith("https://evil.example/v1/objects/")

    asyncio.run(scene())


async def named_get(world: "World", url: str) -> httpx.Response:
    """Get a storage URL whose host name only the emulator knows."""
    parts = urlsplit(url)
    here = parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl()
    return await world.storage(here, headers={"Host": parts.netloc})


@pytest.mark.parametrize("name", ["contentLocation", "metadataLocation"])
@pytest.mark.parametrize("hops", [1, 2, 3, 4])
def test_redirects_lead_through_the_storage_hosts(emulate: "Emulate", name: str, hops: int) -> None:
    async def scene() -> None:
        async with emulate(storage_hosts=("a.test", "b.test", "c.test")) as world:
            chunk = await world.made_file()
            kind = "download" if name == "contentLocation" else "metadata"
            await world.fault(f"{kind}.redirect", hops=hops)
            url, seen = chunk[name], []
            while (answer := await named_get(world, url)).status_code == 302:
                assert answer.content == b""
                url = answer.headers["location"]
                seen.append(urlsplit(url).hostname)
            assert answer.status_code == 200
            assert seen == ["b.test", "c.test", "a.test", "b.test"][:hops]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fields", "suffix", "streams"),
    [
        ({"recordingFormatType": "mp3"}, "audiomp3", [("audio", 16_000)]),
        (
            {"recordingContentType": "audioVideo", "recordingFormatType": "mp4"},
            "video",
            [("video", 16), ("audio", 16_000)],
        ),
    ],
)
def test_encoded_formats_are_real(
    emulate: "Emulate", fields: dict[str, Any], suffix: str, streams: list[tuple[str, int]]
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file(0.8, **fields)
            assert chunk["contentLocation"].endswith(f"/content/{suffix}")
            data = (await world.storage(chunk["contentLocation"])).content
            with av.open(io.BytesIO(data), "r") as media:
                found = [("video", round(s.average_rate or 0)) for s in media.streams.video]
                found += [("audio", s.sample_rate) for s in media.streams.audio]
                assert found == streams
                pieces = [frame.to_ndarray().ravel() for frame in media.decode(audio=0)]
            sound = np.concatenate(pieces)
            (recording,) = await world.recordings()
            ((start, end),) = recording["capturedMs"]
            assert len(sound) / 16 == pytest.approx(end - start, abs=200)
            spectrum = np.abs(np.fft.rfft(sound[2000:10_000].astype(float)))
            loud = {int(index) * 2 for index in spectrum.argsort()[-2:]}
            assert loud == {500, 1000}

    asyncio.run(scene())
