"""The tree with every field of every kind is usable, and leaves no field of the schema out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.config.trees import token_of

from recordingd.config.diagnostics import Findings, SourceFile
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies, load_policies, load_texts
from recordingd.config.strict_yaml import parse_documents
from recordingd.domain.durations import parse_duration

TREE = Path(__file__).parent / "every-kind"
SCHEMA = json.loads((Path(__file__).parents[2] / "schema" / "policy.schema.json").read_text())
KINDS = SCHEMA["properties"]["kind"]["enum"]
Json = Any
# What stands for itself in many places: it is looked for wherever it is used.
SHARED = ("matcher", "selectorFields", "party")

NOT_DONE_YET = [
    ("recording.yaml", 23, "copyTo"),
    ("recording.yaml", 48, "copyTo"),
    ("recording.yaml", 71, "daemon"),
    ("rules.yaml", 8, "priorOnFile"),
    ("rules.yaml", 14, "daemon"),
    ("rules.yaml", 24, "7y"),
]


def documents() -> Iterator[Mapping[str, Json]]:
    for path in sorted(TREE.glob("*.yaml")):
        file = SourceFile(path=path.name, shown=path.name, text=path.read_text())
        yield from (document.data for document in parse_documents(file, Findings()))


def definition(kind: str) -> Json:
    return SCHEMA["$defs"][kind[0].lower() + kind[1:]]


def fields(schema: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field below a schema; the shared ones are left out."""
    for name, part in schema.get("properties", {}).items():
        yield (*path, name)
        if "$ref" not in part:
            yield from fields(part, (*path, name))
    if isinstance(schema.get("items"), dict) and "$ref" not in schema["items"]:
        yield from fields(schema["items"], path)


def used(data: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field in a document; entries of a list share one."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield (*path, name)
            yield from used(value, (*path, name))
    elif isinstance(data, list):
        for value in data:
            yield from used(value, path)


def test_tree_is_usable_and_only_warns_of_what_is_not_done_yet() -> None:
    context = PolicyContext(
        stores={"main": None, "vault": "https://contoso.blob.core.windows.net/vault"},
        is_container_list=True,
        ceiling=parse_duration("10y"),
        has_callbacks=False,
        api_version="2026-03-12",
        now=datetime(2026, 11, 1, tzinfo=UTC),
    )
    diagnostics, policies = check_policies(TREE, context)
    assert {found.code for found in diagnostics} == {"policy/no-effect"}
    found = [(Path(f.file).name, f.span.line, token_of(f)) for f in diagnostics]
    assert found == NOT_DONE_YET
    assert policies is not None


def test_tree_loads_again_from_its_texts() -> None:
    policies = load_policies(TREE)
    assert load_texts(policies.texts) == policies


@pytest.mark.parametrize("kind", KINDS)
def test_tree_uses_every_field_of_a_kind(kind: str) -> None:
    there = {path for data in documents() if data["kind"] == kind for path in used(data)}
    assert not set(fields(definition(kind))) - there


@pytest.mark.parametrize("name", SHARED)
def test_tree_uses_every_field_that_kinds_share(name: str) -> None:
    there = {path[-1] for data in documents() for path in used(data)}
    wanted = {path[0] for path in fields(SCHEMA["$defs"][name])}
    assert not wanted - there
