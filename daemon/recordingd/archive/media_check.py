"""Look into a stored file: is it the media it claims to be, whole, and how long is it.

Called by the stores of this package after a download. The container and its completeness are hard
facts and raise MediaFault; whether the length and the channels are the expected ones is judged by
`planning`. Reads the disk, decodes nothing, and never follows what a file says beyond its own end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mutagen import MutagenError
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from recordingd.archive import containers
from recordingd.domain.errors import MediaFault
from recordingd.domain.policies import MediaFormat
from recordingd.ports.archive import MediaFacts


def check(path: Path, kind: MediaFormat) -> MediaFacts:
    """Return what a file of a kind holds; MediaFault when it is none, or not all of one.

    OSError passes through: a disk that cannot be read says nothing about the file.
    """
    with path.open("rb") as file:
        return check_open(file, kind)


def check_open(file: BinaryIO, kind: MediaFormat) -> MediaFacts:
    """Check a file that is open for reading and can seek, like `check`."""
    try:
        return _CHECKS[kind](file)
    except MutagenError as error:
        # mutagen wraps what the disk said; that is not the file's fault.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        msg = f"no readable {kind.value}: {error}"
        raise MediaFault(msg) from error
    except (ValueError, IndexError, OverflowError, struct.error) as error:
        msg = f"no readable {kind.value}: {type(error).__name__}"
        raise MediaFault(msg) from error


def _check_wav(file: BinaryIO) -> MediaFacts:
    containers.check_riff(file)
    length_seconds, channels = _stated(WAVE, file)
    return MediaFacts(duration_ms=round(length_seconds * 1000), audio_channels=channels)


def _check_mp3(file: BinaryIO) -> MediaFacts:
    duration_ms = containers.check_mpeg_frames(file)
    _, channels = _stated(MP3, file)
    return MediaFacts(duration_ms=duration_ms, audio_channels=channels)


def _check_mp4(file: BinaryIO) -> MediaFacts:
    containers.check_boxes(file)
    length_seconds, channels = _stated(MP4, file)
    return MediaFacts(duration_ms=round(length_seconds * 1000), audio_channels=channels)


_CHECKS: Mapping[MediaFormat, Callable[[BinaryIO], MediaFacts]] = {
    MediaFormat.WAV: _check_wav,
    MediaFormat.MP3: _check_mp3,
    MediaFormat.MP4: _check_mp4,
}


def _stated(reader: Callable[[BinaryIO], Any], file: BinaryIO) -> tuple[float, int | None]:
    """Return the length in seconds and the number of channels as stated; None when unsaid."""
    file.seek(0)
    info = reader(file).info
    return float(info.length), int(info.channels) or None
