"""Every status rule of the HTTP surface, against the application itself."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from tests.receivers import make_receiver

from recordingd.domain.errors import LedgerFault
from recordingd.ingress.auth import Keyring, NamedSecret, token_hash_of
from recordingd.ingress.receiver import build_app
from recordingd.ingress.requests import BODY_BYTES_MAX
from recordingd.ingress.tokens import TokenCheck
from recordingd.ports.ledger import InboxEvent

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
KEY = {"x-recordingd-key": "hook-key"}
IVR = {"authorization": "Bearer ivr-key"}
OPS = {"authorization": "Bearer ops-key"}
ONE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
SERVER = "aHR0cHM6Ly9hcGkvY29udi9R/aT0xMC0x+Mg=="
TOKEN = "t" * 32


@dataclass
class FakeBackend:
    """Keeps what it is told in memory, and fails when asked to."""

    fault: Exception | None = None
    committed: list[InboxEvent] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    live: bool = True
    ready: bool = True

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        if self.fault is not None:
            raise self.fault
        self.committed += events

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        if token_hash != token_hash_of(TOKEN):
            return False
        await self.commit(events)
        return True

    async def status(self) -> Mapping[str, object]:
        if self.fault is not None:
            raise self.fault
        return {"mode": "enforce"}

    async def call(self, server_call_id: str) -> Mapping[str, object] | None:
        self.asked.append(server_call_id)
        return {"serverCallId": server_call_id} if server_call_id == SERVER else None

    async def recording(self, prefix: str) -> Mapping[str, object] | None:
        self.asked.append(prefix)
        return {"id": "abc"} if prefix == "abc" else None

    def is_live(self) -> bool:
        return self.live

    async def is_ready(self) -> bool:
        return self.ready

    def metrics(self) -> tuple[bytes, str]:
        return b"page\n", "text/plain; version=0.0.4; charset=utf-8"

    def now(self) -> datetime:
        return NOW


class Daemon:
    """The application with a backend in memory; `request` sends one request to it."""

    def __init__(self, **tokens: TokenCheck) -> None:
        self.backend = FakeBackend()
        self.raised: list[Exception] = []
        keyring = Keyring(
            webhook=(NamedSecret(name="hook", value="hook-key"),),
            reporters=(NamedSecret(name="ivr", value="ivr-key"),),
            api_tokens=(NamedSecret(name="ops", value="ops-key"),),
        )
        receiver = make_receiver(self.backend, keyring, **tokens)
        self.metrics, self.alarms = receiver.metrics, receiver.alarms
        self.app = build_app(receiver)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            self.raised.append(error)
            raise

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
        content: str | bytes | AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        """Send a request; `raised` then holds what the server would have logged as a crash."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._watched, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
                return await client.request(
                    method, path, headers=headers, params=params, json=json, content=content
                )

        return asyncio.run(send())

    def value(self, series: str) -> float:
        """Return the value of a metric by its name and labels as written; 0.0 when it is unset."""
        lines = self.metrics.render()[0].decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return float(values.get(f"recordingd_{series}", "0"))

    def rejected(self, reason: str) -> float:
        return self.value(f'events_rejected_total{{reason="{reason}"}}')


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


def event(event_id: str = "1", **changes: object) -> dict[str, Any]:
    return {
        "id": event_id,
        "topic": "/t",
        "eventType": "Microsoft.Communication.CallEnded",
        "data": {"serverCallId": SERVER},
        **changes,
    }


def signal(**changes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "s-1",
        "source": "ivr",
        "type": "recordingd.consent.granted",
        "data": {"serverCallId": SERVER, "method": "dtmf"},
        **changes,
    }


def validation(data: object = None) -> list[dict[str, Any]]:
    handshake = {
        "validationCode": "code-1",
        "validationUrl": "https://rp.eventgrid.azure.net:553/validate?id=1",
    }
    type_name = "Microsoft.EventGrid.SubscriptionValidationEvent"
    return [event(eventType=type_name, data=handshake if data is None else data)]


HANDSHAKE = {"aeg-event-type": "SubscriptionValidation"}


