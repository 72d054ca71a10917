"""Faults bite where they match, as often as they were armed."""

import pytest

from recordingd.emulator.clock import Ids
from recordingd.emulator.faults import CATALOGUE, Faults, UnknownFaultError


def make_faults() -> Faults:
    return Faults(Ids(1))


def test_count_is_used_up() -> None:
    faults = make_faults()
    faults.arm({"name": "stop.500", "count": 2})
    assert [faults.take("stop.500") is not None for _ in range(3)] == [True, True, False]


def test_null_count_never_ends() -> None:
    faults = make_faults()
    faults.arm({"name": "stop.500", "count": None})
    assert all(faults.take("stop.500") is not None for _ in range(50))


def test_match_must_agree_in_all_fields() -> None:
    faults = make_faults()
    faults.arm({"name": "stop.500", "match": {"recordingId": "r", "serverCallId": "c"}})
    assert faults.take("stop.500", recordingId="r", serverCallId="x") is None
    assert faults.take("stop.500", recordingId="r") is None
    assert faults.take("stop.500", recordingId="r", serverCallId="c") is not None


def test_skip_lets_some_pass_first() -> None:
    faults = make_faults()
    faults.arm({"name": "stop.500", "skip": 2})
    assert [faults.take("stop.500") is not None for _ in range(4)] == [False, False, True, False]


def test_seeded_chance_repeats() -> None:
    def run() -> list[bool]:
        faults = Faults(Ids())
        faults.arm({"name": "stop.500", "count": None, "probability": 0.5, "seed": 3})
        return [faults.take("stop.500") is not None for _ in range(64)]

    first = run()
    assert first == run()
    assert 10 < sum(first) < 54


@pytest.mark.parametrize("style", ["inline", "params"])
def test_parameters_override_the_defaults(style: str) -> None:
    faults = make_faults()
    given: dict[str, object] = {"seconds": 9}
    faults.arm({"name": "events.delay", **(given if style == "inline" else {"params": given})})
    assert faults.take("events.delay") == {"seconds": 9}


def test_clear_disarms_everything() -> None:
    faults = make_faults()
    faults.arm({"name": "stop.500"})
    faults.clear()
    assert faults.take("stop.500") is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "nope"}, "name"),
        ({"name": "stop.500", "count": 0}, "count"),
        ({"name": "stop.500", "count": "many"}, "count"),
        ({"name": "stop.500", "skip": -1}, "skip"),
        ({"name": "stop.500", "match": []}, "match"),
        ({"name": "stop.500", "match": {"colour": "red"}}, "match.colour"),
        ({"name": "stop.500", "probability": 2}, "probability"),
        ({"name": "stop.500", "seconds": 1}, "seconds"),
    ],
)
def test_bad_fault_names_the_field(body: dict[str, object], field: str) -> None:
    with pytest.raises(UnknownFaultError) as caught:
        make_faults().arm(body)
    assert str(caught.value).startswith(f"{field}:")


def test_catalogue_describes_every_fault_in_one_line() -> None:
    entries = make_faults().catalogue()
    assert [entry["name"] for entry in entries] == list(CATALOGUE)
    assert all(entry["description"] and "\n" not in str(entry["description"]) for entry in entries)
