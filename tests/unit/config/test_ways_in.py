"""Notes of the way in that a leaf needs and the settings do not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic, Severity
from recordingd.config.drafts import PolicyContext, WaysIn
from recordingd.config.policy_files import check_policies

HEAD = "apiVersion: recordingd/v1\nkind: "
EVENTS, SIGNALS, CALLBACKS = "policy/needs-events", "policy/needs-signals", "policy/needs-callbacks"


def ways(*there: str, tags: frozenset[str] = frozenset()) -> PolicyContext:
    return PolicyContext(
        ways_in=WaysIn(
            has_events="events" in there,
            has_reporters="reporters" in there,
            context_tags=tags,
        )
    )


def notes(tree: Path, match: str, context: PolicyContext) -> list[Diagnostic]:
    text = f"{HEAD}RecordingPolicy\nname: p\nmatch: {match}\nrecord: {{}}\n"
    (tree / "p.yaml").write_text(text)
    diagnostics, policies = check_policies(tree, context)
    assert policies is not None
    return [d for d in diagnostics if d.code.startswith("policy/needs-")]


@pytest.mark.parametrize(
    ("match", "without_anything", "with_events", "with_reporters"),
    [
        ("{}", [], [], []),
        ("{sample: 10%}", [], [], []),
        ('{to: {phone: "+44*"}}', [EVENTS], [], [EVENTS]),
        ("{from: {role: agent}}", [EVENTS, SIGNALS], [SIGNALS], [EVENTS]),
        ("{direction: incoming}", [EVENTS], [], [EVENTS]),
        ("{isRoomsCall: true}", [EVENTS], [], [EVENTS]),
        ("{room: a}", [EVENTS], [], [EVENTS]),
        ("{hours: {days: mon, timezone: UTC}}", [], [], []),
        ("{tags: {queue: a}}", [SIGNALS], [SIGNALS], []),
        ('{participants: {some: {id: "8:*"}}}', [EVENTS], [], []),
        ("{participants: {some: {role: agent}}}", [EVENTS, SIGNALS], [SIGNALS], []),
        ('{participants: {every: {id: "8:*"}}}', [CALLBACKS], [CALLBACKS], []),
        ('{participants: {none: {id: "8:*"}}}', [CALLBACKS], [CALLBACKS], []),
        ("{participants: {count: {min: 2}}}", [CALLBACKS], [CALLBACKS], []),
    ],
)
def test_leaf_notes_the_way_in_that_is_missing(
    tmp_path: Path,
    match: str,
    without_anything: list[str],
    with_events: list[str],
    with_reporters: list[str],
) -> None:
    expected = {(): without_anything, ("events",): with_events, ("reporters",): with_reporters}
    for there, codes in expected.items():
        assert [d.code for d in notes(tmp_path, match, ways(*there))] == codes
    assert notes(tmp_path, match, ways("events", "reporters")) == []
    assert notes(tmp_path, match, PolicyContext()) == []


@pytest.mark.parametrize(("tag", "codes"), [("queue", []), ("desk", [SIGNALS])])
def test_tag_may_come_with_the_incoming_call(tmp_path: Path, tag: str, codes: list[str]) -> None:
    mapped = ways("events", tags=frozenset({"queue"}))
    assert [d.code for d in notes(tmp_path, f"{{tags: {{{tag}: a}}}}", mapped)] == codes


def test_tag_of_an_incoming_call_that_nobody_delivers_needs_events(tmp_path: Path) -> None:
    mapped = ways(tags=frozenset({"queue"}))
    assert [d.code for d in notes(tmp_path, "{tags: {queue: a}}", mapped)] == [EVENTS]


def test_note_stands_at_its_leaf_and_says_what_to_set(tmp_path: Path) -> None:
    match = "{any: [{room: a}, {not: {participants: {count: {min: 2}}}}]}"
    [note] = notes(tmp_path, match, ways("events"))
    assert note.severity is Severity.NOTE
    assert not note.is_error
    assert (note.span.line, note.span.column) == (4, 48)
    assert note.message.startswith(
        "'match.any[1].not.participants.count' needs the complete list of participants; "
    )
    assert note.help is not None
    assert "signals.reporters" in note.help


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        ("ConsentRule", "mode: explicit"),
        ("PauseRule", "trigger: {signal: pauseRequested}"),
        ("RetentionRule", "keepAtLeast: 1y"),
        ("LegalHold", "reason: r\nowner: o"),
    ],
)
def test_matchers_of_every_kind_are_looked_at(tmp_path: Path, kind: str, rest: str) -> None:
    text = f"{HEAD}{kind}\nname: p\nmatch: {{tags: {{queue: a}}}}\n{rest}\n"
    (tmp_path / "p.yaml").write_text(text)
    diagnostics, _ = check_policies(tmp_path, ways("events"))
    assert [d.code for d in diagnostics] == [SIGNALS]
