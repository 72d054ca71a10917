"""What a recording sounds like, computed from who was present while it captured.

Every participant is a sine of a whole number of hertz at 16 kHz, so one second repeats exactly
and sound is made by repeating one-second tables. ``workshop`` and ``encoding`` call it; it knows
neither the clock nor the wire. Sources: call-recording.md, tables of supported outputs.
"""

import array
import hashlib
import itertools
import math
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from recordingd.emulator.state import Span, overlaps

SAMPLE_RATE = 16_000
CHANNELS_MAX = 5  # unmixed wav: "up to 5 wav channels", one participant per channel
SAMPLE_BYTES = 2
_FULL_SCALE = 32_767
_UNMIXED_LEVEL = 0.5
_MIXED_LEVEL = 0.8  # shared by all voices, so that their sum never clips
_TONE_LOW_HZ = 300
_TONE_STEP_HZ = 25  # apart enough for a 0.1 s window to tell neighbours
_TONE_COUNT = 109  # up to 3,000 Hz

SampleSpan = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One tone in a file: its frequency and the sample spans in which it sounds, in order."""

    hz: int
    spans: tuple[SampleSpan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPlan:
    """One file's sound: for each audio channel its voices, and the length in samples."""

    channels: tuple[tuple[Voice, ...], ...]
    samples: int
    level: float

    @property
    def duration_ms(self) -> int:
        """Return the length in whole milliseconds."""
        return round(self.samples * 1000 / SAMPLE_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of the captured time that becomes one file, and why it ended."""

    index: int
    spans: tuple[Span, ...]
    end_reason: str

    @property
    def seconds(self) -> float:
        """Return the captured time in it."""
        return sum(end - start for start, end in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A participant as the recorder hears it: its tone and absolute sounding spans."""

    raw_id: str
    hz: int
    sounding: tuple[Span, ...]


def derived_hz(raw_id: str, taken: frozenset[int]) -> int:
    """Return a tone for `raw_id` on the grid of 300 to 3,000 Hz that is not `taken`.

    The same id gets the same tone unless another party of its call had it first. When the whole
    grid is taken, tones repeat.
    """
    start = int.from_bytes(hashlib.sha256(raw_id.encode()).digest()[:4], "big")
    for step in range(_TONE_COUNT):
        hz = _TONE_LOW_HZ + _TONE_STEP_HZ * ((start + step) % _TONE_COUNT)
        if hz not in taken:
            return hz
    return _TONE_LOW_HZ + _TONE_STEP_HZ * (start % _TONE_COUNT)


def assign_channels(
    affinity: Sequence[tuple[str, int | None]], ordering: Sequence[str], heard: Sequence[str]
) -> dict[int, str]:
    """Return which participant each channel of an unmixed file holds.

    Explicit channels of `affinity` first, then its entries without a channel, then `ordering`,
    then `heard` (order of first audio); each takes the lowest free channel. The sixth party and
    later ones are not recorded. Source: call-recording.md, unmixed audio; which of affinity and
    ordering wins when both are given is not documented.
    """
    channels = {channel: raw_id for raw_id, channel in affinity if channel is not None}
    waiting = [raw_id for raw_id, channel in affinity if channel is None]
    for raw_id in (*waiting, *ordering, *heard):
        free = next((n for n in range(CHANNELS_MAX) if n not in channels), None)
        if free is not None and raw_id not in channels.values():
            channels[free] = raw_id
    return dict(sorted(channels.items()))


def cut_chunks(
    captured: Sequence[Span], seconds_max: float, forced: int = 1, *, is_by_size: bool = False
) -> list[Chunk]:
    """Cut captured time into chunks of at most `seconds_max`, or into `forced` equal ones.

    Chunks cover all captured time in order; there is none when nothing was captured. The end
    reason "ChunkMaximumSizeExceeded" is documented, the one for the 4 h is not.
    """
    total = sum(end - start for start, end in captured)
    if total * SAMPLE_RATE < 1:
        return []
    size = min(seconds_max, total / forced)
    # A remainder below one sample would be an empty file.
    count = max(1, math.ceil(total / size - 1 / SAMPLE_RATE))
    edges = [min(total, size * n) for n in range(count)] + [total]
    reason = "ChunkMaximumSizeExceeded" if forced > 1 or is_by_size else "ChunkMaximumTimeExceeded"
    return [
        Chunk(
            index=index,
            spans=tuple(_slice(captured, edges[index], edges[index + 1])),
            end_reason="SessionEnded" if index == count - 1 else reason,
        )
        for index in range(count)
    ]


def _slice(captured: Sequence[Span], begin: float, end: float) -> Iterator[Span]:
    position = 0.0
    for start, stop in captured:
        low = max(begin, position) - position + start
        high = min(end, position + stop - start) - position + start
        if high > low:
            yield low, high
        position += stop - start


def plan_sound(chunk: Chunk, speakers: Sequence[Speaker], channels: Mapping[int, str]) -> SoundPlan:
    """Return the sound of `chunk`: unmixed by `channels`, or mixed into one when it is empty."""
    samples = round(chunk.seconds * SAMPLE_RATE)
    voices = {
        speaker.raw_id: Voice(hz=speaker.hz, spans=_sample_spans(chunk.spans, speaker.sounding))
        for speaker in speakers
    }
    if not channels:
        level = _MIXED_LEVEL / max(1, len(voices))
        return SoundPlan(channels=(tuple(voices.values()),), samples=samples, level=level)
    used = [number for number, raw_id in channels.items() if raw_id in voices]
    count = max(used, default=0) + 1
    tracks = tuple(
        (voices[channels[n]],) if channels.get(n) in voices else () for n in range(count)
    )
    return SoundPlan(channels=tracks, samples=samples, level=_UNMIXED_LEVEL)


def _sample_spans(captured: Sequence[Span], sounding: Sequence[Span]) -> tuple[SampleSpan, ...]:
    spans: list[SampleSpan] = []
    position = 0.0
    for span in captured:
        for start, end in overlaps(span, list(sounding)):
            low = round((position + start - span[0]) * SAMPLE_RATE)
            high = round((position + end - span[0]) * SAMPLE_RATE)
            if high > low:
                spans.append((low, high))
        position += span[1] - span[0]
    return tuple(spans)


@lru_cache(maxsize=512)
def _sine_second(hz: int, level: float) -> "array.array[int]":
    scale = level * _FULL_SCALE
    step = 2 * math.pi * hz / SAMPLE_RATE
    return array.array("h", [round(scale * math.sin(step * n)) for n in range(SAMPLE_RATE)])


@lru_cache(maxsize=64)
def _frames_second(sounding: tuple[tuple[int, ...], ...], level: float) -> bytes:
    # One second of interleaved frames, for a constant set of tones per channel.
    frames = array.array("h", bytes(SAMPLE_BYTES * SAMPLE_RATE * len(sounding)))
    for number, tones in enumerate(sounding):
        tables = [_sine_second(hz, level) for hz in tones]
        if len(tables) == 1:
            frames[number :: len(sounding)] = tables[0]
        elif tables:
            mixed = array.array("h", [sum(column) for column in zip(*tables, strict=True)])
            frames[number :: len(sounding)] = mixed
    if sys.byteorder == "big":
        frames.byteswap()
    return frames.tobytes()


def frames(plan: SoundPlan) -> Iterator[bytes]:
    """Yield the plan's sound as little-endian 16-bit interleaved frames, a second or less each."""
    edges = {0, plan.samples}
    for voice in (voice for track in plan.channels for voice in track):
        edges.update(edge for span in voice.spans for edge in span if edge < plan.samples)
    ordered = sorted(edges)
    width = SAMPLE_BYTES * len(plan.channels)
    for start, end in itertools.pairwise(ordered):
        second = _frames_second(_sounding_at(plan, start), plan.level)
        position = start
        while position < end:
            phase = position % SAMPLE_RATE
            count = min(end - position, SAMPLE_RATE - phase)
            yield second[phase * width : (phase + count) * width]
            position += count


def _sounding_at(plan: SoundPlan, sample: int) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(v.hz for v in track if any(low <= sample < high for low, high in v.spans))
        for track in plan.channels
    )


def wav_header(channels: int, samples: int) -> bytes:
    """Return the 44-byte header of a 16-bit PCM file with `samples` frames."""
    block = channels * SAMPLE_BYTES
    size = samples * block
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, channels,
        SAMPLE_RATE, SAMPLE_RATE * block, block, 8 * SAMPLE_BYTES, b"data", size,
    )  # fmt: skip


def write_wav(plan: SoundPlan, path: Path) -> tuple[int, str]:
    """Write the plan as a WAV file; return its size in bytes and its SHA-256 in hex."""
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as target:
        for piece in _wav_pieces(plan):
            target.write(piece)
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()


def _wav_pieces(plan: SoundPlan) -> Iterator[bytes]:
    yield wav_header(len(plan.channels), plan.samples)
    yield from frames(plan)
