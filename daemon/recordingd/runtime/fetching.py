"""Fetch a file into the archive, and read it back before it counts.

Called by `runtime.executor`. Two effects in a row: `fetch` ends with a durable copy, `verify` with
a copy that was read back, hashed and looked into. Only then may the service's copy go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from recordingd.domain.errors import (
    CloudFault,
    FaultDetail,
    MediaFault,
    NotFoundFault,
    RetryableFault,
    StoreRefused,
    UrlRefused,
)
from recordingd.domain.plans import Alarm, DownloadFile, VerifyFile
from recordingd.domain.policies import MediaFormat
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Copy,
    Recording,
    RecordingFile,
    Verb,
)
from recordingd.planning import attempts, outcomes
from recordingd.planning.files import URGENT_WITHIN
from recordingd.planning.rows import file_by_id
from recordingd.planning.verification import find_suspicion
from recordingd.ports.archive import Archive, MediaFacts, Part, StoredCopy
from recordingd.ports.cloud import Download, MediaMetadata
from recordingd.runtime.effects import Ended, Tools, archive_of, put_off, recording_of_file

# After this many copies that are no whole file, the next one is kept as it comes, under suspicion:
# a damaged recording is worth more than none.
DAMAGED_MAX = 3


async def fetch(effect: DownloadFile, facts: CallFacts, tools: Tools) -> Ended:
    """Fetch a file and its metadata; what an earlier try left is continued."""
    file = file_by_id(facts, effect.file)
    recording = recording_of_file(facts, file.id)
    try:
        archive = archive_of(tools, recording.archive)
        # The content first: it must not wait for a description that the service fails to give.
        stored = await _fetch_content(file, recording, archive, tools)
        metadata = await _fetch_metadata(file, tools)
        if metadata is not None:
            await asyncio.to_thread(archive.write_metadata, file.id, metadata.body)
    except (CloudFault, UrlRefused, StoreRefused, OSError) as fault:
        return put_off(effect, facts, fault, tools, deadline=file.deadline)
    return _stored(file, archive, stored, metadata)


def _stored(
    file: RecordingFile, archive: Archive, stored: StoredCopy, metadata: MediaMetadata | None
) -> Ended:
    def change(facts: CallFacts, now: datetime) -> CallFacts:
        copy = Copy(
            file=file.id,
            store=archive.name,
            uri=stored.uri,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            durable_at=now,
        )
        return outcomes.copied(facts, copy, described(file_by_id(facts, file.id), metadata), now)

    return Ended(outcome=AttemptOutcome.OK, change=change, detail=f"{stored.size_bytes} bytes")


def described(file: RecordingFile, metadata: MediaMetadata | None) -> RecordingFile:
    """Return a file with what its metadata document says of it; None says nothing."""
    if metadata is None:
        return file
    listed = [c for c in metadata.participants.values() if c is not None]
    return replace(
        file,
        has_metadata=True,
        metadata_duration_ms=metadata.duration_ms,
        metadata_channels=max(listed) + 1 if listed else None,
    )


async def _fetch_metadata(file: RecordingFile, tools: Tools) -> MediaMetadata | None:
    """Fetch the metadata document; None when the announcement or the service has none.

    It is waited for until the file becomes urgent: then the content counts without it, as suspect,
    before anybody takes what is stored already for lost.
    """
    if file.metadata_url is None:
        return None
    try:
        return await tools.cloud.fetch_metadata(file.metadata_url)
    except NotFoundFault:
        return None
    except (CloudFault, UrlRefused):
        if tools.clock.now_utc() < file.deadline - URGENT_WITHIN:
            raise
        return None


async def _fetch_content(
    file: RecordingFile, recording: Recording, archive: Archive, tools: Tools
) -> StoredCopy:
    stored = await asyncio.to_thread(archive.find_stored, file.id, recording.format)
    if stored is not None:
        # A crash came between the rename and the commit: the bytes are here already.
        return stored
    part = await asyncio.to_thread(archive.open_part, file.id, recording.format)
    try:
        async with tools.cloud.download(file.content_url, offset=part.size_bytes) as download:
            await _receive(part, download)
        return await asyncio.to_thread(part.commit)
    finally:
        await asyncio.to_thread(part.close)


async def _receive(part: Part, download: Download) -> None:
    if download.offset != part.size_bytes:
        # The service ignored the range that was asked for and began at the start.
        await asyncio.to_thread(part.truncate)
    await _write_all(part, download.blocks)
    total = download.total_bytes
    if part.size_bytes == 0 or (total is not None and part.size_bytes != total):
        received = part.size_bytes
        await asyncio.to_thread(part.truncate)
        detail = FaultDetail(operation="download", message=f"{received} bytes of {total}")
        raise RetryableFault(detail)


async def _write_all(part: Part, blocks: AsyncIterator[bytes]) -> None:
    """Write and hash in a thread, one block while the next one arrives."""
    async for block in blocks:
        await asyncio.to_thread(part.write, block)


async def verify(effect: VerifyFile, facts: CallFacts, tools: Tools) -> Ended:
    """Read a stored copy back from the disk, hash it, and look into it."""
    file = file_by_id(facts, effect.file)
    recording = recording_of_file(facts, file.id)
    copy = facts.copies_of(file.id)[0]
    is_last_chance = _damaged_so_far(facts, file) >= DAMAGED_MAX
    try:
        archive = archive_of(tools, copy.store)
        try:
            media = await asyncio.to_thread(_look_into, archive, copy, recording.format)
        except FileNotFoundError:
            # A crash came between a copy's end and the note of it, or somebody took it away.
            return _damaged(effect, facts, MediaFault(f"{copy.uri} is not in its store"))
        except MediaFault as fault:
            if is_last_chance:
                return judged(recording, file, copy, media=None, damage=str(fault))
            await asyncio.to_thread(archive.delete, copy.uri)
            return _damaged(effect, facts, fault)
    except (StoreRefused, OSError) as fault:
        return put_off(effect, facts, fault, tools)
    return judged(recording, file, copy, media=media, damage=None)


def _look_into(archive: Archive, copy: Copy, kind: MediaFormat) -> MediaFacts:
    """Check a copy against its own hash, then against its kind; MediaFault when either fails."""
    digest = archive.hash_of(copy.uri)
    if digest != copy.sha256:
        msg = f"it reads back as {digest[:12]}… and was written as {copy.sha256[:12]}…"
        raise MediaFault(msg)
    return archive.check_media(copy.uri, kind)


def _damaged_so_far(facts: CallFacts, file: RecordingFile) -> int:
    return sum(
        a.verb is Verb.VERIFY and a.target == file.id and a.outcome is AttemptOutcome.PERMANENT
        for a in facts.attempts
    )


def _damaged(effect: VerifyFile, facts: CallFacts, fault: MediaFault) -> Ended:
    file = file_by_id(facts, effect.file)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        failed = attempts.finish_failed(now_known, file.id, detail=str(fault), now=now)
        return outcomes.copy_discarded(failed, file.id, now)

    alarm = Alarm.of("FileSuspect", call=facts.call.call_id, file=file.id)
    return Ended(
        outcome=AttemptOutcome.PERMANENT, change=change, detail=str(fault), alarms=(alarm,)
    )


def judged(
    recording: Recording,
    file: RecordingFile,
    copy: Copy,
    *,
    media: MediaFacts | None,
    damage: str | None,
) -> Ended:
    """End a verification: kept as whole, or under suspicion where something speaks against it.

    `media` is None where `damage` says why the file cannot be read.
    """
    suspect = f"damaged: {damage}" if damage is not None else None
    if media is not None:
        suspect = find_suspicion(
            recording, file, duration_ms=media.duration_ms, audio_channels=media.audio_channels
        )

    def change(facts: CallFacts, now: datetime) -> CallFacts:
        row = replace(
            file_by_id(facts, file.id),
            size_bytes=copy.size_bytes,
            sha256=copy.sha256,
            duration_ms=media.duration_ms if media is not None else None,
            audio_channels=media.audio_channels if media is not None else None,
            suspect=suspect,
        )
        return outcomes.verified(facts, row, now)

    alarms = () if suspect is None else (Alarm.of("FileSuspect", file=file.id, why=suspect),)
    return Ended(outcome=AttemptOutcome.OK, change=change, detail=suspect or "whole", alarms=alarms)
