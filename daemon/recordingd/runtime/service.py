"""The daemon as a process: start in order, run, drain, end.

Called by `cli.run`. Everything that runs is owned by one task group, so that no task can die
unseen: when one fails the daemon ends with an error, and the service manager starts it again, which
is always safe.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from recordingd.config.settings import Settings
from recordingd.domain.errors import LedgerFault, RecordingdError
from recordingd.domain.plans import Alarm
from recordingd.ingress.control import build_control_app
from recordingd.ingress.receiver import build_app
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import schema_state, upgrade
from recordingd.ledger.versions import SchemaState
from recordingd.runtime import wiring
from recordingd.runtime.access import open_archives
from recordingd.runtime.assembly import Daemon, Outside, assemble
from recordingd.runtime.control_answers import ControlAnswers
from recordingd.runtime.ledger_thread import LedgerThread
from recordingd.runtime.notify import notify, watchdog_seconds
from recordingd.runtime.scheduler import Sweep, sweeping
from recordingd.runtime.servers import NamedPeer, Server, bind, bind_unix, make_server
from recordingd.runtime.state_directory import locked, state_key
from recordingd.runtime.system import SystemClock, SystemIds, SystemRand
from recordingd.telemetry import logs

_LOG = logging.getLogger("recordingd")
# How long effects under way may take to end once the daemon is asked to; downloads are cut at once,
# since their parts are continued by the next start.
SETTLE_SECONDS = 20.0
LEDGER_RETRY_SECONDS = 1.0


async def serve(settings: Settings, *, is_strict: bool) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Raises ConfigurationError when settings or policies cannot be used, StateDirectoryBusy,
    LedgerFault or OSError when something it needs is not to be had; nothing was started then.
    """
    logs.set_up(level=settings.log.level, form=settings.log.format)
    with locked(settings.state_dir):
        key = _key(settings)
        logs.set_up(
            level=settings.log.level,
            form=settings.log.format,
            key=key,
            known_secrets=wiring.known_secrets(settings),
        )
        with _ledger(settings) as ledger:
            clock = SystemClock()
            async with (
                wiring.build_cloud(settings, clock) as cloud,
                wiring.open_key_sources(settings, clock) as key_sources,
                wiring.open_queue(settings) as queue,
            ):
                outside = Outside(
                    settings=settings,
                    ledger=ledger,
                    cloud=cloud,
                    archives=open_archives(settings),
                    clock=clock,
                    ids=SystemIds(),
                    rand=SystemRand(),
                    key=key,
                    key_sources=key_sources,
                    queue=queue,
                )
                await _run(await assemble(outside, is_strict=is_strict), ledger)


def _key(settings: Settings) -> bytes:
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.reveal().encode()
    return state_key(settings.state_dir)


@contextmanager
def _ledger(settings: Settings) -> Iterator[LedgerThread]:
    """Open the ledger in a thread of its own; one that does not exist yet is made."""
    if schema_state(settings.ledger) is SchemaState.MISSING:
        upgrade(settings.ledger, instance=settings.instance, backup_dir=settings.state_dir)
    clock = SystemClock()
    database = open_ledger(settings.ledger, instance=settings.instance, now=clock.now_utc)
    thread = LedgerThread(database)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


async def _run(daemon: Daemon, ledger: LedgerThread) -> None:
    """Serve, loop and sweep until asked to end; then drain."""
    settings = daemon.outside.settings
    listener = bind(settings.listen.host, settings.listen.port)
    control = bind_unix(settings.control)
    public = make_server(build_app(daemon.receiver))
    answers = ControlAnswers(steering=daemon.steering, ask_status=daemon.receiver.backend.status)
    local = make_server(build_control_app(answers), protocol=NamedPeer)
    is_ending = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        _handle_signals(daemon, is_ending, group)
        work = group.create_task(daemon.executor.run(daemon.reconciler.report))
        loop = group.create_task(_loop(daemon, is_ending))
        group.create_task(_look_once(daemon))
        servers = [
            group.create_task(public.serve(sockets=[listener])),
            group.create_task(local.serve(sockets=[control])),
        ]
        alive = group.create_task(_keep_watchdog(daemon))
        pull = group.create_task(_pull(daemon))
        # The rules in force may be other ones than the last daemon's.
        sweeps = sweeping(_sweeps(daemon, ledger), at_once=[daemon.sweeps.sweep_keepings])
        with sweeps as run_soon:
            keeping = group.create_task(_keep_up(daemon, run_soon))
            host, port = listener.getsockname()[:2]
            _LOG.info("listening on %s:%s, mode %s", host, port, settings.mode.value)
            notify("READY=1")
            await is_ending.wait()
            _LOG.info("ending: no new events are taken, effects under way are finished")
            notify("STOPPING=1")
            keeping.cancel()
        pull.cancel()
        await _drain(daemon, [public, local], servers, loop)
        work.cancel()
        alive.cancel()
    settings.control.unlink(missing_ok=True)
    _LOG.info("ended")


