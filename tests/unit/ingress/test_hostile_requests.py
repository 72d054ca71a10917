"""Whatever a stranger sends changes nothing and breaks nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.issuer import AUDIENCE, ISSUER, MemoryKeys, claims, signed, unsigned
from tests.receivers import make_receiver

from recordingd.ingress.auth import Keyring, NamedSecret
from recordingd.ingress.receiver import build_app
from recordingd.ingress.tokens import TokenCheck, callback_rules
from recordingd.ports.ledger import InboxEvent

RULES = callback_rules(issuer=ISSUER, audience=AUDIENCE)


class ClosedBackend:
    """Counts what gets through to it; knows no callback token."""

    def __init__(self) -> None:
        self.reached = 0

    async def commit(self, events: Sequence[InboxEvent]) -> None:
        self.reached += len(events)

    async def commit_callback(self, token_hash: str, events: Sequence[InboxEvent]) -> bool:
        assert len(token_hash) == 64
        assert isinstance(events, Sequence)
        return False

    async def status(self) -> Mapping[str, object]:
        self.reached += 1
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
        return datetime(2026, 3, 2, tzinfo=UTC)


PATHS = st.sampled_from(
    [
        b"/events",
        b"/callbacks",
        b"/callbacks/x",
        b"/callbacks/%ff%00",
        b"/v1/signals",
        b"/v1/status",
        b"/v1/calls/a%2Fb",
        b"/v1/recordings/",
        b"/%2e%2e/events",
    ]
) | st.binary(max_size=20).map(lambda tail: b"/" + tail.replace(b"?", b""))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"authorization",
                b"x-recordingd-key",
                b"content-type",
                b"content-length",
                b"aeg-event-type",
                b"webhook-request-origin",
            ]
        ),
        st.sampled_from(
            [
                b"",
                b"Bearer x",
                b"Bearer ",
                b"Bearer e30.e30.e30",
                b"Bearer " + unsigned(claims()).encode(),
                b"Bearer " + signed(claims(aud="another")).encode(),
                b"SubscriptionValidation",
                b"application/cloudevents+json",
                b"-1",
                b"9" * 5_000,
            ]
        )
        | st.binary(max_size=12),
    ),
    max_size=4,
)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        b"[" * 3_000,
        b'[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent"}]',
        b'{"specversion":"1.0","id":"1","source":"s","type":"recordingd.consent.granted"}',
    ]
)


def statuses_of(
    backend: ClosedBackend, scope: dict[str, Any], body: bytes, *, with_tokens: bool
) -> list[int]:
    """Send one request to a fresh application; return the status it answered."""
    keyring = Keyring(
        webhook=(NamedSecret(name="hook", value="h" * 40),),
        reporters=(NamedSecret(name="ivr", value="r" * 40),),
        api_tokens=(NamedSecret(name="ops", value="o" * 40),),
    )
    tokens = {
        "webhook_tokens": TokenCheck(name="entra", rules=RULES, keys=MemoryKeys()),
        "callback_tokens": TokenCheck(name="service", rules=RULES, keys=MemoryKeys()),
    }
    app = build_app(make_receiver(backend, keyring, **(tokens if with_tokens else {})))
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    asyncio.run(app(scope, receive, send))
    return statuses


@settings(max_examples=200)
@given(
    method=st.sampled_from(["GET", "POST", "OPTIONS", "PUT", "DELETE", "HEAD", "X"]),
    path=PATHS,
    query=st.binary(max_size=20) | st.sampled_from([b"key=x", b"key=%ff&key=", b"key"]),
    headers=HEADERS,
    body=BODIES,
    with_tokens=st.booleans(),
)
def test_stranger_changes_nothing_and_breaks_nothing(
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    *,
    with_tokens: bool,
) -> None:
    backend = ClosedBackend()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    (status,) = statuses_of(backend, scope, body, with_tokens=with_tokens)
    assert status < 500 or status == 503
    assert backend.reached == 0
