"""Signing keys, and the JSON Web Tokens that they sign.

`authorities` holds one ring for the service's callbacks and one for the directory (Entra ID). Keys
are made when first needed, since most uses of the emulator need none, and are published as a JSON
Web Key Set. It knows nothing of what a token is for.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_ALGORITHM = "RS256"
_KEY_BITS = 2048
_PUBLIC_EXPONENT = 65537
_REQUIRED = ["exp", "aud", "iss"]

Claims = Mapping[str, object]


class BadTokenError(Exception):
    """The token proves nothing; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One RSA key; `kid` is derived from its public half."""

    kid: str
    private: rsa.RSAPrivateKey

    def jwk(self) -> dict[str, object]:
        """Return the public half as an entry of a key set."""
        public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": _ALGORITHM,
            "kid": self.kid,
            "x5t": self.kid,
            "n": public["n"],
            "e": public["e"],
        }


def new_key() -> SigningKey:
    """Make a key of the size that Entra ID uses; takes some tens of milliseconds."""
    private = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=_KEY_BITS)
    modulus = private.public_key().public_numbers().n
    digest = hashlib.sha256(modulus.to_bytes(_KEY_BITS // 8, "big")).digest()
    return SigningKey(
        kid=base64.urlsafe_b64encode(digest[:20]).decode().rstrip("="), private=private
    )


class KeyRing:
    """The keys of one issuer: the newest signs, every published one verifies."""

    def __init__(self) -> None:
        """Start without a key; the first one is made when it is needed."""
        self._keys: list[SigningKey] = []

    @property
    def current(self) -> SigningKey:
        """Return the key that signs now."""
        if not self._keys:
            self._keys.append(new_key())
        return self._keys[-1]

    def rotate(self, *, keep_old: bool) -> str:
        """Sign with a new key from now on and return its id; `keep_old` still publishes the rest.

        Real issuers publish old and new together for a while; dropping the old ones at once is
        what a revocation looks like.
        """
        kept = [key for key in self._keys if keep_old]
        self._keys[:] = [*kept, new_key()]
        return self.current.kid

    def jwks(self) -> dict[str, object]:
        """Return the key set to publish, the newest key first."""
        newest = self.current
        return {"keys": [newest.jwk(), *(key.jwk() for key in self._keys if key is not newest)]}

    def sign(self, claims: Claims, *, key: SigningKey | None = None, kid: str | None = None) -> str:
        """Return `claims` signed with RS256, by `key` or the current one, naming `kid` or its own.

        Another key, or another id, makes a token that verifies nowhere.
        """
        signer = key or self.current
        headers = {"kid": kid or signer.kid}
        return jwt.encode(dict(claims), signer.private, algorithm=_ALGORITHM, headers=headers)

    def unsigned(self, claims: Claims) -> str:
        """Return `claims` with the algorithm ``none``, naming the current key."""
        return jwt.encode(dict(claims), "", algorithm="none", headers={"kid": self.current.kid})

    def verify(self, token: str, audiences: Sequence[str]) -> dict[str, object]:
        """Return the claims of a token of ours for one of `audiences`; raises `BadTokenError`."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            known = next((key for key in self._keys if key.kid == kid), None)
            if known is None:
                msg = "signed with an unknown key"
                raise BadTokenError(msg)
            claims: dict[str, object] = jwt.decode(
                token,
                known.private.public_key(),
                algorithms=[_ALGORITHM],
                audience=list(audiences),
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise BadTokenError(str(error)) from error
        return claims
