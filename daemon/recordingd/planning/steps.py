"""A part of a plan, while it is put together. Used inside `planning` only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.plans import Alarm, Effect, LedgerAction, ReasonCode, Why
from recordingd.domain.recordings import CallFacts, Recording, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one question of the planner answered: actions, alarms, and when to ask again."""

    ledger: tuple[LedgerAction, ...] = ()
    effects: tuple[Effect, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    wake_at: datetime | None = None


NOTHING = Step()


def act(*ledger: LedgerAction, alarms: tuple[Alarm, ...] = ()) -> Step:
    """Answer with changes of the ledger."""
    return Step(ledger=ledger, alarms=alarms)


def effect(planned: Effect, *, alarms: tuple[Alarm, ...] = ()) -> Step:
    """Answer with one effect on the world."""
    return Step(effects=(planned,), alarms=alarms)


def wait(until: datetime, *, alarms: tuple[Alarm, ...] = ()) -> Step:
    """Answer that nothing is to be done before a moment."""
    return Step(wake_at=until, alarms=alarms)


def merge(*steps: Step) -> Step:
    """Put answers together in their order; the earliest moment to ask again wins."""
    return Step(
        ledger=tuple(a for s in steps for a in s.ledger),
        effects=tuple(e for s in steps for e in s.effects),
        alarms=tuple(a for s in steps for a in s.alarms),
        wake_at=earliest(*(s.wake_at for s in steps)),
    )


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the first of some moments; None counts as never."""
    return min((m for m in moments if m is not None), default=None)


def held_back(facts: CallFacts, target: str, verb: Verb, now: datetime) -> datetime | None:
    """Return when the same effect on a target may be tried again; None when it may be now."""
    attempt = facts.open_attempt(target)
    if attempt is None or attempt.verb is not verb or attempt.retry_at is None:
        return None
    return attempt.retry_at if now < attempt.retry_at else None


def because(code: ReasonCode, text: str, recording: Recording) -> Why:
    """Give the reason of an action on a recording, with the policy behind it."""
    return Why(code=code, text=text, policy=recording.policy, source=recording.source)
