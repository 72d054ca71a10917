"""Texts with a meaning, parsed: numbers, times, zones, addresses, sizes.

Each function returns the value or raises ValueError with a sentence for a person. The schema check
calls them through its formats, so that a bad text is reported with its position among all other
faults; the builders call them again on texts that are known to be good.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from urllib.parse import SplitResult, urlsplit

from recordingd.config.secret_words import without_secrets
from recordingd.domain.matchers import Pattern

_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_PHONE_PREFIX = re.compile(r"\+(?:[1-9][0-9]{0,14})?\*")
_PUNCTUATION = re.compile(r"[ ().\-/]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LOCAL_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_LOCAL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_SIZE = re.compile(r"([0-9]{1,12})(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_HOST = re.compile(r"\.?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*")
# An address, which is no name, and an ending that lets half the internet in.
_TOO_WIDE = re.compile(r"(?:.*\.)?(?:0[xX][0-9A-Fa-f]*|[0-9]+)|\.[^.]+")
_ENDPOINT_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")
# Names of storage accounts and containers (Azure Blob Storage, naming rules).
_QUEUE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_CONTAINER_NAME = re.compile(r"\$root|[a-z0-9](?:-?[a-z0-9])*")


def parse_pattern(text: str) -> Pattern:
    """Read a text to compare with: exact, or a prefix that ends in `*`."""
    if not text:
        msg = "an empty text fits nothing"
        raise ValueError(msg)
    if "*" in text[:-1]:
        msg = f"'{text}' has a '*' before its end; only a prefix can be given"
        raise ValueError(msg)
    return Pattern(text)


def parse_phone_pattern(text: str) -> Pattern:
    """Read a phone number in E.164, or a prefix of one that ends in `*`."""
    if _PHONE.fullmatch(text) or _PHONE_PREFIX.fullmatch(text):
        return Pattern(text)
    plain = _PUNCTUATION.sub("", text)
    suggestion = plain if plain.startswith("+") else f"+{plain.removeprefix('00')}"
    msg = f"'{text}' is not a phone number in E.164 (+18005550100) or a prefix of one (+1800*)"
    if suggestion != text and (_PHONE.fullmatch(suggestion) or _PHONE_PREFIX.fullmatch(suggestion)):
        msg += f"; did you mean '{suggestion}'?"
    raise ValueError(msg)


def parse_moment(text: str) -> datetime:
    """Read an RFC 3339 time; return it in UTC."""
    msg = f"'{text}' is not a time; write RFC 3339 with an offset, like 2026-01-31T09:00:00Z"
    if not _MOMENT.fullmatch(text):
        raise ValueError(msg)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(msg) from None


def parse_local_time(text: str) -> time:
    """Read a time of day as HH:MM."""
    if not _LOCAL_TIME.fullmatch(text):
        msg = f"'{text}' is not a time of day; write HH:MM from 00:00 to 23:59"
        raise ValueError(msg)
    return time.fromisoformat(text)


def parse_local_date(text: str) -> date:
    """Read a date as YYYY-MM-DD."""
    msg = f"'{text}' is not a date; write YYYY-MM-DD"
    if not _LOCAL_DATE.fullmatch(text):
        raise ValueError(msg)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(msg) from None


def parse_time_zone(text: str) -> str:
    """Check that a time zone is known to this machine; return its name."""
    if not _is_zone(text):
        import difflib  # loaded for a bad zone only
        from zoneinfo import available_timezones  # beside the other import

        close = difflib.get_close_matches(text, available_timezones(), n=1)
        msg = f"'{text}' is not an IANA time zone known here"
        raise ValueError(msg + (f"; did you mean '{close[0]}'?" if close else ""))
    return text


@functools.lru_cache(maxsize=512)
def _is_zone(text: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # few policies name a zone

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def parse_percentage(text: str) -> float:
    """Read a percentage; return the share from 0.0 to 1.0."""
    found = _PERCENTAGE.fullmatch(text)
    if found is None or float(found[1]) > 100:
        msg = f"'{text}' is not a percentage; write 0% to 100%, like 10% or 0.5%"
        raise ValueError(msg)
    return float(found[1]) / 100


def parse_container_url(text: str) -> str:
    """Check the URL of a container in Azure Blob Storage; return it without a final slash.

    A stand-in on this machine has its account in the path, before the container.
    """
    url = _split(text)
    is_here = is_loopback(url.hostname or "")
    account, _, name = url.path.strip("/").rpartition("/")
    is_whole = not (url.query or url.fragment or url.username or url.password)
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_here)
    is_plain = not account or (is_here and "/" not in account)
    is_named = is_plain and _CONTAINER_NAME.fullmatch(name)
    if not (is_safe and url.hostname and is_whole and is_named):
        msg = (
            f"'{without_secrets(text)}' is not the URL of a container;"
            " write https://ACCOUNT.blob.core.windows.net/CONTAINER"
        )
        raise ValueError(msg)
    return text.rstrip("/")


def parse_queue_url(text: str) -> str:
    """Check the URL of a queue in Azure Queue Storage; return it without a final slash.

    A stand-in on this machine has its account in the path, before the queue.
    """
    url = _split(text)
    is_here = is_loopback(url.hostname or "")
    account, _, name = url.path.strip("/").rpartition("/")
    is_whole = not (url.query or url.fragment or url.username or url.password)
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_here)
    is_plain = not account or (is_here and "/" not in account)
    if not (is_safe and url.hostname and is_whole and is_plain and _QUEUE_NAME.fullmatch(name)):
        msg = (
            f"'{without_secrets(text)}' is not the URL of a queue;"
            " write https://ACCOUNT.queue.core.windows.net/QUEUE"
        )
        raise ValueError(msg)
    return text.rstrip("/")


def parse_openid_url(text: str) -> str:
    """Check the URL that an OpenID configuration is fetched from; return it as it is."""
    url = _split(text)
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    if not (is_safe and url.hostname) or url.fragment or url.username or url.password:
        msg = f"'{without_secrets(text)}' is not the https URL of an OpenID configuration"
        raise ValueError(msg)
    return text


def parse_endpoint(text: str) -> str:
    """Check the endpoint of a resource; return it without a final slash."""
    url = _split(text)
    is_bare = url.path in {"", "/"} and not (url.query or url.fragment or url.username)
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    is_named = _ENDPOINT_HOST.fullmatch(url.hostname or "") and url.port != 0
    if not (is_named and is_bare and is_safe):
        msg = f"'{without_secrets(text)}' is not an endpoint; write https://HOST"
        raise ValueError(msg)
    return text.rstrip("/")


def parse_public_url(text: str) -> str:
    """Check the URL that the service reaches us at; return it without a final slash."""
    url = _split(text)
    if not url.hostname or url.query or url.fragment or url.username:
        msg = f"'{without_secrets(text)}' is not a URL of a host; write https://HOST"
        raise ValueError(msg)
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        msg = f"'{without_secrets(text)}' is not https; plain http is for loopback addresses only"
        raise ValueError(msg)
    return text.rstrip("/")


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        msg = f"'{without_secrets(text)}' is not a URL"
        raise ValueError(msg) from None
    return url


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine and nobody else's."""
    if host.lower() == "localhost":
        return True
    import ipaddress  # few policies name a host

    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_storage_host(text: str) -> str:
    """Check a host, or an ending of hosts that begins with a dot; return it in lower case."""
    is_listed = _HOST.fullmatch(text) and not _TOO_WIDE.fullmatch(text)
    if not (is_listed or is_loopback(text)):
        msg = f"'{text}' is not a host (files.example.com) or an ending of hosts (.example.com)"
        raise ValueError(msg)
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """An address to listen on; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_listen(text: str) -> ListenAddress:
    """Read an address and a port: 127.0.0.1:8080, [::1]:8080."""
    host, _, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if is_bracketed else host
    is_host = bool(bare) and (is_bracketed or ":" not in host)
    if not (is_host and re.fullmatch("[0-9]{1,5}", port) and int(port) <= 65535):
        msg = f"'{text}' is not an address with a port; write 127.0.0.1:8080"
        raise ValueError(msg)
    return ListenAddress(host=bare, port=int(port))


def parse_size(text: str) -> int:
    """Read a number of bytes: 50GB, 512MiB."""
    found = _SIZE.fullmatch(text)
    if found is None:
        msg = f"'{text}' is not a size; write 500MB, 50GB or 2TiB"
        raise ValueError(msg)
    return int(found[1]) * _UNITS[found[2]]


def parse_rate(text: str) -> int:
    """Read a number of bytes per second: 200MB/s."""
    try:
        return parse_size(text.removesuffix("/s") if text.endswith("/s") else "")
    except ValueError:
        msg = f"'{text}' is not a rate; write 200MB/s"
        raise ValueError(msg) from None


def parse_file_name(text: str) -> str:
    """Check a plain file name, without a folder."""
    if not text or text in {".", ".."} or "/" in text or "\0" in text:
        msg = f"'{text}' is not a plain name"
        raise ValueError(msg)
    return text
