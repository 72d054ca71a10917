"""What can be said of matchers without a call: which never hold, and which can meet.

Called by `config.cross_checks` with policies that have no fault of their own. Every proof is
conservative: two policies are taken to meet unless one call's single-valued facts cannot fit both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from recordingd.config.diagnostics import Findings
from recordingd.config.matchers import place_of
from recordingd.config.strict_yaml import Document
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagIs,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    Pattern,
    Quantifier,
    Sampled,
    Selector,
    StartedBetween,
    TagIs,
    TextIs,
    WithinHours,
)
from recordingd.domain.policies import Decision, RecordingPolicy
from recordingd.planning.precedence import Rank, rank_of

Written = tuple[RecordingPolicy, Document]


# --- matchers that never hold ---------------------------------------------------------------------


def check_never_holds(policy: RecordingPolicy, document: Document, findings: Findings) -> None:
    """Warn of every condition that no call can meet."""
    for condition in _never_holding(policy.match):
        place = place_of(document, condition)
        message = f"'{condition.path}' can never hold"
        findings.warning(place, "policy/never-holds", message)


def _never_holding(condition: Condition) -> Iterator[Condition]:
    match condition:
        case AllOf():
            for part in condition.parts:
                yield from _never_holding(part)
        case AnyOf() if condition.parts:
            for part in condition.parts:
                yield from _never_holding(part)
        case Not():
            return
        case _:
            if _is_impossible(condition):
                yield condition


def _is_impossible(leaf: Condition) -> bool:
    match leaf:
        case AnyOf():
            return not leaf.parts
        case PartyIs():
            return not leaf.selectors
        case ParticipantsFit():
            return not leaf.selectors and leaf.quantifier is Quantifier.SOME
        case TextIs() | TagIs():
            return not leaf.patterns
        case DirectionIs():
            return not leaf.directions
        case _:
            return _is_empty_range(leaf)


def _is_empty_range(leaf: Condition) -> bool:
    match leaf:
        case ParticipantCount():
            low, high = leaf.minimum, leaf.maximum
            return low is not None and high is not None and low > high
        case WithinHours():
            return not leaf.days or (
                leaf.between is not None and leaf.between[0] == leaf.between[1]
            )
        case StartedBetween():
            return leaf.start >= leaf.end
        case Sampled():
            return leaf.share == 0
        case _:
            return False


# --- policies that can meet -----------------------------------------------------------------------


def check_meetings(policies: Sequence[Written], findings: Findings) -> None:
    """Report policies that one call can match and that then contradict each other."""
    acting = [_Meeting.of(p, d) for p, d in policies if not p.is_observed]
    acting.sort(key=lambda m: m.policy.name)
    _check_equal_ranks(acting, findings)
    _check_forbidden_requires(acting, findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """What a single-valued fact of a call must be, or must not be: one of these."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> _Values:
        texts = [p.text for p in patterns]
        return cls(
            exact=frozenset(t for t in texts if not t.endswith("*")),
            prefixes=tuple(t[:-1] for t in texts if t.endswith("*")),
        )

    def meets(self, other: _Values) -> bool:
        """Say whether some value is among both."""
        if not self.exact.isdisjoint(other.exact):
            return True
        return (
            any(value.startswith(other.prefixes) for value in self.exact)
            or any(value.startswith(self.prefixes) for value in other.exact)
            or any(
                p.startswith(q) or q.startswith(p) for p in self.prefixes for q in other.prefixes
            )
        )

    def contains(self, other: _Values) -> bool:
        """Say whether every value of the other is among these."""
        return all(
            value in self.exact or value.startswith(self.prefixes) for value in other.exact
        ) and all(prefix.startswith(self.prefixes) for prefix in other.prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meeting:
    """A policy, and what every call that matches it must have and cannot have."""

    policy: RecordingPolicy
    document: Document
    rank: Rank
    wanted: dict[str, _Values]
    excluded: dict[str, _Values]

    @classmethod
    def of(cls, policy: RecordingPolicy, document: Document) -> _Meeting:
        wanted: dict[str, _Values] = {}
        excluded: dict[str, _Values] = {}
        for leaf in _conjuncts(policy.match):
            if isinstance(leaf, Not):
                excluded |= _single_valued(leaf.part, is_negated=True)
            else:
                wanted |= _single_valued(leaf, is_negated=False)
        return cls(
            policy=policy,
            document=document,
            rank=rank_of(policy),
            wanted=wanted,
            excluded=excluded,
        )

    def can_meet(self, other: _Meeting) -> bool:
        """Say whether one call at one moment may match both; yes where there is no proof."""
        if not _overlap_in_time(self.policy, other.policy):
            return False
        for field, values in self.wanted.items():
            theirs = other.wanted.get(field)
            if theirs is not None and not values.meets(theirs):
                return False
        return not (self._is_excluded_by(other) or other._is_excluded_by(self))

    def _is_excluded_by(self, other: _Meeting) -> bool:
        return any(
            field in other.excluded and other.excluded[field].contains(values)
            for field, values in self.wanted.items()
        )


def _overlap_in_time(one: RecordingPolicy, other: RecordingPolicy) -> bool:
    for early, late in ((one, other), (other, one)):
        end, start = early.valid_until, late.valid_from
        if end is not None and start is not None and end <= start:
            return False
    return True


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    """Yield the conditions that must all hold."""
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _conjuncts(part)
    else:
        yield condition


def _single_valued(leaf: Condition, *, is_negated: bool) -> dict[str, _Values]:
    """Return what a leaf says of facts that a call has only one of, by the fact's name."""
    match leaf:
        case TagIs():
            return {f"tag:{leaf.tag}": _Values.of(leaf.patterns)}
        case TextIs():
            return {leaf.field.value: _Values.of(leaf.patterns)}
        case FlagIs():
            return {leaf.field.value: _Values.of((Pattern(str(leaf.value)),))}
        case DirectionIs():
            return {"direction": _Values.of(Pattern(d.value) for d in leaf.directions)}
        case PartyIs():
            return _party_values(leaf, is_negated=is_negated)
        case _:
            return {}


def _party_values(leaf: PartyIs, *, is_negated: bool) -> dict[str, _Values]:
    """Return the numbers or ids that a party must have.

    A selector that asks for more than one thing narrows: still true of what is wanted, no longer
    of what is excluded.
    """
    found: dict[str, _Values] = {}
    phones = [s.phones for s in leaf.selectors]
    if all(phones) and not (
        is_negated and any(s != Selector(phones=s.phones) for s in leaf.selectors)
    ):
        found[f"{leaf.field.value}.phone"] = _Values.of(p for some in phones for p in some)
    ids = [s.ids for s in leaf.selectors]
    if all(ids) and not (is_negated and any(s != Selector(ids=s.ids) for s in leaf.selectors)):
        found[f"{leaf.field.value}.id"] = _Values.of(p for some in ids for p in some)
    return found


class _Equals:
    """Policies of one rank, filed so that those which no call can meet are not even compared."""

    def __init__(self) -> None:
        self._loose: list[_Meeting] = []
        self._filed: dict[str, dict[str, list[_Meeting]]] = defaultdict(lambda: defaultdict(list))

    def add(self, one: _Meeting) -> None:
        """File a policy under the exact values of one fact; loose where it names none."""
        for field, values in one.wanted.items():
            if values.exact and not values.prefixes:
                for value in values.exact:
                    self._filed[field][value].append(one)
                return
        self._loose.append(one)

    def who_may_meet(self, one: _Meeting) -> Iterator[_Meeting]:
        """Yield every filed policy that the filing does not prove apart, some twice."""
        yield from self._loose
        for field, table in self._filed.items():
            values = one.wanted.get(field)
            is_exact = values is not None and not values.prefixes
            keys = sorted(values.exact) if values is not None and is_exact else list(table)
            for key in keys:
                yield from table.get(key, ())


def _check_equal_ranks(acting: Sequence[_Meeting], findings: Findings) -> None:
    by_rank: dict[Rank, _Equals] = defaultdict(_Equals)
    for later in acting:
        equals = by_rank[later.rank]
        first = next((e for e in equals.who_may_meet(later) if _contradict(e, later)), None)
        if first is not None:
            _report_equal(first, later, findings)
        equals.add(later)


def _contradict(one: _Meeting, other: _Meeting) -> bool:
    """Say whether it matters which of two equals wins, and whether a call can match both."""
    a, b = one.policy, other.policy
    is_same = a.decision is b.decision and a.decision in {Decision.SKIP, Decision.FORBID}
    if is_same and a.captured is b.captured:
        return False
    return one.can_meet(other)


def _report_equal(first: _Meeting, later: _Meeting, findings: Findings) -> None:
    findings.error(
        later.document.at("name"),
        "policy/equal-rank",
        f"'{later.policy.name}' and '{first.policy.name}' can match the same call, and neither"
        " outranks the other",
        hint="give one of them a higher priority, or matchers that no call can meet together",
        related=(first.document.at("name").related(f"'{first.policy.name}'"),),
    )


def _check_forbidden_requires(acting: Sequence[_Meeting], findings: Findings) -> None:
    forbids = [m for m in acting if m.policy.decision is Decision.FORBID]
    for require in acting:
        if require.policy.decision is not Decision.REQUIRE:
            continue
        overridden = set(require.policy.overrides)
        met = [f for f in forbids if f.policy.name not in overridden and require.can_meet(f)]
        if met:
            names = ", ".join(f"'{f.policy.name}'" for f in met)
            findings.warning(
                require.document.at("name"),
                "policy/require-meets-forbid",
                f"a call can match '{require.policy.name}' and {names}; it is then not recorded",
                hint="if it must be recorded all the same, name the forbid in 'overrides'",
                related=tuple(f.document.at("name").related(f"'{f.policy.name}'") for f in met),
            )
