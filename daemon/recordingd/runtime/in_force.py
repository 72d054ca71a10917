"""The policies in force: accepted once, numbered in the ledger, swapped as a whole.

Used by `runtime.service` at the start and at a reload. A tree that is invalid, or that a guard
refuses, never replaces one that is in force; why stands in `last_reload` until a tree is accepted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from recordingd.config.policy_files import load_texts
from recordingd.config.settings import Settings
from recordingd.config.validation import context_of
from recordingd.domain.policies import PolicySet
from recordingd.planning.context import PlanningContext
from recordingd.planning.matching import CompiledPolicies, compile_policies
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import AuditEntry, LedgerRunner, PolicyRevision
from recordingd.runtime.accepting import Judged, accept, judge
from recordingd.runtime.circumstances import Circumstances, planning_context, read_circumstances

# Who accepts the files that lie there when the daemon starts.
DAEMON = "recordingd"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReload:
    """How the newest attempt to take policies into force went; `error` is None when it did."""

    at: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One accepted tree, compiled, with its number and the git commit it stands in, if it does."""

    compiled: CompiledPolicies
    revision: int
    last_reload: LastReload
    git_commit: str | None = None

    @property
    def digest(self) -> str:
        """The digest of the tree's texts."""
        return self.compiled.policies.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What a reload found, and what is in force after it."""

    judged: Judged
    in_force: InForce


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A context, the moments between which it holds, and what it was made of."""

    context: PlanningContext
    since: datetime
    until: datetime | None
    of: tuple[object, ...]

    def holds_at(self, now: datetime) -> bool:
        """Say whether it is what would be made at a moment."""
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(slots=True)
class Rules:
    """What decisions are made under now; the context of a turn is taken from here once.

    `circumstances` is what people wrote into the ledger, as it was read last. `is_archive_tight` is
    kept up to date by the sweep that looks at the disks, `moves_counted_at` and `too_many_moved` by
    the one that counts what came earlier.
    """

    settings: Settings
    ledger: LedgerRunner
    clock: Clock
    in_force: InForce
    circumstances: Circumstances = field(default_factory=Circumstances)
    is_archive_tight: bool = False
    moves_counted_at: datetime | None = None
    too_many_moved: str | None = None
    _made: _Made | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def context(self) -> PlanningContext:
        """Return the policies and limits that hold at this moment; from any thread."""
        now = self.clock.now_utc()
        counted = (self.moves_counted_at, self.too_many_moved)
        of = (self.in_force, self.circumstances, self.is_archive_tight, *counted)
        made = self._made
        if made is None or made.of != of or not made.holds_at(now):
            # Every step of every call asks, and an approval may name very many recordings.
            context = replace(
                planning_context(
                    self.settings,
                    self.in_force.compiled,
                    self.in_force.revision,
                    circumstances=self.circumstances,
                    now=now,
                ),
                is_archive_tight=self.is_archive_tight,
                moves_counted_at=self.moves_counted_at,
                too_many_moved=self.too_many_moved,
            )
            until = self.circumstances.next_change(now)
            made = self._made = _Made(context=context, since=now, until=until, of=of)
        return made.context

    async def reload(self, *, by: str, is_check: bool = False) -> Reloaded:
        """Take the files into force as they are now, or stay with what is and say why not.

        With `is_check` nothing changes but what is told. Reloads that are asked for at once run one
        after the other.
        """
        async with self._one_at_a_time:
            now = self.clock.now_utc()
            judged = await judge(
                self.settings, self.ledger, before=self.in_force.compiled.policies, now=now
            )
            if not is_check:
                await self._take(judged, by=by, now=now)
            return Reloaded(judged=judged, in_force=self.in_force)

    async def _take(self, judged: Judged, *, by: str, now: datetime) -> None:
        if not judged.is_acceptable:
            failed = LastReload(at=now, error=str(judged.fault()))
            await _note_refusal(self.ledger, judged, by=by)
            self.in_force = replace(self.in_force, last_reload=failed)
            return
        revision = await accept(judged, self.ledger, by=by, now=now, settings=self.settings)
        accepted = _accepted(judged, revision, now)
        if accepted.digest == self.in_force.digest:
            # What is compiled is told apart by identity: the same rules give nothing to do again.
            accepted = replace(accepted, compiled=self.in_force.compiled)
        self.in_force = accepted
        await self.read_circumstances()

    async def read_circumstances(self) -> None:
        """Read again what people wrote into the ledger."""
        settings, policies, now = self.settings, self.policies, self.clock.now_utc()
        self.circumstances = await self.ledger.run(
            lambda rows: read_circumstances(rows, policies, settings, now=now)
        )

    @property
    def policies(self) -> PolicySet:
        """The set in force, as it was written."""
        return self.in_force.compiled.policies


def _accepted(judged: Judged, revision: PolicyRevision, now: datetime) -> InForce:
    assert judged.compiled is not None, "what was accepted was compiled"
    return InForce(
        compiled=judged.compiled,
        revision=revision.revision,
        git_commit=revision.git_commit,
        last_reload=LastReload(at=now),
    )


async def _note_refusal(ledger: LedgerRunner, judged: Judged, *, by: str) -> None:
    """Write down that somebody tried what a guard refuses."""
    if judged.compiled is None:
        return
    detail = {
        "digest": judged.compiled.policies.digest,
        "refusals": list(judged.refusals),
        "by": by,
    }
    line = AuditEntry(kind="policies.refused", call_id=None, ref=None, detail=detail)
    await ledger.run(lambda rows: rows.append_audit([line]))


async def take_into_force(
    settings: Settings, ledger: LedgerRunner, *, now: datetime, is_strict: bool = False
) -> InForce:
    """Read the files and accept them, or fall back on the revision that was accepted last.

    That one is loaded from its stored text and held against the settings as they are now. Raises
    ConfigurationError, with every fault, or UnsafePlan where the files are not acceptable and there
    is none, or if `is_strict`.
    """
    judged = await judge(settings, ledger, before=None, now=now)
    if judged.is_acceptable:
        revision = await accept(judged, ledger, by=DAEMON, now=now, settings=settings)
        return _accepted(judged, revision, now)
    if judged.latest is None or is_strict:
        raise judged.fault()
    await _note_refusal(ledger, judged, by=DAEMON)
    policies = await asyncio.to_thread(load_texts, judged.latest.texts, context_of(settings, now))
    return InForce(
        compiled=compile_policies(policies),
        revision=judged.latest.revision,
        git_commit=judged.latest.git_commit,
        last_reload=LastReload(at=now, error=str(judged.fault())),
    )
