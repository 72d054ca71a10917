"""What the schemas say to a person: kinds, fields, and whatever stands at a path.

Asked by `cli.schema`. Walks JSON Schemas of Draft 2020-12 as our own are written: references,
properties, items, additional and pattern properties, and what follows an `if`. Never learns what a
kind or a field means, and validates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recordingd.config.schema_check import load_schema
from recordingd.config.schema_types import type_in_words, written
from recordingd.config.schema_words import did_you_mean

# A schema or a part of one, as JSON has it.
Schema = Any

SETTINGS_KIND = "Settings"


class UnknownPath(Exception):
    """There is nothing at a path; says which step was wrong, and what may have been meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDoc:
    """One field of a mapping; `default` is as a file would say it, None where there is none.

    `name` stands in angle brackets where the file chooses it.
    """

    name: str
    type: str
    is_required: bool
    default: str | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What stands at a path: what it is, what may be written, and the fields inside.

    `values` is empty where they cannot be listed. `elsewhere` are other paths to the same name.
    """

    path: str
    type: str
    is_required: bool
    default: str | None
    description: str
    values: tuple[str, ...]
    examples: tuple[str, ...]
    fields: tuple[FieldDoc, ...]
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A schema with the one that its references start from."""

    path: str
    schema: Schema
    root: Schema
    is_required: bool = False

    def facets(self) -> Iterator[Schema]:
        """Give every schema that describes the value itself, the nearest first."""
        yield from _facets(self.schema, self.root)

    def first(self, keyword: str) -> Schema:
        """Return what the nearest schema says under a keyword; None when none says anything."""
        return next((f[keyword] for f in self.facets() if keyword in f), None)

    def inner(self) -> Iterator[Schema]:
        """Give every schema that describes the value or, of a list, its entries."""
        for facet in self.facets():
            yield facet
            if isinstance(facet.get("items"), dict):
                yield from _facets(facet["items"], self.root)

    def children(self) -> Iterator[_Node]:
        """Give every named field once, in the order of the schema."""
        required = {name for facet in self.inner() for name in facet.get("required", ())}
        seen: dict[str, Schema] = {}
        for facet in (*self.inner(), *self._branches()):
            for name, schema in facet.get("properties", {}).items():
                # A branch may only narrow what is described elsewhere.
                if isinstance(schema, dict) and name not in seen:
                    seen[name] = schema
        for name, schema in seen.items():
            yield self._child(name, schema, is_required=name in required)

    def open_children(self) -> Iterator[tuple[str, _Node]]:
        """Give what a field looks like whose name the file chooses, with a pattern of the name."""
        for facet in self.inner():
            for pattern, schema in facet.get("patternProperties", {}).items():
                if isinstance(schema, dict):
                    yield pattern, self._child("<name>", schema)
            others = facet.get("additionalProperties")
            if isinstance(others, dict):
                yield "", self._child("<name>", others)

    def _branches(self) -> Iterator[Schema]:
        for facet in self.inner():
            for word in ("then", "else"):
                if isinstance(facet.get(word), dict):
                    yield from _facets(facet[word], self.root)

    def values(self) -> tuple[str, ...]:
        """Return what may be written, where the schema lists it."""
        for facet in (*self.inner(), *self._branches()):
            if "const" in facet:
                return (written(facet["const"]),)
            if "enum" in facet:
                return tuple(map(written, facet["enum"]))
        return ()

    def _child(self, name: str, schema: Schema, *, is_required: bool = False) -> _Node:
        path = f"{self.path}.{name}"
        return _Node(path=path, schema=schema, root=self.root, is_required=is_required)


