"""The stores of a settings file: directories, containers, and which takes what.

Called by `config.settings_reader` only. Reads no secret and opens no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recordingd.config import scalars
from recordingd.config.schema_words import did_you_mean
from recordingd.config.settings_source import SettingsSource
from recordingd.config.settings_values import StoreSettings
from recordingd.domain.durations import parse_duration
from recordingd.domain.policies import StoreName

_FOR_CONTAINERS = ("accountKey", "sas", "onExportFailure", "immutable")


def read_stores(source: SettingsSource) -> dict[StoreName, StoreSettings]:
    """Return every store; without any in the file one directory is made up."""
    written = source.get("stores")
    if written is None:
        written = {"main": {"path": "archive"}}
    stores = {StoreName(name): _store(source, name, store) for name, store in written.items()}
    _check_failure_stores(source, stores)
    _check_containers_differ(source, stores)
    return stores


def default_archive(source: SettingsSource, stores: Mapping[StoreName, StoreSettings]) -> StoreName:
    """Return the store that downloads go to unless a policy says otherwise."""
    name = StoreName(source.get("archive") or "main")
    if name not in stores:
        is_written = source.is_written("archive")
        place = source.at("archive") if is_written else source.document.key_at("stores")
        message = f"archive '{name}' is no store"
        source.findings.error(place, "settings/unknown-store", message, hint=_hint(name, stores))
    return name


def _store(source: SettingsSource, name: str, store: Mapping[str, Any]) -> StoreSettings:
    path, container = store.get("path"), store.get("container")
    _check_kind(source, name, store)
    fallback, immutable = store.get("onExportFailure"), store.get("immutable", {})
    at_least = immutable.get("atLeast")
    return StoreSettings(
        name=StoreName(name),
        path=None if path is None else source.in_state_dir(path),
        container=None if container is None else scalars.parse_container_url(container),
        account_key=source.secret_at("stores", name, "accountKey"),
        sas=source.secret_at("stores", name, "sas"),
        on_export_failure=None if fallback is None else StoreName(fallback),
        immutable_for=None if at_least is None else parse_duration(at_least),
    )


def _check_kind(source: SettingsSource, name: str, store: Mapping[str, Any]) -> None:
    """Ask for a directory or a container, and for at most one way into the container."""
    place, message = source.document.key_at("stores", name), None
    has_path, has_container, has_key, has_sas = (
        source.is_written("stores", name, key) for key in ("path", "container", "accountKey", "sas")
    )
    is_named = not source.is_written("stores") or has_path != has_container
    if not is_named:
        message = f"store '{name}' needs either a path or a container"
    elif has_key and has_sas:
        message = f"store '{name}' has an account key and a shared signature; one opens it"
    elif not _is_opened(store):
        message = f"store '{name}' is not https, and so needs accountKey or sas"
    elif has_path and (lone := next((k for k in _FOR_CONTAINERS if k in store), None)):
        message = f"store '{name}' is a directory, and '{lone}' is for containers"
    if message is not None:
        source.findings.error(place, "settings/store", message)


def _is_opened(store: Mapping[str, Any]) -> bool:
    """Say whether a container has a way in: a token of Entra ID travels over TLS alone."""
    is_plain = str(store.get("container", "")).startswith("http:")
    return not is_plain or "accountKey" in store or "sas" in store


def _check_failure_stores(
    source: SettingsSource, stores: Mapping[StoreName, StoreSettings]
) -> None:
    for store in stores.values():
        target = store.on_export_failure
        if target is None:
            continue
        place = source.at("stores", store.name, "onExportFailure")
        if target not in stores:
            message = f"onExportFailure '{target}' is no store"
            hint = _hint(target, stores)
            source.findings.error(place, "settings/unknown-store", message, hint=hint)


def _check_containers_differ(
    source: SettingsSource, stores: Mapping[StoreName, StoreSettings]
) -> None:
    """Refuse one container under two names: its blobs would belong to two stores."""
    seen: dict[str, StoreName] = {}
    for store in stores.values():
        if store.container is None:
            continue
        if (first := seen.setdefault(store.container, store.name)) != store.name:
            place = source.at("stores", store.name, "container")
            message = f"the container is that of store '{first}'"
            source.findings.error(place, "settings/duplicate", message)


def _hint(name: str, stores: Mapping[StoreName, StoreSettings]) -> str:
    return did_you_mean(name, stores) or f"stores are {', '.join(stores)}"
