"""Bad requests and hostile storage: what is refused, what is kept all the same, and who is told."""

from __future__ import annotations

import hashlib
import json
import select
import socket
from contextlib import closing

import pytest
from tests.scenarios.processes import Json
from tests.scenarios.stage import WEBHOOK_KEY, Stage
from tests.scenarios.tree import MIXED_LINE

LIMIT_BYTES = 2 * 1024 * 1024
EVENT: Json = {
    "id": "bad-input-1",
    "topic": "/subscriptions/x",
    "subject": "call/bad-input/startedBy/8:acs:somebody",
    "eventType": "Microsoft.Communication.CallStarted",
    "eventTime": "2026-11-20T10:00:00.0000000Z",
    "dataVersion": "1.0",
    "metadataVersion": "1",
    "data": {"serverCallId": "bad-input", "startedBy": {"rawId": "8:acs:somebody"}},
}
WRONG_KEY = "not-the-key"


def event(name: str, **changes: object) -> bytes:
    """Write an event that is good but for the changes; every name is an id of its own."""
    return json.dumps([{**EVENT, "id": name, **changes}]).encode()


def state_of(stage: Stage, event_id: str) -> str | None:
    """Return the state of an event in the inbox; None when it is not there."""
    rows = stage.rows("SELECT state FROM inbox WHERE event_id = ?", event_id)
    assert len(rows) <= 1, rows
    return rows[0][0] if rows else None


# --- credentials ----------------------------------------------------------------------------------


def test_an_event_without_a_credential_is_refused_and_changes_nothing(house: Stage) -> None:
    assert house.post_events(event("without"), key=None).status == 401
    assert state_of(house, "without") is None


def test_an_event_with_a_wrong_key_is_put_off_counted_and_alarmed(house: Stage) -> None:
    counter = 'events_rejected_total{reason="wrongCredential"}'
    counted, alarmed = house.metric(counter), house.alarmed("EventsRejected")
    answer = house.post_events(event("wrong"), key=WRONG_KEY)
    # Not 4xx: the service would drop the event for good, and the key may only be late.
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert house.metric(counter) == counted + 1
    (alarm,) = (a for a in house.status()["alarms"] if a["name"] == "EventsRejected")
    assert (alarm["severity"], alarm["count"]) == ("page", alarmed + 1)
    assert state_of(house, "wrong") is None


def test_a_wrong_key_is_written_nowhere(house: Stage) -> None:
    house.post_events(event("wrong-again"), key=WRONG_KEY)
    log = house.log.read_text()
    assert (WRONG_KEY in log, WEBHOOK_KEY in log) == (False, False)


@pytest.mark.parametrize("path", ["/callbacks/guessed", "/callbacks"])
def test_a_callback_without_its_secret_is_refused(house: Stage, path: str) -> None:
    assert house.post_events(event("callback"), key=None, path=path).status == 401
    assert state_of(house, "callback") is None


# --- size -----------------------------------------------------------------------------------------


def test_an_oversized_body_is_refused_by_its_announced_length(house: Stage) -> None:
    body = event("oversized", data={**EVENT["data"], "more": "x" * LIMIT_BYTES})
    assert house.post_events(body).status == 413
    assert state_of(house, "oversized") is None


def test_an_oversized_body_is_refused_while_it_streams(house: Stage) -> None:
    head = f"POST /events?key={WEBHOOK_KEY} HTTP/1.1\r\nhost: x\r\n"
    head += "transfer-encoding: chunked\r\n\r\n"
    block = b" " * 64 * 1024
    with socket.create_connection(("127.0.0.1", house.port.number), timeout=20) as client:
        client.sendall(head.encode())
        sent = 0
        while not select.select([client], [], [], 0)[0]:
            assert sent < 20 * LIMIT_BYTES, "no answer, however much is sent"
            client.sendall(b"%x\r\n%b\r\n" % (len(block), block))
            sent += len(block)
        assert client.recv(64 * 1024).startswith(b"HTTP/1.1 413 ")
    assert sent > LIMIT_BYTES


# --- what cannot be understood --------------------------------------------------------------------


