from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.calls import CallId
from recordingd.domain.durations import Duration
from recordingd.domain.recordings import CallFacts, Outcome
from recordingd.domain.retention import KeptTotals, MovedItems
from recordingd.ledger.engine import LedgerDatabase
from recordingd.ports.ledger import RecordingFilter

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import Make


def save(ledger: LedgerDatabase, *several: CallFacts) -> list[CallFacts]:
    """Save calls and return them by id, the order in which they are listed."""
    with ledger.transaction() as store:
        saved = [store.save(facts, audit=()) for facts in several]
    return sorted(saved, key=lambda f: f.call.call_id)


def kept(make: Make, name: str, *, days: int = 30) -> CallFacts:
    """A call that is over, whose only recording is kept for some days from now."""
    recording = make.recording(
        f"r-{name}",
        keeping=(make.keeping(delete_after=Duration(days=days)),),
        first_sent_at=make.now,
        stopped_at=make.now,
    )
    file = make.file(f"f-{name}", recording=recording.id, verified_at=make.now, removed_at=make.now)
    return make.facts(
        name, started_at=make.now, ended_at=make.now, recordings=(recording,), files=(file,)
    )


def wanted(make: Make, name: str, **changes: object) -> CallFacts:
    """A call whose recording is expected."""
    return make.facts(name, recordings=(make.recording(f"r-{name}", **changes),))


def attention(
    ledger: LedgerDatabase, *, due_by: datetime, after: CallId | None = None, limit: int = 100
) -> list[CallId]:
    with ledger.transaction() as store:
        return list(store.calls_needing_attention(due_by=due_by, after=after, limit=limit))


def test_open_call_needs_attention_whatever_the_date(ledger: LedgerDatabase, make: Make) -> None:
    (saved,) = save(ledger, make.facts(started_at=make.now))
    assert attention(ledger, due_by=make.now - timedelta(days=1)) == [saved.call.call_id]


def test_call_that_is_over_needs_no_attention(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, make.facts(started_at=make.now, ended_at=make.now))
    assert attention(ledger, due_by=make.now) == []


@pytest.mark.parametrize(("off", "is_due"), [(-1, False), (0, True), (1, True)])
def test_kept_call_needs_attention_from_its_next_date_on(
    ledger: LedgerDatabase, make: Make, off: int, *, is_due: bool
) -> None:
    (saved,) = save(ledger, kept(make, "one"))
    at = make.now + timedelta(days=30, microseconds=off)
    assert attention(ledger, due_by=at) == [saved.call.call_id] * is_due


def test_attention_is_paged_by_call_id(ledger: LedgerDatabase, make: Make) -> None:
    live = [make.facts(f"live-{n}", started_at=make.now) for n in range(4)]
    due = [kept(make, f"due-{n}") for n in range(4)]
    expected = [f.call.call_id for f in save(ledger, *live, *due)]
    at = make.now + timedelta(days=31)
    seen: list[CallId] = []
    while page := attention(ledger, due_by=at, after=seen[-1] if seen else None, limit=3):
        assert len(page) <= 3
        seen += page
    assert seen == expected


def test_call_both_open_and_due_is_listed_once(ledger: LedgerDatabase, make: Make) -> None:
    facts = replace(kept(make, "one"), attempts=(make.attempt(target="x"),))
    (saved,) = save(ledger, facts)
    assert attention(ledger, due_by=make.now + timedelta(days=31)) == [saved.call.call_id]


def test_calls_without_recordings_are_not_listed(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, make.facts("none"), kept(make, "one"), wanted(make, "two"))
    with ledger.transaction() as store:
        found = store.list_calls(RecordingFilter())
    assert list(found) == [f for f in saved if f.recordings]


def test_listing_is_paged_by_call_id(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, *(wanted(make, str(n)) for n in range(7)))
    seen: list[CallFacts] = []
    with ledger.transaction() as store:
        while page := store.list_calls(
            RecordingFilter(limit=3, cursor=seen[-1].call.call_id if seen else None)
        ):
            assert len(page) <= 3
            seen += page
    assert seen == saved


def since(ledger: LedgerDatabase, moment: datetime, *, limit: int = 100) -> list[CallFacts]:
    """Return every call since a moment, page by page."""
    seen: list[CallFacts] = []
    with ledger.transaction() as store:
        while page := store.calls_since(
            moment, after=seen[-1].call.call_id if seen else None, limit=limit
        ):
            assert len(page) <= limit
            seen += page
    return seen


