"""What the rules in force say of how long a recording is kept, and what stays of what they said."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.factories import (
    SOURCE,
    T0,
    TICK,
    after,
    keep,
    make_call,
    make_context,
    make_facts,
    make_keeping,
    make_policy,
    make_retention_rule,
    make_stopped,
    no_participant,
    tag_is,
)

from recordingd.domain.durations import Duration
from recordingd.domain.matchers import Source
from recordingd.domain.policies import RecordingPolicy
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import CEILING, Keeping, RetentionRule
from recordingd.planning.context import PlanningContext
from recordingd.planning.retention import first_keepings, keepings_of

INLINE = keep("90d", "2y")
MIFID = keep("5y", "7y")
ENDED = make_call(ended_at=after(60))
FINAL = after(60, hours=24)
SALES = {"tags": {"desk": "sales"}}
# Unknown for as long as nobody knows who else was in the call.
DOUBTED = make_retention_rule(match=no_participant("8:acs:nobody"))


def asked(
    *keepings: Keeping,
    context: PlanningContext,
    facts: CallFacts | None = None,
    now: datetime | None = None,
    revision: int = 3,
) -> dict[str, Keeping]:
    """Ask what the rules say of a recording of which these are written down, by rule."""
    recording = make_stopped(keeping=keepings, keeping_revision=revision)
    facts = facts or make_facts(ENDED, recordings=recording)
    found = keepings_of(facts, recording, context, now or after(100))
    assert [k.rule for k in found] == sorted(k.rule for k in found)
    return {k.rule: k for k in found}


def words(keepings: dict[str, Keeping]) -> dict[str, tuple[object, bool]]:
    return {rule: (k.spec, k.is_certain) for rule, k in keepings.items()}


# --- a recording that is wanted -------------------------------------------------------------------


def test_wanted_recording_is_kept_as_its_policy_and_every_matching_rule_say() -> None:
    policy = make_policy(retention=INLINE, priority=7, source=Source(file="a.yaml", line=3))
    rule = make_retention_rule(match=tag_is("desk", "sales"), spec=MIFID, priority=50)
    other = make_retention_rule("other", match=tag_is("desk", "hr"))
    context = make_context(policy, retention_rules=(rule, other), ceiling=Duration(days=9))

    found = first_keepings(make_facts(make_call(**SALES)), policy, context, T0)

    assert found == (
        make_keeping(MIFID, "mifid-ii", priority=50),
        make_keeping(keep(None, "9d"), CEILING, source=None),
        make_keeping(INLINE, priority=7, source=policy.source),
    )


def test_policy_without_a_word_about_keeping_adds_none() -> None:
    context = make_context(make_policy())
    assert first_keepings(make_facts(), make_policy(), context, T0) == ()


def test_rule_of_which_a_fact_is_missing_is_uncertain() -> None:
    context = make_context(retention_rules=(DOUBTED,))
    (found,) = first_keepings(make_facts(), make_policy(), context, T0)
    assert (found.rule, found.is_certain) == ("mifid-ii", False)


def test_rule_that_is_only_observed_keeps_and_never_deletes() -> None:
    observed = make_retention_rule(spec=MIFID, is_observed=True)
    context = make_context(retention_rules=(observed,))
    (found,) = first_keepings(make_facts(), make_policy(), context, T0)
    assert found.spec == keep("5y")


def test_observed_rule_that_would_only_delete_says_nothing() -> None:
    observed = make_retention_rule(spec=keep(None, "1d"), is_observed=True)
    context = make_context(retention_rules=(observed,))
    assert first_keepings(make_facts(), make_policy(), context, T0) == ()


# --- a recording that is there --------------------------------------------------------------------


def test_current_body_of_the_policy_counts() -> None:
    context = make_context(make_policy(retention=keep("1d"), priority=4), revision=4)
    found = asked(make_keeping(INLINE), context=context)
    assert found["support-line#retention"] == make_keeping(keep("1d"), revision=4, priority=4)


@pytest.mark.parametrize(
    "policy",
    [
        make_policy("another"),
        make_policy(),
        make_policy(retention=keep("1d"), is_observed=True),
        make_policy(retention=keep("1d"), valid_until=after(100)),
        make_policy(retention=keep("1d"), valid_from=after(100) + TICK),
    ],
    ids=["policy removed", "retention removed", "observed", "expired", "not valid yet"],
)
def test_what_a_policy_said_stays_where_it_says_nothing_any_more(policy: RecordingPolicy) -> None:
    context = make_context(policy, revision=4)
    kept = make_keeping(INLINE)
    assert asked(kept, context=context) == {kept.rule: kept}


@pytest.mark.parametrize(
    "rules",
    [(), (make_retention_rule(valid_until=after(100)),)],
    ids=["document removed", "expired"],
)
def test_what_a_document_said_stays_where_it_cannot_be_asked(
    rules: tuple[RetentionRule, ...],
) -> None:
    context = make_context(retention_rules=rules, revision=4)
    kept = make_keeping(MIFID, "mifid-ii")
    assert asked(kept, context=context) == {"mifid-ii": kept}


def test_unchanged_words_stay_as_they_were_read_first() -> None:
    moved = make_retention_rule(spec=MIFID, source=Source(file="new.yaml", line=99))
    kept = make_keeping(MIFID, "mifid-ii", source=SOURCE)
    context = make_context(retention_rules=(moved,), revision=4)
    assert asked(kept, context=context) == {"mifid-ii": kept}


def test_rule_that_matched_once_stays_when_it_matches_no_longer() -> None:
    context = make_context(retention_rules=(make_retention_rule(match=tag_is("desk", "sales")),))
    kept = make_keeping(MIFID, "mifid-ii")
    assert asked(kept, context=context) == {"mifid-ii": kept}


def test_edited_rule_that_matches_no_longer_goes() -> None:
    rule = make_retention_rule(match=tag_is("desk", "sales"))
    context = make_context(retention_rules=(rule,), revision=4)
    assert asked(make_keeping(MIFID, "mifid-ii"), context=context) == {}


def test_ceiling_goes_with_the_setting() -> None:
    ceiling = make_keeping(keep(None, "9d"), CEILING, source=None)
    assert asked(ceiling, context=make_context()) == {}


def test_value_that_a_tag_had_before_still_matches() -> None:
    rule = make_retention_rule(match=tag_is("desk", "sales"))
    recording = make_stopped()
    call = make_call(ended_at=after(60), tags={"desk": "hr"}, past_tags={"desk": ("sales",)})
    found = asked(
        context=make_context(retention_rules=(rule,)), facts=make_facts(call, recordings=recording)
    )
    assert set(found) == {"mifid-ii"}


# --- in doubt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (FINAL - TICK, {"mifid-ii": (MIFID, False)}),
        (FINAL, {}),
        (FINAL + TICK, {}),
    ],
)
def test_unknown_counts_as_no_once_no_fact_decides_any_more(
    now: datetime, expected: dict[str, object]
) -> None:
    context = make_context(retention_rules=(DOUBTED,))
    kept = make_keeping(MIFID, "mifid-ii", is_certain=False)
    assert words(asked(kept, context=context, now=now)) == expected
    assert words(asked(context=context, now=now)) == expected


def test_doubt_that_goes_on_stays_as_it_was_read_first() -> None:
    kept = make_keeping(MIFID, "mifid-ii", is_certain=False)
    context = make_context(retention_rules=(DOUBTED,), revision=4)
    assert asked(kept, context=context) == {"mifid-ii": kept}


def test_nothing_is_final_while_the_call_lives() -> None:
    facts = make_facts(recordings=make_stopped())
    found = asked(context=make_context(retention_rules=(DOUBTED,)), facts=facts, now=after(days=9))
    assert words(found) == {"mifid-ii": (MIFID, False)}


def test_certain_word_is_not_doubted_again() -> None:
    kept = make_keeping(MIFID, "mifid-ii")
    assert asked(kept, context=make_context(retention_rules=(DOUBTED,))) == {"mifid-ii": kept}


def test_fact_that_says_yes_ends_the_doubt() -> None:
    context = make_context(retention_rules=(make_retention_rule(),))
    found = asked(make_keeping(MIFID, "mifid-ii", is_certain=False), context=context)
    assert words(found) == {"mifid-ii": (MIFID, True)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (FINAL - TICK, {"mifid-ii": (MIFID, False)}),
        (FINAL, {"mifid-ii": (keep("5y"), True)}),
        (FINAL + TICK, {"mifid-ii": (keep("5y"), True)}),
    ],
)
def test_floor_of_a_rule_in_doubt_that_is_gone_stays_without_its_deletion(
    now: datetime, expected: dict[str, object]
) -> None:
    kept = make_keeping(MIFID, "mifid-ii", is_certain=False)
    assert words(asked(kept, context=make_context(revision=4), now=now)) == expected
