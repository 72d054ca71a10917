"""The queue-fed way in against a real queue and a real ledger: nothing is deleted unkept."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.storage.queue import QueueSasPermissions, generate_queue_sas
from tests.azurite import Azurite

from recordingd.domain.errors import ConfigurationError, LedgerFault
from recordingd.ingress.arrivals import Arrivals
from recordingd.ingress.azure_queue import (
    AzureQueue,
    Credential,
    account_key,
    entra,
    shared_signature,
)
from recordingd.ingress.storage_queue import Message, QueueFault, QueuePull
from recordingd.ledger.engine import open_ledger
from recordingd.ledger.upgrading import upgrade
from recordingd.ports.ledger import InboxEvent, Ledger
from recordingd.runtime.ledger_thread import LedgerThread
from recordingd.runtime.system import SystemClock
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
Commit = Callable[[Sequence[InboxEvent]], Any]


def json_event(event_id: str) -> str:
    kind = "Microsoft.Communication.CallEnded"
    data = {"serverCallId": "c2NpZA=="}
    return json.dumps({"id": event_id, "topic": "/t", "eventType": kind, "data": data})


class Place:
    """A queue of its own on a real server, and a ledger of its own in a real file."""

    def __init__(self, azurite: Azurite, directory: Path) -> None:
        self.azurite = azurite
        self.url = azurite.create_queue()
        self.ledger = f"sqlite:///{directory}/ledger.db"
        self.database = directory / "ledger.db"
        upgrade(self.ledger, instance="default", backup_dir=directory)

    def put(self, *texts: str) -> None:
        with self.azurite.queue(self.url) as client:
            for text in texts:
                client.send_message(text)

    def put_as_event_grid(self, *texts: str) -> None:
        self.put(*(base64.b64encode(text.encode()).decode() for text in texts))

    def message_count(self) -> int:
        """Count the messages of the queue, hidden ones included."""
        with self.azurite.queue(self.url) as client:
            return client.get_queue_properties().approximate_message_count or 0

    def show_again(self, messages: Sequence[Message]) -> None:
        """Make hidden messages visible at once, as their time running out would."""
        with self.azurite.queue(self.url) as client:
            for message in messages:
                client.update_message(message.id, message.receipt, visibility_timeout=0)

    def inbox(self) -> list[tuple[str, str, str]]:
        """Return channel, event id and state of every event in the ledger's file."""
        query = "SELECT channel, event_id, state FROM inbox ORDER BY seq"
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    @property
    def credential(self) -> Credential:
        return account_key(self.url, self.azurite.key)

    @contextmanager
    def opened_ledger(self) -> Iterator[LedgerThread]:
        database = open_ledger(self.ledger, instance="default", now=lambda: NOW)
        thread = LedgerThread(database)
        thread.start()
        try:
            yield thread
        finally:
            thread.stop()

    def drain(self, *, turns: int = 1, fault: Exception | None = None) -> list[Message]:
        """Run a loop of its own for some turns; return the messages that it was given.

        With a fault every commit is carried out in a transaction that fails at its end.
        """
        given: list[Message] = []

        class Watched(AzureQueue):
            async def receive(self, count: int) -> list[Message]:
                received = await super().receive(count)
                given.extend(received)
                return received

        async def run() -> None:
            metrics = Metrics()
            arrivals = Arrivals(metrics=metrics, alarms=Alarms(metrics), started_at=NOW)
            with self.opened_ledger() as ledger:

                async def commit(events: Sequence[InboxEvent]) -> None:
                    def job(rows: Ledger) -> None:
                        for event in events:
                            rows.append_event(event)
                        if fault is not None:
                            raise fault

                    await ledger.run(job)

                async with Watched(self.url, self.credential) as queue:
                    pull = QueuePull(
                        queue=queue, commit=commit, arrivals=arrivals, clock=SystemClock()
                    )
                    for _ in range(turns):
                        await pull.turn()

        asyncio.run(run())
        return given


@pytest.fixture
def place(azurite: Azurite, tmp_path: Path) -> Place:
    return Place(azurite, tmp_path)


def test_message_of_event_grid_is_kept_and_then_deleted(place: Place) -> None:
    place.put_as_event_grid(json_event("1"))
    place.drain()
    assert place.inbox() == [("queue", "1", "new")]
    assert place.message_count() == 0


def test_plain_message_is_kept_and_then_deleted(place: Place) -> None:
    place.put(json_event("1"))
    place.drain()
    assert place.inbox() == [("queue", "1", "new")]
    assert place.message_count() == 0


