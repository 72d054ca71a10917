"""Suspensions: one policy, or every deletion, stopped by a person until a moment.

Written by `runtime.suspending`, kept in the ledger, heeded by planning through its context. A
suspension ends by itself, and never lets anything be recorded that a rule keeps from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.policies import PolicyName

# The word for all deletions where a policy's name could stand.
DELETIONS = "deletions"
# What is meant to last longer belongs into the files, where it is reviewed.
SUSPENDED_AT_MOST = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """One suspension; `policy` is None when it is deletions that are suspended.

    It lasts from `suspended_at` until `until`, exclusive, or until it is lifted.
    """

    id: str
    policy: PolicyName | None
    reason: str
    suspended_by: str
    suspended_at: datetime
    until: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None

    @property
    def scope(self) -> str:
        """What is suspended, as a person says it: the policy's name, or `deletions`."""
        return DELETIONS if self.policy is None else self.policy

    def is_in_force(self, now: datetime) -> bool:
        """Say whether it stops anything at a moment."""
        return self.lifted_at is None and now < self.until
