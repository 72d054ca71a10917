"""A call of the ledger told again: played, it becomes what it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.factories import (
    ALICE,
    BOB,
    CAROL,
    T0,
    TICK,
    after,
    make_answer,
    make_attempt,
    make_call,
    make_context,
    make_copy,
    make_facts,
    make_participant,
    make_policy,
    make_receipt,
    make_request,
    make_stopped,
    make_verified,
)

from recordingd.domain.calls import CallEnded, CallEvent, ConsentAnswer
from recordingd.domain.policies import Decision
from recordingd.domain.recordings import CallFacts, Verb
from recordingd.planning.rehearsal import Happening, rehearse
from recordingd.planning.replay import is_forgotten, replay_of

NOW = after(hours=1)
SKIPPING = make_context(make_policy(decision=Decision.SKIP))


def replayed(facts: CallFacts) -> CallFacts:
    """Play a call again under policies that record nothing."""
    beginning, happenings = replay_of(facts, NOW)
    *_, last = rehearse(beginning, happenings, SKIPPING)
    return last.facts


def events(happenings: Sequence[Happening]) -> list[CallEvent]:
    return [event for happening in happenings for event in happening.events]


def test_participants_come_and_go_as_they_did() -> None:
    rows = (
        make_participant(ALICE),
        make_participant(BOB, after(5), after(9)),
        make_participant(BOB, after(20), after(30)),
    )
    facts = make_facts(make_call(ended_at=after(60)), participants=rows)

    assert replayed(facts).participants == rows


def test_answers_and_requests_keep_their_times() -> None:
    late = replace(make_answer(ConsentAnswer.GRANTED, BOB, after(7)), answered_at=after(3))
    facts = make_facts(
        participants=make_participant(ALICE),
        consents=(make_answer(ConsentAnswer.DENIED, ALICE, after(5)), late),
        requests=(make_request(after(8)), make_request(after(9), is_resume=True)),
    )
    again = replayed(facts)

    assert [replace(c, id="") for c in again.consents] == [
        replace(c, id="") for c in facts.consents
    ]
    assert [replace(r, id="") for r in again.requests] == [
        replace(r, id="") for r in facts.requests
    ]


def test_answer_that_came_before_the_call_is_there_from_its_start() -> None:
    early = make_answer(ConsentAnswer.GRANTED, ALICE, T0 - TICK)
    beginning, happenings = replay_of(make_facts(consents=early), NOW)

    assert beginning.consents == (early,)
    assert events(happenings) == []


def test_tags_take_their_values_one_after_the_other_at_the_start() -> None:
    call = make_call(tags={"queue": "billing"}, past_tags={"queue": ("sales", "support")})
    beginning, happenings = replay_of(make_facts(call), NOW)
    values = [s.facts.call.tags["queue"] for s in rehearse(beginning, happenings, SKIPPING)]

    assert beginning.call.tags == {"queue": "sales"}
    assert values == ["sales", "support", "billing", "billing"]
    assert happenings[2].at < after(1)


def test_list_of_participants_is_complete_from_when_it_was() -> None:
    call = make_call(participants_seq=4, roster_complete_at=after(10))
    rows = (make_participant(ALICE), make_participant(CAROL, T0, after(5)))
    again = replayed(make_facts(call, participants=rows))

    assert again.call.roster_complete_at == after(10)
    assert again.participants == rows


def test_list_of_a_connection_that_has_ended_is_complete_from_the_start() -> None:
    call = make_call(participants_seq=4, roster_complete_at=None)
    again = replayed(make_facts(call, participants=make_participant(ALICE)))

    assert again.call.roster_complete_at == T0


def test_list_that_never_came_stays_incomplete() -> None:
    again = replayed(make_facts(participants=make_participant(ALICE)))

    assert again.call.roster_complete_at is None


def test_call_ends_when_it_did() -> None:
    facts = make_facts(make_call(ended_at=after(60)))
    _, happenings = replay_of(facts, NOW)

    assert [(type(e), e.at) for e in events(happenings)] == [(CallEnded, after(60))]
    assert replayed(facts).call.ended_at == after(60)


def test_replay_goes_on_until_now() -> None:
    _, happenings = replay_of(make_facts(make_call(ended_at=after(60))), NOW)

    assert happenings[-1] == Happening(at=NOW)


def test_what_was_done_about_a_call_is_left_out() -> None:
    facts = make_facts(
        make_call(ended_at=after(60)),
        recordings=make_stopped(),
        files=make_verified(),
        copies=make_copy(),
        attempts=make_attempt(Verb.STOP),
    )
    again = replayed(facts)

    assert (again.recordings, again.files, again.copies, again.attempts) == ((), (), (), ())


def test_call_whose_people_were_wiped_with_its_recordings_is_forgotten() -> None:
    purged = make_facts(make_call(ended_at=after(60)), receipts=make_receipt())

    assert is_forgotten(purged)
    assert not is_forgotten(replace(purged, participants=(make_participant(ALICE),)))
    assert not is_forgotten(replace(purged, call=replace(purged.call, tags={"queue": "sales"})))
    assert not is_forgotten(replace(purged, receipts=()))
