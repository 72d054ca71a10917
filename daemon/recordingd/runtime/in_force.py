"""The policies in force: accepted once, numbered in the ledger, swapped as a whole.

Used by `runtime.service` at the start and at a reload. A tree that is invalid never replaces one
that is in force; why stands in `last_reload` until a valid tree is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.config.api_versions import can_start_paused
from recordingd.config.policy_files import load_policies, load_texts
from recordingd.config.settings import Settings
from recordingd.config.validation import context_of
from recordingd.domain.errors import ConfigurationError
from recordingd.domain.policies import PolicySet, StoreName
from recordingd.planning.context import ContainerStore, PlanningContext
from recordingd.planning.matching import CompiledPolicies, compile_policies
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import AuditEntry, Ledger, LedgerRunner, PolicyRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReload:
    """How the newest attempt to take policies into force went; `error` is None when it did."""

    at: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One accepted tree, compiled, with its number."""

    compiled: CompiledPolicies
    revision: int
    last_reload: LastReload

    @property
    def digest(self) -> str:
        """The digest of the tree's texts."""
        return self.compiled.policies.digest


@dataclass(slots=True)
class Rules:
    """What decisions are made under now; the context of a turn is taken from here once.

    `is_archive_tight` is kept up to date by the sweep that looks at the disks.
    """

    settings: Settings
    ledger: LedgerRunner
    clock: Clock
    in_force: InForce
    is_archive_tight: bool = False

    def context(self) -> PlanningContext:
        """Return the policies and limits that hold at this moment."""
        settings = self.settings
        return PlanningContext(
            policies=self.in_force.compiled,
            revision=self.in_force.revision,
            mode=settings.mode,
            archive=settings.archive,
            settle=settings.settle,
            start_window=settings.acs.start_window,
            can_start_paused=can_start_paused(settings.acs.api_version),
            service_retention=settings.service_retention,
            is_archive_tight=self.is_archive_tight,
            containers=containers_of(settings),
        )

    async def reload(self) -> InForce:
        """Take the files into force as they are now, or stay with what is and say why not."""
        self.in_force = await take_into_force(
            self.settings, self.ledger, current=self.in_force, now=self.clock.now_utc()
        )
        return self.in_force


def containers_of(settings: Settings) -> dict[StoreName, ContainerStore]:
    """Return the stores of the settings that the service can write to."""
    return {
        name: ContainerStore(url=store.container, on_export_failure=store.on_export_failure)
        for name, store in settings.stores.items()
        if store.container is not None
    }


async def take_into_force(
    settings: Settings,
    ledger: LedgerRunner,
    *,
    current: InForce | None,
    now: datetime,
    is_strict: bool = False,
) -> InForce:
    """Read a tree and accept it, or stay with what is in force and say why.

    Without anything in force the newest tree the ledger accepted is loaded again from its stored
    text. Raises ConfigurationError, with every fault, when there is none either, or if `is_strict`.
    """
    try:
        policies = load_policies(settings.policies, context_of(settings, now))
    except ConfigurationError as fault:
        failed = LastReload(at=now, error=str(fault))
        if current is not None:
            return replace(current, last_reload=failed)
        accepted = await ledger.run(lambda rows: rows.latest_revision())
        if accepted is None or is_strict:
            raise
        compiled = compile_policies(load_texts(accepted.texts))
        return InForce(compiled=compiled, revision=accepted.revision, last_reload=failed)
    compiled = compile_policies(policies)
    revision = await ledger.run(lambda rows: _accept(rows, policies, now))
    return InForce(compiled=compiled, revision=revision.revision, last_reload=LastReload(at=now))


def _accept(ledger: Ledger, policies: PolicySet, now: datetime) -> PolicyRevision:
    """Give a tree the next number, unless it is the newest one already."""
    latest = ledger.latest_revision()
    if latest is not None and latest.digest == policies.digest:
        return latest
    added = ledger.add_revision(
        digest=policies.digest, texts=policies.texts, git_commit=None, at=now
    )
    line = AuditEntry(
        kind="policies.accepted",
        call_id=None,
        ref=str(added.revision),
        detail={"digest": policies.digest, "policies": len(policies.policies)},
    )
    ledger.append_audit([line])
    return added
