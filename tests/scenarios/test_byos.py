"""Recordings that the service writes to a container of ours: verified, kept and purged there."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.azurite import Azurite
from tests.scenarios.conftest import MakeStage
from tests.scenarios.processes import Json
from tests.scenarios.stage import SETTINGS, Stage
from tests.scenarios.tree import line

KEPT_LINE, BRIEF_LINE = "+18005550301", "+18005550302"
_RECORD = "record: {channels: mixed, format: wav, storage: {store: vault}}"
POLICIES = {
    "kept.yaml": line("kept-line", KEPT_LINE, _RECORD, "retention: {deleteAfter: 2y}"),
    "brief.yaml": line("brief-line", BRIEF_LINE, _RECORD, "retention: {deleteAfter: 1s}"),
}
STORES = """\
stores:
  main: {{path: archive}}
  spare: {{path: spare}}
  vault: {{container: "{container}", accountKey: {{file: secrets/vault}}, onExportFailure: spare}}
"""


@dataclass(frozen=True, kw_only=True)
class Vault:
    """A stage whose daemon has a container, and a look into that container."""

    stage: Stage
    azurite: Azurite
    url: str

    def blobs(self) -> dict[str, bytes]:
        """Return what lies in the container, by name."""
        with self.azurite.container(self.url) as client:
            names = [blob.name for blob in client.list_blobs()]
            return {name: client.download_blob(name).readall() for name in names}

    def play(self, to: str) -> str:
        call = self.stage.begin_call(to, {"id": "8:acs:alice"}, {"id": "8:acs:bob"})
        self.stage.until_captured(call)
        self.stage.end_call(call)
        return call

    def kept(self, call: str) -> Json:
        """Wait until the call's only file is kept, and return the file."""
        (file,) = self.stage.until_kept(call)["files"]
        assert isinstance(file, dict)
        return file


@pytest.fixture
def vault(azurite: Azurite, make_stage: MakeStage) -> Vault:
    stage, url = make_stage(policies=POLICIES), azurite.create_container("vault")
    write_secret(stage.directory / "secrets" / "vault", azurite.key)
    port = stage.port.number
    settings = SETTINGS.format(mode="enforce", port=port) + STORES.format(container=url)
    stage.settings.write_text(settings)
    stage.start()
    return Vault(stage=stage, azurite=azurite, url=url)


def write_secret(path: Path, value: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(value)


def storage_requests(stage: Stage) -> list[Json]:
    return stage.emulator.requests(holding="/v1/objects")


def test_exported_file_is_verified_and_kept_where_it_lies(vault: Vault) -> None:
    call = vault.play(KEPT_LINE)
    file, blobs = vault.kept(call), vault.blobs()
    (name,) = (name for name in blobs if name.endswith(".wav"))
    assert file["path"] == f"{vault.url}/{name}"
    assert file["sha256"] == hashlib.sha256(blobs[name]).hexdigest()
    assert (file["sizeBytes"], file["suspect"], file["onService"]) == (
        len(blobs[name]),
        None,
        False,
    )
    assert file["durationMs"] > 0


def test_nothing_of_an_exported_file_is_asked_of_the_service(vault: Vault) -> None:
    vault.kept(vault.play(KEPT_LINE))
    assert storage_requests(vault.stage) == []
    assert list(vault.stage.state.rglob("*.wav")) == []


def test_exported_file_is_purged_in_the_container_with_a_receipt(vault: Vault) -> None:
    call = vault.play(BRIEF_LINE)
    vault.stage.until_state(call, "purged")
    assert vault.blobs() == {}
    ((copies,),) = vault.stage.rows("SELECT copies FROM receipts")
    answers = {uri.rpartition(".")[2]: (store, said) for store, uri, said in json.loads(copies)}
    assert {kind: store for kind, (store, _) in answers.items()} == {
        "wav": "vault",
        "json": "vault",
    }
    for _, said in answers.values():
        assert said.startswith("deleted: HTTP 202, request ")


def test_failed_export_is_downloaded_to_the_store_for_it(vault: Vault) -> None:
    vault.stage.emulator.arm("files.exportFailed")
    file = vault.kept(vault.play(KEPT_LINE))
    path = Path(file["path"])
    assert path.is_relative_to(vault.stage.state / "spare")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    vault.stage.until(
        lambda: vault.stage.emulator.requests(method="DELETE", holding="/v1/objects"),
        "the service's copy is removed",
    )


def test_container_that_does_not_answer_is_asked_until_it_does(vault: Vault) -> None:
    """The account's key is wrong at first: an alarm says so, and nothing is lost by it."""
    wrong = "b3RoZXIta2V5"
    (vault.stage.directory / "secrets" / "vault").write_text(wrong)
    vault.stage.stop()
    vault.stage.start()
    call = vault.play(KEPT_LINE)
    vault.stage.until(lambda: "StoreRefused" in vault.stage.alarms(), "the refusal is alarmed")
    assert vault.stage.state_of(call) == "awaitingFiles"
    vault.stage.stop()
    (vault.stage.directory / "secrets" / "vault").write_text(vault.azurite.key)
    vault.stage.start()
    assert vault.kept(call)["state"] == "kept"
