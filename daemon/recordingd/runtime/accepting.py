"""Judge the policy files, and accept them as a revision.

Called by `runtime.in_force`, which alone swaps what is in force. A tree is judged as a whole beside
the one that is in force: by its own faults, then by what was promised before, which no file may
take back. Accepting it is one transaction of the ledger. Decides nothing about any call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.config.diagnostics import Diagnostic, Invalid
from recordingd.config.policy_files import check_policies, load_texts
from recordingd.config.settings import Settings
from recordingd.config.validation import context_of
from recordingd.domain.errors import ConfigurationError, RecordingdError, StaleSnapshot, UnsafePlan
from recordingd.domain.policies import PolicySet
from recordingd.planning.locking import shrinkages
from recordingd.planning.matching import CompiledPolicies, compile_policies
from recordingd.planning.placing import Placement, Placing, placements
from recordingd.ports.ledger import AuditEntry, Ledger, LedgerRunner, PolicyRevision
from recordingd.runtime.git_commit import CHANGES, commit_of
from recordingd.runtime.shortening import Proposal, find_too_much_shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of the files: `compiled` is the tree if it is valid, refused or not.

    `diagnostics` is every finding in them, warnings too; `refusals` says why a guard refuses a
    valid tree. `latest` is the revision that the ledger accepted last, None before the first.
    """

    diagnostics: tuple[Diagnostic, ...]
    latest: PolicyRevision | None
    compiled: CompiledPolicies | None = None
    git_commit: str | None = None
    refusals: tuple[str, ...] = ()

    @property
    def is_acceptable(self) -> bool:
        """Whether nothing stands against it."""
        return self.compiled is not None and not self.refusals

    @property
    def is_changed(self) -> bool:
        """Whether it is valid and differs from the revision accepted last."""
        if self.compiled is None:
            return False
        return self.latest is None or self.latest.digest != self.compiled.policies.digest

    def fault(self) -> RecordingdError:
        """Return what to raise where it is not acceptable."""
        if self.compiled is None:
            return Invalid(self.diagnostics)
        return UnsafePlan("\n".join(self.refusals))


async def judge(
    settings: Settings, ledger: LedgerRunner, *, before: PolicySet | None, now: datetime
) -> Judged:
    """Read the files of the settings and hold them against what the ledger accepted last.

    `before` is the set in force, so that its text need not be read again. Writes nothing. Reading
    and compiling run in a thread, so that a large tree keeps no call waiting.
    """
    latest = await ledger.run(lambda rows: rows.latest_revision())
    diagnostics, compiled = await asyncio.to_thread(_read, settings, now)
    judged = Judged(diagnostics=diagnostics, latest=latest, compiled=compiled)
    if compiled is None:
        return judged
    policies = compiled.policies
    judged = replace(judged, git_commit=await commit_of(settings.policies, policies.texts))
    if latest is None or not judged.is_changed:
        return judged
    if before is None or before.digest != latest.digest:
        try:
            before = await asyncio.to_thread(load_texts, latest.texts)
        except ConfigurationError:
            return replace(judged, refusals=await _unreadable(ledger, latest))
    taken_back = await asyncio.to_thread(shrinkages, before, policies)
    if taken_back:
        return replace(judged, refusals=tuple(map(str, taken_back)))
    proposal = Proposal(compiled=compiled, before=before, revision=latest.revision + 1, now=now)
    too_much = await find_too_much_shortened(ledger, settings, proposal)
    return judged if too_much is None else replace(judged, refusals=(too_much,))


def _read(
    settings: Settings, now: datetime
) -> tuple[tuple[Diagnostic, ...], CompiledPolicies | None]:
    diagnostics, policies = check_policies(settings.policies, context_of(settings, now))
    return diagnostics, None if policies is None else compile_policies(policies)


