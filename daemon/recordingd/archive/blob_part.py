"""A blob on its way in: blocks that are staged as they come, and become the blob at the end.

Made by `azure_blob`. At most one block is held in memory. Staged blocks belong to no blob until
they are committed, and the service forgets those that never are after a week (Azure Storage, Put
Block). What was hashed cannot be read back before that, so a part lives as long as the process.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

from recordingd.archive.blob_faults import told_apart
from recordingd.domain.errors import StoreRefused
from recordingd.ports.archive import StoredCopy

# A blob has at most 50,000 blocks (Azure Storage, scalability targets): 200 GiB of these.
BLOCK_BYTES = 4 * 1024 * 1024
SHA256 = "sha256"


@dataclass(slots=True)
class Staged:
    """What is staged of a file: its blocks in order, what they hold, and what is not staged yet."""

    blocks: list[str] = field(default_factory=list)
    rest: bytearray = field(default_factory=bytearray)
    digest: Any = field(default_factory=hashlib.sha256)
    size_bytes: int = 0


class BlobPart:
    """The part of a blob; used by one thread at a time.

    `keep` is told what is staged once the part is closed without a commit, None after one.
    """

    def __init__(
        self,
        blob: BlobClient,
        staged: Staged,
        *,
        content_type: str,
        keep: Callable[[Staged | None], None],
    ) -> None:
        self._blob = blob
        self._staged = staged
        self._content_type = content_type
        self._keep = keep
        self._is_open = True

    @property
    def size_bytes(self) -> int:
        """How many bytes are there."""
        return self._staged.size_bytes

    def truncate(self) -> None:
        """Start again at byte 0; blocks that are staged are overwritten or forgotten."""
        self._staged = Staged()

    def write(self, block: bytes) -> None:
        """Append a block. After an error it counts as taken as far as `size_bytes` says."""
        rest = memoryview(block)
        while rest:
            room = BLOCK_BYTES - len(self._staged.rest)
            taken = rest[:room]
            self._staged.rest += taken
            self._staged.digest.update(taken)
            self._staged.size_bytes += len(taken)
            rest = rest[room:]
            if len(self._staged.rest) >= BLOCK_BYTES:
                self._stage()

    def close(self) -> None:
        """Let go of the part and keep what is staged for the next try. Idempotent.

        What cannot be staged now is given up with the rest: nothing is held in memory meanwhile.
        """
        if not self._is_open:
            return
        self._is_open = False
        staged = self._staged
        try:
            if staged.rest:
                self._stage()
        except (OSError, StoreRefused):
            staged = Staged()
        self._keep(staged)

    def commit(self) -> StoredCopy:
        """Make the blocks the blob, and close the part.

        A blob that is there already and has the same content is as good; any other is replaced.
        """
        staged = self._staged
        while staged.rest:
            self._stage()
        digest = staged.digest.hexdigest()
        with told_apart(self._blob.blob_name):
            try:
                self._commit(digest, MatchConditions.IfMissing)
            except ResourceExistsError:
                if (self._blob.get_blob_properties().metadata or {}).get(SHA256) != digest:
                    self._commit(digest, None)
        self._is_open = False
        self._keep(None)
        return StoredCopy(uri=self._blob.blob_name, size_bytes=staged.size_bytes, sha256=digest)

    def _stage(self) -> None:
        staged = self._staged
        name = base64.b64encode(f"{len(staged.blocks):08d}".encode()).decode()
        with told_apart(self._blob.blob_name):
            self._blob.stage_block(name, bytes(staged.rest))
        staged.blocks.append(name)
        staged.rest.clear()

    def _commit(self, digest: str, condition: MatchConditions | None) -> None:
        self._blob.commit_block_list(
            [BlobBlock(block_id=name) for name in self._staged.blocks],
            content_settings=ContentSettings(content_type=self._content_type),
            metadata={SHA256: digest},
            match_condition=condition,
        )
