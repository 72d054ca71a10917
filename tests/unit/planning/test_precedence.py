"""Who beats whom among the policies that match or may match."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recordingd.domain.calls import Direction
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    Not,
    ParticipantCount,
    PartyField,
    PartyIs,
    Pattern,
    Sampled,
    Source,
    StartedBetween,
    TagIs,
)
from recordingd.domain.policies import Captured, Decision, PolicyName, RecordingPolicy
from recordingd.planning.precedence import (
    Dimension,
    Matched,
    Ruling,
    dimensions_of,
    rank_of,
    rule,
    settle_truth,
)
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth

HERE = Source(file="p.yaml", line=1)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

PARTICIPANT = ParticipantCount(minimum=1, maximum=None, path="c", source=HERE)
DIALLED = PartyIs(field=PartyField.TO, selectors=(), path="to", source=HERE)
CALLER = PartyIs(field=PartyField.FROM, selectors=(), path="from", source=HERE)
TAG = TagIs(tag="queue", patterns=(Pattern("a"),), path="tags.queue", source=HERE)
OTHER_TAG = TagIs(tag="desk", patterns=(Pattern("a"),), path="tags.desk", source=HERE)
DIRECTION = DirectionIs(directions=(Direction.INCOMING,), path="direction", source=HERE)
TIME = StartedBetween(start=MOMENT, end=MOMENT, path="startedBetween", source=HERE)
SAMPLE = Sampled(share=0.5, salt="p", path="sample", source=HERE)


def all_of(*parts: Condition) -> AllOf:
    return AllOf(parts=parts, path="match", source=HERE)


def any_of(*parts: Condition) -> AnyOf:
    return AnyOf(parts=parts, path="match", source=HERE)


def policy(
    name: str,
    decision: Decision = Decision.RECORD,
    *,
    match: Condition | None = None,
    priority: int = 0,
    overrides: tuple[str, ...] = (),
) -> RecordingPolicy:
    return RecordingPolicy(
        name=PolicyName(name),
        source=HERE,
        match=all_of() if match is None else match,
        decision=decision,
        priority=priority,
        captured=Captured.DELETE if decision is Decision.FORBID else None,
        overrides=tuple(map(PolicyName, overrides)),
    )


def vote(what: RecordingPolicy, truth: Truth = YES) -> Matched:
    return Matched(policy=what, rank=rank_of(what), truth=truth)


def ruled(*votes: Matched, settled: bool = True) -> Ruling:
    ruling = rule(votes, settled=settled)
    assert ruling == rule(votes[::-1], settled=settled)
    return ruling


def name_of(found: RecordingPolicy | None) -> str | None:
    return None if found is None else found.name


# --- ranking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (policy("w", Decision.FORBID), policy("l", Decision.REQUIRE, priority=9)),
        (policy("w", Decision.REQUIRE), policy("l", Decision.RECORD, priority=9)),
        (policy("w", Decision.REQUIRE), policy("l", Decision.SKIP, priority=9)),
        (policy("w", Decision.SKIP, priority=1), policy("l", Decision.RECORD)),
        (policy("w", Decision.RECORD, priority=1), policy("l", Decision.SKIP)),
        (policy("w", priority=1), policy("l", match=all_of(PARTICIPANT, DIALLED, TAG))),
        (policy("w", match=all_of(TAG, TIME)), policy("l", match=PARTICIPANT)),
        (policy("w", match=PARTICIPANT), policy("l", match=DIALLED)),
        (policy("w", match=DIALLED), policy("l", match=TAG)),
        (policy("w", match=TAG), policy("l", match=DIRECTION)),
        (policy("w", match=DIRECTION), policy("l", match=TIME)),
        (policy("w", match=TIME), policy("l")),
        (policy("w", match=all_of(PARTICIPANT, TIME)), policy("l", match=all_of(DIALLED, TAG))),
    ],
)
def test_the_stronger_policy_wins(winner: RecordingPolicy, loser: RecordingPolicy) -> None:
    ruling = ruled(vote(loser), vote(winner))
    assert ruling.winner is winner
    assert ruling.runner_up is loser
    assert ruling.decision is winner.decision
    assert not ruling.is_undecided


@pytest.mark.parametrize(
    ("match", "dimensions"),
    [
        (all_of(), set()),
        (SAMPLE, set()),
        (all_of(TAG, OTHER_TAG), {Dimension.LABEL}),
        (all_of(DIALLED, CALLER), {Dimension.CALLER_OR_DIALLED}),
        (Not(part=TAG, path="not", source=HERE), {Dimension.LABEL}),
        (any_of(TAG, all_of(OTHER_TAG, TIME)), {Dimension.LABEL}),
        (any_of(TAG, TIME), set()),
        (any_of(), set()),
    ],
)
def test_specificity_counts_the_dimensions_that_are_constrained_for_sure(
    match: Condition, dimensions: set[Dimension]
) -> None:
    assert dimensions_of(match) == dimensions


def test_tie_at_run_time_is_settled_by_name() -> None:
    assert name_of(ruled(vote(policy("b")), vote(policy("a"))).winner) == "a"


def test_nothing_matching_means_no_decision() -> None:
    assert rule((), settled=True) == Ruling()


# --- forbid against require -----------------------------------------------------------------------


def test_forbid_defeats_require_and_both_are_named() -> None:
    ruling = ruled(vote(policy("must", Decision.REQUIRE)), vote(policy("never", Decision.FORBID)))
    assert ruling.decision is Decision.FORBID
    assert ruling.conflicts == ("must", "never")


def test_forbid_defeats_record_without_conflict() -> None:
    ruling = ruled(vote(policy("may")), vote(policy("never", Decision.FORBID)))
    assert ruling.decision is Decision.FORBID
    assert ruling.conflicts == ()


def test_require_overrides_only_the_forbid_that_it_names() -> None:
    require = policy("must", Decision.REQUIRE, overrides=("one",))
    one, two = policy("one", Decision.FORBID), policy("two", Decision.FORBID)
    assert ruled(vote(require), vote(one)).winner is require
    ruling = ruled(vote(require), vote(one), vote(two))
    assert ruling.winner is two
    assert ruling.conflicts == ("must", "two")


def test_require_in_doubt_leaves_the_forbid_it_overrides_in_doubt() -> None:
    require = policy("must", Decision.REQUIRE, overrides=("one",))
    forbid = policy("one", Decision.FORBID)
    ruling = ruled(vote(require, UNKNOWN), vote(forbid), settled=False)
    assert ruling.is_undecided
    assert ruling.winner is require


# --- doubt ----------------------------------------------------------------------------------------


def test_doubt_below_a_certain_winner_does_not_matter() -> None:
    ruling = ruled(vote(policy("a", priority=1)), vote(policy("b"), UNKNOWN), settled=False)
    assert name_of(ruling.winner) == "a"
    assert not ruling.is_undecided


def test_doubt_above_a_certain_record_leaves_the_call_undecided() -> None:
    ruling = ruled(vote(policy("a", priority=1), UNKNOWN), vote(policy("b")), settled=False)
    assert ruling.is_undecided
    assert ruling.may_record
    assert name_of(ruling.winner) == "a"
    assert not ruling.winner_is_certain


def test_doubtful_skip_above_a_record_starts_under_the_record() -> None:
    skip = policy("skip", Decision.SKIP, priority=1)
    ruling = ruled(vote(skip, UNKNOWN), vote(policy("b")), settled=False)
    assert ruling.is_undecided
    assert name_of(ruling.winner) == "b"
    assert ruling.winner_is_certain


def test_doubtful_skip_above_a_certain_skip_is_a_decision() -> None:
    doubtful = policy("a", Decision.SKIP, priority=1)
    ruling = ruled(vote(doubtful, UNKNOWN), vote(policy("b", Decision.SKIP)), settled=False)
    assert ruling.decision is Decision.SKIP
    assert not ruling.is_undecided
    assert not ruling.may_record


@pytest.mark.parametrize("settled", [True, False])
def test_doubtful_forbid_above_a_certain_one_is_a_decision(*, settled: bool) -> None:
    doubtful = policy("a", Decision.FORBID, priority=1)
    ruling = ruled(
        vote(doubtful, UNKNOWN),
        vote(policy("b", Decision.FORBID)),
        vote(policy("c", Decision.REQUIRE)),
        settled=settled,
    )
    assert ruling.decision is Decision.FORBID
    assert not ruling.is_undecided
    assert ruling.conflicts == ("c", "b")


def test_doubtful_forbid_above_a_skip_stays_undecided_for_what_already_runs() -> None:
    doubtful = policy("a", Decision.FORBID)
    ruling = ruled(vote(doubtful, UNKNOWN), vote(policy("b", Decision.SKIP)))
    assert ruling.is_undecided
    assert not ruling.may_record


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision.REQUIRE, YES),
        (Decision.RECORD, NO),
        (Decision.SKIP, NO),
        (Decision.FORBID, UNKNOWN),
    ],
)
def test_settling_turns_unknown_into_what_the_decision_wants(
    decision: Decision, expected: Truth
) -> None:
    assert settle_truth(decision, UNKNOWN) is expected
    assert settle_truth(decision, YES) is YES
    assert settle_truth(decision, NO) is NO
