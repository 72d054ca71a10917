"""What the online checks say of a container, and what they leave there: nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from tests.azurite import Azurite

from recordingd.config.settings import load_settings
from recordingd.domain.policies import StoreName
from recordingd.runtime.checking import Check, Grade
from recordingd.runtime.container_checks import check_container
from recordingd.runtime.system import SystemClock

CheckStore = Callable[..., Check]


@pytest.fixture
def container(azurite: Azurite) -> Iterator[ContainerClient]:
    with azurite.container(azurite.create_container("checked")) as client:
        yield client


@pytest.fixture
def check(tmp_path: Path) -> CheckStore:
    def run(url: str, kind: str, secret: str) -> Check:
        path = tmp_path / "recordingd.yaml"
        path.write_text(
            "apiVersion: recordingd/v1\nkind: Settings\nmode: observe\npolicies: policies\n"
            "acs: {connectionString: {env: ACS}}\narchive: vault\n"
            f'stores: {{vault: {{container: "{url}", {kind}: {{env: SECRET}}}}}}\n'
        )
        settings = load_settings(path, {"SECRET": secret})
        return check_container(settings.stores[StoreName("vault")], settings.acs)

    return run


def signature(azurite: Azurite, container: ContainerClient, permissions: str) -> str:
    return generate_container_sas(
        azurite.account,
        container.url.rpartition("/")[2],
        account_key=azurite.key,
        permission=ContainerSasPermissions.from_string(permissions),
        expiry=SystemClock().now_utc() + timedelta(minutes=5),
    )


def test_container_that_has_all_we_need_is_ok_and_left_as_it_was(
    azurite: Azurite, container: ContainerClient, check: CheckStore
) -> None:
    found = check(container.url, "accountKey", azurite.key)
    assert found.grade is Grade.OK
    assert list(container.list_blobs()) == []
    assert check(container.url, "sas", signature(azurite, container, "rcwd")).grade is Grade.OK


@pytest.mark.parametrize(
    ("permissions", "missing"), [("cwd", "to read"), ("rd", "to write"), ("rcw", "to delete")]
)
def test_missing_right_is_named_with_its_remedy(
    azurite: Azurite,
    container: ContainerClient,
    check: CheckStore,
    *,
    permissions: str,
    missing: str,
) -> None:
    found = check(container.url, "sas", signature(azurite, container, permissions))
    assert found.is_failure
    assert missing in found.text
    assert "--permissions crwd" in (found.fix or "")


def test_wrong_key_is_told_from_a_missing_container(
    azurite: Azurite, container: ContainerClient, check: CheckStore
) -> None:
    wrong = check(container.url, "accountKey", "b3RoZXIta2V5")
    gone = check(f"{azurite.blob_url}/nobody-made-this", "accountKey", azurite.key)
    assert (wrong.is_failure, gone.is_failure) == (True, True)
    assert "keys list" in (wrong.fix or "")
    assert "container create" in (gone.fix or "")


def test_account_that_does_not_answer_is_a_matter_of_the_network(check: CheckStore) -> None:
    found = check("http://127.0.0.1:1/devstoreaccount1/vault", "accountKey", "a2V5")
    assert found.is_failure
    assert "cannot be reached" in found.text


def test_secret_that_is_none_is_found_before_anything_is_sent(check: CheckStore) -> None:
    found = check("https://contoso.blob.core.windows.net/vault", "accountKey", "no key!")
    assert found.is_failure
    assert "not base64" in found.text
    assert "no key!" not in found.text
