"""Which trees are not worth an analysis."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.config.trees import load, policy

from recordingd.config.diagnostics import SourceFile
from recordingd.config.drafts import Draft, PolicyContext, WaysIn
from recordingd.config.plain_trees import holds_plainly, is_plain
from recordingd.config.strict_yaml import Document, Node
from recordingd.domain.durations import FOREVER
from recordingd.domain.matchers import Condition
from recordingd.domain.policies import RecordingPolicy


def read(match: str) -> RecordingPolicy:
    [found] = load(policy(match=match)).policies
    return found


def drafts(*matches: str) -> Sequence[Draft]:
    empty = Document(SourceFile(path="p", shown="p", text=""), Node(None, None, {}))
    return [Draft(document=empty, data={}, value=read(match), is_whole=True) for match in matches]


def matcher(text: str) -> Condition:
    return read(text).match


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{to: {phone: "+1800*"}}',
        '{from: {id: ["8:acs:a", "8:acs:b*"]}}',
        '{to: {phone: "+18005550100"}, from: {id: "8:acs:a"}, tags: {queue: a}}',
        "{tags: {queue: [a, b], desk: c}}",
        '{startedBy: [{phone: "+1800*", role: agent}, {phone: "+1800*"}]}',
    ],
)
def test_facts_of_their_own_hold_plainly(text: str) -> None:
    assert holds_plainly(matcher(text))


@pytest.mark.parametrize(
    "text",
    [
        '{to: {phone: "+1800*", id: "8:acs:a"}}',
        '{to: {phone: "+1800*", role: agent}}',
        "{to: {kind: phoneNumber}}",
        '{all: [{to: {phone: "+1800*"}}, {to: {phone: "+1900*"}}]}',
        "{all: [{tags: {queue: a}}, {tags: {queue: b}}]}",
        "{any: [{tags: {queue: a}}]}",
        "{not: {tags: {queue: a}}}",
        "{tags: {queue: []}}",
        "{to: []}",
        '{participants: {some: {id: "8:acs:a"}}}',
        "{isRoomsCall: true}",
        "{direction: incoming}",
    ],
)
def test_everything_else_is_left_to_the_analysis(text: str) -> None:
    assert not holds_plainly(matcher(text))


def test_one_plain_policy_is_a_plain_tree() -> None:
    assert is_plain(drafts("{tags: {queue: a}}"), PolicyContext())


def test_two_policies_may_meet() -> None:
    assert not is_plain(drafts("{tags: {queue: a}}", "{tags: {queue: b}}"), PolicyContext())


@pytest.mark.parametrize(
    "context",
    [
        PolicyContext(
            ways_in=WaysIn(has_events=True, has_reporters=True, context_tags=frozenset())
        ),
        PolicyContext(requires_consent_rule=True),
        PolicyContext(immutable_for={"main": FOREVER}),
    ],
    ids=["ways-in", "consent", "immutability"],
)
def test_settings_that_demand_something_are_asked(context: PolicyContext) -> None:
    assert not is_plain(drafts("{tags: {queue: a}}"), context)


def test_document_of_another_kind_is_analysed() -> None:
    [draft] = drafts("{}")
    draft.value = None
    assert not is_plain([draft], PolicyContext())
