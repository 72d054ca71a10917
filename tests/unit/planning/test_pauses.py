"""Which pauses are open: requests, tags, ends by time, alarms."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import (
    RECORDING,
    T0,
    TICK,
    after,
    make_call,
    make_facts,
    make_pause_rule,
    make_request,
)

from recordingd.domain.pauses import PauseRule
from recordingd.domain.plans import Alarm
from recordingd.domain.recordings import CaptureRequest, Pause, PauseReason, RecordingId
from recordingd.planning.pauses import Silence, silence_of

CARD = PauseReason("pause:card-payment")


def at(seconds: float, *, is_resume: bool = False) -> CaptureRequest:
    return make_request(after(seconds), is_resume=is_resume)


def silence(
    *requests: CaptureRequest,
    rules: tuple[PauseRule, ...] = (make_pause_rule(),),
    fitting: tuple[PauseRule, ...] | None = None,
    tags: dict[str, str] | None = None,
    pauses: tuple[Pause, ...] = (),
    now: datetime | None = None,
) -> Silence:
    """Ask a call for its pauses; every rule fits it unless `fitting` says which."""
    facts = make_facts(make_call(tags=tags or {}), requests=requests, pauses=pauses)
    matching = rules if fitting is None else fitting
    return silence_of(facts, matching, rules, now or after(100))


def open_reasons(found: Silence) -> set[str]:
    return set(map(str, found.reasons))


def row(opened: float, closed: float | None = None, reason: PauseReason = CARD) -> Pause:
    closed_at = None if closed is None else after(closed)
    return Pause(recording=RECORDING, reason=reason, opened_at=after(opened), closed_at=closed_at)


# --- requests -------------------------------------------------------------------------------------


def test_nothing_asks_for_silence_in_an_ordinary_call() -> None:
    assert silence() == Silence(reasons={})


def test_request_opens_the_pause_of_a_rule_and_its_end_closes_it() -> None:
    assert open_reasons(silence(at(1))) == {"pause:card-payment"}
    assert open_reasons(silence(at(1), at(2, is_resume=True))) == set()
    assert open_reasons(silence(at(1), at(2, is_resume=True), at(3))) == {"pause:card-payment"}


def test_every_rule_that_fits_opens_a_reason_of_its_own() -> None:
    rules = (make_pause_rule(), make_pause_rule("health-data"))

    assert open_reasons(silence(at(1), rules=rules)) == {
        "pause:card-payment",
        "pause:health-data",
    }


@pytest.mark.parametrize("is_first_resume", [True, False])
def test_silence_wins_of_two_requests_at_one_moment(*, is_first_resume: bool) -> None:
    two = (at(1, is_resume=is_first_resume), at(1, is_resume=not is_first_resume))

    assert open_reasons(silence(*two)) == {"pause:card-payment"}


def test_newest_request_is_the_one_that_was_received_last() -> None:
    slow = CaptureRequest(
        id="slow", is_resume=False, reporter="app", at=after(1), received_at=after(9)
    )

    assert open_reasons(silence(slow, at(5, is_resume=True))) == {"pause:card-payment"}


# --- no rule --------------------------------------------------------------------------------------


def test_request_that_no_rule_answers_is_the_operators_until_it_is_taken_back() -> None:
    assert open_reasons(silence(at(1), rules=())) == {"operator"}
    assert open_reasons(silence(at(1), at(2, is_resume=True), rules=())) == set()


def test_rule_that_reads_tags_only_answers_no_request() -> None:
    assert open_reasons(silence(at(1), rules=(make_pause_rule(tags={"a": "b"}),))) == {"operator"}


def test_request_whose_rule_no_longer_fits_becomes_the_operators() -> None:
    rule = make_pause_rule(auto_resume="3m")

    found = silence(at(1), rules=(rule,), fitting=(), pauses=(row(1),), now=after(60))

    assert open_reasons(found) == {"operator"}


@pytest.mark.parametrize(
    ("pauses", "is_open"),
    [
        ((row(1, 181),), False),
        ((row(1),), False),
        ((row(1, 60),), True),
        ((), True),
        ((row(1, 181, PauseReason.CONSENT),), True),
    ],
)
def test_request_that_has_run_out_is_nobodys_when_its_rule_no_longer_fits(
    pauses: tuple[Pause, ...], *, is_open: bool
) -> None:
    rule = make_pause_rule(auto_resume="3m")

    found = silence(at(1), rules=(rule,), fitting=(), pauses=pauses, now=after(300))

    assert open_reasons(found) == ({"operator"} if is_open else set())


def test_rule_that_reads_tags_only_lets_no_request_run_out() -> None:
    by_tag = make_pause_rule(tags={"payment": "active"}, auto_resume="3m")

    found = silence(at(1), rules=(by_tag,), pauses=(row(1, 200),), now=after(300))

    assert open_reasons(found) == {"operator"}


# --- tags -----------------------------------------------------------------------------------------

BY_TAG = make_pause_rule(tags={"payment": "act*"}, auto_resume="3m")


@pytest.mark.parametrize(
    ("tags", "is_open"),
    [({"payment": "active"}, True), ({"payment": "done"}, False), ({}, False)],
)
def test_tag_opens_a_pause_for_as_long_as_it_says_so(
    tags: dict[str, str], *, is_open: bool
) -> None:
    assert bool(silence(rules=(BY_TAG,), tags=tags).reasons) is is_open


def test_tag_never_ends_by_itself_and_no_request_ends_it() -> None:
    found = silence(at(5, is_resume=True), rules=(BY_TAG,), tags={"payment": "active"})

    assert open_reasons(found) == {"pause:card-payment"}
    assert found.changes_at is None


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "is_open", "changes_at"),
    [
        (after(190) - TICK, True, after(190)),
        (after(190), False, None),
        (after(190) + TICK, False, None),
    ],
)
def test_pause_ends_by_itself_so_long_after_the_newest_request(
    now: datetime, changes_at: datetime | None, *, is_open: bool
) -> None:
    rules = (make_pause_rule(auto_resume="3m"),)

    found = silence(at(1), at(10), rules=rules, now=now)

    assert open_reasons(found) == ({"pause:card-payment"} if is_open else set())
    assert found.changes_at == changes_at


def test_pause_of_a_rule_without_a_limit_never_ends_by_itself() -> None:
    found = silence(at(1), now=after(days=9))

    assert open_reasons(found) == {"pause:card-payment"}
    assert found.changes_at is None


@pytest.mark.parametrize(
    ("now", "is_alarming"),
    [(after(601) - TICK, False), (after(601), True), (after(601) + TICK, True)],
)
def test_pause_that_lasts_too_long_alarms(now: datetime, *, is_alarming: bool) -> None:
    rules = (make_pause_rule(alarm_after="10m"),)

    found = silence(at(1), at(300), rules=rules, pauses=(row(2),), now=now)

    alarm = Alarm.of("PauseOverdue", call=make_call().call_id, rule="card-payment")
    assert found.alarms == ((alarm,) if is_alarming else ())
    assert found.changes_at == (None if is_alarming else after(601))


def test_length_of_a_pause_counts_from_after_the_last_resume() -> None:
    rules = (make_pause_rule(alarm_after="10m"),)

    found = silence(at(1), at(100, is_resume=True), at(200), rules=rules, now=after(300))

    assert found.changes_at == after(800)


def test_length_of_a_pause_by_tag_counts_from_its_beginning() -> None:
    rules = (make_pause_rule(tags={"payment": "active"}, alarm_after="10m"),)
    tags = {"payment": "active"}

    begun = silence(rules=rules, tags=tags, pauses=(row(50),), now=after(100))
    beginning = silence(rules=rules, tags=tags, now=after(100))

    assert (begun.changes_at, beginning.changes_at) == (after(650), after(700))


def test_earliest_moment_of_all_rules_is_told() -> None:
    rules = (make_pause_rule(auto_resume="3m"), make_pause_rule("other", auto_resume="2m"))

    assert silence(at(1), rules=rules, now=after(2)).changes_at == after(121)


# --- reasons --------------------------------------------------------------------------------------


def test_reason_of_a_rule_names_it() -> None:
    assert PauseReason.of_rule(make_pause_rule().name) == CARD
    assert (CARD.rule, str(CARD)) == ("card-payment", "pause:card-payment")


@pytest.mark.parametrize("reason", [PauseReason.CONSENT, PauseReason.SETTLE, PauseReason.OPERATOR])
def test_other_reasons_name_no_rule(reason: PauseReason) -> None:
    assert reason.rule is None


def test_pause_in_another_recording_of_the_call_counts_as_answered() -> None:
    earlier = Pause(
        recording=RecordingId("earlier"), reason=CARD, opened_at=T0, closed_at=after(181)
    )
    rule = make_pause_rule(auto_resume="3m")

    found = silence(at(1), rules=(rule,), fitting=(), pauses=(earlier,), now=after(300))

    assert open_reasons(found) == set()
