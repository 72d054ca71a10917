"""Carry out one effect, and say what its end changes in the call's facts.

Called by `runtime.executor` with an effect whose intent is committed. Each effect ends in exactly
one `Ended`: done, put off, or refused for good. Nothing here writes to the ledger except the purge,
which has to ask the gate before each copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recordingd.domain.errors import (
    CloudFault,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
    StoreRefused,
    UnsafePlan,
    UrlRefused,
)
from recordingd.domain.plans import (
    VERBS,
    Alarm,
    Effect,
    ObserveRecording,
    PauseRecording,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    target_of,
)
from recordingd.domain.policies import OnFailure, StoreName
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Capture,
    Recording,
    RecordingId,
    ServiceRecordingId,
    StopReason,
)
from recordingd.planning import attempts, outcomes
from recordingd.planning.context import PlanningContext
from recordingd.planning.rows import file_by_id, recording_by_id
from recordingd.ports.archive import Archive
from recordingd.ports.clock import Clock, Rand
from recordingd.ports.cloud import Cloud, StartRequest
from recordingd.runtime.retries import next_try_at

# A store that names no end of its refusal, or one far away, is asked again after this long.
REFUSED_LOOK_AGAIN_MAX = timedelta(days=1)
Change = Callable[[CallFacts, datetime], CallFacts]
# What the service answers to a start when the call is over or was never there (Call Automation
# error codes): 8522 not found, 8528 call terminated, 8543 call does not exist.
CALL_IS_GONE = frozenset({"8522", "8528", "8543"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an effect ended.

    `change` is applied to the call's facts in the transaction that stores the outcome; it is given
    the facts as they are then. `detail` names nobody.
    """

    outcome: AttemptOutcome
    change: Change
    detail: str = ""
    subcode: str | None = None
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What effects are carried out with; built once by `runtime.assembly`.

    `callback_url_of` gives the address that the service calls back for a recording, None when the
    daemon has no public address.
    """

    cloud: Cloud
    archives: Mapping[StoreName, Archive]
    clock: Clock
    rand: Rand
    callback_url_of: Callable[[RecordingId], str | None]


async def control(
    effect: StartRecording | ObserveRecording | PauseRecording | ResumeRecording | StopRecording,
    facts: CallFacts,
    context: PlanningContext,
    tools: Tools,
) -> Ended:
    """Carry out an effect on a recording."""
    recording = recording_by_id(facts, effect.recording)
    try:
        match effect:
            case StartRecording():
                return await _start(facts, recording, tools)
            case ObserveRecording():
                return await _observe(recording, tools)
            case PauseRecording():
                await tools.cloud.pause(_known(recording))
                return _capture(recording.id, Capture.PAUSED)
            case ResumeRecording():
                await tools.cloud.resume(_known(recording))
                return _capture(recording.id, Capture.ACTIVE)
            case StopRecording():
                await tools.cloud.stop(_known(recording))
                return _over(recording.id, effect.stop_reason)
    except CloudFault as fault:
        return _control_failed(effect, facts, fault, context, tools)


def _known(recording: Recording) -> ServiceRecordingId:
    assert recording.recording_id is not None
    return recording.recording_id


async def _start(facts: CallFacts, recording: Recording, tools: Tools) -> Ended:
    assert recording.start_request_id is not None
    assert recording.first_sent_at is not None
    request = StartRequest(
        server_call_id=facts.call.server_call_id,
        content=recording.content,
        channels=recording.channels,
        format=recording.format,
        affinity=recording.affinity,
        start_paused=recording.start_paused,
        container=recording.container,
        callback_url=tools.callback_url_of(recording.id),
        request_id=recording.start_request_id,
        first_sent_at=recording.first_sent_at,
    )
    accepted = await tools.cloud.start(request)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        return outcomes.started(now_known, recording.id, accepted.recording_id, now)

    return Ended(outcome=AttemptOutcome.OK, change=change)


async def _observe(recording: Recording, tools: Tools) -> Ended:
    is_active = await tools.cloud.fetch_is_active(_known(recording))

    def change(facts: CallFacts, now: datetime) -> CallFacts:
        return outcomes.state_read(facts, recording.id, is_active=is_active, now=now)

    detail = "active" if is_active else "inactive"
    return Ended(outcome=AttemptOutcome.OK, change=change, detail=detail)


def _capture(recording: RecordingId, wanted: Capture) -> Ended:
    def change(facts: CallFacts, now: datetime) -> CallFacts:
        return outcomes.capture_changed(facts, recording, wanted, now)

    return Ended(outcome=AttemptOutcome.OK, change=change)


def _over(recording: RecordingId, reason: StopReason | None, detail: str = "") -> Ended:
    def change(facts: CallFacts, now: datetime) -> CallFacts:
        return outcomes.stopped(facts, recording, reason, now)

    return Ended(outcome=AttemptOutcome.OK, change=change, detail=detail)


def _control_failed(
    effect: Effect,
    facts: CallFacts,
    fault: CloudFault,
    context: PlanningContext,
    tools: Tools,
) -> Ended:
    """Turn a fault into what is known now: over, refused, or to be tried again."""
    match effect:
        case StartRecording() if isinstance(fault, PermanentFault):
            return _start_refused(effect, facts, fault, context, tools)
        case ObserveRecording():
            return _not_observed(effect, facts, fault, context, tools)
        case StopRecording() if _says_it_is_over(effect, facts, fault, context, tools):
            return _over(effect.recording, effect.stop_reason, str(fault))
        case PauseRecording() | ResumeRecording() if _says_it_is_over(
            effect, facts, fault, context, tools
        ):
            return _over(effect.recording, None, str(fault))
        case _:
            return put_off(effect, facts, fault, tools)


def _says_it_is_over(
    effect: ObserveRecording | PauseRecording | ResumeRecording | StopRecording,
    facts: CallFacts,
    fault: CloudFault,
    context: PlanningContext,
    tools: Tools,
) -> bool:
    """Read "not found" as over once it can have no other meaning.

    A recording that was never seen active may not have been set up yet: inside the start window
    its absence proves nothing, and taking it for over would let it run out of control.
    """
    if not isinstance(fault, NotFoundFault):
        return False
    recording, now = recording_by_id(facts, effect.recording), tools.clock.now_utc()
    accepted_at = recording.accepted_at or now
    return recording.active_seen_at is not None or now >= accepted_at + context.start_window


def _start_refused(
    effect: StartRecording,
    facts: CallFacts,
    fault: PermanentFault,
    context: PlanningContext,
    tools: Tools,
) -> Ended:
    is_gone = fault.detail.subcode in CALL_IS_GONE or isinstance(fault, NotFoundFault)
    recording = recording_by_id(facts, effect.recording)
    if is_gone and _may_have_started(facts, recording.id):
        return _still_unresolved(effect, facts, fault, tools)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        refused = outcomes.refused(now_known, recording.id, detail=str(fault), now=now)
        return outcomes.call_is_gone(refused, now) if is_gone else refused

    policy = context.policies.by_name(recording.policy)
    is_silent = policy is not None and policy.on_failure is OnFailure.CONTINUE
    alarm = Alarm.of("RecordingRefused", call=facts.call.call_id, recording=recording.id)
    return Ended(
        outcome=AttemptOutcome.PERMANENT,
        change=change,
        detail=str(fault),
        subcode=fault.detail.subcode,
        alarms=() if is_silent else (alarm,),
    )


def _may_have_started(facts: CallFacts, recording: RecordingId) -> bool:
    attempt = facts.open_attempt(recording)
    return attempt is not None and attempt.outcome is AttemptOutcome.AMBIGUOUS


def _still_unresolved(
    effect: StartRecording, facts: CallFacts, fault: PermanentFault, tools: Tools
) -> Ended:
    """Keep a start open whose earlier try had no answer, when its call is gone by now.

    That try may have been carried out while the call lived: its file is then still to come.
    """
    later = put_off(effect, facts, fault, tools)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        return outcomes.call_is_gone(later.change(now_known, now), now)

    return replace(later, change=change)


def _not_observed(
    effect: ObserveRecording,
    facts: CallFacts,
    fault: CloudFault,
    context: PlanningContext,
    tools: Tools,
) -> Ended:
    """End a recording that is over; any other answer leaves it to be read again later."""
    if _says_it_is_over(effect, facts, fault, context, tools):
        return _over(effect.recording, None, str(fault))
    until = next_try_at(
        VERBS[ObserveRecording],
        2,
        now=tools.clock.now_utc(),
        asked_delay_seconds=fault.detail.delay_seconds,
        deadline=None,
        rand=tools.rand,
    )

    def change(now_known: CallFacts, _now: datetime) -> CallFacts:
        return outcomes.state_unread(now_known, effect.recording, until)

    return Ended(
        outcome=_kind(fault), change=change, detail=str(fault), subcode=fault.detail.subcode
    )


def _kind(fault: Exception) -> AttemptOutcome:
    """Say what a failure proves: one that nobody foresaw may have come after the sending."""
    match fault:
        case PermanentFault():
            return AttemptOutcome.PERMANENT
        case RetryableFault() | UrlRefused() | StoreRefused() | UnsafePlan() | OSError():
            return AttemptOutcome.RETRYABLE
        case _:
            return AttemptOutcome.AMBIGUOUS


def put_off(
    effect: Effect,
    facts: CallFacts,
    fault: Exception,
    tools: Tools,
    *,
    deadline: datetime | None = None,
    alarms: tuple[Alarm, ...] = (),
) -> Ended:
    """Keep an effect open, to be tried again when its turn comes.

    What the service refuses for good is put off as well, everywhere but at a start: a recording
    that cannot be stopped, or a file that cannot be fetched, is never given up.
    """
    target, verb, now = target_of(effect), VERBS[type(effect)], tools.clock.now_utc()
    attempt = facts.open_attempt(target)
    detail = fault.detail if isinstance(fault, CloudFault) else None
    retry_at = next_try_at(
        verb,
        attempt.tries if attempt is not None else 1,
        now=now,
        asked_delay_seconds=_asked_delay(fault, now),
        deadline=deadline,
        rand=tools.rand,
    )
    outcome = _kind(fault)

    def change(now_known: CallFacts, _now: datetime) -> CallFacts:
        return attempts.put_off(now_known, target, outcome, detail=str(fault), retry_at=retry_at)

    return Ended(
        outcome=outcome,
        change=change,
        detail=str(fault),
        subcode=detail.subcode if detail is not None else None,
        alarms=(*alarms, *_alarms_of(effect, fault)),
    )


def _asked_delay(fault: Exception, now: datetime) -> float | None:
    """Return how many seconds the service, or a store, asked to be left alone."""
    match fault:
        case CloudFault():
            return fault.detail.delay_seconds
        case StoreRefused(until=datetime() as until):
            return min(until - now, REFUSED_LOOK_AGAIN_MAX).total_seconds()
        case _:
            return None


def _alarms_of(effect: Effect, fault: Exception) -> tuple[Alarm, ...]:
    if isinstance(fault, UrlRefused):
        return (Alarm.of("UrlRefused", call=effect.call_id, target=target_of(effect)),)
    if isinstance(fault, StoreRefused):
        return (Alarm.of("StoreRefused", call=effect.call_id, target=target_of(effect)),)
    if isinstance(fault, CloudFault) and fault.detail.status in {401, 403}:
        return (Alarm.of("CloudCredentialRejected", operation=fault.detail.operation),)
    if isinstance(fault, RetryableFault) and fault.detail.status is None:
        return (Alarm.of("CloudUnreachable", operation=fault.detail.operation),)
    return ()


async def remove(effect: RemoveFile, facts: CallFacts, tools: Tools) -> Ended:
    """Delete the service's copy of a file; one that is gone already is as good."""
    file = file_by_id(facts, effect.file)
    assert file.verified_at is not None, "only what we hold verified may be removed"
    assert file.delete_url is not None
    detail = "deleted"
    try:
        await tools.cloud.remove(file.delete_url)
    except NotFoundFault as fault:
        detail = str(fault)
    except (CloudFault, UrlRefused) as fault:
        return put_off(effect, facts, fault, tools, deadline=file.deadline)

    def change(now_known: CallFacts, now: datetime) -> CallFacts:
        return outcomes.removed(now_known, file.id, now)

    return Ended(outcome=AttemptOutcome.OK, change=change, detail=detail)


def archive_of(tools: Tools, store: StoreName) -> Archive:
    """Return a store by its name; StoreRefused when the settings no longer have it."""
    archive = tools.archives.get(store)
    if archive is None:
        msg = f"the settings have no store '{store}'"
        raise StoreRefused(msg)
    return archive


def recording_of_file(facts: CallFacts, effect_file: str) -> Recording:
    """Return the recording a file belongs to."""
    file = next(f for f in facts.files if f.id == effect_file)
    return recording_by_id(facts, file.recording)
