"""The keys by which an issuer's tokens are verified.

Implemented by `acs.key_source` for an OpenID configuration. Who issues, for whom, and what a token
must say besides is judged by `ingress.tokens`; a source only knows keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaKey:
    """A public RSA key of at least 2048 bits that signs with RS256."""

    kid: str
    modulus: int
    exponent: int


class KeySource(Protocol):
    """The keys that one issuer signs with now, remembered by the implementation."""

    async def key_for(self, kid: str) -> RsaKey | None:
        """Return the key of a name; None when the issuer, as far as is known, has none such.

        Cheap when the key is known. Names come from tokens that nobody has verified, so an unknown
        one may cause a look at the issuer, but never more than one a minute: None means "not known
        as of the last look, which is less than a minute old". Raises KeysUnavailable when the keys
        that are known are too old to be trusted, or when the issuer could not be asked about a name
        that is not among them; callers then accept nothing and ask the sender to come again.
        Concurrent callers share one look, which takes seconds at the most.
        """
        ...
