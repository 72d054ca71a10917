"""Suspensions, approvals and locked rules: what people decided, and until when it holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.approvals import Approval
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import RecordingId
from recordingd.domain.suspensions import Suspension
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ports.ledger import LockedRule

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import Make

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def make_suspension(
    suspension_id: str = "s1", policy: str | None = "support", *, at: datetime
) -> Suspension:
    return Suspension(
        id=suspension_id,
        policy=None if policy is None else PolicyName(policy),
        reason="the archive is being moved",
        suspended_by="root",
        suspended_at=at,
        until=at + HOUR,
    )


def make_approval(
    approval_id: str = "a1", digest: str = "d1", *, at: datetime, lasts: timedelta = HOUR
) -> Approval:
    return Approval(
        id=approval_id,
        plan_digest="p1",
        policy_digest=digest,
        recordings=frozenset({RecordingId("r2"), RecordingId("r1")}),
        reason="the works council agreed",
        approved_by="root",
        approved_at=at,
        expires_at=at + lasts,
    )


@pytest.mark.parametrize("policy", ["support", None])
def test_suspension_reads_back_as_it_was_written(
    ledger: LedgerDatabase, make: Make, policy: str | None
) -> None:
    suspension = make_suspension(policy=policy, at=make.now)
    with ledger.transaction() as store:
        store.add_suspension(suspension)
        assert store.suspensions(now=make.now) == [suspension]


@pytest.mark.parametrize(("off", "is_listed"), [(-TICK, True), (0 * TICK, False), (TICK, False)])
def test_suspension_ends_by_itself(
    ledger: LedgerDatabase, make: Make, off: timedelta, *, is_listed: bool
) -> None:
    with ledger.transaction() as store:
        store.add_suspension(make_suspension(at=make.now))
        assert bool(store.suspensions(now=make.now + HOUR + off)) is is_listed


def test_lifted_suspension_is_over(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        for name in ("s1", "s2"):
            store.add_suspension(make_suspension(name, at=make.now))
        store.lift_suspension("s1", by="ada", at=make.now)
        assert [s.id for s in store.suspensions(now=make.now)] == ["s2"]


def test_id_of_a_suspension_is_used_once(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.add_suspension(make_suspension(at=make.now))
    with pytest.raises(InvariantBroken), ledger.transaction() as store:
        store.add_suspension(make_suspension(at=make.now))


def test_approval_reads_back_as_it_was_written(ledger: LedgerDatabase, make: Make) -> None:
    approval = make_approval(at=make.now)
    with ledger.transaction() as store:
        store.add_approval(approval)
        assert store.approvals_for("d1", now=make.now) == [approval]


def test_approval_is_for_one_policy_set_only(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.add_approval(make_approval(at=make.now))
        assert store.approvals_for("d2", now=make.now) == []


@pytest.mark.parametrize(("off", "is_listed"), [(-TICK, True), (0 * TICK, False), (TICK, False)])
def test_approval_expires(
    ledger: LedgerDatabase, make: Make, off: timedelta, *, is_listed: bool
) -> None:
    with ledger.transaction() as store:
        store.add_approval(make_approval(at=make.now))
        assert bool(store.approvals_for("d1", now=make.now + HOUR + off)) is is_listed


def test_approvals_are_listed_oldest_first(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        for name, minutes in (("a1", 2), ("a2", 1)):
            at = make.now + timedelta(minutes=minutes)
            store.add_approval(make_approval(name, at=at))
        assert [a.id for a in store.approvals_for("d1", now=make.now)] == ["a2", "a1"]


def test_locked_rules_are_remembered_with_their_revision(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        assert store.locked_rules() == {}
        store.lock_rules([RuleName("b"), RuleName("a")], revision=2, at=make.now)
        store.lock_rules([], revision=3, at=make.now)
        locked = LockedRule(revision=2, locked_at=make.now)
        assert store.locked_rules() == {"a": locked, "b": locked}


def test_commit_of_a_revision_is_named_later(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        for digest in ("d1", "d2"):
            store.add_revision(digest=digest, texts={}, git_commit="c1+changes", at=make.now)
        store.name_commit(2, "c2")
        commits = [r.git_commit for n in (1, 2) if (r := store.revision(n)) is not None]
        assert commits == ["c1+changes", "c2"]
