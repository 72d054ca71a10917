"""Laws of who wins, for any policies and every call of a small universe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.universe import (
    GROUPS,
    MOMENTS,
    SUBJECTS,
    T0,
    Written,
    document,
    every_call,
    matchers,
    policies,
)

from recordingd.config.diagnostics import Invalid
from recordingd.config.policy_files import load_texts
from recordingd.domain.parties import Participant
from recordingd.domain.policies import Decision, PolicySet, RecordingPolicy
from recordingd.planning.matching import Verdict, compile_policies
from recordingd.planning.precedence import RECORDING_DECISIONS
from recordingd.planning.truth import Facts

CALLS_MAX = 300
# Which file each document goes to, and the order within it.
FILES = st.lists(st.sampled_from(["a.yaml", "b/c.yaml", "z.yml"]), min_size=4, max_size=4)


def read(written: Sequence[Written]) -> list[RecordingPolicy]:
    """Read policies one by one, whatever they say of each other."""
    return [
        replace(_read_alone(policy), overrides=tuple(policy.get("overrides", ())))
        for policy in written
    ]


def _read_alone(policy: Written) -> RecordingPolicy:
    alone = {key: value for key, value in policy.items() if key != "overrides"}
    return load_texts({"g.yaml": GROUPS, "p.yaml": document("RecordingPolicy", alone)}).policies[0]


SET = load_texts({"g.yaml": GROUPS})


def verdicts(
    some: Sequence[RecordingPolicy], calls: Sequence[Facts], *, settled: bool = True
) -> Iterator[Verdict]:
    """Yield what comes of every call, at every moment."""
    compiled = compile_policies(replace(SET, policies=tuple(some)))
    for call in calls:
        present = [Participant(party=party, joined_at=T0) for party in call.parties]
        complete_at = T0 if call.is_complete else None
        known = replace(call.call, roster_complete_at=complete_at)
        for now in MOMENTS:
            yield compiled.decide(known, present, now=now, settled=settled)


def calls_for(*sets: Sequence[RecordingPolicy]) -> list[Facts]:
    """Return some hundred calls from all over the universe."""
    calls = list(every_call([policy.match for some in sets for policy in some]))
    return calls[:: len(calls) // CALLS_MAX + 1]


def records(verdict: Verdict) -> bool:
    return verdict.decision in RECORDING_DECISIONS or verdict.may_record


def outcome(verdict: Verdict) -> tuple[object, ...]:
    """Return what a verdict comes to, without where anything is written."""
    names = [p.name for p in (verdict.winner, verdict.runner_up, *verdict.shadow) if p is not None]
    return verdict.decision, names, verdict.is_undecided, verdict.may_record, verdict.conflicts


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=10)
@given(data=st.data(), one=FILES, other=FILES)
def test_names_and_order_of_files_change_nothing(
    data: st.DataObject, one: list[str], other: list[str], subject: str
) -> None:
    written = data.draw(policies(subject))
    first = _load(written, one)
    second = _load(data.draw(st.permutations(written)), other)
    if isinstance(first, list) or isinstance(second, list):
        assert first == second
        return
    calls = calls_for(first.policies)
    assert [outcome(v) for v in verdicts(first.policies, calls)] == [
        outcome(v) for v in verdicts(second.policies, calls)
    ]


def _load(written: Sequence[Written], files: Sequence[str]) -> PolicySet | list[str]:
    """Read a tree, or return what is wrong with it."""
    texts = {"g.yaml": GROUPS}
    for policy, file in zip(written, files, strict=False):
        documents = [texts[file]] if file in texts else []
        texts[file] = "---\n".join([*documents, document("RecordingPolicy", policy)])
    try:
        return load_texts(texts)
    except Invalid as fault:
        return sorted(f"{d.code} {d.message}" for d in fault.diagnostics)


# --- policies that come and go --------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=10)
@given(data=st.data(), settled=st.booleans())
def test_another_forbid_never_records_more(
    data: st.DataObject, subject: str, *, settled: bool
) -> None:
    before = read(data.draw(policies(subject)))
    fields = {"decision": "forbid", "captured": "keep", "match": data.draw(matchers(subject))}
    forbid = read([{"name": "another", **fields}])
    calls = calls_for(before, forbid)
    pairs = zip(
        verdicts(before, calls, settled=settled),
        verdicts([*before, *forbid], calls, settled=settled),
        strict=True,
    )
    assert not any(records(after) and not records(was) for was, after in pairs)


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=7)
@given(data=st.data(), settled=st.booleans())
def test_observed_policies_decide_nothing(
    data: st.DataObject, subject: str, *, settled: bool
) -> None:
    every = read(data.draw(policies(subject)))
    acting = [policy for policy in every if not policy.is_observed]
    calls = calls_for(every)
    pairs = zip(
        verdicts(every, calls, settled=settled),
        verdicts(acting, calls, settled=settled),
        strict=True,
    )
    assert all(one.ruling == other.ruling for one, other in pairs)


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=7)
@given(data=st.data())
def test_winner_that_is_raised_still_wins(data: st.DataObject, subject: str) -> None:
    before = read(data.draw(policies(subject)))
    raised = data.draw(st.sampled_from(before))
    after = [replace(p, priority=p.priority + 5) if p is raised else p for p in before]
    calls = calls_for(before)
    for was, now in zip(verdicts(before, calls), verdicts(after, calls), strict=True):
        if was.winner is raised and not was.is_undecided:
            assert now.winner is not None
            assert now.winner.name == raised.name


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=7)
@given(data=st.data())
def test_what_is_decided_early_is_decided_the_same_in_the_end(
    data: st.DataObject, subject: str
) -> None:
    some = read(data.draw(policies(subject)))
    calls = calls_for(some)
    early, late = verdicts(some, calls, settled=False), verdicts(some, calls, settled=True)
    for was, now in zip(early, late, strict=True):
        if was.is_undecided or was.winner is None:
            continue
        assert now.decision is was.decision
        assert not now.is_undecided
        # Of several that forbid, or that skip, a doubtful one may turn out to be the first.
        assert now.winner is was.winner or was.decision not in RECORDING_DECISIONS


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=7)
@given(data=st.data())
def test_forbid_is_only_beaten_by_a_require_that_names_it(
    data: st.DataObject, subject: str
) -> None:
    some = read(data.draw(policies(subject)))
    forbids = [p for p in some if p.decision is Decision.FORBID and not p.is_observed]
    overridden = {name for p in some if p.decision is Decision.REQUIRE for name in p.overrides}
    standing = [forbid for forbid in forbids if forbid.name not in overridden]
    calls = calls_for(some)
    for alone, together in zip(verdicts(standing, calls), verdicts(some, calls), strict=True):
        if alone.decision is Decision.FORBID:
            assert together.decision is Decision.FORBID
