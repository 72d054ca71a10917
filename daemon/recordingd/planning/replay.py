"""What happened in a call of the ledger, told again from its start, for a rehearsal of it.

Called by `planning.backtest`. Keeps what is a fact of the call, its participants and their answers;
leaves out what was done about it. Where the ledger no longer knows when something became known, it
was known at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from recordingd.domain.calls import (
    CallEnded,
    CallEvent,
    CallReference,
    CallTagged,
    CaptureRequested,
    ConsentAnswered,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
)
from recordingd.domain.recordings import CallFacts, CaptureRequest, Consent
from recordingd.planning.rehearsal import Happening

# The values that a tag had before are known in their order and without their times.
TAGS_APART = timedelta(milliseconds=1)


def is_forgotten(facts: CallFacts) -> bool:
    """Say whether what is known of a call's people and tags went with its recordings."""
    call = facts.call
    is_bare = not facts.participants and not call.tags and call.from_party is None
    return bool(facts.receipts) and is_bare


def replay_of(facts: CallFacts, now: datetime) -> tuple[CallFacts, tuple[Happening, ...]]:
    """Return a call as it began, and everything that happened in it until now, by time.

    The last happening is always `now`, at which nothing happens.
    """
    started_at = facts.call.started_at or facts.call.first_seen_at
    by_time: dict[datetime, list[CallEvent]] = {started_at: []}
    for at, event in sorted(_events(facts, started_at), key=lambda told: told[0]):
        by_time.setdefault(max(at, started_at), []).append(event)
    by_time.setdefault(max(now, *by_time), [])
    played = tuple(Happening(at=at, events=tuple(by_time[at])) for at in sorted(by_time))
    return _beginning(facts, started_at), played


def _beginning(facts: CallFacts, started_at: datetime) -> CallFacts:
    call = facts.call
    began = replace(
        call,
        ended_at=None,
        participants_seq=None,
        roster_complete_at=None,
        tags={tag: _values(facts, tag)[0] for tag in call.tags},
        past_tags={},
    )
    return replace(
        facts,
        call=began,
        participants=(),
        recordings=(),
        pauses=(),
        files=(),
        copies=(),
        attempts=(),
        # An answer that came first counts for those who were there then: for nobody yet.
        consents=tuple(c for c in facts.consents if c.received_at < started_at),
        requests=tuple(r for r in facts.requests if r.received_at < started_at),
        receipts=(),
    )


def _values(facts: CallFacts, tag: str) -> tuple[str, ...]:
    """Return the values of a tag, the first one first."""
    return (*facts.call.past_tags.get(tag, ()), facts.call.tags[tag])


def _events(facts: CallFacts, started_at: datetime) -> Iterator[tuple[datetime, CallEvent]]:
    """Yield what happened, each with when it became known; in no order."""
    about = CallReference(server_call_id=facts.call.server_call_id)
    for row in facts.participants:
        yield row.joined_at, ParticipantAdded(about=about, at=row.joined_at, party=row.party)
        if row.left_at is not None:
            yield row.left_at, ParticipantRemoved(about=about, at=row.left_at, party=row.party)
    yield from _list(facts, started_at, about)
    yield from _tags(facts, started_at, about)
    for consent in facts.consents:
        if consent.received_at >= started_at:
            yield consent.received_at, _answer(consent, about)
    for request in facts.requests:
        if request.received_at >= started_at:
            yield request.received_at, _request(request, about)
    if facts.call.ended_at is not None:
        yield facts.call.ended_at, CallEnded(about=about, at=facts.call.ended_at)


def _list(
    facts: CallFacts, started_at: datetime, about: CallReference
) -> Iterator[tuple[datetime, CallEvent]]:
    """Yield the one complete list of participants that makes the list complete from then on.

    Since when it was is not known any more of a call whose connection has ended.
    """
    if facts.call.participants_seq is None:
        return
    at = facts.call.roster_complete_at or started_at
    present = {
        row.party.raw_id: row.party
        for row in facts.participants
        if row.joined_at <= at and (row.left_at is None or row.left_at > at)
    }
    yield (
        at,
        ParticipantsUpdated(about=about, at=at, parties=tuple(present.values()), sequence=1),
    )


def _tags(
    facts: CallFacts, started_at: datetime, about: CallReference
) -> Iterator[tuple[datetime, CallEvent]]:
    for tag in facts.call.tags:
        for count, value in enumerate(_values(facts, tag)[1:], start=1):
            at = started_at + count * TAGS_APART
            yield at, CallTagged(about=about, at=at, tags={tag: value}, roles={})


def _answer(consent: Consent, about: CallReference) -> CallEvent:
    return ConsentAnswered(
        about=about,
        at=consent.answered_at,
        answer=consent.answer,
        participant=consent.participant,
        purpose=consent.purpose,
        method=consent.method,
        reporter=consent.reporter,
        valid_until=consent.valid_until,
    )


def _request(request: CaptureRequest, about: CallReference) -> CallEvent:
    return CaptureRequested(
        about=about, at=request.at, is_resume=request.is_resume, reporter=request.reporter
    )