# --- /events --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credential",
    [
        {"headers": KEY},
        {"params": {"key": "hook-key"}},
        {"headers": {"authorization": "Bearer hook-key"}},
    ],
    ids=["header", "query", "bearer"],
)
def test_authentic_events_are_committed_and_answered_200(
    daemon: Daemon, credential: dict[str, Any]
) -> None:
    answer = daemon.request("POST", "/events", json=[event("1"), event("2")], **credential)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [(e.channel, e.source, e.event_id) for e in daemon.backend.committed] == [
        ("eventgrid", "/t", "1"),
        ("eventgrid", "/t", "2"),
    ]


def test_events_without_a_credential_are_answered_401(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/events", json=[event()])
    assert answer.status_code == 401
    assert daemon.backend.committed == []
    assert daemon.rejected("noCredential") == 1
    assert daemon.alarms.active() == ()


def test_events_with_a_wrong_credential_are_answered_503_counted_and_alarmed(
    daemon: Daemon,
) -> None:
    for _ in range(2):
        answer = daemon.request("POST", "/events", params={"key": "stale"}, json=[event()])
        assert answer.status_code == 503
    assert daemon.backend.committed == []
    assert daemon.rejected("wrongCredential") == 2
    (alarm,) = daemon.alarms.active()
    assert (alarm.name, alarm.count) == ("EventsRejected", 2)


@pytest.mark.parametrize(
    "fault", [LedgerFault("locked"), OSError(28, "full"), TimeoutError(), RuntimeError("bug")]
)
def test_events_that_cannot_be_committed_are_answered_503(daemon: Daemon, fault: Exception) -> None:
    daemon.backend.fault = fault
    answer = daemon.request("POST", "/events", headers=KEY, json=[event()])
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"


@pytest.mark.parametrize(
    ("fault", "crashes"),
    [(LedgerFault("locked"), 0), (OSError(28, "full"), 0), (RuntimeError("bug"), 1)],
)
def test_only_a_bug_is_left_to_the_server_to_log(
    daemon: Daemon, fault: Exception, crashes: int
) -> None:
    daemon.backend.fault = fault
    daemon.request("POST", "/events", headers=KEY, json=[event()])
    assert len(daemon.raised) == crashes


def test_fault_of_ours_is_not_told_to_the_sender(daemon: Daemon) -> None:
    daemon.backend.fault = RuntimeError("canary-4711")
    answer = daemon.request("POST", "/events", headers=KEY, json=[event()])
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("body", [b"", b"hello", b"[1,", b"\xff", b'{"id": "1"}'])
def test_body_that_cannot_be_understood_is_kept_answered_200_and_alarmed(
    daemon: Daemon, body: bytes
) -> None:
    answer = daemon.request("POST", "/events", headers=KEY, content=body)
    assert answer.status_code == 200
    (kept,) = daemon.backend.committed
    assert kept.poison is not None
    assert [alarm.name for alarm in daemon.alarms.active()] == ["EventsPoison"]
    assert daemon.value("events_poison_total") == 1


def test_empty_batch_is_answered_200(daemon: Daemon) -> None:
    assert daemon.request("POST", "/events", headers=KEY, json=[]).status_code == 200
    assert daemon.backend.committed == []


@pytest.mark.parametrize("label", ["Microsoft.Communication.CallEnded", "other"])
def test_time_of_the_last_event_is_shown_by_known_type_only(daemon: Daemon, label: str) -> None:
    daemon.request("POST", "/events", headers=KEY, json=[event("1"), event("2", eventType="Evil")])
    shown = daemon.value(f'event_last_received_timestamp_seconds{{type="{label}"}}')
    assert shown == NOW.timestamp()
    assert b"Evil" not in daemon.metrics.render()[0]


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_body_is_limited_by_its_announced_length(daemon: Daemon, extra: int, status: int) -> None:
    body = b" " * (BODY_BYTES_MAX + extra - 2) + b"[]"
    assert daemon.request("POST", "/events", headers=KEY, content=body).status_code == status


async def _blocks(size: int, sent: list[int]) -> AsyncIterator[bytes]:
    yield b"[]"
    sent.append(2)
    while sum(sent) < size:
        block = b" " * min(65_536, size - sum(sent))
        yield block
        sent.append(len(block))


@pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_body_is_limited_while_it_streams(daemon: Daemon, extra: int, status: int) -> None:
    blocks = _blocks(BODY_BYTES_MAX + extra, [])
    answer = daemon.request("POST", "/events", headers=KEY, content=blocks)
    assert answer.status_code == status


def test_endless_body_is_not_read_beyond_the_limit(daemon: Daemon) -> None:
    sent: list[int] = []
    answer = daemon.request("POST", "/events", headers=KEY, content=_blocks(10**8, sent))
    assert answer.status_code == 413
    assert sum(sent) <= BODY_BYTES_MAX + 65_536
    assert daemon.rejected("oversized") == 1


def test_body_of_an_unauthenticated_sender_is_not_read(daemon: Daemon) -> None:
    sent: list[int] = []
    answer = daemon.request("POST", "/events", content=_blocks(10**8, sent))
    assert (answer.status_code, sent) == (401, [])


# --- handshakes -----------------------------------------------------------------------------------


def test_handshake_is_answered_with_its_code_and_nothing_is_committed(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/events", headers=KEY | HANDSHAKE, json=validation())
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "code-1"})
    assert daemon.backend.committed == []


