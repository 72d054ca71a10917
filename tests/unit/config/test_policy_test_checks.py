"""What tests say of the documents around them is there."""

from __future__ import annotations

import pytest
from tests.unit.config.trees import document, findings, policy, token_of

POLICY = policy("retention: {deleteAfter: 1y}", name="support-line")
RULE = document("RetentionRule", "name: mifid-ii\nmatch: {}\nkeepAtLeast: 5y")
PAUSE = document("PauseRule", "name: card\nmatch: {}\ntrigger: {signal: pauseRequested}")
HOLD = document(
    "LegalHold", "name: case-1\nmatch: {tags: {case: a}}\nreason: r\nowner: o\nallowEmpty: true"
)


def refusals(expect: str, steps: str = "[]") -> list[tuple[str, str, str | None]]:
    test = document(
        "PolicyTest", f"name: t\ngiven: {{call: {{}}, steps: {steps}}}\nexpect: [{expect}]"
    )
    found = findings(POLICY, RULE, PAUSE, HOLD, test)
    return [(f.code, token_of(f), f.help) for f in found]


@pytest.mark.parametrize(
    "said",
    [
        "policy: support-line",
        "policy: none",
        "retention: {rule: support-line#retention}",
        "retention: {rule: mifid-ii}",
        "retention: {rule: settings#ceiling}",
        'pauses: [consent, "pause:card"]',
        "holds: [case-1]",
        "holds: []",
    ],
)
def test_names_of_the_tree_can_be_expected(said: str) -> None:
    assert refusals(f"{{after: 0, {said}}}") == []


@pytest.mark.parametrize(
    ("said", "code", "token", "meant"),
    [
        ("policy: suport-line", "test/unknown-policy", "suport-line", "support-line"),
        ("policy: mifid-ii", "test/unknown-policy", "mifid-ii", None),
        ("retention: {rule: mifid-i}", "test/unknown-retention", "mifid-i", "mifid-ii"),
        ("retention: {rule: mifid-ii#retention}", "test/unknown-retention", None, "mifid-ii"),
        ('pauses: ["pause:cards"]', "test/unknown-pause", '"pause:cards"', "card"),
        ("holds: [case-1, case-2]", "test/unknown-hold", "case-2", "case-1"),
    ],
)
def test_unknown_name_is_refused_at_its_token(
    said: str, code: str, token: str | None, meant: str | None
) -> None:
    [found] = refusals(f"{{after: 0, {said}}}")
    assert found[0] == code
    assert token is None or found[1] == token
    assert token is None or found[2] == (None if meant is None else f"did you mean '{meant}'?")


@pytest.mark.parametrize(
    ("after", "steps", "is_refused"),
    [
        (0, "[]", False),
        (1, "[]", True),
        (2, "[{wait: 1s}, {end: true}]", False),
        (3, "[{wait: 1s}, {end: true}]", True),
    ],
)
def test_expectation_is_after_a_step_of_the_test(
    after: int, steps: str, *, is_refused: bool
) -> None:
    found = refusals(f"{{after: {after}, capture: none}}", steps)
    assert found == ([("test/beyond-steps", str(after), None)] if is_refused else [])


def test_fault_elsewhere_in_a_test_hides_no_unknown_name() -> None:
    found = refusals("{after: 0, policy: nobody, captured: none}", "[{wayt: 1s}]")
    assert [code for code, _, _ in found] == [
        "schema/unknown-field",
        "test/unknown-policy",
        "schema/unknown-field",
    ]


def test_faulty_policy_still_counts_as_being_there() -> None:
    broken = policy("recordd: {}", name="other")
    test = document("PolicyTest", "name: t\ngiven: {call: {}}\nexpect: [{after: 0, policy: other}]")
    assert [f.code for f in findings(broken, test)] == ["schema/unknown-field"]
