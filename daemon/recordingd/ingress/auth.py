"""Decide who sent a request, from what it carries and before its body is read.

Called by `receiver`. Secrets come in as values that were already read from wherever they are kept;
they are compared in constant time, all of them, and never shown. What an answer to a refusal looks
like is the receiver's business.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

KEY_HEADER = "x-recordingd-key"

_KEY_PARAMETER = "key"
_BEARER = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NamedSecret:
    """A secret value and the name that its holder goes by; only the name is ever shown."""

    name: str
    value: str

    def __post_init__(self) -> None:
        if not self.value:
            msg = f"the secret of '{self.name}' is empty"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"NamedSecret(name={self.name!r})"


class Refusal(enum.Enum):
    """Why nobody is known.

    No credential was shown, or none that verifies, or one that cannot be verified just now.
    """

    ABSENT = "absent"
    WRONG = "wrong"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The name of the secret, or of the kind of token, that was shown."""

    name: str


Verdict = Accepted | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a request carries: its raw query string and two headers, None when it lacks them."""

    query: bytes = b""
    key_header: str | None = None
    authorization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Every secret that opens something; several of a kind are valid at once while rotating."""

    webhook: tuple[NamedSecret, ...] = ()
    reporters: tuple[NamedSecret, ...] = ()
    api_tokens: tuple[NamedSecret, ...] = ()

    def judge_webhook(self, shown: Shown) -> Verdict:
        """Say who posts to the webhook: by `?key=`, by header, or by bearer."""
        return _judge(self.webhook, _keys_in(shown))

    def judge_reporter(self, shown: Shown) -> Verdict:
        """Say which application reports: by bearer."""
        return _judge(self.reporters, _bearers_in(shown))

    def judge_api(self, shown: Shown) -> Verdict:
        """Say who reads the API: by bearer."""
        return _judge(self.api_tokens, _bearers_in(shown))


def bearer_of(shown: Shown) -> str | None:
    """Return the bearer token of a request; None without one, empty for any other scheme."""
    return next(iter(_bearers_in(shown)), None)


def token_hash_of(token: str) -> str:
    """Return how a callback token is known to the ledger: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def _judge(secrets: Iterable[NamedSecret], candidates: Sequence[str]) -> Verdict:
    if not candidates:
        return Refusal.ABSENT
    digests = [_digest(candidate) for candidate in candidates]
    accepted: Verdict = Refusal.WRONG
    # No early end: how long this takes must not tell which secret was nearly right.
    for secret in secrets:
        known = _digest(secret.value)
        for digest in digests:
            if hmac.compare_digest(known, digest):
                accepted = Accepted(secret.name)
    return accepted


def _digest(value: str) -> bytes:
    # Digests are of one length, so that comparing them does not tell the length of a secret.
    return hashlib.sha256(value.encode(errors="surrogateescape")).digest()


def _keys_in(shown: Shown) -> list[str]:
    found = _bearers_in(shown)
    if shown.key_header:
        found.append(shown.key_header)
    for pair in shown.query.decode("latin-1").split("&"):
        name, _, value = pair.partition("=")
        if name == _KEY_PARAMETER and value:
            # A secret in base64 may hold a plus, which is one in a URL and a blank in a form; the
            # subscription's address was typed by a person, so both readings are tried.
            found += {unquote(value), unquote_plus(value)}
    return found


def _bearers_in(shown: Shown) -> list[str]:
    header = shown.authorization or ""
    if not header:
        return []
    # Another scheme is a credential too, one that opens nothing: no secret is empty.
    return [header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""]
