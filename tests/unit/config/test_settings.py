"""Settings files: values, defaults, paths, faults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic, Invalid
from recordingd.config.scalars import ListenAddress
from recordingd.config.settings import (
    Settings,
    check_secrets,
    check_settings,
    load_settings,
)
from recordingd.domain.durations import Duration
from recordingd.domain.plans import Mode
from recordingd.domain.policies import StoreName

MINIMAL = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {connectionString: {env: ACS}}
policies: policies
"""
ACS = "acs: {connectionString: {env: ACS}}"
STORE_WITH_BOTH = """\
stores:
  main: {path: archive, container: "https://contoso.blob.core.windows.net/vault"}
"""
TWO_REPORTERS = """\
signals:
  reporters:
    - {name: ivr, secret: {env: A}}
    - {name: ivr, secret: {env: B}}
"""
LOOPBACK_HOSTS = """\
acs:
  endpoint: https://contoso.communication.azure.com
  accessKey: {env: KEY}
  storageHosts: [127.0.0.1]
"""
CONNECTION = "endpoint=https://contoso.communication.azure.com/;accesskey=Z2VoZWlt"


def write(folder: Path, text: str) -> Path:
    path = folder / "recordingd.yaml"
    path.write_text(text)
    return path


def load(folder: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings(write(folder, text), environ or {})


def check(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> tuple[Diagnostic, ...]:
    return check_settings(write(folder, text), environ or {})[0]


def codes(folder: Path, text: str) -> list[str]:
    return [d.code for d in check(folder, text)]


# --- values and defaults --------------------------------------------------------------------------


def test_smallest_file_has_the_documented_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.instance == "default"
    assert settings.mode is Mode.OBSERVE
    assert settings.state_dir == tmp_path
    assert settings.policies == tmp_path / "policies"
    assert settings.ledger == f"sqlite:///{tmp_path}/ledger.db"
    assert settings.stores[StoreName("main")].path == tmp_path / "archive"
    assert not settings.has_named_stores
    assert settings.archive == "main"
    assert settings.listen == ListenAddress(host="127.0.0.1", port=8080)
    assert settings.control == tmp_path / "control.sock"
    assert settings.acs.api_version == "2026-03-12"
    assert settings.acs.start_window == timedelta(seconds=15)
    assert settings.acs.storage_hosts == (
        ".asm.skype.com",
        ".asyncgw.teams.microsoft.com",
        ".ams.gov.teams.microsoft.us",
    )
    assert settings.settle == timedelta(seconds=2)
    assert settings.hold_grace == timedelta(hours=24)
    assert settings.service_retention == timedelta(hours=24)
    assert settings.ceiling is None
    assert settings.downloads_concurrency == 8
    assert (settings.log.level, settings.log.format) == ("info", "json")
    assert settings.public_url is None
    assert settings.warnings == ()


def test_every_supported_setting_becomes_its_value(tmp_path: Path) -> None:
    text = """\
apiVersion: recordingd/v1
kind: Settings
instance: uk
stateDir: state
mode: enforce
acs:
  endpoint: http://127.0.0.1:4123/
  accessKey: {file: keys/acs}
  apiVersion: "2025-06-15"
  startWindow: 5s
  storageHosts: [127.0.0.1, .ASM.skype.com]
  caFile: ca.pem
policies: rules
ledger: sqlite:///db/ledger.db
stores:
  disk: {path: /srv/archive}
  vault: {container: "https://contoso.blob.core.windows.net/vault/", accountKey: {env: VAULT}}
archive: disk
listen: "[::1]:0"
publicUrl: https://recorder.contoso.example/
ingress: {webhook: {secrets: [{env: HOOK}, {credential: hook-2}]}}
tags: {fromContext: {queue: X-MS-Custom-Queue}}
signals: {reporters: [{name: ivr, secret: {env: IVR}}]}
api: {tokens: [{name: ops, secret: {env: OPS}}]}
settle: 500s
serviceRetention: 48h
ceiling: 10y
downloads: {concurrency: 2}
log: {level: debug, format: text}
pseudonymKey: {env: PSEUDO}
control: run/c.sock
"""
    settings = load(tmp_path, text)
    assert settings.warnings == ()
    assert settings.instance == "uk"
    assert settings.state_dir == tmp_path / "state"
    assert settings.policies == tmp_path / "rules"
    assert settings.acs.endpoint == "http://127.0.0.1:4123"
    assert settings.acs.access_key is not None
    assert settings.acs.access_key.path == tmp_path / "keys/acs"
    assert settings.acs.ca_file == tmp_path / "ca.pem"
    assert settings.acs.storage_hosts == ("127.0.0.1", ".asm.skype.com")
    assert settings.ledger == f"sqlite:///{tmp_path}/state/db/ledger.db"
    assert settings.stores[StoreName("disk")].path == Path("/srv/archive")
    vault = settings.stores[StoreName("vault")]
    assert vault.container == "https://contoso.blob.core.windows.net/vault"
    assert vault.account_key is not None
    assert settings.listen == ListenAddress(host="::1", port=0)
    assert settings.public_url == "https://recorder.contoso.example"
    assert [str(s) for s in settings.webhook_secrets] == ["env HOOK", "credential hook-2"]
    assert settings.tags_from_context == {"queue": "X-MS-Custom-Queue"}
    assert [r.name for r in settings.reporters] == ["ivr"]
    assert [t.name for t in settings.api_tokens] == ["ops"]
    assert settings.settle == timedelta(seconds=500)
    assert settings.ceiling == Duration(months=120)
    assert settings.downloads_concurrency == 2
    assert settings.control == tmp_path / "state/run/c.sock"
    assert len(settings.secrets) == 7


def test_systemd_says_where_to_write_and_where_credentials_are(tmp_path: Path) -> None:
    environ = {
        "STATE_DIRECTORY": "/var/lib/recordingd:/var/lib/other",
        "RUNTIME_DIRECTORY": "/run/recordingd",
        "CREDENTIALS_DIRECTORY": "/run/credentials/x",
    }
    text = MINIMAL.replace("env: ACS", "credential: acs")
    settings = load(tmp_path, text, environ)
    assert settings.state_dir == Path("/var/lib/recordingd")
    assert settings.ledger == "sqlite:////var/lib/recordingd/ledger.db"
    assert settings.control == Path("/run/recordingd/control.sock")
    assert settings.acs.connection_string is not None
    assert settings.acs.connection_string.path == Path("/run/credentials/x/acs")
    assert settings.policies == tmp_path / "policies"


def test_absolute_ledger_keeps_its_path(tmp_path: Path) -> None:
    settings = load(tmp_path, f"{MINIMAL}ledger: sqlite:////var/lib/x.db\n")
    assert settings.ledger == "sqlite:////var/lib/x.db"


def test_loading_reads_no_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, MINIMAL.replace("env: ACS", "file: does-not-exist"))
    assert [d.code for d in check_secrets(settings)] == ["settings/secret"]


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["settings/empty"]),
        ("a: [\n", ["yaml/syntax"]),
        ("[]\n", ["schema/type"]),
        (f"{MINIMAL}---\n{MINIMAL}", ["settings/second-document"]),
        (MINIMAL.replace("mode: observe\n", ""), ["schema/required:mode"]),
        (MINIMAL.replace("observe", "enfroce"), ["schema/enum"]),
        (MINIMAL.replace("{env: ACS}", "{}"), ["schema/minProperties"]),
        (MINIMAL.replace("{env: ACS}", "{env: A, file: b}"), ["schema/maxProperties"]),
        (MINIMAL.replace("{env: ACS}", "{credential: ../x}"), ["schema/file-name"]),
        (MINIMAL.replace("connectionString: {env: ACS}", ""), ["settings/credentials"]),
        (MINIMAL.replace("}}", '}, endpoint: "https://x.example"}'), ["settings/credentials"]),
        (MINIMAL.replace(ACS, LOOPBACK_HOSTS), ["settings/loopback-host"]),
        (f"{MINIMAL}archive: vault\n", ["settings/unknown-store"]),
        (f"{MINIMAL}stores: {{main: {{}}}}\n", ["settings/store"]),
        (f"{MINIMAL}{STORE_WITH_BOTH}", ["settings/store"]),
        (f"{MINIMAL}stores: {{other: {{path: a}}}}\n", ["settings/unknown-store"]),
        (f"{MINIMAL}stores: {{Main: {{path: a}}}}\n", ["schema/pattern", "settings/unknown-store"]),
        (f"{MINIMAL}ledger: mysql://x\n", ["settings/ledger"]),
        (f"{MINIMAL}ledger: sqlite://\n", ["settings/ledger"]),
        (f'{MINIMAL}ledger: "sqlite:///:memory:"\n', ["settings/ledger"]),
        (f"{MINIMAL}publicUrl: http://recorder.example\n", ["schema/public-url"]),
        (f"{MINIMAL}listen: 8080\n", ["schema/type"]),
        (f"{MINIMAL}settle: forever\n", ["schema/finite-duration"]),
        (f"{MINIMAL}control: {'x' * 108}\n", ["settings/control"]),
        (f"{MINIMAL}{TWO_REPORTERS}", ["settings/duplicate"]),
    ],
)
def test_faulty_settings_are_refused(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert sorted(codes(tmp_path, text)) == sorted(expected)
    with pytest.raises(Invalid):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("{connectionString", "{resultFallback: true, connectionString"),
        f"{MINIMAL}checkpoints: {{every: 1h}}\n",
        f"{MINIMAL}ledger: postgresql+psycopg://localhost/recordingd\n",
    ],
)
def test_promise_that_cannot_be_kept_is_refused(tmp_path: Path, text: str) -> None:
    [found] = check(tmp_path, text)
    assert found.code == "settings/not-supported"
    assert found.is_error


