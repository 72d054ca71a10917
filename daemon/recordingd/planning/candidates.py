"""An index over policies: which of them could match a call, without asking each.

Called by `planning.matching`, once per load to build and once per decision to look up. A policy is
filed under the most selective exact value or prefix that its matcher cannot do without; a policy
that has none is a candidate for every call. Finding too many is harmless, missing one never is.
What a hit has shown already is not checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import chain
from typing import Generic, TypeVar

from recordingd.domain.calls import Call
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagIs,
    ParticipantsFit,
    PartyIs,
    Pattern,
    Quantifier,
    Selector,
    TagIs,
    TextField,
    TextIs,
)
from recordingd.planning.conditions import (
    FLAG_OF,
    PARTY_OF,
    TEXT_OF,
    Check,
    all_of,
    compile_condition,
    compile_parts,
    is_party_pending,
)
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import Facts, is_pending, phone_of

T = TypeVar("T")
# An entry that could match a call, with the check that says whether it does.
Candidate = tuple[T, Check]
# What a call has in a field; None when the field is missing and may still come, so that every
# policy filed under it must be asked.
Values = Sequence[str] | None
Read = Callable[[Facts], Values]

# A group with more members than this is asked as a group: filing a policy under each would make the
# index larger than the groups themselves.
GROUP_MEMBERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be looked up; a lower `order` is more selective."""

    order: int
    name: str


@dataclass(frozen=True, slots=True)
class Key:
    """A value that a call must have in a field for the policy to match."""

    field: Field
    pattern: Pattern


Keys = tuple[Key, ...] | None
_SERVER_CALL_ID, _TO, _FROM, _STARTED_BY, _ROOM, _PARTICIPANT, _TAG, _RESOURCE = range(8)
_FLAG, _DIRECTION = 8, 9
_TEXT_ORDER = {
    TextField.SERVER_CALL_ID: _SERVER_CALL_ID,
    TextField.GROUP: _ROOM,
    TextField.ROOM: _ROOM,
    TextField.RESOURCE: _RESOURCE,
}
_PARTY_ORDER = {"to": _TO, "from": _FROM, "startedBy": _STARTED_BY}


@dataclass(frozen=True, slots=True)
class _Filing:
    """Where one condition is filed, and what is checked of it.

    `whole` where the value that it is filed under is not known; `rest` where a call has that value,
    which answers one part of the condition, often the only one, with yes.
    """

    keys: Keys
    whole: Check
    rest: Check


def _filing_of(condition: Condition, groups: Groups) -> _Filing:
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    keyed = [(keys, part) for part in parts if (keys := keys_of(part, groups)) is not None]
    keys, filed = min(keyed, key=lambda found: _weight(found[0]), default=(None, condition))
    if not _is_told_by_keys(filed):
        whole = compile_condition(condition, groups)
        return _Filing(keys, whole, whole)
    others = compile_parts([part for part in parts if part is not filed], groups)
    whole = all_of((*others, compile_condition(filed, groups)))
    return _Filing(keys, whole, all_of(others))


def _is_told_by_keys(condition: Condition) -> bool:
    """Say whether having one of its keys is all that a condition asks for."""
    match condition:
        case TagIs() | TextIs() | FlagIs() | DirectionIs():
            return True
        case PartyIs() | ParticipantsFit():
            # Only these fields of a selector become keys, and of one that has both only the ids do.
            return all(
                s in (Selector(ids=s.ids), Selector(phones=s.phones)) for s in condition.selectors
            )
        case _:
            return False


def keys_of(condition: Condition, groups: Groups) -> Keys:
    """Return keys of which a call must have at least one to match; None when there are none such.

    A condition that is unknown counts as matching here.
    """
    match condition:
        case AllOf():
            found = [k for part in condition.parts if (k := keys_of(part, groups)) is not None]
            return min(found, key=_weight, default=None)
        case AnyOf():
            return _union(keys_of(part, groups) for part in condition.parts)
        case _:
            return _leaf_keys(condition, groups)


