"""How long to wait after a number of tries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recordingd.planning.backoff import backed_off


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (1_000, 10)]
)
def test_waiting_doubles_up_to_a_limit(tries: int, seconds: int) -> None:
    one, ten = timedelta(seconds=1), timedelta(seconds=10)

    assert backed_off(tries, first=one, longest=ten) == timedelta(seconds=seconds)
