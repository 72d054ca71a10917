"""Why one policy stands before another, in words."""

from __future__ import annotations

import pytest
from tests.factories import EVERYTHING, make_policy, some_participant, tag_is

from recordingd.domain.matchers import AllOf
from recordingd.domain.policies import Decision, RecordingPolicy
from recordingd.planning.precedence import rank_of
from recordingd.planning.ranking import dimensions_in_words, separation

BOTH = AllOf(
    path="match", source=EVERYTHING.source, parts=(tag_is("q", "x"), some_participant("a"))
)
FORBID = make_policy("f", Decision.FORBID)
REQUIRE = make_policy("r", Decision.REQUIRE)
PLAIN = make_policy("p")
HIGH = make_policy("h", priority=100)
TAGGED = make_policy("t", match=tag_is("q", "x"))
SOMEBODY = make_policy("s", match=some_participant("a"))
NARROW = make_policy("n", match=BOTH)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (FORBID, REQUIRE, "forbid beats everything else"),
        (REQUIRE, HIGH, "require beats record and skip"),
        (HIGH, NARROW, "priority 100 beats 0"),
        (NARROW, TAGGED, "it asks about 2 things (participants; tags, group or room)"),
        (TAGGED, PLAIN, "the other about 0 things (nothing)"),
        (SOMEBODY, TAGGED, "participants come before tags, group or room"),
        (PLAIN, make_policy("q"), "the name decides"),
    ],
)
def test_separation_names_what_decides(
    first: RecordingPolicy, second: RecordingPolicy, words: str
) -> None:
    assert rank_of(first) <= rank_of(second)
    assert words in separation(first, second)


def test_specificity_is_told_from_the_most_telling_on() -> None:
    assert dimensions_in_words(NARROW) == ("participants", "tags, group or room")
    assert dimensions_in_words(PLAIN) == ()
