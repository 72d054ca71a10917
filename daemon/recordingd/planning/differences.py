"""Two policy trees compared rule by rule: what came, what went, what changed, and what it does.

Called by `cli.diff` with the files and the running revision, and by whatever shows or judges a new
set before it counts. Rules are known by kind and name: a rule that only moved to another line or
file is no difference, and neither is a matcher that was written in another order.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from recordingd.domain.consent import ConsentRule, ConsentSpec, Parties
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Condition, ParticipantsFit, PartyIs, Selector, Source
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import Places
from recordingd.domain.policies import Group, PolicySet, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.conditions import leaves_of
from recordingd.planning.consequences import (
    IN_WORDS,
    Consequence,
    Consequences,
    of_consent_rules,
    of_holds,
    of_pause_rules,
    of_policies,
    of_retention_rules,
)
from recordingd.planning.documents import Rule, RuleKind, fields_of, match_fields, rules_of
from recordingd.planning.leaves import selectors_in_words
from recordingd.planning.reach import Reach, compare

# A longer list of changed members is told by its numbers alone.
MEMBERS_SHOWN_MAX = 20


class Change(enum.StrEnum):
    """What happened to a rule."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a rule by its dotted path; None is a field that is not set."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One rule that differs.

    `source` is where it stands now, of a removed one where it stood. `fields` are sorted as they
    are written, and empty for a rule that came or went. `used_by` are the rules that name it.
    """

    kind: RuleKind
    name: str
    change: Change
    source: Source
    fields: tuple[FieldChange, ...]
    consequences: tuple[Consequence, ...]
    used_by: tuple[str, ...] = ()

    @property
    def effect(self) -> str:
        """What the change does, in words; empty when nothing follows from it."""
        words = [IN_WORDS[one] for one in self.consequences]
        if self.used_by:
            words.append(f"used by {', '.join(self.used_by)}")
        return ", ".join(words)


def differences(before: PolicySet | None, after: PolicySet) -> tuple[Difference, ...]:
    """Return what differs, by kind and then by name; with nothing before, every rule is added."""
    old = {} if before is None else rules_of(before)
    new = rules_of(after)
    kinds = list(RuleKind)
    keys = sorted(old.keys() | new.keys(), key=lambda key: (kinds.index(key[0]), key[1]))
    users = _Users([*old.values(), *new.values()])
    found = (_difference(key, old.get(key), new.get(key), users) for key in keys)
    return tuple(one for one in found if one is not None)


def _difference(
    key: tuple[RuleKind, str], before: Rule | None, after: Rule | None, users: _Users
) -> Difference | None:
    kind, name = key
    shown = after if after is not None else before
    assert shown is not None, "a key comes from one of the two sets"
    fields: tuple[FieldChange, ...] = ()
    if before is not None and after is not None:
        fields = tuple(_field_changes(before, after))
        if not fields:
            return None
    change = Change.ADDED if before is None else Change.REMOVED if after is None else Change.CHANGED
    found = _consequences(before, after)
    used_by: tuple[str, ...] = ()
    if isinstance(before, Group | Places) and _means_others(fields):
        used_by = users.of(before, shown)
        found |= {Consequence.MEANS_OTHERS} if used_by else frozenset()
    return Difference(
        kind=kind,
        name=name,
        change=change,
        source=shown.source,
        fields=fields,
        consequences=tuple(one for one in Consequence if one in found),
        used_by=used_by,
    )


def _consequences(before: Rule | None, after: Rule | None) -> Consequences:
    match before, after:
        case (RecordingPolicy() | None) as old, (RecordingPolicy() | None) as new:
            return of_policies(old, new)
        case (ConsentRule() | None) as old, (ConsentRule() | None) as new:
            return of_consent_rules(old, new)
        case (PauseRule() | None) as old, (PauseRule() | None) as new:
            return of_pause_rules(old, new)
        case (RetentionRule() | None) as old, (RetentionRule() | None) as new:
            return of_retention_rules(old, new)
        case (LegalHold() | None) as old, (LegalHold() | None) as new:
            return of_holds(old, new)
        case _:
            # Of groups and places the rules that name them tell.
            return frozenset()


# --- fields ---------------------------------------------------------------------------------------


def _field_changes(before: Rule, after: Rule) -> Iterator[FieldChange]:
    old, new = fields_of(before), fields_of(after)
    if not isinstance(before, Group | Places) and not isinstance(after, Group | Places):
        for same in _unchanged_matcher(before.match, after.match):
            old.pop(same, None)
            new.pop(same, None)
    for path in {**old, **new}:
        if old.get(path) != new.get(path):
            yield FieldChange(path=path, old=old.get(path), new=new.get(path))
    if isinstance(before, Group) and isinstance(after, Group):
        yield from _member_changes(before, after)


def _unchanged_matcher(before: Condition, after: Condition) -> set[str]:
    """Return the paths to leave out where two matchers mean the same however they are written."""
    if compare(before, after) is not Reach.SAME:
        return set()
    return match_fields(before).keys() | match_fields(after).keys()


def _member_changes(before: Group, after: Group) -> Iterator[FieldChange]:
    old, new = set(before.members), set(after.members)
    gone, came = (sorted(selectors_in_words((m,)) for m in some) for some in (old - new, new - old))
    if len(gone) + len(came) > MEMBERS_SHOWN_MAX:
        counts = (f"{len(old)} members", f"{len(new)} members, {len(came)} of them new")
        yield FieldChange(path="members", old=counts[0], new=counts[1])
        return
    yield from (FieldChange(path="members", old=member, new=None) for member in gone)
    yield from (FieldChange(path="members", old=None, new=member) for member in came)


# --- who uses groups and places -------------------------------------------------------------------


def _means_others(fields: tuple[FieldChange, ...]) -> bool:
    """Whether a change of a group or of places is one of whom it means."""
    return any(field.path in {"members", "places", "internal"} for field in fields)


class _Users:
    """Which rules name a group or a set of places."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules

    def of(self, *versions: Rule) -> tuple[str, ...]:
        """Return the rules by name, sorted; of an internal group also those that ask outsiders."""
        names = {
            str(rule.name)
            for rule in self._rules
            for used in versions
            if isinstance(used, Group | Places) and _uses(rule, used)
        }
        return tuple(sorted(names))


def _uses(rule: Rule, used: Group | Places) -> bool:
    selectors = list(_selectors_of(rule))
    if isinstance(used, Places):
        return any(used.name in selector.places for selector in selectors)
    if used.is_internal and _asks_outsiders(rule):
        return True
    return any(used.name in (*s.in_groups, *s.not_in) for s in selectors)


def _asks_outsiders(rule: Rule) -> bool:
    spec = _consent_of(rule)
    return spec is not None and spec.parties is Parties.EXTERNAL


def _consent_of(rule: Rule) -> ConsentSpec | None:
    if isinstance(rule, ConsentRule):
        return rule.spec
    return rule.consent if isinstance(rule, RecordingPolicy) else None


def _selectors_of(rule: Rule) -> Iterator[Selector]:
    """Yield every selector of a rule: in its matcher, and where it names participants besides."""
    if isinstance(rule, Group | Places):
        return
    for leaf in leaves_of(rule.match):
        if isinstance(leaf, PartyIs | ParticipantsFit):
            yield from leaf.selectors
    spec = _consent_of(rule)
    if spec is not None and isinstance(spec.parties, tuple):
        yield from spec.parties
    if isinstance(rule, RecordingPolicy) and rule.record is not None:
        for assignment in rule.record.assign:
            yield from assignment.selectors
