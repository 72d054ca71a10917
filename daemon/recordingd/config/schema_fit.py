"""Whether a value follows a JSON Schema, and nothing about why it does not.

Asked by `config.schema_check` about every document before jsonschema is even loaded: most documents
are good, and for them loading it takes longer than everything else. jsonschema stays the validator
of record: it says what is wrong, and a law holds this module to its answers. Judges by no more
keywords than our schemas have, and never learns what a document means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Formats = Mapping[str, Callable[[str], object]]
# A schema, a part of one, and what YAML says.
_Json = Any
_Rule = Callable[[_Json, _Json, _Json], bool]

# What jsonschema would judge by; whatever else a schema says is for people and editors.
NOT_JUDGED = frozenset(
    {
        "$dynamicRef",
        "anyOf",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "multipleOf",
        "not",
        "oneOf",
        "prefixItems",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)


def _bound(kinds: type | tuple[type, ...], fits: Callable[[_Json, _Json], bool]) -> _Rule:
    """Make the rule of a keyword that asks only values of some kinds."""

    def rule(wanted: _Json, value: _Json, _: _Json) -> bool:
        return not isinstance(value, kinds) or isinstance(value, bool) or fits(value, wanted)

    return rule


_BOUNDS: Mapping[str, _Rule] = {
    "pattern": _bound(str, lambda value, wanted: re.search(wanted, value) is not None),
    "minLength": _bound(str, lambda value, wanted: len(value) >= wanted),
    "maxLength": _bound(str, lambda value, wanted: len(value) <= wanted),
    "minimum": _bound((int, float), lambda value, wanted: value >= wanted),
    "maximum": _bound((int, float), lambda value, wanted: value <= wanted),
    "minItems": _bound(list, lambda value, wanted: len(value) >= wanted),
    "maxItems": _bound(list, lambda value, wanted: len(value) <= wanted),
    "required": _bound(dict, lambda value, wanted: all(name in value for name in wanted)),
    "minProperties": _bound(dict, lambda value, wanted: len(value) >= wanted),
    "maxProperties": _bound(dict, lambda value, wanted: len(value) <= wanted),
}
_TYPES: Mapping[type, tuple[str, ...]] = {
    dict: ("object",),
    list: ("array",),
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    type(None): ("null",),
}


class _UnknownKeyword(Exception):
    """A schema asks for something that is not judged here."""


class SchemaFit:
    """One schema, and the formats it names; a format that is not among them fits everything."""

    def __init__(self, schema: _Json, formats: Formats) -> None:
        self._root = schema
        self._formats = formats
        # A rule judges a value by what its keyword wants; it gets the schema for companions.
        self._rules: Mapping[str, _Rule] = {
            "$ref": self._reference,
            "allOf": self._all_of,
            "if": self._conditional,
            "type": self._type,
            "enum": self._enum,
            "const": self._const,
            "format": self._format,
            "items": self._items,
            "properties": self._properties,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional,
            "propertyNames": self._names,
            **_BOUNDS,
        }

    def fits(self, value: _Json) -> bool | None:
        """Say whether a value follows the schema; None where a keyword is met that is not known."""
        try:
            return self._follows(value, self._root)
        except _UnknownKeyword:
            return None

    def _follows(self, value: _Json, schema: _Json) -> bool:
        if isinstance(schema, bool):
            return schema
        for keyword, wanted in schema.items():
            rule = self._rules.get(keyword)
            if rule is not None:
                if not rule(wanted, value, schema):
                    return False
            elif keyword in NOT_JUDGED:
                raise _UnknownKeyword
        return True

    # --- any value --------------------------------------------------------------------------------

    def _reference(self, wanted: str, value: _Json, _: _Json) -> bool:
        if not wanted.startswith("#/"):
            raise _UnknownKeyword
        schema = self._root
        for part in wanted[2:].split("/"):
            schema = schema[part]
        return self._follows(value, schema)

    def _all_of(self, wanted: list[_Json], value: _Json, _: _Json) -> bool:
        return all(self._follows(value, part) for part in wanted)

    def _conditional(self, wanted: _Json, value: _Json, schema: _Json) -> bool:
        branch = schema.get("then" if self._follows(value, wanted) else "else")
        return branch is None or self._follows(value, branch)

    def _type(self, wanted: str | list[str], value: _Json, _: _Json) -> bool:
        names = _TYPES[type(value)]
        if isinstance(value, float) and value.is_integer():
            names = ("number", "integer")
        return wanted in names if isinstance(wanted, str) else any(n in names for n in wanted)

    def _enum(self, wanted: list[_Json], value: _Json, _: _Json) -> bool:
        return any(_is_same(choice, value) for choice in wanted)

    def _const(self, wanted: _Json, value: _Json, _: _Json) -> bool:
        return _is_same(wanted, value)

    # --- texts and numbers ------------------------------------------------------------------------

    def _format(self, wanted: str, value: _Json, _: _Json) -> bool:
        parse = self._formats.get(wanted)
        if parse is not None and isinstance(value, str):
            try:
                parse(value)
            except ValueError:
                return False
        return True

    # --- lists and mappings -----------------------------------------------------------------------

    def _items(self, wanted: _Json, value: _Json, _: _Json) -> bool:
        return not isinstance(value, list) or all(self._follows(v, wanted) for v in value)

    def _properties(self, wanted: Mapping[str, _Json], value: _Json, _: _Json) -> bool:
        return not isinstance(value, dict) or all(
            self._follows(v, wanted[name]) for name, v in value.items() if name in wanted
        )

    def _pattern_properties(self, wanted: Mapping[str, _Json], value: _Json, _: _Json) -> bool:
        return not isinstance(value, dict) or all(
            self._follows(v, schema)
            for pattern, schema in wanted.items()
            for name, v in value.items()
            if re.search(pattern, name)
        )

    def _additional(self, wanted: _Json, value: _Json, schema: _Json) -> bool:
        if not isinstance(value, dict):
            return True
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        others = (
            v
            for name, v in value.items()
            if name not in known and not any(re.search(p, name) for p in patterns)
        )
        return all(self._follows(v, wanted) for v in others)

    def _names(self, wanted: _Json, value: _Json, _: _Json) -> bool:
        return not isinstance(value, dict) or all(self._follows(name, wanted) for name in value)


def _is_same(choice: _Json, value: _Json) -> bool:
    """Compare as JSON does: true is not 1. Choices that are lists or mappings are not judged."""
    if isinstance(choice, dict | list):
        raise _UnknownKeyword
    return isinstance(choice, bool) is isinstance(value, bool) and bool(choice == value)
