"""The page about the policy language leaves out no kind, no field and no matcher."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from tests.packaging.tree import ROOT

PAGE = (ROOT / "daemon" / "docs" / "policies.md").read_text()
SCHEMA = json.loads((ROOT / "schema" / "policy.schema.json").read_text())
KINDS = SCHEMA["properties"]["kind"]["enum"]
# What every document has is said once, above the table.
HEAD = {"apiVersion", "kind", "name", "description"}
# In the order in which a person meets them.
LISTED = [
    "RecordingPolicy",
    "ConsentRule",
    "PauseRule",
    "RetentionRule",
    "LegalHold",
    "Group",
    "Places",
    "PolicyTest",
]


def cells(title: str) -> Iterator[list[str]]:
    """Yield the rows of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    yield from ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:])


def words(text: str) -> list[str]:
    return re.findall(r"`([A-Za-z]+)`", text)


def properties(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"])


def test_every_kind_is_listed() -> None:
    assert [words(row[0]) for row in cells("Kinds")] == [[kind] for kind in LISTED]
    assert set(LISTED) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_is_listed(kind: str) -> None:
    (row,) = (row for row in cells("Kinds") if words(row[0]) == [kind])
    assert set(words(row[2])) == properties(kind[0].lower() + kind[1:]) - HEAD


def test_every_matcher_is_listed() -> None:
    listed = {word for row in cells("Matchers") for word in words(row[0])}
    assert listed == properties("matcher")


def test_every_field_of_a_selector_is_named() -> None:
    (said,) = re.findall(r"^A selector has (.*)\.$", PAGE, re.MULTILINE)
    assert set(words(said)) == properties("selectorFields")
