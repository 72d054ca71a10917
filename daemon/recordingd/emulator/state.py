"""Calls, recordings and files as the emulated service remembers them, and their transitions.

The recording's life is the table `TRANSITIONS`: data, one row per state and event. ``service``
applies it and does what follows from a row; nothing here touches a clock, a socket or a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType

Span = tuple[float, float]


class RecordingState(Enum):
    """Where a recording is; the wire knows only active and inactive (see `wire_state`)."""

    STARTING = "starting"
    STARTING_PAUSED = "startingPaused"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"


class RecordingEvent(Enum):
    """What may happen to a recording."""

    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CALL_ENDED = "callEnded"
    FAIL = "fail"


class Outcome(Enum):
    """What the one who caused an event is told."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_FOUND = "notFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table: the state afterwards and the answer to the cause."""

    target: RecordingState
    outcome: Outcome


def _row(target: RecordingState, outcome: Outcome = Outcome.CHANGED) -> Transition:
    return Transition(target=target, outcome=outcome)


_S = RecordingState
_E = RecordingEvent
_SAME = Outcome.UNCHANGED
_GONE = Outcome.NOT_FOUND

TRANSITIONS: Mapping[tuple[RecordingState, RecordingEvent], Transition] = MappingProxyType(
    {
        # The start was answered "inactive"; the service becomes active seconds later.
        (_S.STARTING, _E.ACTIVATE): _row(_S.ACTIVE),
        # A pause before activation is accepted and wins when activation comes.
        (_S.STARTING, _E.PAUSE): _row(_S.STARTING_PAUSED),
        (_S.STARTING, _E.RESUME): _row(_S.STARTING, _SAME),
        # Stopped before anything was captured: no file, no event.
        (_S.STARTING, _E.STOP): _row(_S.ENDED),
        (_S.STARTING, _E.CALL_ENDED): _row(_S.ENDED),
        # Accepted with 202, then StartRecordingFailed (2026-03-12 swagger).
        (_S.STARTING, _E.FAIL): _row(_S.FAILED),
        # pauseOnStart: the session exists, but nothing is captured until a resume.
        (_S.STARTING_PAUSED, _E.ACTIVATE): _row(_S.PAUSED),
        (_S.STARTING_PAUSED, _E.PAUSE): _row(_S.STARTING_PAUSED, _SAME),
        (_S.STARTING_PAUSED, _E.RESUME): _row(_S.STARTING),
        (_S.STARTING_PAUSED, _E.STOP): _row(_S.ENDED),
        (_S.STARTING_PAUSED, _E.CALL_ENDED): _row(_S.ENDED),
        (_S.STARTING_PAUSED, _E.FAIL): _row(_S.FAILED),
        # Activation happens once; a second one has no cause, so it changes nothing.
        (_S.ACTIVE, _E.ACTIVATE): _row(_S.ACTIVE, _SAME),
        (_S.ACTIVE, _E.PAUSE): _row(_S.PAUSED),
        # The answer to resuming an active recording is not documented: accepted, as a repeat.
        (_S.ACTIVE, _E.RESUME): _row(_S.ACTIVE, _SAME),
        (_S.ACTIVE, _E.STOP): _row(_S.ENDED),
        (_S.ACTIVE, _E.CALL_ENDED): _row(_S.ENDED),
        # A start can fail only before it succeeded.
        (_S.ACTIVE, _E.FAIL): _row(_S.ACTIVE, _SAME),
        (_S.PAUSED, _E.ACTIVATE): _row(_S.PAUSED, _SAME),
        # The answer to pausing a paused recording is not documented: accepted, as a repeat.
        (_S.PAUSED, _E.PAUSE): _row(_S.PAUSED, _SAME),
        (_S.PAUSED, _E.RESUME): _row(_S.ACTIVE),
        (_S.PAUSED, _E.STOP): _row(_S.ENDED),
        (_S.PAUSED, _E.CALL_ENDED): _row(_S.ENDED),
        (_S.PAUSED, _E.FAIL): _row(_S.PAUSED, _SAME),
        # A late activation timer of a recording that is over.
        (_S.ENDED, _E.ACTIVATE): _row(_S.ENDED, _SAME),
        # After the stop every operation answers 404 "8522" (recorded traffic).
        (_S.ENDED, _E.PAUSE): _row(_S.ENDED, _GONE),
        (_S.ENDED, _E.RESUME): _row(_S.ENDED, _GONE),
        (_S.ENDED, _E.STOP): _row(_S.ENDED, _GONE),
        (_S.ENDED, _E.CALL_ENDED): _row(_S.ENDED, _SAME),
        (_S.ENDED, _E.FAIL): _row(_S.ENDED, _SAME),
        # A failed start leaves nothing behind that could be operated on.
        (_S.FAILED, _E.ACTIVATE): _row(_S.FAILED, _SAME),
        (_S.FAILED, _E.PAUSE): _row(_S.FAILED, _GONE),
        (_S.FAILED, _E.RESUME): _row(_S.FAILED, _GONE),
        (_S.FAILED, _E.STOP): _row(_S.FAILED, _GONE),
        (_S.FAILED, _E.CALL_ENDED): _row(_S.FAILED, _SAME),
        (_S.FAILED, _E.FAIL): _row(_S.FAILED, _SAME),
    }
)
OVER = frozenset({RecordingState.ENDED, RecordingState.FAILED})


def wire_state(state: RecordingState) -> str:
    """Return the recordingState of answers: paused and starting both read as ``inactive``."""
    return "active" if state is RecordingState.ACTIVE else "inactive"


class Intervals:
    """A growing list of time spans of which at most the last is open."""

    __slots__ = ("_closed", "_opened_at")

    def __init__(self) -> None:
        """Start with no span."""
        self._closed: list[Span] = []
        self._opened_at: float | None = None

    def open(self, moment: float) -> None:
        """Open a span at `moment` unless one is open."""
        if self._opened_at is None:
            self._opened_at = moment

    def close(self, moment: float) -> None:
        """Close the open span at `moment`; empty spans are dropped."""
        if self._opened_at is not None and moment > self._opened_at:
            self._closed.append((self._opened_at, moment))
        self._opened_at = None

    def spans(self, until: float) -> list[Span]:
        """Return the spans in order; one that is still open ends at `until`."""
        if self._opened_at is None or until <= self._opened_at:
            return list(self._closed)
        return [*self._closed, (self._opened_at, until)]


@dataclass(slots=True, kw_only=True, eq=False)
class Participant:
    """One party of a call with its tone; it may leave and come back.

    `speech` holds spans in seconds after the participant's first joining, or None for a party
    that sounds all the time. `participant_id` is the service's own GUID for the party.
    """

    raw_id: str
    participant_id: str
    hz: int
    display_name: str
    role: str
    joined_at: float
    speech: tuple[Span, ...] | None
    presence: Intervals = field(default_factory=Intervals)
    is_present: bool = True

    def sounding(self, until: float) -> list[Span]:
        """Return the absolute spans in which the tone is heard."""
        present = self.presence.spans(until)
        if self.speech is None:
            return present
        spoken = [(self.joined_at + start, self.joined_at + end) for start, end in self.speech]
        return sorted(overlap for span in present for overlap in overlaps(span, spoken))


def overlaps(span: Span, others: list[Span]) -> list[Span]:
    """Return the non-empty parts of `others` that lie inside `span`, in their order."""
    cut = ((max(span[0], start), min(span[1], end)) for start, end in others)
    return [(start, end) for start, end in cut if end > start]


class CallState(Enum):
    """Where a call is; only a connected one can be recorded."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    ENDED = "ended"


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One conversation with everybody who ever was in it, in order of first joining."""

    server_call_id: str
    correlation_id: str
    call_connection_id: str
    created_at: float
    started_by: str
    caller: str | None
    callee: str | None
    group: str | None
    room: str | None
    context: Mapping[str, str]
    direction: str
    callback_uri: str | None
    is_announced: bool = True
    state: CallState = CallState.CONNECTING
    ended_at: float | None = None
    updates: int = 0
    participants: dict[str, Participant] = field(default_factory=dict)

    def present(self) -> list[Participant]:
        """Return who is in the call now, in order of first joining."""
        return [party for party in self.participants.values() if party.is_present]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A validated StartCallRecordingRequest; the locator fields that were absent are None."""

    server_call_id: str | None
    group_call_id: str | None
    call_connection_id: str | None
    callback_uri: str | None
    content: str
    channel: str
    format: str
    ordering: tuple[str, ...]
    affinity: tuple[tuple[str, int | None], ...]
    is_paused_on_start: bool
    container_url: str | None


