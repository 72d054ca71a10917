"""Everything that follows from a call's facts alone: states, dates, and whether it needs a look.

The ledger stores the result beside the facts in the same transaction, and `ledger check` computes
it again; nothing else writes it. Knows neither `now` nor the policies: a policy's words are frozen
in the recording, and a date is compared with the clock by whoever acts on it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.durations import Forever
from recordingd.domain.errors import STORE_REFUSED
from recordingd.domain.recordings import (
    CallFacts,
    Capture,
    FileId,
    Outcome,
    Recording,
    RecordingFile,
    RecordingId,
    Verb,
)
from recordingd.planning.dates import Dated, anchors_of, dates_of, decided_at, later


class RecordingState(enum.StrEnum):
    """Where a recording stands."""

    EXPECTED = "expected"
    STARTING = "starting"
    CAPTURING = "capturing"
    PAUSED = "paused"
    STOPPING = "stopping"
    AWAITING_FILES = "awaitingFiles"
    KEPT = "kept"
    PURGED = "purged"
    LOST = "lost"
    NOT_RECORDED = "notRecorded"


class FileState(enum.StrEnum):
    """Where a file stands."""

    ANNOUNCED = "announced"
    DOWNLOADING = "downloading"
    STORED = "stored"
    VERIFIED = "verified"
    KEPT = "kept"
    PURGED = "purged"
    LOST = "lost"


SETTLED = frozenset({FileState.KEPT, FileState.PURGED, FileState.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRecording:
    """A recording's state and dates.

    `keep_until` is the floor, `delete_at` when it goes (never before the floor); FOREVER is never,
    None is not known yet, or that there is no floor. `keep_rule` and `delete_rule` name the rules
    behind them. `is_undecided` says that a fact is missing that decides which rules match.
    """

    state: RecordingState
    keep_until: datetime | Forever | None
    keep_rule: str | None
    delete_at: datetime | Forever | None
    delete_rule: str | None
    is_undecided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What follows from one call's facts.

    `needs_attention` is set while anything can still happen to the call or its files; without it
    nothing is due before `next_at` (None: never).
    """

    recordings: Mapping[RecordingId, DerivedRecording]
    files: Mapping[FileId, FileState]
    needs_attention: bool
    next_at: datetime | None


def derive(facts: CallFacts) -> Derived:
    """Compute the derived columns of a call."""
    files = {f.id: file_state(facts, f) for f in facts.files}
    recordings = {r.id: _derive_recording(facts, r, files) for r in facts.recordings}
    due = [
        moment
        for r in facts.recordings
        if recordings[r.id].state is RecordingState.KEPT
        for moment in _moments_of(facts, r, recordings[r.id])
    ]
    return Derived(
        recordings=recordings,
        files=files,
        needs_attention=_needs_attention(facts, files),
        next_at=min(due, default=None),
    )


def _moments_of(
    facts: CallFacts, recording: Recording, derived: DerivedRecording
) -> Iterator[datetime]:
    """Yield when a kept recording needs a look: when it goes, and when its rules are decided."""
    if isinstance(derived.delete_at, datetime):
        yield derived.delete_at
    for keeping in recording.keeping:
        moment = None if keeping.is_certain else decided_at(facts, recording, keeping.spec)
        if moment is not None:
            yield moment


def file_state(facts: CallFacts, file: RecordingFile) -> FileState:
    """Say where a file stands; the first that applies, from the end of its life backwards."""
    if file.purged_at is not None:
        return FileState.PURGED
    if file.lost_at is not None:
        return FileState.LOST
    if file.verified_at is not None:
        # Of what the service exported there is no copy on the service that would have to go.
        is_settled = file.is_external or file.removed_at is not None or file.suspect is not None
        return FileState.KEPT if is_settled else FileState.VERIFIED
    if facts.copies_of(file.id):
        return FileState.STORED
    attempt = facts.open_attempt(file.id)
    if attempt is not None and attempt.verb is Verb.DOWNLOAD:
        return FileState.DOWNLOADING
    return FileState.ANNOUNCED


