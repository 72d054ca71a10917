"""A resource's access keys are renewed, one after the other, while the daemon works."""

from __future__ import annotations

import base64
import os

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import SETTINGS, Stage
from tests.scenarios.tree import MIXED_LINE

SECOND = base64.b64encode(b"second key of the emulated resource").decode()
RENEWED = base64.b64encode(b"renewed key of the emulated resource").decode()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """Give a stage whose daemon knows both keys of the resource."""
    made = make_stage()
    secret = made.directory / "secrets" / "second"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(SECOND)
    key = "connectionString: {file: secrets/acs}"
    settings = SETTINGS.format(mode="enforce", port=made.port.number)
    assert key in settings
    second = f"{key}\n  secondaryKey: {{file: secrets/second}}"
    made.settings.write_text(settings.replace(key, second))
    made.start()
    return made


def renew(stage: Stage, *keys: str) -> None:
    """Have these keys, and no others, open the resource from now on."""
    stage.emulator.ask("POST", "/keys", {"accessKeys": list(keys)})


def test_second_key_takes_over_when_the_first_is_renewed(stage: Stage) -> None:
    stage.play(MIXED_LINE)
    renew(stage, RENEWED, SECOND)
    (file,) = stage.play(MIXED_LINE)["files"]
    assert file["sha256"]


def test_keys_that_are_both_renewed_are_alarmed_and_lose_nothing(stage: Stage) -> None:
    call = stage.begin_call(MIXED_LINE)
    stage.until_captured(call)
    renew(stage, RENEWED)
    stage.end_call(call)
    stage.until(lambda: "CloudCredentialRejected" in stage.alarms(), "the refusal is alarmed")
    assert stage.state_of(call) != "kept"
    renew(stage, SECOND)
    assert stage.until_kept(call)["files"][0]["sha256"]
