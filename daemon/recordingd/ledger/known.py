"""Calls as they were last committed or read, so that a call in progress is not read anew each time.

Kept by `engine` over transactions, consulted by `calls`. An entry counts only while the database
has the same version and fence, which every change of a call's rows raises; so it may be as old as
it likes and is never wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from recordingd.domain.calls import CallId
from recordingd.domain.recordings import CallFacts
from recordingd.ledger.codec import Stored

KNOWN_MAX = 2048

Rows = Mapping[Hashable, Stored]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """A call as it stands in the tables: its facts, and every row with its derived columns."""

    facts: CallFacts
    derived: tuple[object, ...]
    rows: Mapping[str, Rows]


class KnownCalls:
    """The calls that were of interest most recently, at most KNOWN_MAX."""

    def __init__(self) -> None:
        self._calls: dict[CallId, StoredCall] = {}

    def __contains__(self, call_id: CallId) -> bool:
        return call_id in self._calls

    def find(self, call_id: CallId, *, facts_version: int, fence: int) -> StoredCall | None:
        """Return a call if it is known in this very state."""
        stored = self._calls.get(call_id)
        if stored is None:
            return None
        call = stored.facts.call
        return stored if (call.facts_version, call.fence) == (facts_version, fence) else None

    def keep(self, calls: Mapping[CallId, StoredCall]) -> None:
        """Remember calls of a transaction that was committed; the oldest are forgotten."""
        for call_id, stored in calls.items():
            self._calls.pop(call_id, None)
            self._calls[call_id] = stored
        while len(self._calls) > KNOWN_MAX:
            del self._calls[next(iter(self._calls))]
