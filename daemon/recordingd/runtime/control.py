"""The client of a running daemon's control socket: HTTP over a UNIX socket.

Called by `cli`. Whoever may open the socket may ask; only the daemon behind it acts.
"""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10.0


class DaemonNotRunning(Exception):
    """Nobody listens on the control socket."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(control: Path, path: str) -> dict[str, Any]:
    """GET a path of the control interface and return its JSON object.

    Raises DaemonNotRunning when nobody answers, OSError when the answer is none.
    """
    connection = _UnixConnection(control)
    try:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except (FileNotFoundError, ConnectionError) as error:
            msg = f"no daemon answers on {control}"
            raise DaemonNotRunning(msg) from error
        if response.status != http.client.OK:
            msg = f"the daemon answered {response.status} to {path}"
            raise OSError(msg)
        answer = json.loads(body)
        assert isinstance(answer, dict)
        return answer
    finally:
        connection.close()
