"""Play the tests that people write beside their policies, and say which expectations were missed.

Called by `cli.test`. A test is played in the ideal world of `planning.rehearsal`: what is not given
never becomes known, and nothing is late, lost or refused by the service. Knows neither files nor
how results are printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recordingd.domain.calls import (
    CallEnded,
    CallEvent,
    CallReference,
    CallTagged,
    CaptureRequested,
    ConsentAnswered,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    Party,
)
from recordingd.domain.durations import add
from recordingd.domain.policy_tests import (
    Answers,
    AnyStep,
    AsksForPause,
    Ends,
    Expectation,
    IsTagged,
    Joins,
    Leaves,
    PolicyTest,
    TimePasses,
)
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.expectations import Mismatch, mismatches_of, reasons_of
from recordingd.planning.rehearsal import Happening, Snapshot, rehearse

# Steps follow each other at once, and still one after the other: no rule of the language counts in
# less than a second, so only a written wait lets any of them run out.
STEP_APART = timedelta(milliseconds=1)
_REPORTER = "policy-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One expectation and what was found instead of it, which is nothing when it was met.

    `reasons` are sentences about why the call is as it is; empty when the expectation was met.
    """

    expectation: Expectation
    mismatches: tuple[Mismatch, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedTest:
    """A test with what came of it: `judged` in the order written, a snapshot after every step."""

    test: PolicyTest
    judged: tuple[Judged, ...]
    snapshots: tuple[Snapshot, ...]

    @property
    def has_passed(self) -> bool:
        """Whether every expectation was met."""
        return not any(one.mismatches for one in self.judged)


def play(test: PolicyTest, context: PlanningContext) -> PlayedTest:
    """Play one test under some policies; the same input gives the same result."""
    snapshots = tuple(rehearse(_facts_of(test), _happenings(test, context), context))
    judged = tuple(_judge(expectation, snapshots, context) for expectation in test.expect)
    return PlayedTest(test=test, judged=judged, snapshots=snapshots)


def _judge(
    expectation: Expectation, snapshots: Sequence[Snapshot], context: PlanningContext
) -> Judged:
    snapshot = snapshots[expectation.after]
    found = tuple(mismatches_of(expectation, snapshot, context))
    reasons = tuple(reasons_of(expectation, snapshot, context)) if found else ()
    return Judged(expectation=expectation, mismatches=found, reasons=reasons)


# --- what happens ---------------------------------------------------------------------------------


def _facts_of(test: PolicyTest) -> CallFacts:
    began = test.started_at
    return CallFacts(call=replace(test.call, first_seen_at=began, started_at=began))


def _happenings(test: PolicyTest, context: PlanningContext) -> Iterator[Happening]:
    """Yield the start and every step, each at its moment.

    The planner is first asked when the call counts as settled: whoever writes a test gives what is
    known, and what is left out never comes.
    """
    cast = _Cast(test)
    now = test.started_at + context.settle
    yield Happening(at=now, events=tuple(cast.enter(test.parties, test.started_at)))
    for step in test.steps:
        if isinstance(step, TimePasses):
            later = add(now, step.duration)
            assert isinstance(later, datetime), "a finite duration ends"
            now = later
        else:
            now += STEP_APART
        yield Happening(at=now, events=tuple(cast.act(step, now)))


class _Cast:
    """Who is in the call of a test, and the events that tell of them."""

    def __init__(self, test: PolicyTest) -> None:
        self._about = CallReference(server_call_id=test.call.server_call_id)
        self._is_list_complete = test.is_list_complete
        self._present: dict[str, Party] = {}
        self._lists = 0

    def enter(self, parties: Sequence[Party], at: datetime) -> Iterator[CallEvent]:
        for party in parties:
            self._present[party.raw_id] = party
            yield ParticipantAdded(about=self._about, at=at, party=party)
        yield from self._list(at)

    def act(self, step: AnyStep, at: datetime) -> Iterator[CallEvent]:
        match step:
            case Answers():
                yield self._answer(step, at)
            case Joins():
                yield from self.enter([step.party], at)
            case Leaves():
                party = self._present.pop(step.participant)
                yield ParticipantRemoved(about=self._about, at=at, party=party)
                yield from self._list(at)
            case IsTagged():
                yield CallTagged(about=self._about, at=at, tags=step.tags, roles=step.roles)
            case AsksForPause():
                yield CaptureRequested(
                    about=self._about, at=at, is_resume=step.is_resume, reporter=_REPORTER
                )
            case TimePasses():
                pass
            case Ends():
                yield CallEnded(about=self._about, at=at)

    def _answer(self, step: Answers, at: datetime) -> CallEvent:
        return ConsentAnswered(
            about=self._about,
            at=at,
            answer=step.answer,
            participant=step.participant,
            purpose=step.purpose,
            method=step.method,
            reporter=_REPORTER,
        )

    def _list(self, at: datetime) -> Iterator[CallEvent]:
        if self._is_list_complete:
            self._lists += 1
            everybody = tuple(self._present.values())
            yield ParticipantsUpdated(
                about=self._about, at=at, parties=everybody, sequence=self._lists
            )
