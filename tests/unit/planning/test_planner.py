"""The next action of a call: one row per situation, first hit wins."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.factories import (
    ALICE,
    FILE,
    TICK,
    after,
    keep,
    make_answer,
    make_call,
    make_consent_rule,
    make_context,
    make_copy,
    make_facts,
    make_file,
    make_participant,
    make_paused,
    make_policy,
    make_put_off,
    make_recording,
    make_running,
    make_sent,
    make_silent_context,
    make_stopped,
    make_verified,
    no_participant,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.plans import VERBS
from recordingd.domain.policies import Decision
from recordingd.domain.recordings import AttemptOutcome, CallFacts, Capture, Outcome, Verb
from recordingd.planning.context import PlanningContext
from recordingd.planning.planner import plan_call

ENDED = make_call(ended_at=after(60))
ASKING = make_consent_rule()
FORBIDDEN = make_context(make_policy("council", Decision.FORBID))
HERE = make_participant()
YES = make_answer(participant=ALICE)
NO = make_answer(ConsentAnswer.DENIED, ALICE)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A snapshot, and the verb of the one effect that comes next."""

    name: str
    facts: CallFacts
    verb: Verb | None
    seconds: float = 5
    context: PlanningContext | None = None


ROWS = (
    # 1. A start in flight or ambiguous is resolved before anything else.
    Row(
        name="ambiguous start",
        facts=make_facts(
            recordings=make_sent(), attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS)
        ),
        verb=Verb.START,
    ),
    Row(
        name="ambiguous start of a call that ended",
        facts=make_facts(
            ENDED,
            recordings=make_sent(),
            attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS),
        ),
        verb=Verb.START,
        seconds=61,
    ),
    Row(
        name="ambiguous start after four minutes",
        facts=make_facts(
            recordings=make_sent(), attempts=make_put_off(Verb.START, AttemptOutcome.AMBIGUOUS)
        ),
        verb=None,
        seconds=241,
    ),
    # 2. A live call that is wanted, and has nothing live and no outcome, is started.
    Row(name="expected", facts=make_facts(recordings=make_recording()), verb=Verb.START),
    Row(
        name="expected and forbidden",
        facts=make_facts(recordings=make_recording()),
        verb=None,
        context=FORBIDDEN,
    ),
    Row(name="expected and over", facts=make_facts(ENDED, recordings=make_recording()), verb=None),
    Row(
        name="refused",
        facts=make_facts(recordings=make_sent(outcome=Outcome.REFUSED)),
        verb=None,
    ),
    Row(name="over and never wanted", facts=make_facts(ENDED), verb=None),
    # 3. A reason for silence pauses; none and paused resumes.
    Row(
        name="somebody was not asked",
        facts=make_facts(recordings=make_running(consent=ASKING), participants=HERE),
        verb=Verb.PAUSE,
    ),
    Row(
        name="silent for a reason",
        facts=make_facts(recordings=make_paused(consent=ASKING), participants=HERE),
        verb=None,
        seconds=1.1,
    ),
    Row(
        name="silent for no reason",
        facts=make_facts(recordings=make_paused(consent=ASKING), participants=HERE, consents=YES),
        verb=Verb.RESUME,
    ),
    Row(
        name="silent and undecided",
        facts=make_facts(recordings=make_paused()),
        verb=None,
        seconds=1.1,
        context=make_context(
            make_policy(), make_policy("council", Decision.FORBID, match=no_participant(ALICE))
        ),
    ),
    Row(name="capturing", facts=make_facts(recordings=make_running()), verb=None),
    Row(
        name="capturing, read long ago",
        facts=make_facts(recordings=make_running()),
        verb=Verb.OBSERVE,
        seconds=31,
    ),
    Row(
        name="capture that was paused by somebody else",
        facts=make_facts(
            recordings=make_running(
                active_since=None, inactive_since=after(40), observed_at=after(40)
            )
        ),
        verb=Verb.RESUME,
        seconds=40,
    ),
    # 4. Forbidden, refused or over: stop.
    Row(
        name="forbidden while it captures",
        facts=make_facts(recordings=make_running()),
        verb=Verb.STOP,
        context=FORBIDDEN,
    ),
    Row(
        name="refused while it captures",
        facts=make_facts(recordings=make_running(consent=ASKING), participants=HERE, consents=NO),
        verb=Verb.STOP,
    ),
    Row(
        name="nobody answered in time",
        facts=make_facts(recordings=make_paused(consent=ASKING), participants=HERE),
        verb=Verb.STOP,
        seconds=30,
    ),
    Row(
        name="over while it captures",
        facts=make_facts(ENDED, recordings=make_running()),
        verb=Verb.STOP,
        seconds=60,
    ),
    Row(
        name="over while it is silent",
        facts=make_facts(ENDED, recordings=make_paused(consent=ASKING), participants=HERE),
        verb=Verb.STOP,
        seconds=60,
    ),
    Row(
        name="stopped",
        facts=make_facts(ENDED, recordings=make_stopped()),
        verb=None,
        seconds=61,
    ),
    Row(
        name="policy that no longer matches",
        facts=make_facts(recordings=make_running()),
        verb=None,
        context=make_silent_context(),
    ),
    # 5. to 7. Files: fetch, read back, remove, purge.
    Row(
        name="announced",
        facts=make_facts(ENDED, recordings=make_stopped(), files=make_file()),
        verb=Verb.DOWNLOAD,
        seconds=91,
    ),
    Row(
        name="announced while it still captures",
        facts=make_facts(recordings=make_running(observed_at=after(90)), files=make_file()),
        verb=Verb.DOWNLOAD,
        seconds=91,
    ),
    Row(
        name="stored",
        facts=make_facts(ENDED, recordings=make_stopped(), files=make_file(), copies=make_copy()),
        verb=Verb.VERIFY,
        seconds=101,
    ),
    Row(
        name="verified",
        facts=make_facts(
            ENDED,
            recordings=make_stopped(),
            files=make_verified(removed_at=None),
            copies=make_copy(),
        ),
        verb=Verb.REMOVE,
        seconds=121,
    ),
    Row(
        name="kept",
        facts=make_facts(
            ENDED, recordings=make_stopped(retention=keep(None, "1d")), files=make_verified()
        ),
        verb=None,
        seconds=130,
    ),
    Row(
        name="due",
        facts=make_facts(
            ENDED, recordings=make_stopped(retention=keep(None, "1d")), files=make_verified()
        ),
        verb=Verb.PURGE,
        seconds=60 + 86_400,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_next_effect_follows_from_the_facts(row: Row) -> None:
    plan = plan_call(row.facts, row.context or make_context(), after(row.seconds))

    assert [VERBS[type(e)] for e in plan.effects] == ([] if row.verb is None else [row.verb])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_plan_with_nothing_to_do_now_says_when_to_look_again(row: Row) -> None:
    now = after(row.seconds)
    plan = plan_call(row.facts, row.context or make_context(), now)

    assert plan.wake_at is None or plan.wake_at > now


def test_every_verb_has_a_row() -> None:
    assert {row.verb for row in ROWS if row.verb is not None} == set(Verb)


def test_recording_and_its_files_are_planned_side_by_side() -> None:
    facts = make_facts(ENDED, recordings=make_running(), files=make_file())

    plan = plan_call(facts, make_context(), after(91))

    assert {VERBS[type(e)] for e in plan.effects} == {Verb.STOP, Verb.DOWNLOAD}


def test_paused_recording_is_looked_at_again_when_an_answer_is_late() -> None:
    facts = make_facts(
        recordings=make_paused(
            consent=ASKING,
            capture_wanted=Capture.PAUSED,
            active_seen_at=after(1),
            observed_at=after(29),
        ),
        participants=HERE,
    )

    assert plan_call(facts, make_context(), after(29)).wake_at == after(30)


def test_undecided_call_is_looked_at_again_when_it_settles() -> None:
    forbid = make_policy("council", Decision.FORBID, match=no_participant(ALICE))
    context = make_context(make_policy(), forbid)

    assert plan_call(make_facts(), context, after(2) - TICK).wake_at == after(2)


def test_alarms_of_a_call_that_is_over_are_not_raised_again() -> None:
    require, forbid = make_policy(decision=Decision.REQUIRE), make_policy("no", Decision.FORBID)
    context = make_context(require, forbid)

    assert [a.name for a in plan_call(make_facts(), context, after(1)).alarms] == ["PolicyConflict"]
    assert plan_call(make_facts(ENDED), context, after(61)).alarms == ()


def test_plan_is_about_the_version_it_was_made_from() -> None:
    facts = make_facts(make_call(facts_version=7))

    assert plan_call(facts, make_context(), after(1)).facts_version == 7


def test_purge_is_planned_for_the_file_that_is_due() -> None:
    facts = make_facts(
        ENDED, recordings=make_stopped(retention=keep(None, "1d")), files=make_verified()
    )

    (purge,) = plan_call(facts, make_context(), after(days=2)).effects

    assert getattr(purge, "file", None) == FILE
