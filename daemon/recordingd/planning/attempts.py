"""The bookkeeping of attempts: at most one of a target is unfinished, over all its tries.

Used by `planning.transitions` when an effect begins and by `planning.outcomes` when it ends. Knows
nothing of what an effect does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recordingd.domain.recordings import (
    Attempt,
    AttemptOutcome,
    CallFacts,
    Verb,
)


def with_attempt(facts: CallFacts, changed: Attempt) -> CallFacts:
    """Return the facts with one attempt replaced by its newer value."""
    rows = tuple(changed if a.id == changed.id else a for a in facts.attempts)
    return replace(facts, attempts=rows)


def drop_attempt(facts: CallFacts, target: str, now: datetime) -> CallFacts:
    """Close the unfinished attempt on a target, if there is one, as no longer wanted."""
    attempt = facts.open_attempt(target)
    if attempt is None:
        return facts
    return with_attempt(
        facts, replace(attempt, outcome=AttemptOutcome.DROPPED, finished_at=now, retry_at=None)
    )


def finish_ok(facts: CallFacts, target: str, now: datetime) -> CallFacts:
    """Close the unfinished attempt on a target as done."""
    attempt = facts.open_attempt(target)
    if attempt is None:
        return facts
    done = replace(attempt, outcome=AttemptOutcome.OK, finished_at=now, retry_at=None, detail=None)
    return with_attempt(facts, done)


def put_off(
    facts: CallFacts,
    target: str,
    outcome: AttemptOutcome,
    *,
    detail: str,
    retry_at: datetime,
) -> CallFacts:
    """Keep the unfinished attempt on a target open, to be tried again at a moment.

    A start that had no answer once stays ambiguous, whatever a later try of it is told: "not now"
    says nothing of the first one.
    """
    attempt = facts.open_attempt(target)
    if attempt is None:
        return facts
    if attempt.verb is Verb.START and attempt.outcome is AttemptOutcome.AMBIGUOUS:
        outcome = AttemptOutcome.AMBIGUOUS
    return with_attempt(facts, replace(attempt, outcome=outcome, detail=detail, retry_at=retry_at))


def finish_failed(facts: CallFacts, target: str, *, detail: str, now: datetime) -> CallFacts:
    """Close the unfinished attempt on a target as refused for good."""
    attempt = facts.open_attempt(target)
    if attempt is None:
        return facts
    failed = replace(
        attempt,
        outcome=AttemptOutcome.PERMANENT,
        detail=detail,
        finished_at=now,
        retry_at=None,
    )
    return with_attempt(facts, failed)
