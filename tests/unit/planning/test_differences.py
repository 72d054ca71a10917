"""Two trees compared rule by rule."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.planning.differences import (
    MEMBERS_SHOWN_MAX,
    Change,
    Difference,
    FieldChange,
    differences,
)
from recordingd.planning.documents import RuleKind

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
match:
  to: {phone: "+1800*"}
  tags: {queue: [support, escalations]}
record: {content: audio, channels: unmixed, format: wav, assign: {0: {in: [agents]}}}
retention: {keepAtLeast: 90d, deleteAfter: 2y}
"""
RULE = """\
apiVersion: recordingd/v1
kind: RetentionRule
name: mifid
match: {tags: {desk: equities}}
keepAtLeast: 5y
"""
AGENTS = """\
apiVersion: recordingd/v1
kind: Group
name: agents
internal: true
members: [{id: "8:acs:one"}, {phone: "+1415*"}]
"""
PLACES = """\
apiVersion: recordingd/v1
kind: Places
name: strict
places: [US-CA]
source: "https://example.com/list"
reviewedOn: 2026-11-01
"""
Texts = Mapping[str, str]
BEFORE: Texts = {"p.yaml": POLICY, "r.yaml": RULE, "g.yaml": AGENTS}


def compared(after: Texts, before: Texts = BEFORE) -> tuple[Difference, ...]:
    return differences(load_texts(before), load_texts(after))


def changed(file: str, old: str, new: str, before: Texts = BEFORE) -> Difference:
    """Change one file, and return the only difference that follows."""
    assert old in before[file]
    (found,) = compared({**before, file: before[file].replace(old, new)}, before)
    return found


def fields(found: Difference) -> list[tuple[str, str | None, str | None]]:
    return [(field.path, field.old, field.new) for field in found.fields]


def test_same_trees_differ_in_nothing() -> None:
    assert compared(BEFORE) == ()


def test_rule_that_moves_to_another_file_and_line_says_nothing() -> None:
    moved = {"all.yaml": "---\n".join([f"# first\n{RULE}", POLICY, AGENTS])}
    assert compared(moved) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[support, escalations]", "[escalations, support]"),
        ("record: {content: audio, ", "decision: record\nrecord: {content: audio, "),
        ("90d, deleteAfter: 2y", "P90D, deleteAfter: 2y, countFrom: callEnd"),
        ("name: support-line", "name: support-line # a comment"),
    ],
)
def test_other_words_for_the_same_say_nothing(old: str, new: str) -> None:
    assert compared({**BEFORE, "p.yaml": POLICY.replace(old, new)}) == ()


def test_without_anything_before_every_rule_is_added() -> None:
    found = differences(None, load_texts(BEFORE))
    assert [(d.kind, d.name, d.change) for d in found] == [
        (RuleKind.RECORDING_POLICY, "support-line", Change.ADDED),
        (RuleKind.RETENTION_RULE, "mifid", Change.ADDED),
        (RuleKind.GROUP, "agents", Change.ADDED),
    ]


def test_rule_that_went_stands_where_it_stood() -> None:
    (found,) = compared({"p.yaml": POLICY, "g.yaml": AGENTS})
    assert (found.name, found.change, str(found.source)) == ("mifid", Change.REMOVED, "r.yaml:3")
    assert found.fields == ()


