from __future__ import annotations

from datetime import timedelta

import pytest
from tests.factories import T0, after

from recordingd.domain.recordings import Verb
from recordingd.runtime.retries import PACES, next_try_at


class Middle:
    def between(self, low: float, high: float) -> float:
        return (low + high) / 2


def wait(verb: Verb, tries: int, **given: object) -> float:
    arguments = {"asked_delay_seconds": None, "deadline": None, **given}
    moment = next_try_at(verb, tries, now=T0, rand=Middle(), **arguments)  # type: ignore[arg-type]  # given by name
    return (moment - T0).total_seconds()


@pytest.mark.parametrize("verb", list(Verb))
def test_every_effect_has_a_pace(verb: Verb) -> None:
    assert PACES[verb].first <= PACES[verb].longest


def test_wait_doubles_up_to_the_longest() -> None:
    waits = [wait(Verb.DOWNLOAD, tries) for tries in (1, 2, 3, 40)]
    assert waits == [0.5, 1.0, 2.0, 900.0]


def test_service_that_asks_for_more_time_gets_it() -> None:
    assert wait(Verb.START, 1, asked_delay_seconds=30.0) == 30.0


def test_pause_does_not_wait_as_long_as_a_busy_service_asks() -> None:
    assert wait(Verb.PAUSE, 1, asked_delay_seconds=30.0) < 1


@pytest.mark.parametrize(("left_seconds", "longest"), [(400, 100), (40, 10), (2, 1)])
def test_wait_is_never_more_than_a_quarter_of_what_is_left(
    left_seconds: int, longest: float
) -> None:
    deadline = after(left_seconds)
    assert wait(Verb.DOWNLOAD, 30, deadline=deadline) == longest


def test_deadline_that_has_passed_limits_nothing() -> None:
    assert wait(Verb.DOWNLOAD, 1, deadline=T0 - timedelta(seconds=1)) == 0.5


def test_three_pauses_fit_into_two_seconds() -> None:
    assert wait(Verb.PAUSE, 1) + wait(Verb.PAUSE, 2) < 2
