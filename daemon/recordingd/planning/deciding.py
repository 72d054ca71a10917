"""Which leaves of a matcher decide its answer.

Called by `planning.explain` with the answer of every leaf. Puts them together as
`planning.conditions` does, and remembers what counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recordingd.domain.matchers import AllOf, AnyOf, Condition, Not
from recordingd.planning.truth import NO, UNKNOWN, YES, Truth, opposite

Answers = Mapping[Condition, Truth]
Decided = tuple[Truth, frozenset[Condition]]
_FROM_NO = (NO, UNKNOWN, YES)


def deciding(condition: Condition, answers: Answers) -> Decided:
    """Return the answer of a matcher and the leaves that it rests on.

    A no of an `all` rests on the parts that say no, its yes on all of them; with `any` it is the
    other way round. An empty `all` is yes and rests on nothing.
    """
    match condition:
        case AllOf():
            return _joined(condition.parts, answers, strongest=NO)
        case AnyOf():
            return _joined(condition.parts, answers, strongest=YES)
        case Not():
            truth, leaves = deciding(condition.part, answers)
            return opposite(truth), leaves
        case _:
            return answers[condition], frozenset({condition})


def _joined(parts: Sequence[Condition], answers: Answers, *, strongest: Truth) -> Decided:
    """Let one part that gives the strongest answer decide, else one that is unknown."""
    found = [deciding(part, answers) for part in parts]
    by_strength = _FROM_NO if strongest is NO else _FROM_NO[::-1]
    truths = {truth for truth, _ in found}
    truth = next((t for t in by_strength if t in truths), by_strength[-1])
    return truth, frozenset[Condition]().union(*(leaves for t, leaves in found if t is truth))
