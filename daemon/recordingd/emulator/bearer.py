"""The bearer tokens of outgoing deliveries, good ones and, when a fault asks, bad ones.

A courier asks one `TokenSource` for the Authorization header of every attempt. What a good token
says comes from outside: the service's for callbacks (secure-webhook-endpoint.md), the directory's
for Event Grid (secure-webhook-delivery.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from recordingd.emulator.clock import Ids, real_now
from recordingd.emulator.faults import Faults
from recordingd.emulator.keyring import KeyRing, SigningKey, new_key
from recordingd.emulator.options import EmulatorOptions

CALLBACK_LIFE_SECONDS = 300  # "lifetime 5 minutes", secure-webhook-endpoint.md
_LONG_AGO_SECONDS = 3600

MutableClaims = dict[str, object]


def _expired(claims: MutableClaims) -> None:
    now = int(real_now())
    claims["iat"] = claims["nbf"] = now - 2 * _LONG_AGO_SECONDS
    claims["exp"] = now - _LONG_AGO_SECONDS


def _not_yet_valid(claims: MutableClaims) -> None:
    now = int(real_now())
    claims["nbf"] = now + _LONG_AGO_SECONDS
    claims["exp"] = now + 2 * _LONG_AGO_SECONDS


def _without_exp(claims: MutableClaims) -> None:
    del claims["exp"]


def _wrong_audience(claims: MutableClaims) -> None:
    claims["aud"] = "00000000-0000-0000-0000-00000000bad0"


def _wrong_issuer(claims: MutableClaims) -> None:
    claims["iss"] = "https://issuer.evil.example"


def _wrong_caller(claims: MutableClaims) -> None:
    for name in ("appid", "azp"):
        if name in claims:
            claims[name] = "00000000-0000-0000-0000-00000000bad1"


# Faults that change what a token says; its signature stays good.
_SPOILERS: Mapping[str, Callable[[MutableClaims], None]] = {
    "expired": _expired,
    "notYetValid": _not_yet_valid,
    "noExp": _without_exp,
    "wrongAudience": _wrong_audience,
    "wrongIssuer": _wrong_issuer,
    "wrongCaller": _wrong_caller,
}


@dataclass(slots=True, kw_only=True)
class TokenSource:
    """Makes a token for each attempt of one `family` of deliveries."""

    family: str
    faults: Faults
    ring: KeyRing
    claims: Callable[[], MutableClaims]
    _last: str | None = None
    _stranger: SigningKey | None = field(default=None)

    def headers(self, context: Mapping[str, str]) -> dict[str, str]:
        """Return the Authorization header for a delivery with `context`, or none by a fault."""
        if self._take("unsigned", context):
            return {}
        token = self._last if self._last and self._take("replayed", context) else None
        if token is None:
            token = self._token(context)
        self._last = token
        return {"authorization": f"Bearer {token}"}

    def _token(self, context: Mapping[str, str]) -> str:
        claims = self.claims()
        for name, spoil in _SPOILERS.items():
            if self._take(name, context):
                spoil(claims)
        if self._take("algNone", context):
            return self.ring.unsigned(claims)
        if self._take("unknownKid", context):
            stranger = self._another_key()
            return self.ring.sign(claims, key=stranger)
        if self._take("forged", context):
            return self.ring.sign(claims, key=self._another_key(), kid=self.ring.current.kid)
        return self.ring.sign(claims)

    def _another_key(self) -> SigningKey:
        if self._stranger is None:
            self._stranger = new_key()
        return self._stranger

    def _take(self, fault: str, context: Mapping[str, str]) -> bool:
        return self.faults.take(f"{self.family}.{fault}", **context) is not None


def callback_claims(options: EmulatorOptions, ids: Ids, audience: str) -> MutableClaims:
    """Return the claims of a callback's token; every one has an id of its own."""
    now = int(real_now())
    return {
        "iss": options.callback_issuer,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + CALLBACK_LIFE_SECONDS,
        "jti": ids.guid(),
    }
