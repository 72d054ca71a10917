"""How many bytes a second of a recording takes, as measured or as documented, and bytes in words.

Used by `planning.backtest` and by whatever prints bytes. What was recorded before is the better
guide; what was never recorded is guessed only where the service documents an exact rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recordingd.domain.policies import Channels, Content, MediaFormat

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def bytes_in_words(count: int) -> str:
    """Write a number of bytes for people: `0 B`, `999 B`, `1.5 kB`."""
    size, unit = float(count), 0
    while round(size, 1) >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What decides the bytes of a second."""

    content: Content
    channels: Channels
    format: MediaFormat

    def __str__(self) -> str:
        return f"{self.content.value} {self.channels.value} {self.format.value}"


# 16 kHz, 16 bit, one channel, without compression (call-recording.md, "Audio/video outputs"). The
# other formats are documented as upper bounds or by channel, and how many channels there are is
# only known afterwards.
DOCUMENTED: Mapping[Shape, float] = {
    Shape(content=Content.AUDIO, channels=Channels.MIXED, format=MediaFormat.WAV): 32_000.0
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Bytes per second of one shape, and whether they were measured."""

    shape: Shape
    bytes_per_second: float
    is_measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What is known of shapes: one rate each, sorted by the shape's words."""

    known: tuple[Rate, ...]

    @classmethod
    def measured(cls, samples: Iterable[tuple[Shape, int, float]]) -> Rates:
        """Average over samples of (shape, bytes, seconds); shapes without any are as documented."""
        bytes_of: dict[Shape, int] = {}
        seconds_of: dict[Shape, float] = {}
        for shape, size, seconds in samples:
            bytes_of[shape] = bytes_of.get(shape, 0) + size
            seconds_of[shape] = seconds_of.get(shape, 0) + seconds
        rates = {
            shape: Rate(shape=shape, bytes_per_second=bytes_of[shape] / seconds, is_measured=True)
            for shape, seconds in seconds_of.items()
            if seconds > 0
        }
        for shape, rate in DOCUMENTED.items():
            rates.setdefault(shape, Rate(shape=shape, bytes_per_second=rate, is_measured=False))
        return cls(known=tuple(sorted(rates.values(), key=lambda rate: str(rate.shape))))

    def find(self, shape: Shape) -> Rate | None:
        """Return the rate of a shape; None when nothing is known of it."""
        return next((rate for rate in self.known if rate.shape == shape), None)

    def bytes_of(self, shape: Shape, seconds: float) -> int | None:
        """Return what so many seconds take; None when nothing is known of the shape."""
        rate = self.find(shape)
        return None if rate is None else round(rate.bytes_per_second * seconds)
