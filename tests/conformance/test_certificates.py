"""A certificate that must be refused is told from a host that is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tests.conformance.emulated import Emulated, emulating
from tests.conformance.ours import client_of, plain_start

from recordingd.acs.client import AcsClient
from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.errors import AmbiguousFault, CloudFault, RetryableFault
from recordingd.domain.recordings import ServiceRecordingId

RECORDING = ServiceRecordingId("eyJQ")
Ask = Callable[[AcsClient], Awaitable[object]]


@pytest.fixture(scope="module")
def secure() -> Iterator[Emulated]:
    with emulating("--tls") as service:
        yield service


def trusting(service: Emulated) -> ExchangeOptions:
    return ExchangeOptions(ca_file=service.ca_path)


def fault_of(service: Emulated, ask: Ask, exchange: ExchangeOptions) -> CloudFault:
    """Ask something of the service and return the fault that it ended with."""

    async def inside() -> CloudFault:
        async with client_of(service, exchange=exchange) as client:
            with pytest.raises(CloudFault) as caught:
                await ask(client)
        # A refused connection is closed in the turns of the loop that follow.
        await asyncio.sleep(0.01)
        return caught.value

    return asyncio.run(inside())


async def start(client: AcsClient) -> None:
    await client.start(plain_start())


async def read_state(client: AcsClient) -> None:
    await client.fetch_is_active(RECORDING)


async def stop(client: AcsClient) -> None:
    await client.stop(RECORDING)


EVERY = [start, read_state, stop]


@contextmanager
def refusable(kind: str) -> Iterator[Emulated]:
    with emulating("--tls", "--tls-fault", kind) as service:
        yield service


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("untrusted", "unable to get local issuer certificate"),
        ("expired", "certificate has expired"),
        ("wrongName", "not valid for '127.0.0.1'"),
    ],
)
def test_refused_certificate_is_named_with_its_reason(kind: str, why: str) -> None:
    with refusable(kind) as service:
        for ask in EVERY:
            fault = fault_of(service, ask, trusting(service))
            # Not one byte of the request left: whoever renews the certificate loses nothing.
            assert type(fault) is RetryableFault
            assert fault.detail.status is None
            assert fault.detail.message.startswith("certificate refused: ")
            assert why in fault.detail.message
        assert service.ask("GET", "/requests") == []


def test_private_authority_that_is_not_named_is_refused(secure: Emulated) -> None:
    fault = fault_of(secure, read_state, ExchangeOptions())
    assert type(fault) is RetryableFault
    assert fault.detail.message.startswith("certificate refused: ")


@pytest.mark.parametrize(
    ("ask", "kind"), [(start, AmbiguousFault), (read_state, RetryableFault), (stop, AmbiguousFault)]
)
def test_slow_host_is_a_timeout(ask: Ask, kind: type[CloudFault], secure: Emulated) -> None:
    secure.fault("service.slow", params={"seconds": 5})
    impatient = replace(trusting(secure), connect_seconds=0.4, operation_seconds=0.5)
    fault = fault_of(secure, ask, impatient)
    assert type(fault) is kind
    assert fault.detail.status is None
    assert fault.detail.message == "no answer within 0.5 s"
