"""Recordings in the JSON form of commands: what of keeping they show."""

from __future__ import annotations

from typing import Any

import pytest
from tests.factories import (
    after,
    keep,
    make_call,
    make_facts,
    make_file,
    make_keeping,
    make_stopped,
    make_verified,
)

from recordingd.domain.recordings import CallFacts, RecordingFile
from recordingd.runtime.views import recordings_of


def shown(facts: CallFacts, *holds: str) -> dict[str, Any]:
    (view,) = recordings_of(facts, now=after(200), locate=lambda copy: copy.uri, held_by=holds)
    return view


def filed(*files: RecordingFile) -> CallFacts:
    return make_facts(make_call(ended_at=after(60)), recordings=make_stopped(), files=files)


@pytest.mark.parametrize(
    ("file", "held_by", "blocked_by"),
    [
        (make_verified(), ["case-1", "case-2"], "holds case-1, case-2"),
        (make_file(), ["case-1", "case-2"], None),
        (make_verified(purged_at=after(100)), [], None),
        (make_file(lost_at=after(100)), [], None),
    ],
    ids=["kept", "on its way", "purged", "lost"],
)
def test_holds_are_named_on_what_they_keep(
    file: RecordingFile, held_by: list[str], blocked_by: str | None
) -> None:
    view = shown(filed(file), "case-1", "case-2")
    assert view["heldBy"] == held_by
    assert [f["blockedBy"] for f in view["files"]] == [blocked_by]


def test_nothing_is_held_without_a_hold() -> None:
    view = shown(filed(make_verified()))
    assert (view["heldBy"], view["files"][0]["blockedBy"]) == ([], None)


@pytest.mark.parametrize("is_certain", [True, False])
def test_recording_with_a_rule_in_doubt_is_undecided(*, is_certain: bool) -> None:
    keeping = (make_keeping(keep("5y"), "mifid-ii", is_certain=is_certain),)
    facts = make_facts(make_call(ended_at=after(60)), recordings=make_stopped(keeping=keeping))
    assert shown(facts)["undecided"] is not is_certain


def test_dates_that_never_come_are_words() -> None:
    keeping = (make_keeping(keep("forever", "1d")),)
    view = shown(make_facts(make_call(), recordings=make_stopped(keeping=keeping)))
    assert (view["keepUntil"], view["deleteAt"]) == ("forever", "never")
