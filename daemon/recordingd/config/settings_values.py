"""The settings of one instance as values.

Built by `config.settings_reader`, used by `runtime` and `cli` through `config.settings`. Everything
is complete: defaults are filled in and paths are absolute. Secrets are references until somebody
reveals them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from recordingd.config.diagnostics import Diagnostic, Place
from recordingd.config.scalars import ListenAddress
from recordingd.config.secret import Secret
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.plans import Mode
from recordingd.domain.policies import StoreName


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraSettings:
    """Signing in with Entra ID; `client_id` is that of a user-assigned identity, if it is one."""

    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcsSettings:
    """The service: either a connection string, or an endpoint with a key or with Entra ID.

    `storage_hosts` are full names, or endings that begin with a dot, in lower case.
    """

    connection_string: Secret | None
    endpoint: str | None
    access_key: Secret | None
    secondary_key: Secret | None
    entra: EntraSettings | None
    api_version: str
    start_window: timedelta
    storage_hosts: tuple[str, ...]
    ca_file: Path | None
    place: Place = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """A place where recordings live: a directory or a container, never both.

    A container is opened with its account's key or a shared signature, with Entra ID where neither
    is given. `on_export_failure` is the store for files that the service could not write here.
    `immutable_for` is how long nothing that was written here can be deleted, None where it can.
    """

    name: StoreName
    path: Path | None = None
    container: str | None = None
    account_key: Secret | None = None
    sas: Secret | None = None
    on_export_failure: StoreName | None = None
    immutable_for: Duration | Forever | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSecret:
    """Somebody who authenticates with a bearer token: a reporter, or a reader of the API."""

    name: str
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraWebhook:
    """Tokens that Event Grid may present; `issuer` is None for the tenant's own two forms."""

    tenant_id: str
    audience: str
    application_id: str
    issuer: str | None
    openid_configuration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A storage queue that Event Grid delivers to; without a key or a SAS, Entra ID opens it."""

    url: str
    account_key: Secret | None = None
    sas: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTokens:
    """Tokens that the service's callbacks must carry."""

    audience: str
    issuer: str
    openid_configuration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Limits on what one cycle may do."""

    max_deletes_count: int
    max_deletes_percent: int
    max_deletes_bytes: int
    max_end_calls_count: int
    max_end_calls_per: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How the daemon logs."""

    level: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a settings file says.

    `has_named_stores` says whether the file names stores itself, and with that the containers that
    policies may use. `ledger` is a database URL with an absolute path. `secrets` are all secrets
    that the file refers to, used or not.
    """

    path: Path
    instance: str
    mode: Mode
    state_dir: Path
    acs: AcsSettings
    policies: Path
    ledger: str
    stores: Mapping[StoreName, StoreSettings]
    has_named_stores: bool
    archive: StoreName
    listen: ListenAddress
    public_url: str | None
    webhook_secrets: tuple[Secret, ...]
    webhook_entra: EntraWebhook | None
    storage_queue: QueueSettings | None
    callback_tokens: CallbackTokens | None
    tags_from_context: Mapping[str, str]
    reporters: tuple[NamedSecret, ...]
    api_tokens: tuple[NamedSecret, ...]
    settle: timedelta
    hold_grace: timedelta
    pseudonym_key: Secret | None
    service_retention: timedelta
    ceiling: Duration | Forever | None
    requires_consent_rule: bool
    downloads_concurrency: int
    guards: Guards
    log: LogSettings
    control: Path
    secrets: tuple[Secret, ...] = field(repr=False)
    warnings: tuple[Diagnostic, ...] = field(repr=False, compare=False, default=())
