"""Values with defaults for tests: calls, participants, policies, recordings, files, contexts.

Every factory makes something plausible and lets a test name only what matters to it. Time starts at
`T0` and moves by hand (`after`). Used by every test of planning; knows nothing of the runtime.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from recordingd.domain.calls import (
    AnnouncedFile,
    Call,
    CallEvent,
    CallReference,
    ConsentAnswer,
    FilesAnnounced,
    Participant,
    Party,
    RawId,
    ServerCallId,
    call_id_of,
)
from recordingd.domain.consent import ConsentMode, ConsentRule, ConsentSpec, Parties
from recordingd.domain.durations import parse_duration, parse_finite_duration
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import (
    AllOf,
    GroupName,
    ParticipantsFit,
    Pattern,
    Quantifier,
    RuleName,
    Selector,
    Source,
    TagIs,
)
from recordingd.domain.pauses import PauseRule, PauseTrigger
from recordingd.domain.plans import Mode
from recordingd.domain.policies import (
    Captured,
    ChannelAssignment,
    Channels,
    Content,
    Decision,
    Group,
    IfAbsent,
    MediaFormat,
    PolicyName,
    PolicySet,
    RecordingPolicy,
    RecordSpec,
    StoreName,
    WaitFor,
)
from recordingd.domain.recordings import (
    Attempt,
    AttemptId,
    AttemptOutcome,
    CallFacts,
    Capture,
    CaptureRequest,
    Consent,
    Copy,
    DocumentId,
    FileId,
    Receipt,
    Recording,
    RecordingFile,
    RecordingId,
    ServiceRecordingId,
    Verb,
)
from recordingd.domain.retention import (
    Basis,
    CountFrom,
    EventClock,
    Keeping,
    RetentionRule,
    RetentionSpec,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.facts import Reading, fold, new_call
from recordingd.planning.matching import compile_policies
from recordingd.planning.transitions import Supplies, token_hash

T = TypeVar("T")
T0 = datetime(2026, 11, 2, 9, 0, 0, tzinfo=UTC)
SERVER_CALL_ID = ServerCallId("c2VydmVyLWNhbGw")
CALL_ID = call_id_of(SERVER_CALL_ID)
MAIN = StoreName("main")
SOURCE = Source(file="policies/support.yaml", line=7)
ALICE, BOB, CAROL = RawId("8:acs:alice"), RawId("8:acs:bob"), RawId("8:acs:carol")
AGENT = RawId("8:acs:agent")
RECORDING = RecordingId("rec-1")
SERVICE_ID = ServiceRecordingId("service-recording-1")
FILE = FileId("file-1")
ABOUT = CallReference(server_call_id=SERVER_CALL_ID)
ABOUT_RECORDING = CallReference(server_call_id=SERVER_CALL_ID, recording_id=SERVICE_ID)
TICK = timedelta(milliseconds=1)
EVERYTHING = AllOf(path="match", source=SOURCE, parts=())
RULE_KINDS = ("consent_rules", "pause_rules", "retention_rules", "holds", "places")


def after(seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
    """Return the moment so long after the beginning of every test."""
    return T0 + timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)


def changed(value: T, changes: Mapping[str, object]) -> T:
    """Return a value with some fields replaced; an unknown name is a TypeError."""
    return replace(value, **changes)  # type: ignore[type-var]  # every T here is a dataclass


# --- policies -------------------------------------------------------------------------------------


def tag_is(tag: str, value: str) -> TagIs:
    return TagIs(path=f"match.tags.{tag}", source=SOURCE, tag=tag, patterns=(Pattern(value),))


def some_participant(raw_id: str) -> ParticipantsFit:
    return ParticipantsFit(
        path="match.participants.some",
        source=SOURCE,
        quantifier=Quantifier.SOME,
        selectors=(Selector(ids=(Pattern(raw_id),)),),
    )


def no_participant(raw_id: str) -> ParticipantsFit:
    """A condition that stays unknown until the list of participants is complete."""
    return replace(some_participant(raw_id), quantifier=Quantifier.NONE)


def make_spec(
    *, assign: Mapping[int, str] | None = None, if_absent: IfAbsent | WaitFor | None = None
) -> RecordSpec:
    assignments = tuple(
        ChannelAssignment(channel=channel, selectors=(Selector(ids=(Pattern(raw_id),)),))
        for channel, raw_id in (assign or {}).items()
    )
    return RecordSpec(
        content=Content.AUDIO,
        channels=Channels.UNMIXED if assignments else Channels.MIXED,
        format=MediaFormat.WAV,
        assign=assignments,
        if_absent=if_absent or IfAbsent.START_WITHOUT,
    )


def make_consent_rule(
    parties: Parties = Parties.KNOWN,
    *,
    mode: ConsentMode = ConsentMode.EXPLICIT,
    timeout: str = "30s",
) -> ConsentSpec:
    return ConsentSpec(mode=mode, parties=parties, timeout=parse_finite_duration(timeout))


def make_rule_of_consent(
    name: str = "all-parties", spec: ConsentSpec | None = None, **changes: object
) -> ConsentRule:
    """Make a rule in a document of its own; for every call, unless `match` says otherwise."""
    rule = ConsentRule(
        name=RuleName(name), source=SOURCE, match=EVERYTHING, spec=spec or make_consent_rule()
    )
    return changed(rule, changes)


def make_pause_rule(
    name: str = "card-payment",
    *,
    tags: Mapping[str, str] | None = None,
    auto_resume: str | None = None,
    alarm_after: str | None = None,
    **changes: object,
) -> PauseRule:
    """Make a rule for every call that answers requests, or reads `tags` (tag -> value) if given."""
    trigger = PauseTrigger(
        on_signal=tags is None, tags={t: (Pattern(v),) for t, v in (tags or {}).items()}
    )
    rule = PauseRule(
        name=RuleName(name),
        source=SOURCE,
        match=EVERYTHING,
        trigger=trigger,
        auto_resume=None if auto_resume is None else parse_finite_duration(auto_resume),
        alarm_after=None if alarm_after is None else parse_finite_duration(alarm_after),
    )
    return changed(rule, changes)


def keep(
    keep_at_least: str | None = None,
    delete_after: str | None = None,
    *,
    count_from: CountFrom | EventClock = CountFrom.CALL_END,
    basis: Basis = Basis.BUSINESS_NEED,
    decide_after: str = "24h",
) -> RetentionSpec:
    """Make the body of a retention rule from durations as policies write them."""
    return RetentionSpec(
        keep_at_least=None if keep_at_least is None else parse_duration(keep_at_least),
        delete_after=None if delete_after is None else parse_duration(delete_after),
        count_from=count_from,
        basis=basis,
        decide_after=parse_finite_duration(decide_after),
    )


def make_keeping(
    spec: RetentionSpec, rule: str = "support-line#retention", **changes: object
) -> Keeping:
    """Make what a rule said of a recording; by default the one within its policy."""
    keeping = Keeping(rule=RuleName(rule), source=SOURCE, revision=3, priority=0, spec=spec)
    return changed(keeping, changes)


def make_retention_rule(
    name: str = "mifid-ii", spec: RetentionSpec | None = None, **changes: object
) -> RetentionRule:
    """Make a rule that matches every call, unless `match` says otherwise."""
    rule = RetentionRule(
        name=RuleName(name), source=SOURCE, match=EVERYTHING, spec=spec or keep("5y", "7y")
    )
    return changed(rule, changes)


def make_hold(name: str = "case-4711", **changes: object) -> LegalHold:
    """Make a hold on every call, unless `match` says otherwise."""
    hold = LegalHold(
        name=RuleName(name),
        source=SOURCE,
        match=EVERYTHING,
        reason="Subpoena 4711",
        owner="legal@contoso.example",
    )
    return changed(hold, changes)


def make_policy(
    name: str = "support-line", decision: Decision = Decision.RECORD, **changes: object
) -> RecordingPolicy:
    """Make a policy that matches every call, unless `match` says otherwise."""
    wants = decision in {Decision.RECORD, Decision.REQUIRE}
    policy = RecordingPolicy(
        name=PolicyName(name),
        source=SOURCE,
        match=EVERYTHING,
        decision=decision,
        record=make_spec() if wants else None,
        captured=Captured.KEEP if decision is Decision.FORBID else None,
    )
    return changed(policy, changes)


def make_context(
    *policies: RecordingPolicy, internal: Iterable[str] = (), **changes: object
) -> PlanningContext:
    """Make a context; without policies, one that records every call. `internal` are raw ids.

    What is named as a part of the policy set (`retention_rules`, `holds` …) becomes one.
    """
    parts: dict[str, Any] = {n: changes.pop(n) for n in RULE_KINDS if n in changes}
    staff = Group(
        name=GroupName("staff"),
        source=SOURCE,
        is_internal=True,
        members=tuple(Selector(ids=(Pattern(i),)) for i in internal),
    )
    compiled = compile_policies(
        PolicySet(
            policies=policies or (make_policy(),),
            groups={staff.name: staff},
            texts={},
            digest="0" * 64,
            **parts,
        )
    )
    context = PlanningContext(policies=compiled, revision=3, mode=Mode.ENFORCE, archive=MAIN)
    return changed(context, changes)


def make_silent_context() -> PlanningContext:
    """Make a context whose only policy never matches."""
    return make_context(make_policy(match=tag_is("never", "said")))


def token_of(recording: str) -> str:
    return f"token-of-{recording}"


def make_supplies() -> Supplies:
    """Make supplies that count: the first fresh id is `id-1`."""
    ids, requests = itertools.count(1), itertools.count(1)
    return Supplies(
        new_id=lambda: f"id-{next(ids)}",
        new_request_id=lambda: f"request-{next(requests)}",
        token_of=token_of,
    )


def make_reading(received_at: datetime | None = None, **changes: object) -> Reading:
    """Make what folding needs; events arrive late in the day unless told otherwise."""
    ids = itertools.count(1)
    reading = Reading(
        received_at=received_at or after(hours=12),
        new_id=lambda: f"new-{next(ids)}",
        service_retention=timedelta(hours=24),
        tag_headers={"queue": "X-Queue"},
    )
    return changed(reading, changes)


# --- facts ----------------------------------------------------------------------------------------


def make_party(raw_id: str = ALICE, **changes: object) -> Party:
    return changed(Party(raw_id=RawId(raw_id)), changes)


def make_participant(
    raw_id: str = ALICE,
    joined_at: datetime = T0,
    left_at: datetime | None = None,
    *,
    phone: str | None = None,
) -> Participant:
    party = make_party(raw_id, phone=phone)
    return Participant(party=party, joined_at=joined_at, left_at=left_at)


def make_call(**changes: object) -> Call:
    """Make a call that was established at `T0` and lives."""
    call = Call(call_id=CALL_ID, server_call_id=SERVER_CALL_ID, first_seen_at=T0, started_at=T0)
    return changed(call, changes)


def make_recording(**changes: object) -> Recording:
    """Make a recording that is wanted since `T0` and was not sent yet.

    `retention` is what its policy says inline, where no whole `keeping` is given.
    """
    if "retention" in changes:
        spec = cast("RetentionSpec", changes.pop("retention"))
        changes.setdefault("keeping", (make_keeping(spec),))
    recording = Recording(
        id=RECORDING,
        policy=PolicyName("support-line"),
        policy_revision=3,
        source=SOURCE,
        expected_at=T0,
        content=Content.AUDIO,
        channels=Channels.MIXED,
        format=MediaFormat.WAV,
        archive=MAIN,
        container=None,
        purpose="recording",
        consent=None,
        keeping=(),
        keeping_revision=3,
        affinity={},
        callback_token_hash=token_hash(token_of(RECORDING)),
    )
    return changed(recording, changes)


def make_sent(**changes: object) -> Recording:
    """Make a recording whose start was sent at `T0`, and whose id is unknown."""
    sent: dict[str, object] = {
        "start_request_id": "request-0",
        "first_sent_at": T0,
        "capture_wanted": Capture.ACTIVE,
    }
    return make_recording(**(sent | changes))


def make_running(**changes: object) -> Recording:
    """Make a recording that the service accepted at `T0` and that was read as active at 1 s."""
    running: dict[str, object] = {
        "recording_id": SERVICE_ID,
        "accepted_at": T0,
        "capture_changed_at": T0,
        "active_seen_at": after(1),
        "active_since": after(1),
        "observed_at": after(1),
    }
    return make_sent(**(running | changes))


def make_paused(**changes: object) -> Recording:
    """Make a recording that was started paused at `T0` and never resumed."""
    paused: dict[str, object] = {
        "recording_id": SERVICE_ID,
        "accepted_at": T0,
        "capture_changed_at": T0,
        "start_paused": True,
        "capture_wanted": Capture.PAUSED,
        "inactive_since": after(1),
        "observed_at": after(1),
    }
    return make_sent(**(paused | changes))


def make_stopped(**changes: object) -> Recording:
    """Make a recording that captured from 1 s on and was over at 60 s."""
    stopped: dict[str, object] = {"active_since": None, "stopped_at": after(60)}
    return make_running(**(stopped | changes))


def make_file(**changes: object) -> RecordingFile:
    """Make a file announced at 90 s, which the service drops 24 h after 60 s."""
    file = RecordingFile(
        id=FILE,
        document_id=DocumentId("document-1"),
        recording=RECORDING,
        chunk=0,
        content_url="https://storage.example/content",
        metadata_url="https://storage.example/metadata",
        delete_url="https://storage.example/delete",
        is_external=False,
        announced_at=after(90),
        deadline=after(60, hours=24),
    )
    return changed(file, changes)


def make_verified(**changes: object) -> RecordingFile:
    """Make a file of which a verified copy is kept since 120 s, and the service's copy is gone."""
    verified: dict[str, object] = {"verified_at": after(120), "removed_at": after(121)}
    return make_file(**(verified | changes))


