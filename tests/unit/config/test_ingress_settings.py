"""The ways in of a settings file: values, documented defaults, faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordingd.config.settings import CallbackTokens, EntraWebhook, Settings, check_settings

TENANT = "0f6f1c39-8d7c-4f0e-9d54-3f5b6a0f2a11"
QUEUE = "https://contoso.queue.core.windows.net/acs-events"


def check(folder: Path, ingress: str, *lines: str) -> tuple[list[str], Settings | None]:
    """Read settings with these ways in; return the codes of all findings, and the settings."""
    path = folder / "recordingd.yaml"
    text = [
        "apiVersion: recordingd/v1",
        "kind: Settings",
        "mode: observe",
        "acs: {connectionString: {env: ACS}}",
        "policies: policies",
        f"ingress: {ingress}",
        *lines,
    ]
    path.write_text("\n".join(text) + "\n")
    diagnostics, settings = check_settings(path, {})
    return [d.code for d in diagnostics], settings


def load(folder: Path, ingress: str, *lines: str) -> Settings:
    codes, settings = check(folder, ingress, *lines)
    assert codes == []
    assert settings is not None
    return settings


def test_settings_without_ways_in_ask_for_none(tmp_path: Path) -> None:
    settings = load(tmp_path, "{}")
    assert settings.webhook_entra is None
    assert settings.storage_queue is None
    assert settings.callback_tokens is None


def test_entra_webhook_has_event_grid_and_the_tenant_as_its_defaults(tmp_path: Path) -> None:
    entra = f"{{tenantId: {TENANT.upper()}, audience: 'api://recorder'}}"
    settings = load(tmp_path, f"{{webhook: {{entra: {entra}}}}}")
    assert settings.webhook_entra == EntraWebhook(
        tenant_id=TENANT,
        audience="api://recorder",
        application_id="4962773b-9cdb-44cf-a8bf-237846a00ab7",
        issuer=None,
        openid_configuration=f"https://login.microsoftonline.com/{TENANT}/v2.0"
        "/.well-known/openid-configuration",
    )


def test_entra_webhook_can_be_named_in_full(tmp_path: Path) -> None:
    entra = (
        f"{{tenantId: {TENANT}, audience: a, applicationId: {TENANT}, issuer: 'https://i/', "
        "openIdConfiguration: 'http://127.0.0.1:1/c'}"
    )
    found = load(tmp_path, f"{{webhook: {{entra: {entra}}}}}").webhook_entra
    assert found is not None
    assert (found.application_id, found.issuer) == (TENANT, "https://i/")
    assert found.openid_configuration == "http://127.0.0.1:1/c"


def test_callbacks_have_the_documented_issuer_and_keys(tmp_path: Path) -> None:
    settings = load(tmp_path, "{callbacks: {audience: a}}", "publicUrl: https://r.example")
    issuer = "https://acscallautomation.communication.azure.com"
    assert settings.callback_tokens == CallbackTokens(
        audience="a",
        issuer=issuer,
        openid_configuration=f"{issuer}/calling/.well-known/acsopenidconfiguration",
    )


def test_tokens_of_callbacks_that_nobody_sends_are_warned_of(tmp_path: Path) -> None:
    codes, settings = check(tmp_path, "{callbacks: {audience: a}}")
    assert codes == ["settings/no-effect"]
    assert settings is not None


@pytest.mark.parametrize(
    "url",
    [
        QUEUE,
        f"{QUEUE}/",
        "http://127.0.0.1:10001/devstoreaccount1/queue-1",
        "http://localhost:10001/devstoreaccount1/queue-1",
    ],
)
def test_queue_is_known_by_its_url_without_a_final_slash(tmp_path: Path, url: str) -> None:
    queue = load(tmp_path, f"{{storageQueue: {{queue: '{url}'}}}}").storage_queue
    assert queue is not None
    assert queue.url == url.rstrip("/")
    assert (queue.account_key, queue.sas) == (None, None)


@pytest.mark.parametrize("kind", ["accountKey", "sas"])
def test_queue_is_opened_by_a_secret(tmp_path: Path, kind: str) -> None:
    settings = load(tmp_path, f"{{storageQueue: {{queue: '{QUEUE}', {kind}: {{env: KEY}}}}}}")
    assert settings.storage_queue is not None
    given = (settings.storage_queue.account_key, settings.storage_queue.sas)
    assert [s is not None for s in given] == [kind == "accountKey", kind == "sas"]
    assert "KEY" in {secret.name for secret in settings.secrets}


@pytest.mark.parametrize(
    "url",
    [
        "acs-events",
        "http://contoso.queue.core.windows.net/acs-events",
        "https://contoso.queue.core.windows.net",
        "https://contoso.queue.core.windows.net/a/acs-events",
        "https://contoso.queue.core.windows.net/ab",
        "https://contoso.queue.core.windows.net/Events",
        "https://contoso.queue.core.windows.net/a--b",
        "https://contoso.queue.core.windows.net/acs-events?sig=canary",
        "https://user:canary@contoso.queue.core.windows.net/acs-events",
        "http://127.0.0.1:1/a/b/queue",
    ],
)
def test_what_is_no_queue_is_refused(tmp_path: Path, url: str) -> None:
    assert check(tmp_path, f"{{storageQueue: {{queue: '{url}'}}}}")[0] == ["schema/queue"]


@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        (f"{{webhook: {{entra: {{tenantId: {TENANT}}}}}}}", "schema/required:audience"),
        ("{webhook: {entra: {audience: a}}}", "schema/required:tenantId"),
        ("{webhook: {entra: {tenantId: common, audience: a}}}", "schema/pattern"),
        ("{storageQueue: {}}", "schema/required:queue"),
        ("{callbacks: {}}", "schema/required:audience"),
        ("{callbacks: {audience: a, openIdConfiguration: 'http://i.example/c'}}", "schema/openid"),
        ("{callbacks: {audience: a, openIdConfiguration: 'https://u:p@i/c'}}", "schema/openid"),
        (
            f"{{storageQueue: {{queue: '{QUEUE}', accountKey: {{env: A}}, sas: {{env: B}}}}}}",
            "settings/credentials",
        ),
    ],
)
def test_faulty_ways_in_are_refused(tmp_path: Path, ingress: str, expected: str) -> None:
    codes, settings = check(tmp_path, ingress, "publicUrl: https://r.example")
    assert codes == [expected]
    assert settings is None
