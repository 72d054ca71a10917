"""Tokens on deliveries, judged as a receiver would: by the published configuration and keys."""

import asyncio
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from recordingd.emulator.app import EventSchema, EventsEntra

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, World

CALLBACK_FAULTS = {
    "algNone": jwt.InvalidAlgorithmError,
    "wrongAudience": jwt.InvalidAudienceError,
    "wrongIssuer": jwt.InvalidIssuerError,
    "expired": jwt.ExpiredSignatureError,
    "notYetValid": jwt.ImmatureSignatureError,
    "noExp": jwt.MissingRequiredClaimError,
    "unknownKid": KeyError,
    "forged": jwt.InvalidSignatureError,
}
ENTRA = EventsEntra(tenant_id="tenant-1", audience="api://recorder")


async def judge(
    world: "World", token: str, configuration_url: str, audience: str
) -> dict[str, Any]:
    """Verify `token` by what its issuer publishes, as the documented recipes do."""
    configuration = (await world.http.get(configuration_url)).json()
    published = (await world.http.get(configuration["jwks_uri"])).json()
    keys = {key["kid"]: jwt.PyJWK(key) for key in published["keys"]}
    header = jwt.get_unverified_header(token)
    if header["alg"] == "none":
        raise jwt.InvalidAlgorithmError
    claims: dict[str, Any] = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["RS256"],
        audience=audience,
        issuer=configuration["issuer"],
        options={"require": ["exp", "iss", "aud"]},
    )
    return claims


async def judge_callback(world: "World", token: str) -> dict[str, Any]:
    ready = world.server.ready
    return await judge(world, token, str(ready["openIdConfiguration"]), str(ready["audience"]))


def bearer(entry: dict[str, Any]) -> str:
    scheme, _, token = entry["headers"].get("authorization", "").partition(" ")
    assert scheme == "Bearer"
    return str(token)


async def callback(world: "World") -> list[dict[str, Any]]:
    """Make a call with a callback URI and return its two deliveries."""
    await world.call("8:acs:a", callbackUri=f"{world.webhook.url}/calls")
    return await world.until(
        lambda: found if len(found := deliveries(world, "/calls")) == 2 else []
    )


def deliveries(world: "World", path: str) -> list[dict[str, Any]]:
    return [entry for entry in world.webhook.received if entry["path"].startswith(path)]


