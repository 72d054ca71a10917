"""What rules of their own say of recordings, before they were made and after.

Played with the real daemon, which reads its policies again when it is asked to.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import BRIEF_LINE, FLOOR_LINE, POLICIES

HOLD = f"""\
apiVersion: recordingd/v1
kind: LegalHold
name: case-4711
match: {{to: {{phone: "{BRIEF_LINE}"}}}}
reason: Subpoena 4711
owner: legal@contoso.example
"""
RELEASED = 'released: {at: "2026-01-01T00:00:00Z", by: legal@contoso.example, reason: closed}\n'


def retention_rule(name: str, number: str, *lines: str) -> str:
    """Write a rule for the calls to one number; `lines` are further fields in YAML."""
    head = f"apiVersion: recordingd/v1\nkind: RetentionRule\nname: {name}\n"
    return head + f'match: {{to: {{phone: "{number}"}}}}\n' + "\n".join(lines) + "\n"


def reload(stage: Stage, files: Mapping[str, str]) -> None:
    """Replace the policies and have them taken into force."""
    before = stage.status()["revision"]
    stage.write_policies(files)
    stage.hang_up()
    stage.until(lambda: stage.status()["revision"] > before, "the new policies are in force")


def shown(stage: Stage, call: str) -> Json:
    (recording,) = stage.recordings_in_ledger(call)
    return recording


def test_held_recording_outlasts_its_time_and_its_hold_s_document(make_stage: MakeStage) -> None:
    stage = make_stage(policies=POLICIES | {"hold.yaml": HOLD})
    stage.settings.write_text(stage.settings.read_text() + "holdGrace: 1s\n")
    stage.start()
    kept = stage.play(BRIEF_LINE)
    assert kept["heldBy"] == ["case-4711"]
    assert [f["blockedBy"] for f in kept["files"]] == ["hold case-4711"]

    reload(stage, POLICIES)
    other = stage.play(BRIEF_LINE)
    for call in (kept["serverCallId"], other["serverCallId"]):
        assert (shown(stage, call)["state"], shown(stage, call)["heldBy"]) == (
            "kept",
            ["case-4711"],
        )

    reload(stage, POLICIES | {"hold.yaml": HOLD + RELEASED})
    # A second of grace, and at most the minute after which the daemon looks for what is due.
    stage.until_state(kept["serverCallId"], "purged", seconds=90)


def test_longer_rule_counts_for_what_is_kept_and_a_shorter_one_does_not(
    make_stage: MakeStage,
) -> None:
    stage = make_stage()
    stage.start()
    before = stage.play(FLOOR_LINE)
    call = before["serverCallId"]

    longer = retention_rule("mifid-ii", FLOOR_LINE, "keepAtLeast: 5y")
    reload(stage, POLICIES | {"mifid.yaml": longer})
    stage.until(
        lambda: shown(stage, call)["keepUntil"] > before["deleteAt"], "the rule is written down"
    )
    after = shown(stage, call)
    assert after["deleteAt"] == after["keepUntil"]

    shorter = POLICIES | {"floor.yaml": POLICIES["floor.yaml"].replace("1h", "1m")}
    reload(stage, shorter)
    lines = stage.command("plan", "-f", "json").json["sections"]["sweeps"]
    assert shown(stage, call)["keepUntil"] == after["keepUntil"]
    assert not [a for a in lines if a["verb"] == "purge"]


def test_recording_that_counts_from_an_event_goes_once_it_is_told(make_stage: MakeStage) -> None:
    policies = dict(POLICIES)
    policies["floor.yaml"] = policies["floor.yaml"].replace(
        "{keepAtLeast: 1h, deleteAfter: 2h}",
        '{deleteAfter: 1s, countFrom: "event:contractEnded"}',
    )
    stage = make_stage(policies=policies)
    stage.start()
    kept = stage.play(FLOOR_LINE)
    assert (kept["deleteAt"], kept["deleteRule"]) == (None, "floor-line#retention")

    call = kept["serverCallId"]
    answer = stage.signal("retention.event", call, event="contractEnded", at="2026-01-01T00:00:00Z")
    assert answer.status == 202
    stage.until_state(call, "purged")
