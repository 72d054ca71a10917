"""Put the daemon's own parts together: who tells whom, and who owns what.

Called by `runtime.service` once the ledger is open and the secrets are read, and by tests with
other clocks, clouds and stores. Starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recordingd.config.settings import Settings
from recordingd.domain.policies import StoreName
from recordingd.ingress.arrivals import Arrivals
from recordingd.ingress.receiver import Receiver
from recordingd.ingress.storage_queue import Queue, QueuePull
from recordingd.planning.transitions import Supplies
from recordingd.ports.archive import Archive
from recordingd.ports.clock import Clock, Ids, Rand
from recordingd.ports.cloud import Cloud
from recordingd.ports.ledger import LedgerRunner
from recordingd.runtime import wiring
from recordingd.runtime.backend import DaemonBackend
from recordingd.runtime.effects import Tools
from recordingd.runtime.executor import Executor
from recordingd.runtime.in_force import Rules, take_into_force
from recordingd.runtime.reconciler import Reconciler, Surroundings
from recordingd.runtime.steering import Steering
from recordingd.runtime.sweeps import Sweeps
from recordingd.runtime.views import Json, moment
from recordingd.runtime.watch import Watch
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything the daemon is given from outside itself."""

    settings: Settings
    ledger: LedgerRunner
    cloud: Cloud
    archives: Mapping[StoreName, Archive]
    clock: Clock
    ids: Ids
    rand: Rand
    key: bytes
    key_sources: wiring.KeySources = field(default_factory=wiring.KeySources)
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A daemon put together and not running."""

    outside: Outside
    rules: Rules
    watch: Watch
    reconciler: Reconciler
    executor: Executor
    sweeps: Sweeps
    receiver: Receiver
    pull: QueuePull | None
    steering: Steering


async def assemble(outside: Outside, *, is_strict: bool) -> Daemon:
    """Put a daemon together.

    Raises ConfigurationError when no policies can be in force; with `is_strict` also when the files
    cannot be and an older revision would have to stand in.
    """
    settings, clock = outside.settings, outside.clock
    in_force = await take_into_force(
        settings, outside.ledger, now=clock.now_utc(), is_strict=is_strict
    )
    rules = Rules(settings=settings, ledger=outside.ledger, clock=clock, in_force=in_force)
    await rules.read_circumstances()
    metrics = Metrics()
    watch = Watch(settings=settings, clock=clock, alarms=Alarms(metrics), metrics=metrics)
    watch.policies(in_force)
    arrivals = Arrivals(metrics=metrics, alarms=watch.alarms, started_at=clock.now_utc())
    executor = _executor(outside, rules, watch)
    reconciler = _reconciler(outside, rules, watch, executor)
    sweeps = Sweeps(
        ledger=outside.ledger,
        reconciler=reconciler,
        archives=outside.archives,
        clock=clock,
        alarms=watch.alarms,
        metrics=metrics,
        tell=watch.tell,
        rules=rules,
        arrivals=arrivals,
    )

    def status() -> Json:
        downloads: Json = {
            "queued": executor.queued_downloads,
            "active": executor.active_downloads,
            "nextDeadline": moment(executor.next_deadline),
        }
        disk: Json = {name: {"freeShare": share} for name, share in sweeps.free.items()}
        return watch.status(rules, downloads=downloads, disk=disk)

    backend = DaemonBackend(
        ledger=outside.ledger,
        clock=clock,
        metrics_register=metrics,
        wake=reconciler.wake,
        live=watch.is_live,
        status_json=status,
        locate=wiring.locator(outside.archives),
        context=rules.context,
    )
    receiver = Receiver(
        backend=backend,
        senders=wiring.build_senders(settings, outside.key_sources),
        arrivals=arrivals,
        metrics=metrics,
        alarms=watch.alarms,
    )
    return Daemon(
        outside=outside,
        rules=rules,
        watch=watch,
        reconciler=reconciler,
        executor=executor,
        sweeps=sweeps,
        receiver=receiver,
        pull=_pull(outside, receiver),
        steering=_steering(outside, rules, watch, reconciler),
    )


def _steering(outside: Outside, rules: Rules, watch: Watch, reconciler: Reconciler) -> Steering:
    return Steering(
        rules=rules,
        watch=watch,
        reconciler=reconciler,
        ledger=outside.ledger,
        clock=outside.clock,
        new_id=outside.ids.new,
    )


def _pull(outside: Outside, receiver: Receiver) -> QueuePull | None:
    if outside.queue is None:
        return None
    return QueuePull(
        queue=outside.queue,
        commit=receiver.backend.commit,
        arrivals=receiver.arrivals,
        clock=outside.clock,
    )


def _executor(outside: Outside, rules: Rules, watch: Watch) -> Executor:
    token_of = wiring.token_maker(outside.key)
    tools = Tools(
        cloud=outside.cloud,
        archives=outside.archives,
        clock=outside.clock,
        rand=outside.rand,
        callback_url_of=wiring.callback_address(outside.settings.public_url, token_of),
    )
    return Executor(
        tools=tools,
        ledger=outside.ledger,
        context=rules.context,
        told=watch.effect_ended,
        downloads_max=outside.settings.downloads_concurrency,
    )


def _reconciler(outside: Outside, rules: Rules, watch: Watch, executor: Executor) -> Reconciler:
    supplies = Supplies(
        new_id=outside.ids.new,
        new_request_id=outside.ids.request_id,
        token_of=wiring.token_maker(outside.key),
    )
    around = Surroundings(
        ledger=outside.ledger,
        clock=outside.clock,
        supplies=supplies,
        context=rules.context,
        tag_headers=outside.settings.tags_from_context,
        service_retention=outside.settings.service_retention,
        dispatch=executor.dispatch,
        busy=executor.busy,
        release=executor.release,
        alarm=watch.tell,
        noticed=watch.noticed,
        stepped=watch.stepped,
        poisoned=watch.poisoned,
    )
    return Reconciler(around=around)
