"""What validate says of policies without a call is what trying every call finds.

Two policies conflict when they have the same rank and say different things, and some settled call
at one moment counts as matching both; third policies do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.universe import (
    GROUPS,
    MOMENTS,
    SUBJECTS,
    Written,
    document,
    every_call,
    matchers,
    policies,
)

from recordingd.config.diagnostics import Diagnostic, Invalid
from recordingd.config.policy_files import load_texts
from recordingd.domain.consent import ConsentRule
from recordingd.domain.matchers import Condition
from recordingd.domain.policies import Decision, PolicyName, RecordingPolicy
from recordingd.planning.barren import find_barren
from recordingd.planning.conditions import Check, compile_condition
from recordingd.planning.duties import policies_without_consent
from recordingd.planning.overlap import CERTAIN, EXCLUDED, POSSIBLE, UNCERTAIN, Goal, Overlap
from recordingd.planning.precedence import Matched, rank_of, rule, settle_truth
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, YES, Facts, Truth

WANTED = st.sampled_from([CERTAIN, POSSIBLE, EXCLUDED, UNCERTAIN])
# A fault of its own, so that the warnings of a tree without errors are told too.
FAULT = document("Group", {"name": "Faulty", "members": []})
NAMED = re.compile(r"'(p\d)'")


def tree(*documents: str) -> dict[str, str]:
    return {"g.yaml": GROUPS, "p.yaml": "---\n".join(documents)}


GROUPS_READ = Groups(load_texts(tree()).groups)


def read(matcher: Written) -> Condition:
    policy = {"name": "p", "match": matcher, "record": {}}
    return load_texts(tree(document("RecordingPolicy", policy))).policies[0].match


def compiled(condition: Condition) -> Check:
    return compile_condition(condition, GROUPS_READ)


# --- one matcher and two --------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=20)
@given(data=st.data(), one=WANTED, other=WANTED)
def test_two_matchers_meet_where_a_call_fits_both(
    data: st.DataObject, one: frozenset[Truth], other: frozenset[Truth], subject: str
) -> None:
    first, second = (read(data.draw(matchers(subject))) for _ in range(2))
    goals = [Goal(first, one), Goal(second, other)]
    overlap = Overlap(GROUPS_READ)
    example = overlap.find(goals)
    fits_first, fits_second = compiled(first), compiled(second)
    calls = (
        call
        for call in every_call([first, second])
        if fits_first(call) in one and fits_second(call) in other
    )
    assert (example is None) is (next(calls, None) is None)
    assert example is None or all(overlap.meets(goal, example) for goal in goals)


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=12)
@given(data=st.data())
def test_what_never_holds_is_found_and_never_holds(data: st.DataObject, subject: str) -> None:
    written = data.draw(matchers(subject))
    whole = read(written)
    found = list(find_barren(whole, Overlap(GROUPS_READ)))
    fits = compiled(whole)
    contradictions = [
        (compiled(b.condition), compiled(b.against)) for b in found if b.against is not None
    ]
    can_hold = False
    for call in every_call([whole]):
        can_hold = can_hold or fits(call) is YES
        assert not any(one(call) is YES and other(call) is YES for one, other in contradictions)
    if not can_hold:
        assert found
    elif "any" not in str(written):
        # Without alternatives, everything in a matcher holds where it does.
        assert not found


# --- policies -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Some policies, what validate finds, and every call at every moment."""

    written: list[Written]

    @cached_property
    def policies(self) -> list[RecordingPolicy]:
        return [_read_alone(policy) for policy in self.written if not policy.get("observe")]

    @cached_property
    def findings(self) -> list[Diagnostic]:
        documents = [document("RecordingPolicy", policy) for policy in self.written]
        with pytest.raises(Invalid) as caught:
            load_texts(tree(FAULT, *documents))
        return list(caught.value.diagnostics)

    def found(self, code: str) -> dict[str, list[str]]:
        """Return whom a finding is about, with those who are named beside it."""
        named = [NAMED.findall(d.message) for d in self.findings if d.code == f"policy/{code}"]
        return {first: others for first, *others in named}

    @cached_property
    def situations(self) -> list[dict[PolicyName, Truth]]:
        """Return every different way in which the policies can match, each settled."""
        checks = [(policy, compiled(policy.match)) for policy in self.policies]
        calls = every_call([policy.match for policy in self.policies])
        every = {
            tuple(_truth(policy, check, call, now) for policy, check in checks)
            for call in calls
            for now in MOMENTS
        }
        names = [policy.name for policy in self.policies]
        return [dict(zip(names, truths, strict=True)) for truths in sorted(every, key=str)]


