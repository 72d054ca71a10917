from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.factories import after
from tests.unit.runtime.daemons import Stand, make_stand
from tests.unit.runtime.trees import FORBID, HOLD, LOCKED, POLICY, write_tree

from recordingd.cli.exits import Exit
from recordingd.domain.errors import LedgerFault
from recordingd.runtime.control_answers import ControlAnswers

ALL = {"all.yaml": POLICY.format(name="everything")}
Question = Callable[[Stand, ControlAnswers], Awaitable[Mapping[str, object]]]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[Question], dict[str, Any]]:
    """Put one question to a daemon that begins with one policy."""

    def run(question: Question) -> dict[str, Any]:
        async def inside() -> dict[str, Any]:
            stand = await make_stand(tmp_path)
            answers = ControlAnswers(
                steering=stand.daemon.steering,
                ask_status=stand.daemon.receiver.backend.status,
            )
            answer = dict(await question(stand, answers))
            stand.runner.database.close()
            return answer

        return asyncio.run(inside())

    return run


Ask = Callable[[Question], dict[str, Any]]


def reloading(files: Mapping[str, str], *, is_check: bool = False) -> Question:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        write_tree(stand.settings, files)
        return await answers.reload(by="ada", is_check=is_check)

    return question


def suspending(scope: str, until: str = "2026-11-02T11:00:00Z") -> Question:
    async def question(_: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        return await answers.suspend(by="ada", scope=scope, until=until, reason="r")

    return question


def test_good_files_are_answered_with_what_is_in_force(ask: Ask) -> None:
    answer = ask(reloading(ALL | {"forbid.yaml": FORBID}))
    assert (answer["ok"], answer["exitCode"], answer["changed"]) == (True, Exit.OK, True)
    assert (answer["revision"], answer["errors"], answer["gitCommit"]) == (2, [], None)
    assert len(answer["digest"]) == 64


def test_check_answers_with_the_revision_that_stays(ask: Ask) -> None:
    answer = ask(reloading(ALL | {"forbid.yaml": FORBID}, is_check=True))
    assert (answer["ok"], answer["changed"], answer["revision"]) == (True, True, 1)


def test_invalid_files_are_answered_with_every_finding_and_its_text(ask: Ask) -> None:
    answer = ask(reloading({"all.yaml": "kind: Nonsense\n"}))
    assert (answer["ok"], answer["exitCode"]) == (False, Exit.INVALID)
    assert (answer["revision"], answer["changed"]) == (1, False)
    findings = answer["diagnostics"]
    assert findings
    assert {f["severity"] for f in findings} == {"error"}
    assert len(answer["report"]) == len(findings)
    assert "all.yaml:1:7" in "".join(answer["report"])


def test_shrunk_lock_is_answered_with_why(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        await reloading(ALL | {"locked.yaml": LOCKED.format(floor="5y")})(stand, answers)
        return await reloading(ALL | {"locked.yaml": LOCKED.format(floor="3y")})(stand, answers)

    answer = ask(question)
    assert (answer["ok"], answer["exitCode"]) == (False, Exit.GUARD_REFUSED)
    assert "keepAtLeast was 5y, is 3y" in answer["errors"][0]


def test_ledger_that_fails_is_a_failure_and_no_verdict(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        stand.runner.refuse = [LedgerFault("the disk is full")]
        return await answers.reload(by="ada", is_check=False)

    answer = ask(question)
    assert (answer["exitCode"], answer["errors"]) == (Exit.FAILED, ["the disk is full"])


def test_suspension_is_answered_as_status_shows_it(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        made = await suspending("everything")(stand, answers)
        status = await answers.status()
        assert status["suspensions"] == [made["suspension"]]
        return made

    answer = ask(question)
    assert answer["exitCode"] == Exit.OK
    assert answer["suspension"] == {
        "scope": "everything",
        "until": "2026-11-02T11:00:00Z",
        "reason": "r",
        "by": "ada",
        "at": after(0).isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize(
    ("scope", "until", "code"),
    [
        ("everithing", "2026-11-02T11:00:00Z", Exit.USAGE),
        ("everything", "tomorrow", Exit.USAGE),
        ("everything", "2026-11-02T11:00:00", Exit.USAGE),
        ("everything", "2026-11-02T08:00:00Z", Exit.USAGE),
    ],
)
def test_suspension_that_makes_no_sense_is_a_wrong_command_line(
    ask: Ask, scope: str, until: str, code: Exit
) -> None:
    answer = ask(suspending(scope, until))
    assert (answer["ok"], answer["exitCode"]) == (False, code)
    assert answer["errors"]


def test_suspension_of_a_forbid_is_refused(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        await reloading(ALL | {"forbid.yaml": FORBID})(stand, answers)
        return await suspending("works-council")(stand, answers)

    assert ask(question)["exitCode"] == Exit.GUARD_REFUSED


def test_lift_answers_with_what_was_lifted(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        await suspending("everything")(stand, answers)
        return await answers.lift(by="bob", scope="everything")

    answer = ask(question)
    assert [s["scope"] for s in answer["lifted"]] == ["everything"]


def test_lift_of_an_unknown_scope_is_a_wrong_command_line(ask: Ask) -> None:
    async def question(_: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        return await answers.lift(by="bob", scope="everithing")

    assert ask(question)["exitCode"] == Exit.USAGE


def test_status_names_the_git_commit(ask: Ask) -> None:
    async def question(_: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        return await answers.status()

    answer = ask(question)
    assert (answer["gitCommit"], answer["suspensions"]) == (None, [])


# --- approvals ------------------------------------------------------------------------------------

APPROVAL: dict[str, object] = {
    "planDigest": "cd" * 32,
    "policyDigest": "ab" * 32,
    "ledgerGeneration": 0,
    "recordings": ["r2", "r1"],
    "reason": "the works council agreed",
}


def approving(**changes: object) -> Question:
    async def question(_: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        return await answers.approve({**APPROVAL, **changes}, by="ada")

    return question


def test_approval_is_answered_as_it_was_written(ask: Ask) -> None:
    answer = ask(approving())
    approval = answer["approval"]
    assert (answer["ok"], answer["exitCode"]) == (True, Exit.OK)
    assert approval.pop("id")
    assert approval == {
        "planDigest": "cd" * 32,
        "policyDigest": "ab" * 32,
        "recordings": ["r1", "r2"],
        "reason": "the works council agreed",
        "by": "ada",
        "at": "2026-11-02T09:00:00Z",
        "expiresAt": "2026-11-09T09:00:00Z",
    }


def test_approval_is_heeded_at_once(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        digest = stand.daemon.rules.in_force.digest
        answer = await answers.approve({**APPROVAL, "policyDigest": digest}, by="ada")
        assert stand.daemon.rules.context().shortened == {"r1", "r2"}
        assert stand.daemon.rules.context().approvers == {"r1": "ada", "r2": "ada"}
        assert stand.daemon.steering.keeping_changed.is_set()
        return answer

    assert ask(question)["ok"]


def test_approval_of_a_plan_from_before_a_hold_is_stale(ask: Ask) -> None:
    async def question(stand: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        await reloading(ALL | {"hold.yaml": HOLD})(stand, answers)
        answer = await answers.approve(APPROVAL, by="ada")
        assert stand.read(lambda rows: rows.approvals_for("ab" * 32, now=after(0))) == []
        return answer

    answer = ask(question)
    assert (answer["ok"], answer["exitCode"]) == (False, Exit.PLAN_STALE)
    assert "holds were placed or released" in answer["errors"][0]


@pytest.mark.parametrize("missing", sorted(APPROVAL))
def test_approval_without_a_field_is_a_wrong_command_line(ask: Ask, missing: str) -> None:
    async def question(_: Stand, answers: ControlAnswers) -> Mapping[str, object]:
        body = {name: value for name, value in APPROVAL.items() if name != missing}
        return await answers.approve(body, by="ada")

    answer = ask(question)
    assert (answer["ok"], answer["exitCode"]) == (False, Exit.USAGE)
    assert missing in answer["errors"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"recordings": []},
        {"recordings": "r1"},
        {"recordings": ["r1", 7]},
        {"ledgerGeneration": "0"},
        {"ledgerGeneration": True},
        {"reason": None},
    ],
)
def test_malformed_approval_is_a_wrong_command_line(ask: Ask, changes: dict[str, object]) -> None:
    assert ask(approving(**changes))["exitCode"] == Exit.USAGE
