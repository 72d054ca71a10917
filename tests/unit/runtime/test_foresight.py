"""What a plan finds in the ledger, and what it need not look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.factories import T0, after, keep, make_keeping
from tests.unit.runtime.offices import Office, open_office
from tests.unit.runtime.trees import HOLD, LOCKED, POLICY, write_tree

from recordingd.config.policy_files import load_policies
from recordingd.config.saved_plans import faults_of
from recordingd.domain.approvals import Approval
from recordingd.domain.recordings import CallFacts, RecordingId
from recordingd.domain.retention import KeptReading
from recordingd.planning.forecast import PlanLine, Section
from recordingd.planning.keeping_words import keeping_words
from recordingd.planning.rendering import PrintedPlan
from recordingd.runtime.foresight import FEW, Foresight

SHORTER = POLICY.format(name="everything").replace("1y", "30d")
LONGER = POLICY.format(name="everything").replace("1y", "2y")
SOON = after(days=2)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as made:
        yield made


def look(
    office: Office,
    *,
    now: datetime = SOON,
    days: int = 7,
    seen: list[str] | None = None,
    few: int = FEW,
) -> PrintedPlan:
    """Plan with the files as they are; the calls that were looked at go to `seen`."""

    def note(facts: CallFacts) -> None:
        if seen is not None:
            seen.append(facts.call.call_id)

    settings = office.settings
    with office.runner.database.transaction() as ledger:
        plan = Foresight(
            ledger=ledger,
            settings=settings,
            policies=load_policies(settings.policies),
            now=now,
            horizon=now + timedelta(days=days),
            seen=note,
            few=few,
        ).plan()
    assert list(faults_of(json.loads(json.dumps(plan.as_json())))) == []
    return plan


def in_section(plan: PrintedPlan, section: Section) -> list[tuple[str, str, str | None]]:
    return [(one.verb, one.target, one.blocked_by) for one in plan.section(section)]


def approve(office: Office, *names: str) -> None:
    """Write the approval of a plan with the files as they are."""
    approval = Approval(
        id="a1",
        plan_digest="p",
        policy_digest=load_policies(office.settings.policies).digest,
        recordings=frozenset(map(RecordingId, names)),
        reason="agreed",
        approved_by="ada",
        approved_at=T0,
        expires_at=after(days=7),
    )
    with office.runner.database.transaction() as ledger:
        ledger.add_approval(approval)


def note_reading(office: Office, *, waiting: int = 0) -> None:
    """Have the daemon read all that is kept under the files as they are."""
    words = keeping_words(load_policies(office.settings.policies), office.settings.ceiling)
    with office.runner.database.transaction() as ledger:
        ledger.note_kept_reading(KeptReading(words=words, waiting=waiting, read_at=after(days=1)))


# --- what is shown --------------------------------------------------------------------------------


def test_nothing_is_shown_where_the_files_are_in_force_and_nothing_is_due(office: Office) -> None:
    office.begin()
    office.keep(3)
    plan = look(office)
    assert plan.lines == ()
    assert (plan.candidates, plan.unread) == ((), 0)


def test_every_rule_is_new_before_the_first_start(office: Office) -> None:
    plan = look(office)
    assert in_section(plan, Section.POLICY) == [("add", "RecordingPolicy everything", None)]


def test_shortening_is_shown_per_rule_per_recording_and_as_a_sum(office: Office) -> None:
    office.begin()
    office.keep(3)
    write_tree(office.settings, {"all.yaml": SHORTER})
    plan = look(office)
    unapproved = "shortening needs an approved plan"
    assert in_section(plan, Section.POLICY) == [
        ("change", "RecordingPolicy everything", None),
        ("change", "kept recordings", unapproved),
    ]
    assert in_section(plan, Section.SWEEPS) == [("change", f"r{n}", unapproved) for n in range(3)]
    assert plan.candidates == ("r0", "r1", "r2")
    (summed,) = [one for one in plan.lines if one.is_sum]
    assert summed.why.text == ("would be kept shorter: 3 recordings (192.0 kB), until 2026-12-02")


def test_shortening_goes_on_being_shown_after_it_was_taken_into_force(office: Office) -> None:
    office.begin()
    office.keep(3)
    write_tree(office.settings, {"all.yaml": SHORTER})
    assert office.reload().in_force.revision == 2
    plan = look(office)
    assert plan.candidates == ("r0", "r1", "r2")
    assert in_section(plan, Section.POLICY) == [
        ("change", "kept recordings", "shortening needs an approved plan")
    ]


def test_lengthening_is_due_and_needs_no_approval(office: Office) -> None:
    office.begin()
    office.keep(3)
    write_tree(office.settings, {"all.yaml": LONGER})
    plan = look(office)
    assert [one.is_due for one in plan.section(Section.SWEEPS)] == [True] * 3
    assert plan.candidates == ()
    (summed,) = [one for one in plan.lines if one.is_sum]
    assert "kept longer at once: 3 recordings" in summed.why.text


def test_approved_shortening_is_due_and_names_who_approved_it(office: Office) -> None:
    office.begin()
    office.keep(3)
    write_tree(office.settings, {"all.yaml": SHORTER})
    approve(office, "r0", "r2")
    plan = look(office)
    assert plan.candidates == ("r1",)
    due = {one.target: one.why.text for one in plan.section(Section.SWEEPS) if one.is_due}
    assert due.keys() == {"r0", "r2"}
    assert all(text.endswith(", as approved by ada") for text in due.values())


def test_approval_of_other_files_counts_for_nothing(office: Office) -> None:
    office.begin()
    office.keep(1)
    write_tree(office.settings, {"all.yaml": SHORTER})
    approve(office, "r0")
    write_tree(office.settings, {"all.yaml": SHORTER.replace("30d", "20d")})
    assert look(office).candidates == ("r0",)


def test_approved_shortening_that_makes_something_due_shows_its_purge(office: Office) -> None:
    office.begin()
    office.keep(1)
    write_tree(office.settings, {"all.yaml": SHORTER.replace("30d", "1d")})
    approve(office, "r0")
    assert in_section(look(office), Section.SWEEPS) == [
        ("change", "r0", None),
        ("purge", "f0", None),
    ]


def test_hold_of_the_files_counts_before_it_is_placed(office: Office) -> None:
    brief = POLICY.format(name="everything").replace("1y", "1d")
    write_tree(office.settings, {"all.yaml": brief})
    office.begin()
    office.keep(1, keeping=(make_keeping(keep(delete_after="1d"), rule="everything#retention"),))
    assert in_section(look(office), Section.SWEEPS) == [("purge", "f0", None)]
    on_all = '{startedBetween: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]}'
    hold = HOLD.replace('{tags: {case: "4711"}}', on_all)
    write_tree(office.settings, {"all.yaml": brief, "hold.yaml": hold})
    assert in_section(look(office), Section.SWEEPS) == [("purge", "f0", "hold case-4711")]


def test_what_a_floor_keeps_beyond_its_deletion_is_shown_as_kept(office: Office) -> None:
    office.begin()
    inline = make_keeping(keep(delete_after="1d"), rule="everything#retention", revision=1)
    floor = make_keeping(keep("1y"), rule="mifid-ii", revision=1)
    office.keep(1, keeping=(inline, floor))
    write_tree(office.settings, {"all.yaml": POLICY.format(name="everything").replace("1y", "1d")})
    kept = [one for one in look(office).section(Section.SWEEPS) if one.verb == "keep"]
    assert [one.target for one in kept] == ["r0"]
    assert "everything#retention would delete it, and mifid-ii keeps it" in kept[0].why.text


def test_locked_rule_that_shrinks_refuses_the_files(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    office.write(LOCKED.format(floor="3y"))
    plan = look(office)
    assert [one.blocked_by for one in plan.locked] == ["its lock"]
    assert "A reload refuses these files" in plan.as_text()


# --- what a reload would refuse -------------------------------------------------------------------


def refusals(plan: PrintedPlan) -> list[PlanLine]:
    return [one for one in plan.refusals if one.blocked_by == "the guard maxDeletes"]


def test_set_that_a_reload_refuses_is_shown_as_refused_in_its_words(office: Office) -> None:
    office.begin()
    office.keep(12)
    write_tree(office.settings, {"all.yaml": SHORTER})
    (line,) = refusals(look(office))
    assert office.reload().judged.refusals == (line.why.text,)


@pytest.mark.parametrize("count", [3, 12])
def test_set_that_a_reload_takes_is_not_shown_as_refused(office: Office, count: int) -> None:
    office.begin()
    office.keep(count)
    write_tree(office.settings, {"all.yaml": SHORTER})
    if count == 12:
        approve(office, *(f"r{n}" for n in range(12)))
    assert refusals(look(office)) == []
    assert office.reload().judged.refusals == ()


def test_set_that_is_in_force_is_not_refused(office: Office) -> None:
    office.begin()
    office.keep(12, keeping=())
    plan = look(office)
    assert len(plan.candidates) == 12
    assert refusals(plan) == []


# --- what need not be looked at -------------------------------------------------------------------


def test_kept_recordings_are_not_read_where_no_rule_says_anything_new(office: Office) -> None:
    office.begin()
    office.keep(3)
    note_reading(office)
    seen: list[str] = []
    plan = look(office, seen=seen, few=2)
    assert (plan.unread, seen) == (3, [])


def test_few_kept_recordings_are_always_read(office: Office) -> None:
    office.begin()
    office.keep(2)
    note_reading(office)
    seen: list[str] = []
    assert look(office, seen=seen, few=2).unread == 0
    assert len(seen) == 2


def test_what_falls_due_is_looked_at_all_the_same(office: Office) -> None:
    office.begin()
    office.keep(3)
    note_reading(office)
    seen: list[str] = []
    plan = look(office, days=400, seen=seen, few=2)
    assert (plan.unread, len(seen)) == (0, 3)
    assert [one.verb for one in plan.lines] == ["purge"] * 3


@pytest.mark.parametrize("is_waiting", [False, True], ids=["words", "waiting"])
def test_kept_recordings_are_read_where_a_rule_may_say_something_new(
    office: Office, *, is_waiting: bool
) -> None:
    office.begin()
    office.keep(3)
    note_reading(office, waiting=int(is_waiting))
    if not is_waiting:
        write_tree(office.settings, {"all.yaml": SHORTER})
    seen: list[str] = []
    assert look(office, seen=seen, few=2).unread == 0
    assert len(seen) == 3


@pytest.mark.parametrize(("text", "unread"), [(None, 3), (SHORTER, 0)], ids=["same", "other"])
def test_before_any_daemon_has_read_them_the_revision_in_force_is_asked(
    office: Office, text: str | None, unread: int
) -> None:
    office.begin()
    office.keep(3)
    if text is not None:
        write_tree(office.settings, {"all.yaml": text})
    assert look(office, few=2).unread == unread


def test_another_ceiling_has_them_read(office: Office) -> None:
    office.begin()
    office.keep(3)
    note_reading(office)
    office.settings = replace(office.settings, ceiling=None)
    assert look(office, few=2).unread == 0
