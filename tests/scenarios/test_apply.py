"""Keeping recordings shorter: nothing goes before somebody approved the plan that names it.

Played with the real daemon; `plan` and `apply` are run beside it, as on the daemon's host.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from pathlib import Path

from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import Ran, Stage
from tests.scenarios.tree import CONSENT_LINE, FLOOR_LINE, POLICIES, line

from recordingd.cli.exits import Exit
from recordingd.config.saved_plans import faults_of

KEPT = "retention: {keepAtLeast: 1h, deleteAfter: 2h}"
SHORTER = {
    **POLICIES,
    "floor.yaml": POLICIES["floor.yaml"].replace(KEPT, "retention: {deleteAfter: 1s}"),
}
LONGER = {**POLICIES, "floor.yaml": POLICIES["floor.yaml"].replace("2h", "3h")}
HOLD = """\
apiVersion: recordingd/v1
kind: LegalHold
name: case-4711
match: {tags: {case: "4711"}}
reason: Subpoena
owner: legal@contoso.example
allowEmpty: true
"""


def reload(stage: Stage, files: Mapping[str, str]) -> Ran:
    stage.write_policies(files)
    return stage.command("reload")


def saved(stage: Stage) -> Path:
    """Save a plan with the files as they are, which must follow its schema."""
    path = stage.directory / "plan.json"
    ran = stage.command("plan", "-o", str(path))
    assert ran.code == Exit.OK, ran.err
    assert list(faults_of(json.loads(path.read_text()))) == []
    return path


def candidates(path: Path) -> set[str]:
    return set(json.loads(path.read_text())["candidates"])


def apply(stage: Stage, path: Path, *arguments: str) -> Ran:
    return stage.command("apply", str(path), "--yes", *arguments)


def dates(stage: Stage, call: str) -> tuple[object, object]:
    (recording,) = stage.recordings_in_ledger(call)
    return recording["keepUntil"], recording["deleteAt"]


def swept(stage: Stage, *, waiting: int) -> None:
    """Wait until the daemon has held everything that is kept against its rules."""
    stage.until(
        lambda: stage.rows("SELECT waiting FROM kept_readings") == [(waiting,)],
        f"{waiting} recordings wait for an approved plan",
    )


def blocked(stage: Stage) -> list[Json]:
    plan = stage.command("plan", "-f", "json").json
    assert list(faults_of(plan)) == []
    return [one for one in plan["sections"]["sweeps"] if one["blockedBy"] is not None]


def test_shorter_words_move_nothing_until_a_plan_is_approved(stage: Stage) -> None:
    kept = stage.play(FLOOR_LINE)
    call, before = kept["serverCallId"], dates(stage, kept["serverCallId"])

    assert reload(stage, SHORTER).code == Exit.OK
    swept(stage, waiting=1)
    assert dates(stage, call) == before
    assert "ShorteningUnapproved" in stage.alarms()
    (waiting,) = blocked(stage)
    assert (waiting["target"], waiting["blockedBy"], waiting["needsApproval"]) == (
        kept["id"],
        "shortening needs an approved plan",
        True,
    )
    text = stage.command("plan").out
    assert f"! change  {kept['id']}" in text
    assert "1 recording needs an approved plan" in text

    ran = apply(stage, saved(stage), "--reason", "agreed")
    assert (ran.code, "recordingd reload" in ran.out) == (Exit.OK, False), ran.err
    stage.until_state(call, "purged")
    assert stage.media_on_disk() == {}
    assert stage.rows("SELECT rule FROM receipts") == [("floor-line#retention",)]
    swept(stage, waiting=0)
    assert "ShorteningUnapproved" not in stage.alarms()
    # Who allowed it stands in the recording's life and in the chain, why in the approval.
    me = getpass.getuser()
    assert f"as approved by {me}" in stage.command("why", kept["id"]).out
    ((detail,),) = stage.rows("SELECT detail FROM audit WHERE kind = 'plan.approved'")
    assert (json.loads(detail)["by"], json.loads(detail)["recordings"]) == (me, 1)
    assert stage.rows("SELECT approved_by, reason FROM approvals") == [(me, "agreed")]


def test_longer_words_count_at_once_and_need_no_approval(stage: Stage) -> None:
    kept = stage.play(FLOOR_LINE)
    call, before = kept["serverCallId"], kept["deleteAt"]
    stage.write_policies(LONGER)
    path = saved(stage)
    assert candidates(path) == set()
    assert "kept longer at once: 1 recording" in path.read_text()
    assert "nothing is in it that needs an approval" in apply(stage, path).out
    assert stage.command("reload").code == Exit.OK
    stage.until(lambda: stage.recordings_in_ledger(call)[0]["deleteAt"] > before, "it is kept on")
    assert blocked(stage) == []


def test_files_that_let_too_much_go_are_refused_until_a_plan_for_them_is_approved(
    make_stage: MakeStage,
) -> None:
    stage = make_stage()
    with stage.settings.open("a") as settings:
        settings.write("guards: {maxDeletes: {count: 1}}\n")
    stage.start()
    calls = [stage.play(FLOOR_LINE)["serverCallId"] for _ in range(2)]

    ran = reload(stage, SHORTER)
    assert ran.code == Exit.GUARD_REFUSED
    assert "2 recordings would go earlier than was promised, over 1" in ran.err
    assert "'recordingd apply plan.json', then reload again" in ran.err
    assert stage.status()["revision"] == 1
    path = saved(stage)
    assert "A reload refuses these files" in stage.command("plan").out

    ran = apply(stage, path)
    assert ran.code == Exit.OK, ran.err
    assert "2 recordings may go earlier" in ran.out
    assert "next: recordingd reload" in ran.out
    # Under the files that are in force the approval moves nothing.
    assert {stage.state_of(call) for call in calls} == {"kept"}
    assert stage.command("reload").code == Exit.OK
    for call in calls:
        stage.until_state(call, "purged")


def test_plan_that_no_longer_says_what_would_happen_is_stale(stage: Stage) -> None:
    first = stage.play(FLOOR_LINE)
    stage.write_policies(SHORTER)
    path = saved(stage)

    stage.write_policies({**SHORTER, "note.yaml": HOLD})
    ran = apply(stage, path)
    assert (ran.code, "the policy files have changed since" in ran.err) == (Exit.PLAN_STALE, True)

    stage.write_policies(SHORTER)
    second = stage.play(FLOOR_LINE)
    ran = apply(stage, path, "-f", "json")
    assert ran.code == ran.json["exitCode"] == Exit.PLAN_STALE
    assert second["id"] in ran.json["errors"][0]

    path = saved(stage)
    assert candidates(path) == {first["id"], second["id"]}
    assert reload(stage, {**POLICIES, "hold.yaml": HOLD}).code == Exit.OK
    stage.write_policies(SHORTER)
    ran = apply(stage, path)
    assert (ran.code, "holds were placed" in ran.err) == (Exit.PLAN_STALE, True)
    assert stage.rows("SELECT count(*) FROM approvals") == [(0,)]
    assert {stage.state_of(one["serverCallId"]) for one in (first, second)} == {"kept"}


def test_plan_may_shrink(make_stage: MakeStage) -> None:
    consent = "consent: {mode: explicit, outcomes: {withdrawn: {kept: requestErasure}}}"
    wav = "record: {channels: mixed, format: wav}"

    def policies(retention: str) -> dict[str, str]:
        text = line("consent-line", CONSENT_LINE, wav, consent, f"retention: {retention}")
        return {**POLICIES, "consent.yaml": text}

    stage = make_stage(policies=policies("{deleteAfter: 2y}"))
    stage.start()
    calls = [agreed_call(stage) for _ in range(2)]
    stage.write_policies(policies("{deleteAfter: 1s}"))
    path = saved(stage)
    assert len(candidates(path)) == 2

    stage.consent(calls[0], "withdrawn")
    stage.until_state(calls[0], "purged")
    ran = apply(stage, path)
    assert ran.code == Exit.OK, ran.err
    assert "1 recording may go earlier" in ran.out
    assert "1 more of the plan need it no longer" in ran.out
    assert stage.command("reload").code == Exit.OK
    stage.until_state(calls[1], "purged")


def agreed_call(stage: Stage) -> str:
    """Play a call in which everybody agrees to be recorded; return it once it is kept."""
    call = stage.begin_call(CONSENT_LINE)
    stage.until_state(call, "paused")
    stage.consent(call)
    stage.until_captured(call)
    stage.end_call(call)
    stage.until_kept(call)
    return call


def test_plan_that_nobody_meant_or_that_was_edited_approves_nothing(stage: Stage) -> None:
    stage.play(FLOOR_LINE)
    stage.write_policies(SHORTER)
    path = saved(stage)
    assert stage.command("apply", str(path)).code == Exit.USAGE
    path.write_text(path.read_text().replace('"instance": "default"', '"instance": "other"'))
    assert apply(stage, path).code == Exit.INVALID
    assert stage.rows("SELECT count(*) FROM approvals") == [(0,)]


def test_approval_without_a_daemon_is_heeded_by_the_next_one(stage: Stage) -> None:
    call = stage.play(FLOOR_LINE)["serverCallId"]
    assert stage.stop() == Exit.OK
    stage.write_policies(SHORTER)
    path = saved(stage)
    assert apply(stage, path).code == Exit.OK
    assert len(stage.media_on_disk()) == 1
    stage.start()
    stage.until_state(call, "purged")
