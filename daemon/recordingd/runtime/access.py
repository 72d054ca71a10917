"""What the settings give to prove ourselves with, and the stores that it opens.

Called by `runtime.wiring`. The Azure libraries are slow to import, so each is loaded where the
settings ask for what needs it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import quote

from recordingd.acs.credentials import (
    AccessKeyAuthorizer,
    AccessKeyCredential,
    Authorizer,
    parse_connection_string,
)
from recordingd.acs.endpoint import Endpoint, parse_endpoint
from recordingd.acs.entra import EntraAuthorizer, open_credential
from recordingd.archive.local import LocalArchive
from recordingd.config.settings import AcsSettings, Settings, StoreSettings
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import Copy
from recordingd.ports.archive import Archive

if TYPE_CHECKING:
    from recordingd.archive.azure_blob import BlobArchive


def open_resource(acs: AcsSettings) -> tuple[Endpoint, Authorizer]:
    """Return the resource's address and what authorizes requests to it; reads the secrets.

    Raises ConfigurationError when they are wrong. Signing in with Entra ID begins with the first
    request.
    """
    keys = []
    if acs.connection_string is not None:
        parsed = parse_connection_string(acs.connection_string.reveal())
        endpoint = parsed.endpoint
        keys.append(parsed.credential)
    else:
        assert acs.endpoint is not None, "the settings ask for one or the other"
        endpoint = parse_endpoint(acs.endpoint)
    if acs.entra is not None:
        identity = partial(open_credential, acs.entra.client_id)
        return endpoint, EntraAuthorizer(identity, endpoint=endpoint)
    keys += [
        AccessKeyCredential(secret.reveal())
        for secret in (acs.access_key, acs.secondary_key)
        if secret is not None
    ]
    return endpoint, AccessKeyAuthorizer(keys)


def open_archives(settings: Settings) -> dict[StoreName, Archive]:
    """Make every store, directories and containers; sends nothing.

    Reads the secrets of containers: ConfigurationError when they are wrong.
    """
    return {
        name: _open_directory(store) or open_container(store, settings.acs)
        for name, store in settings.stores.items()
    }


def open_container(store: StoreSettings, acs: AcsSettings) -> BlobArchive:
    """Make a store that is a container; ConfigurationError when its secret is wrong."""
    assert store.container is not None, "the settings ask for a path or a container"
    blobs = import_module("recordingd.archive.azure_blob")
    if store.account_key is not None:
        credential = blobs.account_key(store.container, store.account_key.reveal())
    elif store.sas is not None:
        credential = blobs.shared_signature(store.sas.reveal())
    else:
        credential = open_credential(None if acs.entra is None else acs.entra.client_id)
    archive: BlobArchive = blobs.BlobArchive(
        store.name, container_url=store.container, credential=credential
    )
    return archive


def locator_of(settings: Settings) -> Callable[[Copy], str]:
    """Return how the path or URL of a copy is found, without opening any store or secret.

    A store that is gone shows its name.
    """

    def locate(copy: Copy) -> str:
        store = settings.stores.get(copy.store)
        if store is None:
            return f"{copy.store}:{copy.uri}"
        if store.path is not None:
            return str(store.path / copy.uri)
        return f"{store.container}/{quote(copy.uri, safe='/~')}"

    return locate


def _open_directory(store: StoreSettings) -> LocalArchive | None:
    if store.path is None:
        return None
    return LocalArchive(store.name, root=store.path, parts=store.path / ".parts")
