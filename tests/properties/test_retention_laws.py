"""Laws of keeping: whatever rules and facts say, nothing goes earlier than was promised."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    RECORDING,
    make_call,
    make_context,
    make_facts,
    make_policy,
    make_retention_rule,
    make_stopped,
    make_verified,
    no_participant,
    tag_is,
)

from recordingd.domain.durations import FOREVER, Duration, Forever
from recordingd.domain.matchers import RuleName
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import (
    CEILING,
    Basis,
    CountFrom,
    EventClock,
    Keeping,
    RetentionRule,
    RetentionSpec,
)
from recordingd.planning.context import PlanningContext
from recordingd.planning.dates import Dates, anchors_of, dates_of, is_earlier
from recordingd.planning.keeping import reconsider
from recordingd.planning.retention import first_keepings

LAWS = settings(max_examples=200, deadline=None)
CONTRACT = EventClock("contractEnded")
NAMES = st.sampled_from([RuleName(name) for name in "abcd"])
DAYS = [
    datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 12, 31, tzinfo=UTC),
    datetime(2027, 1, 30, 12, tzinfo=UTC),
]
PARTS = st.sampled_from([0, 0, 1, 11, 12])


@st.composite
def durations(draw: st.DrawFn) -> Duration:
    seconds = draw(st.sampled_from([0, 1, 3600]))
    return Duration(months=draw(PARTS), days=draw(PARTS), seconds=seconds)


LENGTHS = st.none() | durations() | st.just(FOREVER)


@st.composite
def specs(draw: st.DrawFn) -> RetentionSpec:
    return RetentionSpec(
        keep_at_least=draw(LENGTHS),
        delete_after=draw(LENGTHS),
        count_from=draw(st.sampled_from([*CountFrom, CONTRACT])),
        basis=draw(st.sampled_from(Basis)),
    )


@st.composite
def keepings(draw: st.DrawFn) -> tuple[Keeping, ...]:
    """Draw what several rules said, the ceiling among them perhaps."""
    said = {
        name: Keeping(
            rule=name,
            source=None,
            revision=3,
            priority=draw(st.integers(-1, 1)),
            spec=draw(specs()),
            is_certain=draw(st.booleans()),
        )
        for name in draw(st.sets(NAMES, max_size=4))
    }
    length = draw(st.none() | durations())
    if length is not None:
        spec = RetentionSpec(delete_after=length)
        said[CEILING] = Keeping(rule=CEILING, source=None, revision=3, priority=0, spec=spec)
    return tuple(said[name] for name in sorted(said))


@st.composite
def calls(draw: st.DrawFn) -> CallFacts:
    """Draw an ended call with one recording, its moments known or not."""
    ended_at = draw(st.sampled_from(DAYS))
    told = {"contractEnded": draw(st.sampled_from(DAYS))} if draw(st.booleans()) else {}
    stored_at = ended_at + timedelta(minutes=5) if draw(st.booleans()) else None
    tags = {"desk": "sales"} if draw(st.booleans()) else {}
    started_at = ended_at - timedelta(hours=1)
    return make_facts(
        make_call(started_at=started_at, ended_at=ended_at, moments=told, tags=tags),
        recordings=make_stopped(),
        files=make_verified(verified_at=stored_at),
    )


def dates(facts: CallFacts, said: Sequence[Keeping]) -> Dates:
    return dates_of(said, anchors_of(facts, facts.recordings[0]))


def longer(length: Duration | Forever | None, by: Duration) -> Duration | Forever:
    """Return a length that ends later whatever it counts from."""
    if length is None or isinstance(length, Forever):
        return FOREVER
    return Duration(
        months=length.months + by.months,
        days=length.days + by.days,
        seconds=length.seconds + by.seconds,
    )


# --- what rules say -------------------------------------------------------------------------------


@given(facts=calls(), said=keepings(), by=durations(), data=st.data())
@LAWS
def test_longer_words_never_delete_earlier(
    facts: CallFacts, said: tuple[Keeping, ...], by: Duration, data: st.DataObject
) -> None:
    if not said:
        return
    one = data.draw(st.sampled_from(said))
    floor, deletion = one.spec.keep_at_least, one.spec.delete_after
    spec = replace(
        one.spec,
        keep_at_least=longer(floor, by) if data.draw(st.booleans()) else floor,
        delete_after=deletion if deletion is None else longer(deletion, by),
    )
    changed = [replace(k, spec=spec) if k is one else k for k in said]
    assert not is_earlier(dates(facts, changed), than=dates(facts, said))


@given(facts=calls(), said=keepings(), spec=specs(), is_certain=st.booleans())
@LAWS
def test_one_more_rule_that_only_keeps_never_deletes_earlier(
    facts: CallFacts, said: tuple[Keeping, ...], spec: RetentionSpec, *, is_certain: bool
) -> None:
    floor = replace(spec, delete_after=None)
    more = Keeping(
        rule=RuleName("more"),
        source=None,
        revision=3,
        priority=9,
        spec=floor,
        is_certain=is_certain,
    )
    assert not is_earlier(dates(facts, [*said, more]), than=dates(facts, said))


@given(facts=calls(), said=keepings(), data=st.data())
@LAWS
def test_order_of_the_rules_never_matters(
    facts: CallFacts, said: tuple[Keeping, ...], data: st.DataObject
) -> None:
    assert dates(facts, data.draw(st.permutations(said))) == dates(facts, said)


@given(facts=calls(), said=keepings())
@LAWS
def test_doubt_never_deletes_earlier_than_any_answer_would(
    facts: CallFacts, said: tuple[Keeping, ...]
) -> None:
    doubted = [k for k in said if not k.is_certain]
    certain = [k for k in said if k.is_certain]
    for answers in itertools.product((True, False), repeat=len(doubted)):
        yes = [replace(k, is_certain=True) for k, a in zip(doubted, answers, strict=True) if a]
        assert not is_earlier(dates(facts, said), than=dates(facts, [*certain, *yes]))


# --- what is written down -------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> tuple[RetentionRule, ...]:
    """Draw documents that match every call, some, or nobody knows yet."""
    matches = st.sampled_from(
        [make_retention_rule().match, tag_is("desk", "sales"), no_participant("8:acs:nobody")]
    )
    return tuple(
        make_retention_rule(
            name,
            draw(specs()),
            match=draw(matches),
            priority=draw(st.integers(-1, 1)),
            is_observed=draw(st.booleans()),
        )
        for name in sorted(draw(st.sets(NAMES, max_size=4)))
    )


@st.composite
def rulebooks(draw: st.DrawFn, revision: int) -> PlanningContext:
    policy = make_policy(retention=draw(st.none() | specs()), priority=draw(st.integers(-1, 1)))
    return make_context(
        policy,
        retention_rules=draw(rules()),
        ceiling=draw(st.none() | durations()),
        revision=revision,
    )


def written(facts: CallFacts, context: PlanningContext, now: datetime) -> CallFacts:
    """Return the facts with what the rules say of the recording written down."""
    policy = context.policies.by_name("support-line")
    assert policy is not None
    said = first_keepings(facts, policy, context, now)
    (recording,) = facts.recordings
    return replace(facts, recordings=(replace(recording, keeping=said),))


def settled(facts: CallFacts, context: PlanningContext, now: datetime) -> CallFacts:
    """Return the facts with what doubts are over settled under the very same rules."""
    (recording,) = facts.recordings
    found = reconsider(facts, recording, context, now)
    return replace(facts, recordings=(replace(recording, keeping=found.keeping),))


MOMENTS = st.sampled_from([timedelta(minutes=10), timedelta(hours=25), timedelta(days=400)])


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_no_edit_of_the_rules_lets_anything_go_earlier_without_an_approved_plan(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    before = settled(written(facts, old, now), old, now)
    found = reconsider(before, before.recordings[0], new, now)
    assert not is_earlier(found.after, than=dates(facts, before.recordings[0].keeping))
    assert not found.moves_earlier


@given(facts=calls(), old=rulebooks(3), since_end=MOMENTS, data=st.data())
@LAWS
def test_removing_documents_never_deletes_earlier(
    facts: CallFacts, old: PlanningContext, since_end: timedelta, data: st.DataObject
) -> None:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    before = settled(written(facts, old, now), old, now)
    left = [r for r in old.policies.policies.retention_rules if data.draw(st.booleans())]
    new = make_context(
        *(old.policies.policies.policies if data.draw(st.booleans()) else [make_policy("another")]),
        retention_rules=tuple(left),
        ceiling=old.ceiling,
        revision=4,
    )
    found = reconsider(before, before.recordings[0], new, now)
    assert found.after == dates(facts, before.recordings[0].keeping)
    assert found.blocked == ()


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_what_was_written_down_is_written_down_once(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    before = settled(written(facts, old, now), old, now)
    once = settled(before, new, now)
    assert settled(once, new, now) == once


@given(facts=calls(), old=rulebooks(3), new=rulebooks(4), since_end=MOMENTS)
@LAWS
def test_approved_plan_lets_the_rules_say_what_they_say(
    facts: CallFacts, old: PlanningContext, new: PlanningContext, since_end: timedelta
) -> None:
    assert facts.call.ended_at is not None
    now = facts.call.ended_at + since_end
    before = settled(written(facts, old, now), old, now)
    approved = replace(new, shortened=frozenset({RECORDING}))
    found = reconsider(before, before.recordings[0], approved, now)
    assert (found.after, found.blocked) == (found.wanted, ())


@given(facts=calls(), context=rulebooks(3), data=st.data())
@LAWS
def test_order_of_the_documents_never_matters(
    facts: CallFacts, context: PlanningContext, data: st.DataObject
) -> None:
    documents = context.policies.policies.retention_rules
    shuffled = make_context(
        *context.policies.policies.policies,
        retention_rules=tuple(data.draw(st.permutations(documents))),
        ceiling=context.ceiling,
    )
    now = DAYS[0]
    assert written(facts, shuffled, now) == written(facts, context, now)
