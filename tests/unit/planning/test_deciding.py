"""Which leaves of a matcher its answer rests on."""

from __future__ import annotations

import pytest
from tests.factories import SOURCE, tag_is

from recordingd.domain.matchers import AllOf, AnyOf, Condition, Not
from recordingd.planning.deciding import deciding
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth

A, B, C = (tag_is(name, "x") for name in "abc")


def all_of(*parts: Condition) -> AllOf:
    return AllOf(path="match", source=SOURCE, parts=parts)


def any_of(*parts: Condition) -> AnyOf:
    return AnyOf(path="match.any", source=SOURCE, parts=parts)


def negated(part: Condition) -> Not:
    return Not(path="match.not", source=SOURCE, part=part)


@pytest.mark.parametrize(
    ("condition", "answers", "truth", "leaves"),
    [
        (A, {A: NO}, NO, {A}),
        (all_of(), {}, YES, set()),
        (any_of(), {}, NO, set()),
        (all_of(A, B), {A: YES, B: YES}, YES, {A, B}),
        (all_of(A, B, C), {A: YES, B: NO, C: UNKNOWN}, NO, {B}),
        (all_of(A, B, C), {A: NO, B: NO, C: YES}, NO, {A, B}),
        (all_of(A, B), {A: YES, B: UNKNOWN}, UNKNOWN, {B}),
        (any_of(A, B, C), {A: YES, B: NO, C: UNKNOWN}, YES, {A}),
        (any_of(A, B), {A: NO, B: UNKNOWN}, UNKNOWN, {B}),
        (any_of(A, B), {A: NO, B: NO}, NO, {A, B}),
        (negated(A), {A: YES}, NO, {A}),
        (negated(A), {A: UNKNOWN}, UNKNOWN, {A}),
        (all_of(negated(any_of(A, B)), C), {A: YES, B: NO, C: YES}, NO, {A}),
        (any_of(all_of(A, B), C), {A: YES, B: NO, C: NO}, NO, {B, C}),
    ],
)
def test_answer_rests_on_what_would_have_to_be_otherwise(
    condition: Condition,
    answers: dict[Condition, Truth],
    truth: Truth,
    leaves: set[Condition],
) -> None:
    assert deciding(condition, answers) == (truth, frozenset(leaves))
