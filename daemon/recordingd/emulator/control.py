"""The control API: tests and demonstrations make calls, move time and plant faults here.

An ASGI application on a loopback listener of its own, JSON in and out, without authentication.
Bad input is answered 400 with ``{"error": "field: why"}``, an unknown call 404. It changes the
service only through ``calls``, ``recorder`` and the clock.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.authorities import Authorities
from recordingd.emulator.calls import (
    CallConflictError,
    Calls,
    CallSpec,
    PartySpec,
)
from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.courier import Parcel
from recordingd.emulator.faults import Faults, UnknownFaultError
from recordingd.emulator.filing import FilingCabinet
from recordingd.emulator.identifiers import new_recording_id, plain_time
from recordingd.emulator.identity import IdentitySurface, serves
from recordingd.emulator.inputs import InputError, number, only, read_call, read_party, text
from recordingd.emulator.recorder import Recorder
from recordingd.emulator.state import Call, Recording, RecordingState, StartRequest
from recordingd.emulator.views import call_view, party_view, recording_view
from recordingd.emulator.web import Exchange, RequestLog, TooLargeError, read_exchange

_LOG = logging.getLogger(__name__)
_ADVANCE_SECONDS_MAX = 20 * 366 * 24 * 3600.0  # beyond every retention, within datetime's range
_FOREIGN_SECONDS = 3.0
_LISTED_DEFAULT = 100_000


@dataclass(slots=True, kw_only=True)
class ControlSurface:
    """The ASGI application of the control listener."""

    clock: EmulatorClock
    ids: Ids
    faults: Faults
    calls: Calls
    recorder: Recorder
    filing: FilingCabinet
    announcer: Announcer
    authorities: Authorities
    identity: IdentitySurface
    log: RequestLog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            exchange = await read_exchange(scope, receive, send)
        except TooLargeError:
            return
        if serves(exchange):
            # Managed identities are asked over plain http, also beside a service with TLS.
            await self.identity.handle(exchange)
            return
        try:
            await exchange.reply_json(200, self.answer(exchange))
        except (InputError, UnknownFaultError) as error:
            await exchange.reply_json(400, {"error": str(error)})
        except CallConflictError as error:
            await exchange.reply_json(409, {"error": str(error)})
        except LookupError as error:
            await exchange.reply_json(404, {"error": str(error)})
        except Exception as error:  # noqa: BLE001  the one place of this loop
            # A mistake of ours is shown to the one who tests, and the emulator lives on.
            _LOG.exception("%s %s failed", exchange.method, exchange.raw_path)
            await exchange.reply_json(500, {"error": repr(error)})

    def answer(self, exchange: Exchange) -> object:
        """Do what the request asks and return the JSON value of the answer."""
        match exchange.method, tuple(exchange.segments):
            case "POST", ("calls",):
                return _identity(self.calls.create(read_call(_body(exchange))))
            case "GET", ("calls",):
                return [call_view(call) for call in self.calls.by_id.values()]
            case "DELETE", ("calls", call_id):
                self.calls.end(call_id)
                return call_view(self.calls.get(call_id))
            case "POST", ("calls", call_id, "participants"):
                return party_view(self.calls.join(call_id, read_party(_body(exchange))))
            case "DELETE", ("calls", call_id, "participants", raw_id):
                self.calls.leave(call_id, raw_id)
                return {"id": raw_id}
            case "GET", ("recordings",):
                return self._recordings()
            case "POST", ("recordings", "foreign"):
                return self._foreign(_body(exchange))
            case "GET", ("requests",):
                return self._listed(exchange, list(self.log.entries))
            case "DELETE", ("requests",):
                self.log.entries.clear()
                return {}
            case _:
                return self._answer_rest(exchange)

    def _answer_rest(self, exchange: Exchange) -> object:
        match exchange.method, tuple(exchange.segments):
            case "GET", ("clock",):
                return self._clock()
            case "POST", ("clock",):
                return self._advance(_body(exchange))
            case "GET", ("faults",):
                return self.faults.catalogue()
            case "POST", ("faults",):
                return self.faults.arm(_body(exchange))
            case "DELETE", ("faults",):
                self.faults.clear()
                return {}
            case "GET", ("events",):
                return self._listed(exchange, _parcels(self.announcer.event_history()))
            case "GET", ("callbacks",):
                return self._listed(exchange, _parcels(self.announcer.callbacks.history))
            case "POST", ("events", "replay"):
                return self._replay(_body(exchange))
            case method, path:
                return self.authorities.answer(method, path, _body(exchange))

    def _recordings(self) -> list[dict[str, object]]:
        self.clock.run_due()
        now = self.clock.now()
        return [
            recording_view(
                recording, self.filing.channels_of(recording, _until(recording, now)), now
            )
            for recording in self.recorder.by_id.values()
        ]

    def _clock(self) -> dict[str, object]:
        return {
            "now": plain_time(self.clock.now()),
            "aheadSeconds": self.clock.ahead_seconds,
            "speed": self.clock.speed,
        }

    def _advance(self, body: Mapping[str, object]) -> dict[str, object]:
        only(body, frozenset({"advanceSeconds"}))
        if "advanceSeconds" not in body:
            msg = "advanceSeconds: is required"
            raise InputError(msg)
        seconds = number(body, "advanceSeconds", 0.0)
        if self.clock.ahead_seconds + seconds > _ADVANCE_SECONDS_MAX:
            msg = "advanceSeconds: too far ahead"
            raise InputError(msg)
        self.clock.advance(seconds)
        return self._clock()

    def _replay(self, body: Mapping[str, object]) -> dict[str, object]:
        only(body, frozenset({"type", "count"}))
        count = int(number(body, "count", 1))
        kind = text(body, "type")
        kind = kind.removeprefix("Microsoft.Communication.") if kind is not None else None
        return {"replayed": self.announcer.events.replay(kind, count) if count else 0}

    def _foreign(self, body: Mapping[str, object]) -> dict[str, object]:
        only(body, frozenset({"serverCallId", "seconds"}))
        seconds = number(body, "seconds", _FOREIGN_SECONDS)
        if seconds <= 0:
            msg = "seconds: must be more than 0"
            raise InputError(msg)
        recording = foreign_recording(self, text(body, "serverCallId"), seconds)
        self.recorder.adopt(recording)
        return {
            "recordingId": recording.recording_id,
            "serverCallId": recording.call.server_call_id,
        }

    def _listed(
        self, exchange: Exchange, entries: list[dict[str, object]]
    ) -> list[dict[str, object]]:
        given = exchange.parameter("limit") or str(_LISTED_DEFAULT)
        if not given.isdigit() or int(given) == 0:
            msg = "limit: must be a whole number above 0"
            raise InputError(msg)
        return entries[-int(given) :]


def foreign_recording(
    surface: ControlSurface, server_call_id: str | None, seconds: float
) -> Recording:
    """Return a finished recording of the last `seconds` that another client made.

    Without a call id it belongs to a call of which no event was ever sent; with an unknown one,
    that call is made. Raises nothing for a known call, ended or not.
    """
    known = surface.calls.by_id.get(server_call_id or "")
    call = known or _unseen_call(surface.calls, server_call_id)
    now = surface.clock.now()
    endpoint_id = surface.ids.guid()
    recording = Recording(
        recording_id=new_recording_id(surface.ids, endpoint_id),
        endpoint_id=endpoint_id,
        call=call,
        request=_FOREIGN_REQUEST,
        api_version=surface.recorder.options.api_version,
        correlation_id=surface.ids.guid(),
        accepted_at=now - seconds,
        state=RecordingState.ENDED,
        is_foreign=True,
        activated_at=now - seconds,
        ended_at=now,
        end_reason="InitiatorLeft",
    )
    recording.captured.open(now - seconds)
    recording.captured.close(now)
    return recording


_FOREIGN_REQUEST = StartRequest(
    server_call_id=None,
    group_call_id=None,
    call_connection_id=None,
    callback_uri=None,
    content="audio",
    channel="mixed",
    format="wav",
    ordering=(),
    affinity=(),
    is_paused_on_start=False,
    container_url=None,
)


def _unseen_call(calls: Calls, server_call_id: str | None) -> Call:
    party = PartySpec(raw_id=f"8:acs:{calls.resource_id}_{calls.ids.guid()}")
    call = calls.create(
        CallSpec(server_call_id=server_call_id, participants=(party,), is_announced=False)
    )
    calls.end(call.server_call_id)
    return call


def _until(recording: Recording, now: float) -> float:
    return recording.ended_at if recording.ended_at is not None else now


def _identity(call: Call) -> dict[str, object]:
    return {
        "serverCallId": call.server_call_id,
        "correlationId": call.correlation_id,
        "callConnectionId": call.call_connection_id,
        "state": call.state.value,
    }


def _parcels(history: Iterable[Parcel]) -> list[dict[str, object]]:
    return [
        {
            "id": parcel.id,
            "type": parcel.type,
            "serverCallId": parcel.key,
            "url": parcel.url.partition("?")[0],
            "status": parcel.status,
            "attempts": parcel.attempts,
            "lastStatus": parcel.last_status,
            "createdAt": plain_time(parcel.created_at),
            "body": json.loads(parcel.body),
        }
        for parcel in history
    ]


def _body(exchange: Exchange) -> Mapping[str, object]:
    if not exchange.body:
        return {}
    try:
        value = json.loads(exchange.body)
    except (ValueError, RecursionError) as error:
        msg = f"body: not JSON: {error}"
        raise InputError(msg) from error
    if not isinstance(value, dict):
        msg = "body: must be an object"
        raise InputError(msg)
    return value
