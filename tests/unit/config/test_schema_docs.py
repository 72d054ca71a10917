"""What the schemas say to a person, wherever it stands in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from recordingd.config.schema_docs import SchemaDocs, Topic, UnknownPath, load_docs

NAME = {"type": "string", "description": "What it is called."}
POLICIES = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "properties": {"kind": {"enum": ["Tree", "Leaf"]}},
    "allOf": [
        {"if": {"properties": {"kind": {"const": "Tree"}}}, "then": {"$ref": "#/$defs/tree"}},
        {"if": {"properties": {"kind": {"const": "Leaf"}}}, "then": {"$ref": "#/$defs/leaf"}},
    ],
    "$defs": {
        "tree": {
            "description": "A tree. It grows.",
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": NAME,
                "height": {"type": "integer", "default": 3, "examples": [4, 5]},
                "branches": {"type": "array", "items": {"$ref": "#/$defs/branch"}},
                "labels": {"type": "object", "additionalProperties": {"description": "A label."}},
                "rings": {"type": "object", "patternProperties": {"^[0-9]+$": {"const": "ring"}}},
                "crown": {"description": "The top one.", "$ref": "#/$defs/branch"},
                "season": {
                    "type": ["string", "object"],
                    "if": {"type": "string"},
                    "then": {"enum": ["summer", "winter"]},
                    "properties": {"day": {"type": "integer"}},
                },
            },
            "allOf": [
                {
                    "if": {"required": ["crown"]},
                    "then": {"properties": {"crown": {"minProperties": 1}, "top": NAME}},
                }
            ],
        },
        "branch": {
            "description": "A branch.",
            "type": "object",
            "properties": {"length": {"type": "number"}, "branches": {"$ref": "#/$defs/many"}},
        },
        "many": {"type": "array", "items": {"$ref": "#/$defs/branch"}},
        "leaf": {"type": "object", "properties": {"name": NAME, "colour": {"enum": ["green"]}}},
        "unused": {"type": "object"},
    },
}
SETTINGS = {"description": "All settings.", "type": "object", "properties": {"soil": NAME}}
DOCS = SchemaDocs(POLICIES, SETTINGS)


def fields(path: str) -> list[str]:
    return [field.name for field in DOCS.topic(path).fields]


def test_kinds_are_listed_with_the_settings_last() -> None:
    assert [kind.path for kind in DOCS.kinds()] == ["Tree", "Leaf", "Settings"]


def test_fields_tell_what_is_required_and_what_is_the_default() -> None:
    by_name = {field.name: field for field in DOCS.topic("Tree").fields}
    assert by_name["name"].is_required
    assert not by_name["height"].is_required
    assert (by_name["height"].default, by_name["name"].default) == ("3", None)


def test_examples_are_as_a_file_has_them() -> None:
    assert DOCS.topic("Tree.height").examples == ("4", "5")


def test_words_beside_a_reference_come_before_its_own() -> None:
    assert DOCS.topic("Tree.crown").description == "The top one."
    assert DOCS.topic("Tree.branches.branches").path == "Tree.branches.branches"


def test_path_goes_through_references_and_lists() -> None:
    assert fields("Tree.branches") == ["length", "branches"]
    assert fields("Tree.crown.branches.branches.branches") == ["length", "branches"]


def test_field_whose_name_the_file_chooses_has_a_place_of_its_own() -> None:
    assert fields("Tree.labels") == ["<name>"]
    assert DOCS.topic("Tree.labels.anything").description == "A label."
    assert DOCS.topic("Tree.labels.<name>").description == "A label."


def test_name_must_fit_the_pattern_that_the_schema_gives() -> None:
    assert DOCS.topic("Tree.rings.17").values == ("ring",)
    with pytest.raises(UnknownPath):
        DOCS.topic("Tree.rings.oak")


def test_values_that_hold_for_texts_only_are_listed() -> None:
    season = DOCS.topic("Tree.season")
    assert season.values == ("summer", "winter")
    assert [field.name for field in season.fields] == ["day"]


def test_field_that_only_a_branch_knows_is_listed_and_one_that_it_narrows_is_not_twice() -> None:
    assert fields("Tree").count("crown") == 1
    assert fields("Tree")[-1] == "top"


def test_field_without_its_kind_names_the_others_that_have_it() -> None:
    topic = DOCS.topic("name")
    assert (topic.path, topic.elsewhere) == ("Tree.name", ("Leaf.name",))


def test_settings_have_their_own_fields() -> None:
    assert DOCS.topic("Settings.soil").description == "What it is called."


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Tre", "there is no kind and no field 'Tre'; did you mean 'Tree'?"),
        ("Tree.hight", "Tree has no field 'hight'; did you mean 'height'?"),
        ("Tree.branches.width", "Tree.branches has no field 'width'; fields are length, branches"),
        ("Tree.name.first", "Tree.name has no fields: it is text"),
        ("qqq", "there is no kind and no field 'qqq'; kinds are Tree, Leaf, Settings"),
        ("", "there is no kind and no field ''; kinds are Tree, Leaf, Settings"),
        ("Tree.", "Tree has no field ''; fields are name,"),
    ],
)
def test_unknown_path_says_where_it_went_wrong(path: str, said: str) -> None:
    with pytest.raises(UnknownPath) as fault:
        DOCS.topic(path)
    assert str(fault.value).startswith(said)


# --- schemas that stand alone ---------------------------------------------------------------------


def test_whole_schema_is_as_it_is() -> None:
    assert DOCS.json_schema() is POLICIES
    assert DOCS.json_schema("Settings") is SETTINGS


def test_part_of_a_schema_brings_what_it_refers_to_and_no_more() -> None:
    alone = DOCS.json_schema("Tree.crown")
    assert set(alone["$defs"]) == {"branch", "many"}
    assert alone["title"] == "Tree.crown"


@pytest.mark.parametrize(("value", "is_good"), [({"length": 1}, True), ({"length": "x"}, False)])
def test_part_of_a_schema_checks_values_by_itself(value: object, *, is_good: bool) -> None:
    alone = DOCS.json_schema("Tree.crown")
    Draft202012Validator.check_schema(alone)
    assert Draft202012Validator(alone).is_valid(value) is is_good


# --- the real ones --------------------------------------------------------------------------------


def reachable(docs: SchemaDocs) -> Iterator[Topic]:
    """Give every topic that can be reached; what refers to itself is entered once."""
    waiting = [kind.path for kind in docs.kinds()]
    seen: set[tuple[str, ...]] = set()
    while waiting:
        topic = docs.topic(waiting.pop())
        yield topic
        names = tuple(field.name for field in topic.fields)
        if names not in seen:
            seen.add(names)
            waiting += [f"{topic.path}.{name}" for name in names]


TOPICS = {topic.path: topic for topic in reachable(load_docs())}


def test_everything_in_the_schemas_is_described() -> None:
    assert [path for path, topic in TOPICS.items() if not topic.description] == []


def test_every_kind_of_the_language_is_there() -> None:
    kinds = [kind.path for kind in load_docs().kinds()]
    assert kinds == [
        "RecordingPolicy",
        "Group",
        "ConsentRule",
        "PauseRule",
        "RetentionRule",
        "LegalHold",
        "Places",
        "PolicyTest",
        "Settings",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "RecordingPolicy.match.all.any.not.participants.some.in",
        "RecordingPolicy.record.assign.0.phone",
        "RecordingPolicy.match.tags.queue",
        "Group.members.displayName",
        "PolicyTest.expect.record",
        "Settings.stores.main.container",
    ],
)
def test_deep_paths_lead_somewhere(path: str) -> None:
    assert load_docs().topic(path).description


@pytest.mark.parametrize("path", ["RecordingPolicy", "LegalHold.released", "Settings.acs", "match"])
def test_part_of_our_schemas_is_a_schema(path: str) -> None:
    Draft202012Validator.check_schema(load_docs().json_schema(path))
