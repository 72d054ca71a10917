"""Laws of explanations and comparisons that hold for any rules and any call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_matching_laws import (
    CONDITIONS,
    GROUPS,
    T0,
    Case,
    cases,
    policy_lists,
    truth,
)

from recordingd.domain.matchers import Condition
from recordingd.domain.plans import Mode
from recordingd.domain.policies import PolicySet, RecordingPolicy, StoreName
from recordingd.domain.recordings import CallFacts
from recordingd.planning.conditions import leaves_of
from recordingd.planning.context import PlanningContext
from recordingd.planning.deciding import deciding
from recordingd.planning.differences import Change, differences
from recordingd.planning.explain import Explanation, Result, explain
from recordingd.planning.matching import compile_policies
from recordingd.planning.truth import UNKNOWN, Truth

FEW = settings(max_examples=50)
FIRST = {Result.WINS, Result.WOULD_WIN}
TRUTHS = st.sampled_from(Truth)


def a_set(policies: Sequence[RecordingPolicy]) -> PolicySet:
    ordered = tuple(sorted(policies, key=lambda policy: policy.name))
    return PolicySet(policies=ordered, groups=GROUPS, texts={}, digest="")


def explained(case: Case) -> tuple[Explanation, PlanningContext]:
    context = PlanningContext(
        policies=compile_policies(a_set(case.policies)),
        revision=1,
        mode=Mode.ENFORCE,
        archive=StoreName("main"),
    )
    facts = CallFacts(call=case.call, participants=tuple(case.participants))
    return explain(facts, context, T0), context


@FEW
@given(cases())
def test_explanation_says_what_was_decided(case: Case) -> None:
    found, context = explained(case)
    verdict = context.policies.decide(
        case.call, case.participants, now=T0, settled=found.is_settled
    )
    assert (found.decision, found.is_undecided) == (verdict.decision, verdict.is_undecided)
    assert found.policy == (None if verdict.winner is None else verdict.winner.name)
    assert found.runner_up == (None if verdict.runner_up is None else verdict.runner_up.name)


@FEW
@given(cases())
def test_every_policy_has_one_vote_and_at_most_one_is_first(case: Case) -> None:
    found, _ = explained(case)
    assert sorted(v.policy for v in found.votes) == sorted(p.name for p in case.policies)
    first = [v.policy for v in found.votes if v.result in FIRST]
    assert first == ([] if found.policy is None else [found.policy])
    assert [v.policy for v in found.votes[: len(first)]] == first


@FEW
@given(cases())
def test_outlook_is_what_is_decided_once_settled(case: Case) -> None:
    found, context = explained(case)
    at = max(T0, found.settles_at)
    later = context.policies.decide(case.call, case.participants, now=at, settled=True)
    if found.outlook is not None or found.is_settled:
        assert found.final_policy == (None if later.winner is None else later.winner.name)


@FEW
@given(cases(), CONDITIONS)
def test_answer_put_together_from_leaves_is_the_matchers(case: Case, condition: Condition) -> None:
    answers = {leaf: truth(leaf, case.facts) for leaf in leaves_of(condition)}
    assert deciding(condition, answers)[0] is truth(condition, case.facts)


@FEW
@given(CONDITIONS, st.data())
def test_leaves_that_do_not_decide_change_nothing(
    condition: Condition, data: st.DataObject
) -> None:
    leaves = set(leaves_of(condition))
    answers = {leaf: data.draw(TRUTHS) for leaf in leaves}
    answer, resting = deciding(condition, answers)
    others = {leaf: data.draw(TRUTHS) for leaf in leaves - resting}
    if answer is not UNKNOWN:
        assert deciding(condition, answers | others)[0] is answer


@FEW
@given(policy_lists())
def test_set_differs_from_itself_in_nothing(policies: list[RecordingPolicy]) -> None:
    moved = [
        replace(policy, source=replace(policy.source, file="elsewhere.yaml")) for policy in policies
    ]
    assert differences(a_set(policies), a_set(moved)) == ()


@FEW
@given(policy_lists(), policy_lists())
def test_difference_and_its_reverse_mirror_each_other(
    before: list[RecordingPolicy], after: list[RecordingPolicy]
) -> None:
    mirror = {
        Change.ADDED: Change.REMOVED,
        Change.REMOVED: Change.ADDED,
        Change.CHANGED: Change.CHANGED,
    }
    forth = differences(a_set(before), a_set(after))
    back = differences(a_set(after), a_set(before))
    assert [(d.name, d.change) for d in forth] == [(d.name, mirror[d.change]) for d in back]
    assert [{(f.path, f.old, f.new) for f in d.fields} for d in forth] == [
        {(f.path, f.new, f.old) for f in d.fields} for d in back
    ]
