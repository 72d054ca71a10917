"""The control socket's two ends, over a real UNIX socket."""

from __future__ import annotations

import asyncio
import getpass
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop

from recordingd.ingress.control import build_control_app
from recordingd.runtime.control import DaemonNotRunning, NoAnswer, ask, tell
from recordingd.runtime.servers import NamedPeer, bind_unix, make_server

T = TypeVar("T")


class EchoingControl:
    """Answers with what it was asked."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs

    async def status(self) -> Mapping[str, object]:
        return {"asked": "status"}

    async def reload(self, *, by: str, is_check: bool) -> Mapping[str, object]:
        if self.hangs:
            await asyncio.sleep(3600)
        return {"by": by, "check": is_check}

    async def suspend(
        self, *, by: str, scope: str, until: str, reason: str
    ) -> Mapping[str, object]:
        return {"by": by, "scope": scope, "until": until, "reason": reason}

    async def lift(self, *, by: str, scope: str) -> Mapping[str, object]:
        return {"by": by, "scope": scope}

    async def approve(self, body: Mapping[str, object], *, by: str) -> Mapping[str, object]:
        return {"by": by, "body": body}


@contextmanager
def served(path: Path, control: EchoingControl) -> Iterator[None]:
    """Serve in a thread of its own, as a daemon would in its process."""
    listener = bind_unix(path)
    server = make_server(build_control_app(control), protocol=NamedPeer)
    server.config.timeout_graceful_shutdown = 0
    thread = threading.Thread(target=lambda: uvloop.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Short names, since the path of a socket has 107 bytes.
    return tmp_path_factory.mktemp("c") / "s"


def asked(path: Path, question: Callable[[], T]) -> T:
    with served(path, EchoingControl()):
        return question()


def test_status_is_asked_for(path: Path) -> None:
    assert asked(path, lambda: ask(path, "/status")) == {"asked": "status"}


def test_actor_is_whoever_is_at_the_other_end(path: Path) -> None:
    answer = asked(path, lambda: tell(path, "/reload", {"check": True, "by": "somebody else"}))
    assert answer == {"by": getpass.getuser(), "check": True}


def test_reload_without_a_word_is_no_check(path: Path) -> None:
    assert asked(path, lambda: tell(path, "/reload", {}))["check"] is False


def test_suspension_is_passed_on_as_it_was_said(path: Path) -> None:
    body = {"scope": "support", "until": "2026-11-20T10:00:00Z", "reason": "ä"}
    answer = asked(path, lambda: tell(path, "/suspensions", body))
    assert answer == {"by": getpass.getuser(), **body}


def test_lift_is_passed_on(path: Path) -> None:
    answer = asked(path, lambda: tell(path, "/suspensions/lift", {"scope": "deletions"}))
    assert answer["scope"] == "deletions"


def test_approval_is_passed_on_whole(path: Path) -> None:
    answer = asked(path, lambda: tell(path, "/approvals", {"planDigest": "p"}))
    assert answer == {"by": getpass.getuser(), "body": {"planDigest": "p"}}


def test_approval_may_name_very_many_recordings(path: Path) -> None:
    body = {"recordings": [f"{n:032x}" for n in range(10_000)]}
    assert asked(path, lambda: tell(path, "/approvals", body))["body"] == body


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/reload", {"check": "yes"}),
        ("/suspensions", {"scope": "support"}),
        ("/suspensions/lift", {"scope": 7}),
        ("/suspensions/lift", {"scope": "x" * 70_000}),
    ],
)
def test_body_that_is_not_what_is_asked_for_is_refused(
    path: Path, target: str, body: dict[str, object]
) -> None:
    with pytest.raises(OSError, match=r"400 to .* (given|object|true or false|larger)"):
        asked(path, lambda: tell(path, target, body))


def test_unknown_path_is_refused(path: Path) -> None:
    with pytest.raises(OSError, match="404"):
        asked(path, lambda: ask(path, "/unheard-of"))


def test_socket_that_is_not_there_means_that_no_daemon_runs(path: Path) -> None:
    with pytest.raises(DaemonNotRunning):
        tell(path, "/reload", {})


def test_socket_of_a_dead_daemon_means_that_no_daemon_runs(path: Path) -> None:
    bind_unix(path).close()
    with pytest.raises(DaemonNotRunning):
        ask(path, "/status")


def test_answer_that_takes_too_long_is_told_apart(path: Path) -> None:
    with served(path, EchoingControl(hangs=True)), pytest.raises(NoAnswer, match="within"):
        tell(path, "/reload", {}, timeout=0.2)
