"""Recordings, their files, and everything else the ledger holds of one call.

`CallFacts` is the unit of reading, deciding and writing: `ledger` loads and stores it whole,
`planning.facts` folds events into it, `planning.planner` derives the next actions from it. Nothing
here is derived from anything else here; what is, lives in `planning.derivation`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, NewType

from recordingd.domain.calls import Call, ConsentAnswer, Participant, RawId
from recordingd.domain.consent import ConsentSpec
from recordingd.domain.durations import Duration
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import Channels, Content, MediaFormat, PolicyName, StoreName
from recordingd.domain.retention import Keeping

RecordingId = NewType("RecordingId", str)
ServiceRecordingId = NewType("ServiceRecordingId", str)
FileId = NewType("FileId", str)
DocumentId = NewType("DocumentId", str)
AttemptId = NewType("AttemptId", str)


class Capture(enum.Enum):
    """Whether audio flows: what we want of a recording, and what was read back of it."""

    ACTIVE = "active"
    PAUSED = "paused"


class Outcome(enum.Enum):
    """How a recording ended other than by its files; None while that is open.

    NOT_RECORDED: it never captured anything, as wanted (never resumed, or the need went away).
    REFUSED: the service would not start it.
    LOST: it may have captured something, and no file ever came.
    """

    NOT_RECORDED = "notRecorded"
    REFUSED = "refused"
    LOST = "lost"


class StopReason(enum.Enum):
    """Why we ended a recording; after ROTATED the next one of the call follows at once."""

    CALL_ENDED = "callEnded"
    FORBIDDEN = "forbidden"
    NO_LONGER_MATCHED = "noLongerMatched"
    ROTATED = "rotated"
    CONSENT_DENIED = "consentDenied"
    CONSENT_WITHDRAWN = "consentWithdrawn"
    CONSENT_TIMEOUT = "consentTimeout"
    PAUSE_UNCONFIRMED = "pauseUnconfirmed"


_OF_A_RULE = "pause:"


@dataclass(frozen=True, slots=True)
class PauseReason:
    """Why audio may not flow; it flows only while no reason is open.

    `value` is how it is written: that of one of the reasons below, or `pause:` and the name of a
    pause rule. OPERATOR is a request for silence that no rule answers.
    """

    value: str

    CONSENT: ClassVar[PauseReason]
    SETTLE: ClassVar[PauseReason]
    FORBID: ClassVar[PauseReason]
    OPERATOR: ClassVar[PauseReason]

    @classmethod
    def of_rule(cls, rule: RuleName) -> PauseReason:
        """Return the reason that a pause rule opens."""
        return cls(f"{_OF_A_RULE}{rule}")

    @property
    def rule(self) -> RuleName | None:
        """The pause rule that opened it; None for every other reason."""
        is_of_a_rule = self.value.startswith(_OF_A_RULE)
        return RuleName(self.value.removeprefix(_OF_A_RULE)) if is_of_a_rule else None

    def __str__(self) -> str:
        return self.value


PauseReason.CONSENT = PauseReason("consent")
PauseReason.SETTLE = PauseReason("settle")
PauseReason.FORBID = PauseReason("forbid")
PauseReason.OPERATOR = PauseReason("operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One reason for silence, from `opened_at` until `closed_at` (None while it is open)."""

    recording: RecordingId
    reason: PauseReason
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One capture of one call, from the moment it is wanted.

    Everything up to `consent` is frozen when it is first wanted: a later policy never changes how a
    running recording is made. `keeping` is what rules say of how long it is kept, sorted by rule
    and one each, as they were last read under `keeping_revision`. `affinity` (channel -> raw id),
    `start_paused`, `start_request_id` and `first_sent_at` are set when the start is intended and
    never again, so that the same request can be sent twice. `recording_id` is the service's id,
    None until it is known. `capture_wanted` is what we last asked for, at `capture_changed_at`. Of
    `active_since` and `inactive_since` the one that is set says what the service last read as, and
    since when; `observed_at` is when it was last read, `observe_after` a pause in reading after a
    failed one. `stopped_at` is when it is known to be over, `stop_reason` why we ended it (None: we
    did not). `delete_moved_at` is when its deletion last came earlier without an approved plan that
    names it.
    `erase_at` is set when what it captured must go at once. `rotate_every` is frozen as well.
    `asked` says since when each question about consent stands, by rule and by what it asks
    (`planning.consent_rules`).
    """

    id: RecordingId
    policy: PolicyName
    policy_revision: int
    source: Source
    expected_at: datetime
    content: Content
    channels: Channels
    format: MediaFormat
    archive: StoreName
    container: str | None
    purpose: str
    consent: ConsentSpec | None
    keeping: tuple[Keeping, ...]
    keeping_revision: int
    affinity: Mapping[int, RawId]
    rotate_every: Duration | None = None
    asked: Mapping[str, datetime] = field(default_factory=dict)
    start_paused: bool = False
    callback_token_hash: str | None = None
    start_request_id: str | None = None
    first_sent_at: datetime | None = None
    recording_id: ServiceRecordingId | None = None
    accepted_at: datetime | None = None
    active_seen_at: datetime | None = None
    active_since: datetime | None = None
    inactive_since: datetime | None = None
    observed_at: datetime | None = None
    observe_after: datetime | None = None
    capture_wanted: Capture | None = None
    capture_changed_at: datetime | None = None
    resumed_at: datetime | None = None
    stop_reason: StopReason | None = None
    stopped_at: datetime | None = None
    duration_ms: int | None = None
    erase_at: datetime | None = None
    delete_moved_at: datetime | None = None
    outcome: Outcome | None = None
    detail: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is wanted or running: neither stopped nor given up."""
        return self.stopped_at is None and self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """One stored object of a recording: a chunk, or a twin of a chunk.

    `deadline` is when the service drops it. `size_bytes`, `sha256`, `duration_ms` and
    `audio_channels` are of our verified copy, None before. `suspect` is why a soft check failed,
    None when all passed. `removed_at` is when the service's copy was deleted by us, or found gone
    while we held a verified one.
    """

    id: FileId
    document_id: DocumentId
    recording: RecordingId
    chunk: int
    content_url: str
    metadata_url: str | None
    delete_url: str | None
    is_external: bool
    announced_at: datetime
    deadline: datetime
    size_bytes: int | None = None
    sha256: str | None = None
    metadata_duration_ms: int | None = None
    metadata_channels: int | None = None
    has_metadata: bool = False
    duration_ms: int | None = None
    audio_channels: int | None = None
    verified_at: datetime | None = None
    suspect: str | None = None
    removed_at: datetime | None = None
    lost_at: datetime | None = None
    purged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of a file in one of our stores, durable from `durable_at` on.

    `uri` is a path relative to the store's root, or a blob name. `sha256` was computed while
    writing. `deleted_at` and `answer` are the proof of its deletion.
    """

    file: FileId
    store: StoreName
    uri: str
    size_bytes: int
    sha256: str
    durable_at: datetime
    delete_intent_at: datetime | None = None
    deleted_at: datetime | None = None
    answer: str | None = None


class Verb(enum.Enum):
    """The effects there are on the world."""

    START = "start"
    OBSERVE = "observe"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    DOWNLOAD = "download"
    VERIFY = "verify"
    REMOVE = "remove"
    PURGE = "purge"


class AttemptOutcome(enum.Enum):
    """How one attempt ended; an unfinished one has none."""

    OK = "ok"
    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One effect on one target, from the intent to its end, over all its tries.

    `target` is a recording's or a file's id; at most one attempt per target is unfinished.
    `tries` counts requests sent; `retry_at` is when the next may go, None while one is in flight.
    `outcome` of an unfinished attempt is that of its last try.
    """

    id: AttemptId
    verb: Verb
    target: str
    reason: str
    policy_revision: int
    facts_version: int
    fence: int
    intended_at: datetime
    sent_at: datetime | None = None
    tries: int = 0
    retry_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    detail: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One committed answer; `participant` is a raw id or a number, None for the whole call.

    A call-level answer counts for everybody who was in the call at `received_at`. `valid_until` is
    when a consent ends by itself, None for never.
    """

    id: str
    answer: ConsentAnswer
    participant: str | None
    purpose: str
    method: str
    reporter: str
    answered_at: datetime
    received_at: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """One committed request for silence, or for its end; `at` is the reporter's time."""

    id: str
    is_resume: bool
    reporter: str
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that every copy of a file was deleted."""

    file: FileId
    document_id: DocumentId
    recording: RecordingId
    sha256: str | None
    size_bytes: int | None
    copies: tuple[tuple[StoreName, str, str], ...]
    rule: str
    policy_revision: int
    hold_check: str
    actor: str
    due_at: datetime
    purged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """Everything that is known of one call: the unit that is read, decided on, and written.

    Collections are ordered by time, then id, and hold no two rows with the same key.
    """

    call: Call
    participants: tuple[Participant, ...] = ()
    recordings: tuple[Recording, ...] = ()
    pauses: tuple[Pause, ...] = ()
    files: tuple[RecordingFile, ...] = ()
    copies: tuple[Copy, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    consents: tuple[Consent, ...] = ()
    requests: tuple[CaptureRequest, ...] = ()
    receipts: tuple[Receipt, ...] = ()

    @property
    def open_recording(self) -> Recording | None:
        """The one recording that is wanted or running, if there is one."""
        return next((r for r in self.recordings if r.is_open), None)

    def files_of(self, recording: RecordingId) -> tuple[RecordingFile, ...]:
        """The files of one recording, by chunk and then by announcement."""
        return tuple(f for f in self.files if f.recording == recording)

    def copies_of(self, file: FileId) -> tuple[Copy, ...]:
        """The copies of one file that are not deleted."""
        return tuple(c for c in self.copies if c.file == file and c.deleted_at is None)

    def open_attempt(self, target: str) -> Attempt | None:
        """The unfinished attempt on a target, if there is one."""
        return next(
            (a for a in self.attempts if a.target == target and a.finished_at is None), None
        )

    def open_pauses(self, recording: RecordingId) -> frozenset[PauseReason]:
        """The reasons for which a recording's audio may not flow at this moment."""
        return frozenset(
            p.reason for p in self.pauses if p.recording == recording and p.closed_at is None
        )