def test_renamed_rule_went_and_came() -> None:
    found = compared({**BEFORE, "r.yaml": RULE.replace("mifid", "mifid-two")})
    assert [(d.name, d.change) for d in found] == [
        ("mifid", Change.REMOVED),
        ("mifid-two", Change.ADDED),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("+1800*", "+1888*", [("match.to", "phone +1800*", "phone +1888*")]),
        (
            "unmixed, format: wav, assign: {0: {in: [agents]}}",
            "mixed, format: wav",
            [
                ("record.channels", "unmixed", "mixed"),
                ("record.assign.0", "in agents", None),
                ("record.ifAbsent", "startWithout", None),
            ],
        ),
        ("deleteAfter: 2y", "deleteAfter: 3y", [("retention.deleteAfter", "2y", "3y")]),
        ("keepAtLeast: 90d, ", "", [("retention.keepAtLeast", "90d", None)]),
        ("match:", "priority: 9\nmatch:", [("priority", "0", "9")]),
        ("match:", "onFailure: continue\nmatch:", [("onFailure", "alert", "continue")]),
        (
            "match:",
            "validUntil: 2027-01-01T00:00:00Z\nmatch:",
            [("validUntil", None, "2027-01-01T00:00:00Z")],
        ),
        (
            "match:",
            "consent: {mode: explicit, parties: all}\nmatch:",
            [("consent.mode", None, "explicit"), ("consent.parties", None, "all")],
        ),
        (
            "  tags: {queue: [support, escalations]}\n",
            "",
            [("match.tags.queue", "queue is support or escalations", None)],
        ),
    ],
)
def test_changed_field_is_told_by_its_path(
    old: str, new: str, expected: list[tuple[str, str | None, str | None]]
) -> None:
    assert fields(changed("p.yaml", old, new)) == expected


def test_only_fields_that_differ_are_told() -> None:
    found = changed("r.yaml", "keepAtLeast: 5y", "keepAtLeast: 4y")
    assert found.fields == (FieldChange(path="keepAtLeast", old="5y", new="4y"),)
    assert found.effect == "keeps recordings shorter"


def test_change_of_words_alone_is_told_and_has_no_effect() -> None:
    found = changed("r.yaml", "name: mifid", "name: mifid\ndescription: the law")
    assert (fields(found), found.effect) == ([("description", None, "the law")], "")


def test_members_are_told_one_by_one_with_the_rules_that_use_the_group() -> None:
    found = changed("g.yaml", '{id: "8:acs:one"}', '{id: "8:acs:two"}')
    assert fields(found) == [
        ("members", "id 8:acs:one", None),
        ("members", None, "id 8:acs:two"),
    ]
    assert found.effect == "means others than before, used by support-line"


def test_group_that_no_rule_uses_means_nothing_to_anybody() -> None:
    before = {"g.yaml": AGENTS, "r.yaml": RULE}
    found = changed("g.yaml", '{id: "8:acs:one"}, ', "", before)
    assert (found.used_by, found.effect) == ((), "")


def with_new_members(count: int) -> Difference:
    members = ", ".join(f'{{id: "8:acs:{n}"}}' for n in range(count))
    return changed("g.yaml", "members: [", f"members: [{members}, ")


def test_few_new_members_are_told_one_by_one() -> None:
    found = with_new_members(MEMBERS_SHOWN_MAX)
    assert len(found.fields) == MEMBERS_SHOWN_MAX


def test_many_new_members_are_told_by_their_number() -> None:
    found = with_new_members(MEMBERS_SHOWN_MAX + 1)
    assert fields(found) == [("members", "2 members", "23 members, 21 of them new")]


def test_internal_group_is_used_by_whoever_asks_outsiders() -> None:
    ask = RULE.replace("RetentionRule", "ConsentRule").replace("mifid", "ask")
    ask = ask.replace("keepAtLeast: 5y", "mode: explicit\nparties: external")
    found = changed("g.yaml", ', {phone: "+1415*"}', "", {"g.yaml": AGENTS, "c.yaml": ask})
    assert found.used_by == ("ask",)


def test_places_name_the_rules_that_use_them() -> None:
    policy = POLICY.replace('{phone: "+1800*"}', "{place: [strict, unknown]}")
    before = {**BEFORE, "p.yaml": policy, "places.yaml": PLACES}
    found = changed("places.yaml", "[US-CA]", "[US-CA, US-FL]", before)
    assert fields(found) == [("places", "US-CA", "US-CA, US-FL")]
    assert found.used_by == ("support-line",)


def test_review_of_places_alone_means_the_same() -> None:
    before = {**BEFORE, "places.yaml": PLACES}
    found = changed("places.yaml", "2026-11-01", "2026-12-01", before)
    assert (fields(found), found.effect) == ([("reviewedOn", "2026-11-01", "2026-12-01")], "")
