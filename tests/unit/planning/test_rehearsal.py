"""Calls in an ideal world, happening by happening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    T0,
    after,
    keep,
    make_consent_rule,
    make_context,
    make_facts,
    make_party,
    make_pause_rule,
    make_policy,
    make_spec,
    tag_is,
)

from recordingd.domain.calls import (
    CallEnded,
    CallEvent,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    ParticipantAdded,
)
from recordingd.domain.consent import Parties
from recordingd.domain.durations import parse_finite_duration
from recordingd.domain.plans import ObserveRecording, PurgeFile
from recordingd.domain.policies import Captured, Decision, IfAbsent, WaitFor
from recordingd.domain.policy_tests import ExpectedCapture
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import RecordingState
from recordingd.planning.rehearsal import Happening, Snapshot, rehearse

ACTIVE, PAUSED, STOPPED, NONE = (
    ExpectedCapture.ACTIVE,
    ExpectedCapture.PAUSED,
    ExpectedCapture.STOPPED,
    ExpectedCapture.NONE,
)
ASKING = make_policy(consent=make_consent_rule(Parties.KNOWN))
KEEPING = make_policy(retention=keep("90d", "2y"))


def joins(seconds: float, who: str = ALICE) -> CallEvent:
    return ParticipantAdded(about=ABOUT, at=after(seconds), party=make_party(who))


def agrees(seconds: float, who: str | None = ALICE) -> ConsentAnswered:
    return ConsentAnswered(
        about=ABOUT,
        at=after(seconds),
        answer=ConsentAnswer.GRANTED,
        participant=who,
        purpose="recording",
        method="app",
        reporter="app",
    )


def refuses(seconds: float, who: str = ALICE) -> CallEvent:
    return replace(agrees(seconds, who), answer=ConsentAnswer.DENIED)


def ends(seconds: float) -> CallEvent:
    return CallEnded(about=ABOUT, at=after(seconds))


def played(context: PlanningContext, *events: CallEvent, until: float = 0) -> list[Snapshot]:
    """Let each event happen by itself at its time; return the call after each, and at the end."""
    happenings = [Happening(at=event.at, events=(event,)) for event in events]
    if until:
        happenings.append(Happening(at=after(until)))
    return list(rehearse(make_facts(), happenings, context))


def captures(snapshots: Sequence[Snapshot]) -> list[ExpectedCapture]:
    return [snapshot.capture for snapshot in snapshots]


def test_wanted_call_captures_at_once() -> None:
    (snapshot,) = played(make_context(), joins(0))

    assert snapshot.capture is ACTIVE
    assert snapshot.pauses == frozenset()


def test_call_that_nobody_wants_has_no_recording() -> None:
    context = make_context(make_policy(decision=Decision.SKIP))
    (snapshot,) = played(context, joins(0))

    assert (snapshot.capture, snapshot.recording, snapshot.dates) == (NONE, None, None)


def test_audio_flows_once_everybody_has_agreed() -> None:
    snapshots = played(make_context(ASKING), joins(0), agrees(1), joins(2, BOB), agrees(3, BOB))

    assert captures(snapshots) == [PAUSED, ACTIVE, PAUSED, ACTIVE]
    assert snapshots[2].pauses == {"consent"}


@pytest.mark.parametrize(
    ("seconds", "capture"), [(29.999, PAUSED), (30, STOPPED), (30.001, STOPPED)]
)
def test_answer_is_waited_for_as_long_as_the_rule_says(
    seconds: float, capture: ExpectedCapture
) -> None:
    *_, last = played(make_context(ASKING), joins(0), until=seconds)

    assert last.capture is capture


def test_refusal_ends_what_was_recorded() -> None:
    *_, last = played(make_context(ASKING), joins(0), agrees(1), refuses(5))

    assert last.capture is STOPPED
    assert last.recording is not None
    assert last.recording.erase_at == after(5)


def test_forbid_that_comes_true_ends_the_recording() -> None:
    forbid = make_policy(
        "council", Decision.FORBID, match=tag_is("council", "yes"), captured=Captured.KEEP
    )
    tagged = CallTagged(about=ABOUT, at=after(5), tags={"council": "yes"}, roles={})
    snapshots = played(make_context(make_policy(), forbid), joins(0), tagged)

    assert captures(snapshots) == [ACTIVE, STOPPED]
    assert snapshots[1].verdict.winner == forbid


def test_requested_silence_lasts_until_its_rule_ends_it() -> None:
    context = make_context(pause_rules=(make_pause_rule(auto_resume="3m"),))
    asked = CaptureRequested(about=ABOUT, at=after(10), is_resume=False, reporter="app")
    paused, *_ = reversed(played(context, joins(0), asked, until=189.999))
    resumed, *_ = reversed(played(context, joins(0), asked, until=190))

    assert (paused.capture, paused.pauses) == (PAUSED, frozenset({"pause:card-payment"}))
    assert (resumed.capture, resumed.pauses) == (ACTIVE, frozenset())


def test_end_of_the_call_brings_a_file_and_with_it_every_date() -> None:
    *_, last = played(make_context(KEEPING), joins(0), ends(60))

    assert last.capture is STOPPED
    assert last.dates is not None
    assert last.dates.state is RecordingState.KEPT
    assert last.dates.keep_until == after(60, days=90)
    assert last.dates.delete_rule == "support-line#retention"


def test_recording_that_never_flowed_has_no_file() -> None:
    *_, last = played(make_context(ASKING), joins(0), ends(5))

    assert last.facts.files == ()
    assert last.flowed == {}
    assert last.dates is not None
    assert last.dates.state is RecordingState.NOT_RECORDED


def test_what_is_kept_is_purged_when_its_time_has_come() -> None:
    context = make_context(make_policy(retention=keep(None, "1d")))
    *_, last = played(context, joins(0), ends(60), until=timedelta(days=2).total_seconds())

    (purge,) = [e for turn in last.turns for e in turn.done.effects if isinstance(e, PurgeFile)]
    assert purge.due_at == after(60, days=1)
    assert last.dates is not None
    assert last.dates.state is RecordingState.PURGED


def test_only_audio_that_flowed_is_counted() -> None:
    *_, last = played(make_context(ASKING), joins(0), agrees(10), joins(40, BOB), ends(60))

    assert list(last.flowed.values()) == [timedelta(seconds=30)]


def test_audio_that_flows_now_is_counted_up_to_now() -> None:
    *_, last = played(make_context(), joins(0), until=100)

    assert list(last.flowed.values()) == [timedelta(seconds=100)]


def test_start_waits_for_somebody_who_is_to_have_a_channel() -> None:
    spec = make_spec(assign={0: BOB}, if_absent=WaitFor(duration=parse_finite_duration("20s")))
    snapshots = played(make_context(make_policy(record=spec)), joins(0), joins(5, BOB))

    assert captures(snapshots) == [NONE, ACTIVE]
    assert snapshots[1].recording is not None
    assert snapshots[1].recording.affinity == {0: BOB}


def test_what_happens_at_one_moment_is_known_together() -> None:
    spec = make_spec(assign={0: BOB}, if_absent=IfAbsent.START_WITHOUT)
    together = Happening(at=T0, events=(joins(0, ALICE), joins(0, BOB)))
    (snapshot,) = rehearse(make_facts(), [together], make_context(make_policy(record=spec)))

    assert snapshot.recording is not None
    assert snapshot.recording.affinity == {0: BOB}


def test_export_into_a_container_that_no_settings_name_is_verified_there() -> None:
    spec = replace(make_spec(), container="https://contoso.blob.core.windows.net/kept")
    *_, last = played(make_context(make_policy(record=spec)), joins(0), ends(60))

    assert last.dates is not None
    assert last.dates.state is RecordingState.KEPT
    assert last.facts.files[0].is_external


def test_rotated_recording_is_followed_by_the_next_at_once() -> None:
    spec = replace(make_spec(), rotate_every=parse_finite_duration("8h"))
    context = make_context(make_policy(record=spec))
    *_, last = played(context, joins(0), until=timedelta(hours=9).total_seconds())

    assert [r.is_open for r in last.facts.recordings] == [False, True]
    assert last.capture is ACTIVE


def test_long_call_is_not_read_back_again_and_again() -> None:
    *_, last = played(make_context(), joins(0), until=timedelta(hours=20).total_seconds())

    read = [e for turn in last.turns for e in turn.done.effects if isinstance(e, ObserveRecording)]
    assert len(read) < 20
    assert last.capture is ACTIVE


def test_time_limit_in_a_long_call_is_met_on_the_dot() -> None:
    """What is passed over must not hide what the planner waits for."""
    context = make_context(make_policy(), pause_rules=(make_pause_rule(auto_resume="2h"),))
    asked = CaptureRequested(about=ABOUT, at=after(10), is_resume=False, reporter="app")
    *_, last = played(context, joins(0), asked, until=timedelta(hours=10).total_seconds())

    (closed,) = [pause.closed_at for pause in last.facts.pauses]
    assert closed == after(10, hours=2)


def test_turns_are_those_since_the_snapshot_before() -> None:
    first, second = played(make_context(), joins(0), ends(60))

    assert {turn.at for turn in first.turns} == {T0}
    assert all(T0 < turn.at <= after(60) for turn in second.turns)
