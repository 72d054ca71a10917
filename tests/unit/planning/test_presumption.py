from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.factories import T0, after, make_call, make_participant, make_recording

from recordingd.domain.plans import PresumeCallEnded
from recordingd.domain.recordings import CallFacts, ServiceRecordingId
from recordingd.planning.presumption import QUIET_FOR, plan_presumed_end

TICK = timedelta(milliseconds=1)


def ends(facts: CallFacts, now: datetime) -> list[datetime]:
    actions = plan_presumed_end(facts, now).ledger
    return [action.at for action in actions if isinstance(action, PresumeCallEnded)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T0 + QUIET_FOR - TICK, []),
        (T0 + QUIET_FOR, [T0]),
        (T0 + QUIET_FOR + TICK, [T0]),
    ],
)
def test_call_not_heard_of_for_a_day_is_over(now: datetime, expected: list[datetime]) -> None:
    assert ends(CallFacts(call=make_call()), now) == expected


def test_call_ended_when_it_was_last_seen_alive() -> None:
    facts = CallFacts(call=make_call(), participants=(make_participant(joined_at=after(hours=2)),))
    assert ends(facts, after(hours=2) + QUIET_FOR) == [after(hours=2)]


def test_call_that_is_read_back_lives_as_long_as_its_recording() -> None:
    running = make_recording(first_sent_at=T0, recording_id=ServiceRecordingId("service"))
    facts = CallFacts(call=make_call(), recordings=(running,))
    assert ends(facts, after(days=30)) == []


def test_start_without_an_answer_keeps_no_call_alive() -> None:
    unresolved = make_recording(first_sent_at=T0)
    facts = CallFacts(call=make_call(), recordings=(unresolved,))
    assert ends(facts, after(days=2)) == [T0]


def test_call_that_is_over_is_left_alone() -> None:
    facts = CallFacts(call=make_call(ended_at=after(10)))
    assert plan_presumed_end(facts, after(days=9)).wake_at is None
