"""Faults that show only between documents, or as time goes by."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.config.trees import codes, document, findings, policy, token_of, warnings

from recordingd.config.drafts import PolicyContext

PLACES = document("Places", "name: all-party-us\nplaces: [US-CA]")
HOLD = "name: h\nmatch: {tags: {case: a}}\nreason: r\nowner: o\nallowEmpty: true\n"


def in_places(place: str) -> str:
    return policy(match=f"{{participants: {{some: {{place: {place}}}}}}}")


def at(moment: str) -> PolicyContext:
    return PolicyContext(now=datetime.fromisoformat(moment).replace(tzinfo=UTC))


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["all-party-us", "DE", "US-CA", "unknown", "[DE, all-party-us]"])
def test_place_may_be_a_name_a_code_or_unknown(place: str) -> None:
    assert codes(PLACES, in_places(place)) == []


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("all-party-uk", "did you mean 'all-party-us'?"),
        ("us-ca", "did you mean 'US-CA'?"),
        ("UK", "did you mean 'GB'?"),
        ("unknwon", "did you mean 'unknown'?"),
        ("nowhere-at-all", "write the name of a Places document, a code like DE or US-CA, or"),
    ],
)
def test_unknown_place_is_refused_with_what_was_meant(place: str, hint: str) -> None:
    [found] = findings(PLACES, in_places(f"[DE, {place}]"))
    assert (found.code, token_of(found)) == ("policy/unknown-place", place)
    assert (found.help or "").startswith(hint)


@pytest.mark.parametrize(
    "body",
    [
        document("Group", "name: g\nmembers: [{place: nowhere}]"),
        document("ConsentRule", "name: c\nmatch: {from: {place: nowhere}}\nmode: notice"),
        document("ConsentRule", "name: c\nmatch: {}\nmode: explicit\nparties: {place: [nowhere]}"),
        policy("record: {channels: unmixed, assign: {0: {place: nowhere}}}"),
    ],
)
def test_unknown_place_is_found_wherever_people_are_selected(body: str) -> None:
    assert codes(body) == ["policy/unknown-place"]


def test_tag_may_be_called_place() -> None:
    assert codes(policy(match="{tags: {place: nowhere}}")) == []


def test_test_may_use_words_of_selectors_as_tags() -> None:
    test = document(
        "PolicyTest",
        "name: t\ngiven: {call: {tags: {in: x}}, steps: [{tag: {place: y, notIn: z}}]}\n"
        "expect: [{after: 1, capture: none}]",
    )
    assert codes(test) == []


def test_group_of_a_rule_is_known() -> None:
    body = "name: c\nmatch: {}\nmode: explicit\nparties: [{in: agents}, {notIn: [staff]}]"
    found = findings(document("ConsentRule", body))
    assert [(f.code, token_of(f)) for f in found] == [
        ("policy/unknown-group", "agents"),
        ("policy/unknown-group", "staff"),
    ]


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ConsentRule", "match: {}\nmode: notice"),
        ("PauseRule", "match: {}\ntrigger: {signal: pauseRequested}"),
        ("RetentionRule", "match: {}\ndeleteAfter: 1y"),
        ("LegalHold", "match: {tags: {a: b}}\nreason: r\nowner: o\nallowEmpty: true"),
        ("Places", "places: [DE]"),
        ("PolicyTest", "given: {call: {}}\nexpect: [{after: 0, capture: none}]"),
    ],
)
def test_names_are_unique_among_documents_of_a_kind(kind: str, body: str) -> None:
    one = document(kind, f"name: same\n{body}")
    [found] = findings(one, one, policy(name="same"))
    assert (found.code, token_of(found)) == ("policy/duplicate-name", "same")
    assert kind in found.message


# --- time -----------------------------------------------------------------------------------------


END = "validUntil: 2026-01-01T01:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        policy(END),
        document("ConsentRule", f"name: r\nmatch: {{}}\nmode: notice\n{END}"),
        document("PauseRule", f"name: r\nmatch: {{}}\ntrigger: {{tags: {{a: b}}}}\n{END}"),
        document("RetentionRule", f"name: r\nmatch: {{}}\nkeepAtLeast: 1y\n{END}"),
    ],
    ids=["RecordingPolicy", "ConsentRule", "PauseRule", "RetentionRule"],
)
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-01-01T00:59:59", []),
        ("2026-01-01T01:00:00", ["policy/expired"]),
        ("2026-01-01T01:00:01", ["policy/expired"]),
    ],
)
def test_document_expires_at_its_end(
    text: str, now: str, expected: list[str], tmp_path: Path
) -> None:
    assert warnings(tmp_path, text, at(now)) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-12-31T23:59:59", []),
        ("2027-01-01T23:59:59", []),
        ("2027-01-02T00:00:00", ["policy/review-lapsed"]),
    ],
)
def test_review_lapses_after_its_day(now: str, expected: list[str], tmp_path: Path) -> None:
    text = document("LegalHold", f"{HOLD}reviewBy: 2027-01-01")
    assert warnings(tmp_path, text, at(now)) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2027-03-01T08:59:59", ["policy/review-lapsed"]),
        ("2027-03-01T09:00:00", ["policy/released"]),
        ("2027-03-01T09:00:01", ["policy/released"]),
    ],
)
def test_released_hold_is_told_and_needs_no_review(
    now: str, expected: list[str], tmp_path: Path
) -> None:
    released = "released: {at: 2027-03-01T09:00:00Z, by: me, reason: closed}"
    text = document("LegalHold", f"{HOLD}reviewBy: 2027-01-01\n{released}")
    assert warnings(tmp_path, text, at(now)) == expected


def test_without_a_clock_nothing_has_expired(tmp_path: Path) -> None:
    text = document("LegalHold", f"{HOLD}reviewBy: 2020-01-01")
    assert warnings(tmp_path, text) == []
