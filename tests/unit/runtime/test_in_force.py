from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.factories import T0, after
from tests.unit.runtime.offices import Office, open_office
from tests.unit.runtime.trees import CONSENT, HOLD, LOCKED, RELEASED, write_tree

from recordingd.config.settings import Settings
from recordingd.domain.durations import parse_duration
from recordingd.domain.errors import ConfigurationError, UnsafePlan

NONSENSE = {"all.yaml": "kind: Nonsense\n"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as made:
        yield made


# --- the start ------------------------------------------------------------------------------------


def test_first_tree_is_revision_one(office: Office) -> None:
    in_force = office.begin()
    assert (in_force.revision, in_force.last_reload.error) == (1, None)


def test_same_tree_keeps_its_number(office: Office) -> None:
    assert office.begin().digest == office.begin().digest
    assert office.begin().revision == 1


def test_invalid_tree_at_the_start_falls_back_to_the_accepted_text(office: Office) -> None:
    office.begin()
    write_tree(office.settings, NONSENSE)
    again = office.begin()
    assert again.compiled.by_name("everything") is not None
    assert again.revision == 1
    assert "all.yaml:1" in (again.last_reload.error or "")


def test_refused_tree_at_the_start_falls_back_to_the_accepted_text(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    office.write()
    again = office.begin()
    assert [r.name for r in again.compiled.policies.retention_rules] == ["mifid-ii"]
    assert "it is missing" in (again.last_reload.error or "")


@pytest.mark.parametrize("is_strict", [False, True])
def test_invalid_tree_with_nothing_accepted_is_refused_with_every_fault(
    office: Office, *, is_strict: bool
) -> None:
    write_tree(office.settings, NONSENSE)
    with pytest.raises(ConfigurationError) as refused:
        office.begin(is_strict=is_strict)
    assert refused.value.faults


def test_invalid_tree_at_a_strict_start_is_refused(office: Office) -> None:
    office.begin()
    write_tree(office.settings, NONSENSE)
    with pytest.raises(ConfigurationError):
        office.begin(is_strict=True)


def test_shrunk_lock_at_a_strict_start_is_refused(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    office.write()
    with pytest.raises(UnsafePlan, match="mifid-ii"):
        office.begin(is_strict=True)


def test_accepted_text_is_held_against_the_settings_of_now(office: Office) -> None:
    office.write(LOCKED.format(floor="12y").replace("7y", "20y"))
    office.settings = with_ceiling(office.settings, "30y")
    office.begin()
    write_tree(office.settings, NONSENSE)
    office.settings = with_ceiling(office.settings, "10y")
    with pytest.raises(ConfigurationError, match="ceiling"):
        office.begin()


def with_ceiling(settings: Settings, ceiling: str) -> Settings:
    return replace(settings, ceiling=parse_duration(ceiling))


# --- reload ---------------------------------------------------------------------------------------


def test_changed_tree_gets_the_next_number(office: Office) -> None:
    office.begin()
    office.write(CONSENT)
    reloaded = office.reload()
    assert (reloaded.judged.is_changed, reloaded.in_force.revision) == (True, 2)
    assert office.rules is not None
    assert office.rules.context().revision == 2


def test_unchanged_tree_is_told_as_such(office: Office) -> None:
    office.begin()
    reloaded = office.reload()
    assert (reloaded.judged.is_acceptable, reloaded.judged.is_changed) == (True, False)
    assert reloaded.in_force.revision == 1


def test_invalid_tree_leaves_what_is_in_force(office: Office) -> None:
    first = office.begin()
    write_tree(office.settings, NONSENSE)
    reloaded = office.reload()
    assert reloaded.in_force.compiled is first.compiled
    assert "all.yaml:1" in (reloaded.in_force.last_reload.error or "")
    assert reloaded.judged.diagnostics


def test_good_tree_after_an_invalid_one_clears_the_error(office: Office) -> None:
    office.begin()
    write_tree(office.settings, NONSENSE)
    office.reload()
    office.write()
    reloaded = office.reload()
    assert (reloaded.in_force.last_reload.error, reloaded.in_force.revision) == (None, 1)


def test_check_changes_nothing(office: Office) -> None:
    first = office.begin()
    office.write(HOLD)
    reloaded = office.reload(is_check=True)
    assert (reloaded.judged.is_acceptable, reloaded.judged.is_changed) == (True, True)
    assert reloaded.in_force is first
    accepted = office.accepted()
    assert accepted is not None
    assert accepted.revision == 1


def test_check_of_an_invalid_tree_is_no_failed_reload(office: Office) -> None:
    office.begin()
    write_tree(office.settings, NONSENSE)
    reloaded = office.reload(is_check=True)
    assert not reloaded.judged.is_acceptable
    assert reloaded.in_force.last_reload.error is None


def test_reloads_that_are_asked_for_at_once_run_one_after_the_other(office: Office) -> None:
    office.begin()
    office.write(CONSENT)
    rules = office.rules
    assert rules is not None

    async def both() -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(rules.reload(by="ada")) for _ in range(3)]
        return [task.result().in_force.revision for task in tasks]

    assert asyncio.run(both()) == [2, 2, 2]


def test_acceptance_is_told_with_digest_and_actor(office: Office) -> None:
    office.begin()
    office.write(CONSENT)
    office.reload()
    assert office.audit() == ["policies.accepted", "policies.accepted"]


# --- locked rules ---------------------------------------------------------------------------------


def test_locked_rule_that_shrinks_is_refused_and_told(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    first = office.begin()
    office.write(LOCKED.format(floor="3y"))
    reloaded = office.reload()
    (refusal,) = reloaded.judged.refusals
    assert "keepAtLeast was 5y, is 3y" in refusal
    assert reloaded.in_force.compiled is first.compiled
    assert reloaded.in_force.last_reload.error == refusal
    assert office.audit()[-1] == "policies.refused"


def test_locked_rule_that_grows_is_accepted(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    office.write(LOCKED.format(floor="6y"))
    assert office.reload().in_force.revision == 2


def test_lock_is_registered_with_its_revision_once(office: Office) -> None:
    office.begin()
    office.write(LOCKED.format(floor="5y"))
    office.reload()
    office.write(LOCKED.format(floor="6y"))
    office.reload()
    with office.runner.database.transaction() as ledger:
        locked = ledger.locked_rules()
    assert {name: lock.revision for name, lock in locked.items()} == {"mifid-ii": 2}
    assert office.audit().count("rule.locked") == 1


def test_lock_of_a_text_that_this_version_cannot_read_still_stands(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    with office.runner.database.transaction() as ledger:
        ledger.add_revision(digest="x", texts={"all.yaml": "kind: Later\n"}, git_commit=None, at=T0)
    (refusal,) = office.reload().judged.refusals
    assert "mifid-ii" in refusal
    assert "revision 2 cannot be read" in refusal


# --- holds ----------------------------------------------------------------------------------------


def orphaned(office: Office, now: datetime) -> frozenset[str]:
    assert office.rules is not None
    office.clock.advance((now - office.clock.now).total_seconds())
    return frozenset(office.rules.context().orphaned_holds)


def test_hold_is_placed_with_the_revision_and_whoever_loaded_it(office: Office) -> None:
    office.begin()
    office.write(HOLD)
    office.reload()
    hold = office.hold()
    assert (hold.policy_revision, hold.placed_by, hold.text) == (2, "ada", HOLD)
    assert "hold.placed" in office.audit()


def test_hold_whose_file_is_gone_counts_for_everything(office: Office) -> None:
    office.write(HOLD)
    office.begin()
    office.write()
    office.reload()
    assert office.hold().source_removed_at == T0
    assert office.audit()[-1] == "hold.sourceRemoved"
    assert orphaned(office, after(days=5000)) == {"case-4711"}


def test_hold_that_comes_back_counts_for_what_it_matches_again(office: Office) -> None:
    office.write(HOLD)
    office.begin()
    office.write()
    office.reload()
    office.write(HOLD)
    office.reload()
    assert orphaned(office, T0) == frozenset()


def test_orphaned_hold_is_known_after_a_restart(office: Office) -> None:
    office.write(HOLD)
    office.begin()
    office.write()
    office.begin()
    assert orphaned(office, T0) == {"case-4711"}


@pytest.mark.parametrize(("off", "has_ended"), [(-1, False), (0, True), (1, True)])
def test_released_hold_ends_when_its_grace_is_over(
    office: Office, off: int, *, has_ended: bool
) -> None:
    office.write(HOLD)
    office.begin()
    office.write(HOLD + RELEASED)
    office.reload()
    end = T0 + office.settings.hold_grace
    office.clock.advance((end - T0 + timedelta(seconds=off)).total_seconds())
    assert office.rules is not None
    context = office.rules.context()
    assert (context.ended_holds == {"case-4711"}) is has_ended
    assert (context.releasing_holds == {"case-4711"}) is not has_ended


def test_hold_of_a_refused_tree_is_not_placed(office: Office) -> None:
    office.write(LOCKED.format(floor="5y"))
    office.begin()
    office.write(HOLD)
    office.reload()
    with office.runner.database.transaction() as ledger:
        assert ledger.holds() == []
