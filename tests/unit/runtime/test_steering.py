from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest
from tests.factories import CALL_ID, after
from tests.unit.runtime.daemons import Stand, make_stand
from tests.unit.runtime.events import call_started
from tests.unit.runtime.trees import HOLD, POLICY, write_tree

from recordingd.domain.approvals import Approval
from recordingd.domain.plans import Mode
from recordingd.domain.recordings import RecordingId
from recordingd.runtime.suspending import NotAsked, Wish

Story = Callable[[Stand], Coroutine[object, object, None]]
ALL = POLICY.format(name="everything")


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Run a test's coroutine on a daemon whose effects nobody carries out."""

    def run(story: Story) -> None:
        async def inside() -> None:
            stand = await make_stand(tmp_path)
            async with asyncio.TaskGroup() as group:
                work = group.create_task(stand.daemon.executor.run(stand.daemon.reconciler.report))
                await asyncio.sleep(0)
                await story(stand)
                work.cancel()
            stand.runner.database.close()

        asyncio.run(inside())

    return run


Tell = Callable[[Story], None]


def wish(scope: str = "everything", *, hours: float = 2) -> Wish:
    return Wish(scope=scope, until=after(hours=hours), reason="the archive moves", by="ada")


def wanted(stand: Stand) -> bool:
    """Say whether the call is recorded or about to be."""
    return stand.facts().open_recording is not None


def test_suspended_policy_records_no_new_call(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        await stand.daemon.steering.suspend(wish())
        stand.say(call_started())
        await stand.daemon.reconciler.run_once()
        assert not wanted(stand)

    tell(story)


def test_call_that_lives_is_recorded_once_its_policy_is_lifted(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        steering = stand.daemon.steering
        await steering.suspend(wish())
        stand.say(call_started())
        await stand.daemon.reconciler.run_once()
        await steering.lift("everything", by="bob")
        await stand.daemon.reconciler.run_once()
        assert wanted(stand)

    tell(story)


@pytest.mark.parametrize(("off", "is_over"), [(-1, False), (0, True), (1, True)])
def test_suspension_ends_by_itself_for_calls_that_live(
    tell: Tell, off: int, *, is_over: bool
) -> None:
    async def story(stand: Stand) -> None:
        await stand.daemon.steering.suspend(wish())
        stand.say(call_started())
        await stand.daemon.reconciler.run_once()
        stand.clock.advance(timedelta(hours=2, seconds=off).total_seconds())
        await stand.daemon.steering.refresh()
        assert (CALL_ID in stand.daemon.reconciler._dirty) is is_over
        await stand.daemon.reconciler.run_once()
        assert wanted(stand) is is_over

    tell(story)


def test_suspension_is_alarmed_while_it_lasts(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        steering = stand.daemon.steering
        await steering.suspend(wish("deletions"))
        assert "SuspensionActive" in stand.alarms()
        assert stand.daemon.rules.context().is_deleting_suspended
        await steering.lift("deletions", by="bob")
        assert "SuspensionActive" not in stand.alarms()

    tell(story)


def test_suspension_that_ends_by_itself_takes_its_alarm_back(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        await stand.daemon.steering.suspend(wish())
        stand.clock.advance(2 * 3600)
        await stand.daemon.steering.refresh()
        assert stand.alarms() == set()

    tell(story)


def test_suspension_that_is_refused_leaves_nothing_behind(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        with pytest.raises(NotAsked):
            await stand.daemon.steering.suspend(wish("everithing"))
        assert stand.daemon.rules.circumstances.suspensions == ()

    tell(story)


def test_hold_without_a_document_is_alarmed(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        for files in ({"all.yaml": ALL, "hold.yaml": HOLD}, {"all.yaml": ALL}):
            write_tree(stand.settings, files)
            await stand.daemon.steering.reload(by="ada")
        assert "HoldSourceRemoved" in stand.alarms()

    tell(story)


def test_reload_has_what_is_kept_read_again_and_a_suspension_does_not(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        steering = stand.daemon.steering
        await steering.suspend(wish("deletions"))
        assert not steering.keeping_changed.is_set()
        write_tree(stand.settings, {"all.yaml": ALL.replace("1y", "2y")})
        await steering.reload(by="ada")
        assert steering.keeping_changed.is_set()

    tell(story)


def test_reload_of_the_same_files_gives_nothing_to_do(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        await stand.daemon.steering.reload(by="ada")
        assert not stand.daemon.steering.keeping_changed.is_set()

    tell(story)


def test_approval_has_what_is_kept_read_again(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        daemon = stand.daemon
        approval = Approval(
            id="a1",
            plan_digest="p",
            policy_digest=daemon.rules.in_force.digest,
            recordings=frozenset({RecordingId("r1")}),
            reason="agreed",
            approved_by="ada",
            approved_at=after(0),
            expires_at=after(hours=1),
        )
        stand.read(lambda rows: rows.add_approval(approval))
        await daemon.steering.refresh()
        assert daemon.rules.context().shortened == {"r1"}
        assert daemon.steering.keeping_changed.is_set()

    tell(story)


def test_check_changes_nothing(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        write_tree(stand.settings, {"all.yaml": "kind: Nonsense\n"})
        reloaded = await stand.daemon.steering.reload(by="ada", is_check=True)
        assert not reloaded.judged.is_acceptable
        assert stand.alarms() == set()

    tell(story)


def test_invalid_files_are_alarmed_until_they_are_mended(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        write_tree(stand.settings, {"all.yaml": "kind: Nonsense\n"})
        await stand.daemon.steering.reload(by="ada")
        assert "PolicyNotInForce" in stand.alarms()
        write_tree(stand.settings, {"all.yaml": ALL})
        await stand.daemon.steering.reload(by="ada")
        assert stand.alarms() == set()

    tell(story)


def test_context_is_made_once_until_something_changes(tell: Tell) -> None:
    async def story(stand: Stand) -> None:
        rules = stand.daemon.rules
        first = rules.context()
        assert rules.context() is first
        rules.is_archive_tight = True
        assert rules.context().is_archive_tight
        assert rules.context().mode is Mode.ENFORCE

    tell(story)
