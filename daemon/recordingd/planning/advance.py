"""Take a call's facts as far as facts alone can take them, and say which effects come next.

Called inside one ledger transaction by the daemon's loop and by the simulator. Plans, applies the
ledger's part of the plan, and plans again until only effects are left, whose intents are part of
the same transaction. So whatever is committed is already complete: no call is half planned.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.errors import InvariantBroken
from recordingd.domain.plans import Alarm, CallPlan, Effect, LedgerAction, Mode, target_of
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.guards import blocked_by, check
from recordingd.planning.planner import plan_call
from recordingd.planning.transitions import Supplies, apply, begin

# Every round of ledger actions answers one more question about the call; more rounds than there are
# questions mean that two answers undo each other.
ROUNDS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A call after planning.

    `effects` are begun in `facts` and must now be carried out; `withheld` are those that something
    keeps from running: `planning.guards` says what. `applied` are the changes of the ledger alone,
    in their order.
    """

    facts: CallFacts
    applied: tuple[LedgerAction, ...]
    effects: tuple[Effect, ...]
    withheld: tuple[Effect, ...]
    alarms: tuple[Alarm, ...]
    wake_at: datetime | None


def advance(
    facts: CallFacts,
    context: PlanningContext,
    supplies: Supplies,
    *,
    busy: AbstractSet[str],
    now: datetime,
) -> Advance:
    """Plan a call to the end; effects on targets in `busy` are under way already and left alone.

    Raises UnsafePlan when a guard refuses, and then nothing of the plan may be stored.
    """
    facts, plan, applied, alarms = _settle(facts, context, supplies, now)
    free = [e for e in plan.effects if target_of(e) not in busy]
    effects = tuple(e for e in free if blocked_by(e, facts, context, now) is None)
    withheld = tuple(e for e in free if e not in effects)
    for effect in effects:
        facts = begin(facts, effect, context, supplies, now=now)
    return Advance(
        facts=facts,
        applied=applied,
        effects=effects,
        withheld=withheld,
        alarms=alarms,
        wake_at=plan.wake_at,
    )


def _settle(
    facts: CallFacts, context: PlanningContext, supplies: Supplies, now: datetime
) -> tuple[CallFacts, CallPlan, tuple[LedgerAction, ...], tuple[Alarm, ...]]:
    """Plan until a plan asks nothing of the ledger; in observe mode nothing is ever applied."""
    applied: list[LedgerAction] = []
    alarms: dict[Alarm, None] = {}
    for _ in range(ROUNDS_MAX):
        plan = plan_call(facts, context, now)
        check(facts, plan, now)
        alarms.update(dict.fromkeys(plan.alarms))
        if not plan.ledger or context.mode is Mode.OBSERVE:
            return facts, plan, tuple(applied), tuple(alarms)
        for action in plan.ledger:
            facts = apply(facts, action, context, supplies, now=now)
        applied.extend(plan.ledger)
    msg = f"the plan of {facts.call.call_id} does not settle: {applied[-1]}"
    raise InvariantBroken(msg)
