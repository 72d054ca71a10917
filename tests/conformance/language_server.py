"""An editor's side of the Language Server Protocol, spoken with the YAML language server from npm.

Speaks over standard input and output, answers what the server asks for, and waits for messages with
a deadline. Knows nothing of policies.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import npm

# What the protocol carries.
Json = Any

PACKAGE = "yaml-language-server"
# Later ones need Node.js 22.
VERSION = "1.25.0"
PATIENCE_SECONDS = 20.0
STOP_SECONDS = 5
# What an editor says of YAML. Without a store of schemas nothing is fetched.
SETTINGS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "format": {"enable": False},
    }
}
CAPABILITIES = {
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": False}},
        "hover": {"contentFormat": ["plaintext"]},
    },
    "workspace": {"configuration": True},
}


class Editor:
    """An editor with one server; lines and columns count from 0, as in the protocol."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._received = b""
        folder = {"uri": root.as_uri(), "name": root.name}
        self._ask(
            "initialize",
            processId=os.getpid(),
            rootUri=root.as_uri(),
            capabilities=CAPABILITIES,
            workspaceFolders=[folder],
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=SETTINGS)

    def open(self, path: Path, text: str | None = None) -> list[dict[str, Any]]:
        """Open a file, or a text as if it were one; return what the server finds wrong with it."""
        content = path.read_text() if text is None else text
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": content}
        self._tell("textDocument/didOpen", textDocument=document)
        while True:
            message = self._receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                about = message["params"]
                if about["uri"] == path.as_uri():
                    found: list[dict[str, Any]] = about["diagnostics"]
                    return found

    def complete(self, path: Path, line: int, column: int) -> set[str]:
        """Return what may be written at a place of an open file."""
        answer = self._ask("textDocument/completion", **_place(path, line, column))
        return {item["label"] for item in answer["items"]}

    def hover(self, path: Path, line: int, column: int) -> str:
        """Return what is said of the word at a place of an open file."""
        answer = self._ask("textDocument/hover", **_place(path, line, column))
        return str(answer["contents"]["value"]) if answer is not None else ""

    def quit(self) -> None:
        """End the server in the order that the protocol asks for."""
        self._ask("shutdown")
        self._tell("exit")

    def _ask(self, method: str, **parameters: object) -> Json:
        number = next(self._ids)
        self._send(id=number, method=method, params=parameters)
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _tell(self, method: str, **parameters: object) -> None:
        self._send(method=method, params=parameters)

    def _send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """Return the next message, after answering it where the server asks something."""
        while b"\r\n\r\n" not in self._received:
            self._read()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        while len(self._received) < length:
            self._read()
        message: dict[str, Any] = json.loads(self._received[:length])
        self._received = self._received[length:]
        if "method" in message and "id" in message:
            self._answer(message)
        return message

    def _read(self) -> None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_SECONDS)
        assert ready, f"the language server said nothing for {PATIENCE_SECONDS:.0f} s"
        more = os.read(self._process.stdout.fileno(), 65536)
        assert more, "the language server has ended"
        self._received += more

    def _answer(self, message: dict[str, Any]) -> None:
        result: object = None
        if message["method"] == "workspace/configuration":
            result = [SETTINGS.get(item.get("section")) for item in message["params"]["items"]]
        self._send(id=message["id"], result=result)


@contextmanager
def editing(root: Path) -> Iterator[Editor]:
    """Start a server for a folder, and end it."""
    script = npm.installed(PACKAGE, VERSION, PACKAGE) / PACKAGE / "bin" / PACKAGE
    process = subprocess.Popen(
        [npm.node(), str(script), "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
        bufsize=0,
    )
    try:
        editor = Editor(process, root)
        yield editor
        editor.quit()
        process.communicate(timeout=STOP_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _place(path: Path, line: int, column: int) -> dict[str, Any]:
    return {
        "textDocument": {"uri": path.as_uri()},
        "position": {"line": line, "character": column},
    }
