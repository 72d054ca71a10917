from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import DefaultAzureCredential

from recordingd.acs.client import AcsClient
from recordingd.acs.credentials import Authorization
from recordingd.acs.endpoint import parse_endpoint
from recordingd.acs.entra import SCOPE, EntraAuthorizer, open_credential
from recordingd.acs.signing import Message
from recordingd.domain.errors import CloudFault, ConfigurationError, RetryableFault
from recordingd.domain.recordings import ServiceRecordingId

AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
MESSAGE = Message(method="GET", target="/a", host="contoso.example")
ENDPOINT = parse_endpoint("https://contoso.communication.azure.com")


class Handler(Protocol):
    requests: list[httpx.Request]

    async def __call__(self, request: httpx.Request) -> httpx.Response: ...


MakeStub = Callable[[list[Any]], Handler]


class GivenToken(NamedTuple):
    token: str
    expires_on: int


@dataclass
class Identity:
    """Gives numbered tokens that live for `lives`; `faults` come first."""

    lives: timedelta = timedelta(hours=1)
    now: datetime = AT
    faults: list[Exception] = field(default_factory=list)
    scopes: list[tuple[str, ...]] = field(default_factory=list)
    opened: int = 0
    held_up: threading.Event | None = None

    def open(self) -> Identity:
        self.opened += 1
        return self

    def get_token(self, *scopes: str) -> GivenToken:
        self.scopes.append(scopes)
        if self.held_up is not None:
            self.held_up.wait(30)
        if self.faults:
            raise self.faults.pop(0)
        expires_on = int((self.now + self.lives).timestamp())
        return GivenToken(f"token-{len(self.scopes)}", expires_on)


async def token_at(authorizer: EntraAuthorizer, identity: Identity, at: datetime) -> Authorization:
    identity.now = at
    return await authorizer.authorize(MESSAGE, at=at)


def tokens(identity: Identity, *seconds: float) -> list[str]:
    """Return what requests are authorized with at some moments."""

    async def ask() -> list[str]:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
        given = [
            await token_at(authorizer, identity, AT + timedelta(seconds=after)) for after in seconds
        ]
        return [g.headers["Authorization"] for g in given]

    return asyncio.run(ask())


def test_request_carries_the_token_and_nothing_else() -> None:
    assert tokens(Identity(), 0) == ["Bearer token-1"]


def test_token_is_asked_for_with_the_scope_of_the_official_client() -> None:
    identity = Identity()
    tokens(identity, 0)
    assert identity.scopes == [("https://communication.azure.com//.default",)]
    assert SCOPE == "https://communication.azure.com//.default"


@pytest.mark.parametrize(
    ("after", "expected"), [(3299, "token-1"), (3300, "token-2"), (3301, "token-2")]
)
def test_token_of_an_hour_is_replaced_five_minutes_ahead(after: int, expected: str) -> None:
    assert tokens(Identity(), 0, after)[1] == f"Bearer {expected}"


@pytest.mark.parametrize(
    ("after", "expected"), [(149, "token-1"), (150, "token-2"), (151, "token-2")]
)
def test_short_token_is_replaced_at_half_its_life(after: int, expected: str) -> None:
    identity = Identity(lives=timedelta(seconds=300))
    assert tokens(identity, 0, after)[1] == f"Bearer {expected}"


def test_good_token_outlives_a_failed_refresh() -> None:
    identity = Identity()

    async def ask() -> list[str]:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
        given = [await token_at(authorizer, identity, AT)]
        identity.faults = [ServiceRequestError("unreachable")]
        given += [
            await token_at(authorizer, identity, AT + timedelta(seconds=after))
            for after in (3300, 3329, 3330)
        ]
        return [g.headers["Authorization"].removeprefix("Bearer ") for g in given]

    # The second asked in vain, the third did not ask so soon again, the fourth did.
    assert asyncio.run(ask()) == ["token-1", "token-1", "token-1", "token-3"]


def test_ended_token_is_never_sent() -> None:
    identity = Identity(lives=timedelta(seconds=60))

    async def ask() -> None:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
        await token_at(authorizer, identity, AT)
        identity.faults = [ServiceRequestError("unreachable")]
        await token_at(authorizer, identity, AT + timedelta(seconds=60))

    with pytest.raises(RetryableFault, match="unreachable"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClientAuthenticationError("no identity has the role\nTroubleshooting: …"), 401),
        (ServiceRequestError("name does not resolve"), None),
    ],
)
def test_refused_identity_is_told_from_a_silent_authority(
    error: Exception, status: int | None
) -> None:
    with pytest.raises(CloudFault) as caught:
        tokens(Identity(faults=[error]), 0)
    assert isinstance(caught.value, RetryableFault)
    assert caught.value.detail.status == status
    assert "Troubleshooting" not in str(caught.value)


def test_fault_of_our_own_is_not_taken_for_the_authoritys() -> None:
    with pytest.raises(ZeroDivisionError):
        tokens(Identity(faults=[ZeroDivisionError()]), 0)


def rejected(identity: Identity, *seconds: float) -> list[str]:
    """Return the tokens at some moments when the service answers 401 to every one."""

    async def ask() -> list[str]:
        authorizer, given = EntraAuthorizer(identity.open, endpoint=ENDPOINT), []
        for after in seconds:
            authorization = await token_at(authorizer, identity, AT + timedelta(seconds=after))
            authorizer.reject(authorization)
            given.append(authorization.headers["Authorization"].removeprefix("Bearer "))
        return given

    return asyncio.run(ask())