def test_handshake_is_known_by_its_body_alone(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/events", headers=KEY, json=validation())
    assert answer.json() == {"validationResponse": "code-1"}


@pytest.mark.parametrize("key", [{}, {"x-recordingd-key": "stale"}])
def test_handshake_without_a_valid_key_is_answered_401(daemon: Daemon, key: dict[str, str]) -> None:
    answer = daemon.request("POST", "/events", headers=key | HANDSHAKE, json=validation())
    assert answer.status_code == 401
    assert "code-1" not in answer.text


@pytest.mark.parametrize("body", [validation({}), validation({"validationCode": 7}), [], {}])
def test_handshake_without_a_code_is_answered_400(daemon: Daemon, body: object) -> None:
    answer = daemon.request("POST", "/events", headers=KEY | HANDSHAKE, json=body)
    assert answer.status_code == 400


def test_validation_event_among_others_is_an_ordinary_event(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/events", headers=KEY, json=[*validation(), event("2")])
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(daemon.backend.committed) == 2


def test_text_that_looks_like_a_validation_event_is_an_ordinary_event(daemon: Daemon) -> None:
    name = "Microsoft.EventGrid.SubscriptionValidationEvent"
    answer = daemon.request("POST", "/events", headers=KEY, json=[event(subject=name)])
    assert (answer.content, len(daemon.backend.committed)) == (b"", 1)


def test_cloudevents_handshake_is_answered_with_the_origin(daemon: Daemon) -> None:
    headers = KEY | {"webhook-request-origin": "eventemitter.example.com"}
    answer = daemon.request("OPTIONS", "/events", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("key", [{}, {"x-recordingd-key": "stale"}])
def test_cloudevents_handshake_without_a_valid_key_is_answered_401(
    daemon: Daemon, key: dict[str, str]
) -> None:
    headers = key | {"webhook-request-origin": "eventemitter.example.com"}
    answer = daemon.request("OPTIONS", "/events", headers=headers)
    assert answer.status_code == 401
    assert "webhook-allowed-origin" not in answer.headers


def test_cloudevents_handshake_without_an_origin_is_answered_400(daemon: Daemon) -> None:
    assert daemon.request("OPTIONS", "/events", headers=KEY).status_code == 400


# --- callbacks ------------------------------------------------------------------------------------


def test_callback_with_a_known_token_is_committed_under_its_hash(daemon: Daemon) -> None:
    answer = daemon.request("POST", f"/callbacks/{TOKEN}", json=[event()])
    assert answer.status_code == 200
    (kept,) = daemon.backend.committed
    assert (kept.channel, kept.context) == ("callbacks", token_hash_of(TOKEN))


@pytest.mark.parametrize("token", ["x", "t" * 31, "%00", "😀", "t" * 5_000])
def test_callback_with_an_unknown_token_is_answered_401(daemon: Daemon, token: str) -> None:
    answer = daemon.request("POST", f"/callbacks/{token}", json=[event()])
    assert (answer.status_code, daemon.backend.committed) == (401, [])
    assert daemon.rejected("unknownToken") == 1


def test_body_of_an_unknown_callback_is_not_read(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/callbacks/x", content=b" " * (BODY_BYTES_MAX + 1))
    assert (answer.status_code, daemon.rejected("oversized")) == (401, 0)


def test_poison_with_an_unknown_token_is_not_counted_as_poison(daemon: Daemon) -> None:
    daemon.request("POST", "/callbacks/x", content=b"?")
    assert daemon.alarms.active() == ()


def test_callback_that_cannot_be_committed_is_answered_503(daemon: Daemon) -> None:
    daemon.backend.fault = LedgerFault("locked")
    answer = daemon.request("POST", f"/callbacks/{TOKEN}", json=[event()])
    assert answer.status_code == 503


def test_forwarded_callback_is_committed_under_its_reporter(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/callbacks", headers=IVR, json=[event()])
    assert answer.status_code == 200
    (kept,) = daemon.backend.committed
    assert (kept.channel, kept.context) == ("callbacks:ivr", "ivr")


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type", ["application/cloudevents+json", "application/CloudEvents+json; charset=utf-8"]
)
def test_signal_is_committed_and_answered_202(daemon: Daemon, media_type: str) -> None:
    headers = IVR | {"content-type": media_type}
    answer = daemon.request("POST", "/v1/signals", headers=headers, content=json.dumps(signal()))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    (kept,) = daemon.backend.committed
    assert (kept.channel, kept.source, kept.event_id) == ("signals:ivr", "ivr", "s-1")
    assert kept.context == "ivr"


def test_batch_of_signals_is_committed_together(daemon: Daemon) -> None:
    body = json.dumps([signal(id="1"), signal(id="2")])
    answer = daemon.request("POST", "/v1/signals", headers=IVR | BATCH, content=body)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2})


def test_batch_with_one_malformed_signal_is_refused_whole(daemon: Daemon) -> None:
    wrong = signal(id="2", data={"serverCallId": SERVER, "method": "sms"})
    body = json.dumps([signal(id="1"), wrong])
    answer = daemon.request("POST", "/v1/signals", headers=IVR | BATCH, content=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["field"], error["index"]) == ("data.method", 1)
    assert daemon.backend.committed == []


@pytest.mark.parametrize(
    ("body", "mention"),
    [
        (b"oops", "JSON"),
        (b"", "JSON"),
        (json.dumps(signal(id=None)).encode(), "id"),
        (json.dumps(signal(type=None)).encode(), "type"),
        (json.dumps(signal(type="Microsoft.Communication.CallEnded")).encode(), "type"),
        (json.dumps(signal(specversion="0.1")).encode(), "specversion"),
    ],
)
def test_malformed_signal_is_answered_400_with_what_is_wrong(
    daemon: Daemon, body: bytes, mention: str
) -> None:
    answer = daemon.request("POST", "/v1/signals", headers=IVR | ONE, content=body)
    assert answer.status_code == 400
    assert mention in answer.json()["error"]["message"]
    assert daemon.backend.committed == []


@pytest.mark.parametrize(
    ("headers", "body"), [(ONE, json.dumps([signal()])), (BATCH, json.dumps(signal()))]
)
def test_content_type_that_does_not_fit_the_body_is_answered_400(
    daemon: Daemon, headers: dict[str, str], body: str
) -> None:
    answer = daemon.request("POST", "/v1/signals", headers=IVR | headers, content=body)
    assert answer.status_code == 400


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
def test_signal_of_another_content_type_is_answered_415(daemon: Daemon, media_type: str) -> None:
    headers = IVR | {"content-type": media_type}
    answer = daemon.request("POST", "/v1/signals", headers=headers, content=b"{}")
    assert answer.status_code == 415


def test_signal_that_cannot_be_committed_is_answered_503(daemon: Daemon) -> None:
    daemon.backend.fault = LedgerFault("locked")
    body = json.dumps(signal())
    answer = daemon.request("POST", "/v1/signals", headers=IVR | ONE, content=body)
    assert answer.status_code == 503


# --- who may do what ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/callbacks"),
        ("POST", "/v1/signals"),
        ("GET", "/v1/status"),
        ("GET", "/v1/calls/x"),
        ("GET", "/v1/recordings/x"),
    ],
)
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer nope"}, {"authorization": "Basic eA=="}, KEY]
)
def test_missing_or_wrong_credential_is_answered_401(
    daemon: Daemon, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = daemon.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert (daemon.backend.committed, daemon.backend.asked) == ([], [])


@pytest.mark.parametrize("path", ["/v1/status", "/v1/calls/x", "/v1/recordings/x"])
def test_reporter_may_not_read(daemon: Daemon, path: str) -> None:
    assert daemon.request("GET", path, headers=IVR).status_code == 401


def test_reader_may_not_signal(daemon: Daemon) -> None:
    body = json.dumps(signal())
    answer = daemon.request("POST", "/v1/signals", headers=OPS | ONE, content=body)
    assert (answer.status_code, daemon.backend.committed) == (401, [])


# --- reading --------------------------------------------------------------------------------------


def test_status_is_answered(daemon: Daemon) -> None:
    answer = daemon.request("GET", "/v1/status", headers=OPS)
    assert (answer.status_code, answer.json()) == (200, {"mode": "enforce"})
    assert answer.headers["cache-control"] == "no-store"


def test_call_is_found_by_its_percent_encoded_id(daemon: Daemon) -> None:
    encoded = SERVER.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D")
    answer = daemon.request("GET", f"/v1/calls/{encoded}", headers=OPS)
    assert (answer.status_code, answer.json()) == (200, {"serverCallId": SERVER})


def test_slash_in_the_path_is_no_part_of_an_id(daemon: Daemon) -> None:
    answer = daemon.request("GET", f"/v1/calls/{SERVER}", headers=OPS)
    assert (answer.status_code, daemon.backend.asked) == (404, [])


@pytest.mark.parametrize("path", ["/v1/calls/zzz", "/v1/recordings/zzz", "/v1/calls/", "/nowhere"])
def test_what_is_not_known_is_answered_404(daemon: Daemon, path: str) -> None:
    answer = daemon.request("GET", path, headers=OPS)
    assert (answer.status_code, answer.json()["error"]["code"] != "") == (404, True)


def test_recording_is_found_by_its_prefix(daemon: Daemon) -> None:
    answer = daemon.request("GET", "/v1/recordings/abc", headers=OPS)
    assert (answer.status_code, answer.json()) == (200, {"id": "abc"})


def test_ledger_fault_while_reading_is_answered_503(daemon: Daemon) -> None:
    daemon.backend.fault = LedgerFault("locked")
    assert daemon.request("GET", "/v1/status", headers=OPS).status_code == 503


@pytest.mark.parametrize(("is_good", "status"), [(True, 200), (False, 503)])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probe_tells_the_truth(daemon: Daemon, path: str, status: int, *, is_good: bool) -> None:
    daemon.backend.live = daemon.backend.ready = is_good
    assert daemon.request("GET", path).status_code == status


def test_metrics_are_served_with_their_own_content_type(daemon: Daemon) -> None:
    answer = daemon.request("GET", "/metrics")
    assert answer.content == b"page\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(("method", "path"), [("GET", "/events"), ("PUT", "/v1/signals")])
def test_wrong_method_is_answered_405(daemon: Daemon, method: str, path: str) -> None:
    assert daemon.request(method, path, headers=KEY).status_code == 405


def test_trailing_slash_is_not_redirected_with_the_key(daemon: Daemon) -> None:
    answer = daemon.request("POST", "/events/", params={"key": "hook-key"}, json=[])
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_description_and_routes_are_the_same(daemon: Daemon) -> None:
    described: Any = daemon.request("GET", "/openapi.json").json()["paths"]
    served = {
        (method, re.sub(r"\{.*?\}", "{}", route.path))
        for route in daemon.app.routes
        if isinstance(route, Route)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    assert served == {
        (method.upper(), re.sub(r"\{.*?\}", "{}", path))
        for path, methods in described.items()
        for method in methods
    }


def test_secrets_are_in_no_log_and_no_answer(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    daemon.backend.fault = LedgerFault("locked")
    secrets = ("hook-key", "stale-canary", "ivr-key", "ops-key")
    answers = [
        daemon.request("POST", "/events", params={"key": "hook-key"}, json=[event()]),
        daemon.request("POST", "/events", params={"key": "stale-canary"}, json=[event()]),
        daemon.request("POST", "/callbacks", headers=IVR, json=[event()]),
        daemon.request("GET", "/v1/status", headers=OPS),
    ]
    # The test's own client logs the addresses it asks for.
    ours = [record for record in caplog.records if record.name.startswith("recordingd")]
    written = "".join(answer.text for answer in answers) + "".join(r.getMessage() for r in ours)
    assert ours
    assert not [secret for secret in secrets if secret in written]
