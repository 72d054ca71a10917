"""Laws of consent: more rules never ask for less, and no order of anything matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    AGENT,
    ALICE,
    BOB,
    T0,
    TICK,
    after,
    make_answer,
    make_call,
    make_facts,
    make_participant,
)

from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.consent import (
    Ask,
    AskedBy,
    BeforeDecision,
    ConsentMode,
    ConsentNeed,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.matchers import Pattern, RuleName, Selector
from recordingd.domain.recordings import CallFacts
from recordingd.planning.consent import ConsentQuestion, ConsentView, assess
from recordingd.planning.consent_rules import (
    BEFORE_DECISION,
    LATE_JOIN,
    LIVE_ONLY,
    MODES,
    PARTIES,
    REFUSALS,
    WITHDRAWN_KEPT,
    WITHDRAWN_LIVE,
    combine,
)

LAWS = settings(max_examples=150, deadline=None)
SELECTORS = st.sampled_from([Selector(ids=(Pattern(i),)) for i in (ALICE, BOB, "8:acs:*")])
LENGTHS = st.sampled_from([Duration(seconds=5), Duration(seconds=60), Duration(months=1)])
SPECS = st.builds(
    ConsentSpec,
    mode=st.sampled_from(ConsentMode),
    parties=st.none() | st.sampled_from(Parties) | st.lists(SELECTORS, max_size=2).map(tuple),
    satisfied_by=st.none() | st.frozensets(st.sampled_from(Satisfaction), min_size=1),
    before_decision=st.none() | st.sampled_from(BeforeDecision),
    timeout=st.none() | LENGTHS,
    ask=st.none()
    | st.builds(
        Ask,
        by=st.sampled_from(AskedBy),
        prompts=st.dictionaries(st.sampled_from(["en", "de"]), st.just("x.wav")),
    ),
    denied=st.none() | st.sampled_from(Refusal),
    no_response=st.none() | st.sampled_from(Refusal),
    late_join=st.none() | st.sampled_from(LateJoin),
    withdrawn_live=st.none() | st.sampled_from(WithdrawnLive),
    withdrawn_kept=st.none() | st.sampled_from(WithdrawnKept),
    evidence_keep=st.none() | LENGTHS | st.just(FOREVER),
)
NAMES = st.sampled_from(["a", "b", "c#consent"]).map(RuleName)
RULES = st.lists(st.tuples(NAMES, SPECS), min_size=1, max_size=4)
Rules = Sequence[tuple[RuleName, ConsentSpec]]


def need_of(rules: Rules) -> ConsentNeed:
    need = combine(rules)
    assert need is not None
    return need


# --- the need -------------------------------------------------------------------------------------


@given(data=st.data(), rules=RULES)
@LAWS
def test_order_of_rules_never_matters(data: st.DataObject, rules: Rules) -> None:
    assert combine(data.draw(st.permutations(rules))) == combine(rules)


@given(rules=RULES)
@LAWS
def test_rule_that_is_there_already_changes_nothing(rules: Rules) -> None:
    assert combine([*rules, *rules]) == combine(rules)


@given(rules=RULES, more=RULES)
@LAWS
def test_another_rule_weakens_no_field(rules: Rules, more: Rules) -> None:
    before, after_ = need_of(rules), need_of([*rules, *more])

    if before.mode is ConsentMode.NONE:
        # Nothing was asked, so no word about how it was asked can have been weakened.
        return
    assert weakened(before, after_) == []


def weakened(before: ConsentNeed, after_: ConsentNeed) -> list[str]:
    """Name the fields in which a need asks for less than another one."""
    ladders: dict[str, Sequence[object]] = {
        "mode": MODES,
        "parties": (None, *PARTIES),
        "before_decision": BEFORE_DECISION,
        "denied": REFUSALS,
        "no_response": REFUSALS,
        "late_join": LATE_JOIN,
        "withdrawn_live": WITHDRAWN_LIVE,
        "withdrawn_kept": WITHDRAWN_KEPT,
    }
    found = [
        name
        for name, ladder in ladders.items()
        if ladder.index(getattr(before, name)) > ladder.index(getattr(after_, name))
    ]
    checks = {
        "selectors": set(before.selectors) <= set(after_.selectors),
        "trusts_list": before.trusts_list or not after_.trusts_list,
        "satisfied_by": after_.satisfied_by
        in (LIVE_ONLY, after_.satisfied_by & before.satisfied_by),
        "timeout": seconds(after_.timeout) <= seconds(before.timeout),
        "evidence_keep": seconds(after_.evidence_keep) >= seconds(before.evidence_keep),
        "asks": all(ask in after_.asks for ask in before.asks),
        "rules": set(before.rules) <= set(after_.rules),
    }
    return [*found, *(name for name, is_kept in checks.items() if not is_kept)]


def seconds(length: object) -> float:
    return length.approximate_seconds() if isinstance(length, Duration) else float("inf")


# --- what it comes to -----------------------------------------------------------------------------

PEOPLE = (ALICE, BOB, AGENT)
ANSWERS = st.builds(
    lambda answer, who, second, method, end: make_answer(
        answer,
        who,
        after(second),
        method=method,
        valid_until=None if end is None else after(end),
    ),
    st.sampled_from(ConsentAnswer),
    st.none() | st.sampled_from(PEOPLE),
    st.integers(0, 20),
    st.sampled_from(["app", "prior"]),
    st.none() | st.integers(5, 40),
)


@st.composite
def call_facts(draw: st.DrawFn) -> CallFacts:
    people = tuple(
        make_participant(
            raw_id,
            after(draw(st.integers(0, 20))),
            draw(st.none() | st.just(after(21))),
        )
        for raw_id in draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    )
    roster = draw(st.none() | st.just(T0))
    call = make_call(
        roster_complete_at=roster,
        participants_seq=None if roster is None else draw(st.none() | st.just(1)),
    )
    answers = draw(st.lists(ANSWERS, max_size=4, unique_by=lambda a: a.id))
    return make_facts(call, participants=people, consents=tuple(answers))


MOMENTS = st.integers(20, 90).map(after)


def view_of(rules: Rules, facts: CallFacts, now: datetime) -> ConsentView:
    need = need_of(rules)
    question = ConsentQuestion(
        need=need,
        purpose="recording",
        asked_at=T0,
        is_internal=lambda party: party.raw_id == AGENT,
        is_meant=lambda party: any(p.covers(party.raw_id) for s in need.selectors for p in s.ids),
        captured_since=after(3),
    )
    return assess(facts, question, now)


@given(rules=RULES, more=RULES, facts=call_facts(), now=MOMENTS)
@LAWS
def test_another_rule_never_lets_audio_flow(
    rules: Rules, more: Rules, facts: CallFacts, now: datetime
) -> None:
    """But for answers on file and answers now, where no answer satisfies every rule."""
    both = [*rules, *more]
    if need_of(both).satisfied_by <= need_of(rules).satisfied_by:
        may_flow = view_of(rules, facts, now).may_flow
        assert may_flow or not view_of(both, facts, now).may_flow


@given(data=st.data(), rules=RULES, facts=call_facts(), now=MOMENTS)
@LAWS
def test_order_of_answers_and_people_never_matters(
    data: st.DataObject, rules: Rules, facts: CallFacts, now: datetime
) -> None:
    shuffled = replace(
        facts,
        participants=tuple(data.draw(st.permutations(facts.participants))),
        consents=tuple(data.draw(st.permutations(facts.consents))),
    )
    one, other = view_of(rules, facts, now), view_of(rules, shuffled, now)
    assert (one.state, one.changes_at, one.erases) == (other.state, other.changes_at, other.erases)


@given(rules=RULES, facts=call_facts(), now=MOMENTS)
@LAWS
def test_nothing_changes_before_the_moment_that_was_told(
    rules: Rules, facts: CallFacts, now: datetime
) -> None:
    view = view_of(rules, facts, now)
    assert view.changes_at is None or view.changes_at > now
    before = now + timedelta(days=1) if view.changes_at is None else view.changes_at - TICK
    assert view_of(rules, facts, before).state is view.state


@given(rules=RULES, facts=call_facts(), now=MOMENTS)
@LAWS
def test_audio_never_flows_over_a_live_refusal_of_somebody_who_is_asked(
    rules: Rules, facts: CallFacts, now: datetime
) -> None:
    need = need_of(rules)
    everybody_is_asked = need.parties in {Parties.ALL, Parties.KNOWN}
    if not everybody_is_asked or need.mode is ConsentMode.NONE:
        return
    refused = {
        c.participant
        for c in facts.consents
        if c.answer is ConsentAnswer.DENIED
        and c.method != "prior"
        and not any(
            other.received_at >= c.received_at and other.participant in {None, c.participant}
            for other in facts.consents
            if other.id != c.id
        )
    }
    present = {p.party.raw_id for p in facts.participants if p.is_present}
    if refused & present:
        assert not view_of(rules, facts, now).may_flow