async def _unreadable(ledger: LedgerRunner, latest: PolicyRevision) -> tuple[str, ...]:
    """Refuse where locked rules cannot be compared: another version wrote down what they said."""
    locked = await ledger.run(lambda rows: rows.locked_rules())
    return tuple(
        f"retention rule '{rule}' is locked since revision {lock.revision}, and the text of"
        f" revision {latest.revision} cannot be read by this version; accept the files with the"
        " older one"
        for rule, lock in sorted(locked.items())
    )


async def accept(
    judged: Judged, ledger: LedgerRunner, *, by: str, now: datetime, settings: Settings
) -> PolicyRevision:
    """Give an acceptable tree its number, lock its rules and place its holds, all at once.

    A tree that is the newest one already keeps its number. StaleSnapshot when another tree was
    accepted since it was judged.
    """
    assert judged.is_acceptable, "only what nothing stands against is accepted"
    compiled = judged.compiled
    assert compiled is not None
    policies = compiled.policies

    def job(rows: Ledger) -> PolicyRevision:
        _require_latest(rows, judged.latest)
        revision, audit = _numbered(rows, policies, judged, by=by, now=now)
        placing = Placing(revision=revision.revision, by=by, now=now, grace=settings.hold_grace)
        for placement in placements(rows.holds(), policies, placing):
            rows.place_hold(placement.hold)
            audit.append(_hold_line(placement, placing))
        audit.extend(_lock(rows, policies, revision, now))
        if audit:
            rows.append_audit(audit)
        return revision

    return await ledger.run(job)


def _require_latest(rows: Ledger, expected: PolicyRevision | None) -> None:
    found = rows.latest_revision()
    if (found and found.revision) != (expected and expected.revision):
        msg = "another policy tree was accepted in the meantime; reload again"
        raise StaleSnapshot(msg)


def _numbered(
    rows: Ledger, policies: PolicySet, judged: Judged, *, by: str, now: datetime
) -> tuple[PolicyRevision, list[AuditEntry]]:
    """Return the revision of a tree and the lines about it, as (revision, lines)."""
    commit = judged.git_commit
    if judged.latest is not None and not judged.is_changed:
        return _committed_since(rows, judged.latest, commit, by=by)
    added = rows.add_revision(
        digest=policies.digest, texts=policies.texts, git_commit=commit, at=now
    )
    detail = {
        "digest": policies.digest,
        "policies": len(policies.policies),
        "gitCommit": commit,
        "by": by,
    }
    return added, [_line("policies.accepted", added.revision, detail)]


def _committed_since(
    rows: Ledger, latest: PolicyRevision, commit: str | None, *, by: str
) -> tuple[PolicyRevision, list[AuditEntry]]:
    """Name the commit of a tree that was edited, reloaded, and then committed."""
    known = latest.git_commit
    is_open = known is None or known.endswith(CHANGES)
    if commit is None or commit.endswith(CHANGES) or not is_open:
        return latest, []
    rows.name_commit(latest.revision, commit)
    line = _line("policies.committed", latest.revision, {"gitCommit": commit, "by": by})
    return replace(latest, git_commit=commit), [line]


def _lock(
    rows: Ledger, policies: PolicySet, revision: PolicyRevision, now: datetime
) -> Iterator[AuditEntry]:
    known = rows.locked_rules()
    new = [r.name for r in policies.retention_rules if r.is_locked and r.name not in known]
    rows.lock_rules(new, revision=revision.revision, at=now)
    for name in new:
        yield _line("rule.locked", name, {"revision": revision.revision})


def _hold_line(placement: Placement, placing: Placing) -> AuditEntry:
    hold = placement.hold
    detail: dict[str, object] = {
        "source": str(hold.source),
        "revision": placing.revision,
        "by": placing.by,
    }
    if hold.ends_at is not None:
        detail["endsAt"] = hold.ends_at.isoformat()
    return _line(placement.change.value, hold.name, detail)


def _line(kind: str, ref: object, detail: dict[str, object]) -> AuditEntry:
    return AuditEntry(kind=kind, call_id=None, ref=str(ref), detail=detail)
