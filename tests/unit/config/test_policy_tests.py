"""Tests of policies as documents state them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.config.trees import EVERY_KIND, codes, document, findings, policy, token_of

from recordingd.config.diagnostics import Invalid
from recordingd.config.policy_files import load_policies, load_texts, load_tree
from recordingd.config.policy_tests import DEFAULT_START
from recordingd.config.scalars import parse_moment
from recordingd.domain.calls import ConsentAnswer
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.parties import Direction, Party, PartyKind, Phone, RawId
from recordingd.domain.policies import Decision, PolicyName
from recordingd.domain.policy_tests import (
    Answers,
    AsksForPause,
    Ends,
    Expectation,
    ExpectedCapture,
    ExpectedRetention,
    IsTagged,
    Joins,
    Leaves,
    PolicyTest,
    TimePasses,
)

ROOT = Path(__file__).parents[3]
CUSTOMER = RawId("4:+14155550100")


def made(
    *, call: str = "{}", steps: str = "[]", expect: str = "[{after: 0, capture: none}]"
) -> str:
    body = f"name: t\ngiven: {{call: {call}, steps: {steps}}}\nexpect: {expect}"
    return document("PolicyTest", body)


def read(tree: Path, text: str) -> PolicyTest:
    (tree / "p.yaml").write_text(f"{policy()}---\n{text}")
    [found] = load_tree(tree).tests
    return found


def every_field() -> PolicyTest:
    found, _ = load_tree(EVERY_KIND).tests
    assert found.name == "everything-a-test-can-say"
    return found


def refusals(text: str) -> list[tuple[str, str]]:
    return [(found.code, token_of(found)) for found in findings(policy(), text)]


# --- the call -------------------------------------------------------------------------------------


def test_every_field_of_a_call_becomes_its_value() -> None:
    test = every_field()
    call = test.call
    number = Phone("+4989123456")
    assert call.from_party == Party(
        raw_id=RawId("4:+4989123456"),
        kind=PartyKind.PHONE_NUMBER,
        phone=number,
        display_name="Customer",
    )
    assert call.to_party is not None
    assert call.to_party.phone == "+18005550100"
    assert call.started_by == Party(
        raw_id=RawId("8:acs:9f2c_aa7"), phone=Phone("+442079460018"), display_name="Agent"
    )
    assert call.tags == {"queue": "billing"}
    assert (call.group_id, call.room_id, call.resource) == ("group-1", "room-1", "resource-1")
    assert call.direction is Direction.OUTGOING
    assert (call.is_two_party, call.is_rooms_call) == (False, True)
    assert call.server_call_id == "aHR0cHM6"
    assert call.started_at == test.started_at == datetime(2026, 2, 3, 9, tzinfo=UTC)
    assert test.is_list_complete
    assert test.parties == (
        Party(
            raw_id=RawId("8:orgid:1"),
            kind=PartyKind.TEAMS_USER,
            display_name="Someone",
            role="agent",
        ),
    )


def test_call_that_says_nothing_has_the_documented_defaults() -> None:
    _, test = load_tree(EVERY_KIND).tests
    assert test.started_at == DEFAULT_START
    assert DEFAULT_START.weekday() == 0
    assert test.call.server_call_id == "policy-test-support-waits-for-consent"
    assert test.call.direction is Direction.INCOMING
    assert (test.call.is_two_party, test.call.is_rooms_call) == (True, False)
    assert not test.is_list_complete
    assert test.call.started_at == test.call.first_seen_at == DEFAULT_START


def test_schema_names_the_start_of_a_call_that_says_none() -> None:
    schema = json.loads((ROOT / "schema" / "policy.schema.json").read_text())
    call = schema["$defs"]["policyTest"]["properties"]["given"]["properties"]["call"]
    assert parse_moment(call["properties"]["startedAt"]["default"]) == DEFAULT_START


# --- steps ----------------------------------------------------------------------------------------


def test_every_step_becomes_its_value() -> None:
    def at(line: int) -> Source:
        return Source(file="tests.yaml", line=line)

    customer = Party(raw_id=CUSTOMER, kind=PartyKind.PHONE_NUMBER, phone=Phone("+14155550100"))
    assert every_field().steps == (
        Answers(
            source=at(34),
            answer=ConsentAnswer.WITHDRAWN,
            participant=CUSTOMER,
            purpose="training",
            method="dtmf",
        ),
        Joins(source=at(35), party=customer),
        Leaves(source=at(36), participant=CUSTOMER),
        IsTagged(source=at(37), tags={"payment": "active"}),
        IsTagged(source=at(38), roles={"8:orgid:1": "supervisor"}),
        AsksForPause(source=at(39)),
        AsksForPause(source=at(40), is_resume=True),
        TimePasses(source=at(41), duration=Duration(seconds=30)),
        Ends(source=at(42)),
    )


@pytest.mark.parametrize("answer", list(ConsentAnswer))
def test_every_answer_can_be_given(answer: ConsentAnswer) -> None:
    text = made(steps=f"[{{consent: {{answer: {answer.value}}}}}]")
    assert codes(policy(), text) == []


@pytest.mark.parametrize(
    ("steps", "code", "token"),
    [
        ("[{end: false}]", "schema/enum", "false"),
        ("[{}]", "schema/minProperties", "{}"),
        ("[{wait: 1s, end: true}]", "schema/maxProperties", "{wait: 1s, end: true}"),
        ("[{wait: forever}]", "schema/finite-duration", "forever"),
        ("[{join: {displayName: x}}]", "schema/required:phone", "join"),
        ('[{join: {id: "8:acs:*"}}]', "schema/raw-id", '"8:acs:*"'),
        ("[{role: {agent: x}}]", "schema/party", "agent"),
        ("[{signal: pause}]", "schema/enum", "pause"),
        ("[{consent: {answer: yes}}]", "schema/enum", "yes"),
        ("[{leave: agent}]", "schema/party", "agent"),
        ('[{leave: "8:acs:x"}]', "test/not-there", '"8:acs:x"'),
        ('[{join: {id: "8:a:x"}}, {join: {id: "8:a:x"}}]', "test/there-already", '{id: "8:a:x"}'),
    ],
)
def test_faulty_step_is_refused_at_its_token(steps: str, code: str, token: str) -> None:
    assert refusals(made(steps=steps)) == [(code, token)]


def test_somebody_who_left_may_come_back() -> None:
    call = '{participants: [{id: "8:acs:a"}]}'
    steps = '[{leave: "8:acs:a"}, {join: {id: "8:acs:a"}}, {leave: "8:acs:a"}]'
    assert codes(policy(), made(call=call, steps=steps)) == []


def test_participant_is_listed_once() -> None:
    call = '{participants: [{phone: "+14155550100"}, {id: "4:+14155550100"}]}'
    assert refusals(made(call=call)) == [("test/there-already", '{id: "4:+14155550100"}')]


# --- expectations ---------------------------------------------------------------------------------


def test_every_expectation_becomes_its_value() -> None:
    first, second, third = every_field().expect
    assert first == Expectation(
        source=Source(file="tests.yaml", line=44),
        after=0,
        policy=PolicyName(""),
        capture=ExpectedCapture.NONE,
        holds=frozenset(),
    )
    assert second.pauses == frozenset({"operator", "pause:card-payment"})
    assert second.consent == "notRequired"
    assert third.record == {"content": "audio", "format": "wav"}
    assert third.assign == {1: "8:acs:a", 2: "8:acs:b", 3: "8:acs:c", 4: "8:acs:d"}
    assert third.retention == ExpectedRetention(
        keep_until=FOREVER, delete_after=FOREVER, rule=RuleName("mifid-ii")
    )
    assert third.holds == frozenset({RuleName("case-4711")})
    _, promised = load_tree(EVERY_KIND).tests
    assert promised.expect[0].record == {"channels": "unmixed"}
    assert promised.expect[0].assign == {0: "8:acs:9f2c_aa7"}
    assert promised.expect[2].retention is not None
    assert promised.expect[2].retention.rule == "support-line#retention"


@pytest.mark.parametrize(
    ("said", "policy_name", "decision"),
    [
        ("decision: record", None, Decision.RECORD),
        ("decision: none", "", None),
        ("policy: none", "", None),
        ("policy: p", "p", None),
        ("policy: p, decision: record", "p", Decision.RECORD),
    ],
)
def test_no_decision_is_the_same_as_no_policy(
    said: str, policy_name: str | None, decision: Decision | None, tmp_path: Path
) -> None:
    [found] = read(tmp_path, made(expect=f"[{{after: 0, {said}}}]")).expect
    assert (found.policy, found.decision) == (policy_name, decision)


@pytest.mark.parametrize(
    ("expect", "code", "token"),
    [
        ("{after: 0}", "test/expects-nothing", "{after: 0}"),
        ("{after: 0, policy: none, decision: record}", "test/contradiction", "record"),
        ("{after: 0, policy: p, decision: none}", "test/contradiction", "none"),
        ("{capture: active}", "schema/required:after", "{capture: active}"),
        ("{after: -1, capture: active}", "schema/minimum", "-1"),
        ("{after: 0, record: {assign: {5: x}}}", "schema/unknown-field", "5"),
        ("{after: 0, pauses: [hold]}", "schema/pause-reason", "hold"),
        ("{after: 0, retention: {deleteAfter: 2}}", "schema/type", "2"),
        ("{after: 0, consent: yes}", "schema/enum", "yes"),
    ],
)
def test_faulty_expectation_is_refused_at_its_token(expect: str, code: str, token: str) -> None:
    assert refusals(made(expect=f"[{expect}]")) == [(code, token)]


# --- trees ----------------------------------------------------------------------------------------


def test_tests_are_part_of_the_digest_and_not_of_the_set() -> None:
    alone, tested = {"p.yaml": policy()}, {"p.yaml": policy(), "t.yaml": made()}
    before, after = load_texts(alone), load_texts(tested)
    assert before.digest != after.digest
    assert before.policies == after.policies


def test_tests_are_read_by_name() -> None:
    assert [test.name for test in load_tree(EVERY_KIND).tests] == [
        "everything-a-test-can-say",
        "support-waits-for-consent",
    ]


def test_fault_anywhere_in_a_tree_refuses_its_tests(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        read(tmp_path, made().replace("expect", "expects"))


def test_rules_and_tests_of_a_tree_are_read_together() -> None:
    tree = load_tree(EVERY_KIND)
    assert tree.policies == load_policies(EVERY_KIND)
    assert [test.name for test in tree.tests] == sorted(test.name for test in tree.tests)
    assert len(tree.tests) == 2
