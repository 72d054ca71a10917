"""When everything that is kept was held against the rules last, and that one time alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from recordingd.domain.retention import KeptReading
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ledger.upgrading import upgrade

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make


def test_nothing_is_known_of_it_before_the_first_time(ledger: LedgerDatabase) -> None:
    with ledger.transaction() as store:
        assert store.kept_reading() is None


def test_last_reading_counts(ledger: LedgerDatabase, make: Make) -> None:
    first = KeptReading(words="a1", waiting=3, read_at=make.now)
    last = KeptReading(words="b2", waiting=0, read_at=make.now + timedelta(hours=1))
    with ledger.transaction() as store:
        store.note_kept_reading(first)
        assert store.kept_reading() == first
        store.note_kept_reading(last)
        assert store.kept_reading() == last


def test_every_instance_has_its_own(ledger_file: LedgerFile, make: Make) -> None:
    with ledger_file.open().transaction() as store:
        store.note_kept_reading(KeptReading(words="a1", waiting=0, read_at=make.now))
    upgrade(ledger_file.url, instance="fabrikam", backup_dir=ledger_file.path.parent / "b")
    with ledger_file.open(instance="fabrikam").transaction() as store:
        assert store.kept_reading() is None
