"""What the HTTP surface answers to tokens, of Event Grid and of the service's callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
import pytest
from tests.issuer import (
    APPLICATION,
    AUDIENCE,
    ISSUER,
    NOW,
    TENANT,
    MemoryKeys,
    claims,
    entra_claims,
    signed,
    unsigned,
)
from tests.receivers import make_receiver

from recordingd.domain.errors import LedgerFault
from recordingd.ingress.auth import Keyring, NamedSecret, token_hash_of
from recordingd.ingress.receiver import build_app
from recordingd.ingress.tokens import TokenCheck, callback_rules, entra_rules
from recordingd.ports.ledger import InboxEvent

CODE = "code-1"
HANDSHAKE = {"aeg-event-type": "SubscriptionValidation"}
KEY = {"x-recordingd-key": "hook-key"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def event(event_id: str = "1", **changes: object) -> dict[str, Any]:
    data = {"serverCallId": "c2NpZA=="}
    kind = "Microsoft.Communication.CallEnded"
    return {"id": event_id, "topic": "/t", "eventType": kind, "data": data, **changes}


def validation() -> list[dict[str, Any]]:
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    return [event(eventType=kind, data={"validationCode": CODE})]


class MemoryBackend:
    """Keeps events in memory; knows the callback addresses `a` and `b`; may be made to fail."""

    def __init__(self) -> None:
        self.committed: list[InboxEvent] = []
        self.fault: Exception | None = None

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        if self.fault is not None:
            raise self.fault
        self.committed += events

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        if token_hash not in {token_hash_of("a"), token_hash_of("b")}:
            return False
        await self.commit(events)
        return True

    async def status(self) -> Mapping[str, object]:
        return {}

    async def call(self, server_call_id: str) -> Mapping[str, object] | None:
        raise AssertionError(server_call_id)

    async def recording(self, prefix: str) -> Mapping[str, object] | None:
        raise AssertionError(prefix)

    def is_live(self) -> bool:
        return True

    async def is_ready(self) -> bool:
        return True

    def metrics(self) -> tuple[bytes, str]:
        return b"", "text/plain"

    def now(self) -> datetime:
        return NOW


class Daemon:
    """The application with tokens asked for at both doors."""

    def __init__(self, *, has_secret: bool = True) -> None:
        self.backend = MemoryBackend()
        self.keys = MemoryKeys()
        hook = (NamedSecret(name="hook", value="hook-key"),) if has_secret else ()
        events = entra_rules(tenant=TENANT, audience=AUDIENCE, application=APPLICATION)
        callbacks = callback_rules(issuer=ISSUER, audience=AUDIENCE)
        self.receiver = make_receiver(
            self.backend,
            Keyring(webhook=hook),
            webhook_tokens=TokenCheck(name="entra", rules=events, keys=self.keys),
            callback_tokens=TokenCheck(name="service", rules=callbacks, keys=self.keys),
        )
        self.app = build_app(self.receiver)

    def post(
        self,
        path: str,
        body: object,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> int:
        """Send one request; return the status of its answer."""
        return self.answer(path, body, headers, method=method).status_code

    def answer(
        self,
        path: str,
        body: object,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
                return await client.request(method, path, headers=headers, json=body)

        return asyncio.run(send())

    def rejected(self, reason: str) -> float:
        name = f'recordingd_events_rejected_total{{reason="{reason}"}}'
        lines = self.receiver.metrics.render()[0].decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return float(values.get(name, "0"))

    def alarms(self) -> list[str]:
        return [alarm.name for alarm in self.receiver.alarms.active()]


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


# --- /events --------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_secret", [True, False])
def test_events_with_a_token_of_event_grid_are_committed(*, has_secret: bool) -> None:
    daemon = Daemon(has_secret=has_secret)
    assert daemon.post("/events", [event()], bearer(signed(entra_claims()))) == 200
    assert len(daemon.backend.committed) == 1


def test_events_with_a_secret_are_committed_where_tokens_are_taken_too(daemon: Daemon) -> None:
    assert daemon.post("/events", [event()], KEY) == 200
    assert daemon.keys.asked == []


def test_good_token_outweighs_a_stale_secret(daemon: Daemon) -> None:
    good = bearer(signed(entra_claims()))
    assert daemon.post("/events?key=stale", [event()], good) == 200


def test_same_token_brings_any_number_of_events(daemon: Daemon) -> None:
    good = bearer(signed(entra_claims()))
    assert [daemon.post("/events", [event(n)], good) for n in "123"] == [200] * 3
    assert len(daemon.backend.committed) == 3


@pytest.mark.parametrize(
    "token",
    [
        signed(entra_claims(aud="another")),
        signed(entra_claims(exp=0)),
        unsigned(entra_claims()),
        "hook-key-of-yesterday",
    ],
    ids=["audience", "expired", "unsigned", "no-token"],
)
def test_events_with_a_bad_token_are_answered_503_counted_and_alarmed(
    daemon: Daemon, token: str
) -> None:
    assert daemon.post("/events", [event()], bearer(token)) == 503
    assert daemon.backend.committed == []
    assert daemon.rejected("wrongCredential") == 1
    assert daemon.alarms() == ["EventsRejected"]


def test_events_without_any_credential_are_answered_401(daemon: Daemon) -> None:
    assert daemon.post("/events", [event()]) == 401
    assert daemon.alarms() == []


def test_events_whose_keys_cannot_be_had_are_answered_503_and_change_nothing(
    daemon: Daemon,
) -> None:
    daemon.keys.is_reachable = False
    answer = daemon.answer("/events", [event()], bearer(signed(entra_claims())))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "keysUnavailable")
    assert daemon.backend.committed == []
    assert daemon.rejected("keysUnavailable") == 1
    assert daemon.alarms() == ["EventsRejected"]


def test_handshake_with_a_good_token_is_answered_with_its_code(daemon: Daemon) -> None:
    headers = HANDSHAKE | bearer(signed(entra_claims()))
    answer = daemon.answer("/events", validation(), headers)
    assert answer.json() == {"validationResponse": CODE}


@pytest.mark.parametrize(
    ("claim", "is_reachable", "status"), [("bad", True, 401), (AUDIENCE, False, 503)]
)
def test_handshake_with_a_token_that_does_not_verify_gets_no_code(
    daemon: Daemon, claim: str, status: int, *, is_reachable: bool
) -> None:
    daemon.keys.is_reachable = is_reachable
    headers = HANDSHAKE | bearer(signed(entra_claims(aud=claim)))
    answer = daemon.answer("/events", validation(), headers)
    assert answer.status_code == status
    assert CODE not in answer.text


@pytest.mark.parametrize(("claim", "status"), [(AUDIENCE, 200), ("bad", 401)])
def test_cloudevents_handshake_is_opened_by_a_good_token_only(
    daemon: Daemon, claim: str, status: int
) -> None:
    headers = {"webhook-request-origin": "e.example"} | bearer(signed(entra_claims(aud=claim)))
    answer = daemon.answer("/events", None, headers, method="OPTIONS")
    assert answer.status_code == status
    assert ("webhook-allowed-origin" in answer.headers) is (status == 200)


# --- /callbacks/{token} ---------------------------------------------------------------------------


def test_callback_with_address_and_token_is_committed(daemon: Daemon) -> None:
    assert daemon.post("/callbacks/a", [event()], bearer(signed(claims()))) == 200
    assert len(daemon.backend.committed) == 1


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "noToken"),
        (bearer(signed(claims(aud="another"))), "wrongToken"),
        (bearer(signed(claims(exp=None))), "wrongToken"),
        (bearer(unsigned(claims())), "wrongToken"),
        (bearer(signed(entra_claims())), "wrongToken"),
        ({"authorization": "Basic eDp5"}, "wrongToken"),
    ],
    ids=["absent", "audience", "no-exp", "unsigned", "of-event-grid", "basic"],
)
def test_callback_without_a_good_token_is_answered_401_and_changes_nothing(
    daemon: Daemon, headers: dict[str, str], reason: str
) -> None:
    assert daemon.post("/callbacks/a", [event()], headers) == 401
    assert daemon.backend.committed == []
    assert daemon.rejected(reason) == 1


@pytest.mark.parametrize(("address", "alarms"), [("a", ["EventsRejected"]), ("guess", [])])
def test_refused_callback_is_alarmed_only_where_just_the_service_can_have_sent_it(
    daemon: Daemon, address: str, alarms: list[str]
) -> None:
    daemon.post(f"/callbacks/{address}", [event()], bearer(signed(claims(aud="another"))))
    assert daemon.alarms() == alarms


def test_callback_with_a_good_token_at_an_unknown_address_is_answered_401(daemon: Daemon) -> None:
    assert daemon.post("/callbacks/guess", [event()], bearer(signed(claims()))) == 401
    assert daemon.backend.committed == []


def test_callback_whose_keys_cannot_be_had_is_answered_503_and_changes_nothing(
    daemon: Daemon,
) -> None:
    daemon.keys.is_reachable = False
    assert daemon.post("/callbacks/a", [event()], bearer(signed(claims()))) == 503
    assert daemon.backend.committed == []
    assert daemon.alarms() == ["EventsRejected"]


def test_callback_that_is_repeated_is_committed_again_for_the_ledger_to_know_it(
    daemon: Daemon,
) -> None:
    token = bearer(signed(claims()))
    assert [daemon.post("/callbacks/a", [event()], token) for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("address", "body"), [("a", [event("2")]), ("b", [event()]), ("a", []), ("a", [event(), 7])]
)
def test_replayed_token_brings_in_nothing_else(
    daemon: Daemon, address: str, body: list[object]
) -> None:
    token = bearer(signed(claims()))
    assert daemon.post("/callbacks/a", [event()], token) == 200
    assert daemon.post(f"/callbacks/{address}", body, token) == 401
    assert len(daemon.backend.committed) == 1
    assert daemon.rejected("replayedToken") == 1


def test_callback_that_could_not_be_committed_may_come_again(daemon: Daemon) -> None:
    token = bearer(signed(claims()))
    daemon.backend.fault = LedgerFault("locked")
    assert daemon.post("/callbacks/a", [event()], token) == 503
    daemon.backend.fault = None
    assert daemon.post("/callbacks/a", [event()], token) == 200


def test_secret_of_the_webhook_does_not_open_callbacks(daemon: Daemon) -> None:
    assert daemon.post("/callbacks/a?key=hook-key", [event()], KEY) == 401