@pytest.mark.parametrize(
    "text",
    [
        f"{MINIMAL}downloads: {{bandwidth: 200MB/s}}\n",
        f"{MINIMAL}guards: {{maxEndCalls: {{count: 1}}}}\n",
        f"{MINIMAL}stores: {{main: {{path: a, place: US}}}}\n",
    ],
)
def test_setting_without_effect_is_warned_of(tmp_path: Path, text: str) -> None:
    [found] = load(tmp_path, text).warnings
    assert found.code == "settings/no-effect"


@pytest.mark.parametrize(
    "text",
    [
        f"{MINIMAL}requireConsentRule: false\n",
        f"{MINIMAL}requireConsentRule: true\n",
        f"{MINIMAL}holdGrace: 1h\n",
        f"{MINIMAL}guards: {{maxDeletes: {{count: 1}}}}\n",
        f"{MINIMAL}stores: {{main: {{path: a}}}}\n",
    ],
)
def test_setting_that_asks_for_nothing_new_is_quiet(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).warnings == ()


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    text = MINIMAL.replace("observe", "x").replace("policies: policies", "polices: p\nsettle: y")
    assert sorted(codes(tmp_path, text)) == [
        "schema/enum",
        "schema/finite-duration",
        "schema/required:policies",
        "schema/unknown-field",
    ]


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("{env: ACS}", CONNECTION),
        MINIMAL.replace(ACS, f"acs:\n  connectionString: |\n    {CONNECTION}"),
        MINIMAL.replace("connectionString: {env: ACS}", f"connectionstring: {CONNECTION}"),
        f"{MINIMAL}pseudonymKey: Z2VoZWlt\n",
        f"{MINIMAL}ingress: {{webhook: {{secrets: Z2VoZWlt}}}}\n",
        f"{MINIMAL}ledger: postgresql+psycopg://user:Z2VoZWlt@localhost/x\n",
        f"{MINIMAL}ledger: postgresql+psycopg://localhost/x?password=Z2VoZWlt\n",
        f"{MINIMAL}ledger: a\nledger: postgresql+psycopg://user:Z2VoZWlt@localhost/x\n",
        MINIMAL.replace("{env: ACS}", f"{{value: '{CONNECTION}'}}"),
        MINIMAL.replace("{env: ACS}", "{env: ACS, value: Z2VoZWlt}"),
        MINIMAL.replace("{env: ACS}", f"{{env: '{CONNECTION}'}}"),
        MINIMAL.replace("{env: ACS}", "{env: Z2VoZWlt==}"),
        MINIMAL.replace("{env: ACS}", f"{{credential: '{CONNECTION}'}}"),
        MINIMAL.replace("{env: ACS}", f"{{file: '{CONNECTION}'}}"),
        MINIMAL.replace(ACS, f"acs:\n  endpoint: {CONNECTION}\n  entra: {{}}"),
        MINIMAL.replace(ACS, "acs:\n  endpoint: https://u:Z2VoZWlt@localhost\n  entra: {}"),
        MINIMAL.replace(ACS, "acs:\n  accessKey: a\n  accessKey: Z2VoZWlt"),
        MINIMAL.replace(ACS, "acs:\n  accessKey: Z2VoZWlt: b"),
        MINIMAL.replace(ACS, "acs:\n  accessKey: *Z2VoZWlt"),
        MINIMAL.replace(ACS, "acs:\n  accessKey: &Z2VoZWlt a"),
        MINIMAL.replace(ACS, "acs:\n  accessKey: !Z2VoZWlt"),
        MINIMAL.replace(ACS, "acs:\n\taccessKey: Z2VoZWlt"),
        f"{MINIMAL}publicUrl: https://user:Z2VoZWlt@localhost\n",
        f"{MINIMAL}ingress: {{webhook: {{secrets: [{{value: Z2VoZWlt}}]}}}}\n",
        f"{MINIMAL}ingress: {{webhook: {{keys: [Z2VoZWlt]}}}}\n",
        f"{MINIMAL}ingress: {{webhook: {{secret: {{value: Z2VoZWlt}}}}}}\n",
        f"{MINIMAL}signals: {{reporters: [Z2VoZWlt]}}\n",
        f"{MINIMAL}api: {{tokens: {{ops: Z2VoZWlt}}}}\n",
    ],
)
def test_secret_written_inline_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    diagnostics, settings = check_settings(path, {})
    if settings is not None:
        diagnostics = check_secrets(settings)
    assert any(d.is_error for d in diagnostics)
    assert "Z2VoZWlt" not in "\n".join(d.as_text() + str(d.as_json()) for d in diagnostics)


