from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from tests.factories import EVERYTHING, SOURCE, T0, after, changed, make_policy, tag_is

from recordingd.domain.consent import ConsentMode, ConsentRule, ConsentSpec
from recordingd.domain.matchers import RuleName
from recordingd.domain.pauses import PauseRule, PauseTrigger
from recordingd.domain.policies import Decision, PolicyName, PolicySet
from recordingd.domain.retention import RetentionRule, RetentionSpec
from recordingd.domain.suspensions import SUSPENDED_AT_MOST, Suspension
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.store import LedgerStore
from recordingd.runtime.suspending import NotAsked, Suspending, Unsuspendable, Wish

POLICIES = PolicySet(
    policies=(
        make_policy("support-line"),
        make_policy("required", Decision.REQUIRE),
        make_policy("works-council", Decision.FORBID),
        make_policy("test-calls", Decision.SKIP),
    ),
    groups={},
    texts={},
    digest="",
    consent_rules=(
        ConsentRule(
            name=RuleName("ask"),
            source=SOURCE,
            match=EVERYTHING,
            spec=ConsentSpec(mode=ConsentMode.EXPLICIT),
        ),
    ),
    pause_rules=(
        PauseRule(
            name=RuleName("card"),
            source=SOURCE,
            match=tag_is("a", "b"),
            trigger=PauseTrigger(on_signal=True),
        ),
    ),
    retention_rules=(
        RetentionRule(
            name=RuleName("mifid-ii"), source=SOURCE, match=EVERYTHING, spec=RetentionSpec()
        ),
    ),
)


@pytest.fixture
def ledger() -> Iterator[LedgerStore]:
    database = open_ledger("sqlite://", instance="default", now=lambda: T0)
    with database.transaction() as store:
        yield store
    database.close()


def suspending(now: datetime = T0) -> Suspending:
    ids = itertools.count(1)
    return Suspending(policies=POLICIES, now=now, new_id=lambda: f"{now.isoformat()}-{next(ids)}")


def wish(scope: str = "support-line", **changes: object) -> Wish:
    made = Wish(scope=scope, until=after(hours=2), reason="the archive moves", by="ada")
    return changed(made, changes)


def in_force(ledger: LedgerStore, now: datetime = T0) -> list[Suspension]:
    return list(ledger.suspensions(now=now))


@pytest.mark.parametrize(
    ("scope", "policy"),
    [("support-line", "support-line"), ("required", "required"), ("deletions", None)],
)
def test_suspension_is_written_as_it_was_wished(
    ledger: LedgerStore, scope: str, policy: str | None
) -> None:
    made = suspending().suspend(ledger, wish(scope))
    assert in_force(ledger) == [made]
    assert made.policy == (None if policy is None else PolicyName(policy))
    assert (made.scope, made.suspended_by, made.until) == (scope, "ada", after(hours=2))


def test_suspension_is_told_without_the_words_of_its_reason(ledger: LedgerStore) -> None:
    suspending().suspend(ledger, wish())
    ledger.finish()
    (line,) = ledger.audit_rows()
    assert (line.kind, line.ref) == ("suspension.begun", "support-line")
    assert '"by":"ada"' in line.detail
    assert "archive" not in line.detail


def test_suspension_of_the_same_replaces_the_one_before(ledger: LedgerStore) -> None:
    suspending().suspend(ledger, wish(until=after(hours=5)))
    second = suspending(after(60)).suspend(ledger, wish(until=after(hours=3)))
    assert in_force(ledger, after(60)) == [second]


def test_suspensions_of_others_stay(ledger: LedgerStore) -> None:
    first = suspending().suspend(ledger, wish())
    second = suspending(after(1)).suspend(ledger, wish("deletions"))
    assert in_force(ledger, after(1)) == [first, second]


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("works-council", "policy 'works-council' (policies/support.yaml:7) decides 'forbid'"),
        ("test-calls", "decides 'skip'"),
        ("ask", "consent rule 'ask'"),
        ("card", "pause rule 'card'"),
        ("mifid-ii", "retention rule 'mifid-ii'"),
    ],
)
def test_what_keeps_something_from_being_recorded_cannot_be_suspended(
    ledger: LedgerStore, scope: str, why: str
) -> None:
    with pytest.raises(Unsuspendable) as refused:
        suspending().suspend(ledger, wish(scope))
    assert why in str(refused.value)
    assert in_force(ledger) == []


def test_unknown_policy_is_told_with_what_was_probably_meant(ledger: LedgerStore) -> None:
    with pytest.raises(NotAsked, match="did you mean 'support-line'"):
        suspending().suspend(ledger, wish("suport-line"))


@pytest.mark.parametrize("until", [T0, after(-1), T0 + SUSPENDED_AT_MOST + timedelta(seconds=1)])
def test_end_that_is_over_or_too_late_is_refused(ledger: LedgerStore, until: datetime) -> None:
    with pytest.raises(NotAsked):
        suspending().suspend(ledger, wish(until=until))


@pytest.mark.parametrize("until", [after(1), T0 + SUSPENDED_AT_MOST])
def test_end_within_the_longest_time_is_taken(ledger: LedgerStore, until: datetime) -> None:
    assert suspending().suspend(ledger, wish(until=until)).until == until


def test_suspension_without_a_reason_is_refused(ledger: LedgerStore) -> None:
    with pytest.raises(NotAsked, match="reason"):
        suspending().suspend(ledger, wish(reason="  "))


def test_lifted_suspension_is_over(ledger: LedgerStore) -> None:
    made = suspending().suspend(ledger, wish())
    assert suspending(after(1)).lift(ledger, "support-line", by="bob") == (made,)
    assert in_force(ledger, after(1)) == []


def test_what_is_not_suspended_is_lifted_without_effect(ledger: LedgerStore) -> None:
    assert suspending().lift(ledger, "support-line", by="bob") == ()
    assert suspending().lift(ledger, "deletions", by="bob") == ()


def test_unknown_scope_is_not_lifted(ledger: LedgerStore) -> None:
    suspending().suspend(ledger, wish("deletions"))
    with pytest.raises(NotAsked, match="did you mean 'deletions'"):
        suspending().lift(ledger, "deletion", by="bob")


def test_policy_that_is_gone_can_still_be_lifted(ledger: LedgerStore) -> None:
    made = suspending().suspend(ledger, wish())
    bare = Suspending(
        policies=PolicySet(policies=(), groups={}, texts={}, digest=""), now=T0, new_id=str
    )
    assert bare.lift(ledger, "support-line", by="bob") == (made,)