def test_message_whose_commit_fails_stays_in_the_queue_and_comes_again(place: Place) -> None:
    place.put_as_event_grid(json_event("1"), json_event("2"))
    given = place.drain(fault=LedgerFault("the disk is full"))
    assert place.inbox() == []
    assert place.message_count() == 2
    place.show_again(given)
    place.drain()
    assert [row[1] for row in place.inbox()] == ["1", "2"]
    assert place.message_count() == 0


def test_poison_is_kept_and_then_deleted(place: Place) -> None:
    place.put("hello & <bye>")
    place.put_as_event_grid("{not json", json_event("1"))
    place.drain()
    assert sorted(row[2] for row in place.inbox()) == ["new", "poison", "poison"]
    assert place.message_count() == 0


def test_two_hundred_messages_are_kept_each_once(place: Place) -> None:
    expected = [str(number) for number in range(200)]
    place.put_as_event_grid(*(json_event(number) for number in expected))
    place.drain(turns=8)
    assert sorted(row[1] for row in place.inbox()) == sorted(expected)
    assert place.message_count() == 0


def test_message_that_was_kept_and_not_deleted_is_known_after_a_restart(place: Place) -> None:
    place.put_as_event_grid(json_event("1"))

    async def killed_before_deleting() -> list[Message]:
        async with AzureQueue(place.url, place.credential) as queue:
            return await queue.receive(32)

    given = asyncio.run(killed_before_deleting())
    place.show_again(given)
    place.drain()
    place.put_as_event_grid(json_event("1"))
    place.drain()
    assert place.inbox() == [("queue", "1", "new")]
    assert place.message_count() == 0


def test_message_given_out_again_is_not_deleted_by_its_old_receipt(place: Place) -> None:
    place.put_as_event_grid(json_event("1"))

    async def run() -> None:
        async with AzureQueue(place.url, place.credential) as queue:
            (stale,) = await queue.receive(1)
            place.show_again([stale])
            await queue.delete(stale)
            (again,) = await queue.receive(1)
            assert place.message_count() == 1
            await queue.delete(again)
            await queue.delete(again)

    asyncio.run(run())
    assert place.message_count() == 0


@pytest.mark.parametrize("mark", ["", "?"])
def test_shared_access_signature_opens_the_queue(place: Place, mark: str) -> None:
    sas = generate_queue_sas(
        place.azurite.account,
        place.url.rpartition("/")[2],
        place.azurite.key,
        permission=QueueSasPermissions(read=True, process=True),
        expiry=SystemClock().now_utc() + timedelta(hours=1),
    )
    place.put_as_event_grid(json_event("1"))

    async def run() -> None:
        async with AzureQueue(place.url, shared_signature(mark + sas)) as queue:
            (message,) = await queue.receive(32)
            await queue.delete(message)

    asyncio.run(run())
    assert place.message_count() == 0


def receive_fault(url: str, credential: Credential) -> str:
    async def run() -> str:
        async with AzureQueue(url, credential) as queue:
            with pytest.raises(QueueFault) as caught:
                await queue.receive(32)
        return str(caught.value)

    return asyncio.run(run())


def test_wrong_key_is_told_with_its_status_and_without_the_key(place: Place) -> None:
    wrong = base64.b64encode(b"canary-4711-canary").decode()
    said = receive_fault(place.url, account_key(place.url, wrong))
    assert said.startswith("HTTP 403")
    assert wrong not in said


def test_queue_that_does_not_exist_is_told(place: Place) -> None:
    said = receive_fault(f"{place.url}-not", place.credential)
    assert said == "HTTP 404 QueueNotFound"


def test_queue_that_refuses_connections_is_told_without_its_signature() -> None:
    url = "http://127.0.0.1:1/devstoreaccount1/queue"
    said = receive_fault(url, shared_signature("sv=1&sig=canary"))
    assert "canary" not in said


class Identity:
    """An identity of Entra ID that notes what it is asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        return AccessToken("token-4711", 2**31)


def test_entra_id_is_refused_over_plain_http() -> None:
    with pytest.raises(ConfigurationError):
        AzureQueue("http://127.0.0.1:1/devstoreaccount1/queue", entra(Identity()))


def test_identity_of_entra_id_is_asked_for_a_token_of_the_storage_service() -> None:
    identity = Identity()
    receive_fault("https://127.0.0.1:1/devstoreaccount1/queue", entra(identity))
    assert identity.scopes == ["https://storage.azure.com/.default"]
