"""The emulator's clock: real time plus what it was advanced by, timers in order."""

import asyncio

import pytest

from recordingd.emulator.clock import EmulatorClock, Ids


class Time:
    """Real time that the test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def make_clock(time: Time, speed: float = 1.0) -> EmulatorClock:
    return EmulatorClock(speed=speed, wall=lambda: 1000.0 + time(), monotonic=time)


def test_time_passes_and_can_be_sent_ahead() -> None:
    async def scene() -> None:
        time = Time()
        clock = make_clock(time)
        assert clock.now() == 1000.0
        time.seconds = 5.0
        assert clock.now() == 1005.0
        assert clock.advance(60.0) == 1065.0
        assert clock.ahead_seconds == 60.0

    asyncio.run(scene())


@pytest.mark.parametrize(("advance", "fired"), [(9.999, []), (10.0, [10.0]), (10.001, [10.0])])
def test_timer_fires_at_its_due_time(advance: float, fired: list[float]) -> None:
    async def scene() -> None:
        clock = make_clock(Time())
        seen: list[float] = []
        clock.call_after(10.0, lambda: seen.append(clock.now() - 1000.0))
        clock.advance(advance)
        assert seen == fired
        clock.close()

    asyncio.run(scene())


def test_timers_fire_in_order_and_may_set_others() -> None:
    async def scene() -> None:
        clock = make_clock(Time())
        seen: list[tuple[str, float]] = []

        def first() -> None:
            seen.append(("first", clock.now()))
            clock.call_after(1.0, lambda: seen.append(("second", clock.now())))

        clock.call_after(3.0, lambda: seen.append(("third", clock.now())))
        clock.call_after(1.0, first)
        clock.advance(3.0)
        assert seen == [("first", 1001.0), ("second", 1002.0), ("third", 1003.0)]

    asyncio.run(scene())


def test_cancelled_timer_stays_silent() -> None:
    async def scene() -> None:
        clock = make_clock(Time())
        seen: list[int] = []
        clock.call_after(1.0, lambda: seen.append(1)).cancel()
        clock.advance(2.0)
        assert not seen

    asyncio.run(scene())


def test_speed_divides_waits_but_not_time() -> None:
    async def scene() -> None:
        clock = make_clock(Time(), speed=10.0)
        seen: list[float] = []
        clock.call_after(60.0, lambda: seen.append(clock.now()))
        clock.advance(6.0)
        assert seen == [1006.0]

    asyncio.run(scene())


def test_sleeper_wakes_when_the_clock_is_sent_ahead() -> None:
    async def scene() -> None:
        clock = EmulatorClock()
        async with asyncio.timeout(2), asyncio.TaskGroup() as group:
            group.create_task(clock.sleep(3600.0))
            await asyncio.sleep(0)
            clock.advance(3600.0)

    asyncio.run(scene())


def test_sleeper_wakes_in_real_time() -> None:
    async def scene() -> None:
        clock = EmulatorClock(speed=100.0)
        async with asyncio.timeout(2):
            await clock.sleep(1.0)

    asyncio.run(scene())


def test_seeded_identifiers_repeat() -> None:
    assert Ids(7).guid() == Ids(7).guid()
    assert Ids().guid() != Ids().guid()
