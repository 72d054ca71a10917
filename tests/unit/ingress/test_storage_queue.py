"""The loop that empties a queue into the ledger, with both of them in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from recordingd.domain.errors import LedgerFault
from recordingd.ingress.arrivals import Arrivals
from recordingd.ingress.storage_queue import (
    BATCH_MAX,
    FAILURES_UNTIL_ALARM,
    Message,
    QueueFault,
    QueuePull,
    body_of,
)
from recordingd.ports.ledger import InboxEvent
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def json_event(event_id: str = "1") -> str:
    kind = "Microsoft.Communication.CallEnded"
    data = {"serverCallId": "c2NpZA=="}
    return json.dumps({"id": event_id, "topic": "/t", "eventType": kind, "data": data})


def as_event_grid_writes(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class StillClock:
    """A clock that does not go on, and notes how long it was asked to wait."""

    def __init__(self) -> None:
        self.waits: list[timedelta] = []
        self.has_waited_twice = asyncio.Event()

    def now_utc(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, moment: datetime) -> None:
        self.waits.append(moment - NOW)
        if len(self.waits) == 2:
            self.has_waited_twice.set()
        await asyncio.sleep(0)


@dataclass
class MemoryQueue:
    """Gives its messages out in order, once, until they are made visible again."""

    texts: Sequence[str] = ()
    url: str = "https://a.queue.core.windows.net/q"
    fault: Exception | None = None
    delete_fault: QueueFault | None = None
    visible: list[Message] = field(default_factory=list)
    hidden: list[Message] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for text in self.texts:
            self.put(text)

    def put(self, text: str) -> None:
        number = len(self.visible) + len(self.hidden) + 1
        self.visible.append(Message(id=f"m{number}", receipt=f"r{number}", text=text))

    async def receive(self, count: int) -> list[Message]:
        if self.fault is not None:
            raise self.fault
        self.asked.append(count)
        given, self.visible = self.visible[:count], self.visible[count:]
        self.hidden += given
        return given

    async def delete(self, message: Message) -> None:
        if self.delete_fault is not None:
            raise self.delete_fault
        self.hidden.remove(message)

    def show_again(self) -> None:
        self.visible, self.hidden = [*self.visible, *self.hidden], []


class Scene:
    """A loop between a queue and an inbox, both in memory."""

    def __init__(self, *texts: str) -> None:
        self.queue = MemoryQueue(texts)
        self.clock = StillClock()
        self.fault: Exception | None = None
        self.batches: list[list[InboxEvent]] = []
        metrics = Metrics()
        self.alarms = Alarms(metrics)
        self.pull = QueuePull(
            queue=self.queue,
            commit=self._commit,
            arrivals=Arrivals(metrics=metrics, alarms=self.alarms, started_at=NOW),
            clock=self.clock,
        )

    async def _commit(self, events: Sequence[InboxEvent]) -> None:
        assert events
        if self.fault is not None:
            raise self.fault
        self.batches.append(list(events))

    @property
    def kept(self) -> list[InboxEvent]:
        return [event for batch in self.batches for event in batch]

    def turns(self, count: int) -> list[float]:
        """Run this many turns; return the seconds that each asked to wait."""

        async def run() -> list[float]:
            return [(await self.pull.turn()).total_seconds() for _ in range(count)]

        return asyncio.run(run())

    def alarm_names(self) -> list[str]:
        return [alarm.name for alarm in self.alarms.active()]


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        as_event_grid_writes(json_event()),
        json_event(),
        f"\ufeff \n{json_event()}",
        f"[{json_event()}]",
        as_event_grid_writes(f"[{json_event()}]"),
        as_event_grid_writes(json_event())[:20] + "\r\n" + as_event_grid_writes(json_event())[20:],
    ],
    ids=["base64", "plain", "plain-with-mark", "plain-array", "base64-array", "base64-in-lines"],
)
def test_event_is_kept_on_the_channel_of_the_queue_and_its_message_deleted(text: str) -> None:
    scene = Scene(text)
    scene.turns(1)
    (event,) = scene.kept
    assert (event.channel, event.source, event.event_id, event.poison) == ("queue", "/t", "1", None)
    assert event.context is None
    assert (scene.queue.visible, scene.queue.hidden) == ([], [])


def test_cloud_event_is_kept() -> None:
    wire = {"specversion": "1.0", "id": "1", "source": "/t", "type": "x", "data": {}}
    scene = Scene(as_event_grid_writes(json.dumps(wire)))
    scene.turns(1)
    (event,) = scene.kept
    assert (event.source, event.poison) == ("/t", None)


@pytest.mark.parametrize(
    "text", ["", "hello", "%%%", "bnVsbA==", "7", "{", '{"id": 1}', "\ufffd", "AAAA", "é"]
)
def test_message_that_cannot_be_understood_is_kept_as_poison_alarmed_and_deleted(
    text: str,
) -> None:
    scene = Scene(text)
    scene.turns(1)
    (event,) = scene.kept
    assert event.poison is not None
    assert scene.alarm_names() == ["EventsPoison"]
    assert (scene.queue.visible, scene.queue.hidden) == ([], [])


def test_poison_does_not_take_the_others_with_it() -> None:
    scene = Scene(json_event("1"), "hello", json_event("2"))
    scene.turns(1)
    assert [event.poison is None for event in scene.kept] == [True, False, True]


def test_message_without_events_is_deleted_without_a_commit() -> None:
    scene = Scene("[]")
    scene.turns(1)
    assert (scene.batches, scene.queue.hidden) == ([], [])


def test_text_that_is_neither_json_nor_base64_is_returned_as_it_is() -> None:
    assert body_of("héllo\ud800") == "héllo?".encode()


def test_batch_is_one_commit_of_at_most_what_one_request_gives() -> None:
    scene = Scene(*(json_event(str(n)) for n in range(40)))
    scene.turns(2)
    assert [len(batch) for batch in scene.batches] == [BATCH_MAX, 8]


# --- commit, then delete --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [LedgerFault("locked"), OSError(28, "full"), TimeoutError()])
def test_message_that_cannot_be_committed_is_not_deleted(fault: Exception) -> None:
    scene = Scene(json_event())
    scene.fault = fault
    assert scene.turns(1) == [1.0]
    assert len(scene.queue.hidden) == 1
    scene.fault = None
    scene.queue.show_again()
    scene.turns(1)
    assert (len(scene.kept), scene.queue.hidden) == (1, [])


def test_after_a_failed_commit_messages_come_one_by_one_and_then_more_again() -> None:
    scene = Scene(*(json_event(str(n)) for n in range(20)))
    scene.fault = LedgerFault("locked")
    scene.turns(1)
    scene.fault = None
    scene.queue.show_again()
    scene.turns(4)
    assert scene.queue.asked == [32, 1, 2, 4, 8]


def test_message_that_cannot_be_deleted_stays_for_the_next_time() -> None:
    scene = Scene(json_event())
    scene.queue.delete_fault = QueueFault("HTTP 500")
    assert scene.turns(1) == [0.0]
    assert (len(scene.kept), len(scene.queue.hidden)) == (1, 1)


def test_unforeseen_failure_of_a_commit_deletes_nothing_and_ends_nothing() -> None:
    scene = Scene(json_event())
    scene.fault = RuntimeError("bug")
    scene.turns(1)
    scene.fault = None
    scene.queue.show_again()
    scene.turns(1)
    assert (len(scene.kept), scene.queue.hidden) == (1, [])


# --- waiting --------------------------------------------------------------------------------------


def test_empty_queue_is_asked_less_and_less_often() -> None:
    assert Scene().turns(6) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_queue_with_messages_is_asked_again_at_once_and_then_as_often_as_at_first() -> None:
    scene = Scene()
    scene.turns(4)
    scene.queue.put(json_event())
    assert scene.turns(3) == [0.0, 1.0, 2.0]


def test_queue_that_cannot_be_read_is_asked_less_and_less_often() -> None:
    scene = Scene()
    scene.queue.fault = QueueFault("HTTP 403")
    assert scene.turns(6) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("failures", "alarms"),
    [
        (FAILURES_UNTIL_ALARM - 1, []),
        (FAILURES_UNTIL_ALARM, ["EventsMissing"]),
        (FAILURES_UNTIL_ALARM + 1, ["EventsMissing"]),
    ],
)
def test_queue_that_cannot_be_read_is_alarmed_with_its_reason(
    failures: int, alarms: list[str]
) -> None:
    scene = Scene()
    scene.queue.fault = QueueFault("HTTP 403 AuthorizationFailure")
    scene.turns(failures)
    assert scene.alarm_names() == alarms
    whys = [alarm.evidence["why"] for alarm in scene.alarms.active()]
    assert whys == ["HTTP 403 AuthorizationFailure"] * len(alarms)


def test_alarm_ends_when_the_queue_can_be_read_again() -> None:
    scene = Scene()
    scene.queue.fault = QueueFault("HTTP 500")
    scene.turns(FAILURES_UNTIL_ALARM)
    scene.queue.fault = None
    assert scene.turns(2) == [1.0, 2.0]
    assert scene.alarm_names() == []


def test_loop_ends_when_it_is_cancelled() -> None:
    scene = Scene(json_event())

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(scene.pull.run())
            await scene.clock.has_waited_twice.wait()
            loop.cancel()

    asyncio.run(run())
    assert len(scene.kept) == 1
    assert scene.clock.waits[:2] == [timedelta(seconds=1), timedelta(seconds=2)]
