"""Matchers compiled to closures: one call's facts in, yes, no or unknown out.

Called by `planning.matching`, once per load for decisions and once per leaf for explanations. What
a leaf means when a fact is missing is decided here and nowhere else. Pure; never learns what a
policy does with the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import singledispatch

from recordingd.domain.calls import Call, Party
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagField,
    FlagIs,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyField,
    PartyIs,
    Quantifier,
    Sampled,
    StartedBetween,
    TagIs,
    TextField,
    TextIs,
    WithinHours,
)
from recordingd.planning.hours import compile_hours
from recordingd.planning.selectors import Groups, compile_patterns, compile_selectors
from recordingd.planning.truth import (
    NO,
    UNKNOWN,
    YES,
    Facts,
    Truth,
    is_pending,
    opposite,
    truth_of,
)

Check = Callable[[Facts], Truth]

# Dearer checks run later: a set lookup, a walk over participants, a hash, a time zone.
_COST: dict[type[Condition], int] = {
    FlagIs: 1,
    DirectionIs: 1,
    TagIs: 2,
    TextIs: 2,
    PartyIs: 3,
    StartedBetween: 4,
    ParticipantCount: 5,
    ParticipantsFit: 6,
    Sampled: 7,
    WithinHours: 8,
}


def compile_condition(condition: Condition, groups: Groups) -> Check:
    """Return the check of a tree of conditions, cheap parts first."""
    match condition:
        case AllOf():
            return all_of(compile_parts(condition.parts, groups))
        case AnyOf():
            return _any_of(compile_parts(condition.parts, groups))
        case Not():
            check = compile_condition(condition.part, groups)
            return lambda facts: opposite(check(facts))
        case _:
            return _compile_leaf(condition, groups)


def leaves_of(condition: Condition) -> Iterator[Condition]:
    """Yield the leaves of a tree in the order they are written."""
    match condition:
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from leaves_of(part)
        case Not():
            yield from leaves_of(condition.part)
        case _:
            yield condition


def compile_parts(parts: Sequence[Condition], groups: Groups) -> tuple[Check, ...]:
    """Return the check of each part, cheap ones first."""
    ordered = sorted(parts, key=_cost_of)
    return tuple(compile_condition(part, groups) for part in ordered)


def _cost_of(condition: Condition) -> int:
    return sum(_COST.get(type(leaf), 0) for leaf in leaves_of(condition))


def all_of(checks: tuple[Check, ...]) -> Check:
    """Return the check that all of some checks say yes; yes where there are none."""
    if not checks:
        return _always
    if len(checks) == 1:
        return checks[0]

    def check(facts: Facts) -> Truth:
        result = YES
        for part in checks:
            truth = part(facts)
            if truth is NO:
                return NO
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    return check


def _any_of(checks: tuple[Check, ...]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(facts: Facts) -> Truth:
        result = NO
        for part in checks:
            truth = part(facts)
            if truth is YES:
                return YES
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    return check


@singledispatch
def _compile_leaf(leaf: Condition, groups: Groups) -> Check:
    msg = f"no check for {type(leaf).__name__} with {type(groups).__name__}"
    raise InvariantBroken(msg)


def _always(_: Facts) -> Truth:
    return YES


def _never(_: Facts) -> Truth:
    """Answer for an empty list: no fact that still comes can be in it."""
    return NO


# --- parties --------------------------------------------------------------------------------------

PARTY_OF: dict[PartyField, Callable[[Call], Party | None]] = {
    PartyField.FROM: lambda call: call.from_party,
    PartyField.TO: lambda call: call.to_party,
    PartyField.STARTED_BY: lambda call: call.started_by,
}


def is_party_pending(facts: Facts, field: PartyField) -> bool:
    """Say whether a missing caller, dialled party or initiator may still become known.

    Caller and dialled party come with the incoming ring, which may arrive after the call was
    established; nobody dials into a rooms call, so they never come for one. The initiator comes
    with the start of the call.
    """
    if field is PartyField.STARTED_BY:
        return is_pending(facts, is_established_fact=True)
    return facts.call.is_rooms_call is not True and is_pending(facts, is_established_fact=False)


@_compile_leaf.register
def _party_is(leaf: PartyIs, groups: Groups) -> Check:
    if not leaf.selectors:
        return _never
    fits = compile_selectors(leaf.selectors, groups)
    field, party_of = leaf.field, PARTY_OF[leaf.field]

    def check(facts: Facts) -> Truth:
        party = party_of(facts.call)
        if party is None:
            return UNKNOWN if is_party_pending(facts, field) else NO
        return YES if fits(party, facts.call.roles) else NO

    return check


@_compile_leaf.register
def _participants_fit(leaf: ParticipantsFit, groups: Groups) -> Check:
    fits = compile_selectors(leaf.selectors, groups)

    def some(facts: Facts) -> Truth:
        roles = facts.call.roles
        for party in facts.parties:
            if fits(party, roles):
                return YES
        return NO

    # A list that is not known to be complete says nothing about everybody, not even through a
    # counterexample: an event that somebody left may be missing just as well.
    def every(facts: Facts) -> Truth:
        if not facts.is_complete or not facts.parties:
            # A call that everybody has left says nothing about who everybody was.
            return UNKNOWN
        return truth_of(all(fits(p, facts.call.roles) for p in facts.parties))

    def none(facts: Facts) -> Truth:
        return opposite(some(facts)) if facts.is_complete else UNKNOWN

    checks = {Quantifier.SOME: some, Quantifier.EVERY: every, Quantifier.NONE: none}
    return checks[leaf.quantifier]


@_compile_leaf.register
def _participant_count(leaf: ParticipantCount, _: Groups) -> Check:
    low, high = leaf.minimum, leaf.maximum

    def check(facts: Facts) -> Truth:
        if not facts.is_complete:
            return UNKNOWN
        count = facts.head_count
        return truth_of((low is None or count >= low) and (high is None or count <= high))

    return check


# --- what a call says of itself -------------------------------------------------------------------

TEXT_OF: dict[TextField, Callable[[Call], str | None]] = {
    TextField.SERVER_CALL_ID: lambda call: call.server_call_id,
    TextField.GROUP: lambda call: call.group_id,
    TextField.ROOM: lambda call: call.room_id,
    TextField.RESOURCE: lambda call: call.resource,
}
FLAG_OF: dict[FlagField, Callable[[Call], bool | None]] = {
    FlagField.IS_TWO_PARTY: lambda call: call.is_two_party,
    FlagField.IS_ROOMS_CALL: lambda call: call.is_rooms_call,
}


@_compile_leaf.register
def _text_is(leaf: TextIs, _: Groups) -> Check:
    if not leaf.patterns:
        return _never
    covers, text_of = compile_patterns(leaf.patterns), TEXT_OF[leaf.field]

    def check(facts: Facts) -> Truth:
        text = text_of(facts.call)
        if text is None:
            return UNKNOWN if is_pending(facts, is_established_fact=True) else NO
        return YES if covers(text) else NO

    return check


@_compile_leaf.register
def _flag_is(leaf: FlagIs, _: Groups) -> Check:
    wanted, flag_of = leaf.value, FLAG_OF[leaf.field]

    def check(facts: Facts) -> Truth:
        flag = flag_of(facts.call)
        if flag is None:
            return UNKNOWN if is_pending(facts, is_established_fact=True) else NO
        return YES if flag is wanted else NO

    return check


@_compile_leaf.register
def _direction_is(leaf: DirectionIs, _: Groups) -> Check:
    if not leaf.directions:
        return _never
    wanted = frozenset(leaf.directions)

    def check(facts: Facts) -> Truth:
        direction = facts.call.direction
        if direction is None:
            return UNKNOWN if is_pending(facts, is_established_fact=False) else NO
        return YES if direction in wanted else NO

    return check


@_compile_leaf.register
def _tag_is(leaf: TagIs, _: Groups) -> Check:
    covers, tag = compile_patterns(leaf.patterns), leaf.tag

    def check(facts: Facts) -> Truth:
        value = facts.call.tags.get(tag)
        if value is not None and covers(value):
            return YES
        if facts.past_tags and any(map(covers, facts.past_tags.get(tag, ()))):
            return YES
        return NO

    return check


# --- time and chance ------------------------------------------------------------------------------


def start_of(call: Call) -> datetime:
    """Return when a call started, as far as is known."""
    return call.started_at or call.first_seen_at


@_compile_leaf.register
def _within_hours(leaf: WithinHours, _: Groups) -> Check:
    is_within = compile_hours(leaf)
    return lambda facts: truth_of(is_within(start_of(facts.call)))


@_compile_leaf.register
def _started_between(leaf: StartedBetween, _: Groups) -> Check:
    return lambda facts: truth_of(leaf.start <= start_of(facts.call) < leaf.end)


_BUCKETS = 1 << 64


@_compile_leaf.register
def _sampled(leaf: Sampled, _: Groups) -> Check:
    below, salt = leaf.share * _BUCKETS, leaf.salt.encode() + b"\0"

    def check(facts: Facts) -> Truth:
        digest = hashlib.sha256(salt + facts.call.server_call_id.encode()).digest()
        return truth_of(int.from_bytes(digest[:8], "big") < below)

    return check