# What has no id that could be read is named by its hash.
@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"{not json", None),
        (b'[{"id": "a", "id": "b"}]', None),
        (b"[" * 5000, None),
        (event("no-data", data=None), "no-data"),
        (event("no-type", eventType=None), None),
    ],
    ids=["no json", "a key twice", "too deep", "no data", "no type"],
)
def test_what_cannot_be_understood_is_answered_200_kept_and_counted(
    house: Stage, body: bytes, name: str | None
) -> None:
    counted, alarmed = house.metric("events_poison_total"), house.alarmed("EventsPoison")
    assert house.post_events(body).status == 200
    kept = [name] if name is not None else names_of(body)
    house.until(lambda: {state_of(house, n) for n in kept} == {"poison"}, "it is kept")
    house.until(lambda: house.metric("events_poison_total") == counted + 1, "it is counted")
    house.until_alarmed("EventsPoison", since=alarmed)


def names_of(body: bytes) -> list[str]:
    """Return the name of a body that cannot be read: its own hash, or that of its one element."""
    element = body.removeprefix(b"[").removesuffix(b"]") if body.endswith(b"}]") else body
    return [hashlib.sha256(element).hexdigest()]


def test_an_event_of_a_type_that_nobody_reads_is_kept_and_counted(house: Stage) -> None:
    counted = house.metric("events_poison_total")
    body = event("new-type", eventType="Microsoft.Communication.SomethingNew")
    assert house.post_events(body).status == 200
    house.until(lambda: state_of(house, "new-type") == "poison", "it was looked at and kept")
    house.until(lambda: house.metric("events_poison_total") == counted + 1, "it is counted")


def test_one_bad_event_of_a_batch_takes_no_other_with_it(house: Stage) -> None:
    good, other = (
        {**EVENT, "id": f"batch-{n}", "data": {**EVENT["data"], "serverCallId": f"batch-{n}"},
         "subject": f"call/batch-{n}/startedBy/8:acs:somebody"}
        for n in (1, 2)
    )  # fmt: skip
    body = json.dumps([good, {"id": "batch-bad"}, other]).encode()
    assert house.post_events(body).status == 200
    house.until(lambda: house.call_in_ledger("batch-1"), "the first one is known")
    house.until(lambda: house.call_in_ledger("batch-2"), "the last one is known")


def test_an_event_that_comes_twice_is_kept_once(house: Stage) -> None:
    for _ in range(2):
        assert house.post_events(event("twice")).status == 200
    house.until(lambda: state_of(house, "twice") == "applied", "it was applied")


# --- trouble of our own ---------------------------------------------------------------------------


def test_an_event_that_cannot_be_stored_now_is_put_off_and_comes_again(house: Stage) -> None:
    with house.ledger_locked():
        assert house.post_events(event("locked-out")).status == 503
    assert state_of(house, "locked-out") is None
    assert house.post_events(event("locked-out")).status == 200
    assert state_of(house, "locked-out") in {"new", "applied"}


# --- storage --------------------------------------------------------------------------------------


def test_a_file_at_a_foreign_host_is_refused_alarmed_and_not_forgotten(house: Stage) -> None:
    with closing(socket.create_server(("127.0.0.2", 0))) as stranger:
        stranger.setblocking(False)  # noqa: FBT003 - the socket's own method
        # Another name for this machine: were it asked, it would hear of it.
        host = f"127.0.0.2:{stranger.getsockname()[1]}"
        before, call = house.alarmed("UrlRefused"), house.name_call()
        house.emulator.arm("files.foreignUrl", call=call, host=host)
        house.begin_call(MIXED_LINE, call=call)
        house.until_captured(call)
        house.end_call(call)
        house.until_alarmed("UrlRefused", since=before)
        assert_refused_twice(house, call)
        with pytest.raises(BlockingIOError):
            stranger.accept()
    (recording,) = house.recordings_in_ledger(call)
    (file,) = recording["files"]
    assert (recording["state"], file["onService"]) == ("awaitingFiles", True)
    (on_service,) = house.emulator.recordings_of(call)
    assert [(f["downloads"], f["exists"]) for f in on_service["files"]] == [(0, True)]


def assert_refused_twice(stage: Stage, call: str) -> None:
    """Wait for a second try, so that there was time for anything that would be sent."""
    query = (
        "SELECT a.tries FROM attempts a JOIN calls c ON c.call_id = a.call_id"
        " WHERE c.server_call_id = ? AND a.verb = 'download' AND a.finished_at IS NULL"
    )
    stage.until(lambda: (stage.rows(query, call) or [(0,)])[0][0] >= 2, "it was refused twice")
