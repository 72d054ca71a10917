"""Verify a file where the service wrote it: in a container of the customer's.

Called by `runtime.executor`. Nothing is fetched through the service and no credential of it is
used: the blob is read with the store's own. It is the only copy there will ever be, so that a
damaged one is kept as it is, under suspicion.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.errors import MediaFault, StoreRefused
from recordingd.domain.plans import InContainer, VerifyFile
from recordingd.domain.policies import MediaFormat
from recordingd.domain.recordings import CallFacts, Copy
from recordingd.planning import outcomes
from recordingd.planning.files import NOT_FOUND
from recordingd.planning.rows import file_by_id
from recordingd.ports.archive import Archive, MediaFacts, StoredCopy
from recordingd.runtime.effects import Ended, Tools, archive_of, put_off, recording_of_file
from recordingd.runtime.fetching import described, judged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What lies in the container; `media` is None where `damage` says why it cannot be read."""

    stored: StoredCopy
    metadata: bytes | None
    media: MediaFacts | None
    damage: str | None


async def verify_export(effect: VerifyFile, facts: CallFacts, tools: Tools) -> Ended:
    """Read an exported file and its metadata where they lie; from now on it is our copy."""
    assert effect.in_container is not None
    where, recording = effect.in_container, recording_of_file(facts, effect.file)
    try:
        archive = archive_of(tools, where.store)
        seen = await asyncio.to_thread(_look, archive, where, recording.format)
    except (OSError, StoreRefused) as fault:
        return put_off(effect, facts, fault, tools)
    metadata = None if seen.metadata is None else tools.cloud.read_metadata(seen.metadata)
    file = described(file_by_id(facts, effect.file), metadata)
    copy = Copy(
        file=file.id,
        store=where.store,
        uri=where.uri,
        size_bytes=seen.stored.size_bytes,
        sha256=seen.stored.sha256,
        durable_at=tools.clock.now_utc(),
    )
    verdict = judged(recording, file, copy, media=seen.media, damage=seen.damage)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        row = described(file_by_id(now_known, file.id), metadata)
        return verdict.change(outcomes.copied(now_known, copy, row, now), now)

    return replace(verdict, change=change)


def _look(archive: Archive, where: InContainer, kind: MediaFormat) -> _Seen:
    """Hash a blob and look into it; FileNotFoundError when it is not there."""
    stored = archive.find(where.uri)
    if stored is None:
        raise FileNotFoundError(errno.ENOENT, f"{NOT_FOUND}: no such blob", where.uri)
    metadata = None
    if where.metadata_uri is not None:
        metadata = archive.read_document(where.metadata_uri)
    media, damage = None, None
    try:
        media = archive.check_media(where.uri, kind)
    except MediaFault as fault:
        damage = str(fault)
    return _Seen(stored=stored, metadata=metadata, media=media, damage=damage)
