"""A start that the service refuses as a duplicate: what runs already is adopted, never given up."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from azure.communication.callautomation import CallAutomationClient
from azure.core.credentials import AzureKeyCredential
from tests.scenarios.processes import Json
from tests.scenarios.stage import Stage
from tests.scenarios.tree import UNRECORDED_LINE


@pytest.fixture
def other_client(house: Stage) -> Iterator[CallAutomationClient]:
    """Give a client of the same resource that is not ours: the official one."""
    ready = house.emulator.ready
    key = str(ready["connectionString"]).partition("accesskey=")[2]
    with CallAutomationClient(str(ready["endpoint"]), AzureKeyCredential(key)) as client:
        yield client


def starts_of(stage: Stage, call: str) -> list[Json]:
    """Return our starts of a call as they arrived."""
    sent = stage.emulator.requests(method="POST", holding="/calling/recordings")
    ours = (r for r in sent if r["headers"]["user-agent"] == "recordingd")
    return [r for r in ours if r["body"] and call in json.loads(r["body"])["callLocator"].values()]


def record_as_other(house: Stage, other: CallAutomationClient) -> tuple[str, str]:
    """Begin a call that we do not record and somebody else does; return it and the recording."""
    call = house.begin_call(UNRECORDED_LINE)
    started = other.start_recording(
        server_call_id=call,
        recording_content_type="audio",
        recording_channel_type="mixed",
        recording_format_type="wav",
    )
    assert started.recording_id
    return call, started.recording_id


@pytest.mark.parametrize("code", ["8553", "8559", "8571"])
def test_recording_of_another_client_is_adopted_through_its_file(
    code: str, house: Stage, other_client: CallAutomationClient
) -> None:
    call, recording = record_as_other(house, other_client)
    house.emulator.arm("start.duplicate", call=call, code=code, count=None)
    house.signal("call.tagged", call, tags={"queue": "labelled"})
    house.until(lambda: len(starts_of(house, call)) >= 3, "the start was tried three times")
    (waiting,) = house.recordings_in_ledger(call)
    assert (waiting["state"], waiting["recordingId"]) == ("starting", None)
    house.lengthen(5)
    house.end_call(call)
    kept = house.until_kept(call)
    assert (kept["id"], kept["recordingId"]) == (waiting["id"], recording)
    # One recording was made, one was asked for, and under one name.
    assert [r["recordingId"] for r in house.emulator.recordings_of(call)] == [recording]
    names = {r["headers"]["repeatability-request-id"] for r in starts_of(house, call)}
    assert len(names) == 1


def test_call_goes_on_being_recorded_when_the_other_client_stops(
    house: Stage, other_client: CallAutomationClient
) -> None:
    call, theirs = record_as_other(house, other_client)
    house.signal("call.tagged", call, tags={"queue": "labelled"})
    house.until(lambda: len(starts_of(house, call)) >= 2, "the start was tried twice")
    other_client.stop_recording(theirs)

    def states() -> list[str]:
        return [r["state"] for r in house.recordings_in_ledger(call)]

    # Whether their file or our next try comes first decides whether theirs is adopted.
    house.until(lambda: "capturing" in states(), "a recording of ours runs")
    house.end_call(call)
    house.until(lambda: set(states()) == {"kept"}, "everything is kept")
    ids = [r["recordingId"] for r in house.recordings_in_ledger(call)]
    assert set(ids) - {theirs}
    assert None not in ids
