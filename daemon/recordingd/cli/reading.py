"""Read the ledger beside a running daemon: one consistent view, and no way to write.

Used by the commands that show things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from recordingd.config.policy_files import load_texts
from recordingd.config.settings import Settings
from recordingd.domain.calls import CallId
from recordingd.domain.errors import ConfigurationError, RecordingdError
from recordingd.domain.matchers import RuleName
from recordingd.domain.policies import PolicySet
from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.planning.context import PlanningContext
from recordingd.planning.holds import held_by
from recordingd.planning.matching import compile_policies
from recordingd.ports.ledger import Ledger, PolicyRevision
from recordingd.runtime.circumstances import planning_context, read_circumstances
from recordingd.runtime.system import SystemClock
from recordingd.runtime.views import Locate


class NoSuchRecording(RecordingdError):
    """No recording, or more than one, has an id that starts as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The ledger at one moment, how its files are found, and which holds keep a call's."""

    ledger: Ledger
    now: datetime
    locate: Locate
    held_by: Callable[[CallFacts], Sequence[RuleName]]


@contextmanager
def reading(settings: Settings) -> Iterator[View]:
    """Open the ledger for reading; LedgerFault when there is none."""
    from recordingd.ledger.engine import open_ledger  # loads SQLAlchemy
    from recordingd.runtime.access import locator_of  # loads adapters

    clock = SystemClock()
    database = open_ledger(
        settings.ledger, instance=settings.instance, now=clock.now_utc, read_only=True
    )
    try:
        with database.transaction() as ledger:
            now = clock.now_utc()
            yield View(
                ledger=ledger,
                now=now,
                locate=locator_of(settings),
                held_by=_holds_of(ledger, settings, now),
            )
    finally:
        database.close()


def _holds_of(
    ledger: Ledger, settings: Settings, now: datetime
) -> Callable[[CallFacts], Sequence[RuleName]]:
    """Return how to ask which holds keep a call's recordings, under the running revision."""

    @cache
    def context() -> PlanningContext:
        running = ledger.latest_revision()
        policies = _policies_of(running)
        circumstances = read_circumstances(ledger, policies, settings, now=now)
        number = 0 if running is None else running.revision
        compiled = compile_policies(policies)
        return planning_context(settings, compiled, number, circumstances=circumstances, now=now)

    return lambda facts: held_by(facts, context(), now)


def _policies_of(revision: PolicyRevision | None) -> PolicySet:
    """Return the policies of a revision; none where this version cannot read it any more.

    Holds that no policies describe count for everything, so that nothing passes for free.
    """
    if revision is not None:
        with suppress(ConfigurationError):
            return load_texts(revision.texts)
    return PolicySet(policies=(), groups={}, texts={}, digest="")


def find_recording(ledger: Ledger, prefix: str) -> tuple[CallFacts, RecordingId]:
    """Return the one recording whose id, or the service's id of it, starts with a prefix."""
    found = ledger.find_recording(prefix)
    if not found:
        msg = f"no recording's id starts with '{prefix}'"
        raise NoSuchRecording(msg)
    if len(found) > 1:
        ids = ", ".join(recording for _, recording in found)
        msg = f"several recordings' ids start with '{prefix}': {ids}"
        raise NoSuchRecording(msg)
    call_id, recording_id = found[0]
    facts = ledger.load(CallId(call_id))
    assert facts is not None, "a recording is found by its call"
    return facts, RecordingId(recording_id)
