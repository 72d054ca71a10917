"""The client of a running daemon's control socket: HTTP over a UNIX socket.

Called by `cli`. Whoever may open the socket may ask; only the daemon behind it acts.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10.0
# How much of a refusal is quoted.
_SAID_MAX = 500
Answer = dict[str, Any]


class DaemonNotRunning(Exception):
    """Nobody listens on the control socket."""


class NoAnswer(Exception):
    """The daemon took the question and did not answer in time; it may still do what was asked."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(control: Path, path: str) -> Answer:
    """GET a path of the control interface and return its JSON object.

    Raises DaemonNotRunning when nobody answers, NoAnswer when it takes too long, OSError when the
    answer is none.
    """
    return _exchange(control, "GET", path, None, TIMEOUT_SECONDS)


def tell(
    control: Path, path: str, body: Mapping[str, object], *, timeout: float = TIMEOUT_SECONDS
) -> Answer:
    """POST a JSON object to the control interface and return the answer; raises like `ask`."""
    return _exchange(control, "POST", path, json.dumps(body).encode(), timeout)


def _exchange(control: Path, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
    connection = _UnixConnection(control, timeout)
    try:
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
        except (FileNotFoundError, ConnectionError) as error:
            msg = f"no daemon answers on {control}"
            raise DaemonNotRunning(msg) from error
        except TimeoutError as error:
            msg = f"the daemon did not answer within {timeout:g} s"
            raise NoAnswer(msg) from error
        if response.status != http.client.OK:
            said = content[:_SAID_MAX].decode(errors="replace")
            msg = f"the daemon answered {response.status} to {path}: {said}"
            raise OSError(msg)
        answer = json.loads(content)
        assert isinstance(answer, dict)
        return answer
    finally:
        connection.close()