def make_copy(file: FileId = FILE, **changes: object) -> Copy:
    copy = Copy(
        file=file,
        store=MAIN,
        uri=f"{file}.wav",
        size_bytes=64_000,
        sha256="ab" * 32,
        durable_at=after(100),
    )
    return changed(copy, changes)


def make_receipt(file: RecordingFile | None = None, **changes: object) -> Receipt:
    """Make the proof that a file was deleted at `T0`; by default that of `make_file`."""
    gone = file or make_file()
    receipt = Receipt(
        file=gone.id,
        document_id=gone.document_id,
        recording=gone.recording,
        sha256=gone.sha256,
        size_bytes=gone.size_bytes,
        copies=(),
        rule="support-line#retention",
        policy_revision=3,
        hold_check="no hold",
        actor="recordingd",
        due_at=T0,
        purged_at=T0,
    )
    return changed(receipt, changes)


def make_attempt(verb: Verb, target: str = RECORDING, **changes: object) -> Attempt:
    """Make an attempt that was sent once at `T0` and is in flight."""
    attempt = Attempt(
        id=AttemptId(f"attempt-{verb.value}"),
        verb=verb,
        target=target,
        reason="",
        policy_revision=3,
        facts_version=0,
        fence=0,
        intended_at=T0,
        sent_at=T0,
        tries=1,
    )
    return changed(attempt, changes)


