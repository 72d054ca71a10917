"""Every code that a finding can have is explained, and nothing else is."""

from __future__ import annotations

import ast
import re

from tests.packaging.tree import SOURCE

from recordingd.config.codes import MEANINGS, meaning_of, rule_of
from recordingd.config.schema_check import FORMATS

FAMILIES = ("file", "group", "members", "policy", "schema", "settings", "test", "yaml")
CODE = re.compile(rf"({'|'.join(FAMILIES)})/[a-z][A-Za-z-]*")
# Keywords of schemas whose name is the end of a code.
BOUNDS = ("Items", "Length", "Properties")


def codes_in_the_code() -> set[str]:
    """Return every text of the readers that is a code; media types of theirs look the same."""
    texts = {
        node.value
        for path in (SOURCE / "config").glob("*.py")
        if path.name != "codes.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    made = {f"schema/{name.removeprefix('recordingd-')}" for name in FORMATS}
    made |= {f"schema/{edge}{what}" for edge in ("min", "max") for what in BOUNDS}
    made |= {"schema/minimum", "schema/maximum", "schema/required"}
    return {text for text in texts if CODE.fullmatch(text)} | made


def test_every_code_is_explained() -> None:
    assert codes_in_the_code() - set(MEANINGS) == set()


def test_nothing_is_explained_that_is_no_code() -> None:
    assert set(MEANINGS) - codes_in_the_code() == set()


def test_explanations_are_sentences() -> None:
    assert [text for text in MEANINGS.values() if not re.fullmatch(r"[A-Z'].*\.", text)] == []


def test_name_of_a_missing_field_belongs_to_no_rule() -> None:
    assert rule_of("schema/required:name") == "schema/required"
    assert meaning_of("schema/required:name") == MEANINGS["schema/required"]


def test_code_that_nobody_explained_stands_for_itself() -> None:
    assert meaning_of("schema/unheard-of") == "schema/unheard-of"
