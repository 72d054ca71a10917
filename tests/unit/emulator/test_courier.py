"""Deliveries: what counts, what is dropped, when it is tried again."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

import pytest

from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.courier import Courier, Parcel, Reply, RetryRules, SendError
from recordingd.emulator.faults import Faults
from recordingd.emulator.options import FAST_WAITS, REALISTIC_WAITS

_NUMBERS = itertools.count()


def make_parcel(key: str = "call", kind: str = "CallStarted") -> Parcel:
    return Parcel(
        id=str(next(_NUMBERS)), type=kind, key=key, url="http://x/", headers={}, body=b"[]",
        context={"type": kind, "serverCallId": key},
    )  # fmt: skip


class Endpoint:
    """Answers with the given statuses in turn, None being no answer; then 200."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = list(statuses)
        self.seen: list[str] = []

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        assert (method, url, body) == ("POST", "http://x/", b"[]")
        self.seen.append(headers["aeg-delivery-count"])
        status = self.statuses.pop(0) if self.statuses else 200
        if status is None:
            raise SendError
        return Reply(status=status, headers={}, body=b"")


class Scene:
    """A courier of events at work, with a clock that stands still."""

    def __init__(self, endpoint: Endpoint, waits: tuple[float, ...] = (10.0, 30.0)) -> None:
        self.clock = EmulatorClock(wall=lambda: 0.0, monotonic=lambda: 0.0)
        self.faults = Faults(Ids(1))
        self.courier = Courier(
            family="events",
            rules=RetryRules(
                acknowledged=frozenset({200, 204}),
                dropped=frozenset({400, 401, 403, 413}),
                waits_seconds=waits,
                attempts_max=4,
                life_seconds=86_400.0,
            ),
            clock=self.clock,
            faults=self.faults,
            sender=endpoint,
            open=asyncio.Event(),
        )
        self.courier.open.set()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


async def deliver(stage: Scene, *advances: float) -> Parcel:
    parcel = make_parcel()
    async with asyncio.TaskGroup() as group:
        work = group.create_task(stage.courier.run())
        stage.courier.post(parcel)
        await stage.settle()
        for seconds in advances:
            stage.clock.advance(seconds)
            await stage.settle()
        work.cancel()
    return parcel


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [((200,), "delivered"), ((204,), "delivered"), ((400,), "dropped"), ((401,), "dropped"),
     ((403,), "dropped"), ((413,), "dropped"), ((503,), "pending"), ((None,), "pending"),
     ((302,), "pending"), ((404,), "pending")],
)  # fmt: skip
def test_first_answer_decides(statuses: tuple[int | None, ...], outcome: str) -> None:
    async def scene() -> None:
        parcel = await deliver(Scene(Endpoint(*statuses)))
        assert (parcel.status, parcel.attempts) == (outcome, 1)

    play(scene)


@pytest.mark.parametrize(("advance", "attempts"), [(9.9, 1), (10.0, 2), (10.1, 2)])
def test_second_attempt_comes_after_the_first_wait(advance: float, attempts: int) -> None:
    async def scene() -> None:
        parcel = await deliver(Scene(Endpoint(503)), advance)
        assert parcel.attempts == attempts

    play(scene)


def test_waits_follow_the_schedule_and_end() -> None:
    async def scene() -> None:
        endpoint = Endpoint(503, None, 503, 503)
        parcel = await deliver(Scene(endpoint), 10.0, 30.0, 30.0, 3600.0)
        assert (parcel.status, parcel.attempts) == ("lost", 4)
        assert endpoint.seen == ["0", "1", "2", "3"]

    play(scene)


@pytest.mark.parametrize(
    ("advance", "status"), [(86_399.0, "delivered"), (86_400.0, "expired"), (86_401.0, "expired")]
)
def test_event_expires_after_a_day(advance: float, status: str) -> None:
    async def scene() -> None:
        stage = Scene(Endpoint())
        stage.courier.open.clear()
        parcel = make_parcel()
        async with asyncio.TaskGroup() as group:
            work = group.create_task(stage.courier.run())
            stage.courier.post(parcel)
            await stage.settle()
            stage.clock.advance(advance)
            stage.courier.open.set()
            await stage.settle()
            work.cancel()
        assert parcel.status == status

    play(scene)


def test_documented_schedule() -> None:
    assert list(REALISTIC_WAITS.event_retry_seconds) == [10, 30, 60, 300, 600, 1800, 3600]
    assert REALISTIC_WAITS.event_attempts_max == 30
    assert sum(FAST_WAITS.event_retry_seconds[:3]) < 2


def test_hourly_after_the_listed_waits() -> None:
    rules = RetryRules(
        acknowledged=frozenset(),
        dropped=frozenset(),
        waits_seconds=REALISTIC_WAITS.event_retry_seconds,
        attempts_max=30,
        life_seconds=86_400.0,
    )
    assert [rules.wait_after(n) for n in (1, 7, 8, 29, 30)] == [10, 3600, 3600, 3600, None]


def test_duplicate_drop_and_delay_faults() -> None:
    async def scene() -> None:
        endpoint = Endpoint()
        stage = Scene(endpoint)
        stage.faults.arm({"name": "events.duplicate", "copies": 2})
        stage.faults.arm({"name": "events.drop", "skip": 1})
        stage.faults.arm({"name": "events.delay", "seconds": 60, "skip": 1})
        async with asyncio.TaskGroup() as group:
            work = group.create_task(stage.courier.run())
            for _ in range(3):
                stage.courier.post(make_parcel())
            await stage.settle()
            assert len(endpoint.seen) == 3
            stage.clock.advance(60.0)
            await stage.settle()
            assert len(endpoint.seen) == 4
            work.cancel()
        assert [p.status for p in stage.courier.history].count("faulted") == 1

    play(scene)


def test_reordered_event_goes_after_the_next() -> None:
    async def scene() -> None:
        stage = Scene(Endpoint())
        stage.faults.arm({"name": "events.reorder"})
        first, second = make_parcel(), make_parcel()
        order: list[Parcel] = []
        async with asyncio.TaskGroup() as group:
            work = group.create_task(stage.courier.run())
            for parcel in (first, second):
                stage.courier.post(parcel)
                await stage.settle()
                order += [p for p in (first, second) if p.status == "delivered" and p not in order]
            work.cancel()
        assert first.status == second.status == "delivered"
        assert (first.attempts, second.attempts) == (1, 1)

    play(scene)
