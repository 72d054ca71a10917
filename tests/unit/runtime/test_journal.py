from __future__ import annotations

from tests.factories import CALL_ID, RECORDING, SOURCE

from recordingd.domain.plans import (
    CloseRecording,
    PauseRecording,
    ReasonCode,
    Why,
)
from recordingd.domain.policies import PolicyName
from recordingd.domain.recordings import Outcome
from recordingd.runtime.journal import action_line, intent_line

WHY = Why(
    code=ReasonCode.POLICY_FORBIDS,
    text="the works council is in the call",
    policy=PolicyName("works-council"),
    source=SOURCE,
)


def test_every_decision_names_its_policy_its_place_and_the_revision_it_stands_in() -> None:
    change = CloseRecording(
        call_id=CALL_ID, why=WHY, recording=RECORDING, outcome=Outcome.NOT_RECORDED
    )
    effect = PauseRecording(call_id=CALL_ID, why=WHY, recording=RECORDING)
    for line in (action_line(change, 7), intent_line(effect, 7)):
        said = {name: line.detail[name] for name in ("policy", "source", "revision", "code")}
        assert said == {
            "policy": "works-council",
            "source": "policies/support.yaml:7",
            "revision": 7,
            "code": "policyForbids",
        }