@singledispatch
def _leaf_keys(_: Condition, _groups: Groups) -> Keys:
    return None


@_leaf_keys.register
def _party_leaf_keys(leaf: PartyIs, groups: Groups) -> Keys:
    name = leaf.field.value
    return _party_keys(leaf.selectors, name, _PARTY_ORDER[name], groups)


@_leaf_keys.register
def _participant_leaf_keys(leaf: ParticipantsFit, groups: Groups) -> Keys:
    if leaf.quantifier is not Quantifier.SOME:
        return None
    return _party_keys(leaf.selectors, "participant", _PARTICIPANT, groups)


@_leaf_keys.register
def _text_leaf_keys(leaf: TextIs, _: Groups) -> Keys:
    field = Field(_TEXT_ORDER[leaf.field], leaf.field.value)
    return tuple(Key(field, pattern) for pattern in leaf.patterns)


@_leaf_keys.register
def _tag_leaf_keys(leaf: TagIs, _: Groups) -> Keys:
    field = Field(_TAG, f"tag:{leaf.tag}")
    return tuple(Key(field, pattern) for pattern in leaf.patterns)


@_leaf_keys.register
def _flag_leaf_keys(leaf: FlagIs, _: Groups) -> Keys:
    return (Key(Field(_FLAG, leaf.field.value), Pattern(str(leaf.value))),)


@_leaf_keys.register
def _direction_leaf_keys(leaf: DirectionIs, _: Groups) -> Keys:
    field = Field(_DIRECTION, "direction")
    return tuple(Key(field, Pattern(direction.value)) for direction in leaf.directions)


def _weight(keys: tuple[Key, ...]) -> tuple[int, bool, int]:
    """Order by the least selective field, then exact before prefix, then few before many."""
    worst = max((key.field.order for key in keys), default=-1)
    return worst, any(key.pattern.text.endswith("*") for key in keys), len(keys)


def _union(alternatives: Iterable[Keys]) -> Keys:
    keys: list[Key] = []
    for alternative in alternatives:
        if alternative is None:
            return None
        keys.extend(alternative)
    # Nothing to look up, as of an empty group: whether it is a no or not known yet is for the
    # condition to say.
    return tuple(keys) or None


def _party_keys(selectors: Sequence[Selector], name: str, order: int, groups: Groups) -> Keys:
    return _union(_selector_keys(selector, name, order, groups) for selector in selectors)


def _selector_keys(selector: Selector, name: str, order: int, groups: Groups) -> Keys:
    if selector.ids:
        return tuple(Key(Field(order, f"{name}.id"), p) for p in selector.ids)
    if selector.phones:
        return tuple(Key(Field(order, f"{name}.phone"), p) for p in selector.phones)
    if not selector.in_groups:
        return None
    members = [m for group in selector.in_groups for m in groups.members_of(group)]
    if len(members) > GROUP_MEMBERS_MAX:
        return None
    return _party_keys(members, name, order, groups)


# --- reading a call's values ----------------------------------------------------------------------


def _reader_of(name: str) -> Read:
    if name.startswith("tag:"):
        return _tag_reader(name.removeprefix("tag:"))
    if name == "direction":
        return _direction_reader
    for text_field, text_of in TEXT_OF.items():
        if text_field.value == name:
            return _established_reader(text_of)
    for flag_field, flag_of in FLAG_OF.items():
        if flag_field.value == name:
            return _established_reader(flag_of)
    return _party_reader(name)


def _tag_reader(tag: str) -> Read:
    def read(facts: Facts) -> Values:
        value = facts.call.tags.get(tag)
        now = () if value is None else (value,)
        return (*now, *facts.past_tags.get(tag, ())) if facts.past_tags else now

    return read


