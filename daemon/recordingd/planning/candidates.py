"""An index over policies: which of them could match a call, without asking each.

Called by `planning.matching`, once per load to build and once per decision to look up. A policy is
filed under the most selective exact value or prefix that its matcher cannot do without; a policy
that has none is a candidate for every call. Finding too many is harmless, missing one never is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
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
from recordingd.planning.conditions import FLAG_OF, PARTY_OF, TEXT_OF, is_party_pending
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import Facts, is_pending, phone_of

T = TypeVar("T")
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
        return () if value is None else (value,)

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
        self.exact: dict[str, list[T]] = {}
        self.prefixes: dict[int, dict[str, list[T]]] = {}
        self.everything: list[T] = []

    def add(self, pattern: Pattern, entry: T) -> None:
        text = pattern.text
        if text.endswith("*"):
            prefix = text[:-1]
            self.prefixes.setdefault(len(prefix), {}).setdefault(prefix, []).append(entry)
        else:
            self.exact.setdefault(text, []).append(entry)
        self.everything.append(entry)

    def collect(self, facts: Facts, found: set[T]) -> None:
        values = self.read(facts)
        if values is None:
            found.update(self.everything)
            return
        for value in values:
            if value in self.exact:
                found.update(self.exact[value])
            for length, table in self.prefixes.items():
                if (prefix := value[:length]) in table:
                    found.update(table[prefix])


class CandidateIndex(Generic[T]):
    """Finds the entries whose condition a call could match."""

    __slots__ = ("_fields", "_unfiled")

    def __init__(self, entries: Sequence[tuple[Condition, T]], groups: Groups) -> None:
        fields: dict[Field, _FieldIndex[T]] = {}
        unfiled: list[T] = []
        for condition, entry in entries:
            keys = keys_of(condition, groups)
            if keys is None:
                unfiled.append(entry)
                continue
            for key in keys:
                index = fields.setdefault(key.field, _FieldIndex[T](key.field.name))
                index.add(key.pattern, entry)
        self._fields = tuple(fields.values())
        self._unfiled = frozenset(unfiled)

    def find(self, facts: Facts) -> Iterable[T]:
        """Return every entry that could match, each once, in no particular order."""
        found = set(self._unfiled)
        for field in self._fields:
            field.collect(facts, found)
        return found
