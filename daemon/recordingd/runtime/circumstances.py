"""What decisions are made under, for the daemon and for every command that shows what it would do.

Used by `runtime.in_force` and by `cli`. Beside the policies and the settings stand facts that
people wrote into the ledger: holds, suspensions and approvals. What each of them means is decided
by planning; here they are only put in its words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from recordingd.config.api_versions import can_start_paused
from recordingd.config.settings import Settings
from recordingd.domain.approvals import Approval
from recordingd.domain.holds import PlacedHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import PolicySet, StoreName
from recordingd.domain.suspensions import Suspension
from recordingd.planning.context import ContainerStore, PlanningContext
from recordingd.planning.matching import CompiledPolicies
from recordingd.planning.placing import Placing, after_placing
from recordingd.ports.ledger import Ledger

# Nobody places a hold by looking at what would become of it.
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What people wrote into the ledger that bounds decisions, as it was read at one moment.

    `holds` are all that were ever placed, `suspensions` those not lifted, and `approvals` those for
    the policies that it was read for.
    """

    holds: tuple[PlacedHold, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def orphaned_holds(self) -> tuple[PlacedHold, ...]:
        """The holds that no document describes any more, those among them that have ended."""
        return tuple(hold for hold in self.holds if hold.source_removed_at is not None)

    def next_change(self, now: datetime) -> datetime | None:
        """Return when something of it ends by itself next; None for never."""
        ends = [
            *(hold.ends_at for hold in self.holds if hold.ends_at is not None),
            *(suspension.until for suspension in self.suspensions),
            *(approval.expires_at for approval in self.approvals),
        ]
        return min((at for at in ends if at > now), default=None)


def read_circumstances(
    ledger: Ledger, policies: PolicySet, settings: Settings, *, now: datetime
) -> Circumstances:
    """Read what bounds decisions under a set of policies, whether it is accepted already or not.

    Holds are as accepting the set would leave them.
    """
    placing = Placing(revision=0, by=_NOBODY, now=now, grace=settings.hold_grace)
    return Circumstances(
        holds=after_placing(ledger.holds(), policies, placing),
        suspensions=tuple(ledger.suspensions(now=now)),
        approvals=tuple(ledger.approvals_for(policies.digest, now=now)),
    )


def planning_context(
    settings: Settings,
    compiled: CompiledPolicies,
    revision: int,
    *,
    circumstances: Circumstances,
    now: datetime,
) -> PlanningContext:
    """Return what a decision of one moment is made under.

    What the daemon alone knows (how full its disks are, what it counted) is left at its default.
    """
    in_force = [s for s in circumstances.suspensions if s.is_in_force(now)]
    # Of several approvals the one that came first moved the dates.
    approvals = [a for a in reversed(circumstances.approvals) if a.is_in_force(now)]
    approvers = {name: a.approved_by for a in approvals for name in a.recordings}
    return PlanningContext(
        policies=compiled,
        revision=revision,
        mode=settings.mode,
        archive=settings.archive,
        settle=settings.settle,
        start_window=settings.acs.start_window,
        can_start_paused=can_start_paused(settings.acs.api_version),
        service_retention=settings.service_retention,
        containers=containers_of(settings),
        ceiling=settings.ceiling,
        require_consent_rule=settings.requires_consent_rule,
        suspended=frozenset(s.policy for s in in_force if s.policy is not None),
        is_deleting_suspended=any(s.policy is None for s in in_force),
        orphaned_holds=_named(h for h in circumstances.orphaned_holds if h.is_in_force(now)),
        ended_holds=_named(h for h in circumstances.holds if not h.is_in_force(now)),
        releasing_holds=_named(
            h for h in circumstances.holds if h.ends_at is not None and h.is_in_force(now)
        ),
        hold_grace=settings.hold_grace,
        shortened=frozenset(approvers),
        approvers=approvers,
    )


def containers_of(settings: Settings) -> dict[StoreName, ContainerStore]:
    """Return the stores of the settings that the service can write to."""
    return {
        name: ContainerStore(url=store.container, on_export_failure=store.on_export_failure)
        for name, store in settings.stores.items()
        if store.container is not None
    }


def _named(holds: Iterable[PlacedHold]) -> frozenset[RuleName]:
    return frozenset(hold.name for hold in holds)
