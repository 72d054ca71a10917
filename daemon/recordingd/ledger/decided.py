"""Suspensions of policies and of deletions, and approvals of what a policy set may delete earlier.

A part of `store`. Both are facts that people wrote; what follows from them is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from recordingd.domain.approvals import Approval
from recordingd.domain.policies import PolicyName
from recordingd.domain.suspensions import Suspension
from recordingd.ledger.part import Part, given, of_instance
from recordingd.ledger.prepared import Row
from recordingd.ledger.tables import approvals, suspensions

_IN_FORCE = (
    sa.select(*(c for c in suspensions.columns if c.name != "instance"))
    .where(
        of_instance(suspensions),
        suspensions.c.lifted_at.is_(None),
        suspensions.c.until > sa.bindparam("at_now"),
    )
    .order_by(suspensions.c.suspended_at, suspensions.c.id)
)
_SUSPEND = sa.insert(suspensions)
_LIFT = (
    sa.update(suspensions)
    .where(of_instance(suspensions), given(suspensions.c.id), suspensions.c.lifted_at.is_(None))
    .values(
        lifted_by=sa.bindparam("at_lifted_by"),
        lifted_at=sa.bindparam("at_lifted_at", type_=suspensions.c.lifted_at.type),
    )
)
_APPROVE = sa.insert(approvals)
_APPROVED = (
    sa.select(*(c for c in approvals.columns if c.name != "instance"))
    .where(
        of_instance(approvals),
        given(approvals.c.policy_digest),
        approvals.c.expires_at > sa.bindparam("at_now"),
    )
    .order_by(approvals.c.approved_at, approvals.c.id)
)


class Decided(Part):
    """Operations on what people decided; `ports.ledger.Ledger` holds their contracts."""

    def add_suspension(self, suspension: Suspension) -> None:
        """Write a new suspension."""
        self._tx.insert(
            _SUSPEND,
            id=suspension.id,
            policy=suspension.policy,
            reason=suspension.reason,
            suspended_by=suspension.suspended_by,
            suspended_at=suspension.suspended_at,
            until=suspension.until,
            lifted_by=suspension.lifted_by,
            lifted_at=suspension.lifted_at,
        )

    def suspensions(self, *, now: datetime) -> Sequence[Suspension]:
        """Return what is suspended at a moment."""
        return [_suspension_of(row) for row in self._tx.rows(_IN_FORCE, at_now=now)]

    def lift_suspension(self, suspension_id: str, *, by: str, at: datetime) -> None:
        """End a suspension before its time."""
        self._tx.change(_LIFT, at_id=suspension_id, at_lifted_by=by, at_lifted_at=at)

    def add_approval(self, approval: Approval) -> None:
        """Write a new approval."""
        self._tx.insert(
            _APPROVE,
            id=approval.id,
            plan_digest=approval.plan_digest,
            policy_digest=approval.policy_digest,
            recordings=approval.recordings,
            reason=approval.reason,
            approved_by=approval.approved_by,
            approved_at=approval.approved_at,
            expires_at=approval.expires_at,
        )

    def approvals_for(self, policy_digest: str, *, now: datetime) -> Sequence[Approval]:
        """Return what is approved for a policy set at a moment."""
        rows = self._tx.rows(_APPROVED, at_policy_digest=policy_digest, at_now=now)
        return [
            Approval(
                id=row.id,
                plan_digest=row.plan_digest,
                policy_digest=row.policy_digest,
                recordings=row.recordings,
                reason=row.reason,
                approved_by=row.approved_by,
                approved_at=row.approved_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ]


def _suspension_of(row: Row) -> Suspension:
    return Suspension(
        id=row.id,
        policy=None if row.policy is None else PolicyName(row.policy),
        reason=row.reason,
        suspended_by=row.suspended_by,
        suspended_at=row.suspended_at,
        until=row.until,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
    )
