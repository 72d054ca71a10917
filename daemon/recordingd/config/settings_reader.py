"""A settings file as `Settings`, or every fault in it.

Called by `config.settings` only. A setting whose promise this version cannot keep is an error; one
that merely has no effect yet is a warning. Never reads a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from recordingd.config import scalars
from recordingd.config.diagnostics import Diagnostic, Findings, Place, SourceFile, Span
from recordingd.config.ingress_settings import callback_tokens, storage_queue, webhook_entra
from recordingd.config.schema_check import settings_check
from recordingd.config.secret_words import hide_written_secrets
from recordingd.config.settings_source import SettingsSource
from recordingd.config.settings_support import check_support
from recordingd.config.settings_values import (
    AcsSettings,
    EntraSettings,
    Guards,
    LogSettings,
    Settings,
)
from recordingd.config.store_settings import default_archive, read_stores
from recordingd.config.strict_yaml import Document, parse_documents, read_source
from recordingd.domain.durations import parse_duration
from recordingd.domain.plans import Mode

API_VERSION = "2026-03-12"
# Where the service stores recordings (call-recording.md and the SDKs' redirects).
STORAGE_HOSTS = (".asm.skype.com", ".asyncgw.teams.microsoft.com", ".ams.gov.teams.microsoft.us")
# A UNIX socket's path has 108 bytes, the last one a zero (unix(7)).
_SOCKET_PATH_BYTES_MAX = 107
# A slash, then a path; `:memory:` is no file, and options of the URL are ours to choose.
_SQLITE_FILE = re.compile(r"/[^:?][^?]*")


def read_settings(
    path: Path, environ: Mapping[str, str]
) -> tuple[tuple[Diagnostic, ...], Settings | None]:
    """Read a settings file; return all findings, and the settings if they are usable."""
    findings = Findings()
    file = read_source(path, relative=path.name, shown=str(path), findings=findings)
    if file is not None:
        hide_written_secrets(file)
    document = None if file is None else _single_document(file, findings)
    if document is None:
        return findings.diagnostics, None
    data = settings_check().check(document, findings)
    if not isinstance(data, dict):
        return findings.diagnostics, None
    source = SettingsSource(path, document, data=data, environ=environ, findings=findings)
    settings = _build(source)
    check_support(source)
    if findings.has_errors or settings is None:
        return findings.diagnostics, None
    return findings.diagnostics, replace(settings, warnings=findings.diagnostics)


def _single_document(file: SourceFile, findings: Findings) -> Document | None:
    documents = parse_documents(file, findings)
    if not documents and not findings.has_errors:
        place = Place(file=file, span=Span())
        findings.error(place, "settings/empty", "there are no settings in this file")
    for extra in documents[1:]:
        message = "a settings file holds one document"
        findings.error(extra.first_key(), "settings/second-document", message)
    return documents[0] if documents else None


def _build(source: SettingsSource) -> Settings | None:
    """Build the value; what is faulty has its default, since nobody will see it."""
    if source.get("mode") is None:
        return None
    stores = read_stores(source)
    public_url, ceiling = source.get("publicUrl"), source.get("ceiling")
    return Settings(
        path=source.path,
        instance=source.get("instance") or "default",
        mode=Mode(source.get("mode")),
        state_dir=source.state_dir,
        acs=_acs(source),
        policies=source.beside_settings(source.get("policies") or "policies"),
        ledger=_ledger(source),
        stores=stores,
        has_named_stores=source.is_written("stores"),
        archive=default_archive(source, stores),
        listen=scalars.parse_listen(source.get("listen") or "127.0.0.1:8080"),
        public_url=None if public_url is None else scalars.parse_public_url(public_url),
        webhook_secrets=source.secrets_in("ingress", "webhook", "secrets"),
        webhook_entra=webhook_entra(source),
        storage_queue=storage_queue(source),
        callback_tokens=callback_tokens(source),
        tags_from_context=dict(source.get("tags", "fromContext") or {}),
        reporters=source.named_secrets("signals", "reporters"),
        api_tokens=source.named_secrets("api", "tokens"),
        settle=source.span("settle", default="2s"),
        hold_grace=source.span("holdGrace", default="24h"),
        pseudonym_key=source.secret_at("pseudonymKey"),
        service_retention=source.span("serviceRetention", default="24h"),
        ceiling=None if ceiling is None else parse_duration(ceiling),
        requires_consent_rule=source.get("requireConsentRule") is True,
        downloads_concurrency=source.get("downloads", "concurrency") or 8,
        guards=_guards(source),
        log=LogSettings(
            level=source.get("log", "level") or "info", format=source.get("log", "format") or "json"
        ),
        control=_control(source),
        secrets=tuple(source.secrets),
    )


def _acs(source: SettingsSource) -> AcsSettings:
    endpoint, ca_file = source.get("acs", "endpoint"), source.get("acs", "caFile")
    hosts = source.get("acs", "storageHosts") or STORAGE_HOSTS
    entra = source.get("acs", "entra")
    acs = AcsSettings(
        connection_string=source.secret_at("acs", "connectionString"),
        endpoint=None if endpoint is None else scalars.parse_endpoint(endpoint),
        access_key=source.secret_at("acs", "accessKey"),
        secondary_key=source.secret_at("acs", "secondaryKey"),
        entra=None if entra is None else EntraSettings(client_id=entra.get("clientId")),
        api_version=source.get("acs", "apiVersion") or API_VERSION,
        start_window=source.span("acs", "startWindow", default="15s"),
        storage_hosts=tuple(scalars.parse_storage_host(host) for host in hosts),
        ca_file=None if ca_file is None else source.beside_settings(ca_file),
        place=source.at("acs", "storageHosts"),
    )
    _check_credentials(source)
    if acs.endpoint is not None:
        check_loopback_hosts(acs, urlsplit(acs.endpoint).hostname or "", source.findings)
    return acs


def _check_credentials(source: SettingsSource) -> None:
    """Ask for exactly one way to authenticate."""
    has_string, has_endpoint, has_key, has_second, has_entra = (
        source.is_written("acs", key)
        for key in ("connectionString", "endpoint", "accessKey", "secondaryKey", "entra")
    )
    message = None
    if has_string and (has_endpoint or has_key or has_entra):
        message = "connectionString already holds the endpoint and a key; write one or the other"
    elif has_key and has_entra:
        message = "with entra no access key is used; write one or the other"
    elif not has_string and not (has_endpoint and (has_key or has_entra)):
        message = "acs needs connectionString, or endpoint with accessKey or entra"
    elif has_second and not (has_string or has_key):
        message = "secondaryKey is for when the first key is rejected, and there is none"
    if message is not None:
        source.findings.error(source.document.key_at("acs"), "settings/credentials", message)


def check_loopback_hosts(acs: AcsSettings, endpoint_host: str, findings: Findings) -> None:
    """Refuse files from this machine where the service is not on this machine."""
    loopback = [host for host in acs.storage_hosts if scalars.is_loopback(host)]
    if loopback and not scalars.is_loopback(endpoint_host):
        findings.error(
            acs.place,
            "settings/loopback-host",
            f"storage host {loopback[0]} is this machine, and the endpoint is not",
        )


# --- ledger, control ------------------------------------------------------------------------------


def _ledger(source: SettingsSource) -> str:
    """Return the database's URL with an absolute path."""
    written = source.get("ledger")
    if written is None:
        return _sqlite_url(source.in_state_dir("ledger.db"))
    scheme, _, rest = written.partition("://")
    place = source.at("ledger")
    if "@" in written:
        source.document.hide("ledger")
    if scheme.partition("+")[0] in {"postgresql", "postgres"}:
        message = "this version keeps its ledger in SQLite only"
        source.findings.error(place, "settings/not-supported", message)
    elif scheme != "sqlite" or not _SQLITE_FILE.fullmatch(rest):
        hint = "write sqlite:///ledger.db (in stateDir) or sqlite:////var/lib/recordingd/ledger.db"
        message = "the ledger is not the URL of a SQLite file"
        source.findings.error(place, "settings/ledger", message, hint=hint)
    else:
        return _sqlite_url(source.in_state_dir(rest[1:]))
    return _sqlite_url(source.in_state_dir("ledger.db"))


def _sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def _control(source: SettingsSource) -> Path:
    written = source.get("control")
    runtime = source.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if written is not None:
        path = source.in_state_dir(written)
    else:
        path = Path(runtime or source.state_dir, "control.sock")
    if len(str(path).encode()) > _SOCKET_PATH_BYTES_MAX:
        place = source.at("control") if written is not None else source.document.first_key()
        message = f"the path of the control socket is longer than {_SOCKET_PATH_BYTES_MAX} bytes"
        source.findings.error(place, "settings/control", message, hint=f"it is {path}")
    return path


def _guards(source: SettingsSource) -> Guards:
    deletes = source.get("guards", "maxDeletes") or {}
    end_calls = source.get("guards", "maxEndCalls") or {}
    return Guards(
        max_deletes_count=deletes.get("count", 100),
        max_deletes_percent=deletes.get("percent", 10),
        max_deletes_bytes=scalars.parse_size(deletes.get("bytes", "50GB")),
        max_end_calls_count=end_calls.get("count", 5),
        max_end_calls_per=source.span("guards", "maxEndCalls", "per", default="1m"),
    )
