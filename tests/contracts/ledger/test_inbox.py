from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.calls import CallId
from recordingd.domain.errors import InvariantBroken, LedgerFault
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ports.ledger import InboxState

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import Make

CALL = CallId("call-1")


def test_appended_event_is_pending_as_it_arrived(ledger: LedgerDatabase, make: Make) -> None:
    event = make.event(body=b"\x00\xff not json", context="token-hash")
    with ledger.transaction() as store:
        assert store.append_event(event)
    with ledger.transaction() as store:
        assert [row.event for row in store.pending_events(10)] == [event]


def test_second_append_of_an_event_changes_nothing(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        assert not store.append_event(make.event(body=b"another body"))
        assert [row.event for row in store.pending_events(10)] == [make.event()]


def test_applied_event_is_not_added_again(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        store.mark_applied(store.pending_events(1)[0].seq, call_id=CALL, at=make.now)
        assert not store.append_event(make.event())
        assert store.pending_events(10) == []


@pytest.mark.parametrize("part", ["channel", "source", "event_id"])
def test_event_that_differs_in_one_part_of_its_name_is_another(
    ledger: LedgerDatabase, make: Make, part: str
) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        assert store.append_event(make.event(**{part: "other"}))
        assert len(store.pending_events(10)) == 2


def test_pending_events_come_in_the_order_of_arrival_up_to_the_limit(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        for name in ("z", "a", "m"):
            store.append_event(make.event(name))
        assert [row.event.event_id for row in store.pending_events(2)] == ["z", "a"]


@pytest.mark.parametrize("event_id", ["a\x00b", "\u202eevil", "📞📞", "", "x" * 5000])
def test_odd_event_ids_are_kept_exactly(ledger: LedgerDatabase, make: Make, event_id: str) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event(event_id))
        assert not store.append_event(make.event(event_id))
        assert store.pending_events(1)[0].event.event_id == event_id


def test_text_that_is_no_unicode_is_a_fault_of_its_own_job(
    ledger: LedgerDatabase, make: Make
) -> None:
    bad, good = ledger.run_batch(
        [
            lambda store: store.append_event(make.event("\ud800")),
            lambda store: store.append_event(make.event("fine")),
        ]
    )
    assert isinstance(bad.error, LedgerFault)
    assert good.value is True


def test_number_that_is_too_large_is_a_fault_of_its_own_job(
    ledger: LedgerDatabase, make: Make
) -> None:
    bad, good = ledger.run_batch(
        [
            lambda store: store.save(make.facts(participants_seq=2**63), audit=()),
            lambda store: store.append_event(make.event("fine")),
        ]
    )
    assert isinstance(bad.error, LedgerFault)
    assert good.value is True


def test_poison_on_arrival_is_kept_and_never_pending(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        assert store.append_event(make.event(poison="not json"))
        assert store.pending_events(10) == []
        assert store.inbox_counts()[InboxState.POISON] == 1


def test_marked_poison_is_kept_and_not_pending(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        store.mark_poison(store.pending_events(1)[0].seq, error="no data", at=make.now)
        assert store.pending_events(10) == []
        assert not store.append_event(make.event())


def test_counts_have_every_state(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        assert store.inbox_counts() == dict.fromkeys(InboxState, 0)
        for name in ("a", "b", "c"):
            store.append_event(make.event(name))
        store.mark_applied(store.pending_events(1)[0].seq, call_id=None, at=make.now)
        assert store.inbox_counts() == {
            InboxState.NEW: 2,
            InboxState.APPLIED: 1,
            InboxState.POISON: 0,
        }


def test_reopened_event_is_pending_again_in_its_old_place(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        for name in ("a", "b"):
            store.append_event(make.event(name))
        first = store.pending_events(1)[0]
        store.mark_applied(first.seq, call_id=CALL, at=make.now)
        store.reopen_events([first.seq])
        assert [row.event.event_id for row in store.pending_events(10)] == ["a", "b"]


def test_poison_is_not_reopened(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        seq = store.pending_events(1)[0].seq
        store.mark_poison(seq, error="no data", at=make.now)
        store.reopen_events([seq])
        assert store.pending_events(10) == []


def test_wiped_body_is_gone_and_cannot_be_reopened(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        seq = store.pending_events(1)[0].seq
        store.mark_applied(seq, call_id=CALL, at=make.now)
        store.wipe_call_bodies(CALL)
        store.wipe_call_bodies(CALL)
        store.reopen_events([seq])
        assert store.pending_events(10) == []
        assert not store.append_event(make.event())


def test_wiping_one_call_leaves_the_bodies_of_others(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        store.append_event(make.event())
        seq = store.pending_events(1)[0].seq
        store.mark_applied(seq, call_id=CallId("call-2"), at=make.now)
        store.wipe_call_bodies(CALL)
        store.reopen_events([seq])
        assert [row.event for row in store.pending_events(10)] == [make.event()]


def test_marking_an_event_that_is_not_there_is_refused(ledger: LedgerDatabase, make: Make) -> None:
    with pytest.raises(InvariantBroken), ledger.transaction() as store:
        store.mark_applied(7, call_id=None, at=make.now)


def test_time_without_a_zone_is_refused(ledger: LedgerDatabase, make: Make) -> None:
    naive = replace(make.event(), received_at=make.now.replace(tzinfo=None))
    with pytest.raises(InvariantBroken), ledger.transaction() as store:
        store.append_event(naive)
