"""Everything that policies may say and this version does not do is said where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.config.trees import codes, document, policy, token_of

from recordingd.config.diagnostics import Diagnostic, Severity
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies

ASK = 'ask: {by: daemon, prompts: {en: a.wav}, accept: {dtmf: "1"}, reject: {dtmf: "2"}}'


def found_in(tree: Path, text: str) -> list[Diagnostic]:
    """Return what is found in a document, which must be usable."""
    (tree / "p.yaml").write_text(text)
    diagnostics, policies = check_policies(tree)
    assert policies is not None
    return list(diagnostics)


def gaps(tree: Path, text: str) -> list[tuple[str, str]]:
    """Return the token and the message of everything that has no effect in a document."""
    found = [d for d in found_in(tree, text) if d.code == "policy/no-effect"]
    assert all(d.severity is Severity.WARNING and d.help for d in found)
    return [(token_of(d), d.message.removeprefix("this version does not ")) for d in found]


def consent_rule(body: str) -> str:
    return document("ConsentRule", f"name: r\nmatch: {{}}\nmode: explicit\n{body}")


def test_copies_are_not_made(tmp_path: Path) -> None:
    text = policy("record: {archive: {to: main, copyTo: [vault]}}")
    assert gaps(tmp_path, text) == [("copyTo", "make copies yet: files lie in their archive alone")]


def test_calls_are_not_ended_when_a_recording_fails(tmp_path: Path) -> None:
    message = "end calls yet: a failed recording is alarmed, and the call goes on"
    assert gaps(tmp_path, policy("onFailure: endCall")) == [("endCall", message)]


@pytest.mark.parametrize("field", ["denied", "noResponse"])
def test_calls_are_not_ended_when_consent_is_refused(tmp_path: Path, field: str) -> None:
    text = consent_rule(f"outcomes: {{{field}: endCall}}")
    message = "end calls yet: the recording is stopped and deleted, and the call goes on"
    assert gaps(tmp_path, text) == [("endCall", message)]


def test_calls_are_not_ended_when_consent_is_withdrawn(tmp_path: Path) -> None:
    text = consent_rule("outcomes: {withdrawn: {live: endCall}}")
    message = "end calls yet: the recording is stopped, and the call goes on"
    assert gaps(tmp_path, text) == [("endCall", message)]


def test_daemon_asks_nobody(tmp_path: Path) -> None:
    message = "ask participants yet: nobody has answered until an application says so"
    assert gaps(tmp_path, consent_rule(ASK)) == [("daemon", message)]


def test_keeping_of_evidence_does_not_end(tmp_path: Path) -> None:
    message = "end the keeping of evidence yet: answers stay in the ledger for good"
    assert gaps(tmp_path, consent_rule("evidence: {keep: 7y}")) == [("7y", message)]


@pytest.mark.parametrize("written", ["priorOnFile", "[live, priorOnFile]"])
def test_no_consent_is_on_file(tmp_path: Path, written: str) -> None:
    message = "keep consents on file yet: a prior one counts only where a signal tells it"
    text = consent_rule(f"satisfiedBy: {written}")
    assert gaps(tmp_path, text) == [("priorOnFile", message)]


def test_consent_inside_a_policy_is_looked_at_as_well(tmp_path: Path) -> None:
    text = policy(f"consent: {{mode: explicit, {ASK}, outcomes: {{denied: endCall}}}}")
    assert [token for token, _ in gaps(tmp_path, text)] == ["daemon", "endCall"]


@pytest.mark.parametrize(
    "match",
    [
        "{direction: outgoing}",
        "{tags: {a: b}, direction: [incoming, outgoing]}",
        "{any: [{tags: {a: b}}, {not: {direction: outgoing}}]}",
    ],
)
def test_no_call_is_known_to_be_outgoing(tmp_path: Path, match: str) -> None:
    message = "learn that a call is outgoing yet: 'outgoing' fits no call"
    assert gaps(tmp_path, policy(match=match)) == [("direction", message)]


@pytest.mark.parametrize(
    "rule",
    [
        document("ConsentRule", "name: r\nmatch: {direction: outgoing}\nmode: notice"),
        document(
            "PauseRule",
            "name: r\nmatch: {direction: outgoing}\ntrigger: {signal: pauseRequested}",
        ),
        document("RetentionRule", "name: r\nmatch: {direction: outgoing}\nkeepAtLeast: 1y"),
        document("LegalHold", "name: r\nmatch: {direction: outgoing}\nreason: r\nowner: o"),
    ],
)
def test_direction_is_looked_for_in_every_kind(tmp_path: Path, rule: str) -> None:
    assert [token for token, _ in gaps(tmp_path, rule)] == ["direction"]


@pytest.mark.parametrize(
    "text",
    [
        policy("record: {archive: {to: main}}"),
        policy("onFailure: continue"),
        policy(match="{direction: incoming}"),
        policy("consent: {mode: explicit, ask: {by: application}, evidence: {keep: forever}}"),
        consent_rule("satisfiedBy: live"),
        consent_rule("outcomes: {denied: stopAndDelete, noResponse: continueUnrecorded}"),
        consent_rule("outcomes: {withdrawn: {live: stop, kept: keep}}"),
    ],
)
def test_what_is_done_is_not_warned_of(tmp_path: Path, text: str) -> None:
    assert gaps(tmp_path, text) == []


def test_document_that_cannot_be_used_is_not_said_to_have_no_effect() -> None:
    context = PolicyContext(has_callbacks=False)
    text = policy("onFailure: endCall\nrecord: {archive: {copyTo: [vault]}}")
    assert codes(text, context=context) == ["policy/end-call-needs-callbacks"]
