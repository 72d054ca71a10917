"""The dates that follow from what rules say of a recording, and which of two dates is earlier.

Called by `planning.derivation` with what is known, and by `planning.retention`, which compares what
rules said before with what they say now. Knows neither `now` nor which rules match: a date is
compared with the clock by whoever acts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from recordingd.domain.calls import Call
from recordingd.domain.durations import FOREVER, Duration, Forever, add
from recordingd.domain.recordings import CallFacts, Recording
from recordingd.domain.retention import (
    CEILING,
    Basis,
    CountFrom,
    EventClock,
    Keeping,
    RetentionSpec,
)

# A date, the one that never comes, or None: it counts from a moment that is not known yet.
Date = datetime | Forever | None
Clock = CountFrom | EventClock
AnchorOf = Callable[[Clock], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A date, and the rule behind it."""

    at: Date
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """What the rules of one recording come to.

    `floor` is until when it is kept at least, `legal_floor` until when as a legal obligation; None
    where no rule says so. `deletion` is when a rule deletes it, floors apart; None where none does.
    """

    floor: Dated | None
    legal_floor: Dated | None
    deletion: Dated | None

    @property
    def delete_at(self) -> Date:
        """When it goes: never without a rule that deletes, and never before the floor."""
        if self.deletion is None:
            return FOREVER
        return self.deletion.at if self.floor is None else later(self.deletion.at, self.floor.at)


def dates_of(keepings: Sequence[Keeping], anchor_of: AnchorOf) -> Dates:
    """Return the dates of what rules say, counted from the moments that `anchor_of` knows."""
    legal = [k for k in keepings if k.spec.basis is Basis.LEGAL_OBLIGATION]
    return Dates(
        floor=_latest(_floors(keepings, anchor_of)),
        legal_floor=_latest(_floors(legal, anchor_of)),
        deletion=_deletion(keepings, anchor_of),
    )


def _floors(keepings: Iterable[Keeping], anchor_of: AnchorOf) -> list[Dated]:
    return [
        _dated(keeping, keeping.spec.keep_at_least, anchor_of)
        for keeping in keepings
        if keeping.spec.keep_at_least is not None
    ]


def _deletion(keepings: Sequence[Keeping], anchor_of: AnchorOf) -> Dated | None:
    """Return the latest deletion among the rules that may turn out to decide it.

    The highest priority decides among those that certainly match, and the later date between equal
    ones. One that only may match counts where it would decide, and only if it puts the date off:
    what is not known must never delete earlier than either answer would.
    """
    deleting = [k for k in keepings if k.spec.delete_after is not None and k.rule != CEILING]
    certain = [k for k in deleting if k.is_certain]
    ceiling = [k for k in keepings if k.rule == CEILING]
    if not certain and not ceiling:
        # As far as is known nothing deletes it, whatever a rule in doubt would say.
        return None
    top = max((k.priority for k in certain), default=None)
    deciding = [k for k in deleting if top is None or k.priority >= top] + (
        [] if certain else ceiling
    )
    return _latest([_dated(k, k.spec.delete_after, anchor_of) for k in deciding])


def _dated(keeping: Keeping, length: Duration | Forever | None, anchor_of: AnchorOf) -> Dated:
    assert length is not None
    return Dated(at=_after(anchor_of(keeping.spec.count_from), length), rule=keeping.rule)


def _after(anchor: datetime | None, length: Duration | Forever) -> Date:
    if isinstance(length, Forever):
        return FOREVER
    return None if anchor is None else add(anchor, length)


def _latest(dated: Iterable[Dated]) -> Dated | None:
    """Return the latest date; between equal ones the rule that comes first by name."""
    by_name = sorted(dated, key=lambda one: one.rule)
    return max(by_name, key=lambda one: _order(one.at), default=None)


_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def _order(date: Date) -> tuple[int, datetime]:
    """Sort what is not known yet behind every date: nothing is due by it; and never behind that."""
    if isinstance(date, Forever):
        return 2, _EPOCH
    return (1, _EPOCH) if date is None else (0, date)


def later(date: Date, other: Date) -> Date:
    """Return the later of two dates; one that is not known yet is later than any that is."""
    return max(date, other, key=_order)


def is_sooner(date: Date, *, than: Date) -> bool:
    """Say whether a date comes before another; what is not known yet comes after all that is."""
    return _order(date) < _order(than)


def is_earlier(dates: Dates, *, than: Dates) -> bool:
    """Say whether a recording may go earlier, or may be erased earlier, by one set of dates."""
    return (
        is_sooner(dates.delete_at, than=than.delete_at)
        or _is_lower(dates.floor, than.floor)
        or _is_lower(dates.legal_floor, than.legal_floor)
    )


def _is_lower(floor: Dated | None, other: Dated | None) -> bool:
    if other is None:
        return False
    return floor is None or is_sooner(floor.at, than=other.at)


# --- the moments that dates count from ------------------------------------------------------------


def anchors_of(facts: CallFacts, recording: Recording) -> AnchorOf:
    """Return what is known of the moments that the dates of a recording count from."""

    def anchor_of(clock: Clock) -> datetime | None:
        match clock:
            case CountFrom.CALL_END:
                return end_of(facts.call, recording)
            case CountFrom.STORED:
                stored = [f.verified_at for f in facts.files_of(recording.id)]
                return max((s for s in stored if s is not None), default=None)
            case EventClock(name):
                return facts.call.moments.get(name)

    return anchor_of


def end_of(call: Call, recording: Recording) -> datetime | None:
    """Return when a call ended, as far as the dates of a recording of it are concerned.

    The end of the recording stands in for one that was never reported, but not before the call is
    known to be over in some other way: while it lives there is no end yet.
    """
    return call.ended_at or (None if call.is_live else recording.stopped_at)


def decided_at(facts: CallFacts, recording: Recording, spec: RetentionSpec) -> datetime | None:
    """Return from when on no fact decides any more whether a rule matches; None is not known yet.

    What is unknown of the rule then counts as no.
    """
    ended_at = end_of(facts.call, recording)
    if ended_at is None:
        return None
    moment = add(ended_at, spec.decide_after)
    assert isinstance(moment, datetime), "a finite duration ends"
    return moment
