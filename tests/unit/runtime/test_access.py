"""What the settings give to prove ourselves with, and the stores that it opens."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.factories import make_copy

from recordingd.acs.credentials import AccessKeyAuthorizer, AccessKeyCredential, Authorizer
from recordingd.acs.endpoint import Endpoint
from recordingd.acs.entra import EntraAuthorizer
from recordingd.acs.signing import Message
from recordingd.archive.azure_blob import BlobArchive
from recordingd.archive.local import LocalArchive
from recordingd.config.settings import Settings, load_settings
from recordingd.domain.errors import ConfigurationError
from recordingd.domain.policies import StoreName
from recordingd.runtime.access import locator_of, open_archives, open_resource

FIRST = base64.b64encode(b"first key of the resource").decode()
SECOND = base64.b64encode(b"second key of the resource").decode()
ENVIRON = {
    "CONNECTION": f"endpoint=https://contoso.example/;accesskey={FIRST}",
    "FIRST": FIRST,
    "SECOND": SECOND,
    "KEY": "a2V5",
    "SAS": "sv=2026&sig=abc",
    "WRONG": "no key!",
}
AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
MESSAGE = Message(method="GET", target="/a", host="contoso.example")
VAULT = "https://contoso.blob.core.windows.net/vault"
ENDPOINT = 'endpoint: "https://contoso.example"'


def make_settings(
    folder: Path, *, acs: str = "connectionString: {env: CONNECTION}", stores: str = ""
) -> Settings:
    path = folder / "recordingd.yaml"
    path.write_text(
        "apiVersion: recordingd/v1\nkind: Settings\nmode: observe\npolicies: policies\n"
        f"acs: {{{acs}}}\nstores: {{main: {{path: archive}}{stores}}}\n"
    )
    return load_settings(path, ENVIRON)


def open_acs(folder: Path, acs: str) -> tuple[Endpoint, Authorizer]:
    return open_resource(make_settings(folder, acs=acs).acs)


def headers_of(authorizer: Authorizer) -> Mapping[str, str]:
    return asyncio.run(authorizer.authorize(MESSAGE, at=AT)).headers


def signed_with(key: str) -> Mapping[str, str]:
    return AccessKeyCredential(key).sign(MESSAGE, at=AT)


@pytest.mark.parametrize(
    "acs", ["connectionString: {env: CONNECTION}", f"{ENDPOINT}, accessKey: {{env: FIRST}}"]
)
def test_key_signs_however_it_is_written(tmp_path: Path, acs: str) -> None:
    endpoint, authorizer = open_acs(tmp_path, acs)
    assert endpoint.url == "https://contoso.example"
    assert headers_of(authorizer) == signed_with(FIRST)


@pytest.mark.parametrize(
    "acs", ["connectionString: {env: CONNECTION}", f"{ENDPOINT}, accessKey: {{env: FIRST}}"]
)
def test_second_key_signs_once_the_first_is_refused(tmp_path: Path, acs: str) -> None:
    _, authorizer = open_acs(tmp_path, f"{acs}, secondaryKey: {{env: SECOND}}")
    assert isinstance(authorizer, AccessKeyAuthorizer)
    authorizer.reject(asyncio.run(authorizer.authorize(MESSAGE, at=AT)))
    assert headers_of(authorizer) == signed_with(SECOND)


def test_wrong_key_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_acs(tmp_path, "connectionString: {env: CONNECTION}, secondaryKey: {env: WRONG}")


def test_entra_signs_in_instead_of_a_key(tmp_path: Path) -> None:
    _, authorizer = open_acs(tmp_path, f"{ENDPOINT}, entra: {{clientId: a}}")
    assert isinstance(authorizer, EntraAuthorizer)


def test_every_store_is_opened_as_what_it_is(tmp_path: Path) -> None:
    stores = (
        f', keyed: {{container: "{VAULT}", accountKey: {{env: KEY}}}}'
        f', signed: {{container: "{VAULT}-2", sas: {{env: SAS}}}}'
        f', identified: {{container: "{VAULT}-3"}}'
    )
    opened = open_archives(make_settings(tmp_path, stores=stores))
    assert {name: type(archive) for name, archive in opened.items()} == {
        "main": LocalArchive,
        "keyed": BlobArchive,
        "signed": BlobArchive,
        "identified": BlobArchive,
    }
    assert all(archive.name == name for name, archive in opened.items())


def test_wrong_account_key_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    stores = f', vault: {{container: "{VAULT}", accountKey: {{env: WRONG}}}}'
    with pytest.raises(ConfigurationError, match="not base64"):
        open_archives(make_settings(tmp_path, stores=stores))


def test_copies_are_located_without_opening_their_stores(tmp_path: Path) -> None:
    stores = f', vault: {{container: "{VAULT}", accountKey: {{env: MISSING}}}}'
    settings = make_settings(tmp_path, stores=stores)
    locate = locator_of(settings)
    main, vault, gone = StoreName("main"), StoreName("vault"), StoreName("gone")
    assert locate(make_copy(store=main, uri="ab/x.wav")) == str(tmp_path / "archive/ab/x.wav")
    assert locate(make_copy(store=vault, uri="a b/x.wav")) == f"{VAULT}/a%20b/x.wav"
    assert locate(make_copy(store=gone, uri="x.wav")) == "gone:x.wav"


def test_azure_libraries_are_loaded_only_where_they_are_wanted(tmp_path: Path) -> None:
    make_settings(tmp_path)
    program = (
        "import sys; from pathlib import Path;"
        "from recordingd.config.settings import load_settings;"
        "from recordingd.runtime import access, wiring;"
        f"settings = load_settings(Path({str(tmp_path / 'recordingd.yaml')!r}), {ENVIRON!r});"
        "access.open_archives(settings); access.open_resource(settings.acs);"
        "print([name for name in sys.modules if name.split('.')[0] in {'azure', 'msal'}])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "[]"
