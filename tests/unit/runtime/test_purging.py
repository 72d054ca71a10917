from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.factories import MAIN, TICK, after, make_context, make_policy
from tests.unit.runtime.conftest import World
from tests.unit.runtime.events import call_ended, call_started, file_ready

from recordingd.archive.local import LocalArchive
from recordingd.domain.durations import Duration
from recordingd.domain.errors import StoreRefused
from recordingd.domain.retention import RetentionSpec
from recordingd.planning.derivation import RecordingState, derive
from recordingd.runtime.views import recordings_of

Play = Callable[..., None]
ONE_HOUR = RetentionSpec(delete_after=Duration(seconds=3600))
SHORT_LIVED = make_context(make_policy(retention=ONE_HOUR))


async def keep(world: World) -> Path:
    for event in (call_started(), call_ended(), file_ready()):
        world.say(event)
        await world.settle()
        world.clock.advance(10)
    (copy,) = world.facts().copies
    return Path(world.archive.locate(copy.uri))


async def pass_time(world: World, seconds: float) -> None:
    world.clock.advance(seconds)
    await world.reconciler.watch_open_calls()
    await world.settle()


def state_of(world: World) -> RecordingState:
    facts = world.facts()
    return derive(facts).recordings[facts.recordings[0].id].state


def test_recording_is_purged_when_its_time_is_over_and_not_before(play: Play) -> None:
    async def story(world: World) -> None:
        path = await keep(world)
        await pass_time(world, 3500)
        assert path.exists()
        await pass_time(world, 200)
        assert not path.exists()
        assert not path.with_suffix(".json").exists()
        assert state_of(world) is RecordingState.PURGED

    play(story, context=SHORT_LIVED)


def test_receipt_tells_every_copy_and_the_rule(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        (copy,) = world.facts().copies
        await pass_time(world, 4000)
        (receipt,) = world.facts().receipts
        assert [(store, uri) for store, uri, _ in receipt.copies] == [("main", copy.uri)]
        assert receipt.rule == "support-line#retention"
        assert receipt.sha256 == copy.sha256

    play(story, context=SHORT_LIVED)


def test_nobody_is_named_once_nothing_is_left(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        assert world.facts().call.started_by is not None
        await pass_time(world, 4000)
        assert world.facts().call.started_by is None
        assert world.facts().participants == ()

    play(story, context=SHORT_LIVED)


def test_late_announcement_of_a_purged_file_does_not_bring_it_back(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        await pass_time(world, 4000)
        world.say(file_ready(number="the same document again"))
        await world.settle()
        assert state_of(world) is RecordingState.PURGED
        assert world.cloud.verbs("download") == ["download"]

    play(story, context=SHORT_LIVED)


class LockedArchive(LocalArchive):
    """Protects what it holds, until the moment it says."""

    def __init__(self, folder: Path, until: datetime | None) -> None:
        super().__init__(MAIN, root=folder / "archive", parts=folder / "parts")
        self.until = until
        self.asked = 0

    def delete(self, uri: str) -> str:
        self.asked += 1
        answer = f"BlobImmutableDueToPolicy (HTTP 409, request 1), {uri}"
        raise StoreRefused(answer, until=self.until)


def blocked_by(world: World) -> list[str | None]:
    """Return what keeps the files from being purged, as `recordings show` says it."""
    facts = world.facts()
    (view,) = recordings_of(facts, now=world.clock.now, locate=lambda copy: copy.uri)
    files = view["files"]
    assert isinstance(files, list)
    return [file["blockedBy"] for file in files]


def test_copy_that_its_store_protects_stays_and_says_so(play: Play, tmp_path: Path) -> None:
    archive = LockedArchive(tmp_path, after(0, hours=3))

    async def story(world: World) -> None:
        world.executor.tools = replace(world.executor.tools, archives={MAIN: archive})
        path = await keep(world)
        await pass_time(world, 4000)
        assert path.exists()
        assert blocked_by(world) == ["storage"]
        assert "StoreRefused" in {a.name for a in world.alarms}
        assert world.facts().receipts == ()

    play(story, context=SHORT_LIVED)


def test_store_is_asked_again_when_its_protection_ends(play: Play, tmp_path: Path) -> None:
    archive = LockedArchive(tmp_path, after(0, hours=3))

    async def story(world: World) -> None:
        world.executor.tools = replace(world.executor.tools, archives={MAIN: archive})
        await keep(world)
        await pass_time(world, 4000)
        assert archive.asked == 1
        world.clock.now = after(0, hours=3) - TICK
        await pass_time(world, 0)
        assert archive.asked == 1
        world.clock.now = after(0, hours=3)
        await pass_time(world, 0)
        assert archive.asked == 2

    play(story, context=SHORT_LIVED)


def test_store_that_protects_for_years_is_asked_every_day(play: Play, tmp_path: Path) -> None:
    archive = LockedArchive(tmp_path, after(0, days=2000))

    async def story(world: World) -> None:
        world.executor.tools = replace(world.executor.tools, archives={MAIN: archive})
        await keep(world)
        for days, asked in ((1, 1), (2, 2), (3, 3)):
            world.clock.now = after(0, days=days)
            await pass_time(world, 1)
            assert archive.asked == asked

    play(story, context=SHORT_LIVED)


def test_purge_in_a_store_that_the_settings_no_longer_have_waits(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        world.executor.tools = replace(world.executor.tools, archives={})
        await pass_time(world, 4000)
        assert blocked_by(world) == ["storage"]
        assert world.facts().receipts == ()

    play(story, context=SHORT_LIVED)
