"""Whether one matcher means every call that another one means, asked of matchers as written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.domain.matchers import Condition
from recordingd.planning.reach import Reach, compare, compare_validity, of_both

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: p
match: {match}
decision: skip
---
apiVersion: recordingd/v1
kind: Group
name: a
members: [{{id: x}}]
---
apiVersion: recordingd/v1
kind: Group
name: b
members: [{{id: y}}]
"""
JANUARY, MARCH = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def matcher(text: str) -> Condition:
    return load_texts({"p.yaml": POLICY.format(match=text)}).policies[0].match


SAME = [
    ("{}", "{all: [{}]}"),
    ("{tags: {queue: a}, direction: incoming}", "{direction: incoming, tags: {queue: a}}"),
    ("{any: [{group: a}, {room: b}]}", "{any: [{room: b}, {group: a}]}"),
    ("{tags: {queue: [a, b]}}", "{tags: {queue: [b, a]}}"),
    ("{to: {phone: '+1*'}}", "{all: [{to: {phone: '+1*'}}]}"),
]
WIDER = [
    ("{tags: {queue: a}}", "{}"),
    ("{tags: {queue: a}}", "{tags: {queue: [a, b]}}"),
    ("{tags: {queue: ab}}", "{tags: {queue: 'a*'}}"),
    ("{tags: {queue: 'ab*'}}", "{tags: {queue: 'a*'}}"),
    ("{tags: {queue: a}, group: g}", "{group: g}"),
    ("{group: g}", "{any: [{group: g}, {room: r}]}"),
    ("{to: {phone: '+1800*'}}", "{to: {phone: '+1*'}}"),
    ("{to: {phone: '+1*', role: agent}}", "{to: {phone: '+1*'}}"),
    ("{to: {in: a}}", "{to: {in: [a, b]}}"),
    ("{to: {id: '8:*', notIn: [a, b]}}", "{to: {id: '8:*', notIn: a}}"),
    ("{participants: {some: {id: x}}}", "{participants: {some: [{id: x}, {id: y}]}}"),
    ("{participants: {none: [{id: x}, {id: y}]}}", "{participants: {none: {id: x}}}"),
    ("{participants: {count: {min: 3, max: 4}}}", "{participants: {count: {min: 2, max: 5}}}"),
    ("{participants: {count: {min: 3, max: 4}}}", "{participants: {count: {min: 2}}}"),
    ("{direction: incoming}", "{direction: [incoming, outgoing]}"),
    ("{sample: 10%}", "{sample: 20%}"),
    ("{not: {tags: {queue: 'a*'}}}", "{not: {tags: {queue: ab}}}"),
    (
        "{hours: {days: [mon], timezone: Europe/London}}",
        "{hours: {days: [mon, tue], timezone: Europe/London}}",
    ),
    (
        "{hours: {timezone: UTC, except: ['2026-12-24', '2026-12-25']}}",
        "{hours: {timezone: UTC, except: ['2026-12-25']}}",
    ),
    (
        "{startedBetween: ['2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z']}",
        "{startedBetween: ['2026-01-01T00:00:00Z', '2026-03-01T00:00:00Z']}",
    ),
]
OTHER = [
    ("{tags: {queue: a}}", "{tags: {desk: a}}"),
    ("{tags: {queue: a}}", "{tags: {queue: b}}"),
    ("{from: {phone: '+1*'}}", "{to: {phone: '+1*'}}"),
    ("{participants: {some: {id: x}}}", "{participants: {every: {id: x}}}"),
    ("{isTwoParty: true}", "{isTwoParty: false}"),
    ("{group: a}", "{room: a}"),
    ("{hours: {timezone: UTC}}", "{hours: {timezone: Europe/London}}"),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_matcher_written_otherwise_is_the_same(before: str, after: str) -> None:
    assert compare(matcher(before), matcher(after)) is Reach.SAME


@pytest.mark.parametrize(("before", "after"), WIDER)
def test_matcher_that_means_more_is_wider_and_its_reverse_narrower(before: str, after: str) -> None:
    assert compare(matcher(before), matcher(after)) is Reach.WIDER
    assert compare(matcher(after), matcher(before)) is Reach.NARROWER


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_matchers_that_cannot_be_compared_are_different(before: str, after: str) -> None:
    assert compare(matcher(before), matcher(after)) is Reach.OTHER


@pytest.mark.parametrize(
    ("before", "after", "reach"),
    [
        ((None, None), (None, None), Reach.SAME),
        ((None, None), (None, JANUARY), Reach.NARROWER),
        ((JANUARY, None), (None, None), Reach.WIDER),
        ((None, JANUARY), (None, MARCH), Reach.WIDER),
        ((None, MARCH), (JANUARY, MARCH), Reach.NARROWER),
        ((JANUARY, None), (None, MARCH), Reach.OTHER),
    ],
)
def test_validity_reaches_as_far_as_its_span(
    before: tuple[datetime | None, datetime | None],
    after: tuple[datetime | None, datetime | None],
    reach: Reach,
) -> None:
    assert compare_validity(before, after) is reach


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (Reach.SAME, Reach.WIDER, Reach.WIDER),
        (Reach.WIDER, Reach.SAME, Reach.WIDER),
        (Reach.WIDER, Reach.WIDER, Reach.WIDER),
        (Reach.WIDER, Reach.NARROWER, Reach.OTHER),
        (Reach.OTHER, Reach.SAME, Reach.OTHER),
    ],
)
def test_two_parts_reach_as_far_as_both_do(first: Reach, second: Reach, together: Reach) -> None:
    assert of_both(first, second) is together
