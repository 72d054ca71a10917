"""The ways in, `ingress` of the settings, as values.

Called by `config.settings_reader` only. The defaults are the service's documented addresses; a
private issuer, or a stand-in on this machine, is named in full.
"""

from __future__ import annotations

from recordingd.config import scalars
from recordingd.config.settings_source import SettingsSource
from recordingd.config.settings_values import CallbackTokens, EntraWebhook, QueueSettings

# How to secure a webhook endpoint of Call Automation (secure-webhook-endpoint.md).
CALLBACK_ISSUER = "https://acscallautomation.communication.azure.com"
CALLBACK_OPENID = f"{CALLBACK_ISSUER}/calling/.well-known/acsopenidconfiguration"
# Event Grid itself, in every tenant (secure-webhook-delivery.md, the script that creates its
# service principal).
EVENT_GRID_APPLICATION = "4962773b-9cdb-44cf-a8bf-237846a00ab7"


def webhook_entra(source: SettingsSource) -> EntraWebhook | None:
    """Return which tokens the webhook takes; None when it takes none, or they are faulty."""
    path = ("ingress", "webhook", "entra")
    tenant, audience = source.get(*path, "tenantId"), source.get(*path, "audience")
    if tenant is None or audience is None:
        return None
    # Entra ID writes its identifiers in lower case, and tokens are compared exactly.
    tenant = tenant.lower()
    openid = f"https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration"
    return EntraWebhook(
        tenant_id=tenant,
        audience=audience,
        application_id=(source.get(*path, "applicationId") or EVENT_GRID_APPLICATION).lower(),
        issuer=source.get(*path, "issuer"),
        openid_configuration=source.get(*path, "openIdConfiguration") or openid,
    )


def storage_queue(source: SettingsSource) -> QueueSettings | None:
    """Return the queue that events are fetched from; None when there is none, or it is faulty."""
    path = ("ingress", "storageQueue")
    account_key, sas = source.secret_at(*path, "accountKey"), source.secret_at(*path, "sas")
    if account_key is not None and sas is not None:
        message = "the queue needs one of accountKey and sas, not both"
        source.findings.error(source.document.key_at(*path), "settings/credentials", message)
    url = source.get(*path, "queue")
    if url is None:
        return None
    return QueueSettings(url=scalars.parse_queue_url(url), account_key=account_key, sas=sas)


def callback_tokens(source: SettingsSource) -> CallbackTokens | None:
    """Return which tokens callbacks must carry; None when none, or they are faulty."""
    path = ("ingress", "callbacks")
    audience = source.get(*path, "audience")
    if audience is None:
        return None
    if not source.is_written("publicUrl"):
        message = "'ingress.callbacks' has no effect without publicUrl: nothing is called back"
        source.findings.warning(source.document.key_at(*path), "settings/no-effect", message)
    return CallbackTokens(
        audience=audience,
        issuer=source.get(*path, "issuer") or CALLBACK_ISSUER,
        openid_configuration=source.get(*path, "openIdConfiguration") or CALLBACK_OPENID,
    )
