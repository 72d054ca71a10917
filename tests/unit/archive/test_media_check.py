"""Real media files, whole and broken."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordingd.archive import media_check
from recordingd.domain.errors import MediaFault
from recordingd.domain.policies import MediaFormat
from recordingd.ports.archive import MediaFacts

RATE = 16_000


def make_wav(seconds: float = 1.0, *, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(round(seconds * RATE) * 2 * channels))
    return buffer.getvalue()


@functools.cache
def encode(container: str, seconds: float = 2.0, *, video: bool = False) -> bytes:
    """Encode silence with PyAV, as mp3 or as mp4 with or without pictures."""
    av = pytest.importorskip("av", reason="the extra 'emulator' is not installed")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        codec, form = ("libmp3lame", "s16p") if container == "mp3" else ("aac", "fltp")
        sounds = output.add_stream(codec, rate=RATE, layout="mono")
        pictures = None
        if video:
            size = {"width": 64, "height": 48, "pix_fmt": "yuv420p"}
            pictures = output.add_stream("mpeg4", rate=16, **size)
        for start in range(0, round(seconds * RATE), 1000):
            sound = av.AudioFrame(format=form, layout="mono", samples=1000)
            sound.rate, sound.pts = RATE, start
            sound.planes[0].update(bytes(sound.planes[0].buffer_size))
            output.mux(sounds.encode(sound))
            if pictures is not None:
                picture = av.VideoFrame(64, 48, "yuv420p")
                picture.pts = start // 1000
                output.mux(pictures.encode(picture))
        output.mux(sounds.encode(None))
        if pictures is not None:
            output.mux(pictures.encode(None))
    return buffer.getvalue()


def check(folder: Path, body: bytes, kind: MediaFormat) -> MediaFacts:
    path = folder / "file"
    path.write_bytes(body)
    return media_check.check(path, kind)


# --- wav ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("seconds", [0.0, 0.5, 3.25])
def test_wav_tells_its_length_and_channels(tmp_path: Path, seconds: float, channels: int) -> None:
    facts = check(tmp_path, make_wav(seconds, channels=channels), MediaFormat.WAV)
    assert facts == MediaFacts(duration_ms=round(seconds * 1000), audio_channels=channels)


@pytest.mark.parametrize("missing", [2, 3, 100, 20_000, 31_999, 32_000 + 20])
def test_truncated_wav_is_refused(tmp_path: Path, missing: int) -> None:
    with pytest.raises(MediaFault):
        check(tmp_path, make_wav()[:-missing], MediaFormat.WAV)


def test_wav_with_more_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="RIFF chunk"):
        check(tmp_path, make_wav() + b"<html>", MediaFormat.WAV)


def test_wav_whose_data_is_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    body = bytearray(make_wav())
    body[40:44] = struct.pack("<I", 64_000)
    with pytest.raises(MediaFault, match="last chunk"):
        check(tmp_path, bytes(body), MediaFormat.WAV)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_odd_chunk_may_lack_its_padding(tmp_path: Path, padding: bytes) -> None:
    body = bytearray(make_wav(0.0) + b"note" + struct.pack("<I", 3) + b"abc" + padding)
    body[4:8] = struct.pack("<I", len(body) - 8)
    assert check(tmp_path, bytes(body), MediaFormat.WAV).audio_channels == 1


def test_wav_with_a_chunk_before_its_data_is_read(tmp_path: Path) -> None:
    whole = make_wav(0.5)
    body = bytearray(whole[:36] + b"LIST" + struct.pack("<I", 4) + b"INFO" + whole[36:])
    body[4:8] = struct.pack("<I", len(body) - 8)
    assert check(tmp_path, bytes(body), MediaFormat.WAV).duration_ms == 500


@pytest.mark.parametrize("name", [b"fmt ", b"data"])
def test_wav_without_a_needed_chunk_is_refused(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(MediaFault, match=name.decode().strip()):
        check(tmp_path, make_wav().replace(name, b"junk"), MediaFormat.WAV)


# --- mp3 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.5, 2.0, 7.0])
def test_mp3_tells_its_length_and_channels(tmp_path: Path, seconds: float) -> None:
    facts = check(tmp_path, encode("mp3", seconds), MediaFormat.MP3)
    assert facts.audio_channels == 1
    # The encoder's delay, its padding and the frame that describes the file add a few frames.
    assert abs(facts.duration_ms - seconds * 1000) < 250


def test_mp3_without_tags_is_read(tmp_path: Path) -> None:
    body = encode("mp3")
    start = body.index(b"\xff\xf3")
    assert check(tmp_path, body[start:], MediaFormat.MP3).duration_ms > 1_900


def test_mp3_with_a_tag_at_its_end_is_read(tmp_path: Path) -> None:
    body = encode("mp3")
    tagged = body + b"TAG" + bytes(125)
    assert check(tmp_path, tagged, MediaFormat.MP3) == check(tmp_path, body, MediaFormat.MP3)


def test_unfinished_last_frame_of_an_mp3_is_accepted(tmp_path: Path) -> None:
    whole = check(tmp_path, encode("mp3"), MediaFormat.MP3)
    cut = check(tmp_path, encode("mp3")[:-10], MediaFormat.MP3)
    assert 0 < whole.duration_ms - cut.duration_ms < 50


@pytest.mark.parametrize("at", [0.3, 0.9])
def test_mp3_with_a_hole_is_refused(tmp_path: Path, at: float) -> None:
    body = encode("mp3")
    hole = round(len(body) * at)
    with pytest.raises(MediaFault, match="no MPEG frame at byte"):
        check(tmp_path, body[:hole] + bytes(600) + body[hole + 600 :], MediaFormat.MP3)


def test_mp3_followed_by_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaFault):
        check(tmp_path, encode("mp3") + b"<html>Service Unavailable</html>", MediaFormat.MP3)


# --- mp4 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1.0, 3.0])
@pytest.mark.parametrize("video", [True, False])
def test_mp4_tells_its_length_and_channels(tmp_path: Path, seconds: float, *, video: bool) -> None:
    facts = check(tmp_path, encode("mp4", seconds, video=video), MediaFormat.MP4)
    assert facts.audio_channels == 1
    assert abs(facts.duration_ms - seconds * 1000) < 250


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_mp4_is_refused(tmp_path: Path, share: float) -> None:
    body = encode("mp4", video=True)
    with pytest.raises(MediaFault):
        check(tmp_path, body[: round(len(body) * share)], MediaFormat.MP4)


@pytest.mark.parametrize("name", [b"moov", b"mdat"])
def test_mp4_without_a_needed_box_is_refused(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(MediaFault, match=name.decode()):
        check(tmp_path, encode("mp4").replace(name, b"free", 1), MediaFormat.MP4)


def test_mp4_followed_by_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaFault):
        check(tmp_path, encode("mp4") + b"<html></html>", MediaFormat.MP4)


# --- anything else --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(MediaFormat))
@pytest.mark.parametrize("body", [b"", b"\0", b"<html>Bad Request</html>", bytes(5_000), b"RIFF"])
def test_body_that_is_no_media_is_refused(tmp_path: Path, body: bytes, kind: MediaFormat) -> None:
    with pytest.raises(MediaFault):
        check(tmp_path, body, kind)


@pytest.mark.parametrize("kind", list(MediaFormat))
def test_media_of_another_kind_is_refused(tmp_path: Path, kind: MediaFormat) -> None:
    others = {
        MediaFormat.WAV: encode("mp3"),
        MediaFormat.MP3: encode("mp4"),
        MediaFormat.MP4: make_wav(),
    }
    with pytest.raises(MediaFault):
        check(tmp_path, others[kind], kind)


@pytest.mark.parametrize("kind", list(MediaFormat))
def test_missing_file_is_no_fault_of_the_media(tmp_path: Path, kind: MediaFormat) -> None:
    with pytest.raises(FileNotFoundError):
        media_check.check(tmp_path / "nothing", kind)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(MediaFormat))
def test_damaged_media_is_read_or_refused_and_nothing_else(
    tmp_path: Path, data: st.DataObject, kind: MediaFormat
) -> None:
    wholes = {
        MediaFormat.WAV: make_wav(0.05),
        MediaFormat.MP3: encode("mp3", 0.5),
        MediaFormat.MP4: encode("mp4", 0.5),
    }
    body = bytearray(wholes[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MediaFault):
        assert check(tmp_path, bytes(body), kind).duration_ms >= 0
