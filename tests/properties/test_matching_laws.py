"""Laws of matching that hold for any policies, any call and any order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from recordingd.domain.calls import (
    Call,
    Direction,
    Participant,
    Party,
    RawId,
    ServerCallId,
    call_id_of,
)
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    FlagField,
    FlagIs,
    GroupName,
    Not,
    ParticipantCount,
    ParticipantsFit,
    PartyField,
    PartyIs,
    Pattern,
    Quantifier,
    Sampled,
    Selector,
    Source,
    StartedBetween,
    TagIs,
    TextField,
    TextIs,
    WithinHours,
)
from recordingd.domain.policies import (
    Captured,
    Decision,
    Group,
    PolicyName,
    PolicySet,
    RecordingPolicy,
)
from recordingd.planning.candidates import CandidateIndex
from recordingd.planning.conditions import compile_condition, leaves_of
from recordingd.planning.matching import Verdict, compile_policies
from recordingd.planning.precedence import RECORDING_DECISIONS, Matched, rank_of, rule, settle_truth
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, UNKNOWN, Facts, LifetimeFacts, Truth, opposite

T0 = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HERE = Source(file="p.yaml", line=1)
GROUPS = {
    GroupName("agents"): Group(
        name=GroupName("agents"),
        source=HERE,
        members=(Selector(ids=(Pattern("8:acs:a*"),)), Selector(phones=(Pattern("+1"),))),
    ),
    GroupName("nobody"): Group(name=GroupName("nobody"), source=HERE),
}

RAW_IDS = st.sampled_from(
    ["8:acs:a", "8:acs:ab", "8:acs:b", "4:+1", "4:+12", "4:+14155550100", "28:bot"]
)
WORDS = st.sampled_from(["a", "ab", "b"])
PATTERNS = st.sampled_from(["a", "ab", "a*", "b", "*"]).map(Pattern)
SOME_PATTERNS = st.lists(PATTERNS, max_size=2).map(tuple)
ID_PATTERNS = st.sampled_from(["8:acs:a", "8:acs:*", "4:+1", "28:*"]).map(Pattern)
PHONE_PATTERNS = st.sampled_from(["+1", "+1*", "+12"]).map(Pattern)
GROUP_NAMES = st.lists(st.sampled_from(sorted(GROUPS)), max_size=1).map(tuple)
SELECTORS = st.builds(
    Selector,
    ids=st.lists(ID_PATTERNS, max_size=1).map(tuple),
    phones=st.lists(PHONE_PATTERNS, max_size=1).map(tuple),
    roles=st.lists(PATTERNS, max_size=1).map(tuple),
    in_groups=GROUP_NAMES,
    not_in=GROUP_NAMES,
    places=st.lists(st.sampled_from(["US-CA", "US", "unknown"]), max_size=1).map(tuple),
)
SOME_SELECTORS = st.lists(SELECTORS, max_size=2).map(tuple)
AT = {"path": st.just("match"), "source": st.just(HERE)}
NUMBERS = st.none() | st.integers(0, 3)
MOMENTS = st.integers(-2, 2).map(lambda h: T0 + timedelta(hours=h))
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(PartyIs, field=st.sampled_from(PartyField), selectors=SOME_SELECTORS, **AT),
    st.builds(
        ParticipantsFit, quantifier=st.sampled_from(Quantifier), selectors=SOME_SELECTORS, **AT
    ),
    st.builds(ParticipantCount, minimum=NUMBERS, maximum=NUMBERS, **AT),
    st.builds(TextIs, field=st.sampled_from(TextField), patterns=SOME_PATTERNS, **AT),
    st.builds(FlagIs, field=st.sampled_from(FlagField), value=st.booleans(), **AT),
    st.builds(
        DirectionIs,
        directions=st.lists(st.sampled_from(Direction), max_size=2).map(tuple),
        **AT,
    ),
    st.builds(TagIs, tag=WORDS, patterns=SOME_PATTERNS, **AT),
    st.builds(StartedBetween, start=MOMENTS, end=MOMENTS, **AT),
    st.builds(Sampled, share=st.floats(0, 1), salt=WORDS, **AT),
    st.builds(
        WithinHours,
        days=st.frozensets(st.integers(0, 6)),
        between=st.none() | st.tuples(*[st.integers(0, 23).map(time)] * 2),
        timezone=st.sampled_from(["UTC", "Europe/London"]),
        **AT,
    ),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(AllOf, parts=st.lists(inner, max_size=3).map(tuple), **AT),
        st.builds(AnyOf, parts=st.lists(inner, max_size=3).map(tuple), **AT),
        st.builds(Not, part=inner, **AT),
    ),
    max_leaves=5,
)


@st.composite
def policy_lists(draw: st.DrawFn) -> list[RecordingPolicy]:
    """Draw policies with different names; some override a neighbour."""
    count = draw(st.integers(0, 6))
    names = [PolicyName(f"p{n}") for n in range(count)]
    return [_policy(draw, name, names) for name in names]


def _policy(draw: st.DrawFn, name: PolicyName, names: Sequence[PolicyName]) -> RecordingPolicy:
    decision = draw(st.sampled_from(Decision))
    overrides = draw(st.lists(st.sampled_from(names), max_size=1))
    return RecordingPolicy(
        name=name,
        source=HERE,
        match=draw(CONDITIONS),
        decision=decision,
        priority=draw(st.integers(0, 1)),
        captured=Captured.DELETE if decision is Decision.FORBID else None,
        overrides=tuple(overrides) if decision is Decision.REQUIRE else (),
    )


PARTIES = st.builds(Party, raw_id=RAW_IDS.map(RawId), role=st.none() | st.sampled_from(["a", "b"]))


@st.composite
def calls(draw: st.DrawFn) -> Call:
    server_call_id = ServerCallId(draw(WORDS))
    return Call(
        call_id=call_id_of(server_call_id),
        server_call_id=server_call_id,
        first_seen_at=T0,
        started_at=draw(st.none() | MOMENTS),
        direction=draw(st.none() | st.sampled_from(Direction)),
        from_party=draw(st.none() | PARTIES),
        to_party=draw(st.none() | PARTIES),
        started_by=draw(st.none() | PARTIES),
        group_id=draw(st.none() | WORDS),
        room_id=draw(st.none() | WORDS),
        is_two_party=draw(st.none() | st.booleans()),
        is_rooms_call=draw(st.none() | st.booleans()),
        tags=draw(st.dictionaries(WORDS, WORDS, max_size=2)),
        roles=draw(st.dictionaries(RAW_IDS, st.sampled_from(["a", "b"]), max_size=1)),
        roster_complete_at=draw(st.none() | st.just(T0)),
    )


PAST_TAGS = st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=2)
PARTICIPANTS = st.lists(
    st.builds(
        Participant,
        party=PARTIES,
        joined_at=st.just(T0),
        left_at=st.none() | st.just(T0),
    ),
    max_size=4,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Policies in two orders, and a call to ask them about."""

    policies: list[RecordingPolicy]
    shuffled: list[RecordingPolicy]
    call: Call
    participants: list[Participant]
    settled: bool

    def decide(self, policies: Sequence[RecordingPolicy]) -> Verdict:
        whole = PolicySet(policies=tuple(policies), groups=GROUPS, texts={}, digest="")
        compiled = compile_policies(whole)
        return compiled.decide(self.call, self.participants, now=T0, settled=self.settled)

    @property
    def facts(self) -> Facts:
        return Facts(self.call, self.participants, settled=self.settled)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    policies = draw(policy_lists())
    return Case(
        policies=policies,
        shuffled=draw(st.permutations(policies)),
        call=draw(calls()),
        participants=draw(PARTICIPANTS),
        settled=draw(st.booleans()),
    )


