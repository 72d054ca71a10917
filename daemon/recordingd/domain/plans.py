"""Plans: ordered actions computed from one snapshot, each with its reason.

Made by `planning.planner`, checked by `planning.guards`, printed by `planning.rendering`, carried
out by `runtime.executor`. An action holds everything its effect needs and nothing that must be
looked up again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.calls import CallId, RawId
from recordingd.domain.consent import ConsentSpec
from recordingd.domain.matchers import Source
from recordingd.domain.policies import PolicyName, RecordSpec, StoreName
from recordingd.domain.recordings import (
    FileId,
    Outcome,
    PauseReason,
    RecordingId,
    StopReason,
    Verb,
)
from recordingd.domain.retention import Keeping


class ReasonCode(enum.Enum):
    """Why an action is planned; stable words for machines, beside the sentence for people."""

    POLICY_WANTS = "policyWants"
    POLICY_FORBIDS = "policyForbids"
    NO_LONGER_MATCHED = "noLongerMatched"
    CALL_ENDED = "callEnded"
    START_UNRESOLVED = "startUnresolved"
    CONSENT_PENDING = "consentPending"
    CONSENT_GRANTED = "consentGranted"
    CONSENT_DENIED = "consentDenied"
    CONSENT_TIMEOUT = "consentTimeout"
    CONSENT_WITHDRAWN = "consentWithdrawn"
    CONSENT_ASKED = "consentAsked"
    PAUSE_ASKED = "pauseAsked"
    PAUSE_OVER = "pauseOver"
    ROTATED = "rotated"
    UNDECIDED = "undecided"
    CAPTURE_DRIFTED = "captureDrifted"
    PAUSE_UNCONFIRMED = "pauseUnconfirmed"
    STATE_UNKNOWN = "stateUnknown"
    FILE_ANNOUNCED = "fileAnnounced"
    FILE_STORED = "fileStored"
    FILE_VERIFIED = "fileVerified"
    RETENTION_DUE = "retentionDue"
    FLOOR_STANDS = "floorStands"
    NEVER_CAPTURED = "neverCaptured"
    NEVER_ANNOUNCED = "neverAnnounced"
    POLICY_CHANGED = "policyChanged"
    POLICY_EXPIRES = "policyExpires"
    KEEPING_CHANGED = "keepingChanged"
    RULES_READ = "rulesRead"
    NOT_HEARD_OF = "notHeardOf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The reason of an action: a word for machines, a sentence for people, and the policy's place.

    `policy` and `source` are None where no policy asked for it.
    """

    code: ReasonCode
    text: str
    policy: PolicyName | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One change of one call, and why."""

    call_id: CallId
    why: Why


# --- changes of the ledger alone ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectRecording(Action):
    """Write down that a call is wanted, frozen as its policy says, before anything is sent."""

    spec: RecordSpec
    consent: ConsentSpec | None
    keeping: tuple[Keeping, ...]
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPause(Action):
    """Open a reason for silence."""

    recording: RecordingId
    pause: PauseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePause(Action):
    """Close a reason for silence."""

    recording: RecordingId
    pause: PauseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteQuestions(Action):
    """Write down that consent rules ask something of the participants from now on.

    `questions` name the rules and what they ask; one that stands already keeps its time.
    """

    recording: RecordingId
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresumeCallEnded(Action):
    """Write down that a call is taken for over, since when it was last seen alive."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRecording(Action):
    """Write down how a recording ended that will have no file.

    `stop_reason` is why we gave it up, None where we did not.
    """

    recording: RecordingId
    outcome: Outcome
    stop_reason: StopReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkFileLost(Action):
    """Write down that the service dropped a file before we had it."""

    file: FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkFileExpired(Action):
    """Write down that the service dropped its copy by itself while we hold a verified one."""

    file: FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class BringForwardErasure(Action):
    """Write down that what a recording captured is to be deleted now, unless something keeps it."""

    recording: RecordingId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeKeeping(Action):
    """Write down what rules say now of how long a recording is kept, as read under `revision`.

    `moves_earlier` says that its deletion comes earlier without an approved plan that names it.
    """

    recording: RecordingId
    keeping: tuple[Keeping, ...]
    revision: int
    moves_earlier: bool = False


