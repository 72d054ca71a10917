"""The soft checks that make a stored file suspect."""

from __future__ import annotations

import pytest
from tests.factories import make_file, make_running

from recordingd.domain.policies import Channels
from recordingd.planning.verification import find_suspicion


def suspicion(
    *,
    lasts_ms: int = 60_000,
    channels: int | None = 1,
    kind: Channels = Channels.MIXED,
    listed: int | None = None,
) -> str | None:
    file = make_file(has_metadata=True, metadata_duration_ms=60_000, metadata_channels=listed)
    return find_suspicion(
        make_running(channels=kind), file, duration_ms=lasts_ms, audio_channels=channels
    )


@pytest.mark.parametrize(
    ("lasts_ms", "is_suspect"),
    [
        (57_999, True),
        (58_000, False),
        (58_001, False),
        (61_999, False),
        (62_000, False),
        (62_001, True),
    ],
)
def test_file_lasts_as_long_as_its_metadata_says_give_or_take_two_seconds(
    lasts_ms: int, *, is_suspect: bool
) -> None:
    assert (suspicion(lasts_ms=lasts_ms) is not None) is is_suspect


@pytest.mark.parametrize(("channels", "is_suspect"), [(1, False), (2, True), (None, False)])
def test_mixed_audio_has_one_channel(channels: int | None, *, is_suspect: bool) -> None:
    assert (suspicion(channels=channels) is not None) is is_suspect


@pytest.mark.parametrize(
    ("channels", "listed", "is_suspect"),
    [
        (1, 2, True),
        (2, 2, False),
        (3, 2, False),
        (5, None, False),
        (6, None, True),
        (None, 2, False),
    ],
)
def test_unmixed_audio_has_every_listed_channel_and_no_more_than_there_are(
    channels: int | None, listed: int | None, *, is_suspect: bool
) -> None:
    found = suspicion(channels=channels, kind=Channels.UNMIXED, listed=listed)

    assert (found is not None) is is_suspect


def test_file_without_metadata_is_suspect() -> None:
    assert find_suspicion(make_running(), make_file(), duration_ms=1, audio_channels=1) == (
        "the service gave no metadata to compare with"
    )


def test_metadata_without_a_duration_says_nothing_against_a_file() -> None:
    file = make_file(has_metadata=True)

    assert find_suspicion(make_running(), file, duration_ms=1, audio_channels=1) is None
