"""Suspend a policy or deletions, and lift that again: what may be, and how it is written down.

Called by `runtime.steering` for a running daemon, and by `cli` where none runs. What a suspension
does to a call is planning's; here it only becomes a fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.config.schema_words import did_you_mean
from recordingd.domain.consent import ConsentRule
from recordingd.domain.errors import RecordingdError, UnsafePlan
from recordingd.domain.holds import LegalHold
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import Decision, PolicyName, PolicySet
from recordingd.domain.retention import RetentionRule
from recordingd.domain.suspensions import DELETIONS, SUSPENDED_AT_MOST, Suspension
from recordingd.ports.ledger import AuditEntry, Ledger

_MAY_BE = frozenset({Decision.RECORD, Decision.REQUIRE})


class Unsuspendable(UnsafePlan):
    """Suspending it would record, or delete, what a rule keeps from that."""


class NotAsked(RecordingdError):
    """What was asked makes no sense: no such policy, a moment that is over, an empty reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants suspended: a policy by name, or `deletions`."""

    scope: str
    until: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspending:
    """The set in force, the moment, and where new ids come from."""

    policies: PolicySet
    now: datetime
    new_id: Callable[[], str]

    def suspend(self, ledger: Ledger, wish: Wish) -> Suspension:
        """Write a suspension; one of the same scope that is in force is replaced by it.

        Raises Unsuspendable for what must not be suspended, NotAsked for what cannot be.
        """
        self._check(wish)
        earlier = self._in_force(ledger, wish.scope)
        for suspension in earlier:
            ledger.lift_suspension(suspension.id, by=wish.by, at=self.now)
        made = Suspension(
            id=self.new_id(),
            policy=None if wish.scope == DELETIONS else PolicyName(wish.scope),
            reason=wish.reason,
            suspended_by=wish.by,
            suspended_at=self.now,
            until=wish.until,
        )
        ledger.add_suspension(made)
        # The reason is a person's own words, and stays beside the chain.
        detail = {
            "id": made.id,
            "until": made.until,
            "by": made.suspended_by,
            "replaces": [suspension.id for suspension in earlier],
        }
        ledger.append_audit([_line("suspension.begun", made.scope, detail)])
        return made

    def lift(self, ledger: Ledger, scope: str, *, by: str) -> tuple[Suspension, ...]:
        """Lift what is suspended under a scope; return what was, empty when nothing was.

        Raises NotAsked when the scope is neither suspended nor a policy.
        """
        found = self._in_force(ledger, scope)
        if not found:
            self._require_known(ledger, scope)
        for suspension in found:
            ledger.lift_suspension(suspension.id, by=by, at=self.now)
            detail = {"id": suspension.id, "by": by}
            ledger.append_audit([_line("suspension.lifted", scope, detail)])
        return found

    def _in_force(self, ledger: Ledger, scope: str) -> tuple[Suspension, ...]:
        return tuple(s for s in ledger.suspensions(now=self.now) if s.scope == scope)

    def _check(self, wish: Wish) -> None:
        if not wish.reason.strip():
            msg = "a suspension needs a reason that others can read"
            raise NotAsked(msg)
        if wish.until <= self.now:
            msg = f"{wish.until.isoformat()} is over already"
            raise NotAsked(msg)
        if wish.until > self.now + SUSPENDED_AT_MOST:
            days = SUSPENDED_AT_MOST.days
            msg = f"a suspension lasts {days} d at most; what lasts longer belongs into the files"
            raise NotAsked(msg)
        if wish.scope != DELETIONS:
            self._check_policy(wish.scope)

    def _check_policy(self, name: str) -> None:
        policy = next((p for p in self.policies.policies if p.name == name), None)
        if policy is not None and policy.decision in _MAY_BE:
            return
        what = self._kept_by(name) if policy is None else f"policy '{name}' ({policy.source})"
        if what is None:
            raise self._unknown(name, {p.name for p in self.policies.policies})
        decision = "" if policy is None else f" decides '{policy.decision.value}' and"
        msg = f"{what}{decision} cannot be suspended: {_WHY_NOT}; edit its file"
        raise Unsuspendable(msg)

    def _kept_by(self, name: str) -> str | None:
        """Name a rule of another kind, none of which can be suspended."""
        kinds: Mapping[str, Sequence[ConsentRule | PauseRule | RetentionRule | LegalHold]] = {
            "consent rule": self.policies.consent_rules,
            "pause rule": self.policies.pause_rules,
            "retention rule": self.policies.retention_rules,
            "hold": self.policies.holds,
        }
        for kind, rules in kinds.items():
            for rule in rules:
                if rule.name == name:
                    return f"{kind} '{name}' ({rule.source})"
        return None

    def _require_known(self, ledger: Ledger, scope: str) -> None:
        policies = {str(policy.name) for policy in self.policies.policies}
        if scope != DELETIONS and scope not in policies:
            raise self._unknown(scope, {s.scope for s in ledger.suspensions(now=self.now)})

    def _unknown(self, name: str, known: set[str]) -> NotAsked:
        hint = did_you_mean(name, sorted({DELETIONS, *known}))
        return NotAsked(f"unknown policy '{name}'" + ("" if hint is None else f"; {hint}"))


_WHY_NOT = "it keeps something from being recorded or deleted"


def _line(kind: str, ref: str, detail: Mapping[str, object]) -> AuditEntry:
    return AuditEntry(kind=kind, call_id=None, ref=ref, detail=detail)
