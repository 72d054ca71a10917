"""Verify the HMAC-SHA256 signatures of requests, as the service does.

Called by the service and storage surfaces for every request. Real time only: a signature is as
old as the wall says, however far the emulator's clock was sent ahead. Source: Azure
Communication Services, tutorials/hmac-header (sign an HTTP request).
"""

import base64
import binascii
import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

# The window is not documented for this service; 15 minutes is that of Azure App Configuration,
# whose scheme is the same.
SKEW_SECONDS_MAX = 15 * 60
_SCHEME = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="


def content_hash(body: bytes) -> str:
    """Return the x-ms-content-sha256 of `body`."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def signature(key: bytes, *, method: str, target: str, date: str, host: str, digest: str) -> str:
    """Return the base64 signature; `target` is path and query as they are on the wire."""
    text = f"{method}\n{target}\n{date};{host};{digest}"
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def refusal(
    keys: Sequence[bytes],
    *,
    method: str,
    targets: Sequence[str],
    hosts: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
) -> str | None:
    """Return why the request is not authentic, or None when it is.

    Any of `keys`, `targets` and `hosts` may have been used; `headers` has lower-case names; `now`
    is real time in epoch seconds.
    """
    authorization = headers.get("authorization", "")
    if not authorization:
        return "no Authorization header"
    if not authorization.startswith(_SCHEME):
        return "Authorization is not HMAC-SHA256 over x-ms-date;host;x-ms-content-sha256"
    date = headers.get("x-ms-date", "")
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return "x-ms-date is missing or not an HTTP date"
    if abs(now - moment) > SKEW_SECONDS_MAX:
        return "x-ms-date is more than 15 minutes off"
    digest = headers.get("x-ms-content-sha256", "")
    if not hmac.compare_digest(digest.encode(), content_hash(body).encode()):
        return "x-ms-content-sha256 does not match the body"
    given = authorization.removeprefix(_SCHEME).encode()
    for key, target, host in itertools.product(keys, targets, hosts):
        made = signature(key, method=method, target=target, date=date, host=host, digest=digest)
        if hmac.compare_digest(given, made.encode()):
            return None
    return "the signature does not match"


def decode_key(text: str) -> bytes:
    """Return the bytes of a base64 access key; raises ValueError when it is not base64."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        msg = f"not base64: {error}"
        raise ValueError(msg) from error
    if not key:
        msg = "empty"
        raise ValueError(msg)
    return key