def truth(condition: Condition, facts: Facts) -> Truth:
    return compile_condition(condition, Groups(GROUPS))(facts)


def records(verdict: Verdict) -> bool:
    return verdict.decision in RECORDING_DECISIONS or verdict.may_record


@given(cases())
def test_order_of_policies_never_matters(case: Case) -> None:
    assert case.decide(case.policies) == case.decide(case.shuffled)


@given(cases())
def test_index_finds_what_a_scan_finds(case: Case) -> None:
    """The index may only leave out policies that say no."""
    matched = [
        Matched(policy=policy, rank=rank_of(policy), truth=settled_truth)
        for policy in case.policies
        if (settled_truth := _settled(case, policy)) is not NO
    ]
    assert case.decide(case.policies).ruling == rule(matched, settled=case.settled)


@given(cases(), st.lists(CONDITIONS, max_size=4), PAST_TAGS)
def test_what_a_hit_leaves_to_check_says_what_the_whole_would(
    case: Case, conditions: Sequence[Condition], past_tags: Mapping[str, tuple[str, ...]]
) -> None:
    index = CandidateIndex(list(zip(conditions, itertools.count())), Groups(GROUPS))
    call = replace(case.call, past_tags=past_tags)
    for facts in (case.facts, LifetimeFacts(call, case.participants, settled=case.settled)):
        found = list(index.find(facts))
        said = {entry: check(facts) for entry, check in found}
        assert len(said) == len(found)
        for entry, condition in enumerate(conditions):
            assert said.get(entry, NO) is truth(condition, facts)


