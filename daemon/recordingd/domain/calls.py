"""What is known about one call, and the events that say so.

Built by `ingress.envelopes` (events) and `planning.facts` (values folded from events), stored by
`ledger`, read by everything that decides. Field names are ours; the service's own words end in
`ingress.envelopes`.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from recordingd.domain.parties import Direction, Participant, Party, PartyKind, Phone, RawId

__all__ = [
    "AnnouncedFile",
    "AnyCallEvent",
    "Call",
    "CallConnected",
    "CallDisconnected",
    "CallEnded",
    "CallEvent",
    "CallId",
    "CallReference",
    "CallStarted",
    "CallTagged",
    "CaptureRequested",
    "ConsentAnswer",
    "ConsentAnswered",
    "Direction",
    "EventIgnored",
    "FilesAnnounced",
    "IncomingCall",
    "MomentTold",
    "Participant",
    "ParticipantAdded",
    "ParticipantRemoved",
    "ParticipantsUpdated",
    "Party",
    "PartyKind",
    "Phone",
    "RawId",
    "RecordingStateChanged",
    "ServerCallId",
    "StartRecordingFailed",
    "call_id_of",
]

CallId = NewType("CallId", str)
ServerCallId = NewType("ServerCallId", str)


def call_id_of(server_call_id: ServerCallId) -> CallId:
    """Name a call by its server call id: the same call has the same id on every machine."""
    digest = hashlib.sha256(server_call_id.encode()).hexdigest()
    return CallId(f"call-{digest[:24]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One conversation.

    `started_at` is None until the call is known to have been established (a signal or an incoming
    ring makes a stub first); `ended_at` is None while it lives. `participants_seq` is the highest
    sequence number of a complete participant list seen, None before the first. `past_tags` are the
    values that a tag had before, oldest first; `moments` are the named events that retention may
    count from, each the latest moment that was ever told of it.
    """

    call_id: CallId
    server_call_id: ServerCallId
    first_seen_at: datetime
    correlation_id: str | None = None
    connection_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    direction: Direction | None = None
    started_by: Party | None = None
    from_party: Party | None = None
    to_party: Party | None = None
    group_id: str | None = None
    room_id: str | None = None
    resource: str | None = None
    is_two_party: bool | None = None
    is_rooms_call: bool | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    past_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moments: Mapping[str, datetime] = field(default_factory=dict)
    participants_seq: int | None = None
    roster_complete_at: datetime | None = None
    facts_version: int = 0
    fence: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether the call is known to be over."""
        return self.ended_at is not None

    @property
    def is_live(self) -> bool:
        """Whether the call was established and is not known to be over."""
        return self.started_at is not None and self.ended_at is None


# --- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReference:
    """What an event says about which call it is about; at least one field is set.

    `recording_id` is the service's id; `callback_token_hash` names one start of ours.
    """

    server_call_id: ServerCallId | None = None
    correlation_id: str | None = None
    connection_id: str | None = None
    recording_id: str | None = None
    callback_token_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """What every event has: the call it is about, and when the reporter says it happened (UTC)."""

    about: CallReference
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(CallEvent):
    """The call was established."""

    started_by: Party | None = None
    group_id: str | None = None
    room_id: str | None = None
    resource: str | None = None
    is_two_party: bool | None = None
    is_rooms_call: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """The call is over; nothing more happens in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall(CallEvent):
    """The call rings at the resource; `context` holds the caller's custom headers."""

    from_party: Party | None
    to_party: Party | None
    resource: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantAdded(CallEvent):
    """One party joined."""

    party: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantRemoved(CallEvent):
    """One party left."""

    party: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsUpdated(CallEvent):
    """The complete list of who is in the call; only a higher `sequence` replaces a list."""

    parties: tuple[Party, ...]
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConnected(CallEvent):
    """The connection id of a call that an application created, answered or joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDisconnected(CallEvent):
    """The application's own connection ended; the call itself may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStateChanged(CallEvent):
    """The service says whether a recording captures now.

    `is_active` False means paused, not started yet, or stopping: the service has one word for
    three (RecordingState enum, 2026-03-12).
    """

    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecordingFailed(CallEvent):
    """A start answered with 202 did not happen after all."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedFile:
    """One chunk as announced: where its content, metadata and deletion live.

    `metadata_url` and `delete_url` are None where the announcement lacks them.
    """

    document_id: str
    chunk: int
    content_url: str
    metadata_url: str | None
    delete_url: str | None
    end_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesAnnounced(CallEvent):
    """Files of a recording are ready; `is_external` means they lie in the customer's container.

    `duration_ms` and `started_at` are the recording's, None where the announcement lacks them.
    """

    files: tuple[AnnouncedFile, ...]
    is_external: bool
    started_at: datetime | None = None
    duration_ms: int | None = None
    session_end_reason: str | None = None


class ConsentAnswer(enum.Enum):
    """What a party, or an application on behalf of the whole call, answered.

    NOTIFIED is that it was told of the recording and has said nothing; WITHDRAWN takes back what
    was granted before.
    """

    GRANTED = "granted"
    DENIED = "denied"
    NOTIFIED = "notified"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswered(CallEvent):
    """An answer to the question whether a call may be recorded.

    `participant` is a raw id or an E.164 number, None when the answer is the call's. `valid_until`
    is when a consent ends by itself, None for never.
    """

    answer: ConsentAnswer
    participant: str | None
    purpose: str
    method: str
    reporter: str
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTagged(CallEvent):
    """An application labels a call, and says what roles its participants have (raw id -> role)."""

    tags: Mapping[str, str]
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequested(CallEvent):
    """An application asks for silence, or with `is_resume` for the end of the silence it asked for.

    `reporter` is the application, or the person at the command line.
    """

    is_resume: bool
    reporter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentTold(CallEvent):
    """An application tells a named moment that retention may count from.

    `moment` may lie in the future: a contract may be known to end next month.
    """

    name: str
    moment: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIgnored(CallEvent):
    """A well-formed event that changes nothing here; `type_name` says which."""

    type_name: str


AnyCallEvent = (
    CallStarted
    | CallEnded
    | IncomingCall
    | ParticipantAdded
    | ParticipantRemoved
    | ParticipantsUpdated
    | CallConnected
    | CallDisconnected
    | RecordingStateChanged
    | StartRecordingFailed
    | FilesAnnounced
    | ConsentAnswered
    | CallTagged
    | MomentTold
    | CaptureRequested
    | EventIgnored
)
