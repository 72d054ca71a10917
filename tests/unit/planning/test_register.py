"""The register of rules: every rule, whether it counts at a moment, what it says, and its text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.planning.register import Entry, Standing, register_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TREE = """\
# The support line.
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support
description: Every call to the support number
priority: 100
match: {to: {phone: "+1800*"}, any: [{tags: {queue: [a, b]}}, {not: {isRoomsCall: true}}]}
record: {content: audio, channels: unmixed, format: wav, rotateEvery: 8h}
consent: {mode: explicit, parties: all}
retention: {keepAtLeast: 90d, deleteAfter: 2y}
---
apiVersion: recordingd/v1
kind: RecordingPolicy
name: council
match: {participants: {some: {in: [council]}}}
decision: forbid
captured: delete
---
apiVersion: recordingd/v1
kind: Group
name: council
internal: true
members: [{id: "8:acs:c*"}]
---
apiVersion: recordingd/v1
kind: ConsentRule
name: strict
match: {participants: {none: {in: [council]}}}
mode: none
---
apiVersion: recordingd/v1
kind: PauseRule
name: payment
match: {}
trigger: {signal: pauseRequested, tags: {payment: active}}
autoResume: 3m
---
apiVersion: recordingd/v1
kind: RetentionRule
name: law
match: {participants: {count: {min: 2}}}
priority: 50
keepAtLeast: 5y
deleteAfter: forever
basis: legalObligation
locked: true
---
apiVersion: recordingd/v1
kind: LegalHold
name: case
match: {sample: 10%}
reason: Subpoena 4711
owner: legal@contoso.example
reviewBy: 2027-01-01
released: {at: "2026-06-01T12:00:00Z", by: legal@contoso.example, reason: closed}
---
apiVersion: recordingd/v1
kind: Places
name: west
places: [US-WA, US-CA]
"""


def register(text: str = TREE, at: datetime = NOON) -> dict[str, Entry]:
    return {e.name: e for e in register_of(load_texts({"p.yaml": text}), at) if e.kind != "Group"}


def test_rules_come_by_kind_and_name_and_inline_ones_have_rows_of_their_own() -> None:
    entries = register_of(load_texts({"p.yaml": TREE}), NOON)
    assert [(e.kind.value, e.name) for e in entries] == [
        ("RecordingPolicy", "council"),
        ("RecordingPolicy", "support"),
        ("ConsentRule", "strict"),
        ("ConsentRule", "support#consent"),
        ("PauseRule", "payment"),
        ("RetentionRule", "law"),
        ("RetentionRule", "support#retention"),
        ("LegalHold", "case"),
        ("Group", "council"),
        ("Places", "west"),
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "support",
            (
                "record, audio unmixed wav, a new file every 8h: "
                "to is phone +1800* and (tag queue is a or b or not (isRoomsCall is true))"
            ),
        ),
        ("council", "forbid, delete what was captured: some participant is in council"),
        ("support#consent", "consent to recording explicit of all, where support wins"),
        (
            "support#retention",
            "keep at least 90d, delete after 2y, from callEnd, where support wins",
        ),
        ("strict", "no consent to recording: no participant is in council"),
        (
            "payment",
            (
                "silence while signal is pauseRequested or tags.payment is active, for 3m at most: "
                "every call"
            ),
        ),
        (
            "law",
            (
                "keep at least 5y, never delete, from callEnd, legal obligation: "
                "participants number from 2 to any number"
            ),
        ),
        (
            "case",
            (
                "hold for Subpoena 4711 (legal@contoso.example, review by 2027-01-01): "
                "in a sample of 10%"
            ),
        ),
        ("west", "US-CA, US-WA"),
    ],
)
def test_one_line_says_what_a_rule_does_and_for_which_calls(name: str, says: str) -> None:
    assert register()[name].says == says


def test_decision_priority_and_lock_stand_where_a_kind_has_them() -> None:
    found = register()
    assert (found["support"].decision, found["support"].priority) == ("record", 100)
    assert (found["support#retention"].decision, found["support#retention"].priority) == (None, 100)
    assert (found["support#consent"].decision, found["support#consent"].priority) == (None, None)
    assert (found["law"].priority, found["law"].is_locked) == (50, True)
    assert (found["strict"].priority, found["strict"].is_locked) == (None, False)


@pytest.mark.parametrize(
    ("off", "standing"),
    [
        (-1, Standing.NOT_YET),
        (0, Standing.IN_FORCE),
        (9, Standing.IN_FORCE),
        (10, Standing.EXPIRED),
        (11, Standing.EXPIRED),
    ],
)
def test_rule_counts_within_its_validity(off: int, standing: Standing) -> None:
    ends = NOON + timedelta(microseconds=10)
    validity = f"validFrom: {NOON.isoformat()}\nvalidUntil: {ends.isoformat()}\n"
    text = TREE.replace("mode: none\n", f"mode: none\n{validity}")
    entry = register(text, NOON + timedelta(microseconds=off))["strict"]
    assert entry.standing is standing
    assert (entry.valid_from, entry.valid_until) == (NOON, ends)


def test_observed_rule_is_listed_as_such() -> None:
    text = TREE.replace("mode: none\n", "mode: none\nobserve: true\n")
    assert register(text)["strict"].standing is Standing.OBSERVED


@pytest.mark.parametrize(
    ("off", "standing"),
    [(-1, Standing.IN_FORCE), (0, Standing.RELEASED), (1, Standing.RELEASED)],
)
def test_hold_counts_until_its_release(off: int, standing: Standing) -> None:
    at = NOON + timedelta(microseconds=off)
    assert register(at=at)["case"].standing is standing


def test_text_is_the_document_with_its_comments() -> None:
    found = register()
    assert found["support"].text.splitlines()[0] == "# The support line."
    assert found["support"].text.endswith("deleteAfter: 2y}")
    assert found["support#retention"].text == found["support"].text
    assert found["west"].text == TREE.rpartition("---\n")[2].rstrip("\n")
