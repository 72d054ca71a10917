"""Bad control input names the field; scenarios are checked before they play."""

import json
from pathlib import Path
from typing import Any

import pytest

from recordingd.emulator.inputs import InputError, read_call, read_party
from recordingd.emulator.scenario import ScenarioError, read_scenario


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"from": 5}, "from"),
        ({"participants": {}}, "participants"),
        ({"participants": [{}]}, "id"),
        ({"participants": [{"id": "a"}, {"id": "a"}]}, "participants"),
        ({"context": []}, "context"),
        ({"context": "x"}, "context"),
        ({"colour": 1}, "colour"),
        ({"establishedAfterSeconds": -1}, "establishedAfterSeconds"),
    ],
)
def test_bad_call_names_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        read_call(body)
    assert str(caught.value).startswith(f"{field}:")


@pytest.mark.parametrize("hz", [0, -1, 8000, 440.5, "440", True])
def test_tone_must_be_whole_hertz_below_nyquist(hz: object) -> None:
    with pytest.raises(InputError, match=r"^hz:"):
        read_party({"id": "8:acs:a", "hz": hz})


@pytest.mark.parametrize("speech", [5, [5], [[2, 1]], [[0, 2], [1, 3]], [["a", 1]]])
def test_speech_must_be_ordered_spans(speech: object) -> None:
    with pytest.raises(InputError, match=r"^speech:"):
        read_party({"id": "8:acs:a", "speech": speech})


def write(folder: Path, document: object) -> Path:
    path = folder / "scenario.json"
    path.write_text(json.dumps(document))
    return path


def test_steps_are_played_in_order_of_time(tmp_path: Path) -> None:
    steps = [
        {"at": 2, "end": {"call": "x"}},
        {"at": 0, "call": {"participants": [{"id": "8:acs:a"}]}, "as": "x"},
        {"at": 1, "join": {"call": "x", "id": "+44123", "speech": [[0, 1]]}},
    ]
    read = read_scenario(write(tmp_path, {"steps": steps}))
    assert [step.action for step in read] == ["call", "join", "end"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({}, "exactly one of"),
        ({"call": {}, "end": {}}, "exactly one of"),
        ({"at": -1, "call": {}}, "at:"),
        ({"at": 0, "call": {"hz": 1}}, "hz:"),
        ({"at": 0, "join": {"id": "8:acs:a"}}, "join.call:"),
        ({"at": 0, "fault": {"name": "x"}}, "fault.name:"),
        ({"at": 0, "dance": {}}, "dance:"),
    ],
)
def test_bad_step_is_named(tmp_path: Path, step: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, {"steps": [step]}))
    assert "step 0" in str(caught.value)
    assert message in str(caught.value)


def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        read_scenario(tmp_path / "nothing.json")
