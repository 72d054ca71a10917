"""What several consent rules come to: the strictest of each field."""

from __future__ import annotations

import pytest
from tests.factories import changed

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
from recordingd.domain.durations import FOREVER, parse_duration, parse_finite_duration
from recordingd.domain.matchers import Pattern, RuleName, Selector
from recordingd.planning.consent_rules import combine, question_of

EXPLICIT, NOTICE = ConsentMode.EXPLICIT, ConsentMode.NOTICE
NONE, IMPLIED = ConsentMode.NONE, ConsentMode.IMPLIED_AFTER_NOTICE
LIVE, PRIOR = Satisfaction.LIVE, Satisfaction.PRIOR_ON_FILE
ALICE, BOB = Selector(ids=(Pattern("alice"),)), Selector(ids=(Pattern("bob"),))


def spec(mode: ConsentMode = EXPLICIT, **says: object) -> ConsentSpec:
    return changed(ConsentSpec(mode=mode), says)


def both(*specs: ConsentSpec) -> ConsentNeed:
    need = combine([(RuleName(f"rule-{n}"), s) for n, s in enumerate(specs)])
    assert need is not None
    return need


def test_no_rule_is_no_need() -> None:
    assert combine([]) is None


def test_rule_that_says_nothing_has_the_defaults() -> None:
    assert both(spec()) == ConsentNeed(
        mode=EXPLICIT,
        parties=Parties.ALL,
        selectors=(),
        trusts_list=False,
        satisfied_by=frozenset({LIVE, PRIOR}),
        before_decision=BeforeDecision.PAUSED,
        timeout=parse_finite_duration("30s"),
        asks=(),
        denied=Refusal.STOP_AND_DELETE,
        no_response=Refusal.STOP_AND_DELETE,
        late_join=LateJoin.PAUSE_UNTIL_DECIDED,
        withdrawn_live=WithdrawnLive.STOP,
        withdrawn_kept=WithdrawnKept.REQUEST_ERASURE,
        evidence_keep=parse_duration("7y"),
        rules=(RuleName("rule-0"),),
    )


@pytest.mark.parametrize(
    ("field", "ladder"),
    [
        ("mode", (NONE, NOTICE, IMPLIED, EXPLICIT)),
        ("parties", (Parties.EXTERNAL, Parties.KNOWN, Parties.ALL)),
        ("before_decision", (BeforeDecision.PAUSED, BeforeDecision.NOT_STARTED)),
        ("timeout", (parse_duration("1h"), parse_duration("31s"), parse_duration("5s"))),
        ("evidence_keep", (parse_duration("1y"), parse_duration("10y"), FOREVER)),
        ("denied", (Refusal.CONTINUE_UNRECORDED, Refusal.STOP_AND_DELETE, Refusal.END_CALL)),
        ("no_response", (Refusal.CONTINUE_UNRECORDED, Refusal.STOP_AND_DELETE, Refusal.END_CALL)),
        ("late_join", (LateJoin.NOTICE_ONLY, LateJoin.PAUSE_UNTIL_DECIDED)),
        ("withdrawn_live", (WithdrawnLive.STOP, WithdrawnLive.END_CALL)),
        ("withdrawn_kept", (WithdrawnKept.KEEP, WithdrawnKept.REQUEST_ERASURE)),
    ],
)
def test_strictest_of_each_field_counts(field: str, ladder: tuple[object, ...]) -> None:
    for place, milder in enumerate(ladder):
        for stricter in ladder[place:]:
            one, other = (changed(spec(), {field: said}) for said in (milder, stricter))
            assert getattr(both(one, other), field) == stricter, (milder, stricter)


def test_missing_answer_is_taken_as_the_same_rule_takes_a_refusal() -> None:
    assert both(spec(denied=Refusal.END_CALL)).no_response is Refusal.END_CALL
    assert both(spec(denied=Refusal.CONTINUE_UNRECORDED)).no_response is (
        Refusal.CONTINUE_UNRECORDED
    )


