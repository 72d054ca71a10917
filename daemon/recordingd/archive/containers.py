"""Walk the outermost structure of media files to see that nothing is missing at their end.

Called by `media_check`; mutagen reads what a file says about itself and is content with its start.
Sources: RIFF/WAVE (Multimedia Programming Interface 1.0), MPEG audio frame headers (ISO/IEC 11172-3
and 13818-3), ISO base media boxes (ISO/IEC 14496-12).
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, NoReturn

from recordingd.domain.errors import MediaFault

_RIFF_HEADER = 12
_CHUNK_HEADER = 8

_FRAME_HEADER = 4
_ID3V2_HEADER = 10
_ID3V1 = 128
_V1, _V2, _V25 = 3, 2, 0
_LAYER_3 = 1
# Layer III bit rates in kbit/s by index; index 0 (free) and 15 are refused.
_KBITS_V1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_V2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {_V1: (44100, 48000, 32000), _V2: (22050, 24000, 16000), _V25: (11025, 12000, 8000)}
_SAMPLES_V1, _SAMPLES_V2 = 1152, 576

_BOX_HEADER = 8
_LARGE_BOX_HEADER = 16


def check_riff(file: BinaryIO) -> None:
    """Raise MediaFault unless a WAVE file is exactly as long as its chunks say and has audio."""
    size = _size_of(file)
    file.seek(0)
    header = file.read(_RIFF_HEADER)
    if len(header) < _RIFF_HEADER or header[:4] != b"RIFF" or header[8:] != b"WAVE":
        _refuse("not a RIFF/WAVE file")
    _expect_length("the RIFF chunk", size, int.from_bytes(header[4:8], "little") + _CHUNK_HEADER)
    names, at = set(), _RIFF_HEADER
    while at + _CHUNK_HEADER <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(_CHUNK_HEADER))
        names.add(name)
        at += _CHUNK_HEADER + length + length % 2
    _expect_length("the last chunk", size, at)
    for name in (b"fmt ", b"data"):
        if name not in names:
            _refuse(f"the {name.decode().strip()} chunk is missing")


def check_boxes(file: BinaryIO) -> None:
    """Raise MediaFault unless an MP4 file ends where its last box does and has index and media."""
    size = _size_of(file)
    names, at = set(), 0
    while at < size:
        name, length = _box(file, at, size)
        names.add(name)
        at += length
    if at != size:
        _refuse(f"the last box ends at byte {at} of {size}")
    for name in (b"moov", b"mdat"):
        if name not in names:
            _refuse(f"the {name.decode()} box is missing")


def check_mpeg_frames(file: BinaryIO) -> int:
    """Return the length in ms of an MP3 file; MediaFault unless its frames follow one another.

    An unfinished frame at the very end is accepted: encoders leave one when they are stopped.
    """
    size = _size_of(file)
    at, microseconds, frames = _first_frame(file), 0.0, 0
    file.seek(at)
    while at + _FRAME_HEADER <= size:
        header = file.read(_FRAME_HEADER)
        frame = _frame(header)
        if frame is None:
            if header[:3] == b"TAG" and size - at == _ID3V1:
                break
            _refuse(f"no MPEG frame at byte {at} of {size}")
        length, duration = frame
        at += length
        if at <= size:
            frames += 1
            microseconds += duration
        file.seek(length - _FRAME_HEADER, os.SEEK_CUR)
    if not frames:
        _refuse("no MPEG frame")
    return round(microseconds / 1000)


def _size_of(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _expect_length(what: str, size: int, end: int) -> None:
    # A chunk of odd length is padded to an even one; some writers leave the last pad byte out.
    if end not in (size, size + 1, size - 1):
        _refuse(f"{what} ends at byte {end} of {size}")


def _box(file: BinaryIO, at: int, size: int) -> tuple[bytes, int]:
    file.seek(at)
    header = file.read(_LARGE_BOX_HEADER)
    if len(header) < _BOX_HEADER:
        _refuse(f"half a box header at byte {at} of {size}")
    length, name = struct.unpack(">I4s", header[:_BOX_HEADER])
    if length == 1 and len(header) == _LARGE_BOX_HEADER:
        (length,) = struct.unpack(">Q", header[_BOX_HEADER:])
    elif length == 0:
        length = size - at
    if length < _BOX_HEADER:
        _refuse(f"an impossible box at byte {at} of {size}")
    return name, length


def _first_frame(file: BinaryIO) -> int:
    file.seek(0)
    header = file.read(_ID3V2_HEADER)
    if header[:3] != b"ID3" or len(header) < _ID3V2_HEADER:
        return 0
    length = 0
    for byte in header[6:]:
        length = length << 7 | byte & 0x7F
    has_footer = header[5] & 0x10
    return _ID3V2_HEADER + length + (_ID3V2_HEADER if has_footer else 0)


def _frame(header: bytes) -> tuple[int, float] | None:
    """Read a Layer III frame header: its length in bytes and its duration in microseconds."""
    (bits,) = struct.unpack(">I", header)
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    rate_index, bitrate_index = bits >> 10 & 3, bits >> 12 & 15
    if bits >> 21 != 0x7FF or layer != _LAYER_3 or version not in _RATES:
        return None
    if rate_index == 3 or bitrate_index in (0, 15):
        return None
    rate = _RATES[version][rate_index]
    kbits = (_KBITS_V1 if version == _V1 else _KBITS_V2)[bitrate_index - 1]
    samples = _SAMPLES_V1 if version == _V1 else _SAMPLES_V2
    length = samples // 8 * kbits * 1000 // rate + (bits >> 9 & 1)
    return length, samples * 1_000_000 / rate


def _refuse(reason: str) -> NoReturn:
    raise MediaFault(reason)
