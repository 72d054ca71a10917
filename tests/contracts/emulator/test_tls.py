"""The certificates that are served: the names they cover, and the ones clients must refuse."""

import asyncio
import ssl

import pytest

from recordingd.emulator.app import EmulatorOptions, EmulatorServer, TlsFault

RESOURCE = "contoso.communication.azure.com"
HOSTS = ("us-storage.asm.skype.com", "uk-storage.asm.skype.com")


async def greet(server: EmulatorServer, name: str) -> None:
    """Shake hands with the service as a client that wants `name`; raises ssl.SSLError."""
    context = ssl.create_default_context(cafile=str(server.ready["caFile"]))
    port = int(str(server.ready["endpoint"]).rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    writer.transport.abort()
    await asyncio.sleep(0)


@pytest.mark.parametrize("name", [*HOSTS, RESOURCE, "localhost", "127.0.0.1"])
def test_certificate_covers_resource_storage_and_loopback(name: str) -> None:
    async def scene() -> None:
        options = EmulatorOptions(tls=True, resource_host=RESOURCE, storage_hosts=HOSTS)
        async with EmulatorServer(options) as server:
            assert str(server.ready["endpoint"]).startswith("https://127.0.0.1:")
            await greet(server, name)

    asyncio.run(scene())


def test_certificate_covers_no_other_name() -> None:
    async def scene() -> None:
        async with EmulatorServer(EmulatorOptions(tls=True)) as server:
            with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
                await greet(server, RESOURCE)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (TlsFault.EXPIRED, "expired"),
        (TlsFault.UNTRUSTED, "certificate verify failed"),
        (TlsFault.WRONG_NAME, "mismatch"),
    ],
)
def test_spoiled_certificate_is_refused_for_the_named_reason(fault: TlsFault, reason: str) -> None:
    async def scene() -> None:
        async with EmulatorServer(EmulatorOptions(tls=True, tls_fault=fault)) as server:
            with pytest.raises(ssl.SSLCertVerificationError, match=reason):
                await greet(server, "127.0.0.1")

    asyncio.run(scene())