def test_refused_token_is_replaced_by_one_of_a_new_credential() -> None:
    identity = Identity()
    assert rejected(identity, 0, 1) == ["token-1", "token-2"]
    assert identity.opened == 2


@pytest.mark.parametrize(("after", "expected"), [(60, "token-2"), (61, "token-3"), (62, "token-3")])
def test_tokens_are_not_replaced_at_every_refusal(after: int, expected: str) -> None:
    # The second was a forced one, at the first second.
    assert rejected(Identity(), 0, 1, after)[2] == expected


def test_refusals_of_one_token_in_flight_together_replace_it_once() -> None:
    identity = Identity()

    async def ask() -> None:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
        first, second = [await token_at(authorizer, identity, AT) for _ in range(2)]
        authorizer.reject(first)
        await token_at(authorizer, identity, AT + timedelta(seconds=1))
        authorizer.reject(second)
        await token_at(authorizer, identity, AT + timedelta(seconds=120))

    asyncio.run(ask())
    assert len(identity.scopes) == 2


def test_many_requests_wait_for_one_token() -> None:
    identity = Identity()

    async def ask() -> set[str]:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(authorizer.authorize(MESSAGE, at=AT)) for _ in range(20)]
        return {task.result().headers["Authorization"] for task in asked}

    assert asyncio.run(ask()) == {"Bearer token-1"}
    assert len(identity.scopes) == 1


def test_token_that_does_not_come_is_a_fault_before_anything_is_sent() -> None:
    identity = Identity(held_up=threading.Event())

    async def ask() -> None:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT, token_seconds=0.01)
        try:
            await authorizer.authorize(MESSAGE, at=AT)
        finally:
            assert identity.held_up is not None
            identity.held_up.set()

    with pytest.raises(RetryableFault, match="no token within"):
        asyncio.run(ask())


def test_token_that_comes_late_is_not_asked_for_twice() -> None:
    identity = Identity(held_up=threading.Event())

    async def ask() -> str:
        authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT, token_seconds=0.01)
        for _ in range(1000):
            try:
                return (await authorizer.authorize(MESSAGE, at=AT)).headers["Authorization"]
            except RetryableFault:
                assert identity.held_up is not None
                identity.held_up.set()
        raise AssertionError

    assert asyncio.run(ask()) == "Bearer token-1"
    assert len(identity.scopes) == 1


def test_token_shows_in_no_repr() -> None:
    identity = Identity()
    authorizer = EntraAuthorizer(identity.open, endpoint=ENDPOINT)
    given = asyncio.run(token_at(authorizer, identity, AT))
    assert "token-1" not in repr(given)
    assert "token-1" not in repr(authorizer)


def test_token_is_given_to_a_stand_in_on_this_machine_without_tls() -> None:
    identity = Identity()
    endpoint = parse_endpoint("http://127.0.0.1:9")
    authorizer = EntraAuthorizer(identity.open, endpoint=endpoint)
    assert asyncio.run(token_at(authorizer, identity, AT)).headers


def test_token_never_travels_in_the_open() -> None:
    # The settings refuse such an endpoint already; a token in the open would be everybody's.
    open_endpoint = type(ENDPOINT)(scheme="http", host="contoso.example", port=None)
    with pytest.raises(ConfigurationError):
        EntraAuthorizer(Identity().open, endpoint=open_endpoint)


def test_storage_is_asked_with_the_token_and_the_resources_name(make_stub: MakeStub) -> None:
    answer = httpx.Response(200, json={"recordingId": "r", "recordingState": "active"})
    stub = make_stub([answer, httpx.Response(200)])

    async def ask() -> None:
        authorizer = EntraAuthorizer(Identity().open, endpoint=ENDPOINT)
        transport = httpx.MockTransport(stub)
        async with AcsClient(ENDPOINT, authorizer, clock=_Clock(), transport=transport) as client:
            await client.fetch_is_active(ServiceRecordingId("r"))
            await client.remove("https://uk-storage.asm.skype.com/v1/objects/0-x")

    asyncio.run(ask())
    operation, removal = stub.requests
    assert operation.headers["authorization"] == "Bearer token-1"
    assert "x-ms-host" not in operation.headers
    assert removal.headers["authorization"] == "Bearer token-1"
    assert removal.headers["x-ms-host"] == "contoso.communication.azure.com"


class _Clock:
    def now_utc(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


def test_identities_need_nobody_to_click(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AZURE_CLIENT_ID": "a",
        "AZURE_TENANT_ID": "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "AZURE_FEDERATED_TOKEN_FILE": "token",
        "AZURE_CLIENT_SECRET": "c",
    }.items():
        monkeypatch.setenv(name, value)
    chain = open_credential("11111111-2222-3333-4444-555555555555")
    assert isinstance(chain, DefaultAzureCredential)
    assert [type(c).__name__ for c in chain.credentials] == [
        "EnvironmentCredential",
        "WorkloadIdentityCredential",
        "ManagedIdentityCredential",
        "AzureCliCredential",
    ]