@pytest.mark.parametrize(("off", "is_listed"), [(-1, False), (0, True), (1, True)])
def test_call_is_listed_from_the_moment_on_that_it_was_first_seen(
    ledger: LedgerDatabase, make: Make, off: int, *, is_listed: bool
) -> None:
    seen_at = make.now + timedelta(microseconds=off)
    (saved,) = save(ledger, make.facts(first_seen_at=seen_at, started_at=seen_at))
    assert since(ledger, make.now) == [saved] * is_listed


def test_calls_since_a_moment_come_whole_and_paged_by_call_id(
    ledger: LedgerDatabase, make: Make
) -> None:
    before = make.now - timedelta(days=31)
    old = [kept(make, f"old-{n}") for n in range(3)]
    save(ledger, *(replace(f, call=replace(f.call, first_seen_at=before)) for f in old))
    saved = save(ledger, make.facts("bare"), *(kept(make, str(n)) for n in range(4)))
    assert since(ledger, make.now - timedelta(days=30), limit=2) == saved


def test_call_with_two_recordings_is_listed_once(ledger: LedgerDatabase, make: Make) -> None:
    over = make.recording("r-over", outcome=Outcome.REFUSED)
    save(ledger, make.facts(recordings=(make.recording("r-open"), over)))
    with ledger.transaction() as store:
        assert len(store.list_calls(RecordingFilter())) == 1


@pytest.mark.parametrize(
    ("states", "expected"),
    [({"kept"}, {"one"}), ({"expected"}, {"two"}), ({"kept", "expected"}, {"one", "two"})],
)
def test_listing_is_filtered_by_state(
    ledger: LedgerDatabase, make: Make, states: set[str], expected: set[str]
) -> None:
    save(ledger, kept(make, "one"), wanted(make, "two"))
    with ledger.transaction() as store:
        found = store.list_calls(RecordingFilter(states=frozenset(states)))
    assert {f.call.server_call_id for f in found} == {f"server-{name}" for name in expected}


def test_listing_is_filtered_by_policy(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, wanted(make, "one", policy="sales"), wanted(make, "two", policy="support"))
    with ledger.transaction() as store:
        found = store.list_calls(RecordingFilter(policy="sales"))
    assert [f.call.server_call_id for f in found] == ["server-one"]


def test_state_and_policy_must_be_those_of_one_recording(
    ledger: LedgerDatabase, make: Make
) -> None:
    over = make.recording("r-over", policy="sales", outcome=Outcome.REFUSED)
    open_one = make.recording("r-open", policy="support")
    save(ledger, make.facts(recordings=(over, open_one)))
    with ledger.transaction() as store:
        for state, policy, count in (
            ("expected", "sales", 0),
            ("expected", "support", 1),
            ("notRecorded", "sales", 1),
        ):
            asked = RecordingFilter(states=frozenset({state}), policy=policy)
            assert len(store.list_calls(asked)) == count


def moved(make: Make, name: str, *, at: datetime | None) -> CallFacts:
    """A kept recording with two copies of 10 bytes, one of them deleted, whose date has moved."""
    facts = kept(make, name)
    (recording,) = facts.recordings
    (file,) = facts.files
    copies = (
        make.copy(file=file.id),
        make.copy(file=file.id, store="other", deleted_at=make.now),
    )
    recordings = (replace(recording, delete_moved_at=at),)
    return replace(facts, recordings=recordings, files=(file,), copies=copies)


@pytest.mark.parametrize(("off", "is_counted"), [(-1, False), (0, False), (1, True)])
def test_what_came_earlier_counts_after_a_moment(
    ledger: LedgerDatabase, make: Make, off: int, *, is_counted: bool
) -> None:
    save(
        ledger,
        moved(make, "one", at=make.now + timedelta(microseconds=off)),
        moved(make, "two", at=None),
    )
    with ledger.transaction() as store:
        found = store.moved_items(after=make.now)
        assert store.kept_totals() == KeptTotals(count=2)
    assert found == MovedItems(count=is_counted, size_bytes=10 * is_counted)


