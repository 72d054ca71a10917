"""Matchers in one line of words, for people who read a register and not a file.

Called by `planning.register`. Says the same as the file, never less; decides nothing.
"""

from __future__ import annotations

import re

from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    ParticipantCount,
    ParticipantsFit,
    Quantifier,
    Sampled,
    StartedBetween,
    TagIs,
)
from recordingd.planning.leaves import expected_of, selectors_in_words

EVERY_CALL = "every call"
# What a path begins with that only says how leaves are put together.
_STRUCTURE = re.compile(r"(?:(?:match|not|(?:all|any)\[\d+\])\.)+")
_QUANTITY = {Quantifier.SOME: "some", Quantifier.EVERY: "every", Quantifier.NONE: "no"}


def in_words(condition: Condition) -> str:
    """Say which calls a matcher means; EVERY_CALL for an empty one."""
    match condition:
        case AllOf():
            return _joined(" and ", condition.parts) or EVERY_CALL
        case AnyOf():
            return _joined(" or ", condition.parts) or "no call"
        case Not():
            return f"not ({in_words(condition.part)})"
        case _:
            return _leaf(condition)


def _joined(word: str, parts: tuple[Condition, ...]) -> str:
    if len(parts) == 1:
        return in_words(parts[0])
    return word.join(_bracketed(part) for part in parts)


def _bracketed(part: Condition) -> str:
    is_list = isinstance(part, AllOf | AnyOf) and len(part.parts) > 1
    return f"({in_words(part)})" if is_list else in_words(part)


def _leaf(leaf: Condition) -> str:
    expected = expected_of(leaf)
    match leaf:
        case ParticipantsFit():
            fitting = selectors_in_words(leaf.selectors)
            return f"{_QUANTITY[leaf.quantifier]} participant is {fitting}"
        case ParticipantCount():
            return f"participants number {expected}"
        case TagIs():
            return f"tag {expected}"
        case StartedBetween():
            return f"started {expected}"
        case Sampled():
            return expected
        case _:
            return f"{_STRUCTURE.sub('', leaf.path, count=1)} is {expected}"