def _read_alone(policy: Written) -> RecordingPolicy:
    alone = {key: value for key, value in policy.items() if key != "overrides"}
    value = load_texts(tree(document("RecordingPolicy", alone))).policies[0]
    return replace(value, overrides=tuple(map(PolicyName, policy.get("overrides", ()))))


def _truth(policy: RecordingPolicy, check: Check, call: Facts, now: datetime) -> Truth:
    is_begun = policy.valid_from is None or policy.valid_from <= now
    is_over = policy.valid_until is not None and policy.valid_until <= now
    return settle_truth(policy.decision, check(call)) if is_begun and not is_over else NO


@st.composite
def cases(draw: st.DrawFn, subject: str) -> Case:
    return Case(draw(policies(subject)))


def contradict(one: RecordingPolicy, other: RecordingPolicy) -> bool:
    if one.decision is not other.decision:
        return True
    is_same = one.decision is Decision.SKIP or one.captured is other.captured is not None
    return not is_same


def ties(case: Case) -> Iterator[tuple[str, str]]:
    for later in case.policies:
        for first in case.policies:
            if first.name >= later.name or rank_of(first) != rank_of(later):
                continue
            meet = any(s[first.name] is YES and s[later.name] is YES for s in case.situations)
            if meet and contradict(first, later):
                yield later.name, first.name
                break


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=10)
@given(data=st.data())
def test_conflicts_are_those_that_a_call_can_bring_about(data: st.DataObject, subject: str) -> None:
    case = data.draw(cases(subject))
    found = {later: first for later, [first] in case.found("equal-rank").items()}
    assert found == dict(ties(case))


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=10)
@given(data=st.data())
def test_requires_are_defeated_where_a_call_can_bring_it_about(
    data: st.DataObject, subject: str
) -> None:
    case = data.draw(cases(subject))
    expected = {
        require.name: forbids
        for require in case.policies
        if require.decision is Decision.REQUIRE and (forbids := defeaters(require, case))
    }
    assert case.found("require-meets-forbid") == expected


def defeaters(require: RecordingPolicy, case: Case) -> list[str]:
    return [
        forbid.name
        for forbid in case.policies
        if forbid.decision is Decision.FORBID
        and forbid.name not in require.overrides
        and any(s[require.name] is YES and s[forbid.name] is not NO for s in case.situations)
    ]


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=12)
@given(data=st.data())
def test_policies_that_never_win_are_those_that_win_no_call(
    data: st.DataObject, subject: str
) -> None:
    case = data.draw(cases(subject))
    assert set(case.found("never-wins")) == {
        policy.name
        for policy in case.policies
        if any(s[policy.name] is YES for s in case.situations)
        and not any(wins(policy, case, situation) for situation in case.situations)
    }


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=10)
@given(data=st.data())
def test_policies_that_win_instead_are_enough(data: st.DataObject, subject: str) -> None:
    case = data.draw(cases(subject))
    for name, winners in case.found("never-wins").items():
        policy = next(p for p in case.policies if p.name == name)
        few = {name, *winners, *(p.name for p in case.policies if p.overrides)}
        fewer = [{n: t for n, t in s.items() if n in few} for s in case.situations]
        assert winners
        assert not any(wins(policy, case, situation) for situation in fewer)


def wins(policy: RecordingPolicy, case: Case, situation: dict[PolicyName, Truth]) -> bool:
    """Say whether a policy wins among those that certainly match, its equals left out."""
    rank = rank_of(policy)
    matched = [
        Matched(policy=p, rank=rank_of(p), truth=YES)
        for p in case.policies
        if situation.get(p.name) is YES and (p is policy or rank_of(p) != rank)
    ]
    return rule(matched, settled=True).winner is policy


# --- consent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=20)
@given(data=st.data(), count=st.integers(0, 2))
def test_policy_is_covered_where_every_call_of_it_falls_under_a_rule(
    data: st.DataObject, count: int, subject: str
) -> None:
    policy = replace(_read_alone(_recording(data.draw(matchers(subject)))), overrides=())
    rules = [_consent_rule(n, data.draw(matchers(subject))) for n in range(count)]
    fits, covers = compiled(policy.match), [compiled(rule.match) for rule in rules]
    is_covered = all(
        any(cover(call) is not NO for cover in covers)
        for call in every_call([policy.match, *(rule.match for rule in rules)])
        if fits(call) is YES
    )
    assert (list(policies_without_consent([policy], rules, GROUPS_READ)) == []) is is_covered


def _recording(match: Written) -> Written:
    return {"name": "p", "match": match, "record": {}}


def _consent_rule(number: int, match: Written) -> ConsentRule:
    fields = {"name": f"c{number}", "match": match, "mode": "explicit"}
    return load_texts(tree(document("ConsentRule", fields))).consent_rules[0]