def _established_reader(value_of: Callable[[Call], str | bool | None]) -> Read:
    def read(facts: Facts) -> Values:
        value = value_of(facts.call)
        if value is None:
            return None if is_pending(facts, is_established_fact=True) else ()
        return (str(value),)

    return read


def _direction_reader(facts: Facts) -> Values:
    direction = facts.call.direction
    if direction is None:
        return None if is_pending(facts, is_established_fact=False) else ()
    return (direction.value,)


def _party_reader(name: str) -> Read:
    who, _, what = name.partition(".")
    if who == "participant":
        if what == "id":
            return lambda facts: [party.raw_id for party in facts.parties]
        return lambda facts: [p for party in facts.parties if (p := phone_of(party)) is not None]
    field, party_of = next((f, read) for f, read in PARTY_OF.items() if f.value == who)

    def read(facts: Facts) -> Values:
        party = party_of(facts.call)
        if party is None:
            return None if is_party_pending(facts, field) else ()
        value = party.raw_id if what == "id" else phone_of(party)
        return () if value is None else (value,)

    return read


# --- the index ------------------------------------------------------------------------------------


class _FieldIndex(Generic[T]):
    """The entries filed under one field, by exact value and by prefixes of each length."""

    __slots__ = ("everything", "exact", "prefixes", "read")

    def __init__(self, name: str) -> None:
        self.read = _reader_of(name)
        self.exact: dict[str, list[Candidate[T]]] = {}
        self.prefixes: dict[int, dict[str, list[Candidate[T]]]] = {}
        self.everything: dict[T, Check] = {}

    def add(self, pattern: Pattern, entry: T, filing: _Filing) -> None:
        text, found = pattern.text, (entry, filing.rest)
        if text.endswith("*"):
            prefix = text[:-1]
            filed = self.prefixes.setdefault(len(prefix), {}).setdefault(prefix, [])
        else:
            filed = self.exact.setdefault(text, [])
        # Entries come one after another, so one that names a value twice stands last already.
        if not filed or filed[-1][0] is not entry:
            filed.append(found)
        self.everything[entry] = filing.whole

    def find(self, facts: Facts) -> Collection[Candidate[T]]:
        """Return the entries filed under what a call has, each once."""
        values = self.read(facts)
        if values is None:
            return self.everything.items()
        if len(values) == 1 and not self.prefixes:
            # By far the most calls have one value here, and the most policies ask for exact ones.
            return self.exact.get(values[0], ())
        found: dict[T, Check] = {}
        for value in values:
            found.update(self.exact.get(value, ()))
            for length, table in self.prefixes.items():
                found.update(table.get(value[:length], ()))
        return found.items()


class CandidateIndex(Generic[T]):
    """Finds the entries whose condition a call could match. Entries are compared by identity."""

    __slots__ = ("_fields", "_unfiled")

    def __init__(self, entries: Sequence[tuple[Condition, T]], groups: Groups) -> None:
        fields: dict[str, _FieldIndex[T]] = {}
        unfiled: list[Candidate[T]] = []
        for condition, entry in entries:
            filing = _filing_of(condition, groups)
            if filing.keys is None:
                unfiled.append((entry, filing.whole))
                continue
            for key in filing.keys:
                name = key.field.name
                if name not in fields:
                    fields[name] = _FieldIndex(name)
                fields[name].add(key.pattern, entry, filing)
        self._fields = tuple(fields.values())
        self._unfiled = tuple(unfiled)

    def find(self, facts: Facts) -> Collection[Candidate[T]]:
        """Return every entry that could match, each once and with what is left to check of it.

        The order says nothing.
        """
        found: list[Collection[Candidate[T]]] = [self._unfiled] if self._unfiled else []
        for field in self._fields:
            some = field.find(facts)
            if some:
                found.append(some)
        if len(found) == 1:
            # Most calls have candidates from one place only, and nothing is copied for those.
            return found[0]
        return dict(chain.from_iterable(found)).items()
