"""Delete every copy of a file whose time is over, and keep the receipt.

Called by `runtime.executor`. The gate is asked under its lock before the first copy and again
before each, with the facts and rules of that moment: a hold that is placed while a purge is under
way stops it there. Objects go first and the row last, so that a failure leaves something to try
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.domain.errors import (
    CloudFault,
    NotFoundFault,
    StoreRefused,
    UnsafePlan,
    UrlRefused,
)
from recordingd.domain.plans import PurgeFile
from recordingd.domain.policies import StoreName
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Copy,
    Receipt,
    Recording,
    RecordingFile,
)
from recordingd.planning import outcomes
from recordingd.planning.containers import blob_name
from recordingd.planning.context import PlanningContext
from recordingd.planning.guards import check_purge, held_words
from recordingd.planning.holds import known_holds
from recordingd.planning.rows import file_by_id, recording_by_id
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import AuditEntry, Ledger, LedgerRunner
from recordingd.runtime.effects import Ended, Tools, archive_of, put_off

SERVICE = StoreName("service")
ACTOR = "recordingd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one store said to the deletion of one copy."""

    store: StoreName
    uri: str
    text: str


async def purge(
    effect: PurgeFile,
    facts: CallFacts,
    tools: Tools,
    ledger: LedgerRunner,
    *,
    context: Callable[[], PlanningContext],
) -> Ended:
    """Delete a file everywhere; put off where a hold, the gate, a store or the service refuses.

    `context` gives the rules in force, anew whenever the gate is asked.
    """
    file = file_by_id(facts, effect.file)
    recording = recording_by_id(facts, file.recording)
    gate = Gate(effect=effect, clock=tools.clock, context=context)
    answers: list[Answer] = []
    try:
        generation = await ledger.run(gate.claim)
        if (answer := await _remove_from_service(file, tools)) is not None:
            answers.append(answer)
        for copy in facts.copies_of(file.id):
            generation = await ledger.run(gate.ask)
            answers.extend(
                [await _delete(copy.store, uri, tools) for uri in _names_of(copy, file, recording)]
            )
    except (UnsafePlan, CloudFault, UrlRefused, StoreRefused, OSError) as fault:
        return put_off(effect, facts, fault, tools)
    return _purged(effect, file, answers, generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The last question before a file goes, asked under the lock that placing a hold needs too."""

    effect: PurgeFile
    clock: Clock
    context: Callable[[], PlanningContext]

    def ask(self, ledger: Ledger) -> int:
        """Return the gate's generation; UnsafePlan when the file must not go at this moment."""
        generation, _ = self._ask(ledger)
        return generation

    def claim(self, ledger: Ledger) -> int:
        """Ask, and write down that the copies are about to go."""
        generation, current = self._ask(ledger)
        file, now = self.effect.file, self.clock.now_utc()
        copies = tuple(
            replace(c, delete_intent_at=c.delete_intent_at or now) if c.file == file else c
            for c in current.copies
        )
        line = AuditEntry(
            kind="purge.claimed",
            call_id=current.call.call_id,
            ref=file,
            detail={"gate": generation, "copies": sum(c.file == file for c in copies)},
        )
        ledger.save(replace(current, copies=copies), audit=[line])
        return generation

    def _ask(self, ledger: Ledger) -> tuple[int, CallFacts]:
        generation = ledger.claim_purge()
        context, now = self.context(), self.clock.now_utc()
        placed = {hold.name for hold in ledger.holds() if hold.is_in_force(now)}
        unknown = sorted(placed - known_holds(context))
        if unknown:
            # It was placed just now; what it matches is known with the next set of rules.
            msg = f"{held_words(unknown)} is new, and what it matches is not known yet"
            raise UnsafePlan(msg)
        current = ledger.load(self.effect.call_id)
        assert current is not None
        check_purge(current, self.effect, context, now)
        return generation, current


async def _remove_from_service(file: RecordingFile, tools: Tools) -> Answer | None:
    """Delete the service's copy where it may still be there."""
    is_gone = file.removed_at is not None or tools.clock.now_utc() >= file.deadline
    if is_gone or file.is_external or file.delete_url is None:
        return None
    try:
        await tools.cloud.remove(file.delete_url)
    except NotFoundFault:
        return Answer(store=SERVICE, uri=file.document_id, text="not found")
    return Answer(store=SERVICE, uri=file.document_id, text="deleted")


def _names_of(copy: Copy, file: RecordingFile, recording: Recording) -> Iterator[str]:
    """Yield what a copy consists of: the service gave its metadata a name of its own.

    The metadata goes last, so that nothing of a copy is gone when its store refuses to delete it.
    """
    yield copy.uri
    if file.is_external and file.metadata_url is not None and recording.container is not None:
        metadata = blob_name(recording.container, file.metadata_url)
        if metadata is not None:
            yield metadata


async def _delete(store: StoreName, uri: str, tools: Tools) -> Answer:
    text = await asyncio.to_thread(archive_of(tools, store).delete, uri)
    return Answer(store=store, uri=uri, text=text)


def _purged(
    effect: PurgeFile, file: RecordingFile, answers: list[Answer], generation: int
) -> Ended:
    def change(facts: CallFacts, now: datetime) -> CallFacts:
        receipt = Receipt(
            file=file.id,
            document_id=file.document_id,
            recording=file.recording,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            copies=tuple((a.store, a.uri, a.text) for a in answers),
            rule=effect.rule,
            policy_revision=effect.revision,
            hold_check=f"no hold in force at gate generation {generation}",
            actor=ACTOR,
            due_at=effect.due_at,
            purged_at=now,
        )
        facts = outcomes.purged(facts, receipt, now)
        if outcomes.is_fully_purged(facts):
            facts = outcomes.without_personal_data(facts)
        return facts

    detail = ", ".join(f"{a.store}: {a.text}" for a in answers) or "no copy was left"
    return Ended(outcome=AttemptOutcome.OK, change=change, detail=detail)