@dataclass(slots=True, kw_only=True, eq=False)
class StoredFile:
    """One document in the service's storage: a chunk's content and its metadata."""

    document_id: str
    chunk: int
    suffix: str
    path: Path
    size_bytes: int
    sha256: str
    metadata: bytes
    end_reason: str
    host: str
    ready_at: float
    expires_at: float
    downloads: int = 0
    deleted_at: float | None = None
    container_prefix: str | None = None

    def exists(self, moment: float) -> bool:
        """Tell whether the service's own storage serves the document at `moment`.

        One that was exported to a customer's container (`container_prefix`) is not there.
        """
        if self.deleted_at is not None or self.container_prefix is not None:
            return False
        return self.ready_at <= moment < self.expires_at


@dataclass(slots=True, kw_only=True, eq=False)
class Recording:
    """What one start made: its call, its captured and paused time, and in the end its files."""

    recording_id: str
    endpoint_id: str
    call: Call
    request: StartRequest
    api_version: str
    correlation_id: str
    accepted_at: float
    state: RecordingState
    is_foreign: bool = False
    is_padded: bool = False
    activated_at: float | None = None
    ended_at: float | None = None
    end_reason: str = ""
    captured: Intervals = field(default_factory=Intervals)
    paused: Intervals = field(default_factory=Intervals)
    files: list[StoredFile] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)

    @property
    def shown_id(self) -> str:
        """Return the id as answers and events have it: padded as in the swagger's examples, or not.

        Live ids have no padding.
        """
        return self.recording_id + "=" * (-len(self.recording_id) % 4 * self.is_padded)

    @property
    def is_over(self) -> bool:
        """Tell whether operations answer 404 from now on."""
        return self.state in OVER
