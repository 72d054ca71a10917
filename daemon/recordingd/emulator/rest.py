"""The recording operations over HTTP: ``/calling/recordings`` as clients see it.

``front`` calls `RestSurface.handle` for authentic requests. Faults bite here before and after an
operation; what an operation does is ``recorder``'s. Sources: CallRecording operations of the
2023-10-15 and 2026-03-12 swagger; headers of recorded traffic.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

from recordingd.emulator.clock import Ids, real_now, utc
from recordingd.emulator.faults import Faults, Params, number
from recordingd.emulator.filing import FilingCabinet
from recordingd.emulator.identifiers import ticks_time
from recordingd.emulator.options import SUPPORTED_VERSIONS, EmulatorOptions
from recordingd.emulator.recorder import Recorder, not_found
from recordingd.emulator.starts import RefusedError, invalid
from recordingd.emulator.state import Recording, RecordingEvent
from recordingd.emulator.web import Exchange

_INTERNAL_ERROR = RefusedError(500, "9999", "Unknown internal server error.")
_EVENTS = {
    "pause": (RecordingEvent.PAUSE, 202),
    "resume": (RecordingEvent.RESUME, 202),
    "stop": (RecordingEvent.STOP, 204),
}


class _ConnectionGoneError(Exception):
    """A fault reset the connection; there is nothing left to answer."""


@dataclass(slots=True, kw_only=True)
class RestSurface:
    """Answers recording operations."""

    options: EmulatorOptions
    ids: Ids
    faults: Faults
    recorder: Recorder
    filing: FilingCabinet

    async def handle(self, exchange: Exchange) -> None:
        """Answer an authentic request below ``/calling/recordings``."""
        headers = self._common_headers(exchange)
        try:
            self._check_version(exchange)
            operation, recording_id = _operation(exchange)
            await self._before(exchange, operation, recording_id)
            await self._run(exchange, operation, recording_id, headers)
        except RefusedError as error:
            await self._refuse(exchange, error, headers)
        except _ConnectionGoneError:
            return

    async def _run(
        self, exchange: Exchange, operation: str, recording_id: str, headers: dict[str, str]
    ) -> None:
        match operation:
            case "start":
                await self._start(exchange, headers)
            case "state":
                recording = self.recorder.living(recording_id)
                context = self._context("state", recording, exchange)
                if self.faults.take("state.404", **context) is not None:
                    raise not_found()
                headers["X-Microsoft-Skype-Chain-ID"] = recording.correlation_id
                await exchange.reply_json(200, self.recorder.describe(recording), headers.items())
            case "result" if "-preview" not in (exchange.parameter("api-version") or ""):
                # Only preview versions have it; no stable swagger does.
                raise not_found()
            case "result":
                recording = self.recorder.find(recording_id)
                context = self._context("result", recording, exchange)
                if (params := self.faults.take("result.errors", **context)) is not None:
                    error = {key: str(params[key]) for key in ("code", "message")}
                    recording.errors.append(error)
                await exchange.reply_json(200, self._result(recording), headers.items())
            case _:
                await self._operate(exchange, operation, recording_id, headers)

    async def _start(self, exchange: Exchange, headers: dict[str, str]) -> None:
        body = _json_object(exchange.body)
        request_id = exchange.headers.get("repeatability-request-id")
        if (
            self.options.strict
            and request_id
            and "repeatability-first-sent" not in exchange.headers
        ):
            msg = "Repeatability-First-Sent is required with Repeatability-Request-ID."
            raise invalid(msg)
        answer = self.recorder.start(
            body,
            api_version=exchange.parameter("api-version") or "",
            request_id=request_id,
        )
        context = self._context("start", answer.recording, exchange)
        if self.faults.take("start.lostResponse", **context) is not None:
            await exchange.reset()
            return
        headers["X-Microsoft-Skype-Chain-ID"] = answer.recording.correlation_id
        headers["Repeatability-Result"] = "accepted"
        await exchange.reply_json(answer.status, answer.body, headers.items())

    async def _operate(
        self, exchange: Exchange, operation: str, recording_id: str, headers: dict[str, str]
    ) -> None:
        event, status = _EVENTS[operation]
        recording = self.recorder.living(recording_id)
        context = self._context(operation, recording, exchange)
        if self.faults.take(f"{operation}.ignored", **context) is None:
            self.recorder.operate(recording_id, event)
        if self.faults.take(f"{operation}.lostResponse", **context) is not None:
            await exchange.reset()
            return
        if self.faults.take(f"{operation}.404", **context) is not None:
            raise not_found()
        headers["X-Microsoft-Skype-Chain-ID"] = recording.correlation_id
        await exchange.begin(status, headers.items())
        await exchange.piece(b"", more=False)

    async def _before(self, exchange: Exchange, operation: str, recording_id: str) -> None:
        recording = self.recorder.by_id.get(recording_id.rstrip("="))
        context = self._context(operation, recording, exchange)

        def take(name: str) -> Params | None:
            return self.faults.take(name, **context)

        if (params := take("service.slow")) is not None:
            await asyncio.sleep(number(params, "seconds"))
        if (params := take("service.error")) is not None:
            raise RefusedError(
                int(number(params, "status")), str(params["code"]), str(params["message"])
            )
        if take(f"{operation}.500") is not None:
            raise _INTERNAL_ERROR
        if (params := take(f"{operation}.notAllowed")) is not None:
            message = "Pause Resume Method Not Allowed."
            raise RefusedError(int(number(params, "status")), "8573", message)
        throttled = take("service.429")
        if throttled is None and operation == "start":
            throttled = take("start.429")
        if throttled is not None:
            await self._throttle(exchange, throttled)
            raise _ConnectionGoneError
        if operation != "start":
            return
        if take("start.resetBeforeExecute") is not None:
            await exchange.reset()
            raise _ConnectionGoneError
        if (params := take("start.duplicate")) is not None:
            message = (
                "Duplicate start recording request, recording already initiated or in progress"
            )
            raise RefusedError(400, str(params["code"]), message)

    async def _throttle(self, exchange: Exchange, params: Params) -> None:
        after = str(params["retryAfter"])
        if params["asDate"]:
            moment = utc(real_now()) + timedelta(seconds=float(after))
            after = format_datetime(moment, usegmt=True)
        headers = self._common_headers(exchange) | {"Retry-After": after}
        await self._refuse(exchange, RefusedError(429, "8589", "Record Throttled."), headers)

    async def _refuse(
        self, exchange: Exchange, error: RefusedError, headers: Mapping[str, str]
    ) -> None:
        body = {"error": {"code": error.code, "message": error.message}}
        await exchange.reply_json(error.status, body, headers.items())

    def _check_version(self, exchange: Exchange) -> None:
        version = exchange.parameter("api-version")
        # The header api-supported-versions is that of ASP.NET API versioning, whose codes these
        # are; the service's own answers to a wrong version were not seen.
        if not version:
            raise RefusedError(400, "ApiVersionUnspecified", "An API version is required.")
        known = version in SUPPORTED_VERSIONS and version <= self.options.api_version
        if not known and (self.options.strict or version > self.options.api_version):
            raise RefusedError(400, "UnsupportedApiVersion", f"Version {version} is unsupported.")

    def _common_headers(self, exchange: Exchange) -> dict[str, str]:
        agent = exchange.headers.get("user-agent", "")
        supported = [v for v in SUPPORTED_VERSIONS if v <= self.options.api_version]
        headers = {
            "api-supported-versions": ", ".join(supported),
            "MS-CV": f"{self.ids.octets(16).hex()[:22]}.0",
            "Server": "Kestrel",
            "X-Microsoft-Skype-Chain-ID": self.ids.guid(),
            "X-Microsoft-Skype-Client": agent,
        }
        if (request_id := exchange.headers.get("x-ms-client-request-id")) is not None:
            headers["x-ms-client-request-id"] = request_id
        return headers

    def _result(self, recording: Recording) -> dict[str, object]:
        now = self.recorder.clock.now()
        spans = recording.captured.spans(now)
        locations = [self.filing.location(file) for file in recording.files]
        ends = {"CallEnded": "CallEnded", "InitiatorLeft": "SessionStillOngoing"}
        return {
            "recordingId": recording.shown_id,
            "recordingStorageInfo": {"recordingChunks": [place.model() for place in locations]},
            # The shape of an entry is not documented; this is that of an error's body.
            "errors": list(recording.errors),
            "recordingStartTime": ticks_time(recording.activated_at or recording.accepted_at),
            "recordingDurationMs": round(sum(end - start for start, end in spans) * 1000),
            "sessionEndReason": ends.get(recording.end_reason, "SessionStillOngoing"),
            "recordingExpirationTime": "0001-01-01T00:00:00Z",
        }

    def _context(
        self, operation: str, recording: Recording | None, exchange: Exchange
    ) -> dict[str, str | None]:
        return {
            "operation": operation,
            "method": exchange.method,
            "path": exchange.raw_path,
            "recordingId": recording.recording_id if recording is not None else None,
            "serverCallId": recording.call.server_call_id
            if recording is not None
            else _wanted_call(exchange, operation),
        }


def _wanted_call(exchange: Exchange, operation: str) -> str | None:
    if operation != "start":
        return None
    try:
        locator = json.loads(exchange.body).get("callLocator") or {}
        return str(locator.get("serverCallId"))
    except (ValueError, AttributeError):
        return None


def _operation(exchange: Exchange) -> tuple[str, str]:
    match exchange.method, exchange.segments[2:]:
        case "POST", ():
            return "start", ""
        case "GET", (recording_id,):
            return "state", recording_id
        case "DELETE", (recording_id,):
            return "stop", recording_id
        case "GET", (recording_id, "result"):
            return "result", recording_id
        case "POST", (action,) if action.endswith((":pause", ":resume")):
            recording_id, _, operation = action.rpartition(":")
            return operation, recording_id
        case _:
            raise RefusedError(404, "8522", "Resource not found.")


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "The request body is not valid JSON."
        raise invalid(msg) from error
    if not isinstance(value, dict):
        msg = "The request body must be an object."
        raise invalid(msg)
    return value
