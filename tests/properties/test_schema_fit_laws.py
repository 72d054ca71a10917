"""The quick look at a document and the validator of record never disagree."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordingd.config.diagnostics import Findings, SourceFile
from recordingd.config.schema_check import FORMATS, compiled, load_schema
from recordingd.config.schema_fit import SchemaFit
from recordingd.config.strict_yaml import parse_documents

# What stands in a document, and the way to a place in it.
Json = Any
Steps = tuple[Any, ...]

ROOT = Path(__file__).parents[2]
EXAMPLES = settings(max_examples=500)
POLICIES, SETTINGS = "policy.schema.json", "settings.schema.json"
# Values of every kind, and some that only look like another kind.
_ODD = [None, True, False, 0, 1, 1.0, 2.5, -1, "", "a", "*", "a*", "+1", "90d", "mixed", "{}"]
_MORE: list[Json] = [
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
    ["a", 1],
    {"id": "a"},
    {"to": {"phone": "+1800*"}},
]
VALUES = st.sampled_from(_ODD + _MORE).map(copy.deepcopy)


def _documents(*folders: str) -> list[Json]:
    """Return what stands in YAML files, those with faults of their own included."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.yaml"))]
    return [
        document.data for path in paths for document in parse_documents(_source(path), Findings())
    ]


def _source(path: Path) -> SourceFile:
    text = path.read_text(encoding="utf-8", errors="replace")
    return SourceFile(path=path.name, shown=path.name, text=text)


POLICY_DOCUMENTS = _documents("policies", "tests/policies")
SETTINGS_DOCUMENTS = _documents("systemd/etc")


def _paths(value: Json, path: Steps = ()) -> Iterator[Steps]:
    yield path
    inside = value if isinstance(value, dict | list) else ()
    for key, inner in inside.items() if isinstance(inside, dict) else enumerate(inside):
        yield from _paths(inner, (*path, key))


@st.composite
def spoiled(draw: st.DrawFn, documents: list[Json]) -> Json:
    """A document in which a few places hold something else, hold more, or are gone."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(_paths(document))))
        if not path:
            continue
        parent = document
        for part in path[:-1]:
            parent = parent[part]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                parent[path[-1]] = draw(VALUES)
            case "remove":
                del parent[path[-1]]
            case "add" if isinstance(parent, dict):
                name = draw(st.sampled_from(["match", "kind", "0", "7", "wait", "unheardOf", "id"]))
                parent[name] = draw(VALUES)
    return document


def _agree(schema: str, document: Json) -> None:
    fit = SchemaFit(load_schema(schema), FORMATS)
    assert fit.fits(document) is compiled(schema).is_valid(document)


@pytest.mark.parametrize("n", range(len(POLICY_DOCUMENTS)))
def test_both_agree_on_every_file_of_the_tree(n: int) -> None:
    _agree(POLICIES, POLICY_DOCUMENTS[n])


@EXAMPLES
@given(spoiled(POLICY_DOCUMENTS))
def test_both_agree_on_spoiled_policies(document: Json) -> None:
    _agree(POLICIES, document)


@EXAMPLES
@given(spoiled(SETTINGS_DOCUMENTS))
def test_both_agree_on_spoiled_settings(document: Json) -> None:
    _agree(SETTINGS, document)


@EXAMPLES
@given(st.sampled_from([POLICIES, SETTINGS]), VALUES)
def test_both_agree_on_what_is_no_document(schema: str, value: Json) -> None:
    _agree(schema, value)
