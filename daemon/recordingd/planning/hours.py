"""Times of the day and week: whether a call started within them, and moments that tell them apart.

Compiled by `planning.conditions` for calls, and asked by `planning.worlds` for moments that stand
for all others. Knows no call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from recordingd.domain.matchers import StartedBetween, WithinHours

_DAY = timedelta(days=1)
# A Monday. Which one does not matter where nothing says when.
_SOME_DAY = datetime(2001, 1, 1, tzinfo=UTC)
# Nothing overflows between these, whatever the time zone.
_FIRST, _LAST = datetime(3, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


def compile_hours(leaf: WithinHours) -> Callable[[datetime], bool]:
    """Return a test whether a moment lies in the hours of a leaf."""
    from zoneinfo import ZoneInfo  # slow to load, and few matchers speak of hours

    zone = ZoneInfo(leaf.timezone)

    def is_open(local_day: datetime) -> bool:
        is_wanted = not leaf.days or local_day.weekday() in leaf.days
        return is_wanted and local_day.date() not in leaf.except_dates

    def is_within(moment: datetime) -> bool:
        local = moment.astimezone(zone)
        if leaf.between is None:
            return is_open(local)
        opens, closes = leaf.between
        clock = local.time()
        if opens <= closes:
            return opens <= clock < closes and is_open(local)
        if clock >= opens:
            return is_open(local)
        return clock < closes and is_open(local - _DAY)

    return is_within


def moments_of(spans: Sequence[StartedBetween], hours: Sequence[WithinHours]) -> list[datetime]:
    """Return moments of every kind that some leaves tell apart, unsorted and some of them twice.

    Exact for spans, and for hours of one time zone in spans of ten days or more. Where hours of
    several zones meet, or excepted days fill a span, a kind may be missing.
    """
    cuts = sorted({min(max(cut, _FIRST), _LAST) for s in spans for cut in (s.start, s.end)})
    moments, weeks = [_SOME_DAY], [_SOME_DAY.date()]
    if cuts:
        # A week that lies before every cut, and one after each, whatever the time zone.
        moments = [cuts[0] - _DAY, *cuts]
        weeks = [(cuts[0] - 10 * _DAY).date(), *((cut + 2 * _DAY).date() for cut in cuts)]
    for zone in sorted({leaf.timezone for leaf in hours}):
        moments += _local_moments(weeks, [leaf for leaf in hours if leaf.timezone == zone])
    return moments


def _local_moments(weeks: Sequence[date], hours: Sequence[WithinHours]) -> Iterator[datetime]:
    from zoneinfo import ZoneInfo  # as above

    excepted = {
        day for leaf in hours for day in leaf.except_dates if _FIRST.date() <= day < _LAST.date()
    }
    clocks = {time(), *(clock for leaf in hours for clock in leaf.between or ())}
    zone = ZoneInfo(hours[0].timezone)
    # What crosses midnight belongs to the day before.
    wanted = {day + late for day in excepted for late in (timedelta(), _DAY)}
    for first in weeks:
        wanted.update(_ordinary_week(first, excepted))
    for day in sorted(wanted):
        yield from (datetime.combine(day, clock, zone) for clock in sorted(clocks))


def _ordinary_week(first: date, excepted: set[date]) -> Iterator[date]:
    """Yield each day of the week once, none of them excepted or just after one that is."""
    seen: set[int] = set()
    day = first
    while len(seen) < 7:
        if day.weekday() not in seen and excepted.isdisjoint({day, day - _DAY}):
            seen.add(day.weekday())
            yield day
        day += _DAY