def make_put_off(
    verb: Verb,
    outcome: AttemptOutcome = AttemptOutcome.RETRYABLE,
    *,
    target: str = RECORDING,
    retry_at: datetime = T0,
    **changes: object,
) -> Attempt:
    """Make an attempt that failed once and may be tried again at a moment."""
    put_off: dict[str, object] = {"outcome": outcome, "retry_at": retry_at, "detail": "HTTP 503"}
    return make_attempt(verb, target, **(put_off | changes))


def make_answer(
    answer: ConsentAnswer = ConsentAnswer.GRANTED,
    participant: str | None = None,
    at: datetime = T0,
    *,
    purpose: str = "recording",
    method: str = "speech",
    valid_until: datetime | None = None,
) -> Consent:
    """Make a committed answer, received at the moment it was given; None answers for the call."""
    return Consent(
        id=f"consent-{participant}-{at.isoformat()}-{answer.value}",
        answer=answer,
        participant=participant,
        purpose=purpose,
        method=method,
        reporter="app",
        answered_at=at,
        received_at=at,
        valid_until=valid_until,
    )


def make_request(at: datetime = T0, *, is_resume: bool = False) -> CaptureRequest:
    """Make a committed request for silence, or for its end, received the moment it was made."""
    verb = "resume" if is_resume else "pause"
    return CaptureRequest(
        id=f"{verb}-{at.isoformat()}", is_resume=is_resume, reporter="app", at=at, received_at=at
    )


