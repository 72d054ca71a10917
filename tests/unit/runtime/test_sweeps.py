from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.factories import T0, keep, make_context, make_policy
from tests.unit.runtime.conftest import World
from tests.unit.runtime.events import call_ended, call_started, file_ready

from recordingd.archive.local import LocalArchive
from recordingd.domain.calls import CallId
from recordingd.domain.plans import Alarm, Mode
from recordingd.domain.policies import StoreName
from recordingd.domain.retention import KeptReading, KeptTotals, MovedItems, RetentionSpec
from recordingd.planning.context import PlanningContext
from recordingd.planning.keeping_words import keeping_words
from recordingd.runtime.sweeps import Sweeps
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

Play = Callable[..., None]
YESTERDAY = T0 - timedelta(hours=24)
BROKEN, WHOLE = StoreName("broken"), StoreName("whole")


def make_sweeps(**parts: object) -> Sweeps:
    """Make sweeps of which only what is named is used."""
    unused: dict[str, Any] = {f.name: None for f in fields(Sweeps) if f.name != "free"}
    return Sweeps(**(unused | parts))


def test_store_that_cannot_be_measured_hides_no_other(tmp_path: Path) -> None:
    # A file stands where the directory of the store should be.
    (tmp_path / "file").write_text("in the way")
    archives = {
        BROKEN: LocalArchive(BROKEN, root=tmp_path / "file", parts=tmp_path / "file" / "parts"),
        WHOLE: LocalArchive(WHOLE, root=tmp_path / "whole", parts=tmp_path / "parts"),
    }
    rules = SimpleNamespace(is_archive_tight=False)
    sweeps = make_sweeps(archives=archives, rules=rules, tell=lambda _: None)
    asyncio.run(sweeps.look_at_disks())
    assert set(sweeps.free) == {WHOLE}


# --- what came earlier than was promised ----------------------------------------------------------


@pytest.mark.parametrize(("limit", "is_held_back"), [(2, False), (1, True)])
def test_what_came_earlier_is_counted_and_held_back_where_it_is_too_much(
    limit: int, *, is_held_back: bool
) -> None:
    moved = SimpleNamespace(
        moved_items=lambda *, after: MovedItems(count=2, size_bytes=0) if after == YESTERDAY else 0,
        kept_totals=lambda: KeptTotals(count=5),
    )

    async def run(job: Callable[[Any], object]) -> object:
        return job(moved)

    guards = SimpleNamespace(
        max_deletes_count=limit, max_deletes_percent=10, max_deletes_bytes=1000
    )
    rules = SimpleNamespace(settings=SimpleNamespace(guards=guards))
    alarms: list[Alarm] = []
    sweeps = make_sweeps(
        ledger=SimpleNamespace(run=run),
        rules=rules,
        clock=SimpleNamespace(now_utc=lambda: T0),
        tell=alarms.append,
    )

    asyncio.run(sweeps.count_moves())

    assert rules.moves_counted_at == T0
    assert [a.name for a in alarms] == ["DeletesHeldBack"] * is_held_back
    assert (rules.too_many_moved is not None) is is_held_back


# --- kept recordings under other rules ------------------------------------------------------------

KEPT_FOR_A_YEAR = make_context(make_policy(retention=keep(None, "1y")))


async def make_kept(world: World) -> None:
    for event in (call_started(), call_ended(), file_ready()):
        world.say(event)
        await world.settle()


def sweeps_of(world: World, context: Callable[[], PlanningContext] | None = None) -> Sweeps:
    return make_sweeps(
        ledger=world.runner,
        reconciler=world.reconciler,
        clock=world.clock,
        rules=SimpleNamespace(context=context or (lambda: world.context)),
        alarms=Alarms(Metrics()),
        tell=world.alarms.append,
    )


def test_longer_words_are_written_down_of_what_is_kept(play: Play) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        world.clock.advance(timedelta(days=9).total_seconds())
        world.context = make_context(make_policy(retention=keep(None, "2y")), revision=4)
        await sweeps_of(world).sweep_keepings()
        (recording,) = world.facts().recordings
        assert [k.spec for k in recording.keeping] == [keep(None, "2y")]

    play(story, context=KEPT_FOR_A_YEAR)


@pytest.mark.parametrize("retention", [keep(None, "1y"), keep(None, "1d")], ids=["same", "shorter"])
def test_call_is_left_alone_where_nothing_may_change(play: Play, retention: RetentionSpec) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        world.clock.advance(timedelta(days=9).total_seconds())
        world.context = make_context(make_policy(retention=retention), revision=4)
        sweeps, stepped = sweeps_of(world), []

        async def step(call_id: CallId) -> None:
            stepped.append(call_id)

        sweeps.reconciler = cast("Any", SimpleNamespace(step=step))
        await sweeps.sweep_keepings()
        assert stepped == []

    play(story, context=KEPT_FOR_A_YEAR)


# --- what a plan need not read again --------------------------------------------------------------

SHORTER = make_context(make_policy(retention=keep(None, "1d")), revision=4)


def last_reading(world: World) -> KeptReading | None:
    with world.runner.database.transaction() as ledger:
        return ledger.kept_reading()


def test_reading_of_all_that_is_kept_is_remembered_with_its_words(play: Play) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        await sweeps_of(world).sweep_keepings()
        words = keeping_words(KEPT_FOR_A_YEAR.policies.policies, None)
        began = world.clock.now
        assert last_reading(world) == KeptReading(words=words, waiting=0, read_at=began)

    play(story, context=KEPT_FOR_A_YEAR)


def test_what_waits_for_an_approved_plan_is_counted_and_told_until_it_does_not(play: Play) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        sweeps = sweeps_of(world)
        sweeps.tell = lambda alarm: sweeps.alarms.raise_alarm(
            alarm.name, dict(alarm.evidence), at=world.clock.now
        )
        world.clock.advance(timedelta(days=9).total_seconds())
        for context, waiting in ((SHORTER, 1), (KEPT_FOR_A_YEAR, 0)):
            world.context = context
            await sweeps.sweep_keepings()
            reading = last_reading(world)
            assert reading is not None
            assert reading.waiting == waiting
            told = {a.name: a.evidence for a in sweeps.alarms.active()}
            assert told == ({"ShorteningUnapproved": {"recordings": "1"}} if waiting else {})

    play(story, context=KEPT_FOR_A_YEAR)


def test_nothing_is_remembered_where_nothing_is_written_down(play: Play) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        world.context = replace(world.context, mode=Mode.OBSERVE)
        await sweeps_of(world).sweep_keepings()
        assert last_reading(world) is None

    play(story, context=KEPT_FOR_A_YEAR)


def test_reading_that_other_rules_interrupt_is_not_remembered(play: Play) -> None:
    async def story(world: World) -> None:
        await make_kept(world)
        contexts = iter([KEPT_FOR_A_YEAR])
        await sweeps_of(world, lambda: next(contexts, SHORTER)).sweep_keepings()
        assert last_reading(world) is None

    play(story, context=KEPT_FOR_A_YEAR)
