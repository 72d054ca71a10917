from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.factories import (
    MAIN,
    SOURCE,
    TICK,
    after,
    make_context,
    make_hold,
    make_policy,
    tag_is,
)
from tests.factories import keep as keep_for
from tests.unit.runtime.conftest import World
from tests.unit.runtime.events import call_ended, call_started, file_ready

from recordingd.archive.local import LocalArchive
from recordingd.domain.durations import Duration
from recordingd.domain.errors import StoreRefused, UnsafePlan
from recordingd.domain.holds import PlacedHold
from recordingd.domain.matchers import RuleName
from recordingd.domain.plans import PurgeFile, ReasonCode, Why
from recordingd.domain.recordings import Verb
from recordingd.domain.retention import RetentionSpec
from recordingd.planning.derivation import RecordingState, derive
from recordingd.planning.holds import held_by as holds_on
from recordingd.runtime.purging import Gate
from recordingd.runtime.views import Json, recordings_of

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


# --- holds ----------------------------------------------------------------------------------------


def place(world: World, name: str = "case-4711", ends_at: datetime | None = None) -> None:
    """Place a hold in the ledger, as accepting its document does."""
    hold = PlacedHold(
        name=RuleName(name),
        text="",
        source=SOURCE,
        reason="Subpoena 4711",
        owner="legal@contoso.example",
        policy_revision=3,
        placed_by="ada",
        placed_at=world.clock.now,
        ends_at=ends_at,
    )
    world.read(lambda ledger: ledger.place_hold(hold))


def test_held_recording_is_not_purged_when_due_and_says_so(play: Play) -> None:
    context = make_context(make_policy(retention=ONE_HOUR), holds=(make_hold(),))

    async def story(world: World) -> None:
        place(world)
        path = await keep(world)
        await pass_time(world, 4000)
        assert path.exists()
        assert world.facts().receipts == ()
        assert blocked_by(world) == ["hold case-4711"]
        assert held_by(world) == ["case-4711"]

    play(story, context=context)


def test_recording_goes_once_its_hold_has_ended(play: Play) -> None:
    context = make_context(make_policy(retention=ONE_HOUR), holds=(make_hold(),))

    async def story(world: World) -> None:
        place(world)
        path = await keep(world)
        await pass_time(world, 4000)
        place(world, ends_at=world.clock.now)
        world.context = replace(context, ended_holds=frozenset({RuleName("case-4711")}))
        await pass_time(world, 60)
        assert not path.exists()
        assert held_by(world) == []

    play(story, context=context)


def test_hold_that_the_rules_do_not_know_yet_stops_a_purge_until_they_do(play: Play) -> None:
    async def story(world: World) -> None:
        path = await keep(world)
        place(world)
        await pass_time(world, 4000)
        assert path.exists()
        (attempt,) = [a for a in world.facts().attempts if a.verb is Verb.PURGE]
        assert attempt.detail == ("hold case-4711 is new, and what it matches is not known yet")
        never = make_hold(match=tag_is("never", "said"))
        world.context = make_context(make_policy(retention=ONE_HOUR), holds=(never,))
        await pass_time(world, 4000)
        assert not path.exists()

    play(story, context=SHORT_LIVED)


def gate_of(world: World) -> Gate:
    """Return the gate that a purge of the only file goes through."""
    facts = world.facts()
    purge = PurgeFile(
        call_id=facts.call.call_id,
        why=Why(code=ReasonCode.RETENTION_DUE, text="its time is over"),
        file=facts.files[0].id,
        due_at=world.clock.now,
        rule="support-line#retention",
        revision=3,
    )
    return Gate(effect=purge, clock=world.clock, context=lambda: world.context)


def test_gate_that_let_a_purge_begin_stops_it_at_a_hold_placed_since(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        world.clock.advance(4000)
        gate = gate_of(world)
        world.read(gate.claim)
        place(world)
        with pytest.raises(UnsafePlan, match="hold case-4711 is new"):
            world.read(gate.ask)

    play(story, context=SHORT_LIVED)


def test_gate_asks_the_facts_and_rules_of_its_own_moment(play: Play) -> None:
    async def story(world: World) -> None:
        await keep(world)
        world.clock.advance(4000)
        gate = gate_of(world)
        assert world.read(gate.ask) == 0
        world.context = make_context(make_policy(retention=ONE_HOUR), holds=(make_hold(),))
        with pytest.raises(UnsafePlan, match="kept by hold case-4711"):
            world.read(gate.ask)
        world.context = make_context(make_policy(retention=keep_for("1y")), revision=4)
        with pytest.raises(UnsafePlan, match="the rules say otherwise"):
            world.read(gate.ask)

    play(story, context=SHORT_LIVED)


def test_suspended_deletions_wait_and_go_on_afterwards(play: Play) -> None:
    async def story(world: World) -> None:
        path = await keep(world)
        world.context = replace(SHORT_LIVED, is_deleting_suspended=True)
        await pass_time(world, 4000)
        assert path.exists()
        assert await world.reconciler.watch_open_calls() == 0
        world.context = SHORT_LIVED
        await pass_time(world, 60)
        assert not path.exists()

    play(story, context=SHORT_LIVED)


# --- stores that refuse ---------------------------------------------------------------------------


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
    files = shown(world)["files"]
    assert isinstance(files, list)
    return [file["blockedBy"] for file in files]


def held_by(world: World) -> object:
    return shown(world)["heldBy"]


def shown(world: World) -> Json:
    facts, now = world.facts(), world.clock.now
    holds = holds_on(facts, world.context, now)
    (view,) = recordings_of(facts, now=now, locate=lambda copy: copy.uri, held_by=holds)
    return view


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
