"""Which recordings rules about consent and keeping are about."""

from __future__ import annotations

import pytest
from tests.written import groups, read_consent_rule, read_policy, read_retention_rule

from recordingd.domain.consent import ConsentRule
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.duties import policies_kept_under, policies_without_consent

SALES = "{tags: {queue: sales}}"
TOO_INVOLVED = ", ".join(f'"{n}*"' for n in range(60))


def is_covered(policy: RecordingPolicy, *rules: ConsentRule) -> bool:
    return not list(policies_without_consent([policy], rules, groups()))


# --- consent --------------------------------------------------------------------------------------


def test_policy_without_any_rule_is_not_covered() -> None:
    assert not is_covered(read_policy("p", SALES))


@pytest.mark.parametrize(
    "policy",
    [
        read_policy("p", SALES, consent="{mode: explicit}"),
        read_policy("p", SALES, consent="{mode: none}"),
        read_policy("p", SALES, "skip"),
        read_policy("p", SALES, "forbid"),
        read_policy("p", SALES, observe="true"),
        read_policy("p", "{tags: {queue: []}}"),
    ],
    ids=["consent", "none", "skip", "forbid", "observed", "matches nothing"],
)
def test_policy_that_needs_no_rule_is_covered(policy: RecordingPolicy) -> None:
    assert is_covered(policy)


@pytest.mark.parametrize(
    ("match", "covers"),
    [
        ("{}", True),
        (SALES, True),
        ("{tags: {queue: [sales, support]}}", True),
        ("{room: a}", False),
    ],
)
def test_rule_covers_a_policy_whose_every_call_it_fits(match: str, *, covers: bool) -> None:
    assert is_covered(read_policy("p", SALES), read_consent_rule("c", match)) is covers


def test_rules_cover_a_policy_together() -> None:
    rules = [
        read_consent_rule("in", "{direction: incoming}"),
        read_consent_rule("other", "{not: {direction: incoming}}"),
    ]
    assert is_covered(read_policy("p", SALES), *rules)
    assert not is_covered(read_policy("p", SALES), rules[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"observe": "true"},
        {"purpose": "training"},
        {"validUntil": "2026-01-01T00:00:00Z"},
    ],
)
def test_rule_that_is_not_about_every_recording_covers_none(fields: dict[str, str]) -> None:
    assert not is_covered(read_policy("p", SALES), read_consent_rule("c", "{}", **fields))


def test_rule_covers_a_policy_of_its_purpose_and_time() -> None:
    until = {"validUntil": "2026-01-01T00:00:00Z"}
    policy = read_policy("p", SALES, purpose="training", **until)
    assert is_covered(policy, read_consent_rule("c", "{}", purpose="training", **until))


def test_rule_in_doubt_covers() -> None:
    nobody = "{participants: {none: {in: council}}}"
    somebody = "{participants: {some: {in: council}}}"
    rules = [read_consent_rule("c", nobody), read_consent_rule("d", somebody)]
    assert is_covered(read_policy("p", SALES), *rules)


def test_what_is_too_involved_is_not_covered() -> None:
    match = f"{{from: {{role: [{TOO_INVOLVED}], displayName: [{TOO_INVOLVED}]}}}}"
    assert not is_covered(read_policy("p", match), read_consent_rule("c", match))


# --- keeping --------------------------------------------------------------------------------------


def kept(rule: RetentionRule, *policies: RecordingPolicy) -> list[str]:
    return [policy.name for policy in policies_kept_under(rule, policies, groups())]


def test_rule_keeps_the_recordings_of_policies_that_it_meets() -> None:
    policies = [
        read_policy("sales", SALES),
        read_policy("rooms", "{isRoomsCall: true}"),
        read_policy("not-rooms", "{isRoomsCall: false}"),
        read_policy("skips", "{isRoomsCall: true}", "skip"),
        read_policy("watched", "{isRoomsCall: true}", observe="true"),
    ]
    rule = read_retention_rule("r", "{isRoomsCall: true}")
    assert kept(rule, *policies) == ["sales", "rooms"]


def test_rule_asks_of_every_value_that_a_tag_ever_had() -> None:
    rule = read_retention_rule("r", "{tags: {queue: support}}")
    assert kept(rule, read_policy("sales", SALES)) == ["sales"]


def test_rule_and_policy_of_different_times_do_not_meet() -> None:
    policy = read_policy("p", SALES, validUntil="2026-01-01T00:00:00Z")
    rule = read_retention_rule("r", "{}", validFrom="2026-01-01T00:00:00Z")
    assert kept(rule, policy) == []
