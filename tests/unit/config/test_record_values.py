"""How a call is recorded, as a policy states it."""

from __future__ import annotations

import pytest
from tests.unit.config.trees import codes, findings, load, policy, token_of

from recordingd.domain.durations import Duration
from recordingd.domain.policies import RecordSpec


def record(body: str) -> RecordSpec:
    [found] = load(policy(f"record: {body}")).policies
    assert found.record is not None
    return found.record


@pytest.mark.parametrize(
    ("written", "expected"),
    [("vault", ("vault",)), ("[vault, main]", ("vault", "main"))],
)
def test_copies_are_one_store_or_several(written: str, expected: tuple[str, ...]) -> None:
    found = record(f"{{archive: {{copyTo: {written}}}}}")
    assert (found.archive, found.copy_to) == (None, expected)


def test_recording_is_not_copied_and_not_rotated_unless_it_says_so() -> None:
    found = record("{}")
    assert (found.copy_to, found.rotate_every) == ((), None)


def test_recording_may_be_rotated() -> None:
    assert record("{rotateEvery: 8h}").rotate_every == Duration(seconds=8 * 3600)


@pytest.mark.parametrize("every", ["0s", "0d", "PT0S"])
def test_recording_of_no_length_is_refused(every: str) -> None:
    [found] = findings(policy(f"record: {{rotateEvery: {every}}}"))
    assert (found.code, token_of(found)) == ("policy/no-time-to-record", every)


@pytest.mark.parametrize("field", ["exclude", "excludeParticipants", "whisper", "private"])
def test_leaving_one_speaker_out_is_refused_with_what_can_be_done(field: str) -> None:
    [found] = findings(policy(f"record: {{{field}: [{{role: supervisor}}]}}"))
    assert (found.code, token_of(found)) == ("schema/refused-field", field)
    assert "cannot leave one speaker out of a recording" in found.message
    assert "forbid" in (found.help or "")


def test_faulty_part_of_a_combination_is_one_fault() -> None:
    assert codes(policy("record: {content: audiovideo, format: mp4}")) == ["schema/enum"]
    assert codes(policy("record: {content: audio, format: mp4}")) == ["policy/combination"]
