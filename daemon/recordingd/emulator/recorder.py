"""The recording operations: start, state, pause, resume, stop, result, and what they lead to.

``rest`` calls it for each request, ``calls`` when a call ends. It applies the table of ``state``
and keeps captured and paused time; ``filing`` turns an ended recording into files. Sources:
call-recording.md; CallRecording operations of the 2026-03-12 swagger; recorded traffic.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from recordingd.emulator import encoding
from recordingd.emulator.announcer import Announcer
from recordingd.emulator.calls import Calls
from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.faults import Faults
from recordingd.emulator.identifiers import new_recording_id, normal_recording_id
from recordingd.emulator.options import EmulatorOptions, StartStatus
from recordingd.emulator.starts import RefusedError, read_start
from recordingd.emulator.state import (
    OVER,
    TRANSITIONS,
    Call,
    CallState,
    Outcome,
    Recording,
    RecordingEvent,
    RecordingState,
    StartRequest,
    wire_state,
)

_LOG = logging.getLogger(__name__)
_RECORDING_KIND_SINCE = "2024-04-15"
# First version seen to answer a start with 202, by call connection id; and the first one whose
# swagger may hold it, which of three versions brought it is not confirmed.
_ACCEPTED_SEEN_SINCE = "2026-03-12"
_ACCEPTED_POSSIBLE_SINCE = "2025-05-15"
_REPEATS_MAX = 100_000
_ACTIVE = RecordingState.ACTIVE
_PAUSED = RecordingState.PAUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAnswer:
    """The answer to a start, kept to be given again to the same Repeatability-Request-ID."""

    status: int
    body: Mapping[str, object]
    recording: Recording


def not_found() -> RefusedError:
    """Return 404 "8522", the answer for unknown and finished recordings alike."""
    return RefusedError(404, "8522", "Recording not found.")


def _nothing(recording: Recording) -> None:
    """File nothing."""


@dataclass(slots=True, kw_only=True)
class Recorder:
    """Every recording so far; `on_ended` is called once for each that ends."""

    options: EmulatorOptions
    clock: EmulatorClock
    ids: Ids
    faults: Faults
    announcer: Announcer
    calls: Calls
    on_ended: Callable[[Recording], None] = _nothing
    can_encode: bool = field(default_factory=encoding.is_available)
    by_id: dict[str, Recording] = field(default_factory=dict)
    _live: dict[str, Recording] = field(default_factory=dict)
    _answers: dict[str, StartAnswer] = field(default_factory=dict)

    def start(
        self, body: Mapping[str, object], *, api_version: str, request_id: str | None
    ) -> StartAnswer:
        """Start a recording, or repeat the answer given to `request_id` before.

        Only successful starts are repeated: a refused one executed nothing. Raises
        `RefusedError`.
        """
        self.clock.run_due()
        if request_id is not None and (answer := self._answers.get(request_id)) is not None:
            return answer
        request = read_start(body, api_version=api_version, strict=self.options.strict)
        call = self._recordable(request)
        by_connection = request.call_connection_id is not None
        endpoint_id = call.call_connection_id if by_connection else self.ids.guid()
        recording = Recording(
            recording_id=new_recording_id(self.ids, endpoint_id),
            endpoint_id=endpoint_id,
            call=call,
            request=request,
            api_version=api_version,
            correlation_id=call.correlation_id if by_connection else self.ids.guid(),
            accepted_at=self.clock.now(),
            state=RecordingState.STARTING_PAUSED
            if request.is_paused_on_start
            else RecordingState.STARTING,
        )
        self.by_id[recording.recording_id] = recording
        self._live[call.server_call_id] = recording
        context = {"serverCallId": call.server_call_id}
        recording.is_padded = self.faults.take("start.paddedId", **context) is not None
        self._schedule(recording)
        return self._remember(recording, request_id)

    def describe(self, recording: Recording) -> dict[str, object]:
        """Return the RecordingStateResponse as the recording's api-version has it."""
        body: dict[str, object] = {
            "recordingId": recording.shown_id,
            "recordingState": wire_state(recording.state),
        }
        if recording.api_version >= _RECORDING_KIND_SINCE:
            body["recordingKind"] = "azureCommunicationServices"
        return body

    def find(self, recording_id: str) -> Recording:
        """Return a recording, over or not; raises `RefusedError` when there is none."""
        recording = self.by_id.get(normal_recording_id(recording_id))
        if recording is None:
            raise not_found()
        return recording

    def living(self, recording_id: str) -> Recording:
        """Return a recording that is not over; raises `RefusedError` otherwise."""
        self.clock.run_due()
        recording = self.find(recording_id)
        if recording.is_over:
            raise not_found()
        return recording

    def operate(self, recording_id: str, event: RecordingEvent) -> Recording:
        """Apply pause, resume or stop; raises `RefusedError` when the recording is over."""
        self.clock.run_due()
        recording = self.find(recording_id)
        if self._apply(recording, event) is Outcome.NOT_FOUND:
            raise not_found()
        return recording

    def call_ended(self, call: Call) -> None:
        """End the call's recording, which the service does by itself."""
        recording = self._live.get(call.server_call_id)
        if recording is not None:
            self._apply(recording, RecordingEvent.CALL_ENDED)

    def adopt(self, recording: Recording) -> None:
        """Take in a finished recording that somebody else made, and have it filed."""
        self.by_id[recording.recording_id] = recording
        self.on_ended(recording)

    def _recordable(self, request: StartRequest) -> Call:
        call = self.calls.locate(
            request.server_call_id, request.group_call_id, request.call_connection_id
        )
        if call is None:
            raise RefusedError(404, "8522", "Call not found.")
        if call.state is CallState.ENDED:
            raise RefusedError(400, "8528", "Action is invalid when call is terminated.")
        if call.state is CallState.CONNECTING:
            message = "Action is invalid when call is not in Established state"
            raise RefusedError(400, "8501", message)
        if call.server_call_id in self._live:
            message = (
                "Duplicate start recording request, recording already initiated or in progress"
            )
            raise RefusedError(400, "8553", message)
        if request.format != "wav" and not self.can_encode:
            _LOG.error("%s needs PyAV: install the extra 'emulator'", request.format)
            raise RefusedError(500, "9999", "Unknown internal server error.")
        return call

    def _schedule(self, recording: Recording) -> None:
        context = {
            "serverCallId": recording.call.server_call_id,
            "recordingId": recording.recording_id,
        }
        wait = self.options.waits.start_seconds
        result = self.faults.take("start.202ThenFailed", **context)
        if result is not None:
            self.clock.call_after(wait, lambda: self._fail(recording, result))
        elif self.faults.take("start.neverActive", **context) is None:
            activate = RecordingEvent.ACTIVATE
            self.clock.call_after(wait, lambda: self._apply_later(recording, activate))

    def _remember(self, recording: Recording, request_id: str | None) -> StartAnswer:
        answer = StartAnswer(
            status=self._status(recording),
            body=self.describe(recording),
            recording=recording,
        )
        if request_id is not None:
            self._answers[request_id] = answer
            if len(self._answers) > _REPEATS_MAX:
                del self._answers[next(iter(self._answers))]
        return answer

    def _status(self, recording: Recording) -> int:
        version = recording.api_version
        is_by_connection = recording.request.call_connection_id is not None
        is_accepted = {
            StartStatus.OK: False,
            StartStatus.ACCEPTED: version >= _ACCEPTED_POSSIBLE_SINCE,
            StartStatus.DOCUMENTED: version >= _ACCEPTED_SEEN_SINCE and is_by_connection,
        }[self.options.start_status]
        return 202 if is_accepted else 200

    def _apply_later(self, recording: Recording, event: RecordingEvent) -> None:
        self._apply(recording, event)

    def _apply(self, recording: Recording, event: RecordingEvent) -> Outcome:
        row = TRANSITIONS[recording.state, event]
        if row.outcome is not Outcome.CHANGED:
            return row.outcome
        before = recording.state
        recording.state = row.target
        _LOG.info("recording %s: %s", recording.recording_id[-12:], row.target.value)
        if recording.activated_at is None and row.target in {_ACTIVE, _PAUSED}:
            self._activate(recording)
        self._keep_time(recording)
        if row.target in OVER:
            self._end(recording, event)
        # After CallDisconnected a call has no more callbacks, so its end sends none.
        is_silent = event is RecordingEvent.CALL_ENDED and not self._tells_end(recording)
        if _is_told(before, row.target) and not is_silent:
            self.announcer.recording_state(recording)
        return row.outcome

    def _tells_end(self, recording: Recording) -> bool:
        context = {
            "serverCallId": recording.call.server_call_id,
            "recordingId": recording.recording_id,
        }
        return self.faults.take("callbacks.afterEnd", **context) is not None

    def _activate(self, recording: Recording) -> None:
        recording.activated_at = now = self.clock.now()
        stop = RecordingEvent.STOP
        limit = now + self.options.recording_seconds_max
        self.clock.call_at(limit, lambda: self._apply_later(recording, stop))

    def _keep_time(self, recording: Recording) -> None:
        now = self.clock.now()
        match recording.state:
            case RecordingState.ACTIVE | RecordingState.PAUSED:
                is_active = recording.state is RecordingState.ACTIVE
                opening, closing = (
                    (recording.captured, recording.paused)
                    if is_active
                    else (recording.paused, recording.captured)
                )
                closing.close(now)
                opening.open(now)
            case RecordingState.ENDED | RecordingState.FAILED:
                recording.captured.close(now)
                recording.paused.close(now)
            case RecordingState.STARTING | RecordingState.STARTING_PAUSED:
                pass

    def _end(self, recording: Recording, event: RecordingEvent) -> None:
        recording.ended_at = self.clock.now()
        # The two documented values; "CallEnded" is that of a live event.
        recording.end_reason = (
            "CallEnded" if event is RecordingEvent.CALL_ENDED else "InitiatorLeft"
        )
        if self._live.get(recording.call.server_call_id) is recording:
            del self._live[recording.call.server_call_id]
        self.on_ended(recording)

    def _fail(self, recording: Recording, result: Mapping[str, object]) -> None:
        if self._apply(recording, RecordingEvent.FAIL) is Outcome.CHANGED:
            self.announcer.start_failed(recording, result)


def _is_told(before: RecordingState, after: RecordingState) -> bool:
    starting = {RecordingState.STARTING, RecordingState.STARTING_PAUSED}
    if after in starting or after is RecordingState.FAILED:
        return False
    return not (before in starting and after is RecordingState.ENDED)
