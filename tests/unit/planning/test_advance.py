"""A call taken as far as facts alone can take it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.factories import (
    FILE,
    RECORDING,
    after,
    keep,
    make_call,
    make_consent_rule,
    make_context,
    make_copy,
    make_facts,
    make_file,
    make_participant,
    make_policy,
    make_recording,
    make_running,
    make_stopped,
    make_supplies,
    make_verified,
)

from recordingd.domain.errors import InvariantBroken
from recordingd.domain.plans import (
    BringForwardErasure,
    DownloadFile,
    ExpectRecording,
    Mode,
    OpenPause,
    PurgeFile,
    RemoveFile,
    StartRecording,
    StopRecording,
)
from recordingd.domain.policies import Captured, Decision
from recordingd.domain.recordings import CallFacts, PauseReason, RecordingId, Verb
from recordingd.planning.advance import ROUNDS_MAX, Advance, advance
from recordingd.planning.context import PlanningContext

ENDED = make_call(ended_at=after(60))
WANTED = make_facts()
ANNOUNCED = make_facts(ENDED, recordings=make_stopped(), files=make_file())
VERIFIED = make_facts(
    ENDED,
    recordings=make_stopped(),
    files=make_verified(removed_at=None),
    copies=make_copy(),
)
DUE = make_facts(ENDED, recordings=make_stopped(retention=keep(None, "1d")), files=make_verified())


def advanced(
    facts: CallFacts,
    mode: Mode = Mode.ENFORCE,
    *,
    context: PlanningContext | None = None,
    busy: frozenset[str] = frozenset(),
    days: float = 0,
) -> Advance:
    settled = replace(context or make_context(), mode=mode)
    return advance(facts, settled, make_supplies(), busy=busy, now=after(130, days=days))


def test_changes_of_the_ledger_and_the_effect_that_follows_are_one_step() -> None:
    done = advanced(WANTED)

    assert [type(a) for a in done.applied] == [ExpectRecording]
    assert [type(e) for e in done.effects] == [StartRecording]


def test_effects_are_begun_before_they_are_handed_out() -> None:
    (attempt,) = advanced(WANTED).facts.attempts

    assert (attempt.verb, attempt.tries, attempt.sent_at) == (Verb.START, 1, after(130))


def test_step_after_a_step_asks_nothing_of_the_ledger() -> None:
    done = advanced(WANTED)

    again = advanced(done.facts, busy=frozenset({done.facts.recordings[0].id}))

    assert again.facts == done.facts
    assert not again.applied
    assert not again.effects


def test_forbid_that_deletes_erases_and_stops_in_one_step() -> None:
    forbid = make_policy("council", Decision.FORBID, captured=Captured.DELETE)

    done = advanced(
        make_facts(recordings=make_running()), context=make_context(make_policy(), forbid)
    )

    assert [type(e) for e in done.effects] == [StopRecording]
    assert [type(a) for a in done.applied] == [BringForwardErasure]


def test_reason_for_silence_is_opened_once() -> None:
    consent = make_consent_rule(timeout="10m")
    facts = make_facts(recordings=make_running(consent=consent), participants=make_participant())
    context = make_context(make_policy(consent=consent))

    first = advanced(facts, context=context)
    second = advanced(first.facts, context=context, busy=frozenset({RECORDING}))

    assert [type(a) for a in first.applied] == [OpenPause]
    assert [p.reason for p in second.facts.pauses] == [PauseReason.CONSENT]


def test_busy_target_is_left_alone() -> None:
    done = advanced(ANNOUNCED, busy=frozenset({FILE}))

    assert done.facts == ANNOUNCED
    assert done.effects == done.withheld == ()


def test_busy_target_holds_up_no_other() -> None:
    facts = make_facts(ENDED, recordings=make_running(), files=make_file())

    done = advanced(facts, busy=frozenset({FILE}))

    assert [type(e) for e in done.effects] == [StopRecording]


# --- modes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [WANTED, ANNOUNCED, VERIFIED, DUE])
def test_observe_mode_changes_nothing(facts: CallFacts) -> None:
    done = advanced(facts, Mode.OBSERVE, days=2)

    assert done.facts == facts
    assert not done.applied
    assert not done.effects


@pytest.mark.parametrize(
    ("facts", "withheld", "days"),
    [(VERIFIED, RemoveFile, 0), (DUE, PurgeFile, 2)],
    ids=["the service's copy", "a purge"],
)
def test_retain_mode_withholds_what_deletes(facts: CallFacts, withheld: type, days: int) -> None:
    done = advanced(facts, Mode.RETAIN, days=days)

    assert [type(e) for e in done.withheld] == [withheld]
    assert done.facts == facts


def test_retain_mode_records_and_fetches() -> None:
    assert [type(e) for e in advanced(WANTED, Mode.RETAIN).effects] == [StartRecording]
    assert [type(e) for e in advanced(ANNOUNCED, Mode.RETAIN).effects] == [DownloadFile]


# --- promises -------------------------------------------------------------------------------------


def make_crowd(size: int) -> CallFacts:
    """Make an ended call with so many open recordings: no more than one of them can be true."""
    rows = tuple(make_recording(id=RecordingId(f"rec-{n}")) for n in range(size))
    return make_facts(ENDED, recordings=rows)


def test_plan_may_take_as_many_rounds_as_there_are_questions() -> None:
    assert len(advanced(make_crowd(ROUNDS_MAX - 1)).applied) == ROUNDS_MAX - 1


def test_plan_that_takes_more_rounds_breaks_a_promise() -> None:
    with pytest.raises(InvariantBroken, match="does not settle"):
        advanced(make_crowd(ROUNDS_MAX))


def test_alarms_of_every_round_are_told_once() -> None:
    require, forbid = make_policy(decision=Decision.REQUIRE), make_policy("no", Decision.FORBID)
    facts = make_facts(recordings=make_running(first_sent_at=None, recording_id=None))

    done = advanced(facts, context=make_context(require, forbid))

    assert [a.name for a in done.alarms].count("PolicyConflict") == 1
