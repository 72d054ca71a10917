"""Stores: directories, containers, what opens them, and where failed exports go."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.config.settings import Settings, check_settings, load_settings
from recordingd.domain.policies import StoreName

HEAD = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {connectionString: {env: ACS}}
policies: policies
"""
VAULT = "https://contoso.blob.core.windows.net/vault"


def write(folder: Path, text: str) -> Path:
    path = folder / "recordingd.yaml"
    path.write_text(HEAD + text)
    return path


def load(folder: Path, text: str) -> Settings:
    return load_settings(write(folder, text), {})


def codes(folder: Path, text: str) -> list[str]:
    diagnostics, _ = check_settings(write(folder, text), {})
    return [d.code for d in diagnostics if d.is_error]


def stores(*lines: str) -> str:
    return "".join(["stores:\n", *(f"  {line}\n" for line in lines)])


def test_container_may_be_the_archive(tmp_path: Path) -> None:
    text = stores(f'vault: {{container: "{VAULT}/", accountKey: {{env: KEY}}}}')
    settings = load(tmp_path, text + "archive: vault\n")
    store = settings.stores[StoreName("vault")]
    assert settings.archive == "vault"
    assert (store.path, store.container) == (None, VAULT)
    assert store.account_key is not None
    assert settings.warnings == ()


def test_store_for_failed_exports_is_read(tmp_path: Path) -> None:
    text = stores(
        "main: {path: archive}",
        f'vault: {{container: "{VAULT}", onExportFailure: main}}',
    )
    settings = load(tmp_path, text)
    assert settings.stores[StoreName("vault")].on_export_failure == "main"
    assert settings.warnings == ()


def test_stand_in_on_this_machine_has_its_account_in_the_path(tmp_path: Path) -> None:
    url = "http://127.0.0.1:10000/devstoreaccount1/vault"
    text = stores("main: {path: a}", f'vault: {{container: "{url}", sas: {{env: SAS}}}}')
    assert load(tmp_path, text).stores[StoreName("vault")].container == url


MAIN = "main: {path: archive}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (stores(MAIN, "vault: {}"), "settings/store"),
        (stores(MAIN, f'vault: {{container: "{VAULT}", path: a}}'), "settings/store"),
        (
            stores(
                MAIN,
                f'vault: {{container: "{VAULT}", accountKey: {{env: A}}, sas: {{env: B}}}}',
            ),
            "settings/store",
        ),
        (stores("main: {path: a, accountKey: {env: A}}"), "settings/store"),
        (stores("main: {path: a, onExportFailure: main}"), "settings/store"),
        (stores(MAIN, 'vault: {container: "http://127.0.0.1:1/a/vault"}'), "settings/store"),
        (
            stores(MAIN, f'vault: {{container: "{VAULT}", onExportFailure: mian}}'),
            "settings/unknown-store",
        ),
        (
            stores(MAIN, f'a: {{container: "{VAULT}"}}', f'b: {{container: "{VAULT}/"}}'),
            "settings/duplicate",
        ),
        (stores(MAIN, 'vault: {container: "https://contoso.example/a/b"}'), "schema/container"),
        (stores(MAIN, 'vault: {container: "http://contoso.example/vault"}'), "schema/container"),
        (stores("vault: {path: a}"), "settings/unknown-store"),
    ],
    ids=[
        "neither",
        "both",
        "two ways in",
        "a directory with a key",
        "a directory with a store for failures",
        "a token in the open",
        "an unknown store for failures",
        "one container twice",
        "no container",
        "in the open",
        "no archive",
    ],
)
def test_faulty_stores_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert codes(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("acs", "is_valid"),
    [
        ("{connectionString: {env: A}}", True),
        ("{connectionString: {env: A}, secondaryKey: {env: B}}", True),
        ('{endpoint: "https://contoso.example", accessKey: {env: A}}', True),
        (
            '{endpoint: "https://contoso.example", accessKey: {env: A}, secondaryKey: {env: B}}',
            True,
        ),
        ('{endpoint: "https://contoso.example", entra: {}}', True),
        ('{endpoint: "https://contoso.example", entra: {clientId: a}}', True),
        ('{endpoint: "https://contoso.example"}', False),
        ("{entra: {}}", False),
        ("{secondaryKey: {env: B}}", False),
        ('{endpoint: "https://contoso.example", secondaryKey: {env: B}}', False),
        ('{endpoint: "https://contoso.example", entra: {}, accessKey: {env: A}}', False),
        ('{endpoint: "https://contoso.example", entra: {}, secondaryKey: {env: A}}', False),
        ("{connectionString: {env: A}, entra: {}}", False),
        ("{connectionString: {env: A}, accessKey: {env: B}}", False),
    ],
)
def test_there_is_exactly_one_way_to_authenticate(
    tmp_path: Path, acs: str, *, is_valid: bool
) -> None:
    path = tmp_path / "recordingd.yaml"
    path.write_text(HEAD.replace("{connectionString: {env: ACS}}", acs))
    diagnostics, settings = check_settings(path, {})
    assert [d.code for d in diagnostics] == ([] if is_valid else ["settings/credentials"])
    assert (settings is not None) is is_valid


def test_identity_and_second_key_become_values(tmp_path: Path) -> None:
    path = tmp_path / "recordingd.yaml"
    entra = '{endpoint: "https://contoso.example", entra: {clientId: a}}'
    path.write_text(HEAD.replace("{connectionString: {env: ACS}}", entra))
    signed_in = load_settings(path, {}).acs
    assert signed_in.entra is not None
    assert signed_in.entra.client_id == "a"
    keys = "{connectionString: {env: A}, secondaryKey: {env: B}}"
    path.write_text(HEAD.replace("{connectionString: {env: ACS}}", keys))
    second = load_settings(path, {"B": "c2Vjb25k"}).acs.secondary_key
    assert second is not None
    assert second.reveal() == "c2Vjb25k"
