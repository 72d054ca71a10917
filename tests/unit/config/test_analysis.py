"""What validate says of rules without a call: where, in which words, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic
from recordingd.config.policy_files import check_policies

HEAD = "apiVersion: recordingd/v1\nkind: "


def policy(name: str, match: str, rest: str = "record: {}") -> str:
    return f"{HEAD}RecordingPolicy\nname: {name}\nmatch: {match}\n{rest}\n"


def forbid(name: str, match: str) -> str:
    return policy(name, match, "decision: forbid\ncaptured: delete")


def findings(tree: Path, *documents: str) -> list[Diagnostic]:
    for number, text in enumerate(documents):
        (tree / f"{number}.yaml").write_text(text)
    return list(check_policies(tree)[0])


def finding(tree: Path, *documents: str) -> Diagnostic:
    [found] = findings(tree, *documents)
    return found


def where(found: Diagnostic) -> str:
    return f"{Path(found.file).name}:{found.span.line}:{found.span.column}"


def beside(found: Diagnostic) -> list[str]:
    return [f"{Path(other.file).name}:{other.span.line}" for other in found.related]


# --- what never holds -----------------------------------------------------------------------------


def test_contradiction_names_both_places(tmp_path: Path) -> None:
    match = "\n  participants:\n    some: {id: x}\n    none: {id: x}"
    found = finding(tmp_path, policy("p", match))
    assert found.code == "policy/never-holds"
    assert where(found) == "0.yaml:7:5"
    assert beside(found) == ["0.yaml:6"]
    assert found.message == (
        "'match.participants.none' can never hold together with 'match.participants.some'"
    )
    assert not found.is_error


def test_condition_that_never_holds_by_itself_stands_alone(tmp_path: Path) -> None:
    found = finding(tmp_path, policy("p", "{participants: {count: {min: 2, max: 1}}}"))
    assert found.message == "'match.participants.count' can never hold"
    assert found.related == ()
    assert found.help is not None


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
    found = finding(tmp_path, f"{HEAD}{kind}\nname: p\nmatch: {{room: []}}\n{rest}\n")
    assert found.code == "policy/never-holds"
    assert where(found) == "0.yaml:4:9"


@pytest.mark.parametrize(("kind", "is_fault"), [("ConsentRule", True), ("RetentionRule", False)])
def test_only_what_was_ever_true_may_be_two_things(
    tmp_path: Path, kind: str, *, is_fault: bool
) -> None:
    rest = {"ConsentRule": "mode: explicit", "RetentionRule": "keepAtLeast: 1y"}[kind]
    match = "{all: [{tags: {queue: a}}, {tags: {queue: b}}]}"
    found = findings(tmp_path, f"{HEAD}{kind}\nname: p\nmatch: {match}\n{rest}\n")
    assert bool(found) is is_fault


# --- who meets whom -------------------------------------------------------------------------------


def test_equals_that_meet_are_an_error_with_an_example(tmp_path: Path) -> None:
    found = finding(
        tmp_path, policy("b", "{tags: {queue: sales}}"), policy("a", "{tags: {desk: x}}")
    )
    assert found.code == "policy/equal-rank"
    assert found.is_error
    assert where(found) == "0.yaml:3:7"
    assert beside(found) == ["1.yaml:3"]
    assert found.message == "'b' and 'a' can match the same call, and neither outranks the other"
    assert found.help is not None
    assert found.help.startswith("such as tags.desk 'x', tags.queue 'sales'; give one of them")


def test_equals_that_are_too_involved_say_so(tmp_path: Path) -> None:
    texts = ", ".join(f'"{n}*"' for n in range(60))
    match = f"{{from: {{role: [{texts}], displayName: [{texts}]}}}}"
    found = finding(tmp_path, policy("a", match), policy("b", match))
    assert found.is_error
    assert found.message == (
        "'b' and 'a' are too involved to prove that no call matches both, and neither outranks"
        " the other"
    )


def test_require_names_the_first_forbids_that_defeat_it(tmp_path: Path) -> None:
    forbids = [forbid(f"f{n}", f"{{tags: {{t{n}: x}}}}") for n in range(7)]
    require = policy("must", "{room: a}", "decision: require\nrecord: {}")
    found = finding(tmp_path, require, *forbids)
    assert found.code == "policy/require-meets-forbid"
    assert where(found) == "0.yaml:3:7"
    assert beside(found) == [f"{n}.yaml:3" for n in range(1, 6)]
    assert found.message == (
        "a call can match 'must' and 'f0', 'f1', 'f2', 'f3', 'f4' and 2 more; it is then not"
        " recorded"
    )
    assert found.help == (
        "such as room 'a', tags.t0 'x'; if it must be recorded all the same, name the forbid in"
        " 'overrides'"
    )


@pytest.mark.parametrize(
    ("loser", "winners", "message", "remedy"),
    [
        (
            policy("low", "{room: a}"),
            [policy("high", "{}", "record: {}\npriority: 7")],
            "'low' never wins: every call that matches it also matches 'high'",
            "give it a priority above 7, match fewer calls in 'high', or delete 'low'",
        ),
        (
            policy("low", "{room: a}"),
            [forbid("high", "{}")],
            "'low' never wins: every call that matches it also matches 'high'",
            "a forbid beats every priority; match fewer calls in 'high', or delete 'low'",
        ),
        (
            policy("low", "{room: a}", "record: {}\npriority: 9"),
            [policy("high", "{}", "decision: require\nrecord: {}")],
            "'low' never wins: every call that matches it also matches 'high'",
            "a require beats every priority; match fewer calls in 'high', or delete 'low'",
        ),
        (
            forbid("low", "{room: a}"),
            [policy("high", "{}", "decision: require\nrecord: {}\noverrides: low")],
            "'low' never wins: every call that matches it also matches 'high'",
            "it is overridden wherever it matches; match fewer calls in 'high', or delete 'low'",
        ),
        (
            policy("low", "{room: a}"),
            [
                policy("in", "{isRoomsCall: true}", "record: {}\npriority: 1"),
                policy("out", "{not: {isRoomsCall: true}}", "record: {}\npriority: 2"),
            ],
            "'low' never wins: every call that matches it also matches 'in' or 'out'",
            "give it a priority above 2, match fewer calls in 'in' or 'out', or delete 'low'",
        ),
    ],
)
def test_policy_that_never_wins_names_the_winners_and_what_to_do(
    tmp_path: Path, loser: str, winners: list[str], message: str, remedy: str
) -> None:
    found = finding(tmp_path, loser, *winners)
    assert found.code == "policy/never-wins"
    assert not found.is_error
    assert where(found) == "0.yaml:3:7"
    assert beside(found) == [f"{n + 1}.yaml:3" for n in range(len(winners))]
    assert (found.message, found.help) == (message, remedy)


# --- what is not known ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faulty",
    [
        policy("b", "{tags: {desk: x}}", "record: {x: 1}"),
        policy("b", "{participants: {some: {in: nobody}}}"),
    ],
    ids=["fault of its own", "unknown group"],
)
def test_rule_that_nobody_understands_is_left_out(tmp_path: Path, faulty: str) -> None:
    codes = [d.code for d in findings(tmp_path, policy("a", "{tags: {queue: x}}"), faulty)]
    assert codes in (["schema/unknown-field"], ["policy/unknown-group"])


def test_rules_that_name_a_faulty_group_are_left_out(tmp_path: Path) -> None:
    group = f"{HEAD}Group\nname: g\nmembrs: []\n"
    match = "{participants: {some: {in: g}}}"
    found = findings(tmp_path, group, policy("a", match), policy("b", match))
    assert [d.code for d in found] == ["schema/unknown-field"]


def test_two_of_one_name_are_one_fault(tmp_path: Path) -> None:
    found = findings(tmp_path, policy("a", "{room: x}"), policy("a", "{resource: x}"))
    assert [d.code for d in found] == ["policy/duplicate-name"]


def test_thousand_policies_that_share_a_rank_are_soon_told_apart(tmp_path: Path) -> None:
    text = "---\n".join(
        policy(f"p{n}", f'{{to: {{phone: "+1800555{n:04d}"}}}}') for n in range(500)
    )
    other = "---\n".join(policy(f"q{n}", f'{{to: {{id: "8:acs:{n}"}}}}') for n in range(500))
    assert findings(tmp_path, text, other) == []
