"""One queue of an Azure storage account, as `storage_queue` needs it.

Made by `runtime.wiring`, which imports this module only where the settings name a queue: the SDK is
slow to load. The one importer of azure.storage.queue. It never asks twice by itself, follows no
redirect and reads no proxy from the environment. Knows nothing of events.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from azure.core.credentials import (
    AccessToken,
    AzureNamedKeyCredential,
    AzureSasCredential,
    TokenCredential,
)
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from recordingd.domain.errors import ConfigurationError
from recordingd.ingress.storage_queue import VISIBILITY_SECONDS, Message, QueueFault

CONNECT_SECONDS_MAX = 10
READ_SECONDS_MAX = 15
# The whole of a request; a receipt that comes later has run out, or nearly so.
REQUEST_SECONDS_MAX = 20.0

# Somebody else deleted the message, or it was given out again (Queue service error codes).
_NOT_OURS = frozenset({"MessageNotFound", "PopReceiptMismatch"})

Credential = AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential


class _Threaded:
    """A credential that blocks, for a client that must not be."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: object,
    ) -> AccessToken:
        return await asyncio.to_thread(
            self._credential.get_token,
            *scopes,
            claims=claims,
            tenant_id=tenant_id,
            enable_cae=enable_cae,
        )

    async def close(self) -> None:
        """Leave the credential to whoever made it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the credential to whoever made it."""


class AzureQueue:
    """A queue by its URL. Use it within one event loop and close it with `aclose`."""

    def __init__(self, url: str, credential: Credential) -> None:
        """Raise ConfigurationError when such a credential cannot open this address."""
        self.url = url
        try:
            self._client = QueueClient.from_queue_url(
                url,
                credential=credential,
                retry_total=0,
                connection_timeout=CONNECT_SECONDS_MAX,
                read_timeout=READ_SECONDS_MAX,
                permit_redirects=False,
                use_env_settings=False,
            )
        except ValueError as error:
            raise ConfigurationError((f"ingress.storageQueue: {error}",)) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def receive(self, count: int) -> list[Message]:
        """Take up to `count` messages, hidden from everybody else for VISIBILITY_SECONDS."""
        pages = self._client.receive_messages(
            messages_per_page=count, visibility_timeout=VISIBILITY_SECONDS
        ).by_page()
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                async for page in pages:
                    # One page is one request, and the iterator would go on until all is taken.
                    return [_message(received) async for received in page]
        except (AzureError, TimeoutError) as error:
            raise QueueFault(_describe(error)) from error
        return []

    async def delete(self, message: Message) -> None:
        """Delete a message; one that is gone, or was given out again since, is not ours to."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                await self._client.delete_message(message.id, message.receipt)
        except (AzureError, TimeoutError) as error:
            if _code_of(error) not in _NOT_OURS:
                raise QueueFault(_describe(error)) from error


def account_key(url: str, key: str) -> AzureNamedKeyCredential:
    """Return the credential of an account's key; the account is named by the queue's address."""
    parts = urlsplit(url)
    account, _, _ = parts.path.strip("/").rpartition("/")
    return AzureNamedKeyCredential(account or (parts.hostname or "").partition(".")[0], key)


def shared_signature(text: str) -> AzureSasCredential:
    """Return the credential of a shared access signature, its question mark allowed."""
    return AzureSasCredential(text.removeprefix("?"))


def entra(credential: TokenCredential) -> AsyncTokenCredential:
    """Return the credential of an identity of Entra ID, asked for tokens in worker threads.

    Its role on the queue is Storage Queue Data Message Processor.
    """
    return _Threaded(credential)


def _message(received: QueueMessage) -> Message:
    content = received.content
    return Message(
        id=received.id,
        receipt=received.pop_receipt or "",
        text=content if isinstance(content, str) else "",
    )


def _describe(error: Exception) -> str:
    """Say what happened, without the address: a signature may stand in it."""
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return f"HTTP {error.status_code} {_code_of(error) or ''}".rstrip()
    if isinstance(error, TimeoutError):
        return f"no answer within {REQUEST_SECONDS_MAX:g} s"
    return type(error).__name__


def _code_of(error: Exception) -> str | None:
    """Return the service's code, which the SDK hangs onto its errors untyped."""
    code = getattr(error, "error_code", None)
    return None if code is None else str(getattr(code, "value", code))
