"""What the end of an effect changes in a call's facts.

Called by `runtime` inside the transaction that stores the outcome; what was stored when the effect
began (`planning.transitions`) and what is stored here bracket it. Reads no clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recordingd.domain.recordings import (
    CallFacts,
    Capture,
    Copy,
    FileId,
    Outcome,
    Receipt,
    RecordingFile,
    RecordingId,
    ServiceRecordingId,
    StopReason,
)
from recordingd.planning.attempts import finish_failed, finish_ok
from recordingd.planning.derivation import awaits_files
from recordingd.planning.facts import observed
from recordingd.planning.rows import file_by_id, recording_by_id, with_file, with_recording


def started(
    facts: CallFacts, recording: RecordingId, service_id: ServiceRecordingId, now: datetime
) -> CallFacts:
    """Store the id that the service gave a recording."""
    row = recording_by_id(facts, recording)
    accepted = replace(
        row,
        recording_id=row.recording_id or service_id,
        accepted_at=row.accepted_at or now,
        capture_changed_at=row.capture_changed_at or now,
    )
    return with_recording(finish_ok(facts, recording, now), accepted)


def refused(facts: CallFacts, recording: RecordingId, *, detail: str, now: datetime) -> CallFacts:
    """Store that the service will not start a recording."""
    row = recording_by_id(facts, recording)
    facts = finish_failed(facts, recording, detail=detail, now=now)
    if row.recording_id is not None or row.outcome is not None:
        return facts
    return with_recording(facts, replace(row, outcome=Outcome.REFUSED, detail=detail))


def call_is_gone(facts: CallFacts, now: datetime) -> CallFacts:
    """Store that the service says a call is over, whose end was never reported."""
    return replace(facts, call=replace(facts.call, ended_at=facts.call.ended_at or now))


def capture_changed(
    facts: CallFacts, recording: RecordingId, wanted: Capture, now: datetime
) -> CallFacts:
    """Store that the service accepted a pause or a resume; it counts once it was read back."""
    row = recording_by_id(facts, recording)
    resumed_at = row.resumed_at or (now if wanted is Capture.ACTIVE else None)
    changed = replace(
        row,
        capture_wanted=wanted,
        capture_changed_at=now,
        resumed_at=resumed_at,
        observe_after=None,
    )
    return with_recording(finish_ok(facts, recording, now), changed)


def state_read(
    facts: CallFacts, recording: RecordingId, *, is_active: bool, now: datetime
) -> CallFacts:
    """Store what the service reads as now."""
    row = recording_by_id(facts, recording)
    return with_recording(facts, observed(row, is_active=is_active, at=now))


def state_unread(facts: CallFacts, recording: RecordingId, until: datetime) -> CallFacts:
    """Store that the service could not be read, and is not to be asked again before a moment."""
    row = recording_by_id(facts, recording)
    return with_recording(facts, replace(row, observe_after=until))


def stopped(
    facts: CallFacts, recording: RecordingId, reason: StopReason | None, now: datetime
) -> CallFacts:
    """Store that a recording is over; idempotent, and the first reason stays."""
    row = recording_by_id(facts, recording)
    ended = replace(
        row,
        stopped_at=row.stopped_at or now,
        stop_reason=row.stop_reason or reason,
        active_since=None,
        inactive_since=None,
    )
    facts = with_recording(finish_ok(facts, recording, now), ended)
    pauses = tuple(
        replace(p, closed_at=now) if p.recording == recording and p.closed_at is None else p
        for p in facts.pauses
    )
    return replace(facts, pauses=pauses)


def copied(facts: CallFacts, copy: Copy, file: RecordingFile, now: datetime) -> CallFacts:
    """Store a durable copy, and what its metadata said of the file."""
    others = tuple(c for c in facts.copies if (c.file, c.store) != (copy.file, copy.store))
    facts = replace(facts, copies=(*others, copy))
    return with_file(finish_ok(facts, copy.file, now), file)


def copy_discarded(facts: CallFacts, file: FileId, now: datetime) -> CallFacts:
    """Give up the copies of a file that turned out to be damaged, so that it is fetched again."""
    copies = tuple(
        replace(c, deleted_at=now, answer="discarded: damaged")
        if c.file == file and c.deleted_at is None
        else c
        for c in facts.copies
    )
    return replace(facts, copies=copies)


def verified(facts: CallFacts, file: RecordingFile, now: datetime) -> CallFacts:
    """Store that a copy was read back and found whole."""
    return with_file(finish_ok(facts, file.id, now), replace(file, verified_at=now))


def removed(facts: CallFacts, file: FileId, now: datetime) -> CallFacts:
    """Store that the service's copy is gone."""
    row = replace(file_by_id(facts, file), removed_at=now)
    return with_file(finish_ok(facts, file, now), row)


def purged(facts: CallFacts, receipt: Receipt, now: datetime) -> CallFacts:
    """Store that every copy of a file is gone, and the receipt that proves it."""
    row = file_by_id(facts, receipt.file)
    bare = replace(
        row, purged_at=now, content_url="", metadata_url=None, delete_url=None, suspect=None
    )
    answers = {(store, uri): answer for store, uri, answer in receipt.copies}
    copies = tuple(
        replace(c, deleted_at=now, answer=answers.get((c.store, c.uri)))
        if c.file == receipt.file and c.deleted_at is None
        else c
        for c in facts.copies
    )
    facts = replace(facts, copies=copies, receipts=(*facts.receipts, receipt))
    return with_file(finish_ok(facts, receipt.file, now), bare)


def is_fully_purged(facts: CallFacts) -> bool:
    """Whether nothing that a call recorded is left, and nothing more can come."""
    return (
        facts.call.has_ended
        and bool(facts.files)
        and all(f.purged_at is not None or f.lost_at is not None for f in facts.files)
        and not any(r.is_open or awaits_files(facts, r) for r in facts.recordings)
    )


def without_personal_data(facts: CallFacts) -> CallFacts:
    """Drop who took part in a call, and what was said of them, once nothing it recorded is left."""
    call = replace(
        facts.call,
        started_by=None,
        from_party=None,
        to_party=None,
        context={},
        tags={},
        past_tags={},
        roles={},
    )
    recordings = tuple(replace(r, affinity={}) for r in facts.recordings)
    return replace(facts, call=call, participants=(), recordings=recordings)
