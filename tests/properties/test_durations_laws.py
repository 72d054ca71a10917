"""Laws of durations and of retention dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.factories import RECORDING, make_call, make_facts, make_stopped, make_verified

from recordingd.domain.durations import (
    FOREVER,
    YEARS_MAX,
    Duration,
    Forever,
    add,
    parse_duration,
)
from recordingd.domain.retention import RetentionSpec
from recordingd.planning.derivation import derive

DURATIONS = st.builds(
    Duration,
    months=st.integers(0, 1200),
    days=st.integers(0, 36_500),
    seconds=st.integers(0, 10**9),
)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)
LIMITS = st.one_of(st.none(), st.just(FOREVER), DURATIONS)


@given(duration=DURATIONS)
def test_what_is_written_reads_back_the_same(duration: Duration) -> None:
    assume(duration.approximate_seconds() <= YEARS_MAX * 366 * 86_400)

    assert parse_duration(str(duration)) == duration


@given(start=MOMENTS, duration=DURATIONS)
def test_time_never_goes_back(start: datetime, duration: Duration) -> None:
    end = add(start, duration)

    assert isinstance(end, datetime)
    assert end >= start


@given(earlier=MOMENTS, later=MOMENTS, duration=DURATIONS)
def test_order_of_two_moments_is_kept(
    earlier: datetime, later: datetime, duration: Duration
) -> None:
    assume(earlier <= later)

    one, other = add(earlier, duration), add(later, duration)
    assert isinstance(one, datetime)
    assert isinstance(other, datetime)
    assert one <= other + timedelta(days=1)


@given(start=MOMENTS, shorter=DURATIONS, more=DURATIONS)
def test_longer_duration_ends_no_earlier(
    start: datetime, shorter: Duration, more: Duration
) -> None:
    longer = Duration(
        months=shorter.months + more.months,
        days=shorter.days + more.days,
        seconds=shorter.seconds + more.seconds,
    )

    assert _not_before(add(start, longer), add(start, shorter))


@given(floor=LIMITS, delete_after=LIMITS)
def test_nothing_goes_before_its_floor(
    floor: Duration | Forever | None, delete_after: Duration | Forever | None
) -> None:
    keep_until, delete_at = _dates(floor, delete_after)

    assert keep_until is None or _not_before(delete_at, keep_until)


@given(
    floor=LIMITS,
    longer_floor=LIMITS,
    delete_after=LIMITS.filter(lambda limit: limit is not None),
)
def test_longer_floor_never_purges_earlier(
    floor: Duration | Forever | None,
    longer_floor: Duration | Forever | None,
    delete_after: Duration | Forever,
) -> None:
    before, _ = _dates(floor, delete_after)
    after, _ = _dates(longer_floor, delete_after)
    assume(before is None or (after is not None and _not_before(after, before)))

    assert _not_before(_dates(longer_floor, delete_after)[1], _dates(floor, delete_after)[1])


def _dates(
    floor: Duration | Forever | None, delete_after: Duration | Forever | None
) -> tuple[datetime | Forever | None, datetime | Forever]:
    retention = RetentionSpec(keep_at_least=floor, delete_after=delete_after)
    facts = make_facts(
        make_call(ended_at=datetime(2026, 2, 28, tzinfo=UTC)),
        recordings=make_stopped(retention=retention),
        files=make_verified(),
    )
    found = derive(facts).recordings[RECORDING]
    assert found.delete_at is not None
    return found.keep_until, found.delete_at


def _not_before(later: datetime | Forever, earlier: datetime | Forever) -> bool:
    if isinstance(later, Forever) or isinstance(earlier, Forever):
        return isinstance(later, Forever)
    return later >= earlier
