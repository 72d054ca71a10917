"""Approvals: what a person allowed a policy set to delete earlier than was promised.

Written by `apply` from a plan, kept in the ledger, heeded by planning and by the guard of a reload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.recordings import RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One plan that was approved: `recordings` may go earlier under the policies of one digest.

    `plan_digest` is the plan's as it was shown. From `expires_at` on it allows nothing more.
    """

    id: str
    plan_digest: str
    policy_digest: str
    recordings: frozenset[RecordingId]
    reason: str
    approved_by: str
    approved_at: datetime
    expires_at: datetime

    def is_in_force(self, now: datetime) -> bool:
        """Say whether it still allows what it names."""
        return now < self.expires_at
