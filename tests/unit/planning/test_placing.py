from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.factories import T0, after, changed, tag_is

from recordingd.domain.holds import LegalHold, PlacedHold, Released
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import PolicySet
from recordingd.planning.placing import (
    HoldChange,
    Placement,
    Placing,
    after_placing,
    document_text,
    placements,
)

FILE = "holds.yaml"
GRACE = timedelta(hours=24)
CLOSED = Released(at=T0, by="legal", reason="Case closed")


def make_hold(**changes: object) -> LegalHold:
    hold = LegalHold(
        name=RuleName("case-4711"),
        source=Source(file=FILE, line=2),
        match=tag_is("case", "4711"),
        reason="Subpoena",
        owner="legal",
        review_by=date(2027, 1, 1),
    )
    return changed(hold, changes)


def tree(*holds: LegalHold, text: str = "kind: LegalHold\nname: case-4711\n") -> PolicySet:
    return PolicySet(policies=(), groups={}, texts={FILE: text}, digest="", holds=holds)


def placing(hours: float = 0, **changes: object) -> Placing:
    return changed(Placing(revision=3, by="ada", now=after(hours=hours), grace=GRACE), changes)


def place(*holds: LegalHold, text: str = "kind: LegalHold\nname: case-4711\n") -> PlacedHold:
    (placed,) = after_placing((), tree(*holds, text=text), placing())
    return placed


def only(known: PlacedHold, policies: PolicySet, hours: float = 1) -> Placement:
    (placement,) = placements([known], policies, placing(hours))
    return placement


def test_first_load_places_a_hold_with_everything_that_its_document_says() -> None:
    assert place(make_hold()) == PlacedHold(
        name=RuleName("case-4711"),
        text="kind: LegalHold\nname: case-4711\n",
        source=Source(file=FILE, line=2),
        reason="Subpoena",
        owner="legal",
        review_by=date(2027, 1, 1),
        policy_revision=3,
        placed_by="ada",
        placed_at=T0,
    )


def test_loading_a_hold_again_changes_nothing() -> None:
    known = place(make_hold())
    assert placements([known], tree(make_hold()), placing(1, revision=4, by="bob")) == ()


def test_hold_whose_document_is_gone_stays_and_is_flagged() -> None:
    known = place(make_hold())
    gone = only(known, tree())
    assert gone.change is HoldChange.SOURCE_REMOVED
    assert gone.hold == replace(known, source_removed_at=after(hours=1))
    assert gone.hold.is_in_force(after(days=1000))


def test_removed_source_is_told_once() -> None:
    gone = only(place(make_hold()), tree()).hold
    assert placements([gone], tree(), placing(2)) == ()


def test_document_that_comes_back_is_the_same_hold() -> None:
    known = place(make_hold())
    gone = only(known, tree()).hold
    back = only(gone, tree(make_hold()), hours=2)
    assert (back.change, back.hold) == (HoldChange.SOURCE_RETURNED, known)


def test_document_in_another_file_is_the_same_hold() -> None:
    known = place(make_hold())
    moved = only(known, tree(make_hold(source=Source(file=FILE, line=1))))
    assert moved.change is HoldChange.CHANGED
    assert (moved.hold.placed_at, moved.hold.policy_revision) == (T0, 3)


def test_renamed_hold_is_a_new_one_beside_the_old() -> None:
    known = place(make_hold())
    found = placements([known], tree(make_hold(name=RuleName("case-4712"))), placing(1))
    assert [(p.hold.name, p.change) for p in found] == [
        ("case-4711", HoldChange.SOURCE_REMOVED),
        ("case-4712", HoldChange.PLACED),
    ]


@pytest.mark.parametrize("told_at_hours", [-200, 0, 200])
def test_grace_counts_from_the_release_or_from_when_it_is_known_if_that_is_later(
    told_at_hours: int,
) -> None:
    released = replace(CLOSED, at=after(hours=told_at_hours))
    found = only(place(make_hold()), tree(make_hold(released=released), text="changed\n"))
    assert (found.change, found.hold.released) == (HoldChange.RELEASED, released)
    assert found.hold.ends_at == max(after(hours=1), released.at) + GRACE


def test_release_that_is_loaded_again_ends_no_later() -> None:
    policies = tree(make_hold(released=CLOSED), text="changed\n")
    released = only(place(make_hold()), policies).hold
    assert placements([released], policies, placing(5)) == ()


def test_hold_that_is_first_loaded_as_released_still_has_its_grace() -> None:
    assert place(make_hold(released=CLOSED)).ends_at == T0 + GRACE


def test_release_that_is_taken_out_of_the_document_is_withdrawn() -> None:
    released = place(make_hold(released=CLOSED))
    back = only(released, tree(make_hold(), text="changed\n"), hours=48)
    assert back.change is HoldChange.RELEASE_WITHDRAWN
    assert (back.hold.released, back.hold.ends_at) == (None, None)


def test_release_by_a_command_outlives_the_unchanged_document() -> None:
    released = replace(place(make_hold()), released=CLOSED, ends_at=T0)
    assert placements([released], tree(make_hold()), placing(1)) == ()


def test_document_of_a_hold_that_has_ended_may_go() -> None:
    ended = place(make_hold(released=CLOSED))
    assert placements([ended], tree(), placing(25)) == ()


def test_document_of_a_hold_in_its_grace_may_not_go_unseen() -> None:
    released = place(make_hold(released=CLOSED))
    assert only(released, tree(), hours=23).change is HoldChange.SOURCE_REMOVED


SEVERAL = "# one\nkind: A\n---\nkind: B\ntext: |\n  x\n--- # three\nkind: C\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "# one\nkind: A\n"),
        (2, "# one\nkind: A\n"),
        (4, "kind: B\ntext: |\n  x\n"),
        (6, "kind: B\ntext: |\n  x\n"),
        (7, "# three\nkind: C\n"),
        (8, "# three\nkind: C\n"),
    ],
)
def test_document_is_cut_out_of_its_file(line: int, text: str) -> None:
    assert document_text(SEVERAL, line) == text
