"""Read and verify signed tokens (JWT); the one importer of PyJWT.

Called by `tokens`, which loads this module with the first token: the libraries are slow to import,
and a daemon that takes no tokens never needs them. The algorithm is RS256, whatever a token says of
itself. Which claims make a token good for something, and when it is valid, is not judged here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from recordingd.ports.keys import RsaKey

_ALGORITHM = "RS256"
_FAULTS = (jwt.InvalidTokenError, ValueError, RecursionError)


def kid_of(text: str) -> str | None:
    """Read which key a token names, unverified; None when it is no RS256 token that names one."""
    try:
        header = jwt.get_unverified_header(text)
    except _FAULTS:
        return None
    kid = header.get("kid")
    is_usable = header.get("alg") == _ALGORITHM and isinstance(kid, str) and kid != ""
    return kid if is_usable else None


def verified_claims(
    text: str, key: RsaKey, *, issuers: Collection[str], audience: str, required: Collection[str]
) -> dict[str, Any] | None:
    """Return the claims of a token with a good signature, one of the issuers, and the audience.

    None for any other, and for one that lacks a required claim. Its times are not looked at: this
    library would ask the machine for the moment.
    """
    try:
        return jwt.decode(
            text,
            key=RSAPublicNumbers(key.exponent, key.modulus).public_key(),
            algorithms=[_ALGORITHM],
            issuer=sorted(issuers),
            audience=audience,
            options={
                "require": ["exp", "iss", "aud", *required],
                "strict_aud": True,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except _FAULTS:
        return None
