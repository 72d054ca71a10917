"""Make the bytes of finished recordings without holding up the event loop.

``service`` awaits `Workshop.make` once per file. WAV is written in a thread, mp3 and mp4 by a
worker process. It knows plans and paths, nothing of recordings.
"""

import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from recordingd.emulator import encoding
from recordingd.emulator.media import SoundPlan, write_wav

_LOG = logging.getLogger(__name__)
_ENCODERS_MAX = 2
_SOURCE_ROOT = Path(__file__).resolve().parents[2]


class EncodingFailedError(Exception):
    """The worker process ended without a file; the message is the end of its error output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """A file on disk with its size in bytes and SHA-256 in hex."""

    path: Path
    size_bytes: int
    sha256: str


class Workshop:
    """Renders sound plans into files of one folder; `inline` keeps to the calling thread."""

    def __init__(self, folder: Path, *, inline: bool = False) -> None:
        """Write below `folder`, which must exist."""
        self._folder = folder
        self._inline = inline
        self._encoders = asyncio.Semaphore(_ENCODERS_MAX)

    async def make(self, name: str, plan: SoundPlan, container: str) -> MadeFile:
        """Write `plan` as ``wav``, ``mp3`` or ``mp4`` to the file `name`.

        Raises `EncodingFailedError` when the worker process fails.
        """
        path = self._folder / name
        if container != "wav":
            return await self._encode(plan, container, path)
        if self._inline:
            size, sha256 = write_wav(plan, path)
        else:
            size, sha256 = await asyncio.to_thread(write_wav, plan, path)
        return MadeFile(path=path, size_bytes=size, sha256=sha256)

    async def _encode(self, plan: SoundPlan, container: str, path: Path) -> MadeFile:
        search = os.pathsep.join([str(_SOURCE_ROOT), *filter(None, [os.getenv("PYTHONPATH")])])
        async with self._encoders:
            worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                encoding.__name__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": search},
            )
            try:
                job = encoding.job_of(plan, container, path).encode()
                output, errors = await worker.communicate(job)
            finally:
                if worker.returncode is None:
                    worker.kill()
                    await worker.wait()
        if worker.returncode != 0:
            raise EncodingFailedError(errors.decode(errors="replace")[-2000:])
        made = json.loads(output)
        return MadeFile(path=path, size_bytes=made["sizeBytes"], sha256=made["sha256"])
