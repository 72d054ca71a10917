from __future__ import annotations

import pytest

from recordingd.cli.why import ending

RULE = "support-line#retention"
DATE = "2028-11-20T12:19:10Z"


@pytest.mark.parametrize(
    ("state", "delete_at", "rule", "said"),
    [
        ("kept", DATE, RULE, f"goes at {DATE} by {RULE}"),
        ("kept", "never", None, "is never deleted"),
        ("capturing", None, None, "goes at a time not known yet"),
        ("purged", DATE, RULE, f"its copies are deleted, by {RULE}"),
        ("notRecorded", None, None, "there is nothing to keep"),
        ("lost", DATE, RULE, "there is nothing to keep"),
    ],
)
def test_end_of_a_recording_is_told_as_it_is(
    state: str, delete_at: str | None, rule: str | None, said: str
) -> None:
    assert ending({"state": state, "deleteAt": delete_at, "deleteRule": rule}) == said
