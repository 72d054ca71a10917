"""What people ask of a running daemon: reload, suspend, lift, approve.

Called by the control socket and by SIGHUP, and as a sweep, since much of what people write ends by
itself. Everything asked for becomes a fact or a revision first; then every call that it may change
is judged again. Acts on no call itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from recordingd.domain.approvals import Approval
from recordingd.domain.plans import Alarm
from recordingd.domain.suspensions import Suspension
from recordingd.planning.context import PlanningContext
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import LedgerRunner
from recordingd.runtime.approving import PlanApproval, approve
from recordingd.runtime.in_force import Reloaded, Rules
from recordingd.runtime.reconciler import Reconciler
from recordingd.runtime.suspending import Suspending, Wish
from recordingd.runtime.watch import Watch

_LOG = logging.getLogger("recordingd.policies")
SUSPENDED = "SuspensionActive"
SOURCE_REMOVED = "HoldSourceRemoved"


@dataclass(slots=True)
class Steering:
    """Changes what decisions are made under, and has the loop follow.

    `keeping_changed` is set whenever recordings may have to be kept for another time; whoever reads
    all that are kept again waits for it.
    """

    rules: Rules
    watch: Watch
    reconciler: Reconciler
    ledger: LedgerRunner
    clock: Clock
    new_id: Callable[[], str]
    keeping_changed: asyncio.Event = field(default_factory=asyncio.Event)
    _followed: PlanningContext = field(init=False)

    def __post_init__(self) -> None:
        self._followed = self._deciding()

    async def reload(self, *, by: str, is_check: bool = False) -> Reloaded:
        """Take the policy files into force, or say why not; with `is_check` only say it."""
        reloaded = await self.rules.reload(by=by, is_check=is_check)
        if is_check:
            return reloaded
        in_force = self.rules.in_force
        self.watch.policies(in_force)
        if in_force.last_reload.error is None:
            _LOG.info("policies reloaded by %s: revision %s is in force", by, in_force.revision)
        else:
            _LOG.error("policies not reloaded: %s", in_force.last_reload.error)
        self._tell()
        await self.follow()
        return reloaded

    async def suspend(self, wish: Wish) -> Suspension:
        """Suspend a policy or deletions from now on.

        Raises Unsuspendable or NotAsked (`runtime.suspending`); nothing was written then.
        """
        made = await self.ledger.run(lambda rows: self._suspending().suspend(rows, wish))
        _LOG.warning("%s is suspended by %s until %s", made.scope, wish.by, made.until)
        await self.refresh()
        return made

    async def lift(self, scope: str, *, by: str) -> tuple[Suspension, ...]:
        """Lift what is suspended under a scope; return what was. NotAsked for an unknown one."""
        lifted = await self.ledger.run(lambda rows: self._suspending().lift(rows, scope, by=by))
        if lifted:
            _LOG.info("%s is not suspended any more, by %s", scope, by)
            await self.refresh()
        return lifted

    async def approve(self, wanted: PlanApproval) -> Approval:
        """Write the approval of a plan, and have what it names judged again; raises PlanIsStale."""
        made = await self.ledger.run(
            lambda rows: approve(rows, wanted, approval_id=self.new_id(), now=self.clock.now_utc())
        )
        _LOG.warning("plan %s is approved by %s", made.plan_digest[:12], wanted.by)
        await self.refresh()
        return made

    async def refresh(self) -> None:
        """Read again what people wrote into the ledger, tell what lasts, and follow it."""
        await self.rules.read_circumstances()
        self._tell()
        await self.follow()

    async def follow(self) -> None:
        """Have every call judged again that may be judged otherwise by now.

        Calls that nobody wanted until now are not watched, and may be wanted from now on.
        """
        before, now = self._followed, self._deciding()
        if now == before:
            return
        self._followed = now
        if (now.policies, now.shortened) != (before.policies, before.shortened):
            self.keeping_changed.set()
        self.reconciler.touch_all()
        await self.reconciler.watch_open_calls()

    def _deciding(self) -> PlanningContext:
        """Return the context without what changes all the time and is looked at when it matters."""
        return replace(
            self.rules.context(),
            is_archive_tight=False,
            moves_counted_at=None,
            too_many_moved=None,
        )

    def _suspending(self) -> Suspending:
        return Suspending(
            policies=self.rules.policies, now=self.clock.now_utc(), new_id=self.new_id
        )

    def _tell(self) -> None:
        now, circumstances = self.clock.now_utc(), self.rules.circumstances
        suspended = [s.scope for s in circumstances.suspensions if s.is_in_force(now)]
        orphaned = [h.name for h in circumstances.orphaned_holds if h.is_in_force(now)]
        for name, what in ((SUSPENDED, suspended), (SOURCE_REMOVED, orphaned)):
            if what:
                self.watch.tell(Alarm.of(name, names=", ".join(what)))
            else:
                self.watch.alarms.clear(name)
