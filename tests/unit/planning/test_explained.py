"""An explanation as one value: why not this rule, and the JSON and text forms of all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.factories import (
    MAIN,
    RECORDING,
    T0,
    after,
    make_call,
    make_participant,
    make_party,
    make_recording,
)

from recordingd.config.policy_files import load_texts
from recordingd.domain.calls import Call, Direction
from recordingd.domain.plans import Mode
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.explain import explain
from recordingd.planning.explain_json import explained_json
from recordingd.planning.explain_rules import explain_rules
from recordingd.planning.explain_text import explained_text
from recordingd.planning.explained import Expected, Explained, WhyNot, made_of, why_not
from recordingd.planning.matching import compile_policies

LATER = after(60)
SUPPORT = {"queue": "support"}
RULES = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: all
match: {}
record: {content: audio, channels: mixed, format: wav}
consent: {mode: notice}
retention: {keepAtLeast: 10d, deleteAfter: 20d}
---
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support
priority: 9
match: {to: {phone: "+1800*"}, tags: {queue: support}}
record: {content: audio, channels: mixed, format: wav}
---
apiVersion: recordingd/v1
kind: PauseRule
name: payment
match: {tags: {queue: billing}}
trigger: {signal: pauseRequested}
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
match: {direction: incoming}
reason: Subpoena
owner: legal@contoso.example
"""


def explained(
    call: Call | None = None, *, now: datetime = LATER, text: str = RULES, name: str | None = None
) -> Explained:
    context = PlanningContext(
        policies=compile_policies(load_texts({"p.yaml": text})),
        revision=1,
        mode=Mode.ENFORCE,
        archive=MAIN,
    )
    facts = CallFacts(call=call or make_call(), participants=(make_participant(),))
    decision = explain(facts, context, now)
    policies = context.policies
    winner = None if decision.policy is None else policies.by_name(decision.policy)
    others = explain_rules(facts, winner, context, now)
    reason = None if name is None else why_not(decision, others, name)
    return Explained(decision=decision, others=others, why_not=reason)


def reason(name: str, call: Call | None = None, *, now: datetime = LATER) -> WhyNot:
    found = explained(call, now=now, name=name).why_not
    assert found is not None
    return found


def dialled(queue: str = "support") -> Call:
    return make_call(tags={"queue": queue}, to_party=make_party("4:+18005550100"))


# --- why not --------------------------------------------------------------------------------------


def test_policy_that_does_not_match_names_the_leaves_that_said_no() -> None:
    found = reason("support", dialled("sales"))
    assert found.why == "it does not match: match.tags.queue"
    assert [leaf.path for leaf in found.leaves] == ["match.tags.queue"]


def test_policy_that_was_beaten_names_who_beat_it_and_by_what() -> None:
    found = reason("all", dialled())
    assert (found.why, found.leaves) == ("support beats it: priority 9 beats 0", ())


def test_policy_that_wins_says_so() -> None:
    assert reason("support", dialled()).why.startswith("it wins: support stands before all")


def test_what_stands_in_a_policy_counts_where_that_wins() -> None:
    found = reason("all#retention", dialled())
    assert found.why == "it counts only where all wins; all: support beats it: priority 9 beats 0"
    assert found.kind == "RetentionRule"


def test_rule_that_does_not_fit_names_the_leaves_that_said_no() -> None:
    found = reason("payment")
    assert found.why == "it does not fit the call: match.tags.queue"
    assert [leaf.actual for leaf in found.leaves] == ["no such tag"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("payment", "it fits the call"), ("trial", "it is only observed")],
)
def test_rule_that_fits_says_so(name: str, why: str) -> None:
    found = reason(name, dialled("billing"))
    assert (found.why, found.leaves) == (why, ())


def test_rule_in_doubt_names_what_is_not_known() -> None:
    found = reason("case", now=after(1))
    assert found.why == "whether it fits is not known: match.direction"
    assert [leaf.matched.value for leaf in found.leaves] == ["unknown"]


@pytest.mark.parametrize("name", ["unheard-of", "payment#consent", "all#record", ""])
def test_unknown_name_has_no_reason(name: str) -> None:
    assert explained(name=name).why_not is None


# --- JSON -----------------------------------------------------------------------------------------


