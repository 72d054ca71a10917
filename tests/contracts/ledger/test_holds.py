"""Holds are remembered as they were placed, and every change of one is seen at the purge gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.errors import LedgerFault
from recordingd.domain.holds import PlacedHold, Released
from recordingd.domain.matchers import RuleName, Source
from recordingd.ledger.engine import LedgerDatabase

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make


def make_hold(name: str = "case-4711", *, at: datetime) -> PlacedHold:
    return PlacedHold(
        name=RuleName(name),
        text=f"kind: LegalHold\nname: {name}\n",
        source=Source(file="holds/ä.yaml", line=3),
        reason="Subpoena",
        owner="legal@contoso.example",
        review_by=date(2027, 1, 1),
        policy_revision=4,
        placed_by="root",
        placed_at=at,
    )


def test_hold_reads_back_as_it_was_placed(ledger: LedgerDatabase, make: Make) -> None:
    hold = make_hold(at=make.now)
    with ledger.transaction() as store:
        assert store.holds() == []
        store.place_hold(hold)
        assert store.holds() == [hold]


def test_holds_are_listed_by_name(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        for name in ("b", "a", "c"):
            store.place_hold(make_hold(name, at=make.now))
        assert [hold.name for hold in store.holds()] == ["a", "b", "c"]


def test_hold_that_is_released_is_written_over_and_stays(
    ledger: LedgerDatabase, make: Make
) -> None:
    hold = make_hold(at=make.now)
    released = replace(
        hold,
        review_by=None,
        source_removed_at=make.now,
        released=Released(at=make.now, by="legal", reason="Case closed"),
        ends_at=make.now + timedelta(hours=24),
    )
    with ledger.transaction() as store:
        store.place_hold(hold)
        store.place_hold(released)
        assert store.holds() == [released]


def test_every_change_of_a_hold_raises_the_gates_generation(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        assert store.claim_purge() == 0
        store.place_hold(make_hold(at=make.now))
        assert store.claim_purge() == 1
        store.place_hold(make_hold(at=make.now))
        assert store.claim_purge() == 2


def test_generation_can_be_read_where_nothing_can_be_claimed(
    ledger_file: LedgerFile, make: Make
) -> None:
    with ledger_file.open().transaction() as store:
        assert store.purge_generation() == 0
        store.place_hold(make_hold(at=make.now))
        assert store.purge_generation() == store.claim_purge() == 1
    with ledger_file.open(read_only=True).transaction() as store:
        assert store.purge_generation() == 1


def test_generation_can_be_read_while_purges_are_frozen(ledger_file: LedgerFile) -> None:
    ledger_file.tamper("UPDATE purge_gate SET frozen_reason = 'the clock jumped', generation = 4")
    with ledger_file.open().transaction() as store:
        assert store.purge_generation() == 4


def test_other_changes_of_the_ledger_leave_the_gates_generation(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        before = store.generation()
        store.append_event(make.event())
    with ledger.transaction() as store:
        assert store.generation() > before
        assert store.purge_generation() == 0


def test_ledger_opened_for_reading_cannot_place_a_hold(ledger_file: LedgerFile, make: Make) -> None:
    reader = ledger_file.open(read_only=True)
    with pytest.raises(LedgerFault), reader.transaction() as store:
        store.place_hold(make_hold(at=make.now))


@pytest.mark.parametrize(("off", "counts"), [(-1, True), (0, False), (1, False)])
def test_released_hold_counts_until_its_end(make: Make, off: int, *, counts: bool) -> None:
    hold = replace(make_hold(at=make.now), ends_at=make.now)
    assert hold.is_in_force(make.now + timedelta(microseconds=off)) is counts


def test_hold_that_nobody_released_always_counts(make: Make) -> None:
    assert make_hold(at=make.now).is_in_force(make.now + timedelta(days=10_000))
