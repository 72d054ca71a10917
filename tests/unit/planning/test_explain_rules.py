"""Which rules besides the policies fit a call, and what they come to."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import T0, after, make_call, make_recording

from recordingd.config.policy_files import load_texts
from recordingd.domain.calls import Call
from recordingd.domain.durations import FOREVER
from recordingd.domain.plans import Mode
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.explain_rules import OtherRules, RuleAnswer, explain_rules
from recordingd.planning.matching import compile_policies
from recordingd.planning.register import Standing
from recordingd.planning.truth import NO, UNKNOWN, YES

LATER = after(60)
RULES = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: all
match: {}
record: {content: audio, channels: mixed, format: wav}
consent: {mode: notice, timeout: 20s}
retention: {keepAtLeast: 10d, deleteAfter: 20d}
---
apiVersion: recordingd/v1
kind: ConsentRule
name: strict
match: {tags: {queue: sales}}
mode: explicit
timeout: 1m
---
apiVersion: recordingd/v1
kind: PauseRule
name: payment
match: {tags: {queue: sales}}
trigger: {signal: pauseRequested}
---
apiVersion: recordingd/v1
kind: RetentionRule
name: law
match: {tags: {queue: sales}}
keepAtLeast: 5y
---
apiVersion: recordingd/v1
kind: RetentionRule
name: trial
match: {}
observe: true
keepAtLeast: 1d
---
apiVersion: recordingd/v1
kind: LegalHold
name: case
match: {tags: {queue: sales}}
reason: Subpoena
owner: legal@contoso.example
"""


def context_of(text: str = RULES) -> PlanningContext:
    return PlanningContext(
        policies=compile_policies(load_texts({"rules.yaml": text})),
        revision=1,
        mode=Mode.ENFORCE,
        archive=StoreName("main"),
    )


def explained(
    call: Call | None = None, *, text: str = RULES, policy: str = "all", now: datetime = LATER
) -> OtherRules:
    context = context_of(text)
    facts = CallFacts(call=call or make_call())
    return explain_rules(facts, context.policies.by_name(policy), context, now)


def rule(found: OtherRules, name: str) -> RuleAnswer:
    answer = found.rule_of(name)
    assert answer is not None
    return answer


def sales(**changes: object) -> Call:
    return make_call(tags={"queue": "sales"}, **changes)


@pytest.mark.parametrize("name", ["strict", "payment", "law", "case"])
def test_every_kind_of_rule_is_asked(name: str) -> None:
    assert rule(explained(sales()), name).matched is YES
    assert rule(explained(), name).matched is NO


def test_policies_are_no_part_of_it() -> None:
    assert [r.name for r in explained().rules] == ["strict", "payment", "law", "trial", "case"]


def test_rule_about_keeping_is_asked_with_what_was_ever_true() -> None:
    call = make_call(tags={"queue": "support"}, past_tags={"queue": ("sales",)})
    found = explained(call)
    assert (rule(found, "law").matched, rule(found, "strict").matched) == (YES, NO)


def test_rule_in_doubt_is_unknown_and_its_leaf_decides() -> None:
    text = RULES.replace("name: strict\nmatch: {tags", "name: strict\nmatch: {group: g, tags")
    found = rule(explained(sales(started_at=None), text=text, now=T0), "strict")
    assert found.matched is UNKNOWN
    assert [leaf.path for leaf in found.leaves if leaf.decides] == ["match.group"]


@pytest.mark.parametrize(
    ("now", "standing", "matched"),
    [
        (after(-1), Standing.NOT_YET, NO),
        (T0, Standing.IN_FORCE, YES),
        (after(9.999), Standing.IN_FORCE, YES),
        (after(10), Standing.EXPIRED, NO),
    ],
)
def test_rule_outside_its_validity_fits_nothing(
    now: datetime, standing: Standing, matched: object
) -> None:
    validity = f"validFrom: {T0.isoformat()}\nvalidUntil: {after(10).isoformat()}\n"
    text = RULES.replace("mode: explicit\n", f"mode: explicit\n{validity}")
    found = rule(explained(sales(), text=text, now=now), "strict")
    assert (found.standing, found.matched) == (standing, matched)


def test_consents_of_the_policy_and_of_rules_combine() -> None:
    need = explained(sales()).consent
    assert need is not None
    assert (need.mode.value, str(need.timeout)) == ("explicit", "20s")
    assert need.rules == ("all#consent", "strict")


def test_consent_rule_for_another_purpose_does_not_count() -> None:
    text = RULES.replace("mode: explicit\n", "mode: explicit\npurpose: training\n")
    need = explained(sales(), text=text).consent
    assert need is not None
    assert need.rules == ("all#consent",)


def test_where_nothing_is_recorded_nobody_consents_and_nothing_is_kept() -> None:
    found = explained(sales(), policy="unheard-of")
    assert (found.consent, found.keepings, found.dates) == (None, (), None)


def test_keeping_is_that_of_every_rule_that_fits() -> None:
    found = explained(sales(ended_at=after(30)))
    assert [k.rule for k in found.keepings] == ["all#retention", "law", "trial"]
    assert found.dates is not None
    assert found.dates.floor is not None
    assert (found.dates.floor.rule, found.dates.floor.at) == ("law", after(30).replace(year=2031))
    assert found.dates.deletion is not None
    assert found.dates.deletion.at == after(30, days=20)


def test_dates_of_a_live_call_are_not_known_yet() -> None:
    dates = explained().dates
    assert dates is not None
    assert dates.delete_at is None


def test_without_a_rule_that_deletes_nothing_goes() -> None:
    text = RULES.replace(", deleteAfter: 20d", "")
    dates = explained(make_call(ended_at=after(30)), text=text).dates
    assert dates is not None
    assert (dates.deletion, dates.delete_at) == (None, FOREVER)


def test_recording_that_is_there_keeps_what_was_frozen_for_it() -> None:
    context = context_of()
    recording = make_recording(policy="gone", consent=None)
    facts = CallFacts(call=make_call(), recordings=(recording,))
    found = explain_rules(facts, None, context, LATER)
    assert [k.rule for k in found.keepings] == ["trial"]
    assert found.dates is not None
    assert found.consent is None


def test_holds_that_match_are_named() -> None:
    assert explained(sales()).held_by == ("case",)
    assert explained().held_by == ()
