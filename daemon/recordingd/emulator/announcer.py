"""Tell the outside what happened: Event Grid events to a webhook or queue, callbacks to URIs.

``calls`` and ``recorder`` call one method per happening; the bodies come from ``events`` and
``callbacks``, the deliveries go to couriers. It also proves the subscription's endpoint.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from recordingd.emulator import callbacks, events, quirks
from recordingd.emulator.callbacks import Occasion
from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.courier import Courier, Parcel, SendError
from recordingd.emulator.events import ChunkLocation, Event
from recordingd.emulator.faults import Params
from recordingd.emulator.identifiers import is_communication_user, ticks_time
from recordingd.emulator.options import EmulatorOptions, EventSchema, EventShape
from recordingd.emulator.state import Call, Participant, Recording

_LOG = logging.getLogger(__name__)
_SUBSCRIPTION_NAME = "EMULATOR"
_VALIDATION_SECONDS_MAX = 30.0
_OK = 200


@dataclass(slots=True, kw_only=True)
class Announcer:
    """Sends what the service tells; `topic` names the resource, `base_url` the listener."""

    options: EmulatorOptions
    clock: EmulatorClock
    ids: Ids
    events: Courier
    callbacks: Courier
    queue: Courier
    topic: str
    base_url: str = ""
    validation_code: str = ""

    def incoming_call(self, call: Call) -> None:
        """Send IncomingCall."""
        caller = call.caller or call.started_by
        subject = f"/caller/{caller}/recipient/{call.callee}"
        data = events.incoming_call_data(call, self.ids.octets(48).hex())
        self._event("IncomingCall", subject, data, call)

    def call_started(self, call: Call) -> None:
        """Send CallStarted, and CallConnected to the call's callback URI."""
        subject = f"call/{call.server_call_id}/startedBy/{call.started_by}"
        data = events.call_data(call, self._shape("CallStarted", call))
        self._event("CallStarted", subject, data, call)
        self._call_callback(call, callbacks.call_connected)

    def participant_added(self, call: Call, party: Participant) -> None:
        """Send CallParticipantAdded."""
        self._participant("CallParticipantAdded", call, party)

    def participant_removed(self, call: Call, party: Participant) -> None:
        """Send CallParticipantRemoved."""
        self._participant("CallParticipantRemoved", call, party)

    def participants_updated(self, call: Call) -> None:
        """Send ParticipantsUpdated to the call's callback URI."""
        call.updates += 1
        self._call_callback(call, callbacks.participants_updated)

    def call_ended(self, call: Call, seconds: float) -> None:
        """Send CallEnded, and CallDisconnected to the call's callback URI."""
        data = events.call_ended_data(call, self._shape("CallEnded", call), seconds)
        self._event("CallEnded", f"call/{call.server_call_id}", data, call)
        self._call_callback(call, callbacks.call_disconnected)

    def recording_state(self, recording: Recording) -> None:
        """Send RecordingStateChanged to the URI that the start named."""
        occasion = self._occasion(recording.api_version)
        self._recording_callback(recording, callbacks.recording_state_changed(recording, occasion))

    def start_failed(self, recording: Recording, result: Mapping[str, object]) -> None:
        """Send StartRecordingFailed to the URI that the start named."""
        occasion = self._occasion(recording.api_version)
        body = callbacks.start_recording_failed(recording, occasion, result)
        self._recording_callback(recording, body)

    def files_ready(
        self,
        recording: Recording,
        chunks: Sequence[ChunkLocation],
        *,
        duration_ms: int,
        is_external: bool,
    ) -> None:
        """Send RecordingFileStatusUpdated for `chunks`."""
        data = events.file_data(recording, chunks, duration_ms=duration_ms, is_external=is_external)
        context = {"recordingId": recording.recording_id}
        if chunks:
            context["documentId"] = chunks[0].document_id
        kind = "RecordingFileStatusUpdated"
        odd = self._take(kind, recording.call, context)("events.subjectForm")
        usual = "byos" if is_external else "live"
        subject = events.file_subject(recording, usual if odd is None else str(odd["form"]))
        self._event(kind, subject, data, recording.call, context)

    async def prove_endpoint(self) -> None:
        """Repeat the subscription's handshake until the endpoint proves itself, then open it."""
        url = self.options.events_to
        if url is None:
            return
        while not self.events.open.is_set():
            try:
                async with asyncio.timeout(_VALIDATION_SECONDS_MAX):
                    if await self._handshake(url):
                        self.endpoint_proven()
                        return
            except (SendError, TimeoutError):
                pass
            await self.clock.sleep(self.options.waits.handshake_retry_seconds)

    def event_history(self) -> list[Parcel]:
        """Return every event so far, those to the webhook before those to the queue."""
        return [*self.events.history, *self.queue.history]

    def endpoint_proven(self) -> None:
        """Start delivering; the handshake, or a GET of the validation URL, leads here."""
        self.events.open.set()
        _LOG.info("event subscription validated")

    async def _handshake(self, url: str) -> bool:
        if self.options.event_schema is EventSchema.CLOUD_EVENTS:
            origin = urlsplit(self.base_url).hostname or "eventgrid.azure.net"
            headers = {"WebHook-Request-Origin": origin} | self._proof()
            reply = await self.events.sender("OPTIONS", url, headers, b"")
            allowed = reply.headers.get("webhook-allowed-origin")
            return reply.status == _OK and allowed in (origin, "*")
        self.validation_code = self.validation_code or self.ids.guid()
        headers = self._headers("SubscriptionValidation") | self._proof()
        reply = await self.events.sender("POST", url, headers, self._validation_body())
        if reply.status != _OK:
            return False
        try:
            answer = json.loads(reply.body)
        except ValueError:
            return False
        return isinstance(answer, dict) and answer.get("validationResponse") == self.validation_code

    def _proof(self) -> dict[str, str]:
        # "passing the Microsoft Entra bearer token to the webhook client in every message"
        authorize = self.events.authorize
        return dict(authorize({"type": "SubscriptionValidation"})) if authorize else {}

    def _validation_body(self) -> bytes:
        validation_url = f"{self.base_url}/eventsubscriptions/validate?id={self.validation_code}"
        event = {
            "id": self.ids.guid(),
            "topic": self.topic,
            "subject": "",
            "data": {"validationCode": self.validation_code, "validationUrl": validation_url},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": ticks_time(self.clock.now()),
            "metadataVersion": "1",
            "dataVersion": "1",
        }
        return json.dumps([event]).encode()

    def _headers(self, event_type: str) -> dict[str, str]:
        if self.options.event_schema is EventSchema.CLOUD_EVENTS:
            return {
                "content-type": "application/cloudevents+json; charset=utf-8",
                "aeg-subscription-name": _SUBSCRIPTION_NAME,
            }
        return {
            "content-type": "application/json; charset=utf-8",
            "aeg-event-type": event_type,
            "aeg-subscription-name": _SUBSCRIPTION_NAME,
            "aeg-data-version": "1.0",
            "aeg-metadata-version": "1",
        }

    def _participant(self, kind: str, call: Call, party: Participant) -> None:
        # Calling events exist for users of the resource only: no phone users, bots or Teams
        # users (communication-services-voice-video-events.md, limitations).
        if is_communication_user(party.raw_id):
            subject = f"call/{call.server_call_id}/participant/{party.raw_id}"
            data = events.participant_data(call, party, self._shape(kind, call))
            self._event(kind, subject, data, call)

    def _event(
        self,
        kind: str,
        subject: str,
        data: Mapping[str, object],
        call: Call,
        context: Mapping[str, str] | None = None,
    ) -> None:
        if self.options.events_to is None and self.options.events_to_queue is None:
            return
        take = self._take(kind, call, context)
        event = Event(
            id=self.ids.guid(),
            type=kind,
            subject=subject,
            data=quirks.data(data, take),
            at=self.clock.now(),
            key=call.server_call_id,
        )
        made = events.envelope(event, self.options.event_schema, self.topic)
        body: object = quirks.envelope(made, take)
        if self.options.event_schema is EventSchema.EVENT_GRID:
            body = [body]
        targets = (
            (self.events, self.options.events_to),
            (self.queue, self.options.events_to_queue),
        )
        for courier, url in targets:
            if url is None:
                continue
            parcel = Parcel(
                id=event.id,
                type=kind,
                key=event.key,
                url=url,
                headers=self._headers("Notification"),
                body=json.dumps(body).encode(),
                context={"type": kind, "serverCallId": call.server_call_id, **(context or {})},
            )
            courier.post(parcel)

    def _shape(self, kind: str, call: Call) -> EventShape:
        return quirks.shape(self.options.event_shape, self._take(kind, call))

    def _take(
        self, kind: str, call: Call, context: Mapping[str, str] | None = None
    ) -> Callable[[str], Params | None]:
        there = {"type": kind, "serverCallId": call.server_call_id, **(context or {})}
        return lambda name: self.events.faults.take(name, **there)

    def _occasion(self, version: str) -> Occasion:
        return Occasion(id=self.ids.guid(), at=self.clock.now(), version=version)

    def _call_callback(
        self, call: Call, build: Callable[[Call, Occasion], list[dict[str, object]]]
    ) -> None:
        if call.callback_uri is not None:
            body = build(call, self._occasion(self.options.api_version))
            self._callback(call.callback_uri, body, call, {})

    def _recording_callback(self, recording: Recording, body: list[dict[str, object]]) -> None:
        uri = recording.request.callback_uri
        if uri is not None:
            self._callback(uri, body, recording.call, {"recordingId": recording.recording_id})

    def _callback(
        self, uri: str, body: list[dict[str, object]], call: Call, context: Mapping[str, str]
    ) -> None:
        if urlsplit(uri).scheme not in {"http", "https"}:
            # The service accepted a relative URI with 200 in recorded traffic; nobody hears it.
            _LOG.warning("callback URI %s cannot be called", uri)
            return
        kind = str(body[0]["type"]).rpartition(".")[2]
        self.callbacks.post(
            Parcel(
                id=str(body[0]["id"]),
                type=kind,
                key=call.server_call_id,
                url=uri,
                headers={"content-type": "application/json; charset=utf-8"},
                body=json.dumps(body).encode(),
                context={"type": kind, "serverCallId": call.server_call_id, **context},
            )
        )
