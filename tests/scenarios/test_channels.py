"""Listen to what was archived: who is on which channel, and what is not there at all.

Every participant of the emulator is a sine of its own, so a file tells who can be heard in it.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import CONSENT_LINE, MIXED_LINE, UNMIXED_LINE

from recordingd.runtime.system import SystemClock

Samples = npt.NDArray[np.float64]

AGENT_HZ, CUSTOMER_HZ, EARLY_HZ = 1000, 440, 1700
AGENT: Json = {"id": "8:acs:agent-9", "hz": AGENT_HZ}
CUSTOMER: Json = {"id": "8:acs:customer-9", "hz": CUSTOMER_HZ}
# Shares of full scale. A voice has half of it alone and at least a quarter in a mix of three; what
# a window that holds no whole number of periods leaks is far below the other bound.
HEARD, SILENT = 0.1, 0.01
FULL_SCALE = 32_768


@dataclass(frozen=True, slots=True)
class Sound:
    """A wav file: one row of samples for each channel, from -1 to 1."""

    channels: Samples
    rate: int

    @classmethod
    def of(cls, recording: Json) -> Sound:
        (file,) = recording["files"]
        with wave.open(file["path"], "rb") as source:
            assert source.getsampwidth() == 2
            frames = source.readframes(source.getnframes())
            samples = np.frombuffer(frames, dtype="<i2").astype(np.float64) / FULL_SCALE
            return cls(samples.reshape(-1, source.getnchannels()).T, source.getframerate())

    @property
    def milliseconds(self) -> float:
        return float(self.channels.shape[1] * 1000 / self.rate)

    def level(self, channel: int, hz: int) -> float:
        """Return the amplitude of a tone on a channel, by its bin of the Fourier transform."""
        samples = self.channels[channel]
        # Whole seconds have a bin for every whole number of hertz; the rest is filled with silence.
        seconds = -(-len(samples) // self.rate)
        spectrum = np.fft.rfft(samples, seconds * self.rate)
        return float(np.abs(spectrum[hz * seconds])) * 2 / len(samples)

    def is_heard(self, channel: int, hz: int) -> bool:
        """Say whether a tone is there or not; a test fails on what is neither."""
        level = self.level(channel, hz)
        assert level > HEARD or level < SILENT, f"{hz} Hz at {level} on channel {channel}"
        return level > HEARD


def heard(sound: Sound, *tones: int) -> list[set[int]]:
    """Return for every channel which of some tones are heard on it."""
    rows = range(sound.channels.shape[0])
    return [{hz for hz in tones if sound.is_heard(row, hz)} for row in rows]


def test_channel_0_of_an_unmixed_recording_carries_the_agent_alone(house: Stage) -> None:
    recording = house.play(UNMIXED_LINE, CUSTOMER, AGENT, milliseconds=1000)
    sound = Sound.of(recording)
    assert heard(sound, AGENT_HZ, CUSTOMER_HZ) == [{AGENT_HZ}, {CUSTOMER_HZ}]
    assert recording["files"][0]["audioChannels"] == 2


def test_channel_0_carries_the_agent_who_came_late_and_second(house: Stage) -> None:
    call = house.begin_call(UNMIXED_LINE, CUSTOMER)
    house.until_state(call, "expected")
    assert house.emulator.recordings_of(call) == []
    house.join(call, AGENT)
    house.until_captured(call, 1000)
    house.end_call(call)
    sound = Sound.of(house.until_kept(call))
    assert heard(sound, AGENT_HZ, CUSTOMER_HZ) == [{AGENT_HZ}, {CUSTOMER_HZ}]


def test_a_mixed_recording_carries_everybody_on_its_one_channel(house: Stage) -> None:
    sound = Sound.of(house.play(MIXED_LINE, CUSTOMER, AGENT, milliseconds=1000))
    assert heard(sound, AGENT_HZ, CUSTOMER_HZ) == [{AGENT_HZ, CUSTOMER_HZ}]


def test_a_consented_recording_holds_nothing_of_the_time_before_the_grant(
    house: Stage,
) -> None:
    early: Json = {"id": "8:acs:early", "hz": EARLY_HZ, "speech": [[0, 1]]}
    call = house.begin_call(CONSENT_LINE, CUSTOMER, AGENT, early)
    house.until(paused_for(house, call, 1200), "it was silent while somebody spoke")
    granted_at = SystemClock().now_utc()
    house.consent(call)
    house.until_captured(call, 1000)
    house.end_call(call)
    sound = Sound.of(house.until_kept(call))
    assert heard(sound, AGENT_HZ, CUSTOMER_HZ, EARLY_HZ) == [{AGENT_HZ, CUSTOMER_HZ}]
    (on_service,) = house.emulator.recordings_of(call)
    ((captured_from, _),) = on_service["capturedAt"]
    assert datetime.fromisoformat(captured_from) >= granted_at
    assert abs(sound.milliseconds - house.captured_ms(call)) <= 1


def test_durations_in_the_ledger_are_those_of_the_sound(house: Stage) -> None:
    recording = house.play(MIXED_LINE, milliseconds=700)
    (file,) = recording["files"]
    assert file["durationMs"] == round(Sound.of(recording).milliseconds)
    assert abs(file["durationMs"] - house.captured_ms(recording["serverCallId"])) <= 1


def paused_for(stage: Stage, call: str, milliseconds: int) -> Callable[[], bool]:
    def is_so() -> bool:
        spans = [s for r in stage.emulator.recordings_of(call) for s in r["pausedMs"]]
        return bool(sum(end - start for start, end in spans) >= milliseconds)

    return is_so
