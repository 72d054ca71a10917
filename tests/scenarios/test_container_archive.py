"""Downloads that go to a container: streamed there, read back, and deleted there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from tests.azurite import Azurite
from tests.scenarios.conftest import MakeStage
from tests.scenarios.stage import SETTINGS, Stage
from tests.scenarios.tree import BRIEF_LINE, MIXED_LINE

from recordingd.runtime.system import SystemClock

STORES = """\
stores:
  vault: {{container: "{container}", sas: {{file: secrets/vault}}}}
archive: vault
"""
# Longer than one block of an upload, so that it takes several.
LONG_SECONDS = 300


def signature(azurite: Azurite, url: str) -> str:
    """Make a shared signature that may read, write and delete blobs for an hour."""
    return generate_container_sas(
        azurite.account,
        url.rpartition("/")[2],
        account_key=azurite.key,
        permission=ContainerSasPermissions(read=True, write=True, delete=True, create=True),
        expiry=SystemClock().now_utc() + timedelta(hours=1),
    )


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    with azurite.container(azurite.create_container("archive")) as client:
        yield client


@pytest.fixture
def stage(azurite: Azurite, container: ContainerClient, make_stage: MakeStage) -> Stage:
    made = make_stage()
    secret = made.directory / "secrets" / "vault"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(signature(azurite, container.url))
    settings = SETTINGS.format(mode="enforce", port=made.port.number)
    made.settings.write_text(settings + STORES.format(container=container.url))
    made.start()
    return made


def play(stage: Stage, to: str, *, lengthen: int = 0) -> str:
    call = stage.begin_call(to, {"id": "8:acs:alice"}, {"id": "8:acs:bob"})
    stage.until_captured(call)
    if lengthen:
        stage.lengthen(lengthen)
    stage.end_call(call)
    return call


def media_below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.suffix in {".wav", ".mp3", ".mp4", ".part"}]


def test_long_recording_is_archived_byte_for_byte(stage: Stage, container: ContainerClient) -> None:
    call = play(stage, MIXED_LINE, lengthen=LONG_SECONDS)
    (file,) = stage.until_kept(call)["files"]
    (on_service,) = stage.emulator.recordings_of(call)[0]["files"]
    names = [blob.name for blob in container.list_blobs()]
    (name,) = (name for name in names if name.endswith(".wav"))
    body = container.download_blob(name).readall()
    assert file["sha256"] == on_service["sha256"] == hashlib.sha256(body).hexdigest()
    assert len(body) == on_service["sizeBytes"] > LONG_SECONDS * 32_000
    assert file["path"] == f"{container.url}/{name}"
    assert name.removesuffix(".wav") + ".json" in names


def test_archived_recording_leaves_the_service_and_nothing_on_the_disk(stage: Stage) -> None:
    call = play(stage, MIXED_LINE)
    stage.until_kept(call)
    (on_service,) = stage.emulator.recordings_of(call)[0]["files"]
    assert not on_service["exists"]
    assert media_below(stage.state) == []


def test_signature_that_opens_the_container_is_told_nowhere(
    stage: Stage, container: ContainerClient
) -> None:
    call = play(stage, MIXED_LINE)
    file = stage.until_kept(call)["files"][0]
    secret = (stage.directory / "secrets" / "vault").read_text()
    _, _, signed = secret.partition("sig=")
    shown = stage.command("recordings", "show", call_id(stage, call), "-f", "json").out
    assert file["path"].startswith(container.url)
    assert "sig=" not in shown
    assert signed not in stage.log.read_text()


def call_id(stage: Stage, call: str) -> str:
    found: str = stage.recordings_in_ledger(call)[0]["id"]
    return found


def test_archived_recording_is_purged_with_the_containers_answer(
    stage: Stage, container: ContainerClient
) -> None:
    stage.until_state(play(stage, BRIEF_LINE), "purged")
    assert [blob.name for blob in container.list_blobs()] == []
    ((copies,),) = stage.rows("SELECT copies FROM receipts")
    (store, _, said) = json.loads(copies)[-1]
    assert store == "vault"
    assert said.startswith("deleted: HTTP 202, request ")


def test_broken_download_goes_on_in_the_container_where_it_was(
    stage: Stage, container: ContainerClient
) -> None:
    call = stage.begin_call(MIXED_LINE, {"id": "8:acs:alice"}, {"id": "8:acs:bob"})
    stage.until_captured(call)
    stage.emulator.arm("download.truncate", count=2, call=call)
    stage.lengthen(LONG_SECONDS)
    stage.end_call(call)
    (file,) = stage.until_kept(call)["files"]
    (on_service,) = stage.emulator.recordings_of(call)[0]["files"]
    assert file["sha256"] == on_service["sha256"]
    assert stage.emulator.fired("download.truncate") == 2
    ranges = [r["headers"].get("range") for r in stage.emulator.requests(holding="/content/")]
    assert any(asked is not None and asked != "bytes=0-" for asked in ranges), ranges
    assert container.exists()
