"""Locked retention rules may only grow: what a new policy set takes back of an accepted one.

Called by `runtime` before a set is accepted. Safe, not complete: what is not proven to keep every
recording at least as long as before counts as taken back. Compares two sets, and never learns what
has been recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    GroupName,
    Not,
    ParticipantsFit,
    PartyIs,
    PlaceName,
    Quantifier,
    RuleName,
    Selector,
    Source,
)
from recordingd.domain.policies import Group, PolicySet
from recordingd.domain.retention import Basis, RetentionRule
from recordingd.planning.reach import Reach, compare, compare_validity, implies

_DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinkage:
    """One thing that a new set takes back of a locked rule; `is_at` is None where it is gone."""

    rule: RuleName
    was_at: Source
    is_at: Source | None
    what: str

    def __str__(self) -> str:
        places = (
            f"was at {self.was_at}" if self.is_at is None else f"was {self.was_at}, is {self.is_at}"
        )
        return f"retention rule '{self.rule}' is locked and may only grow: {self.what} ({places})"


def shrinkages(before: PolicySet, after: PolicySet) -> tuple[Shrinkage, ...]:
    """Return everything that a set takes back of the locked rules of the set before, by rule.

    Empty when every locked rule is there under its name, locked, and keeps what it kept for at
    least as long; groups and places that it names count as parts of it.
    """
    now = {rule.name: rule for rule in after.retention_rules}
    return tuple(
        found
        for rule in before.retention_rules
        if rule.is_locked
        for found in _taken_back(rule, now.get(rule.name), before, after)
    )


def _taken_back(
    was: RetentionRule, now: RetentionRule | None, before: PolicySet, after: PolicySet
) -> Iterator[Shrinkage]:
    if now is None:
        what = f"it is missing{_other_name(was, before, after)}"
        yield Shrinkage(rule=was.name, was_at=was.source, is_at=None, what=what)
        return
    found = [*(say(was, now) for say in _CHECKS), _match_taken_back(was, now, before, after)]
    for said in found:
        if said is not None:
            yield Shrinkage(rule=was.name, was_at=was.source, is_at=now.source, what=said)


def _other_name(was: RetentionRule, before: PolicySet, after: PolicySet) -> str:
    known = {rule.name for rule in before.retention_rules}
    for rule in after.retention_rules:
        is_same = rule.spec == was.spec and compare(was.match, rule.match) is Reach.SAME
        if rule.name not in known and is_same:
            return f"; '{rule.name}' at {rule.source} says the same, give it its name back"
    return ""


# --- what a rule says -----------------------------------------------------------------------------


def _lock(was: RetentionRule, now: RetentionRule) -> str | None:
    del was
    return None if now.is_locked else "it is not locked any more"


def _observed(was: RetentionRule, now: RetentionRule) -> str | None:
    return "it is only observed now" if now.is_observed and not was.is_observed else None


def _validity(was: RetentionRule, now: RetentionRule) -> str | None:
    reach = compare_validity((was.valid_from, was.valid_until), (now.valid_from, now.valid_until))
    return None if reach in {Reach.SAME, Reach.WIDER} else "it is valid for a shorter time"


def _floor(was: RetentionRule, now: RetentionRule) -> str | None:
    return _shorter("keepAtLeast", was.spec.keep_at_least, now.spec.keep_at_least)


def _deletion(was: RetentionRule, now: RetentionRule) -> str | None:
    old, new = was.spec.delete_after, now.spec.delete_after
    if old is None and isinstance(new, Duration):
        # Without one the rule deleted nothing; with one it may delete what nothing else would.
        return f"deleteAfter was not set, is {new}"
    return _shorter("deleteAfter", old, new)


def _decision(was: RetentionRule, now: RetentionRule) -> str | None:
    return _shorter("decideAfter", was.spec.decide_after, now.spec.decide_after)


def _clock(was: RetentionRule, now: RetentionRule) -> str | None:
    old, new = was.spec.count_from, now.spec.count_from
    return None if old == new else f"countFrom was {_in_words(old)}, is {_in_words(new)}"


def _basis(was: RetentionRule, now: RetentionRule) -> str | None:
    old, new = was.spec.basis, now.spec.basis
    is_weaker = old is Basis.LEGAL_OBLIGATION and new is not old
    return f"basis was {old.value}, is {new.value}" if is_weaker else None


def _priority(was: RetentionRule, now: RetentionRule) -> str | None:
    # Among deletions the highest priority decides: a lower one may lose to a shorter deletion.
    is_weaker = was.spec.delete_after is not None and now.priority < was.priority
    return f"priority was {was.priority}, is {now.priority}" if is_weaker else None


_CHECKS: Sequence[Callable[[RetentionRule, RetentionRule], str | None]] = (
    _lock,
    _observed,
    _validity,
    _floor,
    _deletion,
    _decision,
    _clock,
    _basis,
    _priority,
)


def _in_words(clock: object) -> str:
    return str(getattr(clock, "value", clock))


def _shorter(
    field: str, old: Duration | Forever | None, new: Duration | Forever | None
) -> str | None:
    if old is None or (new is not None and is_at_least(new, old)):
        return None
    return f"{field} was {old}, is {'not set' if new is None else new}"


def is_at_least(new: Duration | Forever, old: Duration | Forever) -> bool:
    """Say whether one length is never shorter than another, whatever moment both count from.

    A year against 365 days is not: the year may have a day more. Months of different lengths are
    compared by their bounds, so that a close call counts as shorter.
    """
    if isinstance(new, Forever):
        return True
    if isinstance(old, Forever):
        return False
    months, seconds = new.months - old.months, _fixed(new) - _fixed(old)
    if months >= 0:
        return _days_at_least(months) * _DAY_SECONDS + seconds >= 0
    return seconds >= _days_at_most(-months) * _DAY_SECONDS


def _fixed(duration: Duration) -> int:
    return duration.days * _DAY_SECONDS + duration.seconds


def _days_at_least(months: int) -> int:
    """Bound the days of months from below: each a February, and a leap day left out around 2100."""
    years, rest = divmod(months, 12)
    return years * 365 + max(0, years // 4 - years // 100 - 1) + rest * 28


def _days_at_most(months: int) -> int:
    years, rest = divmod(months, 12)
    return years * 365 + (years + 3) // 4 + rest * 31


# --- what a rule matches --------------------------------------------------------------------------


def _match_taken_back(
    was: RetentionRule, now: RetentionRule, before: PolicySet, after: PolicySet
) -> str | None:
    if not implies(was.match, now.match):
        return "it is not certain that it still matches every call that it matched"
    for name, is_wanted in sorted(_groups_in(was.match, is_wanted=True)):
        if not _is_group_kept(name, before.groups, after.groups, is_wanted=is_wanted):
            return f"group '{name}', which it names, has {'lost' if is_wanted else 'got'} members"
    for place, is_wanted in sorted(_places_in(was.match, is_wanted=True)):
        old, new = _codes_of(place, before), _codes_of(place, after)
        if not (old <= new if is_wanted else new <= old):
            return f"places '{place}', which it names, {'lost' if is_wanted else 'got'} entries"
    return None


def _selectors_in(match: Condition, *, is_wanted: bool) -> Iterator[tuple[Selector, bool]]:
    """Yield every selector of a matcher, and whether more who fit it mean more calls that match."""
    match match:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _selectors_in(part, is_wanted=is_wanted)
        case Not(part=part):
            yield from _selectors_in(part, is_wanted=not is_wanted)
        case PartyIs(selectors=selectors):
            yield from ((s, is_wanted) for s in selectors)
        case ParticipantsFit(selectors=selectors, quantifier=quantifier):
            is_turned = quantifier is Quantifier.NONE
            yield from ((s, is_wanted is not is_turned) for s in selectors)
        case _:
            return


def _groups_in(match: Condition, *, is_wanted: bool) -> set[tuple[GroupName, bool]]:
    found: set[tuple[GroupName, bool]] = set()
    for selector, wanted in _selectors_in(match, is_wanted=is_wanted):
        found |= {(name, wanted) for name in selector.in_groups}
        found |= {(name, not wanted) for name in selector.not_in}
    return found


def _places_in(match: Condition, *, is_wanted: bool) -> set[tuple[str, bool]]:
    return {
        (place, wanted)
        for selector, wanted in _selectors_in(match, is_wanted=is_wanted)
        for place in selector.places
    }


def _codes_of(place: str, policies: PolicySet) -> frozenset[str]:
    """Return what a name in a selector stands for; a code stands for itself."""
    named = policies.places.get(PlaceName(place))
    return frozenset({place}) if named is None else named.codes


def _is_group_kept(
    name: GroupName,
    before: Mapping[GroupName, Group],
    after: Mapping[GroupName, Group],
    *,
    is_wanted: bool,
) -> bool:
    """Say whether a group still has every member, or where fewer match more, no new one."""
    if name not in before or name not in after:
        return False
    old, new = before[name].members, after[name].members
    return _are_among(old, new) if is_wanted else _are_among(new, old)


def _are_among(members: Sequence[Selector], others: Sequence[Selector]) -> bool:
    """Say whether everybody whom the first mean is meant by the second; quick for large groups."""
    missing = set(members) - set(others)
    wide = [other for other in others if not _is_exact(other)]
    return all(any(_means(other, member) for other in wide) for member in missing)


def _is_exact(member: Selector) -> bool:
    patterns = (*member.ids, *member.phones)
    is_plain = member == Selector(ids=member.ids, phones=member.phones)
    return is_plain and len(patterns) == 1 and not patterns[0].text.endswith("*")


def _means(wide: Selector, member: Selector) -> bool:
    return implies(_some(member), _some(wide))


_ANYWHERE = Source(file="", line=1)


def _some(selector: Selector) -> Condition:
    return ParticipantsFit(
        path="", source=_ANYWHERE, quantifier=Quantifier.SOME, selectors=(selector,)
    )
