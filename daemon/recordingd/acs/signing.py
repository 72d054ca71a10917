"""HMAC-SHA256 request signatures of the service. Pure: the date is passed in.

Called by `credentials`. Source: hmac-header-python.md ("Sign an HTTP request"), and the policy of
azure-communication-callautomation 1.6.0. Storage requests use the same string with the resource's
host in place of the storage host, and say so in the header x-ms-host.
"""

from __future__ import annotations

import base64
import email.utils
import functools
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

EMPTY_BODY_HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What of a request is signed.

    `target` is path and query exactly as they go on the wire; `host` is the resource's authority,
    on storage requests too; `body` is the very bytes that are sent.
    """

    method: str
    target: str
    host: str
    body: bytes = b""


@functools.lru_cache(maxsize=8)
def _format_second(moment: datetime) -> str:
    return email.utils.format_datetime(moment, usegmt=True)


def format_date(moment: datetime) -> str:
    """Render an aware moment as IMF-fixdate (RFC 9110, 5.6.7), whatever the locale.

    All requests of one second share one rendering; it is half the cost of a signature.
    """
    return _format_second(moment.astimezone(UTC).replace(microsecond=0))


def content_hash(body: bytes) -> str:
    """Return the value of x-ms-content-sha256 for a body."""
    if not body:
        return EMPTY_BODY_HASH
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def string_to_sign(message: Message, *, date: str, body_hash: str) -> str:
    """Return the text that the signature covers."""
    return f"{message.method}\n{message.target}\n{date};{message.host};{body_hash}"


def sign(message: Message, *, key: bytes, at: datetime) -> dict[str, str]:
    """Return the three headers that authenticate a message, with the decoded access key."""
    date, body_hash = format_date(at), content_hash(message.body)
    text = string_to_sign(message, date=date, body_hash=body_hash)
    signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": body_hash,
        "Authorization": (
            f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        ),
    }
