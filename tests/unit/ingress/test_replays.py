"""A token lets in the events it came with, again and again, and no others."""

from __future__ import annotations

from datetime import UTC, datetime

from recordingd.ingress import replays
from recordingd.ingress.replays import TokenUses
from recordingd.ingress.tokens import Token
from recordingd.ports.ledger import InboxEvent

NOW = 1_000_000.0


def token(text: str = "token-1", *, expires_at: float = NOW + 330) -> Token:
    return Token(text=text, expires_at=expires_at)


def event(
    event_id: str = "1", *, body: bytes = b'{"id":"1"}', context: str = "call-a"
) -> InboxEvent:
    return InboxEvent(
        channel="callbacks",
        source="s",
        event_id=event_id,
        body=body,
        context=context,
        received_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def test_same_events_are_admitted_as_often_as_they_come() -> None:
    uses = TokenUses()
    assert all(uses.admits(token(), [event()], now=NOW + n) for n in range(5))


def test_order_of_the_events_does_not_matter() -> None:
    uses = TokenUses()
    one, two = event(body=b"1"), event(body=b"2")
    assert uses.admits(token(), [one, two], now=NOW)
    assert uses.admits(token(), [two, one], now=NOW)


def test_used_token_admits_no_other_body() -> None:
    uses = TokenUses()
    assert uses.admits(token(), [event()], now=NOW)
    assert not uses.admits(token(), [event(body=b'{"id":"2"}')], now=NOW)


def test_used_token_admits_no_other_body_under_the_same_event_id() -> None:
    uses = TokenUses()
    assert uses.admits(token(), [event()], now=NOW)
    assert not uses.admits(token(), [event(body=b'{"id":"1","data":{}}')], now=NOW)


def test_used_token_admits_nothing_at_another_address() -> None:
    uses = TokenUses()
    assert uses.admits(token(), [event()], now=NOW)
    assert not uses.admits(token(), [event(context="call-b")], now=NOW)


def test_used_token_admits_no_part_of_its_events_and_no_more() -> None:
    uses = TokenUses()
    one, two = event(body=b"1"), event(body=b"2")
    assert uses.admits(token(), [one], now=NOW)
    assert not uses.admits(token(), [one, two], now=NOW)
    assert not uses.admits(token(), [], now=NOW)


def test_another_token_is_bound_by_itself() -> None:
    uses = TokenUses()
    assert uses.admits(token("a"), [event(body=b"1")], now=NOW)
    assert uses.admits(token("b"), [event(body=b"2")], now=NOW)


def test_tokens_are_remembered_until_they_expire_and_not_longer() -> None:
    uses = TokenUses()
    for number in range(100):
        uses.admits(token(str(number), expires_at=NOW + 330), [event()], now=NOW)
    uses.admits(token("late", expires_at=NOW + 660), [event()], now=NOW + 329)
    assert len(uses) == 101
    uses.admits(token("later", expires_at=NOW + 661), [event()], now=NOW + 330)
    assert len(uses) == 2


def test_memory_is_bounded_and_the_oldest_are_forgotten_first() -> None:
    uses = TokenUses()
    for number in range(replays.TOKENS_MAX + 10):
        uses.admits(token(str(number)), [event()], now=NOW)
    assert len(uses) == replays.TOKENS_MAX
    newest = str(replays.TOKENS_MAX + 9)
    assert not uses.admits(token(newest), [event(body=b"other")], now=NOW)
