"""Files of recordings that another client of the resource made: listed, and left alone."""

from __future__ import annotations

from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import MIXED_LINE


def make_foreign(stage: Stage, call: str | None = None) -> Json:
    """Let somebody else have made a recording; return it once its files are announced to us."""
    body = {"seconds": 2, **({} if call is None else {"serverCallId": call})}
    made = stage.emulator.ask("POST", "/recordings/foreign", body)

    def announced() -> Json | None:
        found = stage.emulator.recordings_of(made["serverCallId"])
        mine = next(r for r in found if r["recordingId"] == made["recordingId"])
        return mine if listed(stage, mine) else None

    found = stage.until(announced, "the foreign file is listed")
    assert found is not None
    return found


def listed(stage: Stage, recording: Json) -> list[Json]:
    """Return what `recordings list --foreign` has of a recording."""
    rows = stage.command("recordings", "list", "--foreign", "-f", "json").json
    documents = {f["documentId"] for f in recording["files"]}
    return [r for r in rows if r["documentId"] in documents]


def assert_left_alone(stage: Stage, foreign: Json) -> None:
    """Play a call after it, so that there was time to touch it, and look at the service."""
    stage.play(MIXED_LINE)
    mine = stage.emulator.recordings_of(foreign["serverCallId"])
    (now,) = (r for r in mine if r["recordingId"] == foreign["recordingId"])
    (file,) = now["files"]
    assert (file["exists"], file["downloads"], file["deletedAt"]) == (True, 0, None)
    assert stage.emulator.requests(holding=file["documentId"]) == []


def test_a_foreign_file_is_listed_and_neither_fetched_nor_deleted(house: Stage) -> None:
    foreign = make_foreign(house)
    (row,) = listed(house, foreign)
    assert row["recordingId"] == foreign["recordingId"]
    assert_left_alone(house, foreign)
    assert house.recordings_in_ledger(foreign["serverCallId"]) == []


def test_a_foreign_file_of_a_call_that_we_record_too_is_foreign_all_the_same(house: Stage) -> None:
    ours = house.play(MIXED_LINE)
    foreign = make_foreign(house, ours["serverCallId"])
    assert_left_alone(house, foreign)
    assert [r["id"] for r in house.recordings_in_ledger(ours["serverCallId"])] == [ours["id"]]