class SchemaDocs:
    """The schemas of policies and of settings, by kind."""

    def __init__(self, policies: Schema, settings: Schema) -> None:
        self._policies = policies
        self._settings = settings
        self._kinds = {
            name: _Node(path=name, schema=s, root=policies) for name, s in _kinds(policies)
        }
        self._kinds[SETTINGS_KIND] = _Node(path=SETTINGS_KIND, schema=settings, root=settings)

    def kinds(self) -> Iterator[Topic]:
        """Give every kind of document, in the order of the schema, the settings last."""
        for node in self._kinds.values():
            yield _topic(node)

    def topic(self, path: str) -> Topic:
        """Return what stands at `KIND`, `KIND.field.field`, or at a field that some kind has.

        Raises UnknownPath.
        """
        nodes = self._find(path)
        return _topic(nodes[0], elsewhere=tuple(node.path for node in nodes[1:]))

    def json_schema(self, path: str | None = None) -> Schema:
        """Return a JSON Schema that stands alone: of all policies, or of what stands at a path."""
        if path is None:
            return self._policies
        node = self._find(path)[0]
        if node.schema is node.root:
            return node.root
        definitions = dict(_definitions(node.schema, node.root, set()))
        return {
            "$schema": node.root["$schema"],
            "title": node.path,
            **node.schema,
            **({"$defs": definitions} if definitions else {}),
        }

    def _find(self, path: str) -> list[_Node]:
        first, *others = path.split(".")
        starts = [self._kinds[first]] if first in self._kinds else list(self._having(first))
        if not starts:
            known = [*self._kinds, *dict.fromkeys(self._top_fields())]
            hint = did_you_mean(first, known) or f"kinds are {', '.join(self._kinds)}"
            msg = f"there is no kind and no field '{first}'; {hint}"
            raise UnknownPath(msg)
        found = [_descend(starts[0], others)]
        for start in starts[1:]:
            try:
                found.append(_descend(start, others))
            except UnknownPath:
                continue
        return found

    def _having(self, field: str) -> Iterator[_Node]:
        for kind in self._kinds.values():
            yield from (c for c in kind.children() if c.path == f"{kind.path}.{field}")

    def _top_fields(self) -> Iterator[str]:
        for kind in self._kinds.values():
            yield from (_name_of(child) for child in kind.children())


def load_docs() -> SchemaDocs:
    """Read the schemas of this package."""
    return SchemaDocs(load_schema("policy.schema.json"), load_schema("settings.schema.json"))


def _kinds(policies: Schema) -> Iterator[tuple[str, Schema]]:
    """Give every kind with the schema that applies to it."""
    for branch in policies["allOf"]:
        yield branch["if"]["properties"]["kind"]["const"], branch["then"]


def _facets(schema: Schema, root: Schema) -> Iterator[Schema]:
    yield schema
    if "$ref" in schema:
        yield from _facets(_at(schema["$ref"], root), root)
    for part in schema.get("allOf", ()):
        yield from _facets(part, root)


def _at(reference: str, root: Schema) -> Schema:
    schema = root
    for part in reference.removeprefix("#/").split("/"):
        schema = schema[part]
    return schema


def _name_of(node: _Node) -> str:
    return node.path.rpartition(".")[2]


def _descend(node: _Node, steps: Iterable[str]) -> _Node:
    for step in steps:
        node = _step(node, step)
    return node


def _step(node: _Node, name: str) -> _Node:
    children = {_name_of(child): child for child in node.children()}
    if name in children:
        return children[name]
    for pattern, child in node.open_children():
        if name == "<name>" or re.search(pattern, name):
            return child
    if not children:
        msg = f"{node.path} has no fields: it is {_type_of(node)}"
        raise UnknownPath(msg)
    hint = did_you_mean(name, children) or f"fields are {', '.join(children)}"
    msg = f"{node.path} has no field '{name}'; {hint}"
    raise UnknownPath(msg)


def _type_of(node: _Node) -> str:
    return type_in_words(list(node.facets()), node.values(), lambda s: _facets(s, node.root))


def _topic(node: _Node, elsewhere: tuple[str, ...] = ()) -> Topic:
    nodes = [*node.children(), *_unique(child for _, child in node.open_children())]
    field = _field(node)
    examples = node.first("examples") or ()
    return Topic(
        path=node.path,
        type=field.type,
        is_required=field.is_required,
        default=field.default,
        description=field.description,
        values=node.values(),
        examples=tuple(map(written, examples)),
        fields=tuple(map(_field, nodes)),
        elsewhere=elsewhere,
    )


def _unique(nodes: Iterable[_Node]) -> Iterable[_Node]:
    return {node.path: node for node in nodes}.values()


def _field(node: _Node) -> FieldDoc:
    default = node.first("default")
    return FieldDoc(
        name=_name_of(node),
        type=_type_of(node),
        is_required=node.is_required,
        default=None if default is None else written(default),
        description=node.first("description") or "",
    )


def _definitions(schema: Schema, root: Schema, seen: set[str]) -> Iterator[tuple[str, Schema]]:
    """Give every definition that a schema refers to, directly or not, by its name."""
    for reference in _references(schema):
        name = reference.removeprefix("#/$defs/")
        if name not in seen:
            seen.add(name)
            definition = root["$defs"][name]
            yield name, definition
            yield from _definitions(definition, root, seen)


def _references(schema: Schema) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for entry in schema:
            yield from _references(entry)
