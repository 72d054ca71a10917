"""Say whether a signed token (JWT) lets its bearer in.

Called by `senders` before a body is read. What a token must say stands here, and when it is valid,
by the moment that is handed in; its signature is `signatures`', and where keys come from
`ports.keys`'. A bearer is never told why a token was refused, and neither a token nor a claim is
ever logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recordingd.domain.errors import KeysUnavailable
from recordingd.ingress.auth import Accepted, Refusal, Verdict
from recordingd.ports.keys import KeySource

# How far the issuer's clock and ours may differ. Callback tokens live for 5 minutes
# (secure-webhook-endpoint.md), so it is small beside their life.
LEEWAY_SECONDS = 30
# Beyond any token that is issued for these purposes; reading a longer one is work for a stranger.
TOKEN_LENGTH_MAX = 16 * 1024
# Seconds since 1970 beyond which a number is no moment, before or after.
_FAR_AWAY = 2.0**53


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token must say: one of the issuers, the audience, and every claim as given.

    `required` must be there besides issuer, audience and expiry. `claims` is claim -> value.
    `application` may stand in `appid` (version 1 tokens of Entra ID) or in `azp` (version 2); where
    both are there both must be it. None asks for no application.
    """

    issuers: frozenset[str]
    audience: str
    required: tuple[str, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    application: str | None = None


def callback_rules(*, issuer: str, audience: str) -> TokenRules:
    """Return what a callback's token must say (secure-webhook-endpoint.md)."""
    return TokenRules(issuers=frozenset({issuer}), audience=audience)


def entra_rules(
    *, tenant: str, audience: str, application: str, issuer: str | None = None
) -> TokenRules:
    """Return what Event Grid's token must say (secure-webhook-delivery.md).

    The application's manifest decides which version of tokens its tenant issues, so both forms of
    the issuer are taken unless one is given.
    """
    issuers = {
        f"https://sts.windows.net/{tenant}/",
        f"https://login.microsoftonline.com/{tenant}/v2.0",
    }
    return TokenRules(
        issuers=frozenset({issuer} if issuer is not None else issuers),
        audience=audience,
        required=("nbf",),
        claims={"tid": tenant},
        application=application,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that verified: its text, and when it stops being valid, in seconds since 1970."""

    text: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """One kind of token: the name its bearers go by, what it must say, and the keys it is under."""

    name: str
    rules: TokenRules
    keys: KeySource

    async def judge(self, text: str, *, now: datetime) -> Verdict:
        """Say whether a token lets its bearer in; UNAVAILABLE when its key cannot be had now."""
        verdict = await self.verify(text, now=now)
        return verdict if isinstance(verdict, Refusal) else Accepted(self.name)

    async def verify(self, text: str, *, now: datetime) -> Token | Refusal:
        """Return the token when it verifies, else why it does not."""
        from recordingd.ingress import signatures  # slow to import, seldom wanted

        kid = signatures.kid_of(text) if len(text) <= TOKEN_LENGTH_MAX else None
        if kid is None:
            return Refusal.WRONG
        try:
            key = await self.keys.key_for(kid)
        except KeysUnavailable:
            return Refusal.UNAVAILABLE
        if key is None:
            return Refusal.WRONG
        rules = self.rules
        claims = signatures.verified_claims(
            text, key, issuers=rules.issuers, audience=rules.audience, required=rules.required
        )
        if claims is None or not _says(claims, rules):
            return Refusal.WRONG
        expires_at = _current_until(claims, now.timestamp())
        if expires_at is None:
            return Refusal.WRONG
        return Token(text=text, expires_at=expires_at)


def _says(claims: Mapping[str, Any], rules: TokenRules) -> bool:
    if any(claims.get(name) != value for name, value in rules.claims.items()):
        return False
    if rules.application is None:
        return True
    named = {claims[name] for name in ("appid", "azp") if isinstance(claims.get(name), str)}
    return named == {rules.application}


def _current_until(claims: Mapping[str, Any], now: float) -> float | None:
    """Return when a token expires, leeway included; None when it has, or is not valid yet."""
    expires_at, begins_at = _moment(claims, "exp"), _moment(claims, "nbf")
    if expires_at is None or now >= expires_at + LEEWAY_SECONDS:
        return None
    if "nbf" in claims and (begins_at is None or now < begins_at - LEEWAY_SECONDS):
        return None
    return expires_at + LEEWAY_SECONDS


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Read a NumericDate (RFC 7519, section 2); None when there is none that is a number."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A number that no float holds, or that is none at all, is no moment.
    return float(value) if -_FAR_AWAY < value < _FAR_AWAY else None
