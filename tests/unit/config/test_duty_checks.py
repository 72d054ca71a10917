"""What the settings demand of every recording: consent, and files that can be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies
from recordingd.domain.durations import Duration, Forever, parse_duration

HEAD = "apiVersion: recordingd/v1\nkind: "
WORM = "https://contoso.blob.core.windows.net/worm"
STORES = {"main": None, "worm": WORM, "vault": "https://contoso.blob.core.windows.net/vault"}


def policy(rest: str, name: str = "p") -> str:
    return f"{HEAD}RecordingPolicy\nname: {name}\nmatch: {{tags: {{{name}: x}}}}\n{rest}\n"


def rule(kind: str, rest: str) -> str:
    return f"{HEAD}{kind}\nname: r\n{rest}\n"


def findings(tree: Path, context: PolicyContext, *documents: str) -> list[Diagnostic]:
    """Return what is found, but for what this version cannot do yet."""
    (tree / "p.yaml").write_text("---\n".join(documents))
    return [d for d in check_policies(tree, context)[0] if d.code != "policy/no-effect"]


def codes(tree: Path, context: PolicyContext, *documents: str) -> list[str]:
    return [found.code for found in findings(tree, context, *documents)]


# --- consent --------------------------------------------------------------------------------------

REQUIRED = PolicyContext(requires_consent_rule=True)


def test_policy_without_a_consent_rule_is_warned_of_where_one_is_required(tmp_path: Path) -> None:
    [found] = findings(tmp_path, REQUIRED, policy("record: {}"))
    assert found.code == "policy/no-consent-rule"
    assert (found.span.line, found.span.column) == (3, 7)
    assert not found.is_error
    assert findings(tmp_path, PolicyContext(), policy("record: {}")) == []


@pytest.mark.parametrize(
    "documents",
    [
        [policy("record: {}\nconsent: {mode: notice}")],
        [policy("record: {}"), rule("ConsentRule", "match: {}\nmode: explicit")],
        [policy("decision: skip")],
    ],
)
def test_covered_policy_is_not(tmp_path: Path, documents: list[str]) -> None:
    assert findings(tmp_path, REQUIRED, *documents) == []


def test_nothing_is_said_while_a_rule_has_a_fault(tmp_path: Path) -> None:
    faulty = rule("ConsentRule", "match: {}\nmode: perhaps")
    assert codes(tmp_path, REQUIRED, policy("record: {}"), faulty) == ["schema/enum"]


# --- immutability ---------------------------------------------------------------------------------


def context(archive: str = "main", **lengths: str) -> PolicyContext:
    immutable: Mapping[str, Duration | Forever] = {
        store: parse_duration(length) for store, length in lengths.items()
    }
    return PolicyContext(
        stores=STORES, is_container_list=True, archive=archive, immutable_for=immutable
    )


@pytest.mark.parametrize(
    ("record", "is_blocked"),
    [
        ("{}", False),
        ("{archive: {to: worm}}", True),
        ("{archive: {to: main, copyTo: [vault, worm]}}", True),
        ("{storage: {store: worm}}", True),
        (f"{{storage: {{container: {WORM}}}}}", True),
        ("{storage: {store: vault}}", False),
        ("{storage: {store: vault}, archive: {copyTo: worm}}", True),
    ],
)
def test_deletion_before_the_store_lets_go_is_warned_of(
    tmp_path: Path, record: str, *, is_blocked: bool
) -> None:
    text = policy(f"record: {record}\nretention: {{deleteAfter: 90d}}")
    found = codes(tmp_path, context(worm="5y"), text)
    assert found == ["policy/delete-before-immutability"] * is_blocked


def test_default_archive_counts_where_a_policy_names_none(tmp_path: Path) -> None:
    text = policy("record: {}\nretention: {deleteAfter: 90d}")
    assert codes(tmp_path, context("worm", worm="5y"), text) != []


@pytest.mark.parametrize(
    ("delete", "immutable", "is_blocked"),
    [
        ("89d", "90d", True),
        ("90d", "90d", False),
        ("91d", "90d", False),
        ("7y", "forever", True),
        ("forever", "forever", False),
    ],
)
def test_deletion_is_compared_with_the_length_of_immutability(
    tmp_path: Path, delete: str, immutable: str, *, is_blocked: bool
) -> None:
    text = policy(f"record: {{}}\nretention: {{deleteAfter: {delete}}}")
    assert bool(codes(tmp_path, context("worm", worm=immutable), text)) is is_blocked


def test_finding_names_the_stores_and_stands_at_the_date(tmp_path: Path) -> None:
    text = policy("record: {archive: {to: worm, copyTo: vault}}\nretention: {deleteAfter: 90d}")
    [found] = findings(tmp_path, context(worm="5y", vault="1y"), text)
    assert (found.span.line, found.span.column) == (6, 26)
    assert found.message == (
        "deleteAfter 90d is shorter than the immutability of 1y of store 'vault' and 5y of store"
        " 'worm'"
    )


@pytest.mark.parametrize(
    ("match", "is_blocked"), [("{}", True), ("{tags: {p: x}}", True), ("{tags: {q: x}}", True)]
)
def test_rule_is_compared_with_the_stores_of_what_it_deletes(
    tmp_path: Path, match: str, *, is_blocked: bool
) -> None:
    deletes = rule("RetentionRule", f"match: {match}\ndeleteAfter: 90d")
    text = policy("record: {archive: {to: worm}}")
    assert bool(codes(tmp_path, context(worm="5y"), text, deletes)) is is_blocked


@pytest.mark.parametrize(
    "documents",
    [
        [
            policy("record: {archive: {to: worm}}\npriority: 1"),
            rule("RetentionRule", "match: {not: {tags: {p: x}}}\ndeleteAfter: 90d"),
        ],
        [
            policy("record: {archive: {to: worm}}"),
            rule("RetentionRule", "match: {}\nkeepAtLeast: 1d"),
        ],
        [
            policy("record: {archive: {to: worm}}"),
            rule("RetentionRule", "match: {}\ndeleteAfter: 1d\nobserve: true"),
        ],
        [policy("record: {archive: {to: worm}}\nretention: {deleteAfter: 1d}\nobserve: true")],
        [policy("record: {archive: {to: worm}}\nretention: {keepAtLeast: 1d}")],
    ],
    ids=["elsewhere", "no date", "observed rule", "observed policy", "no inline date"],
)
def test_what_deletes_nothing_there_is_not_warned_of(tmp_path: Path, documents: list[str]) -> None:
    assert codes(tmp_path, context(worm="5y"), *documents) == []
