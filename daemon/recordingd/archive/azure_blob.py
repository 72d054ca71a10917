"""Keep recordings in a container of Azure Blob Storage, and those that the service puts there.

Implements `ports.archive` for `runtime`, which calls it in worker threads. Files of ours have the
names of `names`; a blob that the service exported keeps its own. No retry, no redirect, no proxy of
the environment: the runtime decides when to try again, and a credential goes to this account alone.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential, TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpResponse
from azure.storage.blob import BlobClient, ContainerClient, ContentSettings

from recordingd.archive import media_check, names
from recordingd.archive.blob_faults import answer_of, is_immutable, told_apart
from recordingd.archive.blob_part import BlobPart, Staged
from recordingd.archive.blob_reader import hash_and_size, open_blob
from recordingd.domain.errors import ConfigurationError, StoreRefused
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import FileId
from recordingd.ports.archive import MediaFacts, StoredCopy

Credential = AzureNamedKeyCredential | AzureSasCredential | TokenCredential
DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
_NAME_LENGTH_MAX = 1024
_PROBE = "recordingd-probe"
_CONTENT_TYPES: Mapping[MediaFormat, str] = {
    MediaFormat.WAV: "audio/wav",
    MediaFormat.MP3: "audio/mpeg",
    MediaFormat.MP4: "video/mp4",
}
_JSON = ContentSettings(content_type="application/json")


def account_key(container_url: str, key: str) -> AzureNamedKeyCredential:
    """Return a storage account's key as a credential; ConfigurationError when it is no key.

    The account is the first label of the host, or the first folder where a stand-in on this machine
    has it there.
    """
    url = urlsplit(container_url)
    folders = url.path.strip("/").split("/")
    name = folders[0] if len(folders) > 1 else (url.hostname or "").partition(".")[0]
    try:
        is_key = bool(base64.b64decode(key.strip(), validate=True))
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        fault = f"the account key of {url.hostname} is empty or not base64"
        raise ConfigurationError((fault,))
    return AzureNamedKeyCredential(name, key.strip())


def shared_signature(text: str) -> AzureSasCredential:
    """Return a shared access signature as a credential, with or without its question mark."""
    return AzureSasCredential(text.strip().removeprefix("?"))


class BlobArchive:
    """A store in one container; close it with `close`."""

    def __init__(self, name: StoreName, *, container_url: str, credential: Credential) -> None:
        """Raise ConfigurationError where a token would travel in the open. Sends nothing."""
        if hasattr(credential, "get_token") and not container_url.lower().startswith("https:"):
            fault = f"store '{name}' is not https, and a token would be everybody's"
            raise ConfigurationError((fault,))
        self._name = name
        self._url = container_url.rstrip("/")
        self._container = ContainerClient.from_container_url(
            self._url,
            credential=credential,
            transport=RequestsTransport(
                use_env_settings=False, connection_timeout=5, read_timeout=30
            ),
            retry_total=0,
            permit_redirects=False,
        )
        self._lock = threading.Lock()
        self._parts: dict[str, Staged] = {}
        self._open: set[str] = set()

    def close(self) -> None:
        """Close every connection."""
        self._container.close()

    @property
    def name(self) -> StoreName:
        """The store's name in the settings."""
        return self._name

    def open_part(self, file: FileId, kind: MediaFormat) -> BlobPart:
        """Open the part of a file, with what an earlier try of this process left of it.

        Raises BlockingIOError while another part of the same file is open.
        """
        uri = names.uri_of(file, kind)
        with self._lock:
            if uri in self._open:
                msg = "Resource temporarily unavailable: the part is open"
                raise BlockingIOError(msg)
            self._open.add(uri)
            staged = self._parts.pop(uri, None) or Staged()

        def keep(left: Staged | None) -> None:
            with self._lock:
                self._open.discard(uri)
                if left is not None and left.size_bytes:
                    self._parts[uri] = left

        return BlobPart(self._blob(uri), staged, content_type=_CONTENT_TYPES[kind], keep=keep)

    def find_stored(self, file: FileId, kind: MediaFormat) -> StoredCopy | None:
        """Return the blob of a file, hashed anew; None when there is none."""
        return self.find(names.uri_of(file, kind))

    def find(self, uri: str) -> StoredCopy | None:
        """Return the blob of a name, hashed anew; None when there is none."""
        try:
            digest, size = hash_and_size(self._blob(uri))
        except FileNotFoundError:
            return None
        return StoredCopy(uri=uri, size_bytes=size, sha256=digest)

    def hash_of(self, uri: str) -> str:
        """Read a blob back from the container and return its SHA-256 in hex."""
        return hash_and_size(self._blob(uri))[0]

    def check_media(self, uri: str, kind: MediaFormat) -> MediaFacts:
        """Look into a blob; MediaFault when it is not a file of that kind."""
        with open_blob(self._blob(uri)) as file:
            return media_check.check_open(file, kind)

    def read_document(self, uri: str) -> bytes | None:
        """Return a small blob; None when it is not there, OSError when it is not small."""
        try:
            with open_blob(self._blob(uri)) as file:
                body = file.read(DOCUMENT_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        if len(body) > DOCUMENT_BYTES_MAX:
            msg = f"'{uri}' is larger than {DOCUMENT_BYTES_MAX} bytes"
            raise OSError(msg)
        return body

    def write_metadata(self, file: FileId, body: bytes) -> None:
        """Keep the service's metadata document beside the file. Replaces an older one.

        The same one again is not written: the container may let nothing be replaced.
        """
        uri = names.metadata_uri_of(file)
        if self.read_document(uri) == body:
            return
        with told_apart(uri):
            self._blob(uri).upload_blob(body, overwrite=True, content_settings=_JSON)

    def delete(self, uri: str) -> str:
        """Delete a blob, of ours also its metadata and its part; return what the service answered.

        Raises StoreRefused where a policy or a legal hold protects it, with the end if it has one.
        """
        answer = self._delete(uri)
        if (file := names.file_of(uri)) is not None:
            self._delete(names.metadata_uri_of(file))
            with self._lock:
                self._parts.pop(uri, None)
        return answer

    def locate(self, uri: str) -> str:
        """Return the URL of a blob, without what opens it."""
        return f"{self._url}/{quote(self._checked(uri), safe='/~')}"

    def free_share(self) -> float:
        """Return 1.0: a container has no end that could be measured."""
        return 1.0

    def probe(self) -> None:
        """Ask for every right that a store needs, and change nothing that anybody could see.

        A blob that is not there is read and deleted, and one block is staged that belongs to none.
        Raises StoreRefused that names the right, OSError when the store does not answer.
        """
        blob = self._blob(_PROBE)
        rights: Mapping[str, Callable[[], object]] = {
            "read": blob.get_blob_properties,
            "write": lambda: blob.stage_block("AAAA", b"recordingd"),
            "delete": blob.delete_blob,
        }
        for right, use in rights.items():
            try:
                with told_apart(_PROBE):
                    use()
            except FileNotFoundError:
                continue
            except StoreRefused as refused:
                msg = f"to {right}: {refused.answer}"
                raise StoreRefused(msg) from refused

    def _delete(self, uri: str) -> str:
        blob, answers = self._blob(uri), list[str]()
        try:
            with told_apart(uri):
                # A snapshot would keep what the blob held.
                blob.delete_blob(
                    delete_snapshots="include",
                    raw_response_hook=lambda got: answers.append(_deletion(got.http_response)),
                )
        except FileNotFoundError as absent:
            return f"absent: {absent.strerror}"
        except StoreRefused as refused:
            if not is_immutable(refused):
                raise
            raise _protected(blob, refused) from refused
        return f"deleted: {answers[0]}"

    def _blob(self, uri: str) -> BlobClient:
        return self._container.get_blob_client(self._checked(uri))

    def _checked(self, uri: str) -> str:
        """Return a name that lies in this container whatever is done to the path of its URL."""
        is_whole = 0 < len(uri) <= _NAME_LENGTH_MAX and uri.isprintable() and "\\" not in uri
        if not is_whole or any(part in {"", ".", ".."} for part in uri.split("/")):
            raise names.refuse(uri)
        return uri


def _deletion(response: HttpResponse) -> str:
    said = answer_of(response.status_code, response.headers)
    # Where the account keeps deleted blobs for a while, the service says so.
    is_kept = response.headers.get("x-ms-delete-type-permanent") == "false"
    return f"{said}, kept by soft delete" if is_kept else said


def _protected(blob: BlobClient, refused: StoreRefused) -> StoreRefused:
    """Say until when a blob is protected, if the service tells; a legal hold has no end."""
    try:
        with told_apart(blob.blob_name):
            properties = blob.get_blob_properties()
    except (OSError, StoreRefused):
        return refused
    until = None if properties.has_legal_hold else properties.immutability_policy.expiry_time
    return StoreRefused(refused.answer, until=until)