def make_facts(call: Call | None = None, **rows: object) -> CallFacts:
    """Make a call's facts; a single row may be given where a tuple is meant."""
    tuples = {name: r if isinstance(r, tuple) else (r,) for name, r in rows.items()}
    facts = CallFacts(call=call or make_call())
    return changed(facts, tuples)


# --- events ---------------------------------------------------------------------------------------


def folded(*events: CallEvent, facts: CallFacts | None = None) -> CallFacts:
    known, reading = facts or new_call(SERVER_CALL_ID, seen_at=T0), make_reading()
    for event in events:
        known = fold(known, event, reading)
    return known


def make_announcement(
    *documents: str,
    about: CallReference = ABOUT_RECORDING,
    at: datetime | None = None,
    **changes: object,
) -> FilesAnnounced:
    """Make an announcement, at 90 s, of a recording that lasted from 1 s to 60 s."""
    files = tuple(
        AnnouncedFile(
            document_id=document,
            chunk=chunk,
            content_url=f"https://storage.example/{document}",
            metadata_url=None,
            delete_url=None,
            end_reason="SessionEnded",
        )
        for chunk, document in enumerate(documents or ("document-1",))
    )
    event = FilesAnnounced(
        about=about,
        at=at or after(90),
        files=files,
        is_external=False,
        started_at=after(1),
        duration_ms=59_000,
    )
    return changed(event, changes)
