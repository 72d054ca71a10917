"""A quick look that says yes, no, or that it cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from recordingd.config.schema_check import load_schema
from recordingd.config.schema_fit import NOT_JUDGED, SchemaFit

# A schema, as JSON has it.
Json = Any

# The schemas that documents of users are checked against.
SCHEMAS = ("policy.schema.json", "settings.schema.json", "plan.schema.json")


def fits(schema: object, value: object) -> bool | None:
    return SchemaFit(schema, {"even": _even}).fits(value)


def _even(text: str) -> None:
    if len(text) % 2:
        raise ValueError(text)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string"}, "a", 1),
        ({"type": ["string", "array"]}, [], {}),
        ({"type": "integer"}, 1, True),
        ({"type": "integer"}, 1.0, 1.5),
        ({"type": "number"}, 1.5, "1.5"),
        ({"type": "null"}, None, False),
        ({"enum": ["a", 1]}, 1, True),
        ({"const": True}, True, 1),
        ({"pattern": "b"}, "abc", "ac"),
        ({"format": "even"}, "ab", "a"),
        ({"minLength": 2}, "ab", "a"),
        ({"maxLength": 1}, "a", "ab"),
        ({"minimum": 2}, 2, 1),
        ({"maximum": 2}, 2, 3),
        ({"items": {"type": "string"}}, ["a"], ["a", 1]),
        ({"minItems": 1}, ["a"], []),
        ({"maxItems": 1}, ["a"], ["a", "b"]),
        ({"properties": {"a": {"type": "string"}}}, {"a": "", "b": 1}, {"a": 1}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        (
            {"patternProperties": {"^[0-4]$": True}, "additionalProperties": False},
            {"0": 1},
            {"5": 1},
        ),
        ({"patternProperties": {"^a": {"type": "string"}}}, {"a": "", "b": 1}, {"ab": 1}),
        ({"additionalProperties": {"type": "string"}}, {"a": ""}, {"a": 1}),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1}, {"ab": 1}),
        ({"required": ["a"]}, {"a": None}, {}),
        ({"minProperties": 1}, {"a": 1}, {}),
        ({"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 1}),
        ({"$ref": "#/$defs/one", "$defs": {"one": {"const": 1}}}, 1, 2),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 2, 3),
        ({"if": {"type": "string"}, "then": {"const": "a"}}, 1, "b"),
        ({"if": {"type": "string"}, "then": {}, "else": {"const": 1}}, "b", 2),
    ],
    ids=json.dumps,
)
def test_keyword_is_judged_as_the_validator_of_record_does(
    schema: object, good: object, bad: object
) -> None:
    assert fits(schema, good) is True
    assert fits(schema, bad) is False


@pytest.mark.parametrize("keyword", ["format", "pattern", "minLength", "minimum", "required"])
def test_keyword_asks_nothing_of_values_of_other_kinds(keyword: str) -> None:
    wanted = {"format": "even", "pattern": "a", "minLength": 9, "minimum": 9, "required": ["a"]}
    assert fits({keyword: wanted[keyword]}, [True]) is True
    assert fits({keyword: wanted[keyword]}, value=True) is True


def test_format_that_nobody_knows_is_not_asked() -> None:
    assert fits({"format": "unheard-of"}, "a") is True


def test_words_for_people_judge_nothing() -> None:
    assert fits({"description": "x", "examples": [1], "unheardOf": {}}, "a") is True


@pytest.mark.parametrize(
    "schema",
    [{"oneOf": [{}]}, {"not": {}}, {"$ref": "other.json"}, {"enum": [["a"]]}],
    ids=json.dumps,
)
def test_what_cannot_be_judged_is_left_to_the_validator_of_record(schema: object) -> None:
    assert fits(schema, ["a"]) is None


def test_every_keyword_of_the_validator_of_record_is_judged_or_left_to_it() -> None:
    judged = set(SchemaFit({}, {})._rules)
    assert not judged & NOT_JUDGED
    assert judged | NOT_JUDGED == set(Draft202012Validator.VALIDATORS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_our_schemas_can_be_judged(name: str) -> None:
    """Else jsonschema would be loaded for good documents as well, which takes its time."""
    assert not set(_keywords(load_schema(name))) & NOT_JUDGED


def _keywords(schema: Json) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for keyword, wanted in schema.items():
        yield keyword
        if keyword in {"properties", "patternProperties", "$defs"}:
            inner = list(wanted.values())
        elif keyword in {"items", "additionalProperties", "propertyNames", "if", "then", "else"}:
            inner = [wanted]
        else:
            inner = wanted if keyword == "allOf" else []
        for part in inner:
            yield from _keywords(part)