def _settled(case: Case, policy: RecordingPolicy) -> Truth:
    found = truth(policy.match, case.facts)
    return settle_truth(policy.decision, found) if case.settled else found


@given(cases(), CONDITIONS)
def test_another_forbid_never_records_more(case: Case, match: Condition) -> None:
    forbid = RecordingPolicy(
        name=PolicyName("zz-forbid"),
        source=HERE,
        match=match,
        decision=Decision.FORBID,
        captured=Captured.DELETE,
    )
    if not records(case.decide(case.policies)):
        assert not records(case.decide([*case.policies, forbid]))


@given(cases(), CONDITIONS)
def test_not_not_is_what_it_was(case: Case, condition: Condition) -> None:
    twice = condition
    for _ in range(2):
        twice = Not(part=twice, path="match", source=HERE)
    assert truth(twice, case.facts) is truth(condition, case.facts)


@given(cases(), CONDITIONS, CONDITIONS)
def test_all_and_any_mirror_each_other(case: Case, one: Condition, other: Condition) -> None:
    negated = tuple(Not(part=part, path="match", source=HERE) for part in (one, other))
    both = AllOf(parts=(one, other), path="match", source=HERE)
    neither_not = AnyOf(parts=negated, path="match", source=HERE)
    assert truth(both, case.facts) is opposite(truth(neither_not, case.facts))


@given(cases(), CONDITIONS)
def test_settling_leaves_doubt_only_about_everybody(case: Case, condition: Condition) -> None:
    facts = Facts(case.call, case.participants, settled=True)
    if truth(condition, facts) is UNKNOWN:
        # Of nobody it cannot be said that every one of them fits, however complete the list.
        assert case.call.roster_complete_at is None or not facts.parties
        assert any(isinstance(leaf, _ABOUT_EVERYBODY) for leaf in leaves_of(condition))


_ABOUT_EVERYBODY = (ParticipantsFit, ParticipantCount)


@given(cases())
def test_votes_say_what_their_leaves_say(case: Case) -> None:
    for vote in case.decide(case.policies).votes:
        assert vote.matched is truth(vote.policy.match, case.facts)
        for leaf, condition in zip(vote.leaves(), leaves_of(vote.policy.match), strict=True):
            assert leaf.matched is truth(condition, case.facts)
            assert leaf.expected
            assert leaf.actual
