"""Consent as documents state it, in a rule of its own and inside a policy."""

from __future__ import annotations

import pytest
from tests.unit.config.trees import EVERY_KIND, codes, document, findings, load, policy, token_of

from recordingd.config.policy_files import load_policies
from recordingd.domain.consent import (
    Ask,
    AskedBy,
    BeforeDecision,
    ConsentMode,
    ConsentRule,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.matchers import GroupName, Selector

ASK = 'ask: {by: daemon, prompts: {en: a.wav}, accept: {dtmf: "1"}, reject: {dtmf: "2"}}'


def rule(body: str) -> ConsentRule:
    [found] = load(document("ConsentRule", f"name: r\nmatch: {{}}\n{body}")).consent_rules
    return found


def rule_codes(body: str) -> list[str]:
    return codes(document("ConsentRule", f"name: r\nmatch: {{}}\n{body}"))


def test_rule_that_names_only_its_mode_has_no_opinion_on_the_rest() -> None:
    found = rule("mode: notice")
    assert found.spec == ConsentSpec(mode=ConsentMode.NOTICE)
    assert found.purpose == "recording"
    assert not found.is_observed


def test_every_field_of_a_rule_becomes_its_value() -> None:
    found, _ = load_policies(EVERY_KIND).consent_rules
    assert found.name == "all-party-places"
    assert found.description == "Where everybody has to agree"
    assert found.valid_from is not None
    assert found.spec == ConsentSpec(
        mode=ConsentMode.EXPLICIT,
        parties=Parties.ALL,
        satisfied_by=frozenset(Satisfaction),
        before_decision=BeforeDecision.PAUSED,
        timeout=Duration(seconds=30),
        ask=Ask(
            by=AskedBy.DAEMON,
            prompts={
                "en": "prompts/en.wav",
                "de": "https://contoso.example/prompts/de.wav",
            },
            language_tag="lang",
            default_language="en",
            accept="1",
            reject="2",
        ),
        denied=Refusal.STOP_AND_DELETE,
        late_join=LateJoin.NOTICE_ONLY,
        withdrawn_live=WithdrawnLive.STOP,
        withdrawn_kept=WithdrawnKept.KEEP,
        evidence_keep=Duration(months=84),
    )


def test_consent_inside_a_policy_has_the_fields_of_a_rule() -> None:
    found = next(p for p in load_policies(EVERY_KIND).policies if p.name == "support-line")
    assert found.consent == ConsentSpec(
        mode=ConsentMode.EXPLICIT,
        parties=(Selector(in_groups=(GroupName("customers"),)),),
        satisfied_by=frozenset({Satisfaction.LIVE}),
        before_decision=BeforeDecision.NOT_STARTED,
        timeout=Duration(seconds=20),
        ask=Ask(by=AskedBy.APPLICATION),
        denied=Refusal.CONTINUE_UNRECORDED,
        no_response=Refusal.STOP_AND_DELETE,
        evidence_keep=FOREVER,
    )


@pytest.mark.parametrize("mode", list(ConsentMode))
def test_every_mode_can_be_written(mode: ConsentMode) -> None:
    assert rule(f"mode: {mode.value}").spec.mode is mode


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("all", Parties.ALL),
        ("known", Parties.KNOWN),
        ("external", Parties.EXTERNAL),
        ("{role: customer}", 1),
        ("[{role: customer}, {kind: phoneNumber}]", 2),
    ],
)
def test_parties_are_a_word_or_selectors(written: str, expected: Parties | int) -> None:
    found = rule(f"mode: explicit\nparties: {written}").spec.parties
    assert (len(found) if isinstance(found, tuple) else found) == expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("everybody", "schema/enum"),
        ("[]", "schema/minItems"),
        ("{}", "schema/minProperties"),
        ("{rolle: x}", "schema/unknown-field"),
        ("[all]", "schema/type"),
        ("{in: [nobody]}", "policy/unknown-group"),
    ],
)
def test_faulty_parties_are_refused(written: str, code: str) -> None:
    assert rule_codes(f"mode: explicit\nparties: {written}") == [code]


def test_no_answer_is_the_same_as_a_refusal_unless_it_says_otherwise() -> None:
    same = rule("mode: explicit\noutcomes: {denied: endCall, noResponse: sameAsDenied}").spec
    other = rule("mode: explicit\noutcomes: {noResponse: continueUnrecorded}").spec
    assert (same.denied, same.no_response) == (Refusal.END_CALL, None)
    assert (other.denied, other.no_response) == (None, Refusal.CONTINUE_UNRECORDED)


# --- asking ---------------------------------------------------------------------------------------


def test_only_prompt_is_the_default_one() -> None:
    ask = rule(f"mode: explicit\n{ASK}").spec.ask
    assert ask is not None
    assert (ask.default_language, ask.language_tag) == ("en", None)


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("prompts: {en: a.wav}, ", "'prompts'"),
        ('accept: {dtmf: "1"}, ', "'accept'"),
        (', reject: {dtmf: "2"}', "'reject'"),
    ],
)
def test_daemon_that_asks_needs_prompts_and_keys(left_out: str, message: str) -> None:
    ask = ASK.replace(left_out, "")
    [found] = findings(document("ConsentRule", f"name: r\nmatch: {{}}\nmode: explicit\n{ask}"))
    assert found.code == "policy/ask-incomplete"
    assert message in found.message
    assert token_of(found) == "daemon"


@pytest.mark.parametrize(
    ("ask", "code", "token"),
    [
        (ASK.replace('"2"', '"1"'), "policy/same-key", '"1"'),
        (ASK.replace("en:", "de: b.wav, en:"), "policy/no-default-language", "prompts"),
        (ASK[:-1] + ", language: {default: fr}}", "policy/unknown-language", "fr"),
        (ASK.replace("daemon", "application"), "policy/field-not-possible", "prompts"),
        (ASK.replace("en:", "english:"), "schema/language", "english"),
        (ASK.replace("a.wav", "a.mp3"), "schema/prompt", "a.mp3"),
        (ASK.replace('"2"', '"22"'), "schema/key", '"22"'),
        (ASK.replace('"2"', "2"), "schema/type", "2"),
        (ASK.replace("by: daemon, ", ""), "schema/required:by", "ask"),
    ],
)
def test_asking_that_cannot_work_is_refused_at_its_token(ask: str, code: str, token: str) -> None:
    found = findings(document("ConsentRule", f"name: r\nmatch: {{}}\nmode: explicit\n{ask}"))
    assert (found[0].code, token_of(found[0])) == (code, token)


# --- what is not possible -------------------------------------------------------------------------


def test_purpose_stands_beside_consent_in_a_policy() -> None:
    [found] = findings(policy("consent: {mode: explicit, purpose: training}"))
    assert (found.code, token_of(found)) == ("schema/refused-field", "purpose")


def test_consent_rules_have_no_priority() -> None:
    assert rule_codes("mode: explicit\npriority: 1") == ["schema/refused-field"]


def test_rule_without_a_mode_is_told_apart_by_its_other_faults_too() -> None:
    assert rule_codes("mode: explicitly\nask: {by: daemon}") == [
        "schema/enum",
        "policy/ask-incomplete",
    ]


def test_language_that_is_spelt_like_a_field_of_selectors_names_no_group() -> None:
    assert rule_codes(f"mode: explicit\n{ASK.replace('en:', 'in:')}") == []
