"""Foreign files, policy trees, and the purge gate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.errors import LedgerFault, UnsafePlan
from recordingd.domain.recordings import ServiceRecordingId
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ports.ledger import ForeignFile

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import LedgerFile, Make

OURS = ServiceRecordingId("service-r")


def foreign(make: Make, name: str, *, seq: int = 1, recording: str | None = OURS) -> ForeignFile:
    return ForeignFile(
        document_id=name, recording_id=recording, first_seen_at=make.now, inbox_seq=seq
    )


def test_foreign_files_are_listed_newest_first(ledger: LedgerDatabase, make: Make) -> None:
    files = [foreign(make, "a")]
    make.now += timedelta(seconds=1)
    files.append(foreign(make, "b", recording=None))
    with ledger.transaction() as store:
        for file in files:
            store.add_foreign(file)
        assert store.list_foreign(10) == files[::-1]
        assert store.list_foreign(1) == files[1:]


def test_foreign_file_is_remembered_as_it_was_first_seen(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        store.add_foreign(foreign(make, "a", seq=1))
        store.add_foreign(foreign(make, "a", seq=2))
        assert store.list_foreign(10) == [foreign(make, "a", seq=1)]


def test_taken_foreign_files_are_gone_and_name_their_announcements(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        for name, seq in (("c", 9), ("a", 2), ("b", 2)):
            store.add_foreign(foreign(make, name, seq=seq))
        store.add_foreign(foreign(make, "other", recording="service-other"))
        assert store.take_foreign(OURS) == [2, 9]
        assert store.take_foreign(OURS) == []
        assert [f.document_id for f in store.list_foreign(10)] == ["other"]


@pytest.mark.parametrize("announced", ["service-r", "service-r=", "service-r=="])
@pytest.mark.parametrize("started", ["service-r", "service-r="])
def test_foreign_files_are_taken_with_and_without_padding(
    ledger: LedgerDatabase, make: Make, announced: str, started: str
) -> None:
    with ledger.transaction() as store:
        store.add_foreign(foreign(make, "a", seq=5, recording=announced))
        assert store.take_foreign(ServiceRecordingId(started)) == [5]


def test_first_revision_has_number_one(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        assert store.latest_revision() is None
        added = store.add_revision(
            digest="d1", texts={"all.yaml": "kind: X\n"}, git_commit=None, at=make.now
        )
        assert added.revision == 1
        assert store.latest_revision() == added


def test_every_revision_stays_readable(ledger: LedgerDatabase, make: Make) -> None:
    with ledger.transaction() as store:
        added = [
            store.add_revision(digest=d, texts={"ä.yaml": d}, git_commit="c0ffee", at=make.now)
            for d in ("d1", "d2", "d1")
        ]
        assert [r.revision for r in added] == [1, 2, 3]
        assert [store.revision(n) for n in (1, 2, 3)] == added
        assert store.latest_revision() == added[-1]
        assert store.revision(4) is None


def accept(ledger: LedgerDatabase, *times: datetime) -> None:
    with ledger.transaction() as store:
        for n, at in enumerate(times):
            store.add_revision(digest=f"d{n}", texts={"a.yaml": str(n)}, git_commit=None, at=at)


@pytest.mark.parametrize(
    ("off", "revision"), [(-1, None), (0, 1), (1, 1), (9, 1), (10, 2), (1000, 2)]
)
def test_revision_of_a_moment_is_the_newest_accepted_until_then(
    ledger: LedgerDatabase, make: Make, off: int, revision: int | None
) -> None:
    accept(ledger, make.now, make.now + timedelta(microseconds=10))
    with ledger.transaction() as store:
        found = store.revision_at(make.now + timedelta(microseconds=off))
    assert (None if found is None else found.revision) == revision


def test_revisions_come_newest_first_and_no_more_than_asked(
    ledger: LedgerDatabase, make: Make
) -> None:
    accept(ledger, make.now, make.now, make.now)
    with ledger.transaction() as store:
        assert [r.revision for r in store.revisions(10)] == [3, 2, 1]
        assert [r.revision for r in store.revisions(2)] == [3, 2]
        assert store.revisions(10)[0] == store.latest_revision()


def test_purge_is_claimed_at_the_gates_generation(ledger: LedgerDatabase) -> None:
    with ledger.transaction() as store:
        assert store.claim_purge() == 0


def test_frozen_gate_refuses_a_claim(ledger_file: LedgerFile) -> None:
    ledger_file.tamper("UPDATE purge_gate SET frozen_reason = 'the clock jumped', generation = 4")
    with (
        pytest.raises(UnsafePlan, match="the clock jumped"),
        ledger_file.open().transaction() as store,
    ):
        store.claim_purge()


def test_ledger_opened_for_reading_cannot_claim(ledger_file: LedgerFile) -> None:
    reader = ledger_file.open(read_only=True)
    with pytest.raises(LedgerFault), reader.transaction() as store:
        store.claim_purge()
