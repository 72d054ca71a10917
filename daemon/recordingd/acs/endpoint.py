"""Where the resource lives, as a value: scheme, host and port, and nothing else.

Read from settings and connection strings by `runtime.wiring`, used by everything in this package
that names the resource: request URLs, signatures and the URL guard.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from recordingd.domain.errors import ConfigurationError

_ENDPOINT = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?/*",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_loopback_host(host: str) -> bool:
    """Say whether a host name or address, brackets allowed, never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A resource's address; `host` is in lower case, `port` is None for the scheme's own port."""

    scheme: str
    host: str
    port: int | None

    @property
    def authority(self) -> str:
        """Host, and port if it has one: what is signed as host and sent as x-ms-host."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_loopback(self) -> bool:
        """Whether the resource is a stand-in on this machine."""
        return is_loopback_host(self.host)


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint; trailing slashes are dropped, because a signature covers the bare host.

    Raises ConfigurationError for anything but `scheme://host[:port]`, and for http to a host that
    is not loopback: access keys sign requests there, and recordings travel back.
    """
    found = _ENDPOINT.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(("the acs endpoint is not of the form https://host[:port]",))
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"]) if found["port"] else None
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    if port is not None and port > 65535:
        raise ConfigurationError((f"the acs endpoint's port {port} does not exist",))
    if scheme == "http" and not is_loopback_host(host):
        raise ConfigurationError((f"the acs endpoint {host} is not on this machine: use https",))
    return Endpoint(scheme=scheme, host=host, port=port)
