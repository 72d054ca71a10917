"""Encode a sound plan as mp3 or mp4 with PyAV, in a process of its own.

``workshop`` runs ``python -m recordingd.emulator.encoding`` with a job as JSON on standard input
and reads the size and digest from standard output, so that encoding never blocks the event loop.
PyAV is imported only here and only when needed. Formats: call-recording.md, supported outputs.
"""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from recordingd.emulator.media import SAMPLE_RATE, SoundPlan, Voice, frames

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MP3_BIT_RATE = 48_000
MP4_AUDIO_BIT_RATE = 128_000  # audioConfiguration.bitRate of recorded mp4 metadata
VIDEO_BIT_RATE = 1_000_000
VIDEO_WIDTH = 1920
VIDEO_HEIGHT = 1080
FRAME_RATE = 16


def is_available() -> bool:
    """Tell whether PyAV (the extra ``emulator``) is installed."""
    return importlib.util.find_spec("av") is not None


def job_of(plan: SoundPlan, container: str, path: Path) -> str:
    """Return the JSON job that `main` reads: the plan, ``mp3`` or ``mp4``, and the target."""
    channels = [[[voice.hz, voice.spans] for voice in track] for track in plan.channels]
    job = {"samples": plan.samples, "level": plan.level, "channels": channels}
    return json.dumps(job | {"container": container, "path": str(path)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    plan: SoundPlan
    container: str
    path: Path


def _read_job(text: str) -> _Job:
    raw = json.loads(text)
    tracks = tuple(
        tuple(Voice(hz=hz, spans=tuple((low, high) for low, high in spans)) for hz, spans in track)
        for track in raw["channels"]
    )
    plan = SoundPlan(channels=tracks, samples=raw["samples"], level=raw["level"])
    return _Job(plan=plan, container=raw["container"], path=Path(raw["path"]))


def encode(plan: SoundPlan, container: str, path: Path) -> None:
    """Write `plan` (one mixed channel) to `path` as ``mp3`` or ``mp4``."""
    import av  # optional dependency, heavy, worker process only

    av.logging.set_level(av.logging.ERROR)
    with av.open(str(path), "w", format=container) as output:
        if container == "mp4":
            video = output.add_stream("libx264", rate=FRAME_RATE)
            sound = output.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
            sound.bit_rate = MP4_AUDIO_BIT_RATE
            _write_mp4(output, video, sound, plan)
            return
        sound = output.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        sound.bit_rate = MP3_BIT_RATE
        for packet in _sound_packets(sound, plan):
            output.mux(packet)


def _sound_packets(stream: "AudioStream", plan: SoundPlan) -> Iterator["Packet[AudioStream]"]:
    from av.audio.fifo import AudioFifo  # optional and heavy
    from av.audio.frame import AudioFrame  # optional and heavy
    from av.audio.resampler import AudioResampler  # optional and heavy

    wanted = "s16p" if stream.codec_context.name == "libmp3lame" else "fltp"
    resampler = AudioResampler(format=wanted, layout="mono", rate=SAMPLE_RATE)
    fifo = AudioFifo()
    position = 0
    for piece in frames(plan):
        frame = AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
        frame.planes[0].update(piece)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = position
        frame.time_base = Fraction(1, SAMPLE_RATE)
        position += frame.samples
        for converted in resampler.resample(frame):
            fifo.write(converted)
        for ready in fifo.read_many(stream.codec_context.frame_size or 1152):
            yield from stream.encode(ready)
    rest = fifo.read(0, partial=True)
    if rest is not None:
        yield from stream.encode(rest)
    yield from stream.encode(None)


def _write_mp4(
    output: "OutputContainer", video: "VideoStream", sound: "AudioStream", plan: SoundPlan
) -> None:
    pictures = _first_second(video)
    seconds_done = 0
    frames_left = max(1, round(plan.samples * FRAME_RATE / SAMPLE_RATE))
    for packet in _sound_packets(sound, plan):
        output.mux(packet)
        at = float(packet.pts * packet.time_base) if packet.pts is not None else 0.0
        while frames_left > 0 and seconds_done <= at:
            frames_left -= _repeat_second(output, video, pictures, seconds_done, frames_left)
            seconds_done += 1
    while frames_left > 0:
        frames_left -= _repeat_second(output, video, pictures, seconds_done, frames_left)
        seconds_done += 1


def _repeat_second(
    output: "OutputContainer",
    stream: "VideoStream",
    pictures: Sequence[bytes],
    second: int,
    frames_left: int,
) -> int:
    from av.packet import Packet  # optional and heavy

    # The picture never changes, so each second is the first second's packets again: hours of
    # video cost as much as one second. Without B-frames a prefix of them is also a valid end.
    count = min(frames_left, len(pictures))
    for number, payload in enumerate(pictures[:count]):
        packet = Packet(payload)
        packet.stream = stream
        packet.time_base = Fraction(1, FRAME_RATE)
        packet.pts = packet.dts = second * FRAME_RATE + number
        packet.duration = 1
        packet.is_keyframe = number == 0
        output.mux(packet)
    return count


def _first_second(stream: "VideoStream") -> list[bytes]:
    stream.width = VIDEO_WIDTH
    stream.height = VIDEO_HEIGHT
    stream.pix_fmt = "yuv420p"
    stream.bit_rate = VIDEO_BIT_RATE
    stream.time_base = Fraction(1, FRAME_RATE)
    stream.options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0"}
    packets = [packet for n in range(FRAME_RATE) for packet in stream.encode(_picture(n))]
    return [bytes(packet) for packet in (*packets, *stream.encode(None))]


def _picture(number: int) -> "VideoFrame":
    from av.video.frame import VideoFrame  # optional and heavy

    frame = VideoFrame(VIDEO_WIDTH, VIDEO_HEIGHT, "yuv420p")
    bars = bytes(16 + 219 * (x * 8 // VIDEO_WIDTH) // 7 for x in range(frame.planes[0].line_size))
    frame.planes[0].update(bars * VIDEO_HEIGHT)
    for plane, shade in zip(frame.planes[1:], (118, 138), strict=True):
        plane.update(bytes([shade]) * plane.buffer_size)
    frame.pts = number
    frame.time_base = Fraction(1, FRAME_RATE)
    return frame


def describe(path: Path) -> Mapping[str, object]:
    """Return the size and SHA-256 of the file at `path`, as `main` prints them."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            digest.update(piece)
    return {"sizeBytes": path.stat().st_size, "sha256": digest.hexdigest()}


def main() -> int:
    """Encode the job on standard input and print size and digest as one JSON line."""
    job = _read_job(sys.stdin.read())
    encode(job.plan, job.container, job.path)
    sys.stdout.write(json.dumps(describe(job.path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
