"""A plan that was written down to be approved, and whether it still says what would happen.

Called by `apply` with what it read back and the same plan made anew. A plan may have shrunk since,
and never grown: nobody approved what came to it. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recordingd.domain.recordings import RecordingId
from recordingd.planning.rendering import PrintedPlan

NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What an approval rests on; the fields are those of the JSON form of a plan."""

    plan_digest: str
    instance: str
    at: str
    policy_digest: str
    purge_generation: int
    candidates: frozenset[RecordingId]


def staleness(saved: SavedPlan, current: PrintedPlan) -> Iterator[str]:
    """Yield why a plan must not be approved any more, in words; nothing while it still holds.

    The generation is the purge gate's and not the ledger's: that one rises with every event, and no
    plan of a busy resource would live long enough to be read.
    """
    if saved.instance != current.instance:
        yield f"it was made for instance '{saved.instance}', and this is '{current.instance}'"
    if saved.policy_digest != current.policy_digest:
        yield "the policy files have changed since"
    if saved.purge_generation != current.purge_generation:
        yield "holds were placed or released since"
    grown = sorted(set(current.candidates) - saved.candidates)
    if grown:
        names = ", ".join(grown[:NAMED_MAX]) + (", …" if len(grown) > NAMED_MAX else "")
        count = len(grown)
        yield f"{count} recording{'s have' if count > 1 else ' has'} come to it: {names}"
