"""`recordingd emulator call`: make one call on an emulator that runs, and end it.

``command`` leads here. It speaks to the control API like any other tool and knows nothing of the
emulator's inside. One JSON line tells which call was made, another that it has ended.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from recordingd.emulator import arguments

NAME = "call"
_VARIABLE = "RECORDINGD_EMULATOR_CONTROL"
_NO_EMULATOR = 1
_ANSWER_SECONDS_MAX = 10.0
_FROM = "+14255550100"  # a number reserved for fiction
_TO = "8:acs:emulator_agent"


def main(argv: Sequence[str]) -> int:
    """Make the call that `argv` describes and wait until it has ended.

    Return 0 when it ended, by itself or by SIGINT or SIGTERM, and 1 when no emulator answers or
    it refuses; usage errors exit with 64.
    """
    parser = _parser()
    given = parser.parse_args(argv)
    control = given.control or os.environ.get(_VARIABLE)
    if not control:
        parser.error(f"--control or ${_VARIABLE} must say where the emulator is controlled")
    body = {
        "from": given.caller,
        "to": given.callee,
        "participants": [{"id": raw_id} for raw_id in given.participant or _parties(given)],
        "context": dict(given.context or ()),
    }
    try:
        return asyncio.run(_call(control, body, given.seconds))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        sys.stderr.write(f"{parser.prog}: {control}: {error!r}\n")
        return _NO_EMULATOR


async def _call(control: str, body: Mapping[str, object], seconds: float) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with httpx.AsyncClient(
        base_url=control, trust_env=False, timeout=_ANSWER_SECONDS_MAX
    ) as client:
        made = (await client.post("/calls", json=body)).raise_for_status().json()
        _say(made)
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            pass
        finally:
            path = f"/calls/{quote(made['serverCallId'], safe='')}"
            ended = (await client.delete(path)).raise_for_status().json()
        _say({name: ended[name] for name in ("serverCallId", "state", "startedAt", "endedAt")})
    return 0


def _say(value: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _parties(given: argparse.Namespace) -> list[str]:
    return [given.caller, given.callee]


def _parser() -> argparse.ArgumentParser:
    parser = arguments.Parser(
        prog=f"recordingd emulator {NAME}",
        description="Make a call on an emulator that runs, and end it.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--from", dest="caller", default=_FROM, metavar="PARTY", help="number or raw id")
    add("--to", dest="callee", default=_TO, metavar="PARTY", help="number or raw id")
    add(
        "--participant",
        action="append",
        metavar="PARTY",
        help="who is in the call, repeatable (default: caller and callee)",
    )
    add(
        "--context",
        action="append",
        type=_pair,
        metavar="NAME=VALUE",
        help="header of the incoming call, repeatable",
    )
    add(
        "--for",
        dest="seconds",
        type=arguments.duration,
        default=10.0,
        metavar="TIME",
        help="how long the call lasts, such as 10s (the default)",
    )
    add(
        "--control",
        type=arguments.web_url,
        metavar="URL",
        help=f"the emulator's control URL (default: ${_VARIABLE})",
    )
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        msg = f"{text!r} is not NAME=VALUE"
        raise argparse.ArgumentTypeError(msg)
    return name, value
