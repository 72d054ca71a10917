"""May audio flow: parties, lists, answers and time limits."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    T0,
    TICK,
    after,
    changed,
    make_answer,
    make_call,
    make_consent_rule,
    make_facts,
    make_participant,
)

from recordingd.domain.calls import Call, ConsentAnswer, Participant
from recordingd.domain.consent import (
    ConsentMode,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
)
from recordingd.domain.matchers import Pattern, RuleName, Selector
from recordingd.domain.recordings import Consent
from recordingd.planning.consent import ConsentQuestion, ConsentState, ConsentView, assess
from recordingd.planning.consent_rules import combine

GRANTED, DENIED = ConsentAnswer.GRANTED, ConsentAnswer.DENIED
LISTED = make_call(participants_seq=1, roster_complete_at=T0)
UNLISTED = make_call()


def ask(
    parties: Parties | tuple[Selector, ...] = Parties.KNOWN,
    *,
    call: Call = UNLISTED,
    participants: tuple[Participant, ...] = (),
    consents: tuple[Consent, ...] = (),
    now: datetime = T0,
    captured_since: datetime | None = None,
    **says: object,
) -> ConsentView:
    """Assess a call under one rule; `says` are what it says besides its parties."""
    spec = changed(make_consent_rule(), {"parties": parties, **says})
    need = combine([(RuleName("rule"), spec)])
    assert need is not None
    question = ConsentQuestion(
        need=need,
        purpose="recording",
        asked_at=T0,
        is_internal=lambda party: party.raw_id == AGENT,
        is_meant=lambda party: any(p.covers(party.raw_id) for s in need.selectors for p in s.ids),
        captured_since=captured_since,
    )
    facts = make_facts(call, participants=participants, consents=consents)
    return assess(facts, question, now)


def test_rule_without_a_question_lets_audio_through() -> None:
    view = ask(mode=ConsentMode.NONE, participants=(make_participant(),))

    assert view.state is ConsentState.NOT_REQUIRED
    assert view.may_flow


# Who is in the call besides the agent, who answered what, for each rule and kind of list. Written
# out apart from the code: the strictest of those who are asked, and of those nobody lists.
_ANSWERS = {
    "nobody": (),
    "alice": (make_answer(GRANTED, ALICE),),
    "alice and agent": (make_answer(GRANTED, ALICE), make_answer(GRANTED, AGENT)),
    "the call": (make_answer(GRANTED, None),),
    "alice refuses": (make_answer(DENIED, ALICE), make_answer(GRANTED, AGENT)),
    "agent refuses": (make_answer(GRANTED, ALICE), make_answer(DENIED, AGENT)),
    "the call refuses": (make_answer(DENIED, None),),
}
P, G, D = ConsentState.PENDING, ConsentState.GRANTED, ConsentState.DENIED
_EXPECTED = {
    # parties, is listed: nobody, alice, alice+agent, call, alice no, agent no, call no
    (Parties.ALL, False): (P, P, P, G, D, D, D),
    (Parties.ALL, True): (P, P, G, G, D, D, D),
    (Parties.KNOWN, False): (P, P, G, G, D, D, D),
    (Parties.KNOWN, True): (P, P, G, G, D, D, D),
    (Parties.EXTERNAL, False): (P, P, P, G, D, P, D),
    (Parties.EXTERNAL, True): (P, G, G, G, D, G, D),
}
_CASES = [
    (parties, is_listed, name, state)
    for (parties, is_listed), states in _EXPECTED.items()
    for name, state in zip(_ANSWERS, states, strict=True)
]


@pytest.mark.parametrize(("parties", "is_listed", "name", "state"), _CASES)
def test_strictest_answer_of_those_who_are_asked_decides(
    parties: Parties, name: str, state: ConsentState, *, is_listed: bool
) -> None:
    view = ask(
        parties,
        call=LISTED if is_listed else UNLISTED,
        participants=(make_participant(AGENT), make_participant(ALICE)),
        consents=_ANSWERS[name],
    )

    assert view.state is state


def test_table_covers_every_rule_with_and_without_a_list() -> None:
    assert set(_EXPECTED) == set(itertools.product(Parties, (False, True)))


# --- whose answer counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joined_at", "state"),
    [(after(10) - TICK, G), (after(10), G), (after(10) + TICK, P)],
)
def test_answer_for_the_call_counts_for_those_who_were_there(
    joined_at: datetime, state: ConsentState
) -> None:
    view = ask(
        participants=(make_participant(ALICE, joined_at),),
        consents=(make_answer(GRANTED, None, after(10)),),
        now=after(11),
    )

    assert view.state is state


def test_answer_by_number_counts_for_the_party_with_that_number() -> None:
    caller = make_participant("4:+14155550100", phone="+14155550100")

    view = ask(participants=(caller,), consents=(make_answer(GRANTED, "+14155550100"),))

    assert view.state is G


def test_answer_for_another_purpose_does_not_count() -> None:
    answer = make_answer(GRANTED, ALICE, purpose="training")

    assert ask(participants=(make_participant(),), consents=(answer,)).state is P


def test_answer_of_one_party_does_not_count_for_another() -> None:
    people = (make_participant(ALICE), make_participant(BOB))

    assert ask(participants=people, consents=(make_answer(GRANTED, ALICE),)).state is P


@pytest.mark.parametrize(("first", "second", "state"), [(GRANTED, DENIED, D), (DENIED, GRANTED, G)])
def test_latest_answer_of_a_party_wins(
    first: ConsentAnswer, second: ConsentAnswer, state: ConsentState
) -> None:
    answers = (make_answer(second, ALICE, after(2)), make_answer(first, ALICE, after(1)))

    assert ask(participants=(make_participant(),), consents=answers, now=after(3)).state is state


def test_refusal_of_one_beats_the_agreement_of_all_others() -> None:
    people = (make_participant(ALICE), make_participant(BOB), make_participant(AGENT))
    answers = (make_answer(GRANTED, None), make_answer(DENIED, BOB, after(1)))

    assert ask(participants=people, consents=answers, now=after(2)).state is D


def test_answer_of_somebody_who_left_is_no_longer_needed() -> None:
    people = (make_participant(ALICE), make_participant(BOB, left_at=after(5)))

    assert (
        ask(participants=people, consents=(make_answer(GRANTED, ALICE),), now=after(6)).state is G
    )


def test_refusal_of_somebody_who_left_since_counts_all_the_same() -> None:
    people = (make_participant(ALICE), make_participant(BOB, left_at=after(5)))
    answers = (make_answer(GRANTED, ALICE), make_answer(DENIED, BOB, after(4)))

    assert ask(participants=people, consents=answers, now=after(6)).state is D


def test_refusal_of_somebody_who_left_before_the_question_does_not_count() -> None:
    people = (make_participant(ALICE), make_participant(BOB, after(-9), left_at=T0 - TICK))
    answers = (make_answer(GRANTED, ALICE), make_answer(DENIED, BOB, after(-5)))

    assert ask(participants=people, consents=answers, now=after(6)).state is G


def test_refusal_of_an_internal_party_that_left_does_not_count_where_nobody_asks_it() -> None:
    people = (make_participant(ALICE), make_participant(AGENT, left_at=after(5)))
    answers = (make_answer(GRANTED, None), make_answer(DENIED, AGENT, after(4)))

    assert ask(Parties.EXTERNAL, participants=people, consents=answers, now=after(6)).state is G


# --- lists ----------------------------------------------------------------------------------------


def test_nobody_known_is_nobody_who_agreed() -> None:
    assert [ask(parties).state for parties in Parties] == [P, P, P]


def test_trusted_list_that_empties_undoes_nothing() -> None:
    """At the end of every call everybody leaves before the end is told."""
    gone = make_participant(ALICE, left_at=after(60))

    view = ask(participants=(gone,), consents=(make_answer(GRANTED, ALICE),), now=after(60))

    assert view.state is G


def test_list_that_is_no_longer_kept_up_asks_for_silence_without_a_limit() -> None:
    """Its connection ends before the call does; running out of time would erase the recording."""
    call = make_call(participants_seq=4, roster_complete_at=None)

    view = ask(
        Parties.ALL,
        call=call,
        participants=(make_participant(),),
        consents=(make_answer(GRANTED, ALICE),),
        now=after(hours=1),
    )

    assert view.state is P
    assert view.changes_at is None


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "state", "changes_at"),
    [
        (after(30) - TICK, P, after(30)),
        (after(30), ConsentState.NO_RESPONSE, None),
        (after(30) + TICK, ConsentState.NO_RESPONSE, None),
    ],
)
@pytest.mark.parametrize("people", [(), (make_participant(joined_at=after(-60)),)])
def test_no_answer_within_the_time_limit_is_no(
    now: datetime,
    state: ConsentState,
    changes_at: datetime | None,
    people: tuple[Participant, ...],
) -> None:
    view = ask(participants=people, now=now)

    assert (view.state, view.changes_at) == (state, changes_at)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (after(130) - TICK, P),
        (after(130), ConsentState.NO_RESPONSE),
        (after(130) + TICK, ConsentState.NO_RESPONSE),
    ],
)
def test_time_limit_of_a_late_joiner_begins_with_the_joining(
    now: datetime, state: ConsentState
) -> None:
    people = (make_participant(ALICE), make_participant(BOB, after(100)))

    view = ask(participants=people, consents=(make_answer(GRANTED, ALICE),), now=now)

    assert view.state is state


def test_earliest_time_limit_says_when_to_ask_again() -> None:
    people = (make_participant(ALICE, after(5)), make_participant(BOB, after(10)))

    assert ask(participants=people, now=after(11)).changes_at == after(35)


def test_refusal_beats_the_lack_of_an_answer() -> None:
    people = (make_participant(ALICE), make_participant(BOB))

    view = ask(participants=people, consents=(make_answer(DENIED, BOB),), now=after(31))

    assert view.state is D


def test_reasons_name_nobody() -> None:
    view = ask(participants=(make_participant(ALICE),), consents=(make_answer(DENIED, ALICE),))

    assert view.reason == "the participant who joined at 09:00:00 has refused"


def test_joining_told_with_two_times_is_one_joining() -> None:
    view = ask(
        Parties.ALL,
        call=LISTED,
        participants=(make_participant(joined_at=T0), make_participant(joined_at=after(2))),
        consents=(make_answer(GRANTED, None, after(1)),),
        now=after(3),
    )
    assert view.state is ConsentState.GRANTED


# --- modes ----------------------------------------------------------------------------------------

NOTIFIED, WITHDRAWN = ConsentAnswer.NOTIFIED, ConsentAnswer.WITHDRAWN
ASKING_MODES = (ConsentMode.NOTICE, ConsentMode.IMPLIED_AFTER_NOTICE, ConsentMode.EXPLICIT)
NEEDED = {
    # answer: state under notice, impliedAfterNotice, explicit
    None: (P, P, P),
    NOTIFIED: (ConsentState.NOTIFIED, ConsentState.NOTIFIED, P),
    GRANTED: (G, G, G),
    DENIED: (D, D, D),
    WITHDRAWN: (ConsentState.WITHDRAWN,) * 3,
}


@pytest.mark.parametrize(
    ("mode", "answer", "state"),
    [(m, a, s) for a, states in NEEDED.items() for m, s in zip(ASKING_MODES, states, strict=True)],
)
def test_notice_suffices_where_no_word_is_asked_for(
    mode: ConsentMode, answer: ConsentAnswer | None, state: ConsentState
) -> None:
    answers = () if answer is None else (make_answer(answer, ALICE),)

    view = ask(mode=mode, participants=(make_participant(),), consents=answers)

    assert view.state is state
    assert view.may_flow is (state in {G, ConsentState.NOTIFIED})


@pytest.mark.parametrize(("answer", "state"), [(GRANTED, G), (DENIED, D)])
def test_later_notice_undoes_no_answer(answer: ConsentAnswer, state: ConsentState) -> None:
    answers = (make_answer(answer, ALICE, after(1)), make_answer(NOTIFIED, ALICE, after(2)))

    view = ask(
        mode=ConsentMode.NOTICE, participants=(make_participant(),), consents=answers, now=after(3)
    )

    assert view.state is state


def test_notice_to_the_whole_call_is_a_notice_to_everybody_in_it() -> None:
    view = ask(
        Parties.ALL,
        mode=ConsentMode.NOTICE,
        participants=(make_participant(ALICE), make_participant(BOB, after(5))),
        consents=(make_answer(NOTIFIED, None, after(4)),),
        now=after(6),
    )

    assert (view.state, view.reason) == (
        P,
        "the participant who joined at 09:00:05 has not answered",
    )


# --- what counts as an answer ---------------------------------------------------------------------

LIVE, ON_FILE = frozenset({Satisfaction.LIVE}), frozenset({Satisfaction.PRIOR_ON_FILE})


@pytest.mark.parametrize(
    ("satisfied_by", "method", "state"),
    [
        (LIVE, "app", G),
        (LIVE, "prior", P),
        (ON_FILE, "app", P),
        (ON_FILE, "prior", G),
        (LIVE | ON_FILE, "app", G),
        (LIVE | ON_FILE, "prior", G),
        (None, "prior", G),
    ],
)
def test_consent_counts_where_rules_accept_its_kind(
    satisfied_by: frozenset[Satisfaction] | None, method: str, state: ConsentState
) -> None:
    view = ask(
        satisfied_by=satisfied_by,
        participants=(make_participant(),),
        consents=(make_answer(GRANTED, ALICE, method=method),),
    )

    assert view.state is state


@pytest.mark.parametrize(
    ("satisfied_by", "answer", "method", "state"),
    [
        (ON_FILE, DENIED, "app", D),
        (LIVE, DENIED, "prior", P),
        (ON_FILE, WITHDRAWN, "app", ConsentState.WITHDRAWN),
        (LIVE, WITHDRAWN, "prior", ConsentState.WITHDRAWN),
    ],
)
def test_refusal_in_the_call_and_a_withdrawal_count_whatever_rules_accept(
    satisfied_by: frozenset[Satisfaction],
    answer: ConsentAnswer,
    method: str,
    state: ConsentState,
) -> None:
    view = ask(
        satisfied_by=satisfied_by,
        participants=(make_participant(),),
        consents=(make_answer(answer, ALICE, method=method),),
    )

    assert view.state is state


@pytest.mark.parametrize(
    ("now", "state", "changes_at"),
    [
        (after(100) - TICK, G, after(100)),
        (after(100), ConsentState.EXPIRED, after(130)),
        (after(130) - TICK, ConsentState.EXPIRED, after(130)),
        (after(130), ConsentState.NO_RESPONSE, None),
    ],
)
def test_consent_that_ends_is_asked_for_again(
    now: datetime, state: ConsentState, changes_at: datetime | None
) -> None:
    answer = make_answer(GRANTED, ALICE, method="prior", valid_until=after(100))

    view = ask(participants=(make_participant(),), consents=(answer,), now=now)

    assert (view.state, view.changes_at) == (state, changes_at)
    assert view.is_pending is (state is ConsentState.EXPIRED)


def test_refusal_never_ends() -> None:
    answer = make_answer(DENIED, ALICE, valid_until=after(1))

    assert ask(participants=(make_participant(),), consents=(answer,), now=after(2)).state is D


def test_answer_by_number_counts_where_only_the_raw_id_tells_it() -> None:
    caller = make_participant("4:+14155550100")

    view = ask(participants=(caller,), consents=(make_answer(GRANTED, "+14155550100"),))

    assert view.state is G


# --- who is asked ---------------------------------------------------------------------------------

ALICE_ONLY = (Selector(ids=(Pattern(ALICE),)),)


@pytest.mark.parametrize(("who", "state"), [(ALICE, G), (BOB, P)])
def test_only_those_who_are_selected_are_asked(who: str, state: ConsentState) -> None:
    view = ask(
        ALICE_ONLY,
        call=LISTED,
        participants=(make_participant(ALICE), make_participant(BOB)),
        consents=(make_answer(GRANTED, who),),
    )

    assert view.state is state


def test_selected_may_be_missing_from_a_list_that_is_not_complete() -> None:
    view = ask(
        ALICE_ONLY,
        participants=(make_participant(ALICE),),
        consents=(make_answer(GRANTED, ALICE),),
    )

    assert view.state is P


# --- late joiners ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late_join", "joined_at", "state"),
    [
        (LateJoin.PAUSE_UNTIL_DECIDED, after(60) + TICK, P),
        (LateJoin.NOTICE_ONLY, after(60), P),
        (LateJoin.NOTICE_ONLY, after(60) + TICK, ConsentState.NOTIFIED),
    ],
)
def test_late_joiner_reopens_the_pause_unless_a_notice_is_enough(
    late_join: LateJoin, joined_at: datetime, state: ConsentState
) -> None:
    view = ask(
        late_join=late_join,
        participants=(make_participant(ALICE), make_participant(BOB, joined_at)),
        consents=(make_answer(GRANTED, ALICE),),
        captured_since=after(60),
        now=after(61),
    )

    assert view.state is state


def test_nobody_is_late_before_audio_flowed() -> None:
    view = ask(
        late_join=LateJoin.NOTICE_ONLY,
        participants=(make_participant(ALICE), make_participant(BOB, after(10))),
        consents=(make_answer(GRANTED, ALICE),),
        now=after(11),
    )

    assert view.state is P


def test_late_joiner_may_refuse_all_the_same() -> None:
    view = ask(
        late_join=LateJoin.NOTICE_ONLY,
        participants=(make_participant(BOB, after(70)),),
        consents=(make_answer(DENIED, BOB, after(71)),),
        captured_since=after(60),
        now=after(72),
    )

    assert view.state is D


# --- what goes with it ----------------------------------------------------------------------------

KEPT_OR_NOT = [
    (Refusal.CONTINUE_UNRECORDED, False),
    (Refusal.STOP_AND_DELETE, True),
    (Refusal.END_CALL, True),
]


@pytest.mark.parametrize(("outcome", "erases"), KEPT_OR_NOT)
def test_refusal_erases_what_its_outcome_says(outcome: Refusal, *, erases: bool) -> None:
    answers = (make_answer(DENIED, ALICE),)

    view = ask(denied=outcome, participants=(make_participant(),), consents=answers)

    assert (view.state, view.erases) == (D, erases)


@pytest.mark.parametrize(("outcome", "erases"), KEPT_OR_NOT)
def test_missing_answer_erases_what_its_outcome_says(outcome: Refusal, *, erases: bool) -> None:
    view = ask(no_response=outcome, participants=(make_participant(),), now=after(30))

    assert (view.state, view.erases) == (ConsentState.NO_RESPONSE, erases)


@pytest.mark.parametrize(
    ("kept", "erases"), [(WithdrawnKept.KEEP, False), (WithdrawnKept.REQUEST_ERASURE, True)]
)
def test_withdrawal_erases_what_its_outcome_says(kept: WithdrawnKept, *, erases: bool) -> None:
    answers = (make_answer(GRANTED, ALICE), make_answer(WITHDRAWN, ALICE, after(1)))

    view = ask(
        withdrawn_kept=kept, participants=(make_participant(),), consents=answers, now=after(2)
    )

    assert (view.state, view.erases) == (ConsentState.WITHDRAWN, erases)


def test_strictest_outcome_of_all_participants_counts() -> None:
    """One refused, which keeps; another never answered, which erases."""
    view = ask(
        denied=Refusal.CONTINUE_UNRECORDED,
        no_response=Refusal.STOP_AND_DELETE,
        participants=(make_participant(ALICE), make_participant(BOB)),
        consents=(make_answer(DENIED, ALICE),),
        now=after(30),
    )

    assert (view.state, view.erases) == (D, True)
