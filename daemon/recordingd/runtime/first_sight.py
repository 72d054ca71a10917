"""A call as events in a file tell it, seen for the first time.

Called by `cli.explain`. Events are read and folded by the very functions that read the inbox, and
nothing is stored: no ledger, no secret and no daemon is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from recordingd.domain.calls import CallEvent, EventIgnored, ServerCallId
from recordingd.domain.errors import RecordingdError, UnreadableEvent
from recordingd.domain.recordings import CallFacts
from recordingd.ingress.envelopes import read, split, type_of
from recordingd.ingress.notices import SIGNALS_CHANNEL
from recordingd.ingress.signals import SIGNAL_PREFIX
from recordingd.planning.facts import Reading, fold, new_call
from recordingd.ports.ledger import InboxEvent

# Whoever hands an event to a command stands in for the application that would report it.
_REPORTER = "command"


class NothingTold(RecordingdError):
    """The events cannot be understood, or are not about one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSight:
    """A call as events tell it, and when the last of them happened.

    `ignored` are the types of those that tell nothing about a recording.
    """

    facts: CallFacts
    at: datetime
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What of the settings reading an event needs, with what holds where there are none."""

    tag_headers: Mapping[str, str] = field(default_factory=dict)
    service_retention: timedelta = timedelta(hours=24)


def call_of_events(body: bytes, ears: Ears, *, at: datetime | None, now: datetime) -> FirstSight:
    """Return the call that one event, or an array of them in the order they came, is about.

    Events count as received when they happened, those that name no time at `now`; of what happened
    after `at`, nothing is known yet. Raises NothingTold for an event that cannot be understood, and
    when they name no call or several.
    """
    events = list(_events(body, now))
    told = [e for e in events if not isinstance(e, EventIgnored) and (at is None or e.at <= at)]
    ignored = tuple(e.type_name for e in events if isinstance(e, EventIgnored))
    calls = {e.about.server_call_id for e in told if e.about.server_call_id is not None}
    if len(calls) != 1:
        raise NothingTold(_complaint(sorted(calls), ignored, at if events else None))
    until = at or max(event.at for event in told)
    facts = new_call(calls.pop(), seen_at=told[0].at)
    ids = itertools.count(1)
    for event in told:
        reading = Reading(
            received_at=event.at,
            new_id=lambda: f"told-{next(ids)}",
            service_retention=ears.service_retention,
            tag_headers=ears.tag_headers,
        )
        facts = fold(facts, event, reading)
    return FirstSight(facts=facts, at=until, ignored=ignored)


def _events(body: bytes, now: datetime) -> Iterator[CallEvent]:
    items = split(
        body, content_type="application/json", channel="eventgrid", context=None, received_at=now
    )
    for number, item in enumerate(items, start=1):
        try:
            yield from read(_as_it_would_come(item))
        except UnreadableEvent as fault:
            which = "the event" if len(items) == 1 else f"event {number}"
            msg = f"{which} cannot be understood: {fault}"
            raise NothingTold(msg) from fault


def _as_it_would_come(event: InboxEvent) -> InboxEvent:
    """Put a signal on a reporter's channel; everything else comes from Event Grid."""
    if not (type_of(event) or "").startswith(SIGNAL_PREFIX):
        return event
    return replace(event, channel=f"{SIGNALS_CHANNEL}{_REPORTER}", context=_REPORTER)


def _complaint(calls: Sequence[ServerCallId], ignored: Sequence[str], at: datetime | None) -> str:
    if calls:
        return f"the events are about several calls ({', '.join(calls)}); give those of one"
    if ignored:
        return f"no event tells of a call; there is {', '.join(ignored)}"
    when = "" if at is None else f" until {at.isoformat()}"
    return f"no event names a call{when}: serverCallId is missing"
