"""An issuer of tokens for tests: real RSA keys, real signatures, and keys handed out from memory.

Tokens are made good by default and spoiled one claim at a time; PyJWT signs them, and where it
refuses to make a bad token the bytes are put together here.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from recordingd.domain.errors import KeysUnavailable
from recordingd.ports.keys import RsaKey

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ISSUER = "https://issuer.example"
AUDIENCE = "7b0e4c5f-0000-4000-8000-0000000000aa"
TENANT = "11111111-2222-4333-8444-555555555555"
APPLICATION = "66666666-7777-4888-8999-000000000000"


@functools.cache
def private_key(kid: str) -> RSAPrivateKey:
    """Return the key of a name, the same one in the whole run: making one takes a while."""
    assert kid
    return generate_private_key(public_exponent=65537, key_size=2048)


def jwk(kid: str, /, **changes: object) -> dict[str, object]:
    """Return the public half as an entry of a key set."""
    entry: dict[str, object] = RSAAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True)
    del entry["key_ops"]
    return {**entry, "kid": kid, "use": "sig", "alg": "RS256", **changes}


def rsa_key(kid: str) -> RsaKey:
    numbers = private_key(kid).public_key().public_numbers()
    return RsaKey(kid=kid, modulus=numbers.n, exponent=numbers.e)


def claims(**changes: object) -> dict[str, Any]:
    """Return the claims of a good callback token; None takes a claim away."""
    now = int(NOW.timestamp())
    good = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "nbf": now, "iat": now}
    return {k: v for k, v in {**good, **changes}.items() if v is not None}


def entra_claims(**changes: object) -> dict[str, Any]:
    """Return the claims of a good version 2 token of Event Grid; None takes a claim away."""
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    return claims(**{"iss": issuer, "tid": TENANT, "azp": APPLICATION, **changes})


def signed(said: Mapping[str, Any], *, kid: str = "key-1", signer: str | None = None) -> str:
    """Return a token of RS256 that names `kid` and is signed by it, or by another key."""
    return jwt.encode(
        dict(said), private_key(signer or kid), algorithm="RS256", headers={"kid": kid}
    )


def unsigned(said: Mapping[str, Any], *, alg: str = "none", kid: str = "key-1") -> str:
    """Return a token that says it needs no signature, and has none."""
    return ".".join([_part({"alg": alg, "typ": "JWT", "kid": kid}), _part(dict(said)), ""])


def signed_with_the_public_key(said: Mapping[str, Any], *, kid: str = "key-1") -> str:
    """Return a token of HS256 whose secret is the public key that everybody can fetch."""
    public = private_key(kid).public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(dict(said))}"
    return f"{text}.{_base64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass
class MemoryKeys:
    """A key source that knows some keys, and may be out of reach."""

    kids: tuple[str, ...] = ("key-1",)
    is_reachable: bool = True
    asked: list[str] = field(default_factory=list)

    async def key_for(self, kid: str) -> RsaKey | None:
        self.asked.append(kid)
        if not self.is_reachable:
            msg = "out of reach"
            raise KeysUnavailable(msg)
        return rsa_key(kid) if kid in self.kids else None