def _handle_signals(daemon: Daemon, is_ending: asyncio.Event, group: asyncio.TaskGroup) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, is_ending.set)
    running.add_signal_handler(signal.SIGHUP, lambda: group.create_task(_reload(daemon)))


async def _reload(daemon: Daemon) -> None:
    """Do what `recordingd reload` does, for whoever sends a signal and reads the journal."""
    try:
        await daemon.steering.reload(by="SIGHUP")
    except RecordingdError as fault:
        _LOG.error("policies not reloaded: %s", fault)
        daemon.watch.tell(Alarm.of("PolicyNotInForce", why=fault))


async def _keep_up(daemon: Daemon, run_soon: Callable[[Sweep], None]) -> None:
    """Have all that is kept read again whenever the rules may say anew how long."""
    while True:
        await daemon.steering.keeping_changed.wait()
        daemon.steering.keeping_changed.clear()
        run_soon(daemon.sweeps.sweep_keepings)


async def _loop(daemon: Daemon, is_ending: asyncio.Event) -> None:
    """Turn the loop until asked to end; a ledger that fails is tried again, events wait there."""
    reconciler, watch = daemon.reconciler, daemon.watch
    await _insist(daemon, is_ending)
    while not is_ending.is_set():
        try:
            next_at = await reconciler.run_once()
        except LedgerFault as fault:
            _LOG.error("the ledger cannot be read: %s", fault)
            watch.tell(Alarm.of("LoopStalled", why=fault))
            await asyncio.sleep(LEDGER_RETRY_SECONDS)
            continue
        watch.turned()
        await reconciler.sleep(next_at)


async def _look_once(daemon: Daemon) -> None:
    """Run the sweeps that show how things are, so that the first status is not an empty one."""
    await daemon.sweeps.look_at_disks()
    try:
        await daemon.sweeps.measure()
        await daemon.steering.refresh()
    except LedgerFault as fault:
        _LOG.warning("the ledger cannot be counted yet: %s", fault)


async def _insist(daemon: Daemon, is_ending: asyncio.Event) -> None:
    """Find the calls that an earlier daemon left open, however long the ledger takes."""
    while not is_ending.is_set():
        try:
            found = await daemon.reconciler.watch_open_calls()
        except LedgerFault as fault:
            _LOG.error("the ledger cannot be read: %s", fault)
            await asyncio.sleep(LEDGER_RETRY_SECONDS)
            continue
        _LOG.info("%s calls need a look", found)
        return


def _sweeps(daemon: Daemon, ledger: LedgerThread) -> dict[str, tuple[Sweep, timedelta]]:
    sweeps = daemon.sweeps
    return {
        "watch": (sweeps.watch, timedelta(minutes=1)),
        "measure": (sweeps.measure, timedelta(seconds=15)),
        "disks": (sweeps.look_at_disks, timedelta(minutes=1)),
        "moves": (sweeps.count_moves, timedelta(minutes=1)),
        # A rule may begin or end to be valid without any reload.
        "keepings": (sweeps.sweep_keepings, timedelta(hours=24)),
        "events": (sweeps.look_for_events, timedelta(minutes=1)),
        "quieten": (sweeps.quieten, timedelta(minutes=1)),
        "circumstances": (daemon.steering.refresh, timedelta(seconds=15)),
        # What a purge erased is gone from the disk only once it is gone from the log, too.
        "forget": (ledger.empty_log, timedelta(seconds=15)),
    }


async def _pull(daemon: Daemon) -> None:
    """Fetch events where a queue holds them; what is not deleted at the end comes again."""
    if daemon.pull is not None:
        await daemon.pull.run()


async def _keep_watchdog(daemon: Daemon) -> None:
    """Tell the service manager that the loop turns, for as long as it does."""
    within = watchdog_seconds()
    if within is None:
        return
    while True:
        if daemon.watch.is_live():
            notify("WATCHDOG=1")
        await asyncio.sleep(within / 3)


async def _drain(
    daemon: Daemon,
    servers: list[Server],
    serving: list[asyncio.Task[None]],
    loop: asyncio.Task[None],
) -> None:
    """Answer what was taken, finish the turn, and let effects under way end."""
    for server in servers:
        server.should_exit = True
    await asyncio.wait(serving)
    daemon.reconciler.wake()
    await asyncio.wait([loop])
    if not await daemon.executor.settle(SETTLE_SECONDS):
        _LOG.warning("effects are still under way; the next start goes on from their intents")
