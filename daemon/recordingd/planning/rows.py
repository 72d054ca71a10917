"""One row of a call's facts: how it is found, and how its newer value takes its place."""

from __future__ import annotations

from dataclasses import replace

from recordingd.domain.recordings import (
    CallFacts,
    FileId,
    Recording,
    RecordingFile,
    RecordingId,
)


def recording_by_id(facts: CallFacts, recording: RecordingId) -> Recording:
    """Return a recording that is known to be there."""
    return next(r for r in facts.recordings if r.id == recording)


def file_by_id(facts: CallFacts, file: FileId) -> RecordingFile:
    """Return a file that is known to be there."""
    return next(f for f in facts.files if f.id == file)


def with_recording(facts: CallFacts, changed: Recording) -> CallFacts:
    """Return the facts with one recording replaced by its newer value."""
    rows = tuple(changed if r.id == changed.id else r for r in facts.recordings)
    return replace(facts, recordings=rows)


def with_file(facts: CallFacts, changed: RecordingFile) -> CallFacts:
    """Return the facts with one file replaced by its newer value."""
    return replace(facts, files=tuple(changed if f.id == changed.id else f for f in facts.files))
