"""Put the adapters together from settings: the only place where production adapters are made.

Called by `runtime.service` and, for reading, by `cli`. Nothing here decides anything, and nothing
is opened before it is asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from recordingd.acs.client import AcsClient, AcsOptions
from recordingd.acs.entra import open_credential
from recordingd.acs.exchange import ExchangeOptions
from recordingd.acs.key_source import OpenIdKeySource
from recordingd.config.settings import CallbackTokens, EntraWebhook, Settings
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import Copy, RecordingId
from recordingd.ingress.auth import Keyring, NamedSecret
from recordingd.ingress.senders import Senders
from recordingd.ingress.storage_queue import Queue
from recordingd.ingress.tokens import TokenCheck, callback_rules, entra_rules
from recordingd.ports.archive import Archive
from recordingd.ports.clock import Clock
from recordingd.ports.keys import KeySource
from recordingd.runtime.access import open_resource


def build_cloud(settings: Settings, clock: Clock) -> AcsClient:
    """Make the client of the service; reads the secrets. ConfigurationError when they are wrong."""
    acs = settings.acs
    endpoint, authorizer = open_resource(acs)
    options = AcsOptions(
        api_version=acs.api_version,
        storage_hosts=acs.storage_hosts,
        exchange=ExchangeOptions(
            ca_file=acs.ca_file, streams_max=max(16, settings.downloads_concurrency * 2)
        ),
    )
    return AcsClient(endpoint, authorizer, clock=clock, options=options)


def build_keyring(settings: Settings) -> Keyring:
    """Read every secret that opens the HTTP surface."""
    return Keyring(
        webhook=tuple(
            NamedSecret(name=f"webhook-{number}", value=secret.reveal())
            for number, secret in enumerate(settings.webhook_secrets, start=1)
        ),
        reporters=tuple(
            NamedSecret(name=r.name, value=r.secret.reveal()) for r in settings.reporters
        ),
        api_tokens=tuple(
            NamedSecret(name=t.name, value=t.secret.reveal()) for t in settings.api_tokens
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySources:
    """Where the keys of tokens come from; None where no such tokens are taken."""

    webhook: KeySource | None = None
    callbacks: KeySource | None = None


@asynccontextmanager
async def open_key_sources(settings: Settings, clock: Clock) -> AsyncIterator[KeySources]:
    """Make the sources that the settings ask for; close them with the block. Fetches nothing."""
    async with AsyncExitStack() as stack:

        async def opened(tokens: EntraWebhook | CallbackTokens | None) -> KeySource | None:
            if tokens is None:
                return None
            url, ca_file = tokens.openid_configuration, settings.acs.ca_file
            source = OpenIdKeySource(url, clock=clock, ca_file=ca_file)
            return await stack.enter_async_context(source)

        yield KeySources(
            webhook=await opened(settings.webhook_entra),
            callbacks=await opened(settings.callback_tokens),
        )


def build_senders(settings: Settings, sources: KeySources) -> Senders:
    """Put together who may send what."""
    entra, callbacks = settings.webhook_entra, settings.callback_tokens
    webhook_check = callback_check = None
    if entra is not None and sources.webhook is not None:
        rules = entra_rules(
            tenant=entra.tenant_id,
            audience=entra.audience,
            application=entra.application_id,
            issuer=entra.issuer,
        )
        webhook_check = TokenCheck(name="entra", rules=rules, keys=sources.webhook)
    if callbacks is not None:
        # Without its keys a check would be left out, and callbacks would come in unchecked.
        assert sources.callbacks is not None, "the keys of callback tokens have no source"
        rules = callback_rules(issuer=callbacks.issuer, audience=callbacks.audience)
        callback_check = TokenCheck(name="service", rules=rules, keys=sources.callbacks)
    return Senders(
        keyring=build_keyring(settings),
        webhook_tokens=webhook_check,
        callback_tokens=callback_check,
    )


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[Queue | None]:
    """Make the client of the queue that events are fetched from, if any; close it with the block.

    Reads its secret and sends nothing. ConfigurationError when it cannot be used.
    """
    wanted = settings.storage_queue
    if wanted is None:
        yield None
        return
    from recordingd.ingress import azure_queue  # slow to import, seldom wanted

    credential: azure_queue.Credential
    if wanted.account_key is not None:
        credential = azure_queue.account_key(wanted.url, wanted.account_key.reveal())
    elif wanted.sas is not None:
        credential = azure_queue.shared_signature(wanted.sas.reveal())
    else:
        identity = settings.acs.entra
        client_id = None if identity is None else identity.client_id
        credential = azure_queue.entra(open_credential(client_id))
    async with azure_queue.AzureQueue(wanted.url, credential) as queue:
        yield queue


def locator(archives: Mapping[StoreName, Archive]) -> Callable[[Copy], str]:
    """Return how the path or URL of a copy is found; a store that is gone shows its name."""

    def locate(copy: Copy) -> str:
        archive = archives.get(copy.store)
        return f"{copy.store}:{copy.uri}" if archive is None else archive.locate(copy.uri)

    return locate


def token_maker(key: bytes) -> Callable[[RecordingId], str]:
    """Return how callback tokens are made: unguessable, and the same again after a restart."""

    def token_of(recording: RecordingId) -> str:
        digest = hmac.new(key, f"callback:{recording}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    return token_of


def callback_address(
    public_url: str | None, token_of: Callable[[RecordingId], str]
) -> Callable[[RecordingId], str | None]:
    """Return where the service calls back for a recording; nowhere without a public address."""

    def address_of(recording: RecordingId) -> str | None:
        if public_url is None:
            return None
        return f"{public_url.rstrip('/')}/callbacks/{token_of(recording)}"

    return address_of


def known_secrets(settings: Settings) -> list[str]:
    """Read every secret, so that none of them can ever stand in a log line.

    The access key within a connection string is one by itself: it is what an error would quote.
    """
    values = [secret.reveal() for secret in settings.secrets]
    keys = [
        part.partition("=")[2]
        for value in values
        for part in value.split(";")
        if part.strip().lower().startswith("accesskey=")
    ]
    return values + [key for key in keys if key]
