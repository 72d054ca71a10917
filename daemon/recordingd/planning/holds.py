"""Which legal holds keep a call's recordings from being deleted.

Called by `planning.guards`, by the purge under its gate, and by everything that shows it. A hold
that may fit counts as one that fits: what is not known must never delete. Knows nothing of dates.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext


def held_by(facts: CallFacts, context: PlanningContext, now: datetime) -> tuple[RuleName, ...]:
    """Return the holds that keep a call's recordings, sorted by name.

    A released hold counts until its grace is over, or until the ledger says that it has ended; one
    of the ledger that no document describes counts for every call.
    """
    hits = context.policies.holds_for(facts.call, facts.participants, now=now, settled=False)
    matching = {hit.rule.name for hit in hits if _is_in_force(hit.rule, context, now)}
    return tuple(sorted(matching | context.orphaned_holds))


def _is_in_force(hold: LegalHold, context: PlanningContext, now: datetime) -> bool:
    if hold.name in context.ended_holds:
        return False
    if hold.released is None or hold.name in context.releasing_holds:
        return True
    return now < hold.released.at + context.hold_grace


def known_holds(context: PlanningContext) -> frozenset[RuleName]:
    """Return every hold that `held_by` takes for one in force, whatever it matches."""
    described = frozenset(hold.name for hold in context.policies.policies.holds)
    return (described - context.ended_holds) | context.orphaned_holds
