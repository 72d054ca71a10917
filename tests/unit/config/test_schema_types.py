"""What may be written, in plain words, and values as a file has them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from recordingd.config.schema_check import FORMATS
from recordingd.config.schema_types import FORMAT_WORDS, type_in_words, written


def words(schema: dict[str, Any], *values: str) -> str:
    return type_in_words([schema], values, lambda inner: [inner])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "text"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer", "minimum": 0, "maximum": 4}, "whole number from 0 to 4"),
        ({"type": "integer", "minimum": 1}, "whole number from 1"),
        ({"type": "object"}, "mapping"),
        ({"properties": {}}, "mapping"),
        ({"type": "array", "items": {"type": "object"}}, "list of mappings"),
        ({"type": "array", "items": {"type": "boolean"}}, "list of true or false"),
        ({"type": "array"}, "list"),
        ({"type": ["string", "array"]}, "text, or a list of them"),
        ({"type": ["object", "array"]}, "mapping, or a list of them"),
        ({"type": ["string", "object", "array"]}, "text, mapping, or a list"),
        ({"type": "string", "format": "recordingd-time-zone"}, "IANA time zone"),
        ({"type": ["string", "number"]}, "text or number"),
        ({}, "anything"),
    ],
)
def test_type_is_said_in_plain_words(schema: dict[str, Any], expected: str) -> None:
    assert words(schema) == expected


def test_values_that_are_possible_stand_for_their_type() -> None:
    assert words({"type": "string"}, "mixed", "unmixed") == "mixed | unmixed"
    assert words({"type": ["string", "array"]}, "a", "b") == "a | b, or a list of them"


def test_every_format_has_words() -> None:
    assert set(FORMAT_WORDS) == set(FORMATS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30s", "30s"),
        ("+18005550100", "+18005550100"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("8:acs:agent-*", '"8:acs:agent-*"'),
        ("true", '"true"'),
        ("17", '"17"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("#1", '"#1"'),
        ("ends ", '"ends "'),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ({"wait": "20s"}, "{wait: 20s}"),
        ([{"in": ["agents"]}], "[{in: [agents]}]"),
    ],
)
def test_value_is_written_as_a_file_has_it(value: object, expected: str) -> None:
    assert written(value) == expected


@pytest.mark.parametrize(
    "text", ["plain", "a:b", "1:30", "a #b", "- a", "*", "a*", "yes", "0x1", "1e3", "2026-01-01"]
)
def test_written_text_is_read_as_that_text(text: str) -> None:
    assert yaml.load(f"key: {written(text)}", yaml.BaseLoader) == {"key": text}  # noqa: S506
