"""How much of what is kept a new policy set would let go earlier, asked before it is accepted.

Called by `runtime.accepting`. What is too much is refused until an approved plan names it
(`maxDeletes` of the settings); what is less is accepted, and each recording's dates still stay as
they are until a plan names it. Reads in pages, so that no event waits for it, and writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.config.settings import Settings
from recordingd.domain.policies import PolicySet
from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.domain.retention import KeptTotals, MovedItems
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import RecordingState, derive
from recordingd.planning.guards import too_many
from recordingd.planning.keeping import reconsider
from recordingd.planning.keeping_words import keeping_words
from recordingd.planning.matching import CompiledPolicies
from recordingd.ports.ledger import LedgerRunner, RecordingFilter
from recordingd.runtime.circumstances import planning_context, read_circumstances
from recordingd.runtime.moves import limits_of

# Calls that are read at once: few enough that an event never waits long for the ledger.
PAGE = 100
_KEPT = frozenset({RecordingState.KEPT.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A set that may become revision `revision`, after `before`."""

    compiled: CompiledPolicies
    before: PolicySet
    revision: int
    now: datetime


async def find_too_much_shortened(
    ledger: LedgerRunner, settings: Settings, proposal: Proposal
) -> str | None:
    """Say why a set would let too much go earlier; None when it may be accepted.

    Recordings that an approval for the set names do not count.
    """
    policies, now = proposal.compiled.policies, proposal.now
    if await asyncio.to_thread(says_the_same, policies, proposal.before):
        return None
    circumstances = await ledger.run(
        lambda rows: read_circumstances(rows, policies, settings, now=now)
    )
    context = planning_context(
        settings, proposal.compiled, proposal.revision, circumstances=circumstances, now=now
    )
    moved = await _count(ledger, context, now)
    if moved.count == 0:
        return None
    totals = await ledger.run(lambda rows: rows.kept_totals())
    return find_refusal(moved, totals, settings)


def says_the_same(policies: PolicySet, before: PolicySet) -> bool:
    """Say whether two sets agree about how long recordings are kept."""
    return keeping_words(policies, None) == keeping_words(before, None)


def find_refusal(moved: MovedItems, kept: KeptTotals, settings: Settings) -> str | None:
    """Say why so much must not go earlier, and what to do about it; None when it may."""
    reason = too_many(moved, kept, limits_of(settings))
    if reason is None:
        return None
    return (
        f"{reason}; approve it with 'recordingd plan -o plan.json' and"
        " 'recordingd apply plan.json', then reload again"
    )


async def _count(ledger: LedgerRunner, context: PlanningContext, now: datetime) -> MovedItems:
    count = size = 0
    cursor: str | None = None
    while page := await _kept_after(ledger, cursor):
        sizes = await asyncio.to_thread(shortened, page, context, now)
        count, size = count + len(sizes), size + sum(sizes)
        cursor = page[-1].call.call_id
    return MovedItems(count=count, size_bytes=size)


async def _kept_after(ledger: LedgerRunner, cursor: str | None) -> Sequence[CallFacts]:
    wanted = RecordingFilter(states=_KEPT, cursor=cursor, limit=PAGE)
    return await ledger.run(lambda rows: rows.list_calls(wanted))


def shortened(page: Sequence[CallFacts], context: PlanningContext, now: datetime) -> list[int]:
    """Return the bytes of every kept recording that would go earlier and that no plan names."""
    return [
        _bytes_of(facts, recording.id)
        for facts in page
        for recording in facts.recordings
        if derive(facts).recordings[recording.id].state is RecordingState.KEPT
        and recording.id not in context.shortened
        and reconsider(facts, recording, context, now).blocked
    ]


def _bytes_of(facts: CallFacts, recording: RecordingId) -> int:
    files = facts.files_of(recording)
    return sum(copy.size_bytes for file in files for copy in facts.copies_of(file.id))
