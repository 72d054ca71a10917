"""The leaves of a matcher in words: what was asked for and what was there.

Called by `planning.matching` when somebody asks why; never on the way to a decision. Says what is
known, unknown or missing, and never decides anything itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import singledispatch

from recordingd.domain.calls import Party
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.matchers import (
    Condition,
    DirectionIs,
    FlagIs,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    Sampled,
    Selector,
    StartedBetween,
    TagIs,
    TextIs,
    WithinHours,
)
from recordingd.domain.policies import RecordingPolicy
from recordingd.planning.conditions import FLAG_OF, PARTY_OF, TEXT_OF, start_of
from recordingd.planning.places import place_of
from recordingd.planning.precedence import Leaf
from recordingd.planning.truth import NO, Facts, phone_of, truth_of

_NOT_KNOWN = "not known"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@singledispatch
def expected_of(leaf: Condition) -> str:
    """Say what a leaf asks for."""
    msg = f"no words for {type(leaf).__name__}"
    raise InvariantBroken(msg)


@expected_of.register
def _party_expected(leaf: PartyIs) -> str:
    return selectors_in_words(leaf.selectors)


@expected_of.register
def _participants_expected(leaf: ParticipantsFit) -> str:
    return f"{leaf.quantifier.value} of {selectors_in_words(leaf.selectors)}"


@expected_of.register
def _count_expected(leaf: ParticipantCount) -> str:
    low = 0 if leaf.minimum is None else leaf.minimum
    return f"from {low} to {'any number' if leaf.maximum is None else leaf.maximum}"


@expected_of.register
def _text_expected(leaf: TextIs) -> str:
    return _alternatives(leaf.patterns)


@expected_of.register
def _tag_expected(leaf: TagIs) -> str:
    return f"{leaf.tag} is {_alternatives(leaf.patterns)}"


@expected_of.register
def _flag_expected(leaf: FlagIs) -> str:
    return str(leaf.value).lower()


@expected_of.register
def _direction_expected(leaf: DirectionIs) -> str:
    return _alternatives(d.value for d in leaf.directions)


@expected_of.register
def _hours_expected(leaf: WithinHours) -> str:
    days = ", ".join(_DAYS[day] for day in sorted(leaf.days)) or "every day"
    span = "" if leaf.between is None else f" {leaf.between[0]:%H:%M}-{leaf.between[1]:%H:%M}"
    but = ", ".join(day.isoformat() for day in sorted(leaf.except_dates))
    return f"{days}{span} {leaf.timezone}" + (f" except {but}" if but else "")


@expected_of.register
def _between_expected(leaf: StartedBetween) -> str:
    return f"from {leaf.start.isoformat()} until {leaf.end.isoformat()}"


@expected_of.register
def _sample_expected(leaf: Sampled) -> str:
    return f"in a sample of {leaf.share * 100:g}%"


@singledispatch
def actual_of(leaf: Condition, facts: Facts) -> str:
    """Say what the call has where a leaf looks."""
    msg = f"no words for {type(leaf).__name__} of {facts.call.call_id}"
    raise InvariantBroken(msg)


@actual_of.register
def _party_actual(leaf: PartyIs, facts: Facts) -> str:
    return _party(PARTY_OF[leaf.field](facts.call), leaf.selectors)


@actual_of.register
def _participants_actual(leaf: ParticipantsFit, facts: Facts) -> str:
    parties = ", ".join(_party(party, leaf.selectors) for party in facts.parties)
    return f"{parties or 'nobody'} ({_completeness(facts)})"


@actual_of.register(ParticipantCount)
def _count_actual(_: ParticipantCount, facts: Facts) -> str:
    return f"{facts.head_count} ({_completeness(facts)})"


@actual_of.register
def _text_actual(leaf: TextIs, facts: Facts) -> str:
    return TEXT_OF[leaf.field](facts.call) or _NOT_KNOWN


@actual_of.register
def _tag_actual(leaf: TagIs, facts: Facts) -> str:
    now = facts.call.tags.get(leaf.tag, "no such tag")
    before = facts.past_tags.get(leaf.tag, ())
    return f"{now}, before that {', '.join(reversed(before))}" if before else now


@actual_of.register
def _flag_actual(leaf: FlagIs, facts: Facts) -> str:
    flag = FLAG_OF[leaf.field](facts.call)
    return _NOT_KNOWN if flag is None else str(flag).lower()


@actual_of.register(DirectionIs)
def _direction_actual(_: DirectionIs, facts: Facts) -> str:
    direction = facts.call.direction
    return _NOT_KNOWN if direction is None else direction.value


@actual_of.register(Sampled)
def _sample_actual(_: Sampled, facts: Facts) -> str:
    return f"call {facts.call.server_call_id}"


@actual_of.register(WithinHours)
@actual_of.register(StartedBetween)
def _start_actual(_: Condition, facts: Facts) -> str:
    return f"started {start_of(facts.call).isoformat()}"


def validity_leaves(policy: RecordingPolicy, now: datetime) -> tuple[Leaf, ...]:
    """Return one leaf for each end of a policy's validity that it states."""
    leaves = []
    if policy.valid_from is not None:
        leaves.append(_validity_leaf(policy, "validFrom", now, is_met=now >= policy.valid_from))
    if policy.valid_until is not None:
        leaves.append(_validity_leaf(policy, "validUntil", now, is_met=now < policy.valid_until))
    return tuple(leaves)


def _validity_leaf(policy: RecordingPolicy, path: str, now: datetime, *, is_met: bool) -> Leaf:
    moment = policy.valid_from if path == "validFrom" else policy.valid_until
    assert moment is not None
    return Leaf(
        path=path,
        source=policy.source,
        expected=f"{'from' if path == 'validFrom' else 'until'} {moment.isoformat()}",
        actual=now.isoformat(),
        matched=truth_of(is_met),
    )


def suspension_leaf(policy: RecordingPolicy) -> Leaf:
    """Return the leaf that says that somebody suspended a policy for a while."""
    return Leaf(
        path="suspended",
        source=policy.source,
        expected="in force",
        actual="suspended",
        matched=NO,
    )


def selectors_in_words(selectors: Sequence[Selector]) -> str:
    """Say who fits one of the selectors; `nobody` for an empty list."""
    return _alternatives(map(_selector, selectors))


def _selector(selector: Selector) -> str:
    fields: dict[str, list[str]] = {
        "id": [str(p) for p in selector.ids],
        "kind": [kind.value for kind in selector.kinds],
        "phone": [str(p) for p in selector.phones],
        "role": [str(p) for p in selector.roles],
        "displayName": [str(p) for p in selector.display_names],
        "in": [str(g) for g in selector.in_groups],
        "notIn": [str(g) for g in selector.not_in],
        "place": list(selector.places),
    }
    return " and ".join(f"{name} {_alternatives(v)}" for name, v in fields.items() if v)


def _alternatives(values: Iterable[object]) -> str:
    return " or ".join(map(str, values)) or "nobody"


def _party(party: Party | None, selectors: Sequence[Selector]) -> str:
    """Name a party, and where a selector asks for its place, the guess."""
    if party is None:
        return _NOT_KNOWN
    phone = phone_of(party)
    named = phone or party.raw_id
    if not any(selector.places for selector in selectors):
        return named
    return f"{named} in {place_of(phone)} (a guess)"


def _completeness(facts: Facts) -> str:
    return "complete list" if facts.is_complete else "list not known to be complete"
