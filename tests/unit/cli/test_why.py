"""`why` at the command line: one recording's whole life."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.factories import (
    ALICE,
    RECORDING,
    T0,
    after,
    keep,
    make_answer,
    make_call,
    make_copy,
    make_facts,
    make_keeping,
    make_participant,
    make_stopped,
    make_verified,
)

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.cli.why import ending
from recordingd.domain.recordings import CallFacts, Pause, PauseReason
from recordingd.ledger.engine import open_ledger
from recordingd.ports.ledger import AuditEntry

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: NOBODY_SET_THIS}}
policies: policies
"""
HOLD = """\
apiVersion: recordingd/v1
kind: LegalHold
name: case-4711
match: {participants: {some: {id: "8:acs:alice"}}}
reason: Subpoena
owner: legal@contoso.example
allowEmpty: true
"""

RULE = "support-line#retention"
DATE = "2028-11-20T12:19:10Z"


@pytest.mark.parametrize(
    ("state", "delete_at", "rule", "said"),
    [
        ("kept", DATE, RULE, f"goes at {DATE} by {RULE}"),
        ("kept", "never", None, "is never deleted"),
        ("capturing", None, None, "goes at a time not known yet"),
        ("purged", DATE, RULE, f"its copies are deleted, by {RULE}"),
        ("notRecorded", None, None, "there is nothing to keep"),
        ("lost", DATE, RULE, "there is nothing to keep"),
    ],
)
def test_end_of_a_recording_is_told_as_it_is(
    state: str, delete_at: str | None, rule: str | None, said: str
) -> None:
    assert ending({"state": state, "deleteAt": delete_at, "deleteRule": rule}) == said


def kept() -> CallFacts:
    """A call of which one recording is kept, by two rules."""
    silence = Pause(
        recording=RECORDING,
        reason=PauseReason.CONSENT,
        opened_at=T0,
        closed_at=after(5),
    )
    rules = (
        make_keeping(keep("5y"), "law"),
        make_keeping(keep("90d", "2y")),
    )
    return make_facts(
        make_call(ended_at=after(60)),
        participants=(make_participant(ALICE),),
        recordings=(make_stopped(policy_revision=1, keeping=rules),),
        files=(make_verified(),),
        copies=(make_copy(),),
        consents=(make_answer(participant=ALICE, at=after(5)),),
        pauses=(silence,),
    )


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recordingd.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    assert run(["ledger", "upgrade"]) == Exit.OK
    database = open_ledger(
        f"sqlite:///{tmp_path / 'ledger.db'}", instance="default", now=lambda: T0
    )
    with database.transaction() as ledger:
        ledger.add_revision(
            digest="d" * 64, texts={"h.yaml": HOLD}, git_commit="c0ffee", at=after(-60)
        )
        line = AuditEntry(
            kind="recording.expected", call_id=None, ref=RECORDING, detail={"reason": "matched"}
        )
        ledger.save(kept(), audit=(line,))
    database.close()
    return tmp_path


@pytest.fixture
def told(tree: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert (tree / "ledger.db").exists()
    capsys.readouterr()
    assert run(["why", RECORDING, "-f", "json"]) == Exit.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_policy_is_told_with_its_revision_line_and_commit(told: dict[str, Any]) -> None:
    assert told["policy"] == {
        "name": "support-line",
        "source": "policies/support.yaml:7",
        "revision": 1,
        "digest": "d" * 64,
        "gitCommit": "c0ffee",
        "acceptedAt": "2026-11-02T08:59:00Z",
    }


def test_every_rule_of_its_keeping_is_told_with_dates_and_what_it_decides(
    told: dict[str, Any],
) -> None:
    law, inline = told["keeping"]
    assert (law["rule"], law["keepAtLeast"], law["decides"]) == ("law", "5y", ["keepUntil"])
    assert (law["keepUntil"], law["deleteAt"]) == ("2031-11-02T09:01:00Z", None)
    assert (inline["keepUntil"], inline["deleteAt"]) == (
        "2027-01-31T09:01:00Z",
        "2028-11-02T09:01:00Z",
    )
    assert inline["decides"] == ["deleteAt"]


def test_pauses_and_consents_are_told(told: dict[str, Any]) -> None:
    assert [(c["answer"], c["participant"]) for c in told["consents"]] == [("granted", ALICE)]
    assert [p["reason"] for p in told["recording"]["pauses"]] == ["consent"]


def test_hold_that_keeps_it_is_told(told: dict[str, Any]) -> None:
    assert told["recording"]["heldBy"] == ["case-4711"]
    assert told["recording"]["deleteAt"] == "2031-11-02T09:01:00Z"


@pytest.mark.usefixtures("tree")
def test_text_tells_the_whole_life(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["why", RECORDING]) == Exit.OK
    out = capsys.readouterr().out
    assert "revision 1 accepted at 2026-11-02T08:59:00Z, commit c0ffee" in out
    assert "  consent of 8:acs:alice: granted at 2026-11-02T09:00:05Z (" in out
    assert "  silent for consent from 2026-11-02T09:00:00Z, until 2026-11-02T09:00:05Z" in out
    assert "  law (" in out
    assert "keepAtLeast 5y (2031-11-02T09:01:00Z, which decides)" in out
    assert "  goes at 2031-11-02T09:01:00Z by support-line#retention" in out
