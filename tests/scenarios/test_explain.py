"""`explain`, `diff`, `policies` and `why` beside a running daemon: they say what it does."""

from __future__ import annotations

from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import Stage
from tests.scenarios.tree import CONSENT_LINE, MIXED_LINE, UNRECORDED_LINE

from recordingd.cli.exits import Exit


def test_explanation_is_what_the_daemon_did(shared: Stage) -> None:
    call = shared.begin_call(MIXED_LINE)
    shared.until_captured(call)
    ran = shared.command("explain", "--call", call, "--expect", "mixed-line", "-f", "json")
    assert (ran.code, ran.err) == (Exit.OK, "")
    found = ran.json
    assert (found["decision"], found["policy"], found["undecided"]) == (
        "record",
        "mixed-line",
        False,
    )
    assert [(r["policy"], r["state"]) for r in found["recordings"]] == [("mixed-line", "capturing")]
    assert found["running"]["digest"] == found["policies"]["digest"]
    shared.end_call(call)
    shared.until_kept(call)


def test_call_that_nobody_records_says_which_leaves_said_no(shared: Stage) -> None:
    call = shared.begin_call(UNRECORDED_LINE)
    shared.until(lambda: shared.call_in_ledger(call), "the daemon knows the call")
    ran = shared.command("explain", "--call", call, "--why-not", "mixed-line")
    assert ran.code == Exit.OK
    assert "why not mixed-line: it does not match: match.to" in ran.out
    shared.end_call(call)


def test_life_of_a_recording_names_consent_pauses_and_rules(shared: Stage) -> None:
    call = shared.begin_call(CONSENT_LINE)
    shared.until_state(call, "paused")
    shared.consent(call)
    shared.until_captured(call)
    shared.end_call(call)
    shared.until_kept(call)
    (recording,) = shared.recordings_in_ledger(call)
    told = shared.command("why", recording["id"], "-f", "json").json
    assert told["policy"]["revision"] == 1
    assert [c["answer"] for c in told["consents"]] == ["granted"]
    assert "consent" in [p["reason"] for p in told["recording"]["pauses"]]
    assert {name for said in told["keeping"] for name in said["decides"]} == {
        "keepUntil",
        "deleteAt",
    }


def test_files_differ_from_the_daemons_until_it_reads_them(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.start()
    assert stage.command("diff", "--detailed-exitcode").code == Exit.OK
    path = stage.directory / "policies" / "mixed.yaml"
    path.write_text(path.read_text().replace("90d", "120d"))
    ran = stage.command("diff", "--detailed-exitcode")
    assert ran.code == Exit.CHANGES_PENDING
    assert "~ RecordingPolicy mixed-line (mixed.yaml:3): keeps recordings longer" in ran.out
    stage.hang_up()
    stage.until(lambda: stage.status()["revision"] == 2, "the new files are in force")
    assert stage.command("diff", "--detailed-exitcode").code == Exit.OK
    listed = stage.command("policies", "list", "--revisions", "-f", "json").json
    assert [revision["revision"] for revision in listed] == [2, 1]
