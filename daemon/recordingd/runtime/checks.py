"""Is every link of the chain there: policies, secrets, service, clock, ledger, stores, events.

Called by `cli.doctor` and, for what needs the network, by `cli.validate --online`. Each check ends
in ok, warn or FAIL and in the command that mends it. Asks the service for a recording that cannot
exist; changes nothing anywhere, but for a file in each store that is written and taken away again.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from recordingd.config.settings import Settings, check_secrets
from recordingd.config.validation import validate_paths
from recordingd.domain.errors import (
    CloudFault,
    ConfigurationError,
    LedgerFault,
    NotFoundFault,
)
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ports.clock import Clock
from recordingd.runtime import wiring
from recordingd.runtime.checking import Check, Grade, fail, ok, warn
from recordingd.runtime.container_checks import check_container
from recordingd.runtime.control import DaemonNotRunning, ask

# No recording has this id: it decodes to two zero GUIDs, in the form the service uses.
UNKNOWN_RECORDING = ServiceRecordingId(
    "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiLCJSZXNvdXJj"
    "ZVNwZWNpZmljSWQiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAifQ"
)
CLOCK_DIFFERENCE_MAX = timedelta(minutes=5)
DISK_WARNS_BELOW = 0.20
DISK_FAILS_BELOW = 0.10


async def check_everything(settings: Settings, clock: Clock) -> AsyncIterator[Check]:
    """Yield every check in the order in which a recording needs them."""
    yield _about(settings)
    yield _policies(settings)
    for found in _secrets(settings):
        yield found
    async for found in check_online(settings, clock):
        yield found
    yield _ledger(settings)
    for found in _disks(settings):
        yield found
    for found in _events(settings):
        yield found


async def check_online(settings: Settings, clock: Clock) -> AsyncIterator[Check]:
    """Yield what only the network can tell: credentials, clock, stores."""
    try:
        cloud = wiring.build_cloud(settings, clock)
    except ConfigurationError as error:
        yield fail("service", str(error), "correct 'acs' in the settings")
        return
    async with cloud:
        try:
            async with asyncio.timeout(30):
                await cloud.fetch_is_active(UNKNOWN_RECORDING)
            yield warn("service", "it knows a recording that cannot exist", "look at the endpoint")
        except NotFoundFault:
            yield ok("service", "it accepts our credential")
        except CloudFault as fault:
            yield _service_fault(fault)
        except TimeoutError:
            yield fail("service", "no answer within 30 s", "check the network to the endpoint")
        if cloud.last_service_date is not None:
            yield _clock(abs(clock.now_utc() - cloud.last_service_date))
    for found in _stores(settings):
        yield found


def _service_fault(fault: CloudFault) -> Check:
    status = fault.detail.status
    if status == 401:
        fix = "az communication list-key --name NAME --resource-group GROUP, and renew the secret"
        return fail("service", f"it rejects our credential ({fault})", fix)
    if status == 403:
        fix = "give the identity a role on the resource: az role assignment create --scope RESOURCE"
        return fail("service", f"our identity may not do this ({fault})", fix)
    if status is None:
        return fail("service", f"it cannot be reached: {fault.detail.message}", "check the network")
    return warn("service", f"it answers strangely: {fault}", "try again; see the service's health")


def _clock(difference: timedelta) -> Check:
    seconds = difference.total_seconds()
    if difference > CLOCK_DIFFERENCE_MAX:
        text = f"our clock and the service's differ by {seconds:.0f} s: signatures are refused"
        return fail("clock", text, "timedatectl set-ntp true")
    return ok("clock", f"within {seconds:.0f} s of the service's")


def _about(settings: Settings) -> Check:
    """Say what a support engineer asks first."""
    parts = (
        f"recordingd {version('recordingd')}",
        f"Python {platform.python_version()}",
        f"{platform.system()} {platform.release()}",
        f"api-version {settings.acs.api_version}",
        f"instance {settings.instance}",
        f"mode {settings.mode.value}",
    )
    return ok("about", ", ".join(parts))


def _policies(settings: Settings) -> Check:
    report = validate_paths([settings.path])
    errors = sum(d.is_error for d in report.diagnostics)
    if errors:
        return fail("policies", f"{errors} faults", f"recordingd validate {settings.path}")
    warnings = len(report.diagnostics)
    if warnings:
        return warn("policies", f"{warnings} warnings", f"recordingd validate {settings.path}")
    return ok("policies", f"{len(report.files)} files are valid")


def _secrets(settings: Settings) -> Iterator[Check]:
    found = check_secrets(settings)
    if not found:
        yield ok("secrets", f"{len(settings.secrets)} can be read")
    for fault in found:
        yield fail("secrets", fault.headline, "put the secret where the settings say")


def _ledger(settings: Settings) -> Check:
    from recordingd.ledger.engine import open_ledger  # loads SQLAlchemy
    from recordingd.ledger.upgrading import schema_state  # loads Alembic
    from recordingd.ledger.versions import SchemaState  # beside the other imports
    from recordingd.runtime.system import SystemClock  # beside the other imports

    try:
        if schema_state(settings.ledger) is SchemaState.MISSING:
            fix = f"recordingd run --config {settings.path}"
            return warn("ledger", "it is not there yet; the first run makes it", fix)
        database = open_ledger(
            settings.ledger, instance=settings.instance, now=SystemClock().now_utc, read_only=True
        )
        with closing(database), database.transaction() as ledger:
            revision = ledger.latest_revision()
    except (LedgerFault, OSError) as fault:
        fix = f"recordingd ledger upgrade --config {settings.path}"
        return fail("ledger", str(fault), fix)
    number = "no policies accepted yet" if revision is None else f"revision {revision.revision}"
    return ok("ledger", f"it can be read; {number}")


def _disks(settings: Settings) -> Iterator[Check]:
    usage = shutil.disk_usage(_existing(settings.state_dir))
    share = usage.free / usage.total
    text = f"{share:.0%} of the state directory's volume is free"
    fix = "free space, or move the archive to a larger volume"
    if share < DISK_FAILS_BELOW:
        yield fail("disk", text, fix)
    elif share < DISK_WARNS_BELOW:
        yield warn("disk", text, fix)
    else:
        yield ok("disk", text)


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


def _stores(settings: Settings) -> Iterator[Check]:
    for name, store in settings.stores.items():
        if store.path is None:
            yield check_container(store, settings.acs)
            continue
        link = f"store {name}"
        try:
            store.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=store.path) as probe:
                probe.write(b"recordingd")
        except OSError as error:
            yield fail(link, f"it cannot be written: {error}", f"make {store.path} writable")
        else:
            yield ok(link, f"{store.path} can be written")


def _events(settings: Settings) -> Iterator[Check]:
    """Ask the running daemon what it received."""
    try:
        status = ask(settings.control, "/status")
    except (DaemonNotRunning, OSError) as error:
        yield warn("daemon", str(error), f"recordingd run --config {settings.path}")
        return
    yield ok("daemon", f"version {status['version']}, up {status['uptimeSeconds']:.0f} s")
    if not status["events"]:
        fix = "subscribe the resource's events: setup-azure.sh of 'recordingd init'"
        yield warn("events", "none was ever received", fix)
    for name, seen in status["events"].items():
        yield ok(f"event {name}", f"last at {seen['lastAt']}")
    for alarm in status["alarms"]:
        grade = Grade.FAIL if alarm["severity"] == "page" else Grade.WARN
        fix = ", ".join(alarm["next"])
        yield Check(link=f"alarm {alarm['name']}", grade=grade, text=alarm["impact"], fix=fix)
