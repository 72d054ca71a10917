"""Put together what every consent rule of a call says: the strictest of each field.

Called by `planning.consent_needs`. A field that a rule leaves out has its default there, so that
one rule more never asks for less; only `satisfiedBy` and the prompts of a rule that has none stay
out, and everything but the mode of a rule that asks for nothing. Which rules count for a call, and
what their answers come to, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from recordingd.domain.consent import (
    Ask,
    BeforeDecision,
    ConsentMode,
    ConsentNeed,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import RuleName, Selector

T = TypeVar("T")

# Each from the mildest to the strictest.
MODES = (
    ConsentMode.NONE,
    ConsentMode.NOTICE,
    ConsentMode.IMPLIED_AFTER_NOTICE,
    ConsentMode.EXPLICIT,
)
PARTIES = (Parties.EXTERNAL, Parties.KNOWN, Parties.ALL)
REFUSALS = (Refusal.CONTINUE_UNRECORDED, Refusal.STOP_AND_DELETE, Refusal.END_CALL)
BEFORE_DECISION = (BeforeDecision.PAUSED, BeforeDecision.NOT_STARTED)
LATE_JOIN = (LateJoin.NOTICE_ONLY, LateJoin.PAUSE_UNTIL_DECIDED)
WITHDRAWN_LIVE = (WithdrawnLive.STOP, WithdrawnLive.END_CALL)
WITHDRAWN_KEPT = (WithdrawnKept.KEEP, WithdrawnKept.REQUEST_ERASURE)
EVERY_ANSWER = frozenset(Satisfaction)
# What is left where no answer would satisfy every rule: nothing on file can, an answer now may.
LIVE_ONLY = frozenset({Satisfaction.LIVE})

DEFAULT_TIMEOUT = Duration(seconds=30)
DEFAULT_EVIDENCE = Duration(months=7 * 12)
DEFAULT_REFUSAL = Refusal.STOP_AND_DELETE


def combine(specs: Sequence[tuple[RuleName, ConsentSpec]]) -> ConsentNeed | None:
    """Return what all rules come to, None without any; their order never matters.

    A rule may be given twice, with the same body or another.
    """
    if not specs:
        return None
    if any(spec.ask is not None for _, spec in specs):
        return _combine(tuple(specs))
    return _combine_once(tuple(specs))


def _combine(specs: tuple[tuple[RuleName, ConsentSpec], ...]) -> ConsentNeed:
    asking = [s for _, s in specs if s.mode is not ConsentMode.NONE] or [s for _, s in specs]
    groups = [_parties_of(s) for s in asking]
    return ConsentNeed(
        mode=_strictest(MODES, (s.mode for s in asking)),
        parties=_strictest_parties(groups),
        selectors=_united(g for g in groups if isinstance(g, tuple)),
        trusts_list=all(g is Parties.KNOWN for g in groups),
        satisfied_by=_satisfied_by(asking),
        before_decision=_strictest(
            BEFORE_DECISION, (s.before_decision or BeforeDecision.PAUSED for s in asking)
        ),
        timeout=min((s.timeout or DEFAULT_TIMEOUT for s in asking), key=_length),
        asks=_distinct(s.ask for s in asking if s.ask is not None),
        denied=_strictest(REFUSALS, (s.denied or DEFAULT_REFUSAL for s in asking)),
        no_response=_strictest(
            REFUSALS, (s.no_response or s.denied or DEFAULT_REFUSAL for s in asking)
        ),
        late_join=_strictest(
            LATE_JOIN, (s.late_join or LateJoin.PAUSE_UNTIL_DECIDED for s in asking)
        ),
        withdrawn_live=_strictest(
            WITHDRAWN_LIVE, (s.withdrawn_live or WithdrawnLive.STOP for s in asking)
        ),
        withdrawn_kept=_strictest(
            WITHDRAWN_KEPT, (s.withdrawn_kept or WithdrawnKept.REQUEST_ERASURE for s in asking)
        ),
        evidence_keep=max((s.evidence_keep or DEFAULT_EVIDENCE for s in asking), key=_length),
        rules=tuple(sorted({name for name, _ in specs})),
    )


# Every look at a live call asks, and the same few rules count for most calls. Prompts have no hash.
_combine_once = lru_cache(maxsize=1024)(_combine)


def question_of(name: RuleName, spec: ConsentSpec) -> str | None:
    """Name what a rule asks, so that another revision which asks for something else differs.

    None for a rule that asks for nothing.
    """
    if spec.mode is ConsentMode.NONE:
        return None
    return f"{name}@{_digest(spec.mode, spec.parties, spec.satisfied_by)}"


@lru_cache(maxsize=1024)
def _digest(
    mode: ConsentMode,
    parties: Parties | tuple[Selector, ...] | None,
    satisfied_by: frozenset[Satisfaction] | None,
) -> str:
    counted = None if satisfied_by is None else sorted(s.value for s in satisfied_by)
    return hashlib.sha256(repr((mode, parties, counted)).encode()).hexdigest()[:12]


def _strictest(ladder: Sequence[T], said: Iterable[T]) -> T:
    return max(said, key=ladder.index)


def _length(duration: Duration | Forever) -> tuple[float, str]:
    """Order lengths, and such as are equally long by how they are written."""
    if isinstance(duration, Forever):
        return float("inf"), str(duration)
    return duration.approximate_seconds(), str(duration)


def _parties_of(spec: ConsentSpec) -> Parties | tuple[Selector, ...]:
    return Parties.ALL if spec.parties is None else spec.parties


def _strictest_parties(groups: Iterable[Parties | tuple[Selector, ...]]) -> Parties | None:
    named = [group for group in groups if isinstance(group, Parties)]
    return _strictest(PARTIES, named) if named else None


def _united(groups: Iterable[tuple[Selector, ...]]) -> tuple[Selector, ...]:
    return tuple(sorted({selector for group in groups for selector in group}, key=repr))


def _satisfied_by(specs: Iterable[ConsentSpec]) -> frozenset[Satisfaction]:
    said = [s.satisfied_by for s in specs if s.satisfied_by is not None]
    return EVERY_ANSWER.intersection(*said) or LIVE_ONLY


def _distinct(asks: Iterable[Ask]) -> tuple[Ask, ...]:
    by_words = {_words_of(ask): ask for ask in asks}
    return tuple(by_words[words] for words in sorted(by_words))


def _words_of(ask: Ask) -> str:
    keys = (ask.language_tag, ask.default_language, ask.accept, ask.reject)
    return repr((ask.by.value, sorted(ask.prompts.items()), *keys))
