"""One event at a time folded into what is known of a call."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import (
    ABOUT,
    ABOUT_RECORDING,
    ALICE,
    BOB,
    RECORDING,
    SERVER_CALL_ID,
    T0,
    after,
    folded,
    make_facts,
    make_party,
    make_reading,
    make_running,
    token_of,
)

from recordingd.domain.calls import (
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallEvent,
    CallReference,
    CallStarted,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    Direction,
    EventIgnored,
    IncomingCall,
    MomentTold,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    Party,
    RecordingStateChanged,
)
from recordingd.domain.recordings import (
    CallFacts,
    Recording,
)
from recordingd.planning.facts import fold
from recordingd.planning.transitions import token_hash

BY_ID = ABOUT_RECORDING
BY_OTHER_ID = CallReference(server_call_id=SERVER_CALL_ID, recording_id="service-recording-2")
BY_TOKEN = CallReference(
    recording_id="service-recording-2", callback_token_hash=token_hash(token_of(RECORDING))
)
BY_CONNECTION = CallReference(server_call_id=SERVER_CALL_ID, connection_id="connection-1")


def state(*, is_active: bool, at: datetime, about: CallReference = BY_ID) -> RecordingStateChanged:
    return RecordingStateChanged(about=about, at=at, is_active=is_active)


def the_recording(facts: CallFacts) -> Recording:
    (recording,) = facts.recordings
    return recording


# --- the call -------------------------------------------------------------------------------------


def test_call_that_ended_before_it_is_known_to_have_started_does_not_live() -> None:
    call = folded(CallEnded(about=ABOUT, at=after(60)), CallStarted(about=ABOUT, at=T0)).call

    assert (call.started_at, call.ended_at) == (T0, after(60))
    assert not call.is_live


def test_start_that_is_told_after_the_participants_is_the_start() -> None:
    facts = folded(
        ParticipantAdded(about=ABOUT, at=after(2), party=make_party()),
        CallStarted(about=ABOUT, at=T0, group_id="group"),
    )

    assert facts.call.started_at == T0
    assert facts.call.group_id == "group"


@pytest.mark.parametrize(
    "event",
    [
        ParticipantAdded(about=ABOUT, at=after(2), party=make_party()),
        ParticipantsUpdated(about=ABOUT, at=after(2), parties=(), sequence=1),
        CallConnected(about=ABOUT, at=after(2)),
        state(is_active=True, at=after(2)),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_happens_in_a_call_shows_that_it_was_established(event: CallEvent) -> None:
    assert folded(event).call.started_at == after(2)


@pytest.mark.parametrize(
    "event",
    [
        IncomingCall(about=ABOUT, at=after(2), from_party=None, to_party=None),
        CallTagged(about=ABOUT, at=after(2), tags={}, roles={}),
        ParticipantRemoved(about=ABOUT, at=after(2), party=make_party()),
        EventIgnored(about=ABOUT, at=after(2), type_name="PlayCompleted"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_may_come_before_a_call_does_not_establish_it(event: CallEvent) -> None:
    assert folded(event).call.started_at is None


def test_time_ahead_of_our_clock_counts_as_the_time_of_receipt() -> None:
    """Otherwise a reading from a clock that runs ahead would outrank our own for that long."""
    ahead = state(is_active=True, at=after(60))

    recording = the_recording(
        fold(make_facts(recordings=make_running()), ahead, make_reading(after(5)))
    )

    assert recording.observed_at == after(5)


def test_incoming_call_says_who_calls_whom() -> None:
    caller, callee = Party(raw_id=ALICE), Party(raw_id=BOB)

    call = folded(IncomingCall(about=ABOUT, at=T0, from_party=caller, to_party=callee)).call

    assert (call.direction, call.from_party, call.to_party) == (Direction.INCOMING, caller, callee)


@pytest.mark.parametrize("signal_first", [True, False])
def test_tag_of_a_signal_outranks_the_callers_header(*, signal_first: bool) -> None:
    signal = CallTagged(about=ABOUT, at=T0, tags={"queue": "support"}, roles={ALICE: "agent"})
    ring = IncomingCall(
        about=ABOUT, at=T0, from_party=None, to_party=None, context={"x-queue": "sales", "X-Y": "z"}
    )

    call = folded(*((signal, ring) if signal_first else (ring, signal))).call

    assert call.tags == {"queue": "support"}
    assert call.roles == {ALICE: "agent"}


def test_header_that_is_mapped_becomes_a_tag_whatever_its_case() -> None:
    ring = IncomingCall(
        about=ABOUT, at=T0, from_party=None, to_party=None, context={"X-QUEUE": "sales"}
    )

    assert folded(ring).call.tags == {"queue": "sales"}


def test_newer_tag_replaces_the_older_one() -> None:
    def tagged(value: str) -> CallTagged:
        return CallTagged(about=ABOUT, at=T0, tags={"payment": value}, roles={})

    assert folded(tagged("active"), tagged("done")).call.tags == {"payment": "done"}


def test_values_that_a_tag_had_before_stay_known_once_each() -> None:
    def tagged(**tags: str) -> CallTagged:
        return CallTagged(about=ABOUT, at=T0, tags=tags, roles={})

    steps = [tagged(queue="a"), tagged(queue="b", desk="x"), tagged(queue="a"), tagged(queue="c")]
    call = folded(*steps).call
    assert call.tags == {"queue": "c", "desk": "x"}
    assert call.past_tags == {"queue": ("a", "b")}


def test_header_that_a_signal_outranks_counts_as_a_past_value() -> None:
    ring = IncomingCall(
        about=ABOUT, at=T0, from_party=None, to_party=None, context={"X-Queue": "sales"}
    )
    signal = CallTagged(about=ABOUT, at=T0, tags={"queue": "support"}, roles={})
    for events in ((ring, signal), (signal, ring)):
        call = folded(*events).call
        assert (call.tags, call.past_tags) == ({"queue": "support"}, {"queue": ("sales",)})


@pytest.mark.parametrize("order", [1, -1])
def test_latest_of_the_moments_told_under_one_name_counts(order: int) -> None:
    told = [
        MomentTold(about=ABOUT, at=T0, name="contractEnded", moment=after(days=n)) for n in (1, 9)
    ]
    other = MomentTold(about=ABOUT, at=T0, name="caseClosed", moment=T0)
    found = folded(*told[::order], other).call.moments
    assert found == {"contractEnded": after(days=9), "caseClosed": T0}


# --- lists of participants ------------------------------------------------------------------------


def make_list(sequence: int, *raw_ids: str, at: float = 5) -> ParticipantsUpdated:
    parties = tuple(make_party(raw_id) for raw_id in raw_ids)
    return ParticipantsUpdated(
        about=BY_CONNECTION, at=after(at), parties=parties, sequence=sequence
    )


def present(facts: CallFacts) -> set[str]:
    return {p.party.raw_id for p in facts.participants if p.is_present}


def test_list_of_participants_is_complete_once_it_came() -> None:
    facts = folded(make_list(1, ALICE, BOB))

    assert present(facts) == {ALICE, BOB}
    assert facts.call.roster_complete_at == after(5)


@pytest.mark.parametrize(("sequence", "expected"), [(1, {ALICE}), (2, {ALICE}), (3, {BOB})])
def test_only_a_later_list_replaces_a_list(sequence: int, expected: set[str]) -> None:
    assert present(folded(make_list(2, ALICE), make_list(sequence, BOB, at=6))) == expected


def test_list_that_is_late_does_not_send_away_who_joined_after_it() -> None:
    """Otherwise somebody who is in the call would not be asked for consent."""
    late = make_list(1, ALICE, at=5)
    facts = folded(ParticipantAdded(about=ABOUT, at=after(8), party=make_party(BOB)), late)

    assert present(facts) == {ALICE, BOB}


def test_list_is_no_longer_complete_once_its_connection_ended() -> None:
    facts = folded(make_list(1, ALICE), CallDisconnected(about=BY_CONNECTION, at=after(9)))

    assert facts.call.roster_complete_at is None
    assert present(facts) == {ALICE}


def test_connection_that_ended_is_no_longer_used() -> None:
    """A start through it would be answered as if the call were over."""
    ended = CallDisconnected(about=BY_CONNECTION, at=after(9))

    assert folded(CallConnected(about=BY_CONNECTION, at=T0), ended).call.connection_id is None


def test_end_of_another_connection_leaves_ours() -> None:
    other = CallReference(server_call_id=SERVER_CALL_ID, connection_id="connection-2")

    facts = folded(
        CallConnected(about=BY_CONNECTION, at=T0), CallDisconnected(about=other, at=after(9))
    )

    assert facts.call.connection_id == "connection-1"


def test_answer_is_kept_with_both_of_its_times() -> None:
    event = ConsentAnswered(
        about=ABOUT,
        at=after(3),
        answer=ConsentAnswer.GRANTED,
        participant=ALICE,
        purpose="recording",
        method="voice",
        reporter="ivr",
    )

    (consent,) = fold(make_facts(), event, make_reading(after(4))).consents

    assert (consent.answered_at, consent.received_at) == (after(3), after(4))
    assert (consent.participant, consent.reporter) == (ALICE, "ivr")


def test_answer_keeps_until_when_it_holds() -> None:
    event = ConsentAnswered(
        about=ABOUT,
        at=after(3),
        answer=ConsentAnswer.GRANTED,
        participant=ALICE,
        purpose="recording",
        method="prior",
        reporter="crm",
        valid_until=after(days=365),
    )

    (consent,) = fold(make_facts(), event, make_reading(after(4))).consents

    assert consent.valid_until == after(days=365)


# --- requests -------------------------------------------------------------------------------------


def asked(seconds: float, *, is_resume: bool = False) -> CaptureRequested:
    return CaptureRequested(about=ABOUT, at=after(seconds), is_resume=is_resume, reporter="app")


def test_request_is_kept_with_both_of_its_times() -> None:
    (request,) = fold(make_facts(), asked(3), make_reading(after(4))).requests

    assert (request.at, request.received_at) == (after(3), after(4))
    assert (request.is_resume, request.reporter) == (False, "app")


def test_request_told_twice_is_one() -> None:
    """A second one would ask for longer silence."""
    once = fold(make_facts(), asked(3), make_reading(after(4)))

    assert fold(once, asked(3), make_reading(after(60))) == once
    assert len(fold(once, asked(3, is_resume=True), make_reading(after(60))).requests) == 2


def test_request_of_a_clock_that_runs_ahead_is_made_when_it_was_received() -> None:
    (request,) = fold(make_facts(), asked(90), make_reading(after(4))).requests

    assert request.at == after(4)
