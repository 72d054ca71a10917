"""The command that makes a call on a running emulator."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recordingd.emulator import app

if TYPE_CHECKING:
    from tests.contracts.emulator.conftest import Emulate

CODE = "import sys; from recordingd.emulator.app import main; sys.exit(main(sys.argv[1:]))"
ROOT = str(Path(app.__file__).resolve().parents[2])


async def command(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CODE, "call", *arguments),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": ROOT, **environment},
    )


def lines(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_call_is_made_for_a_while_and_ended(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            process = await command(
                *("--from", "+441234", "--to", "8:acs:agent", "--for", "300ms"),
                *("--context", "X-MS-Custom-Queue=sales", "--control"),
                str(world.server.ready["control"]),
            )
            output, errors = await process.communicate()
            assert process.returncode == 0, errors
            made, ended = lines(output)
            assert made["serverCallId"] == ended["serverCallId"]
            assert ended["state"] == "ended"
            (call,) = (await world.control.get("/calls")).json()
            assert call["serverCallId"] == made["serverCallId"]
            (incoming,) = world.webhook.of_type("IncomingCall")
            assert incoming["data"]["from"]["rawId"] == "4:+441234"
            headers = incoming["data"]["customContext"]["sipHeaders"]
            assert headers == {"X-MS-Custom-Queue": "sales"}
            (added,) = world.webhook.of_type("CallParticipantAdded")
            assert added["data"]["user"]["rawId"] == "8:acs:agent"

    asyncio.run(scene())


def test_interrupted_call_is_ended_too(emulate: "Emulate") -> None:
    async def scene() -> None:
        async with emulate() as world:
            control = str(world.server.ready["control"])
            process = await command("--for", "1h", RECORDINGD_EMULATOR_CONTROL=control)
            assert process.stdout is not None
            await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
            await process.communicate()
            (call,) = (await world.control.get("/calls")).json()
            assert call["state"] == "ended"

    asyncio.run(scene())


def test_emulator_that_does_not_answer_is_named(
    capsys: pytest.CaptureFixture[str], unused_tcp_port_url: str
) -> None:
    assert app.main(["call", "--control", unused_tcp_port_url]) == 1
    assert unused_tcp_port_url in capsys.readouterr().err


def test_missing_control_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RECORDINGD_EMULATOR_CONTROL", raising=False)
    with pytest.raises(SystemExit) as left:
        app.main(["call"])
    assert left.value.code == 64
    assert "RECORDINGD_EMULATOR_CONTROL" in capsys.readouterr().err


@pytest.fixture
def unused_tcp_port_url() -> str:
    """Return the URL of a port that nobody listens on: it was bound and is closed again."""

    async def bind() -> int:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return port

    return f"http://127.0.0.1:{asyncio.run(bind())}"
