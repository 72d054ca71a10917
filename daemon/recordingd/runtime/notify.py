"""Tell the service manager how the daemon is doing (sd_notify(3)), where there is one.

Called by `runtime.service`. Without `NOTIFY_SOCKET` every call does nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send a state such as `READY=1`; return whether anybody was there to hear it."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), address)
        except OSError:
            # The manager went away: nobody is left to tell.
            return False
    return True


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return within which time the manager wants to hear from us, None when it does not.

    Source: sd_watchdog_enabled(3). The value is for the process that it names.
    """
    pid, micros = environment.get("WATCHDOG_PID"), environment.get("WATCHDOG_USEC", "")
    if not micros.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(micros) / 1_000_000
