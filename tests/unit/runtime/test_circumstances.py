from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.factories import SOURCE, T0, after, make_policy
from tests.unit.runtime.trees import make_settings

from recordingd.config.settings import Settings
from recordingd.domain.approvals import Approval
from recordingd.domain.durations import parse_duration
from recordingd.domain.holds import PlacedHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import PolicyName, PolicySet
from recordingd.domain.recordings import RecordingId
from recordingd.domain.suspensions import Suspension
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.store import LedgerStore
from recordingd.planning.context import PlanningContext
from recordingd.planning.matching import compile_policies
from recordingd.runtime.circumstances import (
    Circumstances,
    planning_context,
    read_circumstances,
)

POLICIES = PolicySet(policies=(make_policy(),), groups={}, texts={}, digest="d1")
ENDS = after(hours=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


@pytest.fixture
def ledger() -> Iterator[LedgerStore]:
    database = open_ledger("sqlite://", instance="default", now=lambda: T0)
    with database.transaction() as store:
        yield store
    database.close()


def make_hold(name: str = "case", *, ends_at: datetime | None = None) -> PlacedHold:
    return PlacedHold(
        name=RuleName(name),
        text="",
        source=SOURCE,
        reason="",
        owner="",
        policy_revision=1,
        placed_by="ada",
        placed_at=T0,
        source_removed_at=T0,
        ends_at=ends_at,
    )


def make_suspension(policy: str | None) -> Suspension:
    return Suspension(
        id=str(policy),
        policy=None if policy is None else PolicyName(policy),
        reason="",
        suspended_by="ada",
        suspended_at=T0,
        until=ENDS,
    )


def make_approval(*recordings: str, digest: str = "d1") -> Approval:
    return Approval(
        id="-".join(recordings),
        plan_digest="p",
        policy_digest=digest,
        recordings=frozenset(map(RecordingId, recordings)),
        reason="",
        approved_by="ada",
        approved_at=T0,
        expires_at=ENDS,
    )


def context_of(
    settings: Settings, circumstances: Circumstances, now: datetime = T0
) -> PlanningContext:
    compiled = compile_policies(POLICIES)
    return planning_context(settings, compiled, 4, circumstances=circumstances, now=now)


def test_settings_bound_every_decision(settings: Settings) -> None:
    context = context_of(settings, Circumstances())
    assert (context.revision, context.mode) == (4, settings.mode)
    assert context.ceiling == parse_duration("10y")
    assert (context.hold_grace, context.settle) == (settings.hold_grace, settings.settle)
    assert not context.require_consent_rule


def test_settings_may_ask_for_a_consent_rule(settings: Settings) -> None:
    asking = replace(settings, requires_consent_rule=True)
    assert context_of(asking, Circumstances()).require_consent_rule


@pytest.mark.parametrize(("off", "counts"), [(-1, True), (0, False), (1, False)])
def test_what_ends_by_itself_bounds_nothing_from_its_end_on(
    settings: Settings, off: int, *, counts: bool
) -> None:
    circumstances = Circumstances(
        holds=(make_hold(ends_at=ENDS),),
        suspensions=(make_suspension("support-line"), make_suspension(None)),
        approvals=(make_approval("r1", "r2"), make_approval("r3")),
    )
    context = context_of(settings, circumstances, ENDS + timedelta(seconds=off))
    assert (context.suspended == {"support-line"}) is counts
    assert context.is_deleting_suspended is counts
    assert (context.orphaned_holds == {"case"}) is counts
    assert (context.ended_holds == {"case"}) is not counts
    assert (context.shortened == {"r1", "r2", "r3"}) is counts


def test_next_change_is_the_earliest_end_that_is_to_come() -> None:
    circumstances = Circumstances(
        holds=(make_hold(), make_hold("other", ends_at=after(30))),
        suspensions=(make_suspension(None),),
    )
    assert circumstances.next_change(T0) == after(30)
    assert circumstances.next_change(after(30)) == ENDS
    assert circumstances.next_change(ENDS) is None


def test_approvals_are_read_for_the_policies_that_are_asked_about(
    ledger: LedgerStore, settings: Settings
) -> None:
    for approval in (make_approval("r1"), make_approval("r2", digest="d2")):
        ledger.add_approval(approval)
    read = read_circumstances(ledger, POLICIES, settings, now=T0)
    assert read.approvals == (make_approval("r1"),)


def test_holds_are_read_as_accepting_the_policies_would_leave_them(
    ledger: LedgerStore, settings: Settings
) -> None:
    described = PlacedHold(
        name=RuleName("case"),
        text="",
        source=SOURCE,
        reason="",
        owner="",
        policy_revision=1,
        placed_by="ada",
        placed_at=T0,
    )
    ledger.place_hold(described)
    (hold,) = read_circumstances(ledger, POLICIES, settings, now=ENDS).holds
    assert hold.source_removed_at == ENDS
    assert ledger.holds() == [described]
