"""The keys of a token issuer, fetched by its OpenID configuration: `ports.keys.KeySource`.

Built by `runtime.wiring`, once per issuer, and called while a request waits for its answer. Only
two addresses are ever asked: the configured one, and the key address that it names, which must be
of the same origin. Redirects are not followed, and no credential of ours is sent along. Knows
nothing of tokens.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from recordingd.acs.endpoint import is_loopback_host
from recordingd.acs.transport import SigningTransport, open_client, tls_context
from recordingd.domain.errors import ConfigurationError, KeysUnavailable
from recordingd.ports.clock import Clock
from recordingd.ports.keys import RsaKey

# Keys are looked at again after half of the time that they are trusted for, so that an issuer that
# does not answer for hours goes unnoticed. A key that was withdrawn is refused within a day.
REFRESH_AFTER_SECONDS = 12 * 3600.0
TRUSTED_FOR_SECONDS = 24 * 3600.0
# How often names that nobody knows, which anybody can invent, may cause a look.
UNKNOWN_KID_SECONDS = 60.0
# How soon a look that failed may be tried again.
RETRY_SECONDS = 10.0
# Both requests together; the sender waits for its answer meanwhile, Event Grid for 30 s in all.
FETCH_SECONDS_MAX = 4.0
DOCUMENT_BYTES_MAX = 256 * 1024
KEYS_MAX = 100
_MODULUS_BITS_MIN = 2048
_MODULUS_BITS_MAX = 8192
# Far beyond 65537, which everybody uses; a huge one makes every verification slow.
_EXPONENT_BITS_MAX = 64
_URLSAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class _Held:
    """What the last look that succeeded brought, and when it was, in seconds of the clock."""

    keys: Mapping[str, RsaKey]
    at: float


class OpenIdKeySource:
    """One issuer's keys. Use it within one event loop and close it with `aclose`."""

    def __init__(
        self, configuration_url: str, *, clock: Clock, ca_file: Path | None = None
    ) -> None:
        """Raise ConfigurationError for an address that is neither https nor loopback.

        `ca_file` is one more trusted authority; OSError when it cannot be used.
        """
        self._url = configuration_url
        self._origin = _origin_of(configuration_url)
        if self._origin is None:
            fault = "an OpenID configuration is fetched over https, or over http from this machine"
            raise ConfigurationError((fault,))
        self._clock = clock
        self._client = open_client(
            SigningTransport(tls_context(ca_file)),
            connect_seconds=FETCH_SECONDS_MAX / 2,
            idle_seconds=FETCH_SECONDS_MAX,
        )
        self._alone = asyncio.Lock()
        self._held: _Held | None = None
        self._failure: str | None = None
        self._failed_at = float("-inf")
        self._asked_for_unknown_at = float("-inf")

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
        await self._client.aclose()

    async def key_for(self, kid: str) -> RsaKey | None:
        """Return the key of a name, after a look at the issuer where one is due."""
        if self._is_look_due(kid) and not (self._knows(kid) and self._alone.locked()):
            async with self._alone:
                # Whoever had to wait may find that the look was taken meanwhile.
                if self._is_look_due(kid):
                    await self._look(kid)
        held = self._held
        if held is None or self._age_of(held) >= TRUSTED_FOR_SECONDS:
            raise KeysUnavailable(self._failure or "no keys were fetched yet")
        if kid not in held.keys and self._failure is not None:
            raise KeysUnavailable(self._failure)
        return held.keys.get(kid)

    def _knows(self, kid: str) -> bool:
        """Whether a key can be had without a look."""
        held = self._held
        return held is not None and kid in held.keys and self._age_of(held) < TRUSTED_FOR_SECONDS

    def _is_look_due(self, kid: str) -> bool:
        now, held = self._clock.monotonic(), self._held
        if self._failure is not None and now - self._failed_at < RETRY_SECONDS:
            return False
        if held is None or self._age_of(held) >= REFRESH_AFTER_SECONDS:
            return True
        return kid not in held.keys and now - self._asked_for_unknown_at >= UNKNOWN_KID_SECONDS

    def _age_of(self, held: _Held) -> float:
        return self._clock.monotonic() - held.at

    async def _look(self, kid: str) -> None:
        """Fetch the keys; a failure is remembered and leaves those that are held."""
        is_known = self._held is not None and kid in self._held.keys
        try:
            async with asyncio.timeout(FETCH_SECONDS_MAX):
                keys = await self._fetch_keys()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, _Unusable) as error:
            self._failure = f"{self._url}: {type(error).__name__} {error}".rstrip()
            self._failed_at = self._clock.monotonic()
        else:
            self._failure = None
            self._held = _Held(keys, self._clock.monotonic())
            is_known = kid in keys
        if not is_known:
            self._asked_for_unknown_at = self._clock.monotonic()

    async def _fetch_keys(self) -> dict[str, RsaKey]:
        address = (await self._fetch(self._url)).get("jwks_uri")
        if not isinstance(address, str) or _origin_of(address) != self._origin:
            msg = "it names no key address of its own origin"
            raise _Unusable(msg)
        entries = (await self._fetch(address)).get("keys")
        if not isinstance(entries, list):
            msg = "its key document holds no keys"
            raise _Unusable(msg)
        keys = [key for key in map(_key_in, entries[:KEYS_MAX]) if key is not None]
        if not keys:
            msg = "its key document holds no RSA key that signs with RS256"
            raise _Unusable(msg)
        return {key.kid: key for key in keys}

    async def _fetch(self, url: str) -> dict[str, Any]:
        async with self._client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                msg = f"HTTP {response.status_code}"
                raise _Unusable(msg)
            body = bytearray()
            async for block in response.aiter_raw():
                body += block
                if len(body) > DOCUMENT_BYTES_MAX:
                    msg = f"a document is longer than {DOCUMENT_BYTES_MAX} bytes"
                    raise _Unusable(msg)
        try:
            document = json.loads(bytes(body))
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            msg = "a document is no JSON object"
            raise _Unusable(msg)
        return document


class _Unusable(Exception):
    """The issuer answered, and not with keys."""


def _origin_of(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for a URL that is not fetched from."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").removesuffix(".")
    is_bare = parts.username is None and parts.password is None and not parts.fragment
    if not host or not is_bare or not url.isascii() or not url.isprintable():
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(host)):
        return None
    return parts.scheme, host, port or {"https": 443, "http": 80}[parts.scheme]


def _key_in(entry: object) -> RsaKey | None:
    """Read one entry of a key set (RFC 7517); None for a key that is for something else."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA":
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    kid, modulus, exponent = entry.get("kid"), _number(entry.get("n")), _number(entry.get("e"))
    if not isinstance(kid, str) or modulus is None or exponent is None:
        return None
    if not _MODULUS_BITS_MIN <= modulus.bit_length() <= _MODULUS_BITS_MAX:
        return None
    is_sound = exponent >= 3 and exponent % 2 == 1 and modulus % 2 == 1
    if not is_sound or exponent.bit_length() > _EXPONENT_BITS_MAX:
        return None
    return RsaKey(kid=kid, modulus=modulus, exponent=exponent)


def _number(value: object) -> int | None:
    """Read a number in base64url, as RFC 7518, 6.3.1 writes it."""
    if not isinstance(value, str):
        return None
    try:
        text = value.rstrip("=").translate(_URLSAFE)
        return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None