def test_json_of_a_vote_has_the_stable_names() -> None:
    found = explained_json(explained(dialled()))
    assert {"decision", "policy", "runnerUp", "votes"} <= found.keys()
    assert (found["decision"], found["policy"], found["runnerUp"]) == ("record", "support", "all")
    votes = found["votes"]
    assert isinstance(votes, list)
    vote = votes[0]
    assert (vote["policy"], vote["vote"], vote["matched"]) == ("support", "record", "yes")
    leaf = vote["leaves"][0]
    assert {name: leaf[name] for name in ("path", "expected", "actual", "matched", "source")} == {
        "path": "match.to",
        "expected": "phone +1800*",
        "actual": "+18005550100",
        "matched": "yes",
        "source": "p.yaml:13",
    }


def test_json_of_no_match_is_null() -> None:
    text = RULES.replace("match: {}\nrecord", "match: {group: g}\nrecord")
    found = explained_json(explained(text=text))
    assert (found["decision"], found["policy"], found["runnerUp"]) == (None, None, None)
    assert found["retention"] is None


def test_json_tells_a_missing_fact_and_its_way_in() -> None:
    found = explained_json(explained(make_call(tags=SUPPORT), now=after(1)))
    assert found["undecided"] is True
    assert found["outlook"] == {"at": "2026-11-02T09:00:02Z", "decision": "record", "policy": "all"}
    votes = found["votes"]
    assert isinstance(votes, list)
    leaf = next(v for v in votes if v["policy"] == "support")["leaves"][0]
    assert (leaf["matched"], leaf["wayIn"]) == ("unknown", "incomingCall")


def test_json_of_other_rules_says_what_they_come_to() -> None:
    found = explained_json(explained(make_call(ended_at=after(30))))
    assert found["heldBy"] == ["case"]
    consent, retention = found["consent"], found["retention"]
    assert isinstance(consent, dict)
    assert isinstance(retention, dict)
    assert (consent["mode"], consent["rules"]) == ("notice", ["all#consent"])
    assert (retention["deleteAt"], retention["deleteRule"]) == (
        "2026-11-22T09:00:30Z",
        "all#retention",
    )
    assert [rule["rule"] for rule in retention["rules"]] == ["all#retention", "trial"]


def test_json_of_what_is_never_deleted() -> None:
    text = RULES.replace(", deleteAfter: 20d", "")
    found = explained_json(explained(make_call(ended_at=after(30)), text=text))["retention"]
    assert isinstance(found, dict)
    assert (found["deleteAt"], found["deleteRule"]) == ("never", None)


def test_json_tells_the_recordings_there_are() -> None:
    facts = CallFacts(call=make_call(), recordings=(make_recording(),))
    found = explained_json(replace(explained(), made=made_of(facts)))["recordings"]
    assert found == [
        {
            "id": RECORDING,
            "policy": "support-line",
            "policyRevision": 3,
            "source": "policies/support.yaml:7",
            "state": "expected",
        }
    ]


# --- text -----------------------------------------------------------------------------------------


def test_text_tells_the_decision_first_and_the_winner_before_the_others() -> None:
    lines = explained_text(explained(dialled())).splitlines()
    assert lines[3] == "record by support"
    assert lines[4] == "  support stands before all: priority 9 beats 0"
    assert lines[5] == "  runner-up: all"
    assert lines[8].startswith(
        "  yes      support: wins (record, priority 9, asks about from or to;"
    )


def test_text_tells_what_is_missing_and_which_way_in_tells_it() -> None:
    text = explained_text(explained(make_call(tags=SUPPORT), now=after(1)))
    assert "not decided yet; as far as is known: record by support" in text
    assert "missing: whom the call was placed to; the IncomingCall event of Event Grid" in text
    assert "all wins at 2026-11-02T09:00:02Z when nothing more is told" in text


def test_text_tells_consent_keeping_and_holds() -> None:
    call = make_call(ended_at=after(30), direction=Direction.OUTGOING)
    text = explained_text(explained(call, now=T0.replace(year=2027)))
    assert "consent: notice of all, paused until then, for 30s at most" in text
    assert "kept: at least until 2026-11-12T09:00:30Z by all#retention; deleted at" in text
    assert "holds: none" in text


def test_text_tells_why_not_and_what_was_expected_at_the_end() -> None:
    told = explained(name="payment")
    text = explained_text(replace(told, expected=Expected(policy="support", is_met=False)))
    assert text.splitlines()[-1] == "not as expected: expected support, all wins"
    assert "why not payment: it does not fit the call: match.tags.queue" in text


def test_same_value_gives_the_same_text() -> None:
    assert explained_text(explained(dialled())) == explained_text(explained(dialled()))
