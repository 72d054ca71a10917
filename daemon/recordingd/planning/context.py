"""What every decision is made under: the rules in force and the settings that bound them.

Built once per cycle by the caller (`runtime.reconciler`, `cli.plan`), so that one cycle sees one
revision and one mode throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recordingd.domain.calls import Call
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import RuleName
from recordingd.domain.plans import Mode
from recordingd.domain.policies import PolicyName, StoreName
from recordingd.domain.recordings import RecordingId
from recordingd.planning.matching import CompiledPolicies


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStore:
    """A store that is a container, without a final slash in its URL.

    `on_export_failure` is the store that takes files which the service could not write here, None
    for the settings' archive.
    """

    url: str
    on_export_failure: StoreName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningContext:
    """Policies, mode and limits of one cycle.

    `settle` is how long an undecided call stays silent before unknown is taken as an answer;
    `start_window` how long a start may take until the service reads as active;
    `service_retention` how long the service keeps files. `is_archive_tight` says that the archive's
    volume is nearly full. `can_start_paused` says that the service can start a recording in
    silence: where it cannot, a start waits until audio may flow. `containers` are the stores that
    the service may write to by itself. `ceiling` ends the keeping of what no rule deletes.
    `suspended` policies match nothing for now; `is_deleting_suspended` holds back every deletion.
    `orphaned_holds` are holds of the ledger that no document describes any more: they count for
    every recording; those of `ended_holds` count for none any more, whatever a document says. A
    hold that its document releases counts while it is one of `releasing_holds`, whose grace the
    ledger counts, else for `hold_grace` longer. `shortened` are the recordings whose dates an
    approved plan may move earlier under these policies, and `approvers` says whose approval it is.
    Of the recordings whose deletion came earlier without one, `moves_counted_at` is when they were
    counted last, None before the first time, and `too_many_moved` why their purges are held back,
    if they are. `require_consent_rule` keeps silent what no consent rule covers.
    """

    policies: CompiledPolicies
    revision: int
    mode: Mode
    archive: StoreName
    settle: timedelta = timedelta(seconds=2)
    start_window: timedelta = timedelta(seconds=15)
    service_retention: timedelta = timedelta(hours=24)
    is_archive_tight: bool = False
    can_start_paused: bool = True
    containers: Mapping[StoreName, ContainerStore] = field(default_factory=dict)
    ceiling: Duration | Forever | None = None
    suspended: frozenset[PolicyName] = frozenset()
    is_deleting_suspended: bool = False
    orphaned_holds: frozenset[RuleName] = frozenset()
    ended_holds: frozenset[RuleName] = frozenset()
    releasing_holds: frozenset[RuleName] = frozenset()
    hold_grace: timedelta = timedelta(hours=24)
    shortened: frozenset[RecordingId] = frozenset()
    approvers: Mapping[RecordingId, str] = field(default_factory=dict)
    moves_counted_at: datetime | None = None
    too_many_moved: str | None = None
    require_consent_rule: bool = False

    def settles_at(self, call: Call) -> datetime:
        """Return when what is still unknown of a call is taken as an answer."""
        return (call.started_at or call.first_seen_at) + self.settle
