"""What it means that a rule came, went, or changed: records more, keeps shorter, asks stricter.

Called by `planning.differences`. Compares values, never texts, and says what a change can do to
some call or recording, not what it does to those there are: that is the plan's. A rule that is
observed does nothing, so that taking it into force counts as adding it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeVar

from recordingd.domain.consent import ConsentMode, ConsentRule, ConsentSpec, Parties
from recordingd.domain.durations import FOREVER, Duration, Forever
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import RuleName, Selector
from recordingd.domain.pauses import PauseRule
from recordingd.domain.policies import Captured, Decision, RecordingPolicy, Until
from recordingd.domain.retention import Basis, RetentionRule, RetentionSpec
from recordingd.planning.consent_rules import (
    BEFORE_DECISION,
    LATE_JOIN,
    MODES,
    PARTIES,
    REFUSALS,
    WITHDRAWN_KEPT,
    WITHDRAWN_LIVE,
    combine,
)
from recordingd.planning.reach import (
    Reach,
    compare,
    compare_selectors,
    compare_validity,
    of_both,
)

T = TypeVar("T")
Bounded = RecordingPolicy | ConsentRule | PauseRule | RetentionRule
A = TypeVar("A", RecordingPolicy, ConsentRule, PauseRule)


class Consequence(enum.StrEnum):
    """What a change can do, in the order in which it is told."""

    RECORDS_MORE = "recordsMore"
    RECORDS_LESS = "recordsLess"
    RECORDS_DIFFERENTLY = "recordsDifferently"
    KEEPS_LONGER = "keepsLonger"
    KEEPS_SHORTER = "keepsShorter"
    CONSENT_STRICTER = "consentStricter"
    CONSENT_LOOSER = "consentLooser"
    PAUSES_MORE = "pausesMore"
    PAUSES_LESS = "pausesLess"
    HOLD_ADDED = "holdAdded"
    HOLD_REMOVED = "holdRemoved"
    HOLD_RELEASED = "holdReleased"
    HOLDS_MORE = "holdsMore"
    HOLDS_LESS = "holdsLess"
    LOCK_ADDED = "lockAdded"
    LOCK_REMOVED = "lockRemoved"
    MEANS_OTHERS = "meansOthers"


C = Consequence
IN_WORDS: dict[Consequence, str] = {
    C.RECORDS_MORE: "records more calls",
    C.RECORDS_LESS: "records fewer calls",
    C.RECORDS_DIFFERENTLY: "records calls differently",
    C.KEEPS_LONGER: "keeps recordings longer",
    C.KEEPS_SHORTER: "keeps recordings shorter",
    C.CONSENT_STRICTER: "asks for stricter consent",
    C.CONSENT_LOOSER: "asks for looser consent",
    C.PAUSES_MORE: "is silent more often",
    C.PAUSES_LESS: "is silent less often",
    C.HOLD_ADDED: "holds what it matches",
    C.HOLD_REMOVED: "stays in force: only a release ends a hold",
    C.HOLD_RELEASED: "releases the hold",
    C.HOLDS_MORE: "holds more recordings",
    C.HOLDS_LESS: "holds fewer recordings",
    C.LOCK_ADDED: "locks the rule",
    C.LOCK_REMOVED: "takes the lock away, which is refused",
    C.MEANS_OTHERS: "means others than before",
}
_OPPOSITE = {
    C.RECORDS_MORE: C.RECORDS_LESS,
    C.KEEPS_LONGER: C.KEEPS_SHORTER,
    C.CONSENT_STRICTER: C.CONSENT_LOOSER,
    C.PAUSES_MORE: C.PAUSES_LESS,
    C.HOLDS_MORE: C.HOLDS_LESS,
}
_OPPOSITE |= {b: a for a, b in _OPPOSITE.items()}

Consequences = frozenset[Consequence]
_NOTHING: Consequences = frozenset()


def _reversed(consequences: Consequences) -> Consequences:
    return frozenset(_OPPOSITE.get(one, one) for one in consequences)


def of_reach(reach: Reach, wider: Consequences) -> Consequences:
    """Return what follows from meaning other calls, given what follows from meaning more."""
    if reach is Reach.SAME:
        return _NOTHING
    if reach is Reach.WIDER:
        return wider
    return _reversed(wider) | (wider if reach is Reach.OTHER else _NOTHING)


def of_policies(before: RecordingPolicy | None, after: RecordingPolicy | None) -> Consequences:
    """Say what a change of a recording policy can do; None is a policy that is not there."""
    before, after = _acting(before), _acting(after)
    if before is None or after is None:
        return _came_or_went(before, after, _wish)
    found = of_reach(_reach_of(before, after), _wish(after))
    found |= _of_sizes(_WILLINGNESS[before.decision], _WILLINGNESS[after.decision], C.RECORDS_MORE)
    found |= _of_priorities(before, after)
    lost, gained = set(before.overrides), set(after.overrides)
    found |= {C.RECORDS_MORE} if gained - lost else _NOTHING
    found |= {C.RECORDS_LESS} if lost - gained else _NOTHING
    found |= {C.RECORDS_DIFFERENTLY} if before.record != after.record else _NOTHING
    if before.until is not after.until:
        found |= {C.RECORDS_LESS if after.until is Until.WHILE_MATCHED else C.RECORDS_MORE}
    if after.captured is not before.captured and None not in {before.captured, after.captured}:
        found |= {C.KEEPS_LONGER if after.captured is Captured.KEEP else C.KEEPS_SHORTER}
    found |= _of_consent_bodies(before.consent, after.consent)
    found |= _of_purposes(before.purpose, after.purpose, after.consent)
    return found | _of_retention_bodies(before.retention, after.retention)


def of_consent_rules(before: ConsentRule | None, after: ConsentRule | None) -> Consequences:
    """Say what a change of a consent rule can do; None is a rule that is not there."""
    before, after = _acting(before), _acting(after)
    if before is None or after is None:
        return _came_or_went(before, after, _strictness)
    return (
        of_reach(_reach_of(before, after), _strictness(after))
        | _of_consent_bodies(before.spec, after.spec)
        | _of_purposes(before.purpose, after.purpose, after.spec)
    )


def of_pause_rules(before: PauseRule | None, after: PauseRule | None) -> Consequences:
    """Say what a change of a pause rule can do; None is a rule that is not there."""
    before, after = _acting(before), _acting(after)
    if before is None or after is None:
        return _came_or_went(before, after, lambda _: frozenset({C.PAUSES_MORE}))
    wider = frozenset({C.PAUSES_MORE})
    was, now = (_length(rule.auto_resume or FOREVER) for rule in (before, after))
    found = of_reach(_reach_of(before, after), wider) | _of_sizes(was, now, C.PAUSES_MORE)
    old, new = _triggers(before), _triggers(after)
    return found | of_reach(_reach_of_sets(old, new), wider)


def of_retention_rules(before: RetentionRule | None, after: RetentionRule | None) -> Consequences:
    """Say what a change of a retention rule can do; None is a rule that is not there."""
    found = _NOTHING
    if before is not None and before.is_locked and not (after is not None and after.is_locked):
        found |= {C.LOCK_REMOVED}
    if after is not None and after.is_locked and not (before is not None and before.is_locked):
        found |= {C.LOCK_ADDED}
    if before is None or after is None:
        return found | _came_or_went(before, after, lambda rule: _span(_counting(rule)))
    span = _span(_counting(after))
    found |= of_reach(_reach_of(before, after), span)
    if before.priority != after.priority and after.spec.delete_after is not None:
        found |= {C.KEEPS_LONGER, C.KEEPS_SHORTER}
    return found | _of_retention_bodies(_counting(before), _counting(after))


def of_holds(before: LegalHold | None, after: LegalHold | None) -> Consequences:
    """Say what a change of a hold's document does; a hold without one stays in force."""
    was_held = before is not None and before.released is None
    if after is None:
        return frozenset({C.HOLD_REMOVED}) if was_held else _NOTHING
    if after.released is not None:
        is_news = before is None or was_held
        return frozenset({C.HOLD_RELEASED}) if is_news else _NOTHING
    if before is None or not was_held:
        return frozenset({C.HOLD_ADDED})
    return of_reach(compare(before.match, after.match), frozenset({C.HOLDS_MORE}))


