"""How long the service asks to be left alone, in every form it may say so."""

from __future__ import annotations

import asyncio

import pytest
from tests.conformance.emulated import Emulated
from tests.conformance.ours import client_of, plain_start

from recordingd.acs.exchange import ExchangeOptions
from recordingd.domain.errors import RetryableFault


@pytest.mark.parametrize(
    ("given", "as_date", "least", "most"),
    [
        ("7", False, 7.0, 7.0),
        ("0", False, 0.0, 0.0),
        ("86400", False, 300.0, 300.0),
        # A date has whole seconds, and a little time passes until it is read.
        ("60", True, 50.0, 60.0),
        ("86400", True, 300.0, 300.0),
        ("-3600", True, 0.0, 0.0),
    ],
)
def test_wait_is_read_and_clamped(
    given: str, *, as_date: bool, least: float, most: float, service: Emulated
) -> None:
    call = service.create_call()["serverCallId"]
    service.fault("start.429", params={"retryAfter": given, "asDate": as_date})

    async def start() -> float | None:
        exchange = ExchangeOptions(ca_file=service.ca_path)
        async with client_of(service, exchange=exchange) as client:
            with pytest.raises(RetryableFault) as caught:
                await client.start(plain_start(call))
        return caught.value.detail.delay_seconds

    seconds = asyncio.run(start())
    assert seconds is not None
    assert least <= seconds <= most