# --- effects on the world -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecording(Action):
    """Ask the service to record; the same request again while its outcome is unknown.

    `affinity` is channel -> raw id.
    """

    recording: RecordingId
    affinity: Mapping[int, RawId]
    start_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveRecording(Action):
    """Read back whether a recording captures."""

    recording: RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRecording(Action):
    """Ask the service to stop the flow of audio for a while."""

    recording: RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRecording(Action):
    """Ask the service to let audio flow."""

    recording: RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecording(Action):
    """Ask the service to end a recording; `stop_reason` is kept with it."""

    recording: RecordingId
    stop_reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadFile(Action):
    """Fetch a file and its metadata into the archive; `deadline` orders downloads."""

    file: FileId
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InContainer:
    """Where the service wrote a file and its metadata (None: nowhere) in a container of ours."""

    store: StoreName
    uri: str
    metadata_uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyFile(Action):
    """Read a stored copy back, hash it, and check that it is the media it claims to be.

    `in_container` is where a file lies that the service exported and that has no copy row yet; None
    for a copy of our own.
    """

    file: FileId
    in_container: InContainer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFile(Action):
    """Delete the service's copy of a file that we hold verified."""

    file: FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeFile(Action):
    """Delete every copy of a file whose time is over; `rule` says by which rule."""

    file: FileId
    due_at: datetime
    rule: str
    revision: int


LedgerAction = (
    ExpectRecording
    | OpenPause
    | ClosePause
    | NoteQuestions
    | PresumeCallEnded
    | CloseRecording
    | MarkFileLost
    | MarkFileExpired
    | BringForwardErasure
    | ChangeKeeping
)
RecordingEffect = (
    StartRecording | ObserveRecording | PauseRecording | ResumeRecording | StopRecording
)
FileEffect = DownloadFile | VerifyFile | RemoveFile | PurgeFile
Effect = RecordingEffect | FileEffect
AnyAction = LedgerAction | Effect

VERBS: Mapping[type[Action], Verb] = {
    StartRecording: Verb.START,
    ObserveRecording: Verb.OBSERVE,
    PauseRecording: Verb.PAUSE,
    ResumeRecording: Verb.RESUME,
    StopRecording: Verb.STOP,
    DownloadFile: Verb.DOWNLOAD,
    VerifyFile: Verb.VERIFY,
    RemoveFile: Verb.REMOVE,
    PurgeFile: Verb.PURGE,
}


def target_of(effect: Effect) -> str:
    """Name what an effect acts on; at most one effect per target is under way."""
    if isinstance(effect, DownloadFile | VerifyFile | RemoveFile | PurgeFile):
        return effect.file
    return effect.recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One cause that a person should know about, as a decision found it.

    `name` is the alarm's name in the interface; `evidence` holds (what, id or number) pairs, never
    content.
    """

    name: str
    evidence: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, name: str, **evidence: object) -> Alarm:
        """Make an alarm from its evidence by name."""
        return cls(name=name, evidence=tuple((k, str(v)) for k, v in evidence.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """What is to be done for one call now.

    Ledger actions come first and in order; effects are on distinct targets. `wake_at` is when the
    call must be planned again even if nothing happens, None for never.
    """

    call_id: CallId
    facts_version: int
    ledger: tuple[LedgerAction, ...] = ()
    effects: tuple[Effect, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    wake_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done now."""
        return not self.ledger and not self.effects


class Mode(enum.Enum):
    """How far the daemon may go.

    OBSERVE reads only and says what it would do; RETAIN records and downloads and deletes nothing
    anywhere; ENFORCE does everything the policies say.
    """

    OBSERVE = "observe"
    RETAIN = "retain"
    ENFORCE = "enforce"