def test_every_callback_has_a_token_of_its_own_for_five_minutes(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(events_to=None) as world:
            first, second = [bearer(entry) for entry in await callback(world)]
            assert first != second
            claims = await judge_callback(world, first)
            assert claims["exp"] - claims["iat"] == 300
            assert claims["iss"] == "https://acscallautomation.communication.azure.com"
            assert claims["iss"] == world.server.ready["issuer"]
            assert claims["aud"] == world.server.emulator.resource_id

    asyncio.run(scene())


def test_recording_callbacks_have_tokens_too(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(events_to=None) as world:
            call = await world.call("8:acs:a")
            uri = f"{world.webhook.url}/recordings"
            await world.start(call, recordingStateCallbackUri=uri)
            (entry,) = await world.until(lambda: deliveries(world, "/recordings"))
            assert await judge_callback(world, bearer(entry))

    asyncio.run(scene())


def test_unsigned_callbacks_are_a_choice(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(events_to=None, has_signed_callbacks=False) as world:
            for entry in await callback(world):
                assert "authorization" not in entry["headers"]
            assert world.server.ready["openIdConfiguration"] is None

    asyncio.run(scene())


@pytest.mark.parametrize("fault", sorted(CALLBACK_FAULTS))
def test_bad_callback_token_is_bad_in_the_named_way(emulate: "Emulate", fault: str) -> None:
    async def scene() -> None:
        async with emulate(events_to=None) as world:
            await world.fault(f"callbacks.{fault}", match={"type": "CallConnected"})
            bad, good = await callback(world)
            with pytest.raises(CALLBACK_FAULTS[fault]):
                await judge_callback(world, bearer(bad))
            assert await judge_callback(world, bearer(good))

    asyncio.run(scene())


def test_token_may_be_missing_or_that_of_the_callback_before(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(events_to=None) as world:
            await world.fault("callbacks.replayed")
            first, second = await callback(world)
            assert bearer(first) == bearer(second)
            await world.fault("callbacks.unsigned")
            await world.call("8:acs:b", callbackUri=f"{world.webhook.url}/later")
            (entry, *_) = await world.until(lambda: deliveries(world, "/later"))
            assert "authorization" not in entry["headers"]

    asyncio.run(scene())


@pytest.mark.parametrize("keep_old", [True, False])
def test_rotated_callback_keys(emulate: "Emulate", keep_old: bool) -> None:  # noqa: FBT001  a case
    async def scene() -> None:
        async with emulate(events_to=None) as world:
            old = bearer((await callback(world))[0])
            made = await world.post("/callback-keys/rotate", keepOld=keep_old)
            await world.call("8:acs:b", callbackUri=f"{world.webhook.url}/later")
            (entry, *_) = await world.until(lambda: deliveries(world, "/later"))
            assert jwt.get_unverified_header(bearer(entry))["kid"] == made["kid"]
            assert await judge_callback(world, bearer(entry))
            if keep_old:
                assert await judge_callback(world, old)
            else:
                with pytest.raises(KeyError):
                    await judge_callback(world, old)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("version", "caller"), [(1, "appid"), (2, "azp")], ids=["version 1", "version 2"]
)
def test_events_carry_tokens_of_the_directory(
    emulate: "Emulate", version: int, caller: str
) -> None:
    entra = EventsEntra(
        tenant_id="t-1", audience="api://r", application_id="app-1", version=version
    )

    async def scene() -> None:
        async with emulate(events_entra=entra) as world:
            described: Any = world.server.ready["eventsEntra"]
            await world.call("8:acs:a")
            await world.until(lambda: len(world.webhook.received) == 2)
            for entry in world.webhook.received:
                claims = await judge(
                    world, bearer(entry), described["openIdConfiguration"], "api://r"
                )
                assert claims["iss"] == described["issuer"]
                assert (claims["tid"], claims[caller]) == ("t-1", "app-1")
            assert all("authorization" in headers for headers in world.webhook.handshakes)

    asyncio.run(scene())


@pytest.mark.parametrize("fault", [*sorted(CALLBACK_FAULTS), "wrongCaller"])
def test_bad_event_token_is_bad_in_the_named_way(emulate: "Emulate", fault: str) -> None:
    async def scene() -> None:
        async with emulate(events_entra=ENTRA) as world:
            described: Any = world.server.ready["eventsEntra"]
            await world.fault(f"events.{fault}", match={"type": "CallStarted"})
            await world.call("8:acs:a")
            bad = (await world.until(lambda: world.webhook.received))[0]
            async with asyncio.timeout(5):
                if fault == "wrongCaller":
                    claims = await judge(
                        world, bearer(bad), described["openIdConfiguration"], ENTRA.audience
                    )
                    assert claims["azp"] != ENTRA.application_id
                    return
                with pytest.raises(CALLBACK_FAULTS[fault]):
                    await judge(
                        world, bearer(bad), described["openIdConfiguration"], ENTRA.audience
                    )

    asyncio.run(scene())


@pytest.mark.parametrize("schema", list(EventSchema))
def test_waiting_events_go_out_together(emulate: "Emulate", schema: EventSchema) -> None:
    async def scene() -> None:
        async with emulate(events_batch=3, event_schema=schema, validates=False) as world:
            call = await world.call("8:acs:a", "8:acs:b")
            await world.leave_or_end(call["serverCallId"])
            world.webhook.validates = True
            await world.until(lambda: len(world.webhook.events) == 6)
            assert [len(entry["body"]) for entry in world.webhook.received] == [3, 3]
            kinds = {entry["headers"]["content-type"] for entry in world.webhook.received}
            expected = {
                EventSchema.EVENT_GRID: "application/json; charset=utf-8",
                EventSchema.CLOUD_EVENTS: "application/cloudevents-batch+json; charset=utf-8",
            }[schema]
            assert kinds == {expected}

    asyncio.run(scene())


def test_refused_batch_is_delivered_again_as_a_whole(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(events_batch=10, statuses=[503], validates=False) as world:
            await world.call("8:acs:a", "8:acs:b")
            world.webhook.validates = True
            await world.until(lambda: len(world.webhook.events) == 3)
            refused = world.webhook.received[0]
            assert len(refused["body"]) == 3
            ids = {event["id"] for event in refused["body"]}
            assert {event["id"] for event in world.webhook.events} == ids

    asyncio.run(scene())
