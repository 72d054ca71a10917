"""Settings files: loading them, and checking the secrets they refer to.

Called by every command that needs settings. The values are those of `config.settings_values`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from recordingd.config import scalars
from recordingd.config.diagnostics import Diagnostic, Findings, Invalid
from recordingd.config.secret import Secret, SecretUnavailable
from recordingd.config.settings_reader import check_loopback_hosts, read_settings
from recordingd.config.settings_values import (
    AcsSettings,
    CallbackTokens,
    EntraSettings,
    EntraWebhook,
    Guards,
    LogSettings,
    NamedSecret,
    QueueSettings,
    Settings,
    StoreSettings,
)

__all__ = [
    "AcsSettings",
    "CallbackTokens",
    "EntraSettings",
    "EntraWebhook",
    "Guards",
    "LogSettings",
    "NamedSecret",
    "QueueSettings",
    "Secret",
    "SecretUnavailable",
    "Settings",
    "StoreSettings",
    "check_secrets",
    "check_settings",
    "load_settings",
]


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read a settings file.

    Raises Invalid with every finding when there is an error among them; warnings are kept in the
    result. Reads no secret and writes nothing. `environ` stands in for the process environment.
    """
    diagnostics, settings = check_settings(path, environ)
    if settings is None:
        raise Invalid(diagnostics)
    return settings


def check_settings(
    path: Path, environ: Mapping[str, str] | None = None
) -> tuple[tuple[Diagnostic, ...], Settings | None]:
    """Read a settings file; return all findings, and the settings if they are usable."""
    return read_settings(path, os.environ if environ is None else environ)


def check_secrets(settings: Settings) -> tuple[Diagnostic, ...]:
    """Read every secret once and report those that cannot be used, where they are referred to."""
    findings = Findings()
    for secret in settings.secrets:
        try:
            value = secret.reveal()
        except SecretUnavailable as fault:
            findings.error(secret.place, "settings/secret", str(fault))
            continue
        if secret is settings.acs.connection_string:
            _check_connection_string(settings.acs, secret, value, findings)
    return findings.diagnostics


def _check_connection_string(
    acs: AcsSettings, secret: Secret, value: str, findings: Findings
) -> None:
    parts = dict(part.partition("=")[::2] for part in value.split(";") if "=" in part)
    fields = {key.strip().lower(): text for key, text in parts.items()}
    if not fields.get("endpoint") or not fields.get("accesskey"):
        message = f"{secret} is no connection string: endpoint=https://…;accesskey=…"
        findings.error(secret.place, "settings/connection-string", message)
        return
    try:
        endpoint = scalars.parse_endpoint(fields["endpoint"].strip())
    except ValueError:
        # What is wrong with it is not quoted: it is a part of the secret.
        message = f"the endpoint in {secret} is not of the form https://HOST"
        findings.error(secret.place, "settings/connection-string", message)
        return
    check_loopback_hosts(acs, urlsplit(endpoint).hostname or "", findings)