def test_default_of_a_rule_that_is_silent_counts_beside_a_milder_word() -> None:
    milder = spec(denied=Refusal.CONTINUE_UNRECORDED, timeout=parse_duration("5m"))

    need = both(spec(), milder)

    assert (need.denied, need.timeout) == (Refusal.STOP_AND_DELETE, parse_duration("30s"))


def test_rule_that_asks_for_nothing_adds_nothing() -> None:
    external = spec(parties=Parties.EXTERNAL, denied=Refusal.CONTINUE_UNRECORDED)

    need = both(spec(NONE, parties=Parties.ALL, denied=Refusal.END_CALL), external)

    assert (need.mode, need.parties, need.denied) == (
        EXPLICIT,
        Parties.EXTERNAL,
        Refusal.CONTINUE_UNRECORDED,
    )
    assert need.rules == ("rule-0", "rule-1")


def test_need_without_any_question_still_names_its_rules() -> None:
    assert (both(spec(NONE)).mode, both(spec(NONE)).rules) == (NONE, ("rule-0",))


# --- whose answers --------------------------------------------------------------------------------


def test_selectors_unite_and_ask_nobody_else() -> None:
    need = both(spec(parties=(BOB,)), spec(parties=(ALICE, BOB)))

    assert (need.parties, need.selectors) == (None, (ALICE, BOB))


def test_selectors_are_asked_besides_the_parties_of_another_rule() -> None:
    need = both(spec(parties=(ALICE,)), spec(parties=Parties.EXTERNAL))

    assert (need.parties, need.selectors) == (Parties.EXTERNAL, (ALICE,))


@pytest.mark.parametrize(
    ("other", "trusts"),
    [
        (Parties.KNOWN, True),
        (Parties.EXTERNAL, False),
        (Parties.ALL, False),
        ((ALICE,), False),
        (None, False),
    ],
)
def test_list_is_trusted_only_where_every_rule_does(other: object, *, trusts: bool) -> None:
    assert both(spec(parties=Parties.KNOWN), spec(parties=other)).trusts_list is trusts


# --- which answers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ((None, None), {LIVE, PRIOR}),
        (({PRIOR}, None), {PRIOR}),
        (({LIVE, PRIOR}, {LIVE}), {LIVE}),
        (({LIVE}, {PRIOR}), {LIVE}),
        (({PRIOR}, {PRIOR}), {PRIOR}),
    ],
)
def test_answer_must_satisfy_every_rule_and_where_none_can_it_must_be_live(
    said: tuple[set[Satisfaction] | None, ...], counts: set[Satisfaction]
) -> None:
    specs = [spec(satisfied_by=None if s is None else frozenset(s)) for s in said]
    assert both(*specs).satisfied_by == counts


def test_prompts_of_every_rule_are_kept_once() -> None:
    german = Ask(by=AskedBy.DAEMON, prompts={"de": "de.wav"}, accept="1", reject="2")
    same = Ask(by=AskedBy.DAEMON, prompts={"de": "de.wav"}, accept="1", reject="2")
    application = Ask(by=AskedBy.APPLICATION)

    assert both(spec(ask=german), spec(ask=application), spec(ask=same), spec()).asks == (
        application,
        german,
    )


def test_rule_given_twice_is_named_once() -> None:
    name = RuleName("support-line#consent")

    need = combine([(name, spec(NOTICE)), (name, spec(EXPLICIT))])

    assert need is not None
    assert (need.mode, need.rules) == (EXPLICIT, (name,))


# --- questions ------------------------------------------------------------------------------------


def test_rule_that_asks_for_nothing_is_no_question() -> None:
    assert question_of(RuleName("rule"), spec(NONE)) is None


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (spec(timeout=parse_duration("5s"), denied=Refusal.END_CALL), True),
        (spec(NOTICE), False),
        (spec(parties=Parties.ALL), False),
        (spec(parties=(ALICE,)), False),
        (spec(satisfied_by=frozenset({LIVE})), False),
    ],
)
def test_question_is_another_where_another_answer_is_needed(
    other: ConsentSpec, *, is_same: bool
) -> None:
    name = RuleName("rule")
    assert (question_of(name, spec()) == question_of(name, other)) is is_same
    assert question_of(name, other) != question_of(RuleName("other"), other)
