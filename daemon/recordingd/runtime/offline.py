"""Suspend, lift and approve where no daemon runs: a fact in the ledger, for the next one to heed.

Called by `cli` once nobody answers on the control socket. The state directory is locked for as long
as the ledger is open, as a daemon would lock it, so that nothing is written behind a daemon's back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from recordingd.config.policy_files import load_texts
from recordingd.config.settings import Settings
from recordingd.domain.errors import LedgerMissing, StateDirectoryBusy, UnsafePlan
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import schema_state
from recordingd.ledger.versions import SchemaState
from recordingd.ports.ledger import Ledger
from recordingd.runtime import approving
from recordingd.runtime.accounts import own_account
from recordingd.runtime.approving import PlanIsStale, approval_of
from recordingd.runtime.control_answers import (
    approved_json,
    lifted_json,
    moment_of,
    refusal_json,
    suspended_json,
)
from recordingd.runtime.state_directory import locked
from recordingd.runtime.suspending import NotAsked, Suspending, Wish
from recordingd.runtime.system import SystemClock, SystemIds
from recordingd.runtime.views import Json


def suspend(settings: Settings, *, scope: str, until: str, reason: str) -> Json:
    """Suspend a policy of the revision accepted last, or deletions; answer as a daemon would.

    Raises StateDirectoryBusy where a daemon runs after all, LedgerFault where the ledger cannot be
    written or no policies were accepted yet.
    """
    try:
        wish = Wish(scope=scope, until=moment_of(until), reason=reason, by=own_account())
        with _writing(settings) as (ledger, suspending):
            return suspended_json(suspending.suspend(ledger, wish))
    except (UnsafePlan, NotAsked) as fault:
        return refusal_json(fault)


def lift(settings: Settings, *, scope: str) -> Json:
    """Lift a suspension; answers and raises like `suspend`."""
    try:
        with _writing(settings) as (ledger, suspending):
            return lifted_json(suspending.lift(ledger, scope, by=own_account()))
    except NotAsked as fault:
        return refusal_json(fault)


def approve(settings: Settings, body: Mapping[str, object]) -> Json:
    """Write the approval of a plan, as an answer of the control socket; raises like `suspend`."""
    try:
        wanted = approval_of(body, by=own_account())
        with _open(settings) as (ledger, now):
            made = approving.approve(ledger, wanted, approval_id=SystemIds().new(), now=now)
            return approved_json(made)
    except (NotAsked, PlanIsStale) as fault:
        return refusal_json(fault)


@contextmanager
def _writing(settings: Settings) -> Iterator[tuple[Ledger, Suspending]]:
    with _open(settings) as (ledger, now):
        accepted = ledger.latest_revision()
        if accepted is None:
            msg = "no policies were accepted yet; start the daemon first"
            raise LedgerMissing(msg)
        policies = load_texts(accepted.texts)
        yield ledger, Suspending(policies=policies, now=now, new_id=SystemIds().new)


@contextmanager
def _open(settings: Settings) -> Iterator[tuple[Ledger, datetime]]:
    """Open one transaction of the ledger, alone; give the moment with it."""
    clock = SystemClock()
    with _alone(settings):
        database = open_ledger(settings.ledger, instance=settings.instance, now=clock.now_utc)
        try:
            with database.transaction() as ledger:
                yield ledger, clock.now_utc()
        finally:
            database.close()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the state directory of a ledger that is there already; nothing is made."""
    directory = settings.state_dir
    if schema_state(settings.ledger) is SchemaState.MISSING:
        msg = f"there is no ledger at {settings.ledger} yet; start the daemon first"
        raise LedgerMissing(msg)
    try:
        with locked(directory):
            yield
    except StateDirectoryBusy as busy:
        msg = f"a daemon runs on {directory}, and nobody answers on {settings.control}"
        raise StateDirectoryBusy(msg) from busy
