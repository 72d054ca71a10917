from __future__ import annotations

import pytest

from recordingd.domain.policies import Channels, Content, MediaFormat
from recordingd.planning.sizes import DOCUMENTED, Rates, Shape, bytes_in_words

MP3 = Shape(content=Content.AUDIO, channels=Channels.MIXED, format=MediaFormat.MP3)
WAV = Shape(content=Content.AUDIO, channels=Channels.MIXED, format=MediaFormat.WAV)


def test_rate_is_that_of_all_samples_together() -> None:
    rates = Rates.measured([(MP3, 600, 100.0), (MP3, 400, 100.0)])

    assert rates.bytes_of(MP3, 10.0) == 50


@pytest.mark.parametrize("samples", [[], [(MP3, 100, 0.0)]])
def test_shape_of_which_nothing_is_known_has_no_size(
    samples: list[tuple[Shape, int, float]],
) -> None:
    assert Rates.measured(samples).bytes_of(MP3, 10.0) is None


def test_documented_rate_stands_in_and_says_so() -> None:
    rate = Rates.measured([]).find(WAV)

    assert rate is not None
    assert (rate.bytes_per_second, rate.is_measured) == (DOCUMENTED[WAV], False)


def test_measured_rate_outranks_the_documented_one() -> None:
    rate = Rates.measured([(WAV, 3_300_000, 100.0)]).find(WAV)

    assert rate is not None
    assert (rate.bytes_per_second, rate.is_measured) == (33_000, True)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (50_000_000_000, "50.0 GB"),
        (7_000_000_000_000_000_000, "7000.0 PB"),
    ],
)
def test_bytes_are_written_for_people(count: int, words: str) -> None:
    assert bytes_in_words(count) == words
