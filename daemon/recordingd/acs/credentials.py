"""What the daemon proves itself with, and how a request is authorized by it.

Built in `runtime.wiring` from secrets, used by `exchange` for every request, storage included.
Callers know `Authorizer` alone, so that another kind of credential is another class here and no
change elsewhere. Keys never show in a repr, an error or a log.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from recordingd.acs.endpoint import Endpoint, parse_endpoint
from recordingd.acs.signing import Message, sign
from recordingd.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Headers for one request; `slot` says which of the authorizer's credentials made them."""

    headers: Mapping[str, str] = field(repr=False)
    slot: int = 0


class Authorizer(Protocol):
    """Authorizes requests to the resource and to the storage that holds its files."""

    async def authorize(self, message: Message, *, at: datetime) -> Authorization:
        """Return the headers that authorize one message sent now (`at`, aware).

        They hold for this message alone. Raises a CloudFault when no credential can be had.
        """
        ...

    def reject(self, authorization: Authorization) -> None:
        """Take note that the service answered 401: use another credential next, if there is one."""
        ...


class AccessKeyCredential:
    """One access key of a resource, decoded once; its repr is blank."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        """Raise ConfigurationError, without the text in it, when it is not base64."""
        try:
            self._key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if not self._key:
            raise ConfigurationError(("an acs access key is empty or not base64",))

    def __repr__(self) -> str:
        return "AccessKeyCredential(***)"

    def sign(self, message: Message, *, at: datetime) -> dict[str, str]:
        """Return the headers that authenticate a message."""
        return sign(message, key=self._key, at=at)


class AccessKeyAuthorizer:
    """Signs with an access key; after a 401 with the next one, which makes key rotation harmless.

    A resource has a primary and a secondary key so that one can be regenerated while the other
    works. Requests in flight together may all be refused: only the first refusal moves on.
    """

    def __init__(self, credentials: Sequence[AccessKeyCredential]) -> None:
        if not credentials:
            raise ConfigurationError(("no acs access key is given",))
        self._credentials = tuple(credentials)
        self._current = 0

    async def authorize(self, message: Message, *, at: datetime) -> Authorization:
        """Sign with the key in use."""
        slot = self._current
        return Authorization(headers=self._credentials[slot].sign(message, at=at), slot=slot)

    def reject(self, authorization: Authorization) -> None:
        """Move to the next key, unless that was done since the request was signed."""
        if authorization.slot == self._current:
            self._current = (self._current + 1) % len(self._credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionString:
    """A resource and a key to it, as the portal hands them out."""

    endpoint: Endpoint
    credential: AccessKeyCredential


def parse_connection_string(text: str) -> ConnectionString:
    """Read `endpoint=https://…/;accesskey=…`: any order, keys in any case, values may contain `=`.

    The scheme is kept as written (the official SDKs force https), so that a stand-in on this
    machine can be reached. Raises ConfigurationError, never with the key in it.
    """
    parts: dict[str, str] = {}
    for segment in filter(None, (piece.strip() for piece in text.split(";"))):
        name, separator, value = segment.partition("=")
        name = name.strip().lower()
        if not separator or name in parts:
            raise ConfigurationError(("the acs connection string is malformed",))
        parts[name] = value.strip()
    missing = [name for name in ("endpoint", "accesskey") if not parts.get(name)]
    if missing:
        raise ConfigurationError(tuple(f"the acs connection string has no {n}=" for n in missing))
    return ConnectionString(
        endpoint=parse_endpoint(parts["endpoint"]),
        credential=AccessKeyCredential(parts["accesskey"]),
    )
