"""Approve a plan: which recordings may go earlier than was promised, under which policies.

Called by `runtime.steering` for a running daemon, and by `runtime.offline` where none runs. Writes
a fact and acts on nothing: what follows for a recording is planning's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordingd.domain.approvals import Approval
from recordingd.domain.errors import RecordingdError
from recordingd.domain.recordings import RecordingId
from recordingd.ports.ledger import AuditEntry, Ledger
from recordingd.runtime.suspending import NotAsked

# Long enough to take the policies into force; what nobody did by then is looked at again.
APPROVED_FOR = timedelta(days=7)


class PlanIsStale(RecordingdError):
    """What was approved is not what would happen any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanApproval:
    """What somebody approves, as `apply` found it.

    `purge_generation` is that of the plan, and `recordings` are those of it that are left.
    """

    plan_digest: str
    policy_digest: str
    purge_generation: int
    recordings: frozenset[RecordingId]
    reason: str
    by: str


def approval_of(body: Mapping[str, object], *, by: str) -> PlanApproval:
    """Read what was asked for, as JSON has it; NotAsked when it is something else."""
    match body:
        case {
            "planDigest": str(plan_digest),
            "policyDigest": str(policy_digest),
            "ledgerGeneration": int(generation),
            "recordings": [str(), *_] as recordings,
            "reason": str(reason),
        } if not isinstance(generation, bool) and all(isinstance(r, str) for r in recordings):
            return PlanApproval(
                plan_digest=plan_digest,
                policy_digest=policy_digest,
                purge_generation=generation,
                recordings=frozenset(RecordingId(str(one)) for one in recordings),
                reason=reason,
                by=by,
            )
        case _:
            msg = "an approval needs planDigest, policyDigest, ledgerGeneration, recordings, reason"
            raise NotAsked(msg)


def approve(ledger: Ledger, wanted: PlanApproval, *, approval_id: str, now: datetime) -> Approval:
    """Write an approval; PlanIsStale when a hold was placed or released since the plan was made."""
    if ledger.purge_generation() != wanted.purge_generation:
        msg = "holds were placed or released since the plan was made; make it again"
        raise PlanIsStale(msg)
    approval = Approval(
        id=approval_id,
        plan_digest=wanted.plan_digest,
        policy_digest=wanted.policy_digest,
        recordings=wanted.recordings,
        reason=wanted.reason,
        approved_by=wanted.by,
        approved_at=now,
        expires_at=now + APPROVED_FOR,
    )
    ledger.add_approval(approval)
    ledger.append_audit([_line(approval)])
    return approval


def _line(approval: Approval) -> AuditEntry:
    """Write down who approved what; the reason is a person's own words, and stays beside it.

    Of the recordings, which may be very many, stands the digest of their ids; the ids themselves
    stand in the approval.
    """
    names = "".join(f"{name}\n" for name in sorted(approval.recordings))
    detail = {
        "planDigest": approval.plan_digest,
        "policyDigest": approval.policy_digest,
        "recordings": len(approval.recordings),
        "recordingsDigest": hashlib.sha256(names.encode()).hexdigest(),
        "expiresAt": approval.expires_at.isoformat(),
        "by": approval.approved_by,
    }
    return AuditEntry(kind="plan.approved", call_id=None, ref=approval.id, detail=detail)
