"""Which fact a leaf waits for, and which way in would tell it."""

from __future__ import annotations

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.planning.conditions import leaves_of
from recordingd.planning.ways_in import WayIn, missing_of

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: p
match: {match}
decision: skip
"""


@pytest.mark.parametrize(
    ("match", "way_in"),
    [
        ("{from: {phone: '+1*'}}", WayIn.INCOMING_CALL),
        ("{to: {phone: '+1*'}}", WayIn.INCOMING_CALL),
        ("{direction: incoming}", WayIn.INCOMING_CALL),
        ("{startedBy: {id: x}}", WayIn.EVENT_GRID),
        ("{group: g}", WayIn.EVENT_GRID),
        ("{room: r}", WayIn.EVENT_GRID),
        ("{isRoomsCall: true}", WayIn.EVENT_GRID),
        ("{participants: {none: {id: x}}}", WayIn.CALLBACKS),
        ("{participants: {count: {min: 2}}}", WayIn.CALLBACKS),
        ("{tags: {queue: q}}", WayIn.SIGNALS),
        ("{sample: 10%}", None),
        ("{hours: {timezone: UTC}}", None),
    ],
)
def test_way_in_is_the_one_that_carries_the_fact(match: str, way_in: WayIn | None) -> None:
    policy = load_texts({"p.yaml": POLICY.format(match=match)}).policies[0]
    (leaf,) = leaves_of(policy.match)
    missing = missing_of(leaf)
    assert (None if missing is None else missing.way_in) is way_in
