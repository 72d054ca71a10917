"""Azure Storage as the emulated service uses it: customers' blob containers, and events' queues.

``filing`` exports recordings with `Exporter`, and a courier delivers to a queue with
`QueueSender`. Accounts are opened with the keys of the options or with the SAS of the URL; the
storage clients are imported when first needed. Sources: bring-your-own-storage.md; Event Grid,
handler-storage-queues.md.
"""

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from recordingd.emulator.courier import Reply, SendError

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient
    from azure.storage.queue.aio import QueueClient

_LOG = logging.getLogger(__name__)
# Any later version works too; Azurite refuses versions that are newer than itself.
_PROTOCOL_VERSION = "2021-12-02"
# Whoever calls repeats in its own way; the clients' own retries would hide a fault for a minute.
_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_CREATED = 201


class ExportFailedError(Exception):
    """The container did not take the recording; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A container or queue: its account, its own URL, what follows in the path, and the SAS."""

    account: str
    url: str
    folder: str
    sas: str


def read_place(url: str) -> Place:
    """Return what `url` names; raises ValueError when it names no container or queue.

    Addresses and localhost have the account as the first part of the path, as Azurite does.
    """
    parts = urlsplit(url)
    segments = [part for part in parts.path.split("/") if part]
    host = parts.hostname or ""
    is_path_style = _is_address(host) or host == "localhost"
    count = 2 if is_path_style else 1
    if parts.scheme not in {"http", "https"} or not host or len(segments) < count:
        msg = f"{parts.scheme}://{parts.netloc}{parts.path} names no container"
        raise ValueError(msg)
    return Place(
        account=segments[0] if is_path_style else host.partition(".")[0],
        url=f"{parts.scheme}://{parts.netloc}/{'/'.join(segments[:count])}",
        folder="/".join(segments[count:]),
        sas=parts.query,
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobFile:
    """One blob to write: its name below the container, and a file or the bytes themselves."""

    name: str
    content: Path | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Writes blobs into customers' containers; `account_keys` maps account names to keys."""

    account_keys: Mapping[str, str]

    async def export(self, place: Place, files: Sequence[BlobFile]) -> None:
        """Write every one of `files`; raises `ExportFailedError`, some may be written then."""
        credential = _credential(place, self.account_keys)
        if not place.sas and credential is None:
            # As a resource without a managed identity, or whose identity lacks the role.
            msg = f"nothing opens the account {place.account}"
            raise ExportFailedError(msg)
        from azure.core.exceptions import AzureError  # only exports need it
        from azure.storage.blob.aio import ContainerClient  # the same

        try:
            async with ContainerClient.from_container_url(
                _with_sas(place),
                credential,
                api_version=_PROTOCOL_VERSION,
                retry_total=0,
                connection_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
            ) as container:
                for file in files:
                    await _upload(container, file)
        except (AzureError, ValueError) as error:
            raise ExportFailedError(str(error).partition("\n")[0]) from error


async def _upload(container: "ContainerClient", file: BlobFile) -> None:
    if isinstance(file.content, bytes):
        await container.upload_blob(file.name, file.content)
        return
    with closing(file.content.open("rb")) as source:
        await container.upload_blob(file.name, source)


@dataclass(slots=True, kw_only=True)
class QueueSender:
    """A courier's way into a storage queue: one message per event, base64 of its JSON."""

    account_keys: Mapping[str, str]
    _client: "QueueClient | None" = field(default=None)

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Put the one event of `body` into the queue at `url`; raises `SendError`."""
        del method, headers  # A queue knows neither.
        from azure.core.exceptions import AzureError  # only queues need it

        # The message holds the event itself, not the array in which a webhook gets it.
        event = body[1:-1] if body.startswith(b"[") else body
        try:
            await self._opened(url).send_message(event.decode())
        except (AzureError, ValueError) as error:
            raise SendError(str(error).partition("\n")[0]) from error
        return Reply(status=_CREATED, headers={}, body=b"")

    async def __aenter__(self) -> Self:
        """Open nothing yet; the first event opens the queue."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._client.close()

    def _opened(self, url: str) -> "QueueClient":
        if self._client is None:
            from azure.storage.queue import TextBase64EncodePolicy  # as above
            from azure.storage.queue.aio import QueueClient  # as above

            place = read_place(url)
            self._client = QueueClient.from_queue_url(
                _with_sas(place),
                _credential(place, self.account_keys),
                api_version=_PROTOCOL_VERSION,
                message_encode_policy=TextBase64EncodePolicy(),
                retry_total=0,
                connection_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
            )
        return self._client


def _with_sas(place: Place) -> str:
    return f"{place.url}?{place.sas}" if place.sas else place.url


def _credential(place: Place, keys: Mapping[str, str]) -> dict[str, str] | None:
    key = keys.get(place.account)
    if place.sas or key is None:
        return None
    return {"account_name": place.account, "account_key": key}