# --- who and when ---------------------------------------------------------------------------------


def _acting(rule: A | None) -> A | None:
    return None if rule is None or rule.is_observed else rule


def _came_or_went(
    before: T | None, after: T | None, if_it_came: Callable[[T], Consequences]
) -> Consequences:
    if after is not None:
        return if_it_came(after)
    return _NOTHING if before is None else _reversed(if_it_came(before))


def _reach_of(before: Bounded, after: Bounded) -> Reach:
    spans = [(rule.valid_from, rule.valid_until) for rule in (before, after)]
    return of_both(compare(before.match, after.match), compare_validity(*spans))


def _reach_of_sets(before: AbstractSet[object], after: AbstractSet[object]) -> Reach:
    grows, shrinks = before <= after, after <= before
    if grows:
        return Reach.SAME if shrinks else Reach.WIDER
    return Reach.NARROWER if shrinks else Reach.OTHER


def _of_sizes(before: float, after: float, if_more: Consequence) -> Consequences:
    if before == after:
        return _NOTHING
    return frozenset({if_more if after > before else _OPPOSITE[if_more]})


def _length(duration: Duration | Forever) -> float:
    return float("inf") if isinstance(duration, Forever) else duration.approximate_seconds()


# --- recording ------------------------------------------------------------------------------------

_WILLINGNESS = {
    Decision.FORBID: 0,
    Decision.SKIP: 1,
    Decision.RECORD: 2,
    Decision.REQUIRE: 3,
}


def _wish(policy: RecordingPolicy) -> Consequences:
    wants = policy.decision in {Decision.RECORD, Decision.REQUIRE}
    return frozenset({C.RECORDS_MORE if wants else C.RECORDS_LESS})


