"""Which URLs from the wire may be asked for, with our credentials on the request. Pure.

Called by `media` before the first request of a download or removal and before every redirect hop.
Events and redirects name these URLs, so they are hostile input: a URL is read by one strict grammar
and rebuilt from its parts, so that no HTTP library can read it differently than this module did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from recordingd.acs.endpoint import Endpoint, is_loopback_host
from recordingd.domain.errors import ConfigurationError, UrlRefused

# The hosts that the official SDKs accept (recordingUrlValidator, callautomation 1.6.0).
DEFAULT_STORAGE_HOSTS = (
    ".asm.skype.com",
    ".asyncgw.teams.microsoft.com",
    ".ams.gov.teams.microsoft.us",
)
URL_LENGTH_MAX = 8192
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<target>.*)")
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 3986, 3.3 and 3.4: pchar, and a query of pchar, "/" and "?"; percent signs only as triplets.
_TARGET = re.compile(
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_DOT_SEGMENT = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedUrl:
    """A URL that may be asked for: `url` rebuilt from its parts, `target` its path and query."""

    url: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlGuard:
    """The allow-list: host names, name suffixes with their leading dot, and the resource itself.

    `loopback_hosts` match with any port over http and https; they are only ever filled when the
    resource itself is on this machine. Build one with `guard_for`.
    """

    endpoint: Endpoint
    names: frozenset[str]
    suffixes: tuple[str, ...]
    loopback_hosts: frozenset[str]

    def check(self, url: str) -> GuardedUrl:
        """Return a URL in the form to send, or raise UrlRefused with the reason.

        The reason names the host and never the whole URL: a query may carry a secret.
        """
        if len(url) > URL_LENGTH_MAX:
            _refuse(f"it is longer than {URL_LENGTH_MAX} characters")
        found = _URL.fullmatch(url)
        if found is None:
            _refuse("it is not an absolute URL")
        scheme, target = found["scheme"].lower(), _check_target(found["target"])
        host, port = _read_authority(found["authority"])
        authority = self._check_origin(scheme, host, port)
        return GuardedUrl(url=f"{scheme}://{authority}{target}", target=target)

    def _check_origin(self, scheme: str, host: str, port: int | None) -> str:
        if scheme not in {"https", "http"}:
            _refuse(f"its scheme is {scheme[:16]!r}")
        own = self.endpoint
        if port == {"https": 443, "http": 80}[scheme]:
            port = None
        if (scheme, host, port) == (own.scheme, own.host, own.port):
            return own.authority
        if host in self.loopback_hosts:
            return host if port is None else f"{host}:{port}"
        if scheme != "https":
            _refuse("its scheme is not https")
        if port is not None:
            _refuse(f"it names port {port}")
        if not self._is_listed(host):
            _refuse(f"host {host!r} is not on the allow-list")
        return host

    def _is_listed(self, host: str) -> bool:
        if host.startswith("[") or _NUMERIC.fullmatch(host.rsplit(".", 1)[-1]):
            _refuse(f"host {host!r} is an address, not a name")
        if len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
            _refuse(f"host {host[:253]!r} is not a well-formed name")
        return host in self.names or host.endswith(self.suffixes)


def _refuse(reason: str) -> NoReturn:
    msg = f"URL refused: {reason}"
    raise UrlRefused(msg)


def _read_authority(text: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        _refuse("its authority is not host[:port] in plain ASCII")
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > 65535:
        _refuse(f"port {port} does not exist")
    return found["host"].lower().removesuffix("."), port


def _check_target(text: str) -> str:
    found = _TARGET.fullmatch(text)
    if found is None:
        _refuse("its path or query has characters that a URL cannot have, or a fragment")
    if any(map(_DOT_SEGMENT.fullmatch, found["path"].split("/"))):
        _refuse("its path climbs")
    # A bare question mark would be signed and not sent.
    query = "" if found["query"] in {None, "?"} else found["query"]
    return (found["path"] or "/") + query


def guard_for(endpoint: Endpoint, *, storage_hosts: Iterable[str]) -> UrlGuard:
    """Build the guard of a resource from the `storageHosts` of the settings.

    An entry with a leading dot matches every name below it, any other entry that very name.
    Loopback entries count only when the resource itself is loopback. Raises ConfigurationError for
    an entry that is no host name, or so short that it would let half the internet in.
    """
    entries = frozenset(entry.strip().lower().removesuffix(".") for entry in storage_hosts)
    loopback = frozenset(filter(is_loopback_host, entries))
    faults = tuple(
        f"acs.storageHosts: {entry!r} is not a host name or a suffix like .asm.skype.com"
        for entry in sorted(entries - loopback)
        if not _is_entry(entry)
    )
    if faults:
        raise ConfigurationError(faults)
    return UrlGuard(
        endpoint=endpoint,
        names=frozenset(e for e in entries - loopback if not e.startswith(".")),
        suffixes=tuple(sorted(e for e in entries if e.startswith("."))),
        loopback_hosts=loopback if endpoint.is_loopback else frozenset(),
    )


def _is_entry(entry: str) -> bool:
    labels = entry.removeprefix(".").split(".")
    is_deep_enough = len(labels) > 1 or not entry.startswith(".")
    is_name = _NUMERIC.fullmatch(labels[-1]) is None
    return is_deep_enough and is_name and all(map(_LABEL.fullmatch, labels))
