"""The emulator as a program: its arguments, its ready line and its end.

``app.main`` leads here. One JSON line goes to standard output when everything listens; logs go
to standard error; SIGTERM and SIGINT end it with 0.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from recordingd.emulator import arguments, calling
from recordingd.emulator.metadata import QUIRKS
from recordingd.emulator.options import (
    AZURITE_ACCOUNT,
    AZURITE_KEY,
    CALLBACK_ISSUER,
    DEFAULT_ACCESS_KEY,
    SUPPORTED_VERSIONS,
    EmulatorOptions,
    EventSchema,
    EventShape,
    StartStatus,
    TlsFault,
)
from recordingd.emulator.scenario import ScenarioError
from recordingd.emulator.server import EmulatorServer

_CANNOT_START = 1


def main(argv: Sequence[str]) -> int:
    """Run the emulator with the arguments after ``recordingd emulator`` until it is signalled.

    Return 0 after SIGTERM or SIGINT, 1 when it cannot listen; usage errors exit with 64. With
    ``call`` first, make a call on an emulator that runs.
    """
    if argv[:1] == [calling.NAME]:
        return calling.main(argv[1:])
    options = parse(argv)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    for name in ("httpx", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(options))


async def _run(options: EmulatorOptions) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with EmulatorServer(options) as server:
            sys.stdout.write(json.dumps(server.ready) + "\n")
            sys.stdout.flush()
            await stop.wait()
    except ScenarioError as error:
        sys.stderr.write(f"recordingd emulator: {error}\n")
        return arguments.USAGE_ERROR
    except OSError as error:
        sys.stderr.write(f"recordingd emulator: cannot start: {error}\n")
        return _CANNOT_START
    return 0


def parse(argv: Sequence[str]) -> EmulatorOptions:
    """Return the options that `argv` describes; exits with 64 on a usage error."""
    given = _parser().parse_args(argv)
    host, port = given.listen
    return EmulatorOptions(
        host=host,
        port=port,
        tls=given.tls,
        tls_fault=TlsFault(given.tls_fault) if given.tls_fault else None,
        resource_host=given.resource_host,
        resource_id=given.resource_id,
        access_key=given.access_key,
        has_signed_callbacks=not given.unsigned_callbacks,
        callback_issuer=given.callback_issuer,
        events_to=given.events_to,
        events_to_queue=given.events_to_queue,
        events_batch=given.events_batch,
        events_entra=given.events_entra,
        event_schema=EventSchema(given.event_schema),
        event_shape=EventShape(given.event_shape),
        scenario=given.scenario,
        speed=given.speed,
        realistic=given.realistic,
        api_version=given.api_version,
        strict=given.strict,
        start_status=StartStatus(given.start_status),
        storage_hosts=tuple(given.storage_host or ("127.0.0.1",)),
        account_keys={AZURITE_ACCOUNT: AZURITE_KEY} | dict(given.account_key or ()),
        state_dir=given.state_dir,
        seed=given.seed,
        metadata_quirks=frozenset(given.metadata_quirk or ()),
    )


def _parser() -> argparse.ArgumentParser:
    parser = arguments.Parser(
        prog="recordingd emulator",
        description="Answer like Azure Communication Services call recording, on loopback.",
        epilog=f"`recordingd emulator {calling.NAME} --help`: make a call on one that runs.",
        allow_abbrev=False,
    )
    _add_listener(parser)
    _add_events(parser)
    _add_behaviour(parser)
    return parser


def _add_listener(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--listen",
        type=arguments.address,
        default=("127.0.0.1", 0),
        metavar="HOST:PORT",
        help="where service and storage listen (default 127.0.0.1:0, a free port)",
    )
    add("--tls", action="store_true", help="serve https with a private CA, see caFile")
    add(
        "--tls-fault",
        choices=[fault.value for fault in TlsFault],
        help="serve a certificate that clients must refuse",
    )
    add("--resource-host", metavar="NAME", help="a name of the resource, for the certificate")
    add(
        "--resource-id",
        metavar="GUID",
        help="the resource's immutable id, audience of callback tokens (default: drawn)",
    )
    add(
        "--access-key",
        type=arguments.access_key,
        default=DEFAULT_ACCESS_KEY,
        metavar="BASE64",
        help="the resource's access key",
    )
    add(
        "--storage-host",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="host names of storage URLs, redirects go from one to the next",
    )
    add(
        "--account-key",
        "--byos-account-key",
        action="append",
        type=arguments.account_key,
        metavar="NAME=KEY",
        help="key of a storage account, for exports and for the queue; Azurite's is known",
    )
    add("--state-dir", type=Path, metavar="DIR", help="keep files here (default: temporary)")


def _add_events(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--events-to",
        type=arguments.web_url,
        metavar="URL",
        help="webhook that Event Grid events go to",
    )
    add(
        "--events-to-queue",
        type=arguments.storage_url,
        metavar="URL",
        help="storage queue that Event Grid events go to, with a SAS or an --account-key",
    )
    add(
        "--events-batch",
        type=arguments.count,
        default=1,
        metavar="N",
        help="deliver up to N waiting events together",
    )
    add(
        "--events-entra",
        type=arguments.events_entra,
        metavar="tenant=…,audience=…[,application=…][,version=1|2]",
        help="deliver events with bearer tokens of this tenant",
    )
    add(
        "--event-schema",
        choices=[schema.value for schema in EventSchema],
        default=EventSchema.EVENT_GRID.value,
        help="envelope of the events",
    )
    add(
        "--event-shape",
        choices=[shape.value for shape in EventShape],
        default=EventShape.DOCS.value,
        help="shape of call event data; the sources disagree",
    )
    add("--unsigned-callbacks", action="store_true", help="send callbacks without a token")
    add(
        "--callback-issuer",
        default=CALLBACK_ISSUER,
        metavar="URL",
        help="issuer of callback tokens (default: as documented)",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--scenario", type=Path, metavar="FILE", help="JSON file of timed steps to play")
    add("--speed", type=arguments.positive, default=1.0, metavar="N", help="divide all waits by N")
    add("--realistic", action="store_true", help="wait as long as the service is documented to")
    add(
        "--api-version",
        choices=SUPPORTED_VERSIONS,
        default=SUPPORTED_VERSIONS[-1],
        metavar="V",
        help="newest api-version offered",
    )
    add("--strict", action="store_true", help="refuse what the swagger does not allow")
    add(
        "--start-status",
        choices=[status.value for status in StartStatus],
        default=StartStatus.DOCUMENTED.value,
        help="status of an accepted start",
    )
    add("--seed", type=int, metavar="N", help="make identifiers the same in every run")
    add(
        "--metadata-quirk",
        nargs="+",
        action="extend",
        choices=sorted(QUIRKS),
        help="write metadata as recorded traffic had it",
    )
