"""What the programs around the official clients have in common.

Each is one process that reads requests, `{"do": …, "with": {…}}` a line, carries them out with one
official client, and prints `{"got": …}` or `{"status": …}` a line, with no status when no answer
came. Nothing is tried again, so that each answer of the service shows. Names of the service lead to
this machine, and all other names nowhere.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

SERVICE_SUFFIXES = (".asm.skype.com", ".communication.azure.com")
LOOPBACK = "127.0.0.1"
_getaddrinfo: Callable[..., Any] = socket.getaddrinfo


def stay_on_this_machine() -> None:
    """Resolve the service's names to this machine, and refuse to look up any other."""
    socket.getaddrinfo = _resolve


def _resolve(host: bytes | str | None, *rest: Any, **named: Any) -> Any:  # noqa: ANN401  as socket's
    name = host.decode() if isinstance(host, bytes) else host or ""
    if name.endswith(SERVICE_SUFFIXES):
        return _getaddrinfo(LOOPBACK, *rest, **named)
    if not ipaddress.ip_address(name).is_loopback:
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is not on this machine")
    return _getaddrinfo(host, *rest, **named)


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the test asks for until it has no more to ask."""
    for line in sys.stdin:
        request = json.loads(line)
        yield request["do"], request["with"]


def answer(**fields: object) -> None:
    """Tell the test how its request ended."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()
