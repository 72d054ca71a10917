"""Which of our containers a recording is written to, and what lies there under which name.

Called by `facts`, `files` and `transitions`, and by `runtime` when it purges. A URL from the wire
names a blob only where it lies inside a container that is known; everything else is no blob of
ours, whatever its event says. Source: bring-your-own-storage.md, "Folder structure".
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from recordingd.domain.plans import InContainer
from recordingd.domain.policies import RecordSpec, StoreName
from recordingd.domain.recordings import RecordingFile
from recordingd.planning.context import ContainerStore, PlanningContext

_PORTS = {"https": 443, "http": 80}


def blob_name(container_url: str, url: str) -> str | None:
    """Return the name of the blob that a URL means in a container, None when it lies elsewhere.

    Hosts compare without case, paths with it. A query is no part of a name; a name that climbs out
    of the container, or could be made to, is none.
    """
    container, blob = _split(container_url), _split(url)
    if container is None or blob is None or _origin(container) != _origin(blob):
        return None
    folder = container.path.rstrip("/") + "/"
    if not blob.path.startswith(folder) or blob.username is not None or blob.fragment:
        return None
    name = unquote(blob.path.removeprefix(folder))
    is_plain = name.isprintable() and "\\" not in name
    if not is_plain or any(part in {"", ".", ".."} for part in name.split("/")):
        return None
    return name


def find_blob(
    containers: Mapping[StoreName, ContainerStore], file: RecordingFile
) -> InContainer | None:
    """Find the store that an exported file lies in, None when its container is no store of ours."""
    for store, container in containers.items():
        if (uri := blob_name(container.url, file.content_url)) is not None:
            metadata = file.metadata_url
            return InContainer(
                store=store,
                uri=uri,
                metadata_uri=None if metadata is None else blob_name(container.url, metadata),
            )
    return None


def destination(spec: RecordSpec, context: PlanningContext) -> tuple[StoreName, str | None]:
    """Return (the store that downloads go to, the container that the service writes to).

    Of a recording that the service exports only what it failed to export is downloaded: it goes
    where the container's store says, else to the settings' archive. A store that the settings no
    longer have exports nothing, so that the call is recorded all the same.
    """
    store = _store_of(spec, context)
    if store is None:
        return spec.archive or context.archive, spec.container
    return store.on_export_failure or context.archive, store.url


def _store_of(spec: RecordSpec, context: PlanningContext) -> ContainerStore | None:
    if spec.storage is not None:
        return context.containers.get(spec.storage)
    return next((c for c in context.containers.values() if c.url == spec.container), None)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _PORTS and parts.hostname else None


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS[url.scheme]