def test_only_what_is_kept_counts(ledger: LedgerDatabase, make: Make) -> None:
    facts = moved(make, "one", at=make.now)
    purged = replace(facts.files[0], purged_at=make.now)
    save(ledger, replace(facts, files=(purged,)))
    with ledger.transaction() as store:
        found = store.moved_items(after=make.now - timedelta(days=1))
        assert store.kept_totals() == KeptTotals(count=0)
    assert found == MovedItems(count=0, size_bytes=0)


def test_recording_with_several_copies_counts_once(ledger: LedgerDatabase, make: Make) -> None:
    facts = moved(make, "one", at=make.now)
    more = make.copy(file=facts.files[0].id, store="third", size_bytes=7)
    save(ledger, replace(facts, copies=(*facts.copies, more)))
    with ledger.transaction() as store:
        found = store.moved_items(after=make.now - timedelta(days=1))
    assert found == MovedItems(count=1, size_bytes=17)


def test_recording_is_found_by_the_start_of_either_id(ledger: LedgerDatabase, make: Make) -> None:
    (saved,) = save(ledger, wanted(make, "abc", recording_id="eyJ-xyz"))
    with ledger.transaction() as store:
        for prefix in ("r-abc", "r-a", "eyJ-xyz", "eyJ"):
            assert store.find_recording(prefix) == [(saved.call.call_id, "r-abc")]
        for prefix in ("abc", "R-A", "%", "r_", "eyj"):
            assert store.find_recording(prefix) == []


def test_at_most_ten_recordings_are_found(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, *(wanted(make, f"{n:02}") for n in range(12)))
    with ledger.transaction() as store:
        assert [r for _, r in store.find_recording("r-")] == [f"r-{n:02}" for n in range(10)]


def test_call_is_found_by_the_start_of_either_id(ledger: LedgerDatabase, make: Make) -> None:
    (saved,) = save(ledger, make.facts("abc"))
    with ledger.transaction() as store:
        for prefix in (saved.call.call_id, "call-", "server-abc", "server-a"):
            assert store.find_calls(prefix) == [saved.call.call_id]
        for prefix in ("abc", "SERVER-A", "%", "server_"):
            assert store.find_calls(prefix) == []


def test_whole_server_call_id_finds_its_call_alone(ledger: LedgerDatabase, make: Make) -> None:
    facts = [make.facts("abc"), make.facts("abcd")]
    save(ledger, *facts)
    with ledger.transaction() as store:
        assert store.find_calls("server-abc") == [facts[0].call.call_id]
        assert len(store.find_calls("server-ab")) == 2


def test_at_most_ten_calls_are_found(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, *(make.facts(f"{n:02}") for n in range(12)))
    with ledger.transaction() as store:
        assert len(store.find_calls("server-")) == 10


def test_file_is_found_by_its_document_also_when_purged(ledger: LedgerDatabase, make: Make) -> None:
    facts = kept(make, "one")
    purged = replace(facts.files[0], purged_at=make.now)
    (saved,) = save(ledger, replace(facts, files=(purged,)))
    with ledger.transaction() as store:
        assert store.find_file("document-f-one") == (saved.call.call_id, "f-one")
        assert store.find_file("document-f") is None


def test_recordings_are_counted_by_state(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, kept(make, "one"), wanted(make, "two"), wanted(make, "three"))
    with ledger.transaction() as store:
        assert store.recording_counts() == {"kept": 1, "expected": 2}


def test_only_established_calls_that_are_not_over_are_live(
    ledger: LedgerDatabase, make: Make
) -> None:
    stub = make.facts("stub")
    live = make.facts("live", started_at=make.now)
    over = make.facts("over", started_at=make.now, ended_at=make.now)
    never = make.facts("never", ended_at=make.now)
    save(ledger, stub, live, over, never)
    with ledger.transaction() as store:
        assert store.live_call_count() == 1


def test_change_of_a_file_changes_the_state_of_its_recording(
    ledger: LedgerDatabase, make: Make
) -> None:
    facts = kept(make, "one")
    announced = replace(facts.files[0], verified_at=None, removed_at=None)
    (saved,) = save(ledger, replace(facts, files=(announced,)))
    with ledger.transaction() as store:
        assert store.recording_counts() == {"awaitingFiles": 1}
    save(ledger, replace(saved, files=facts.files))
    with ledger.transaction() as store:
        assert store.recording_counts() == {"kept": 1}
