"""The transition table of recordings: complete, and right row by row."""

import itertools

import pytest

from recordingd.emulator.state import (
    OVER,
    TRANSITIONS,
    Intervals,
    Outcome,
    Participant,
    RecordingEvent,
    RecordingState,
    overlaps,
    wire_state,
)

ALL_PAIRS = list(itertools.product(RecordingState, RecordingEvent))


@pytest.mark.parametrize(("state", "event"), ALL_PAIRS)
def test_every_pair_of_state_and_event_has_a_row(
    state: RecordingState, event: RecordingEvent
) -> None:
    row = TRANSITIONS[state, event]
    assert (row.target is state) == (row.outcome is not Outcome.CHANGED)


@pytest.mark.parametrize("event", RecordingEvent)
@pytest.mark.parametrize("state", [s for s in RecordingState if s in OVER])
def test_nothing_leads_out_of_an_end(state: RecordingState, event: RecordingEvent) -> None:
    assert TRANSITIONS[state, event].target is state


@pytest.mark.parametrize(
    "event", [RecordingEvent.PAUSE, RecordingEvent.RESUME, RecordingEvent.STOP]
)
@pytest.mark.parametrize("state", RecordingState)
def test_operations_are_not_found_exactly_when_it_is_over(
    state: RecordingState, event: RecordingEvent
) -> None:
    assert (TRANSITIONS[state, event].outcome is Outcome.NOT_FOUND) == (state in OVER)


@pytest.mark.parametrize("event", [RecordingEvent.STOP, RecordingEvent.CALL_ENDED])
@pytest.mark.parametrize("state", [s for s in RecordingState if s not in OVER])
def test_stop_and_end_of_call_end_every_living_recording(
    state: RecordingState, event: RecordingEvent
) -> None:
    assert TRANSITIONS[state, event].target is RecordingState.ENDED


def test_only_active_reads_as_active() -> None:
    assert [s for s in RecordingState if wire_state(s) == "active"] == [RecordingState.ACTIVE]


def test_a_pause_before_activation_leads_to_paused() -> None:
    state = TRANSITIONS[RecordingState.STARTING, RecordingEvent.PAUSE].target
    assert TRANSITIONS[state, RecordingEvent.ACTIVATE].target is RecordingState.PAUSED


def test_open_interval_ends_at_the_asked_moment() -> None:
    intervals = Intervals()
    intervals.open(1.0)
    intervals.close(2.0)
    intervals.open(3.0)
    assert intervals.spans(5.0) == [(1.0, 2.0), (3.0, 5.0)]


def test_empty_intervals_are_dropped() -> None:
    intervals = Intervals()
    intervals.open(1.0)
    intervals.close(1.0)
    assert intervals.spans(9.0) == []


def test_speech_sounds_only_while_present() -> None:
    party = Participant(
        raw_id="8:acs:a", participant_id="p", hz=440, display_name="", role="",
        joined_at=10.0, speech=((1.0, 2.0), (4.0, 9.0)),
    )  # fmt: skip
    party.presence.open(10.0)
    party.presence.close(15.0)
    assert party.sounding(20.0) == [(11.0, 12.0), (14.0, 15.0)]


def test_overlaps_are_cut_to_the_span() -> None:
    assert overlaps((2.0, 4.0), [(0.0, 2.0), (1.0, 3.0), (3.5, 9.0)]) == [(2.0, 3.0), (3.5, 4.0)]
