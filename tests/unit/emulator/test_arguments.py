import argparse
from collections.abc import Callable

import pytest

from recordingd.emulator import arguments
from recordingd.emulator.options import EVENT_GRID_APPLICATION, EventsEntra


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (arguments.address, "127.0.0.1:80", ("127.0.0.1", 80)),
        (arguments.address, "[::1]:0", ("::1", 0)),
        (arguments.account_key, "name=a2V5PQ==", ("name", "a2V5PQ==")),
        (arguments.count, "1", 1),
        (arguments.count, "5000", 5000),
        (arguments.duration, "500ms", 0.5),
        (arguments.duration, "10s", 10.0),
        (arguments.duration, "1.5m", 90.0),
        (arguments.duration, "2h", 7200.0),
        (
            arguments.events_entra,
            "tenant=t,audience=api://a",
            EventsEntra(
                tenant_id="t", audience="api://a", application_id=EVENT_GRID_APPLICATION, version=2
            ),
        ),
        (
            arguments.events_entra,
            "audience=a,version=1,tenant=t,application=p",
            EventsEntra(tenant_id="t", audience="a", application_id="p", version=1),
        ),
    ],
)
def test_argument_is_read(read: Callable[[str], object], text: str, expected: object) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (arguments.address, "127.0.0.1"),
        (arguments.address, ":80"),
        (arguments.address, "127.0.0.1:65536"),
        (arguments.account_key, "a2V5"),
        (arguments.account_key, "=a2V5"),
        (arguments.account_key, "name=!"),
        (arguments.count, "0"),
        (arguments.count, "5001"),
        (arguments.count, "x"),
        (arguments.duration, "10"),
        (arguments.duration, "ten s"),
        (arguments.duration, "-1s"),
        (arguments.storage_url, "https://contoso.queue.core.windows.net"),
        (arguments.events_entra, "tenant=t"),
        (arguments.events_entra, "tenant=t,audience="),
        (arguments.events_entra, "tenant=t,audience=a,else=x"),
        (arguments.events_entra, "tenant=t,audience=a,version=3"),
        (arguments.positive, "0"),
        (arguments.positive, "nan"),
    ],
)
def test_wrong_argument_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        read(text)


def test_refused_account_key_is_not_shown() -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        arguments.account_key("c2VjcmV0")
    assert "c2VjcmV0" not in str(caught.value)
