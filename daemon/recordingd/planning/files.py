"""From an announced file to a verified copy, the end of the service's copy, and the purge.

Called by `planning.planner`. Every file is planned by itself: at most one effect each. The service
drops a file after its deadline, so until a verified copy exists nothing about it is given up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from recordingd.domain.plans import (
    VERBS,
    Alarm,
    CloseRecording,
    DownloadFile,
    FileEffect,
    MarkFileExpired,
    MarkFileLost,
    PurgeFile,
    ReasonCode,
    RemoveFile,
    VerifyFile,
)
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Outcome,
    Recording,
    RecordingFile,
    Verb,
)
from recordingd.planning.backoff import backed_off
from recordingd.planning.containers import find_blob
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import (
    DerivedRecording,
    FileState,
    RecordingState,
    derive,
    never_captured,
)
from recordingd.planning.steps import NOTHING, Step, act, because, effect, held_back, merge, wait

# Below this much free space only files that the service is about to drop are fetched.
URGENT_WITHIN = timedelta(hours=6)
UNANNOUNCED_WARNS_AFTER = timedelta(minutes=15)
LOOK_FOR_SPACE_EVERY = timedelta(minutes=1)
LOST_GRACE = timedelta(hours=1)
# A container that is no store may become one with the next start; meanwhile the alarm stays.
UNKNOWN_STORE_LOOK_AGAIN = timedelta(minutes=10)
DAMAGED_WAIT = timedelta(seconds=30)
DAMAGED_WAIT_MAX = timedelta(minutes=15)
# How an attempt's detail says that the service no longer has a file; `domain.errors.FaultDetail`
# renders it so.
NOT_FOUND = "HTTP 404"


def plan_files(facts: CallFacts, context: PlanningContext, now: datetime) -> Step:
    """Plan every file, and every ended recording that still waits for one."""
    derived = derive(facts)
    recordings = {r.id: r for r in facts.recordings}
    awaited = [_awaited(facts, r, context, now) for r in facts.recordings]
    files = [
        _plan_file(facts, recordings[f.recording], f, derived.files[f.id], context=context, now=now)
        for f in facts.files
    ]
    purges = [
        _purges(facts, recordings[name], dates, now=now)
        for name, dates in derived.recordings.items()
    ]
    return merge(*awaited, *files, *purges)


def _awaited(
    facts: CallFacts, recording: Recording, context: PlanningContext, now: datetime
) -> Step:
    """Judge an ended recording of which no file was announced."""
    stopped_at = recording.stopped_at
    if stopped_at is None or recording.outcome is not None or facts.files_of(recording.id):
        return NOTHING
    if never_captured(recording):
        text = "it was started paused and never resumed, so the service makes no file"
        return act(_close(facts, recording, ReasonCode.NEVER_CAPTURED, text))
    warns_at = stopped_at + UNANNOUNCED_WARNS_AFTER
    if now < warns_at:
        return wait(warns_at)
    ids = {"call": facts.call.call_id, "recording": recording.id}
    lost_at = stopped_at + context.service_retention + LOST_GRACE
    if now < lost_at:
        return wait(lost_at, alarms=(Alarm.of("FileUnannounced", **ids),))
    text = "no file was announced while the service could still have had one"
    closed = _close(facts, recording, ReasonCode.NEVER_ANNOUNCED, text)
    return act(closed, alarms=(Alarm.of("FileLost", **ids),))


def _close(facts: CallFacts, recording: Recording, code: ReasonCode, text: str) -> CloseRecording:
    is_lost = code is ReasonCode.NEVER_ANNOUNCED
    return CloseRecording(
        call_id=facts.call.call_id,
        why=because(code, text, recording),
        recording=recording.id,
        outcome=Outcome.LOST if is_lost else Outcome.NOT_RECORDED,
    )


def _plan_file(
    facts: CallFacts,
    recording: Recording,
    file: RecordingFile,
    state: FileState,
    *,
    context: PlanningContext,
    now: datetime,
) -> Step:
    if file.is_external and state is FileState.ANNOUNCED:
        return _verify_in_place(facts, recording, file, context, now=now)
    match state:
        case FileState.ANNOUNCED | FileState.DOWNLOADING:
            return _download(facts, recording, file, context, now=now)
        case FileState.STORED:
            why = because(ReasonCode.FILE_STORED, "a stored copy is to be read back", recording)
            return _unless_held_back(
                facts, VerifyFile(call_id=facts.call.call_id, why=why, file=file.id), now
            )
        case FileState.VERIFIED:
            return _remove(facts, recording, file, now=now)
        case FileState.KEPT | FileState.PURGED | FileState.LOST:
            return NOTHING


def _verify_in_place(
    facts: CallFacts,
    recording: Recording,
    file: RecordingFile,
    context: PlanningContext,
    *,
    now: datetime,
) -> Step:
    """Plan for a file that the service wrote to a container: it is verified and kept there."""
    ids = {"call": facts.call.call_id, "file": file.id}
    where = find_blob(context.containers, file)
    if where is None:
        reason = "its container is no store of the settings"
        alarm = Alarm.of("ExportUnverified", **ids, why=reason)
        return wait(now + UNKNOWN_STORE_LOOK_AGAIN, alarms=(alarm,))
    attempt = facts.open_attempt(file.id)
    detail = "" if attempt is None else attempt.detail or ""
    if NOT_FOUND in detail and now >= file.deadline:
        return _lost(facts, recording, file, "it is not in the container that was announced")
    text = "the service says that it wrote a file to our container"
    why = because(ReasonCode.FILE_ANNOUNCED, text, recording)
    look = VerifyFile(call_id=facts.call.call_id, why=why, file=file.id, in_container=where)
    alarms = (Alarm.of("ExportUnverified", **ids, why=detail),) if detail else ()
    return merge(_unless_held_back(facts, look, now), Step(alarms=alarms))


def _unless_held_back(facts: CallFacts, planned: FileEffect, now: datetime) -> Step:
    later = held_back(facts, planned.file, VERBS[type(planned)], now)
    return effect(planned) if later is None else wait(later)


def _download(
    facts: CallFacts,
    recording: Recording,
    file: RecordingFile,
    context: PlanningContext,
    *,
    now: datetime,
) -> Step:
    if _is_beyond_reach(facts, file, now):
        text = "the service dropped it before it could be fetched"
        return _lost(facts, recording, file, text)
    if (later := _after_damage(facts, file)) is not None and now < later:
        return wait(later)
    urgent_at = file.deadline - URGENT_WITHIN
    if context.is_archive_tight and now < urgent_at:
        alarm = Alarm.of("ArchiveFillsSoon", store=context.archive)
        return wait(min(urgent_at, now + LOOK_FOR_SPACE_EVERY), alarms=(alarm,))
    why = because(
        ReasonCode.FILE_ANNOUNCED, "the service has a file that we do not have", recording
    )
    fetch = DownloadFile(call_id=facts.call.call_id, why=why, file=file.id, deadline=file.deadline)
    return merge(
        _unless_held_back(facts, fetch, now), Step(alarms=_at_risk(facts, file, context, now))
    )


def _after_damage(facts: CallFacts, file: RecordingFile) -> datetime | None:
    """Return when a file that came damaged is fetched again; None when it never did.

    The service may need time to finish it: files of 0 bytes right after the announcement were whole
    a minute later (azure-sdk-for-python, issue 33415).
    """
    damaged_at = [
        a.finished_at
        for a in facts.attempts
        if a.verb is Verb.VERIFY
        and a.target == file.id
        and a.outcome is AttemptOutcome.PERMANENT
        and a.finished_at is not None
    ]
    if not damaged_at:
        return None
    last = max(damaged_at)
    pause = backed_off(len(damaged_at), first=DAMAGED_WAIT, longest=DAMAGED_WAIT_MAX)
    return last + min(pause, max((file.deadline - last) / 4, timedelta(0)))


def _is_beyond_reach(facts: CallFacts, file: RecordingFile, now: datetime) -> bool:
    """Whether the service has dropped a file: it says so, or failed for long after the deadline."""
    attempt = facts.open_attempt(file.id)
    # What is on its way may still arrive, late as it is.
    if attempt is None or attempt.outcome is None or now < file.deadline:
        return False
    return NOT_FOUND in (attempt.detail or "") or now >= file.deadline + LOST_GRACE


def _at_risk(
    facts: CallFacts, file: RecordingFile, context: PlanningContext, now: datetime
) -> tuple[Alarm, ...]:
    """Alarm from a quarter of a file's life on, as long as we do not have it."""
    if file.deadline - now > context.service_retention * 3 / 4:
        return ()
    deadline = file.deadline.isoformat()
    return (Alarm.of("FileDeadlineNear", call=facts.call.call_id, file=file.id, deadline=deadline),)


