"""Read what waits in the inbox, and sort it by the call it is about.

Called by `runtime.reconciler` as one ledger job per turn. What nobody can understand, or nobody
reads, ends here as poison; what is about no call of ours is put aside. Folds nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.calls import CallEvent, CallId, EventIgnored, call_id_of
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress.envelopes import read
from recordingd.planning.facts import Reading
from recordingd.ports.ledger import InboxEvent, Ledger
from recordingd.runtime.steps import Incoming, put_aside

_LOG = logging.getLogger("recordingd.inbox")
# Events read per turn of the loop: enough to share a commit, few enough to keep turns short.
DRAIN_MAX = 500
# Channels whose events somebody subscribed to, one type at a time.
SUBSCRIBED = frozenset({"eventgrid", "queue"})
# How an event is named that stands for a chunk which could not be read beside readable ones.
UNUSABLE_CHUNK = "/recordingChunks["


@dataclass(slots=True)
class Understood:
    """What a batch of pending events means: by call, in the order of arrival, and what is none.

    `rows` is how many there were; `events` are all that were understood, with the time they came;
    `poison` why others were not.
    """

    rows: int = 0
    by_call: dict[CallId, list[Incoming]] = field(default_factory=lambda: defaultdict(list))
    events: list[tuple[CallEvent, datetime]] = field(default_factory=list)
    poison: list[str] = field(default_factory=list)


def understand(
    ledger: Ledger, reading_of: Callable[[datetime], Reading], now: datetime
) -> Understood:
    """Read a batch of pending events; `reading_of` gives what folding one needs, by its arrival."""
    understood = Understood()
    for row in ledger.pending_events(DRAIN_MAX):
        understood.rows += 1
        meaning = _meaning_of(row.event)
        if isinstance(meaning, str):
            ledger.mark_poison(row.seq, error=meaning, at=now)
            understood.poison.append(meaning)
            continue
        for event in meaning:
            received_at = row.event.received_at
            understood.events.append((event, received_at))
            incoming = Incoming(seq=row.seq, event=event, reading=reading_of(received_at))
            call_id = None if isinstance(event, EventIgnored) else _call_of(ledger, event)
            if call_id is None:
                # About no call that we know: kept, its files listed, and never looked at again.
                put_aside(ledger, incoming, now)
            else:
                understood.by_call[call_id].append(incoming)
    return understood


def _meaning_of(event: InboxEvent) -> Sequence[CallEvent] | str:
    """Return what an event means, or why it is poison."""
    try:
        meaning = read(event)
    except UnreadableEvent as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - see below
        # The one place where reading ends: an event that breaks its reader is kept and told, and
        # neither it nor the bug stops the loop.
        _LOG.exception("an event of %s cannot be read", event.channel)
        return f"{type(error).__name__} while reading"
    unread = _unread_type(event, meaning)
    return meaning if unread is None else f"events of type {unread} tell nothing about recordings"


def _unread_type(event: InboxEvent, meaning: Sequence[CallEvent]) -> str | None:
    """Return the type of an event that nobody here reads, None for one that somebody does.

    An application forwards whatever its calls tell it, so there it is no surprise; in a
    subscription it is one that should be narrowed.
    """
    if event.channel not in SUBSCRIBED:
        return None
    names = [m.type_name for m in meaning if isinstance(m, EventIgnored)]
    is_unread = len(names) == len(meaning) == 1 and UNUSABLE_CHUNK not in names[0]
    return names[0] if is_unread else None


def _call_of(ledger: Ledger, event: CallEvent) -> CallId | None:
    """Name the call an event is about: by what the ledger knows, else by its server call id."""
    known = ledger.find_call(event.about)
    if known is not None:
        return known
    server_call_id = event.about.server_call_id
    return None if server_call_id is None else call_id_of(server_call_id)