def _of_priorities(before: RecordingPolicy, after: RecordingPolicy) -> Consequences:
    """Among `require` only how a call is recorded can change, among `forbid` nothing."""
    if before.priority == after.priority or after.decision is Decision.FORBID:
        return _NOTHING
    if after.decision is Decision.REQUIRE:
        return frozenset({C.RECORDS_DIFFERENTLY})
    wish = _wish(after)
    return wish if after.priority > before.priority else _reversed(wish)


def _triggers(rule: PauseRule) -> frozenset[object]:
    tags = {(tag, p) for tag, patterns in rule.trigger.tags.items() for p in patterns}
    return frozenset({"signal"} if rule.trigger.on_signal else ()) | tags


# --- consent --------------------------------------------------------------------------------------

_NO_CONSENT = ConsentSpec(mode=ConsentMode.NONE)
_ONE_RULE = RuleName("rule")


def _strictness(rule: ConsentRule) -> Consequences:
    is_asking = rule.spec.mode is not ConsentMode.NONE
    return frozenset({C.CONSENT_STRICTER}) if is_asking else _NOTHING


def _of_purposes(before: str, after: str, spec: ConsentSpec | None) -> Consequences:
    if before == after or spec is None or spec.mode is ConsentMode.NONE:
        return _NOTHING
    return frozenset({C.CONSENT_STRICTER, C.CONSENT_LOOSER})


def _of_consent_bodies(before: ConsentSpec | None, after: ConsentSpec | None) -> Consequences:
    old, new = before or _NO_CONSENT, after or _NO_CONSENT
    found = _of_sizes(MODES.index(old.mode), MODES.index(new.mode), C.CONSENT_STRICTER)
    if ConsentMode.NONE in {old.mode, new.mode}:
        return found
    for was, now in zip(_severity(old), _severity(new), strict=True):
        found |= _of_sizes(was, now, C.CONSENT_STRICTER)
    return found | _of_parties(old.parties or Parties.ALL, new.parties or Parties.ALL)


def _severity(spec: ConsentSpec) -> tuple[float, ...]:
    """Return a number for each field, larger where it is stricter, its default where it is not set.

    Who is asked is compared apart: selectors have no order.
    """
    need = combine([(_ONE_RULE, spec)])
    assert need is not None, "there is a rule"
    return (
        -len(need.satisfied_by),
        BEFORE_DECISION.index(need.before_decision),
        -_length(need.timeout),
        REFUSALS.index(need.denied),
        REFUSALS.index(need.no_response),
        LATE_JOIN.index(need.late_join),
        WITHDRAWN_LIVE.index(need.withdrawn_live),
        WITHDRAWN_KEPT.index(need.withdrawn_kept),
        _length(need.evidence_keep),
    )


def _of_parties(
    before: Parties | tuple[Selector, ...], after: Parties | tuple[Selector, ...]
) -> Consequences:
    stricter = frozenset({C.CONSENT_STRICTER})
    if isinstance(before, Parties) and isinstance(after, Parties):
        return _of_sizes(PARTIES.index(before), PARTIES.index(after), C.CONSENT_STRICTER)
    if isinstance(before, tuple) and isinstance(after, tuple):
        return of_reach(compare_selectors(before, after), stricter)
    everybody = {Parties.ALL, Parties.KNOWN}
    if after in everybody:
        return stricter
    return _reversed(stricter) if before in everybody else of_reach(Reach.OTHER, stricter)


# --- keeping --------------------------------------------------------------------------------------


def _counting(rule: RetentionRule) -> RetentionSpec:
    """Return what counts of a rule: of an observed one the floor alone."""
    return replace(rule.spec, delete_after=None) if rule.is_observed else rule.spec


def _span(spec: RetentionSpec) -> Consequences:
    found = _NOTHING
    if spec.keep_at_least is not None or spec.delete_after is FOREVER:
        found |= {C.KEEPS_LONGER}
    if spec.delete_after not in {None, FOREVER}:
        found |= {C.KEEPS_SHORTER}
    return found


def _of_retention_bodies(before: RetentionSpec | None, after: RetentionSpec | None) -> Consequences:
    old, new = before or RetentionSpec(), after or RetentionSpec()
    found = _of_sizes(_floor(old), _floor(new), C.KEEPS_LONGER)
    found |= _of_sizes(_end(old), _end(new), C.KEEPS_LONGER)
    if old.basis is not new.basis and _span(new):
        # An erasure request stops at a legal obligation alone.
        is_law = new.basis is Basis.LEGAL_OBLIGATION
        found |= {C.KEEPS_LONGER if is_law else C.KEEPS_SHORTER}
    if old.count_from != new.count_from and _span(new):
        found |= {C.KEEPS_LONGER, C.KEEPS_SHORTER}
    return found


def _floor(spec: RetentionSpec) -> float:
    return 0 if spec.keep_at_least is None else _length(spec.keep_at_least)


def _end(spec: RetentionSpec) -> float:
    """What no rule deletes stays."""
    return _length(FOREVER if spec.delete_after is None else spec.delete_after)
