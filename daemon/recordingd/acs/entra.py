"""Sign in with Entra ID: tokens of the machine's own identity, kept fresh.

Built by `runtime.wiring`, used through `credentials.Authorizer`; the same credential opens blob
containers and queues, each of which asks it for its own scope. Only identities that need nobody to
click: the environment's application, a federated workload, the machine's managed identity, and the
Azure CLI for trying out. The Azure libraries are slow to import, and loaded when first needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from recordingd.acs.credentials import Authorization
from recordingd.acs.endpoint import Endpoint
from recordingd.acs.signing import Message
from recordingd.domain.errors import ConfigurationError, FaultDetail, RetryableFault

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

# With two slashes, as the official client asks for it (SDK 1.6.0, auth_policy_utils.py).
SCOPE = "https://communication.azure.com//.default"
# A token is replaced this long before it ends, one that lives shorter at half its life.
REFRESH_AHEAD = timedelta(minutes=5)
# A token that is still good outlives a failed refresh; the next try waits as long.
FAILED_WAIT = timedelta(seconds=30)
# Tokens are not to blame for ever: after one was refused, the next forced refresh waits this long.
FORCED_WAIT = timedelta(minutes=1)
# Less than a request may take, so that a token that does not come never looks like a request that
# was sent and not answered.
TOKEN_SECONDS = 10.0
_MESSAGE_MAX = 300


class Token(Protocol):
    """A token and the moment it ends, in seconds since 1970."""

    @property
    def token(self) -> str:
        """The token itself."""
        ...

    @property
    def expires_on(self) -> int:
        """When it ends."""
        ...


class TokenCredential(Protocol):
    """Gives tokens; blocks while it asks for one."""

    def get_token(self, *scopes: str) -> Token:
        """Return a token for the scopes, or raise AzureError."""
        ...


def open_credential(client_id: str | None) -> DefaultAzureCredential:
    """Return the identity of this machine or process; `client_id` is a user-assigned one's.

    The first that works is used from then on: environment, workload identity, managed identity,
    Azure CLI.
    """
    credential: DefaultAzureCredential = import_module("azure.identity").DefaultAzureCredential(
        managed_identity_client_id=client_id,
        workload_identity_client_id=client_id,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_developer_cli_credential=True,
        exclude_powershell_credential=True,
        exclude_interactive_browser_credential=True,
        exclude_broker_credential=True,
    )
    return credential


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The token in use, with the moments it is to be replaced and ends."""

    token: str
    refresh_at: datetime
    expires_at: datetime


class EntraAuthorizer:
    """Authorizes with bearer tokens; one request for a token at a time, however many wait for it.

    `open_credential` makes the credential, in a worker thread, and makes it anew after a token was
    refused: a credential's own cache would give the same one again.
    """

    def __init__(
        self,
        open_credential: Callable[[], TokenCredential],
        *,
        endpoint: Endpoint,
        token_seconds: float = TOKEN_SECONDS,
    ) -> None:
        """Raise ConfigurationError where a token would travel in the open.

        `token_seconds` is how long a request waits for its token.
        """
        if endpoint.scheme != "https" and not endpoint.is_loopback:
            raise ConfigurationError(("entra needs an https endpoint",))
        self._open = open_credential
        self._token_seconds = token_seconds
        self._credential: TokenCredential | None = None
        self._held: _Held | None = None
        self._slot = 0
        self._is_refused = False
        self._forced_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._lock = asyncio.Lock()
        self._pending: asyncio.Future[Token] | None = None

    async def authorize(self, message: Message, *, at: datetime) -> Authorization:
        """Return the bearer header; RetryableFault, with nothing sent, when no token can be had."""
        del message  # A token authorizes whatever is sent with it.
        async with self._lock:
            if self._is_due(at):
                await self._refresh(at)
            assert self._held is not None
            headers = {"Authorization": f"Bearer {self._held.token}"}
            return Authorization(headers=headers, slot=self._slot)

    def reject(self, authorization: Authorization) -> None:
        """Replace the token before the next request, unless that was done since."""
        if authorization.slot == self._slot:
            self._is_refused = True

    def _is_due(self, at: datetime) -> bool:
        held = self._held
        if held is None or at >= held.expires_at:
            return True
        if self._is_refused:
            return self._forced_at is None or at >= self._forced_at + FORCED_WAIT
        has_just_failed = self._failed_at is not None and at < self._failed_at + FAILED_WAIT
        return at >= held.refresh_at and not has_just_failed

    async def _refresh(self, at: datetime) -> None:
        if self._is_refused:
            self._credential, self._forced_at = None, at
        try:
            fetched = await self._fetch()
        except RetryableFault:
            self._failed_at = at
            if self._is_refused or self._held is None or at >= self._held.expires_at:
                raise
            return
        expires_at = datetime.fromtimestamp(fetched.expires_on, UTC)
        ahead = min(REFRESH_AHEAD, (expires_at - at) / 2)
        self._held = _Held(
            token=fetched.token, refresh_at=expires_at - ahead, expires_at=expires_at
        )
        self._slot += 1
        self._is_refused, self._failed_at = False, None

    async def _fetch(self) -> Token:
        """Ask in a worker thread; one that is still asking after a timeout is waited for again."""
        if self._pending is None:
            loop = asyncio.get_running_loop()
            self._pending = loop.run_in_executor(None, self._ask)
        try:
            async with asyncio.timeout(self._token_seconds):
                return await asyncio.shield(self._pending)
        except TimeoutError as error:
            detail = f"no token within {self._token_seconds:g} s"
            raise _fault(detail, status=None) from error
        except Exception as error:
            azure = import_module("azure.core.exceptions")
            if not isinstance(error, azure.AzureError):
                raise
            # An identity that is refused is told from an authority that does not answer.
            status = 401 if isinstance(error, azure.ClientAuthenticationError) else None
            message = str(error).partition("\n")[0][:_MESSAGE_MAX]
            raise _fault(message, status=status) from error
        finally:
            if self._pending.done():
                self._pending = None

    def _ask(self) -> Token:
        if self._credential is None:
            self._credential = self._open()
        return self._credential.get_token(SCOPE)


def _fault(message: str, *, status: int | None) -> RetryableFault:
    return RetryableFault(FaultDetail(operation="token", status=status, message=message))
