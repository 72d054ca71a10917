"""The service and the archive as they would be without faults: whatever is asked is done at once.

Used by `planning.rehearsal` alone. Answers through the very functions that store what a real answer
changes, so that a rehearsed call is stored as a real one would be. Knows how long audio flowed, and
nothing of policies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recordingd.domain.calls import (
    AnnouncedFile,
    CallReference,
    FilesAnnounced,
    RecordingStateChanged,
)
from recordingd.domain.plans import (
    DownloadFile,
    Effect,
    ObserveRecording,
    PauseRecording,
    PurgeFile,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    VerifyFile,
)
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import (
    CallFacts,
    Capture,
    Copy,
    FileId,
    Receipt,
    Recording,
    RecordingId,
    ServiceRecordingId,
)
from recordingd.planning import outcomes
from recordingd.planning.derivation import never_captured
from recordingd.planning.facts import Reading, fold
from recordingd.planning.rows import file_by_id, recording_by_id

# What a URL on the service looks like is nobody's business here; none of them is ever asked.
_STORAGE = "https://service.invalid"
_ACTOR = "rehearsal"


@dataclass(slots=True)
class IdealService:
    """A service that fails nothing. One per rehearsed call."""

    _flowed: dict[RecordingId, timedelta] = field(default_factory=dict)
    _flows_since: dict[RecordingId, datetime] = field(default_factory=dict)

    def flowed(self, now: datetime) -> dict[RecordingId, timedelta]:
        """Return for how long audio of each recording has flowed, those that flow now included."""
        flowed = dict(self._flowed)
        for recording, since in self._flows_since.items():
            flowed[recording] = flowed.get(recording, timedelta(0)) + (now - since)
        return flowed

    def answer(self, effect: Effect, facts: CallFacts, reading: Reading) -> CallFacts:
        """Return the facts once an effect has succeeded, with what the service then reports."""
        now = reading.received_at
        match effect:
            case StartRecording():
                service_id = ServiceRecordingId(f"service-{effect.recording}")
                facts = outcomes.started(facts, effect.recording, service_id, now)
                return self._switch(facts, effect.recording, reading)
            case ObserveRecording():
                return read_back(facts, effect.recording, now)
            case PauseRecording():
                facts = outcomes.capture_changed(facts, effect.recording, Capture.PAUSED, now)
                return self._switch(facts, effect.recording, reading)
            case ResumeRecording():
                facts = outcomes.capture_changed(facts, effect.recording, Capture.ACTIVE, now)
                return self._switch(facts, effect.recording, reading)
            case StopRecording():
                facts = outcomes.stopped(facts, effect.recording, effect.stop_reason, now)
                return self._end(facts, effect.recording, reading)
            case DownloadFile():
                return _download(facts, effect.file, now)
            case VerifyFile():
                return _verify(facts, effect, now)
            case RemoveFile():
                return outcomes.removed(facts, effect.file, now)
            case PurgeFile():
                return _purge(facts, effect, now)

    def _switch(self, facts: CallFacts, recording: RecordingId, reading: Reading) -> CallFacts:
        """Let audio flow or not, as was asked, and say so."""
        now, row = reading.received_at, recording_by_id(facts, recording)
        is_active = row.capture_wanted is Capture.ACTIVE
        self._stop_flow(recording, now)
        if is_active:
            self._flows_since[recording] = now
        said = RecordingStateChanged(about=_about(facts, row), at=now, is_active=is_active)
        return fold(facts, said, reading)

    def _stop_flow(self, recording: RecordingId, now: datetime) -> None:
        since = self._flows_since.pop(recording, None)
        if since is not None:
            self._flowed[recording] = self._flowed.get(recording, timedelta(0)) + (now - since)

    def _end(self, facts: CallFacts, recording: RecordingId, reading: Reading) -> CallFacts:
        """Announce one file of whatever was captured."""
        self._stop_flow(recording, reading.received_at)
        row = recording_by_id(facts, recording)
        if never_captured(row):
            return facts
        return fold(facts, _announcement(facts, row, reading.received_at), reading)


def read_back(facts: CallFacts, recording: RecordingId, at: datetime) -> CallFacts:
    """Return the facts once a recording was read as what was last asked of it."""
    is_active = recording_by_id(facts, recording).capture_wanted is Capture.ACTIVE
    return outcomes.state_read(facts, recording, is_active=is_active, now=at)


def _about(facts: CallFacts, recording: Recording) -> CallReference:
    return CallReference(
        server_call_id=facts.call.server_call_id, recording_id=recording.recording_id
    )


def _announcement(facts: CallFacts, recording: Recording, now: datetime) -> FilesAnnounced:
    started_at = recording.accepted_at or now
    place = _STORAGE if recording.container is None else recording.container
    file = AnnouncedFile(
        document_id=f"document-{recording.id}",
        chunk=0,
        content_url=f"{place}/{recording.id}",
        metadata_url=None,
        delete_url=None if recording.container is not None else f"{place}/{recording.id}/delete",
        end_reason=None,
    )
    return FilesAnnounced(
        about=_about(facts, recording),
        at=now,
        files=(file,),
        is_external=recording.container is not None,
        started_at=started_at,
        duration_ms=(now - started_at) // timedelta(milliseconds=1),
    )


def _download(facts: CallFacts, file: FileId, now: datetime) -> CallFacts:
    row = file_by_id(facts, file)
    store = recording_by_id(facts, row.recording).archive
    return outcomes.copied(facts, _copy(file, store, file, now), row, now)


def _copy(file: FileId, store: StoreName, uri: str, now: datetime) -> Copy:
    return Copy(file=file, store=store, uri=uri, size_bytes=0, sha256="", durable_at=now)


def _verify(facts: CallFacts, effect: VerifyFile, now: datetime) -> CallFacts:
    if effect.in_container is not None:
        where = effect.in_container
        copy = _copy(effect.file, where.store, where.uri, now)
        facts = outcomes.copied(facts, copy, file_by_id(facts, effect.file), now)
    return outcomes.verified(facts, file_by_id(facts, effect.file), now)


def _purge(facts: CallFacts, effect: PurgeFile, now: datetime) -> CallFacts:
    """Delete every copy; what is known of the people stays, for whoever looks at the call."""
    row = file_by_id(facts, effect.file)
    receipt = Receipt(
        file=row.id,
        document_id=row.document_id,
        recording=row.recording,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        copies=tuple((c.store, c.uri, "deleted") for c in facts.copies_of(row.id)),
        rule=effect.rule,
        policy_revision=effect.revision,
        hold_check="none",
        actor=_ACTOR,
        due_at=effect.due_at,
        purged_at=now,
    )
    return outcomes.purged(facts, receipt, now)
