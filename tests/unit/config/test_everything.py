"""Which matchers mean every call."""

from __future__ import annotations

import pytest
from tests.unit.config.trees import document, load

from recordingd.config.everything import means_every_call
from recordingd.domain.matchers import Condition


def matcher(text: str) -> Condition:
    rule = document("PauseRule", f"name: r\nmatch: {text}\ntrigger: {{signal: pauseRequested}}")
    return load(rule).pause_rules[0].match


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{all: [{}, {all: []}]}",
        "{any: [{tags: {a: b}}, {}]}",
        "{not: {not: {}}}",
        "{not: {any: []}}",
        "{not: {all: [{tags: {a: b}}, {any: []}]}}",
        "{not: {sample: 0%}}",
        "{sample: 100%}",
        '{serverCallId: ["*", a]}',
        '{resource: "*"}',
        '{participants: {some: [{role: a}, {id: "*"}]}}',
        "{participants: {count: {min: 0}}}",
        "{hours: {timezone: Europe/Berlin}}",
    ],
)
def test_matcher_that_leaves_no_call_out_means_every_call(text: str) -> None:
    assert means_every_call(matcher(text))


@pytest.mark.parametrize(
    "text",
    [
        "{tags: {a: b}}",
        '{tags: {a: "*"}}',
        "{any: []}",
        "{all: [{}, {tags: {a: b}}]}",
        "{not: {}}",
        "{not: {tags: {a: b}}}",
        "{sample: 99.9%}",
        '{serverCallId: "a*"}',
        '{group: "*"}',
        '{participants: {every: {id: "*"}}}',
        '{participants: {some: {id: "*", role: a}}}',
        "{participants: {count: {min: 0, max: 2}}}",
        "{hours: {days: mon, timezone: Europe/Berlin}}",
        '{hours: {between: ["08:00", "18:00"], timezone: Europe/Berlin}}',
        '{hours: {except: ["2026-12-25"], timezone: Europe/Berlin}}',
    ],
)
def test_matcher_that_may_leave_a_call_out_does_not(text: str) -> None:
    assert not means_every_call(matcher(text))
