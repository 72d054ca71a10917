"""Retention as documents state it, in a rule of its own and inside a policy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.config.trees import (
    EVERY_KIND,
    codes,
    document,
    findings,
    load,
    policy,
    token_of,
    warnings,
)

from recordingd.config.policy_files import load_policies
from recordingd.config.retention_values import length_of
from recordingd.domain.durations import FOREVER, Duration, parse_duration
from recordingd.domain.retention import (
    Basis,
    CountFrom,
    EventClock,
    RetentionRule,
    RetentionSpec,
)


def rule(body: str) -> RetentionRule:
    [found] = load(document("RetentionRule", f"name: r\nmatch: {{}}\n{body}")).retention_rules
    return found


def rule_codes(body: str) -> list[str]:
    return codes(document("RetentionRule", f"name: r\nmatch: {{}}\n{body}"))


def test_smallest_rule_has_the_documented_defaults() -> None:
    found = rule("deleteAfter: 90d")
    assert found.spec == RetentionSpec(delete_after=Duration(days=90))
    assert (found.spec.count_from, found.spec.basis) == (CountFrom.CALL_END, Basis.BUSINESS_NEED)
    assert found.spec.decide_after == Duration(seconds=24 * 3600)
    assert (found.priority, found.is_locked, found.is_observed) == (0, False, False)


def test_every_field_of_a_rule_becomes_its_value() -> None:
    locked, observed = load_policies(EVERY_KIND).retention_rules
    assert (locked.name, locked.priority, locked.is_locked) == ("mifid-ii", 50, True)
    assert locked.spec == RetentionSpec(
        keep_at_least=Duration(months=60),
        delete_after=Duration(months=84),
        basis=Basis.LEGAL_OBLIGATION,
    )
    assert (observed.name, observed.priority, observed.is_observed) == (
        "nothing-for-ever",
        -10,
        True,
    )


def test_retention_inside_a_policy_has_the_fields_of_a_rule() -> None:
    by_name = {str(p.name): p.retention for p in load_policies(EVERY_KIND).policies}
    assert by_name["support-line"] == RetentionSpec(
        keep_at_least=Duration(days=90),
        delete_after=Duration(months=24),
        count_from=EventClock("ticketClosed"),
        decide_after=Duration(seconds=48 * 3600),
    )
    assert by_name["trading-floor"] == RetentionSpec(
        keep_at_least=Duration(months=60),
        delete_after=FOREVER,
        count_from=CountFrom.STORED,
        basis=Basis.LEGAL_OBLIGATION,
    )


def test_validity_of_a_rule_is_in_utc() -> None:
    found = rule("deleteAfter: 1y\nvalidFrom: 2026-01-01T00:00:00+01:00")
    assert found.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert found.valid_until is None


@pytest.mark.parametrize(
    ("delete", "is_refused"),
    [("89d", True), ("90d", False), ("91d", False), ("forever", False)],
)
def test_deletion_is_not_before_the_floor(delete: str, *, is_refused: bool) -> None:
    found = rule_codes(f"keepAtLeast: 90d\ndeleteAfter: {delete}")
    assert found == (["policy/delete-before-floor"] if is_refused else [])


def test_deletion_before_an_endless_floor_is_refused_with_both_places() -> None:
    text = document("RetentionRule", "name: r\nmatch: {}\nkeepAtLeast: forever\ndeleteAfter: 400y")
    [found] = findings(text)
    assert (found.code, token_of(found)) == ("policy/delete-before-floor", "400y")
    assert [other.span.line for other in found.related] == [5]


@pytest.mark.parametrize("field", ["observe: true", "validFrom: 2026-01-01T00:00:00Z"])
def test_locked_rule_cannot_come_to_an_end(field: str) -> None:
    text = document(
        "RetentionRule", f"name: r\nmatch: {{}}\nkeepAtLeast: 5y\nlocked: true\n{field}"
    )
    [found] = findings(text)
    assert found.code == "policy/field-not-possible"
    assert token_of(found) == field.partition(":")[0]
    assert codes(text.replace("locked: true", "locked: false")) == []


def test_policy_cannot_be_locked() -> None:
    [found] = findings(policy("retention: {keepAtLeast: 5y, locked: true}"))
    assert (found.code, token_of(found)) == ("schema/refused-field", "locked")
    assert "RetentionRule" in (found.help or "")


@pytest.mark.parametrize("body", ["{}", "{basis: legalObligation}", "{countFrom: stored}"])
def test_retention_that_neither_keeps_nor_deletes_is_refused(body: str) -> None:
    [found] = findings(policy(f"retention: {body}"))
    assert (found.code, token_of(found)) == ("policy/retention-empty", "retention")


def test_rule_that_neither_keeps_nor_deletes_is_refused_at_its_name() -> None:
    [found] = findings(document("RetentionRule", "name: r\nmatch: {}"))
    assert (found.code, token_of(found)) == ("policy/retention-empty", "r")


def test_misspelt_floor_is_one_fault() -> None:
    assert codes(policy("retention: {keepAtleast: 5y}")) == ["schema/unknown-field"]


def test_basis_without_a_floor_has_no_effect(tmp_path: Path) -> None:
    text = policy("retention: {deleteAfter: 5y, basis: legalObligation}")
    assert warnings(tmp_path, text) == ["policy/no-effect"]


def test_lengths_are_compared_with_forever_last() -> None:
    texts = ["1s", "1h", "29d", "P1M", "31d", "1y", "400y", "forever"]
    assert sorted(texts, key=lambda text: length_of(parse_duration(text))) == texts
