"""Access tokens of the emulated directory, fetched by azure-identity's own credentials."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.communication.callautomation import CallAutomationClient
from azure.communication.callautomation.aio import CallAutomationClient as AioClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import (
    ClientSecretCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import ClientSecretCredential as AioClientSecretCredential

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate, World

SCOPE = "https://communication.azure.com//.default"
Fetch = Callable[["World", pytest.MonkeyPatch, Path], TokenCredential]


def entra(world: "World") -> dict[str, Any]:
    described: Any = world.server.ready["entra"]
    return dict(described)


def trusted(world: "World") -> dict[str, Any]:
    return {
        "connection_verify": world.server.ready["caFile"],
        "authority": entra(world)["authority"],
        "disable_instance_discovery": True,
    }


def client_secret(world: "World", secret: str | None = None) -> ClientSecretCredential:
    given = entra(world)
    return ClientSecretCredential(
        given["tenantId"], given["clientId"], secret or given["clientSecret"], **trusted(world)
    )


def environment(world: "World", patch: pytest.MonkeyPatch, _: Path) -> TokenCredential:
    given = entra(world)
    patch.setenv("AZURE_TENANT_ID", given["tenantId"])
    patch.setenv("AZURE_CLIENT_ID", given["clientId"])
    patch.setenv("AZURE_CLIENT_SECRET", given["clientSecret"])
    patch.setenv("AZURE_AUTHORITY_HOST", given["authority"])
    return EnvironmentCredential(
        connection_verify=world.server.ready["caFile"], disable_instance_discovery=True
    )


def workload(world: "World", patch: pytest.MonkeyPatch, folder: Path) -> TokenCredential:
    assertion = folder / "assertion"
    assertion.write_text("signed.by.somebody", encoding="utf-8")
    given = entra(world)
    patch.setenv("AZURE_AUTHORITY_HOST", given["authority"])
    return WorkloadIdentityCredential(
        tenant_id=given["tenantId"],
        client_id=given["clientId"],
        token_file_path=str(assertion),
        connection_verify=world.server.ready["caFile"],
        disable_instance_discovery=True,
    )


def app_service(world: "World", patch: pytest.MonkeyPatch, _: Path) -> TokenCredential:
    patch.setenv("IDENTITY_ENDPOINT", entra(world)["identityEndpoint"])
    patch.setenv("IDENTITY_HEADER", entra(world)["identityHeader"])
    return ManagedIdentityCredential()


def machine(world: "World", patch: pytest.MonkeyPatch, _: Path) -> TokenCredential:
    patch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra(world)["machineEndpoint"])
    return ManagedIdentityCredential()


CREDENTIALS: dict[str, Fetch] = {
    "client_secret": lambda world, _patch, _folder: client_secret(world),
    "environment": environment,
    "client_assertion": workload,
    "app_service": app_service,
    "machine": machine,
}


async def bearer_get(world: "World", token: str, path: str = "/none") -> httpx.Response:
    context = ssl.create_default_context(cafile=str(world.server.ready["caFile"]))
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        return await client.get(
            f"{world.endpoint}/calling/recordings{path}?api-version=2026-03-12",
            headers={"authorization": f"Bearer {token}"},
        )


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_credentials_fetch_tokens_that_open_the_service(
    emulate: "Emulate", monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            credential = CREDENTIALS[name](world, monkeypatch, tmp_path)
            token = await asyncio.to_thread(credential.get_token, SCOPE)
            answer = await bearer_get(world, token.token)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "8522")
            (issued,) = (await world.control.get("/tokens")).json()
            assert issued["grant"] == {"environment": "client_secret"}.get(name, name)
            assert issued["audience"] == "https://communication.azure.com"

    asyncio.run(scene())


def test_asynchronous_credential_works_too(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            given = entra(world)
            async with AioClientSecretCredential(
                given["tenantId"], given["clientId"], given["clientSecret"], **trusted(world)
            ) as credential:
                token = await credential.get_token(SCOPE)
                assert (await bearer_get(world, token.token)).status_code == 404

    asyncio.run(scene())


def test_official_client_works_with_a_token_credential(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            call = await world.call("8:acs:a")

            def use() -> None:
                with CallAutomationClient(
                    world.endpoint,
                    client_secret(world),
                    connection_verify=str(world.server.ready["caFile"]),
                ) as client:
                    started = client.start_recording(
                        server_call_id=call["serverCallId"],
                        recording_content_type="audio",
                        recording_channel_type="mixed",
                        recording_format_type="wav",
                    )
                    client.stop_recording(str(started.recording_id))

            await asyncio.to_thread(use)
            (recording,) = await world.recordings()
            assert recording["state"] == "ended"

    asyncio.run(scene())


def test_token_opens_storage_only_for_the_named_resource(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            chunk = await world.made_file()
            token = (await world.post("/tokens"))["accessToken"]
            headers = {"authorization": f"Bearer {token}"}
            url = chunk["contentLocation"]
            assert (await world.http.get(url, headers=headers)).status_code == 401
            named = headers | {"x-ms-host": "127.0.0.1"}
            assert (await world.http.get(url, headers=named)).status_code == 200
            foreign = headers | {"x-ms-host": "fabrikam.communication.azure.com"}
            assert (await world.http.get(url, headers=foreign)).status_code == 401

    asyncio.run(scene())


@pytest.mark.parametrize(
    "order",
    [
        {"audience": "https://storage.azure.com"},
        {"expiresInSeconds": -1},
        {"expiresInSeconds": 0},
    ],
    ids=["another audience", "expired", "expiring now"],
)
def test_minted_token_that_does_not_fit_is_refused(
    emulate: "Emulate", order: dict[str, Any]
) -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            token = (await world.post("/tokens", **order))["accessToken"]
            answer = await bearer_get(world, token)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "7501")

    asyncio.run(scene())


@pytest.mark.parametrize("version", [1, 2])
def test_minted_token_opens_until_its_key_is_withdrawn(emulate: "Emulate", version: int) -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            made = await world.post("/tokens", version=version)
            assert (await bearer_get(world, made["accessToken"])).status_code == 404
            await world.post("/entra-keys/rotate")
            assert (await bearer_get(world, made["accessToken"])).status_code == 404
            await world.post("/entra-keys/rotate", keepOld=False)
            assert (await bearer_get(world, made["accessToken"])).status_code == 401

    asyncio.run(scene())


def test_wrong_secret_and_denied_client_get_no_token(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
                await asyncio.to_thread(client_secret(world, "wrong").get_token, SCOPE)
            await world.fault("tokens.denied")
            with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
                await asyncio.to_thread(client_secret(world).get_token, SCOPE)
            assert (await world.control.get("/tokens")).json() == []

    asyncio.run(scene())


def test_short_lived_token_is_told_as_such(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            await world.fault("tokens.life", seconds=7)
            await asyncio.to_thread(client_secret(world).get_token, SCOPE)
            (issued,) = (await world.control.get("/tokens")).json()
            assert issued["lifeSeconds"] == 7

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/msi/token?resource=r", {}, 401),
        ("/metadata/identity/oauth2/token?resource=r", {}, 400),
        ("/metadata/identity/oauth2/token", {"Metadata": "true"}, 400),
        ("/metadata/identity/oauth2/token?resource=r&client_id=x", {"Metadata": "true"}, 400),
    ],
    ids=["no header", "no metadata header", "no resource", "unknown identity"],
)
def test_managed_identity_endpoints_refuse(
    emulate: "Emulate", path: str, headers: dict[str, str], status: int
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            assert (await world.control.get(path, headers=headers)).status_code == status

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"client_id": "other"}, "invalid_client"),
    ],
)
def test_token_endpoint_names_what_is_wrong(
    emulate: "Emulate", change: dict[str, str], error: str
) -> None:
    async def scene() -> None:
        async with emulate() as world:
            given = entra(world)
            form = {
                "grant_type": "client_credentials",
                "client_id": given["clientId"],
                "client_secret": given["clientSecret"],
                "scope": SCOPE,
            }
            url = f"{world.endpoint}/{given['tenantId']}/oauth2/v2.0/token"
            assert (await world.http.post(url, data=form)).status_code == 200
            answer = await world.http.post(url, data=form | change)
            assert answer.json()["error"] == error

    asyncio.run(scene())


def test_aio_client_with_wrong_key_is_refused_over_tls(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate(tls=True) as world:
            connection = f"endpoint={world.endpoint};accesskey=d3Jvbmc="
            ca_file = str(world.server.ready["caFile"])
            async with AioClient.from_connection_string(
                connection, connection_verify=ca_file
            ) as client:
                with pytest.raises(ClientAuthenticationError, match="7509"):
                    await client.get_recording_properties("x")
            async with AioClient.from_connection_string(
                str(world.server.ready["connectionString"]), connection_verify=ca_file
            ) as client:
                with pytest.raises(ResourceNotFoundError, match="8522"):
                    await client.get_recording_properties("x")

    asyncio.run(scene())
