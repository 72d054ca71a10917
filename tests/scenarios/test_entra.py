"""A daemon that signs in with the machine's identity instead of a key."""

from __future__ import annotations

import pytest
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import SETTINGS, Stage
from tests.scenarios.tree import MIXED_LINE

from recordingd.acs.entra import SCOPE

MakeSignedIn = MakeStage


@pytest.fixture
def make_signed_in(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> MakeSignedIn:
    """Make a stage whose daemon has a managed identity and no key."""

    def make(identity_header: str | None = None) -> Stage:
        stage = make_stage()
        entra = stage.emulator.ready["entra"]
        monkeypatch.setenv("IDENTITY_ENDPOINT", entra["identityEndpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", identity_header or entra["identityHeader"])
        endpoint = stage.emulator.ready["endpoint"]
        settings = SETTINGS.format(mode="enforce", port=stage.port.number)
        key = "connectionString: {file: secrets/acs}"
        assert key in settings
        stage.settings.write_text(settings.replace(key, f'endpoint: "{endpoint}"\n  entra: {{}}'))
        stage.start()
        return stage

    return make


def requests_to_service(stage: Stage) -> list[Json]:
    paths = ("/calling/recordings", "/v1/objects")
    return [r for r in stage.emulator.requests() if r["path"].startswith(paths)]


def test_recording_is_made_and_kept_with_tokens_alone(make_signed_in: MakeSignedIn) -> None:
    stage = make_signed_in()
    recording = stage.play(MIXED_LINE)
    (file,) = recording["files"]
    assert file["sha256"]
    stage.until(
        lambda: stage.emulator.requests(method="DELETE", holding="/v1/objects"),
        "the service's copy is removed",
    )
    sent = requests_to_service(stage)
    assert not {r["status"] for r in sent} & {401, 403}
    # A signed request has its date and its body's hash beside the signature.
    assert not any("x-ms-content-sha256" in r["headers"] for r in sent)
    hosts = [r["headers"].get("x-ms-host") for r in sent if r["path"].startswith("/v1/objects")]
    assert set(hosts) == {stage.emulator.ready["endpoint"].removeprefix("http://")}


def test_many_requests_take_one_token(make_signed_in: MakeSignedIn) -> None:
    stage = make_signed_in()
    stage.play(MIXED_LINE)
    (token,) = stage.emulator.ask("GET", "/tokens")
    assert token["audience"].rstrip("/") == SCOPE.removesuffix("//.default")


def test_identity_that_is_refused_is_alarmed(make_signed_in: MakeSignedIn) -> None:
    stage = make_signed_in("another header")
    call = stage.begin_call(MIXED_LINE)
    stage.until(lambda: "CloudCredentialRejected" in stage.alarms(), "the refusal is alarmed")
    assert stage.emulator.recordings_of(call) == []


def test_token_that_the_service_refuses_is_replaced(make_signed_in: MakeSignedIn) -> None:
    stage = make_signed_in()
    stage.emulator.arm("download.401", count=1)
    recording = stage.play(MIXED_LINE)
    assert recording["files"][0]["sha256"]
    assert len(stage.emulator.ask("GET", "/tokens")) == 2
