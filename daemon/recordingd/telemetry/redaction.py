"""Replace what identifies people or opens doors by stable pseudonyms.

Used by `logs` for every line, and by whoever shows text from outside to a person. The same value
gives the same pseudonym under the same key, so that lines about one party can be read together;
without the key nothing can be computed back. Knows no logging.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import unquote

_DIGITS = 12
_KINDS = ("secret", "user", "phone")
_PSEUDONYM = rf"<(?:{'|'.join(_KINDS)}):[0-9a-f]{{{_DIGITS}}}>"
_COLON = r"(?::|%3[Aa])"
# Encoders of JSON that mind HTML write the plus as its escape.
_PLUS = r"(?:\+|%2[Bb]|\\u002[Bb])"
# A value ends at what separates values in URLs, headers, JSON and connection strings.
_VALUE = r"[^\s&;,\"'\\<>(){}\[\]]+"
_QUOTE = r"b?\\?[\"']"
_OPENING_NAMES = (
    "(?<![A-Za-z_-])(?i:sig|signature|code|key|accesskey|accountkey|sharedaccesskey|"
    "sharedaccesssignature|x-recordingd-key|secret|password|access_token|client_secret)"
)
# What is replaced, as (kind, what stands before, the value). All are tried at each place in this
# order and the first one takes its whole match, so that none sees what another left.
_RULES = (
    (
        "secret",
        rf"(?i:authorization)(?:\\?[\"'])?\s*+[:=,]\s*+(?:{_QUOTE})?+(?!{_PSEUDONYM})",
        r"[^\r\n\"'\\]+",
    ),
    ("secret", r"(?<![A-Za-z])(?i:bearer|hmac-sha256)\s++", r"[^\s\"'\\<>,]+"),
    ("secret", rf"{_OPENING_NAMES}=", _VALUE),
    ("secret", rf"{_OPENING_NAMES}\\?[\"']\s*+[:,]\s*+{_QUOTE}", r"[^\"'\\<>]+"),
    ("secret", r"(?i:x-recordingd-key)\s*+:\s*+", _VALUE),
    ("secret", r"/callbacks/", r"[^\s/?\"'\\<>]+"),
    ("secret", "", r"eyJ[\w-]{8,8192}\.[\w-]{8,8192}\.[\w-]*"),
    # A bare key of 32 or 64 bytes in base64, as the service hands out access keys.
    (
        "secret",
        r"(?<![\w+/=-])",
        r"(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)(?![\w+/=])",
    ),
    (
        "user",
        r"(?<!\d)",
        rf"(?:8|28){_COLON}[a-z][a-z-]*{_COLON}[^\s&;,\"'\\<>(){{}}\[\]/?]+",
    ),
    ("phone", rf"(?<!\d)4{_COLON}", rf"{_PLUS}?\d{{7,}}"),
    ("phone", "", rf"{_PLUS}[1-9]\d{{6,}}"),
)
_PATTERN = re.compile(
    "|".join(
        (
            _PSEUDONYM,
            *(
                f"{before}(?P<{kind}_{number}>{value})"
                for number, (kind, before, value) in enumerate(_RULES)
            ),
        )
    ),
    re.ASCII,
)

_LEADING_PLUS = re.compile(rf"^{_PLUS}+")


class Redactor:
    """Replaces numbers, identifiers and credentials in texts, under one key.

    `secrets` are values known to this process; they are replaced wherever they stand.
    """

    def __init__(self, key: bytes, *, secrets: Iterable[str] = ()) -> None:
        self._key = key
        # The longest first, so that a secret within another does not leave its rest behind.
        self._secrets = tuple(sorted({s for s in secrets if s}, key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return a text with every match replaced; pseudonyms that are in it already stay."""
        redacted = _PATTERN.sub(self._replace, text)
        for secret in self._secrets:
            if secret in redacted:
                redacted = redacted.replace(secret, self.pseudonym("secret", secret))
        return redacted

    def pseudonym(self, kind: str, value: str) -> str:
        """Return the pseudonym of a value: equal for equal values, however they are encoded."""
        plain = unquote(value)
        if kind == "phone":
            plain = _LEADING_PLUS.sub("", plain)
        digest = hmac.digest(self._key, f"{kind}:{plain}".encode(errors="replace"), hashlib.sha256)
        return f"<{kind}:{digest.hex()[:_DIGITS]}>"

    def _replace(self, found: re.Match[str]) -> str:
        group = found.lastgroup
        if group is None:
            return found[0]
        kind, _, _ = group.partition("_")
        before = found[0][: found.start(group) - found.start()]
        return before + self.pseudonym(kind, found[group])
