"""Policies are edited under a running daemon: what is taken into force, what is not, and who hears.

The verdict of `reload` is what its caller sees; what calls do afterwards is what counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage
from tests.scenarios.tree import BRIEF_LINE, MIXED_LINE, POLICIES, UNRECORDED_LINE, line

from recordingd.cli.exits import Exit

BAD = {**POLICIES, "bad.yaml": "apiVersion: recordingd/v1\nkind: RecordingPolcy\nname: bad\n"}
NEWLY = line("newly-recorded", UNRECORDED_LINE, "record: {channels: mixed, format: wav}")
LOCKED = """\
apiVersion: recordingd/v1
kind: RetentionRule
name: mifid-ii
match: {{tags: {{desk: equities}}}}
keepAtLeast: {floor}
deleteAfter: 7y
locked: true
"""
HOLD = f"""\
apiVersion: recordingd/v1
kind: LegalHold
name: case-4711
match: {{to: {{phone: "{BRIEF_LINE}"}}}}
reason: Subpoena
owner: legal@contoso.example
"""


def record_once(stage: Stage, number: str) -> str:
    """Play a call to a number until it is captured, and end it; return the call."""
    call = stage.begin_call(number)
    stage.until_captured(call)
    stage.end_call(call)
    return call


def never_recorded(stage: Stage, call: str) -> None:
    """End a call that nobody wants, once the daemon knows it; it must have no recording."""
    stage.until(lambda: stage.call_in_ledger(call), f"{call} is known")
    stage.end_call(call)
    stage.until(lambda: ended(stage, call), f"{call} is over")
    assert stage.recordings_in_ledger(call) == []


def ended(stage: Stage, call: str) -> bool:
    found = stage.call_in_ledger(call)
    return found is not None and found["endedAt"] is not None


def revision_of(stage: Stage, call: str) -> int:
    (recording,) = stage.recordings_in_ledger(call)
    return int(recording["policyRevision"])


# --- the verdict ----------------------------------------------------------------------------------


def test_bad_file_is_refused_with_its_findings_and_the_old_revision_goes_on(
    stage: Stage,
) -> None:
    before = stage.status()
    stage.write_policies(BAD)
    ran = stage.command("reload")
    assert ran.code == Exit.INVALID
    assert "bad.yaml:2:7: error:" in ran.out
    assert "did you mean 'RecordingPolicy'?" in ran.out
    assert "revision 1 stays in force" in ran.out
    after = stage.status()
    assert (after["revision"], after["digest"]) == (before["revision"], before["digest"])
    assert after["lastReload"]["ok"] is False
    assert stage.alarms() == {"PolicyNotInForce"}
    record_once(stage, MIXED_LINE)
    stage.write_policies(POLICIES)
    assert stage.command("reload").code == Exit.OK
    assert stage.alarms() == set()


def test_good_file_decides_new_calls_and_leaves_live_ones_as_they_are(stage: Stage) -> None:
    live, unwanted = stage.begin_call(MIXED_LINE), stage.begin_call(UNRECORDED_LINE)
    stage.until_captured(live)
    mixed = POLICIES["mixed.yaml"].replace("format: wav", "format: mp3")
    stage.write_policies({**POLICIES, "mixed.yaml": mixed, "new.yaml": NEWLY})
    verdict = stage.command("reload", "-f", "json")
    assert (verdict.code, verdict.json["ok"], verdict.json["changed"]) == (Exit.OK, True, True)
    assert verdict.json["revision"] == stage.status()["revision"] == 2
    # A live call that a new policy wants is recorded from now on; what is recorded stays so made.
    stage.until_captured(unwanted)
    new = stage.begin_call(MIXED_LINE)
    stage.until_captured(new)
    for call in (live, unwanted, new):
        stage.end_call(call)
    kept = {call: stage.until_kept(call) for call in (live, unwanted, new)}
    assert [(kept[c]["format"], kept[c]["policyRevision"]) for c in (live, unwanted, new)] == [
        ("wav", 1),
        ("wav", 2),
        ("mp3", 2),
    ]
    assert len(stage.emulator.recordings_of(live)) == 1


def test_check_says_what_would_become_of_the_files_and_does_nothing(stage: Stage) -> None:
    stage.write_policies(BAD)
    assert stage.command("reload", "--check").code == Exit.INVALID
    stage.write_policies({**POLICIES, "new.yaml": NEWLY})
    ran = stage.command("reload", "--check")
    assert ran.code == Exit.OK
    assert "revision 1 is in force until they are reloaded" in ran.out
    status = stage.status()
    assert (status["revision"], status["lastReload"]["ok"]) == (1, True)
    assert stage.alarms() == set()


def test_locked_rule_that_shrinks_is_refused(make_stage: MakeStage) -> None:
    stage = make_stage(policies={**POLICIES, "lock.yaml": LOCKED.format(floor="5y")})
    stage.start()
    stage.write_policies({**POLICIES, "lock.yaml": LOCKED.format(floor="3y")})
    ran = stage.command("reload")
    assert ran.code == Exit.GUARD_REFUSED
    assert "keepAtLeast was 5y, is 3y (was lock.yaml:3, is lock.yaml:3)" in ran.err
    stage.write_policies(POLICIES)
    assert "it is missing" in stage.command("reload").err
    stage.write_policies({**POLICIES, "lock.yaml": LOCKED.format(floor="6y")})
    assert stage.command("reload").code == Exit.OK
    assert stage.status()["revision"] == 2


def test_restart_on_refused_files_goes_on_with_the_last_good_revision(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(policies={**POLICIES, "lock.yaml": LOCKED.format(floor="5y")})
    stage.start()
    assert stage.stop() == Exit.OK
    stage.write_policies(POLICIES)
    strict = stage.launch("--strict-start")
    assert strict.process.wait(60) == Exit.GUARD_REFUSED
    stage.start()
    assert (stage.status()["revision"], stage.alarms()) == (1, {"PolicyNotInForce"})
    record_once(stage, MIXED_LINE)


# --- git ------------------------------------------------------------------------------------------


def git(stage: Stage, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(stage.directory), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "ada"),
            **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ada@contoso.example"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        },
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_revision_names_the_commit_that_it_stands_in(make_stage: MakeStage) -> None:
    stage = make_stage()
    git(stage, "init", "--quiet")
    git(stage, "add", "policies")
    git(stage, "commit", "--quiet", "-m", "First")
    commit = git(stage, "rev-parse", "HEAD")
    stage.start()
    assert stage.status()["gitCommit"] == commit
    recording = stage.play(MIXED_LINE)
    assert f"commit {commit}" in stage.command("why", recording["id"]).out
    stage.write_policies({**POLICIES, "new.yaml": NEWLY})
    assert stage.command("reload", "-f", "json").json["gitCommit"] == f"{commit}+changes"
    git(stage, "add", "policies")
    git(stage, "commit", "--quiet", "-m", "Second")
    answer = stage.command("reload", "-f", "json").json
    assert answer["gitCommit"] == git(stage, "rev-parse", "HEAD")
    assert (answer["revision"], answer["changed"]) == (2, False)


# --- suspensions ----------------------------------------------------------------------------------


def suspend(stage: Stage, scope: str) -> Mapping[str, object]:
    ran = stage.command("suspend", scope, "--for", "1h", "--reason", "an incident", "-f", "json")
    assert ran.code == Exit.OK, ran.err
    suspension: Mapping[str, object] = ran.json["suspension"]
    return suspension


def test_suspended_policy_records_no_new_call_until_it_is_lifted(stage: Stage) -> None:
    live = stage.begin_call(MIXED_LINE)
    stage.until_captured(live)
    made = suspend(stage, "mixed-line")
    assert stage.status()["suspensions"] == [made]
    assert stage.alarms() == {"SuspensionActive"}
    assert "suspended:   mixed-line until" in stage.command("status").out
    never_recorded(stage, stage.begin_call(MIXED_LINE))
    waiting = stage.begin_call(MIXED_LINE)
    stage.until(lambda: stage.call_in_ledger(waiting), "the call is known")
    assert stage.command("resume", "mixed-line").out == "mixed-line is in force again\n"
    stage.until_captured(waiting)
    assert stage.alarms() == set()
    for call in (live, waiting):
        stage.end_call(call)
        stage.until_kept(call)
    assert len(stage.emulator.recordings_of(live)) == 1


def test_suspended_deletions_keep_what_is_due_until_they_are_lifted(stage: Stage) -> None:
    suspend(stage, "deletions")
    call = record_once(stage, BRIEF_LINE)
    stage.until(lambda: said(stage, "withheld by the suspension of deletions"), "it is withheld")
    assert len(stage.media_on_disk()) == 1
    (on_service,) = stage.emulator.recordings_of(call)
    assert all(file["exists"] for file in on_service["files"])
    assert stage.command("resume", "deletions").code == Exit.OK
    stage.until_state(call, "purged")
    assert stage.media_on_disk() == {}


def said(stage: Stage, words: str) -> bool:
    return words in stage.log.read_text()


def test_suspension_outlives_a_restart(stage: Stage) -> None:
    suspend(stage, "mixed-line")
    stage.crash()
    assert [s["scope"] for s in stage.status()["suspensions"]] == ["mixed-line"]
    never_recorded(stage, stage.begin_call(MIXED_LINE))


def test_suspension_without_a_daemon_is_heeded_by_the_next_one(stage: Stage) -> None:
    assert stage.stop() == Exit.OK
    suspend(stage, "mixed-line")
    stage.start()
    never_recorded(stage, stage.begin_call(MIXED_LINE))


# --- holds ----------------------------------------------------------------------------------------


def test_hold_keeps_what_is_due_survives_its_file_and_ends_by_a_release(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(policies={**POLICIES, "hold.yaml": HOLD})
    with stage.settings.open("a") as settings:
        settings.write("holdGrace: 1s\n")
    stage.start()
    kept = stage.play(BRIEF_LINE)
    call = kept["serverCallId"]
    assert kept["heldBy"] == ["case-4711"]
    stage.until(lambda: said(stage, "withheld by hold case-4711"), "its purge is withheld")
    stage.write_policies(POLICIES)
    assert stage.command("reload").code == Exit.OK
    stage.until_alarmed("HoldSourceRemoved")
    # It is due for longer than it was to be kept, and nothing says any more what the hold matches.
    other = stage.play(BRIEF_LINE)
    assert other["heldBy"] == ["case-4711"]
    stage.crash()
    assert stage.state_of(call) == "kept"
    released = 'released: {at: "2026-01-01T00:00:00Z", by: legal, reason: "Case closed"}\n'
    stage.write_policies({**POLICIES, "hold.yaml": HOLD + released})
    assert stage.command("reload").code == Exit.OK
    for one in (call, other["serverCallId"]):
        stage.until_state(one, "purged", seconds=90)
