"""Read the ledger beside a running daemon: one consistent view, and no way to write.

Used by the commands that show things.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from recordingd.config.settings import Settings
from recordingd.domain.calls import CallId
from recordingd.domain.errors import RecordingdError
from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.ports.ledger import Ledger
from recordingd.runtime.system import SystemClock
from recordingd.runtime.views import Locate


class NoSuchRecording(RecordingdError):
    """No recording, or more than one, has an id that starts as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The ledger at one moment, and how its files are found."""

    ledger: Ledger
    now: datetime
    locate: Locate


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
            locate = locator_of(settings)
            yield View(ledger=ledger, now=clock.now_utc(), locate=locate)
    finally:
        database.close()


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