def _derive_recording(
    facts: CallFacts, recording: Recording, files: Mapping[FileId, FileState]
) -> DerivedRecording:
    floor, deletion = retention_of(facts, recording)
    states = [files[f.id] for f in facts.files_of(recording.id)]
    return DerivedRecording(
        state=_recording_state(facts, recording, states),
        keep_until=None if floor is None else floor.at,
        keep_rule=None if floor is None else floor.rule,
        delete_at=deletion.at,
        delete_rule=deletion.rule or None,
        is_undecided=any(not k.is_certain for k in recording.keeping),
    )


def _recording_state(
    facts: CallFacts, recording: Recording, files: list[FileState]
) -> RecordingState:
    if files and not recording.is_open:
        return _state_by_files(files)
    if recording.outcome is not None:
        is_lost = recording.outcome is Outcome.LOST
        return RecordingState.LOST if is_lost else RecordingState.NOT_RECORDED
    if recording.stopped_at is not None:
        return RecordingState.AWAITING_FILES
    attempt = facts.open_attempt(recording.id)
    if attempt is not None and attempt.verb is Verb.STOP:
        return RecordingState.STOPPING
    if recording.first_sent_at is None:
        return RecordingState.EXPECTED
    return _state_by_capture(recording)


def _state_by_files(files: list[FileState]) -> RecordingState:
    if any(f not in SETTLED for f in files):
        return RecordingState.AWAITING_FILES
    if FileState.KEPT in files:
        return RecordingState.KEPT
    return RecordingState.PURGED if FileState.PURGED in files else RecordingState.LOST


def _state_by_capture(recording: Recording) -> RecordingState:
    if recording.recording_id is None:
        return RecordingState.STARTING
    if recording.active_since is not None:
        return RecordingState.CAPTURING
    if recording.capture_wanted is Capture.PAUSED:
        return RecordingState.PAUSED
    return RecordingState.STARTING


def retention_of(facts: CallFacts, recording: Recording) -> tuple[Dated | None, Dated]:
    """Return until when a recording is kept at least, if any rule says so, and when it goes.

    An erasure brings the deletion forward, and only a floor that is a legal obligation stands
    against it. `rule` of a deletion is empty where no rule deletes it.
    """
    dates = dates_of(recording.keeping, anchors_of(facts, recording))
    if recording.erase_at is None:
        rule = "" if dates.deletion is None else dates.deletion.rule
        return dates.floor, Dated(at=dates.delete_at, rule=rule)
    legal, rule = dates.legal_floor, f"{recording.policy}#consent"
    erased_at = recording.erase_at if legal is None else later(recording.erase_at, legal.at)
    return legal, Dated(at=erased_at, rule=rule)


def _needs_attention(facts: CallFacts, files: Mapping[FileId, FileState]) -> bool:
    return (
        facts.call.is_live
        or any(r.is_open for r in facts.recordings)
        or any(a.finished_at is None for a in facts.attempts)
        or any(s not in SETTLED for s in files.values())
        or any(awaits_files(facts, r) for r in facts.recordings)
    )


def awaits_files(facts: CallFacts, recording: Recording) -> bool:
    """Whether a recording is over and its first file is still to be announced."""
    return (
        recording.stopped_at is not None
        and recording.outcome is None
        and not facts.files_of(recording.id)
    )


def never_captured(recording: Recording) -> bool:
    """Whether a recording was started paused and never resumed, so that it can have no file.

    Source: the service's quickstart for Python, section "Start recording in pause mode":
    recordings need to be resumed for a file to be generated.
    """
    return (
        recording.start_paused and recording.resumed_at is None and recording.active_seen_at is None
    )


def is_blocked_by_storage(facts: CallFacts, file: FileId) -> bool:
    """Whether a file is due and a store refuses to delete a copy of it."""
    attempt = facts.open_attempt(file)
    if attempt is None or attempt.verb is not Verb.PURGE:
        return False
    return (attempt.detail or "").startswith(STORE_REFUSED)


def deadline_of(
    announced_at: datetime, ended_at: datetime | None, retention: timedelta
) -> datetime:
    """Return when the service drops a file: its life counts from the earlier of two moments."""
    start = announced_at if ended_at is None else min(announced_at, ended_at)
    return start + retention
