"""Sound is exactly who was present while the recording captured, on the right channel."""

import hashlib
import io
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from recordingd.emulator.media import (
    SAMPLE_RATE,
    Chunk,
    SoundPlan,
    Speaker,
    Voice,
    assign_channels,
    cut_chunks,
    derived_hz,
    frames,
    plan_sound,
    wav_header,
    write_wav,
)

Samples = npt.NDArray[np.int16]


def make_chunk(*spans: tuple[float, float]) -> Chunk:
    return Chunk(index=0, spans=spans, end_reason="SessionEnded")


def make_speaker(raw_id: str, hz: int, *sounding: tuple[float, float]) -> Speaker:
    return Speaker(raw_id=raw_id, hz=hz, sounding=sounding)


def samples_of(plan: SoundPlan) -> Samples:
    data = wav_header(len(plan.channels), plan.samples) + b"".join(frames(plan))
    with wave.open(io.BytesIO(data)) as source:
        assert source.getframerate() == SAMPLE_RATE
        assert source.getsampwidth() == 2
        raw = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2")
        return raw.reshape(-1, source.getnchannels())


def tones(track: Samples) -> set[int]:
    """Return the frequencies that carry energy, in hertz; the window must be whole seconds."""
    spectrum = np.abs(np.fft.rfft(track.astype(float)))
    resolution = SAMPLE_RATE / len(track)
    loud = np.nonzero(spectrum > max(spectrum.max() * 0.1, 1000.0))[0]
    return {round(float(index) * resolution) for index in loud}


def test_unmixed_puts_each_participant_on_its_channel() -> None:
    plan = plan_sound(
        make_chunk((100.0, 103.0)),
        [make_speaker("a", 440, (90.0, 110.0)), make_speaker("b", 1000, (101.0, 102.0))],
        {0: "a", 1: "b"},
    )
    samples = samples_of(plan)
    assert samples.shape == (3 * SAMPLE_RATE, 2)
    assert tones(samples[:, 0]) == {440}
    assert tones(samples[SAMPLE_RATE : 2 * SAMPLE_RATE, 1]) == {1000}
    assert not samples[:SAMPLE_RATE, 1].any()
    assert not samples[2 * SAMPLE_RATE :, 1].any()


def test_mixed_sums_everybody_into_one_channel_without_clipping() -> None:
    speakers = [make_speaker(str(hz), hz, (0.0, 2.0)) for hz in (300, 440, 1000, 2975)]
    samples = samples_of(plan_sound(make_chunk((0.0, 2.0)), speakers, {}))
    assert samples.shape[1] == 1
    assert tones(samples[:SAMPLE_RATE, 0]) == {300, 440, 1000, 2975}
    assert np.abs(samples).max() < 32_767


def test_paused_stretch_is_left_out_and_sound_goes_on() -> None:
    plan = plan_sound(
        make_chunk((0.0, 1.0), (11.0, 12.0)), [make_speaker("a", 440, (0.0, 11.5))], {}
    )
    samples = samples_of(plan)
    assert len(samples) == 2 * SAMPLE_RATE
    assert samples[: SAMPLE_RATE * 3 // 2].any(axis=0).all()
    assert not samples[SAMPLE_RATE * 3 // 2 :].any()


def test_reserved_channel_of_an_absent_participant_is_silent() -> None:
    channels = assign_channels([("never", 0)], [], ["a"])
    plan = plan_sound(make_chunk((0.0, 1.0)), [make_speaker("a", 700, (0.0, 1.0))], channels)
    samples = samples_of(plan)
    assert samples.shape == (SAMPLE_RATE, 2)
    assert not samples[:, 0].any()
    assert tones(samples[:, 1]) == {700}


def test_nobody_present_is_silence_of_the_right_length() -> None:
    samples = samples_of(plan_sound(make_chunk((0.0, 0.5)), [], {0: "a"}))
    assert samples.shape == (SAMPLE_RATE // 2, 1)
    assert not samples.any()


def test_wav_file_has_the_reported_size_and_digest(tmp_path: Path) -> None:
    plan = SoundPlan(channels=((Voice(hz=440, spans=((7, 9000),)),),), samples=10_001, level=0.5)
    size, digest = write_wav(plan, tmp_path / "a.wav")
    data = (tmp_path / "a.wav").read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)
    assert size == 44 + 2 * 10_001


@pytest.mark.parametrize(
    ("affinity", "ordering", "heard", "expected"),
    [
        ([], [], ["b", "a"], {0: "b", 1: "a"}),
        ([("a", 3)], [], ["b", "a"], {0: "b", 3: "a"}),
        ([("a", 0)], ["c", "a"], ["b"], {0: "a", 1: "c", 2: "b"}),
        ([("z", None), ("a", 0)], [], [], {0: "a", 1: "z"}),
        ([], [], list("abcdefg"), dict(enumerate("abcde"))),
    ],
)
def test_channels_go_by_affinity_then_ordering_then_first_audio(
    affinity: list[tuple[str, int | None]],
    ordering: list[str],
    heard: list[str],
    expected: dict[int, str],
) -> None:
    assert assign_channels(affinity, ordering, heard) == expected


def test_derived_tones_differ_within_a_call() -> None:
    taken: frozenset[int] = frozenset()
    for number in range(100):
        taken |= {derived_hz(f"8:acs:{number}", taken)}
    assert len(taken) == 100
    assert min(taken) >= 300
    assert max(taken) <= 3000


def test_derived_tone_of_an_id_is_always_the_same() -> None:
    assert derived_hz("8:acs:a", frozenset()) == derived_hz("8:acs:a", frozenset())


@pytest.mark.parametrize(
    ("seconds", "chunks"), [(3599.0, 1), (3600.0, 1), (3601.0, 2), (7200.0, 2), (7200.5, 3)]
)
def test_a_chunk_is_never_longer_than_its_limit(seconds: float, chunks: int) -> None:
    cut = cut_chunks([(50.0, 50.0 + seconds)], 3600.0)
    assert len(cut) == chunks
    assert sum(chunk.seconds for chunk in cut) == pytest.approx(seconds)
    assert [chunk.end_reason for chunk in cut][-1] == "SessionEnded"


def test_chunks_continue_across_pauses() -> None:
    cut = cut_chunks([(0.0, 10.0), (20.0, 30.0)], 3600.0, forced=4)
    assert [chunk.spans for chunk in cut] == [
        ((0.0, 5.0),), ((5.0, 10.0),), ((20.0, 25.0),), ((25.0, 30.0),)
    ]  # fmt: skip
    assert [chunk.end_reason for chunk in cut] == ["ChunkMaximumSizeExceeded"] * 3 + [
        "SessionEnded"
    ]


def test_nothing_captured_makes_no_chunk() -> None:
    assert cut_chunks([], 3600.0) == []
