"""What the control socket answers: the outcome of what was asked, in the JSON form of its command.

Implements `ingress.control.Control` for the daemon. Every answer holds the exit code that its
command ends with (`cli.exits`), so that text, JSON and exit code come from one object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from recordingd.domain.approvals import Approval
from recordingd.domain.errors import ConfigurationError, LedgerFault, RecordingdError, UnsafePlan
from recordingd.domain.suspensions import Suspension
from recordingd.runtime.approving import PlanIsStale, approval_of
from recordingd.runtime.in_force import Reloaded
from recordingd.runtime.steering import Steering
from recordingd.runtime.suspending import NotAsked, Wish
from recordingd.runtime.views import Json, moment, suspension_json

OK, FAILED, INVALID, REFUSED, STALE, USAGE = 0, 1, 3, 5, 6, 64
# The first kind that a fault is of; what is none of them is a failure.
_EXIT_CODES: tuple[tuple[type[RecordingdError], int], ...] = (
    (ConfigurationError, INVALID),
    (UnsafePlan, REFUSED),
    (PlanIsStale, STALE),
    (NotAsked, USAGE),
    (RecordingdError, FAILED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswers:
    """The daemon as a command on this machine sees it."""

    steering: Steering
    ask_status: Callable[[], Awaitable[Mapping[str, object]]]

    async def status(self) -> Mapping[str, object]:
        """Return the status."""
        return await self.ask_status()

    async def reload(self, *, by: str, is_check: bool) -> Mapping[str, object]:
        """Return the verdict on the policy files."""
        try:
            reloaded = await self.steering.reload(by=by, is_check=is_check)
        except RecordingdError as fault:
            return refusal_json(fault)
        return reloaded_json(reloaded)

    async def suspend(
        self, *, by: str, scope: str, until: str, reason: str
    ) -> Mapping[str, object]:
        """Return the suspension as it was written."""
        try:
            wish = Wish(scope=scope, until=moment_of(until), reason=reason, by=by)
            made = await self.steering.suspend(wish)
        except (LedgerFault, UnsafePlan, NotAsked) as fault:
            return refusal_json(fault)
        return suspended_json(made)

    async def lift(self, *, by: str, scope: str) -> Mapping[str, object]:
        """Return what was lifted."""
        try:
            lifted = await self.steering.lift(scope, by=by)
        except (LedgerFault, NotAsked) as fault:
            return refusal_json(fault)
        return lifted_json(lifted)

    async def approve(self, body: Mapping[str, object], *, by: str) -> Mapping[str, object]:
        """Return the approval as it was written."""
        try:
            made = await self.steering.approve(approval_of(body, by=by))
        except (LedgerFault, NotAsked, PlanIsStale) as fault:
            return refusal_json(fault)
        return approved_json(made)


def approved_json(approval: Approval) -> Json:
    """Return an approval."""
    return {
        "ok": True,
        "exitCode": OK,
        "approval": {
            "id": approval.id,
            "planDigest": approval.plan_digest,
            "policyDigest": approval.policy_digest,
            "recordings": sorted(approval.recordings),
            "reason": approval.reason,
            "by": approval.approved_by,
            "at": moment(approval.approved_at),
            "expiresAt": moment(approval.expires_at),
        },
    }


def reloaded_json(reloaded: Reloaded) -> Json:
    """Return the verdict on the files, and what is in force after it.

    `changed` says that the files differ from the revision accepted last. `report` holds every
    finding as `validate` prints it.
    """
    judged, in_force = reloaded.judged, reloaded.in_force
    fault = None if judged.is_acceptable else judged.fault()
    return {
        "ok": judged.is_acceptable,
        "exitCode": OK if fault is None else exit_code_of(fault),
        "changed": judged.is_changed,
        "revision": in_force.revision,
        "digest": in_force.digest,
        "gitCommit": in_force.git_commit,
        "diagnostics": [found.as_json() for found in judged.diagnostics],
        "errors": list(judged.refusals),
        "report": [found.as_text() for found in judged.diagnostics],
    }


def suspended_json(made: Suspension) -> Json:
    """Return a suspension that was begun."""
    return {"ok": True, "exitCode": OK, "suspension": suspension_json(made)}


def lifted_json(lifted: tuple[Suspension, ...]) -> Json:
    """Return what was lifted; an empty list where nothing was suspended."""
    return {"ok": True, "exitCode": OK, "lifted": [suspension_json(s) for s in lifted]}


def refusal_json(fault: RecordingdError) -> Json:
    """Return why nothing was done."""
    return {"ok": False, "exitCode": exit_code_of(fault), "errors": [str(fault)]}


def exit_code_of(fault: RecordingdError) -> int:
    """Return the exit code of a command that ends with a fault."""
    return next(code for kind, code in _EXIT_CODES if isinstance(fault, kind))


def moment_of(text: str) -> datetime:
    """Read a moment in RFC 3339 as UTC; NotAsked when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not a time; write 2026-11-20T10:00:00Z"
        raise NotAsked(msg) from None
    if found.tzinfo is None:
        msg = f"'{text}' has no time zone; write {text}Z for UTC"
        raise NotAsked(msg)
    return found.astimezone(UTC)