def test_reference_to_a_secret_is_shown_with_a_fault_beside_it(tmp_path: Path) -> None:
    [found] = check(tmp_path, MINIMAL.replace("{env: ACS}", "{env: ACS}, endpont: x"))
    assert "{env: ACS}" in found.as_text()


def test_secret_written_inline_says_what_to_write(tmp_path: Path) -> None:
    [found] = check(tmp_path, MINIMAL.replace("{env: ACS}", "geheim"))
    assert "{credential: NAME}" in found.message


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (CONNECTION, []),
        ("endpoint=https://x/", ["settings/connection-string"]),
        ("geheim", ["settings/connection-string"]),
        ("endpoint=ftp://geheim/;accesskey=a", ["settings/connection-string"]),
        ("endpoint=http://geheim.example/;accesskey=a", ["settings/connection-string"]),
        ("endpoint=https://h/geheim;accesskey=a", ["settings/connection-string"]),
        (None, ["settings/secret"]),
    ],
)
def test_connection_string_is_checked_with_the_secrets(
    tmp_path: Path, value: str | None, expected: list[str]
) -> None:
    settings = load(tmp_path, MINIMAL, {} if value is None else {"ACS": value})
    found = check_secrets(settings)
    assert [d.code for d in found] == expected
    assert all((d.span.line, d.span.column) == (4, 25) for d in found)
    assert "geheim" not in "".join(d.as_text() for d in found)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:4123", []),
        ("http://[::1]:4123/", []),
        ("https://contoso.communication.azure.com", ["settings/loopback-host"]),
    ],
)
def test_loopback_storage_needs_a_loopback_service(
    tmp_path: Path, endpoint: str, expected: list[str]
) -> None:
    text = MINIMAL.replace("acs: {", "acs: {storageHosts: [localhost], ")
    settings = load(tmp_path, text, {"ACS": f"endpoint={endpoint};accesskey=a"})
    assert [d.code for d in check_secrets(settings)] == expected


def test_loopback_storage_fits_an_endpoint_on_this_machine(tmp_path: Path) -> None:
    acs = "acs: {endpoint: 'http://[::1]:4123', accessKey: {env: K}, storageHosts: [localhost]}"
    assert check(tmp_path, MINIMAL.replace(ACS, acs)) == ()
