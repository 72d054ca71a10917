"""Laws of rules that do not compete: the index finds all of them, and a lifetime loses nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import make_consent_rule
from tests.properties.test_matching_laws import (
    CONDITIONS,
    GROUPS,
    HERE,
    PARTICIPANTS,
    PATTERNS,
    SOME_SELECTORS,
    T0,
    WORDS,
    calls,
)

from recordingd.domain.calls import Call, Participant
from recordingd.domain.consent import ConsentRule
from recordingd.domain.matchers import Condition, ParticipantsFit, Quantifier, RuleName, TagIs
from recordingd.planning.conditions import compile_condition
from recordingd.planning.rules import RuleBook, RuleHit
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, YES, Facts, LifetimeFacts

LAWS = settings(max_examples=150, deadline=None)
COMPILED = Groups(GROUPS)
PAST = st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=2)


@st.composite
def rules(draw: st.DrawFn) -> tuple[ConsentRule, ...]:
    names = [RuleName(f"r{n}") for n in range(draw(st.integers(0, 5)))]
    return tuple(
        ConsentRule(
            name=name,
            source=HERE,
            match=draw(CONDITIONS),
            spec=make_consent_rule(),
            is_observed=draw(st.booleans()),
        )
        for name in names
    )


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Draw the facts of a moment or of a lifetime."""
    call = replace(draw(calls()), past_tags=draw(PAST))
    kind = draw(st.sampled_from([Facts, LifetimeFacts]))
    return kind(call, draw(PARTICIPANTS), settled=draw(st.booleans()))


@given(known=rules(), asked=facts())
@LAWS
def test_index_finds_what_a_scan_finds(known: tuple[ConsentRule, ...], asked: Facts) -> None:
    book = RuleBook(known, COMPILED)
    scanned = [
        RuleHit(rule=rule, truth=truth)
        for rule in known
        if (truth := compile_condition(rule.match, COMPILED)(asked)) is not NO
    ]
    assert [*book.hits(asked, T0)] == [h for h in scanned if not h.rule.is_observed]
    assert [*book.shadow(asked, T0)] == [h for h in scanned if h.rule.is_observed]


@given(known=rules(), asked=facts(), data=st.data())
@LAWS
def test_order_of_rules_never_matters(
    known: tuple[ConsentRule, ...], asked: Facts, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(known))
    assert RuleBook(known, COMPILED).hits(asked, T0) == RuleBook(shuffled, COMPILED).hits(asked, T0)


AT = {"path": st.just("match"), "source": st.just(HERE)}
ABOUT_SOMEBODY_OR_A_TAG: st.SearchStrategy[Condition] = st.one_of(
    st.builds(ParticipantsFit, quantifier=st.just(Quantifier.SOME), selectors=SOME_SELECTORS, **AT),
    st.builds(TagIs, tag=WORDS, patterns=st.lists(PATTERNS, max_size=2).map(tuple), **AT),
)


@given(leaf=ABOUT_SOMEBODY_OR_A_TAG, call=calls(), people=PARTICIPANTS, past=PAST)
@LAWS
def test_what_was_true_once_is_true_of_the_lifetime(
    leaf: Condition, call: Call, people: list[Participant], past: dict[str, tuple[str, ...]]
) -> None:
    check = compile_condition(leaf, COMPILED)
    moments = [
        Facts(replace(call, tags={**call.tags, tag: value}), people, settled=True)
        for tag, values in past.items()
        for value in values
    ]
    alone = [Facts(call, [replace(p, left_at=None)], settled=True) for p in people]
    was_true = any(check(f) is YES for f in (*moments, *alone, Facts(call, people, settled=True)))

    lifetime = LifetimeFacts(replace(call, past_tags=past), people, settled=True)

    assert (check(lifetime) is YES) is was_true