def _lost(facts: CallFacts, recording: Recording, file: RecordingFile, text: str) -> Step:
    lost = MarkFileLost(
        call_id=facts.call.call_id,
        why=because(ReasonCode.FILE_ANNOUNCED, text, recording),
        file=file.id,
    )
    alarm = Alarm.of("FileLost", call=facts.call.call_id, file=file.id)
    return act(lost, alarms=(alarm,))


def _remove(facts: CallFacts, recording: Recording, file: RecordingFile, *, now: datetime) -> Step:
    if now >= file.deadline:
        why = because(ReasonCode.FILE_VERIFIED, "the service has dropped its copy", recording)
        return act(MarkFileExpired(call_id=facts.call.call_id, why=why, file=file.id))
    if file.delete_url is None:
        return wait(file.deadline)
    why = because(ReasonCode.FILE_VERIFIED, "a verified copy is in the archive", recording)
    removal = RemoveFile(call_id=facts.call.call_id, why=why, file=file.id)
    return merge(_unless_held_back(facts, removal, now), wait(file.deadline))


def _purges(
    facts: CallFacts, recording: Recording, dates: DerivedRecording, *, now: datetime
) -> Step:
    """Delete what is kept of a recording whose time is over."""
    due_at = dates.delete_at
    if dates.state is not RecordingState.KEPT or not isinstance(due_at, datetime):
        return NOTHING
    if now < due_at:
        return wait(due_at)
    rule = dates.delete_rule or str(recording.policy)
    keeping = next((k for k in recording.keeping if k.rule == rule), None)
    why = because(ReasonCode.RETENTION_DUE, f"{rule} keeps it until {due_at:%Y-%m-%d}", recording)
    if keeping is not None and keeping.source is not None:
        why = replace(why, source=keeping.source)
    steps = []
    for file in facts.files_of(recording.id):
        if file.purged_at is not None or file.lost_at is not None:
            continue
        purge = PurgeFile(
            call_id=facts.call.call_id,
            why=why,
            file=file.id,
            due_at=due_at,
            rule=rule,
            revision=recording.policy_revision if keeping is None else keeping.revision,
        )
        steps.append(_unless_held_back(facts, purge, now))
    return merge(*steps)
