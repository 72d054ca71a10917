"""Which rules besides the recording policies fit a call: consent, pauses, retention, holds.

Built by `planning.matching`, once per load and kind, from the conditions and the index that the
policies use too. Rules of one kind never compete here: every one that fits is told, with how sure
that is. What follows from a rule is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from recordingd.domain.consent import ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.pauses import PauseRule
from recordingd.domain.retention import RetentionRule
from recordingd.planning.candidates import Candidate, CandidateIndex
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, Facts, Truth

AnyRule = ConsentRule | PauseRule | RetentionRule | LegalHold
R = TypeVar("R", ConsentRule, PauseRule, RetentionRule, LegalHold)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit(Generic[R]):
    """A rule that fits a call, or may fit it: `truth` is YES or UNKNOWN, never NO."""

    rule: R
    truth: Truth


class _Entry(Generic[R]):
    """One rule. Compared by identity, so that the index can file it."""

    __slots__ = ("rule",)

    def __init__(self, rule: R) -> None:
        self.rule: R = rule


class RuleBook(Generic[R]):
    """Every rule of one kind, ready to be asked about calls; immutable."""

    __slots__ = ("_acting", "_observed")

    def __init__(self, rules: Sequence[R], groups: Groups) -> None:
        entries = [_Entry(rule) for rule in rules]
        observed = [e for e in entries if _is_observed(e.rule)]
        acting = [e for e in entries if not _is_observed(e.rule)]
        self._acting: CandidateIndex[_Entry[R]] | None = _index_of(acting, groups)
        self._observed: CandidateIndex[_Entry[R]] | None = _index_of(observed, groups)

    @property
    def is_empty(self) -> bool:
        """Whether no rule of this kind acts, so that asking is idle."""
        return self._acting is None

    def hits(self, facts: Facts, now: datetime) -> tuple[RuleHit[R], ...]:
        """Return the acting rules that fit a call or may fit it, sorted by name."""
        return _hits(self._acting, facts, now)

    def shadow(self, facts: Facts, now: datetime) -> tuple[RuleHit[R], ...]:
        """Return the same of the rules that are only observed."""
        return _hits(self._observed, facts, now)


def _index_of(entries: Sequence[_Entry[R]], groups: Groups) -> CandidateIndex[_Entry[R]] | None:
    if not entries:
        return None
    return CandidateIndex([(e.rule.match, e) for e in entries], groups)


def _hits(
    index: CandidateIndex[_Entry[R]] | None, facts: Facts, now: datetime
) -> tuple[RuleHit[R], ...]:
    if index is None:
        return ()
    found: Iterable[Candidate[_Entry[R]]] = index.find(facts)
    asked = ((e.rule, check(facts)) for e, check in found if _is_valid(e.rule, now))
    hits = [RuleHit(rule=rule, truth=truth) for rule, truth in asked if truth is not NO]
    return tuple(sorted(hits, key=lambda hit: hit.rule.name))


def _is_observed(rule: AnyRule) -> bool:
    return not isinstance(rule, LegalHold) and rule.is_observed


def _is_valid(rule: AnyRule, now: datetime) -> bool:
    """Whether a moment lies in a rule's validity; a hold is always valid, released or not."""
    if isinstance(rule, LegalHold):
        return True
    if rule.valid_from is not None and now < rule.valid_from:
        return False
    return rule.valid_until is None or now < rule.valid_until
