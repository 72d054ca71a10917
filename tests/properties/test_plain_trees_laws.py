"""What is passed over as plain is what an analysis finds nothing in."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.config.trees import load, policy

from recordingd.config.plain_trees import holds_plainly
from recordingd.planning.barren import find_barren
from recordingd.planning.overlap import Overlap
from recordingd.planning.selectors import Groups

PHONES = st.sampled_from(["+18005550100", "+1800*", "+44*"])
IDS = st.sampled_from(["8:acs:a", "8:acs:*", "4:+1800*", "4:+4420", "*"])


def some_of(fields: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[dict[str, object]]:
    """Some of the fields of a mapping, one at least."""
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


PARTIES = st.lists(some_of({"phone": PHONES, "id": IDS, "role": st.just("a")}), max_size=2)
VALUES = st.lists(st.sampled_from(["x", "y*"]), max_size=2)
LEAVES = some_of(
    {
        "to": PARTIES,
        "from": PARTIES,
        "startedBy": PARTIES,
        "tags": some_of({"a": VALUES, "b": VALUES}),
        "isTwoParty": st.booleans(),
    }
)
MATCHERS = st.one_of(LEAVES, st.builds(lambda parts: {"all": parts}, st.lists(LEAVES, max_size=3)))


@settings(max_examples=200)
@given(MATCHERS)
def test_nothing_is_found_in_a_matcher_that_holds_plainly(match: dict[str, object]) -> None:
    [found] = load(policy(match=json.dumps(match))).policies
    if holds_plainly(found.match):
        assert list(find_barren(found.match, Overlap(Groups({})))) == []
