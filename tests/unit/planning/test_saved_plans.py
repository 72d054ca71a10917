"""Whether a plan that was written down still says what would happen."""

from __future__ import annotations

import pytest
from tests.factories import T0, changed

from recordingd.domain.plans import ReasonCode, Why
from recordingd.domain.recordings import RecordingId
from recordingd.planning.forecast import PlanLine, Section
from recordingd.planning.rendering import PrintedPlan
from recordingd.planning.saved_plans import NAMED_MAX, SavedPlan, staleness


def ids(*names: str) -> frozenset[RecordingId]:
    return frozenset(map(RecordingId, names))


def saved(*candidates: str) -> SavedPlan:
    return SavedPlan(
        plan_digest="cd" * 32,
        instance="uk",
        at="2026-11-01T09:00:00Z",
        policy_digest="ab" * 32,
        purge_generation=3,
        candidates=ids(*candidates),
    )


def current(*candidates: str, **changes: object) -> PrintedPlan:
    lines = tuple(
        PlanLine(
            section=Section.SWEEPS,
            verb="change",
            target=name,
            why=Why(code=ReasonCode.KEEPING_CHANGED, text="kept shorter"),
            at=T0,
            needs_approval=True,
            recording=RecordingId(name),
        )
        for name in candidates
    )
    made = PrintedPlan(
        instance="uk",
        at=T0,
        horizon=T0,
        policy_digest="ab" * 32,
        purge_generation=3,
        lines=lines,
    )
    return changed(made, changes)


@pytest.mark.parametrize("left", [("r1", "r2"), ("r2",), ()], ids=["same", "fewer", "none"])
def test_plan_holds_while_nothing_came_to_it(left: tuple[str, ...]) -> None:
    assert list(staleness(saved("r1", "r2"), current(*left))) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy_digest": "ef" * 32}, "the policy files have changed since"),
        ({"purge_generation": 4}, "holds were placed or released since"),
        ({"purge_generation": 2}, "holds were placed or released since"),
        ({"instance": "us"}, "it was made for instance 'uk', and this is 'us'"),
    ],
)
def test_plan_is_stale_once_what_it_rests_on_has_changed(
    changes: dict[str, object], words: str
) -> None:
    assert list(staleness(saved("r1"), current("r1", **changes))) == [words]


def test_plan_is_stale_once_something_came_to_it_even_if_something_else_went() -> None:
    (reason,) = staleness(saved("r1", "r2"), current("r2", "r3"))
    assert reason == "1 recording has come to it: r3"


def test_only_some_of_very_many_are_named() -> None:
    names = [f"r{n}" for n in range(NAMED_MAX + 1)]
    (reason,) = staleness(saved(), current(*names))
    assert reason == "6 recordings have come to it: r0, r1, r2, r3, r4, …"


def test_every_reason_is_told() -> None:
    reasons = list(staleness(saved(), current("r1", instance="us", policy_digest="e")))
    assert len(reasons) == 3
