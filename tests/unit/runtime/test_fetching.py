from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.unit.runtime.conftest import World, sound
from tests.unit.runtime.events import call_ended, call_started, file_ready

from recordingd.domain.errors import FaultDetail, PermanentFault, RetryableFault
from recordingd.domain.plans import ReasonCode, VerifyFile, Why
from recordingd.domain.recordings import AttemptOutcome, Verb
from recordingd.planning.derivation import FileState, derive
from recordingd.planning.files import URGENT_WITHIN
from recordingd.runtime.fetching import verify

Play = Callable[..., None]


async def announce(world: World) -> None:
    for event in (call_started(), call_ended(), file_ready()):
        world.say(event)
        await world.settle()
        world.clock.advance(10)


def file_state(world: World) -> FileState:
    facts = world.facts()
    return derive(facts).files[facts.files[0].id]


def test_broken_download_goes_on_where_it_broke(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.content = sound(2.0)
        world.cloud.duration_ms = 2000
        detail = FaultDetail(operation="download", message="the connection broke")
        world.cloud.faults["body"] = [RetryableFault(detail)]
        await announce(world)
        await world.settle()
        offsets = [what[1] for verb, what in world.cloud.asked if verb == "download"]  # type: ignore[index]  # what was asked is (url, offset)
        assert offsets == [0, len(world.cloud.content)]
        assert file_state(world) is FileState.KEPT

    play(story)


def test_empty_body_is_no_file(play: Play) -> None:
    async def story(world: World) -> None:
        whole, world.cloud.content = world.cloud.content, b""
        await announce(world)
        assert file_state(world) is FileState.DOWNLOADING
        assert world.facts().copies == ()
        world.cloud.content = whole
        world.clock.advance(30)
        await world.settle()
        assert file_state(world) is FileState.KEPT

    play(story)


def test_body_that_is_no_sound_is_fetched_again_and_never_trusted(play: Play) -> None:
    async def story(world: World) -> None:
        whole, world.cloud.content = world.cloud.content, b"not a sound at all"
        await announce(world)
        failed = [a for a in world.facts().attempts if a.verb is Verb.VERIFY]
        assert failed[0].outcome is AttemptOutcome.PERMANENT
        assert "remove" not in world.cloud.verbs()
        world.cloud.content = whole
        world.clock.advance(600)
        await world.settle()
        assert file_state(world) is FileState.KEPT
        assert world.facts().files[0].suspect is None

    play(story)


def test_body_damaged_every_time_is_kept_under_suspicion_and_left_on_the_service(
    play: Play,
) -> None:
    async def story(world: World) -> None:
        world.cloud.content = b"not a sound at all"
        await announce(world)
        for _ in range(6):
            world.clock.advance(900)
            await world.settle()
        assert file_state(world) is FileState.KEPT
        assert world.facts().files[0].suspect is not None
        assert "remove" not in world.cloud.verbs()

    play(story)


def test_duration_unlike_the_metadata_is_suspect(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.duration_ms = 60_000
        await announce(world)
        assert "60000 ms" in (world.facts().files[0].suspect or "")
        assert "remove" not in world.cloud.verbs()

    play(story)


def metadata_fails(world: World, times: int) -> None:
    refused = PermanentFault(FaultDetail(operation="metadata", status=403))
    world.cloud.faults["metadata"] = [refused] * times


def test_content_does_not_wait_for_metadata_that_cannot_be_had(play: Play) -> None:
    async def story(world: World) -> None:
        metadata_fails(world, 1)
        await announce(world)
        assert world.cloud.verbs("download") == ["download"]
        await world.settle()
        assert world.cloud.verbs("download") == ["download"]
        file = world.facts().files[0]
        assert (file_state(world), file.has_metadata) == (FileState.KEPT, True)

    play(story)


def test_content_counts_without_its_metadata_once_it_is_urgent(play: Play) -> None:
    async def story(world: World) -> None:
        metadata_fails(world, 1_000)
        await announce(world)
        assert file_state(world) is FileState.DOWNLOADING
        world.clock.now = world.facts().files[0].deadline - URGENT_WITHIN
        await world.settle()
        file = world.facts().files[0]
        assert (file_state(world), file.has_metadata) == (FileState.KEPT, False)
        assert file.suspect is not None

    play(story)


def test_copy_that_vanished_before_it_was_verified_is_fetched_again(play: Play) -> None:
    async def story(world: World) -> None:
        await announce(world)
        kept = world.facts()
        unverified = replace(kept.files[0], verified_at=None, removed_at=None)
        facts = replace(kept, files=(unverified,))
        world.archive.delete(kept.copies[0].uri)
        why = Why(code=ReasonCode.FILE_STORED, text="a test")
        effect = VerifyFile(call_id=facts.call.call_id, why=why, file=unverified.id)
        ended = await verify(effect, facts, world.executor.tools)
        after = ended.change(facts, world.clock.now)
        assert derive(after).files[unverified.id] is FileState.ANNOUNCED

    play(story)
