from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.factories import after, make_call, make_context, make_facts, make_running
from tests.unit.runtime.conftest import World
from tests.unit.runtime.events import call_started, file_ready

from recordingd.domain.errors import AmbiguousFault, CloudFault, FaultDetail, NotFoundFault
from recordingd.domain.plans import PauseRecording, ReasonCode, ResumeRecording, StopRecording, Why
from recordingd.domain.recordings import (
    AttemptOutcome,
    CallFacts,
    Recording,
    StopReason,
)
from recordingd.planning.derivation import FileState, derive
from recordingd.runtime.effects import Ended, control

Play = Callable[..., None]
WHY = Why(code=ReasonCode.CONSENT_DENIED, text="a test")
GONE = NotFoundFault(FaultDetail(operation="a test", status=404, subcode="8522"))
START_WINDOW = 15.0


def pause_of(facts: CallFacts) -> PauseRecording:
    recording = facts.recordings[0]
    return PauseRecording(call_id=facts.call.call_id, why=WHY, recording=recording.id)


def resume_of(facts: CallFacts) -> ResumeRecording:
    recording = facts.recordings[0]
    return ResumeRecording(call_id=facts.call.call_id, why=WHY, recording=recording.id)


def stop_of(facts: CallFacts) -> StopRecording:
    return StopRecording(
        call_id=facts.call.call_id,
        why=WHY,
        recording=facts.recordings[0].id,
        stop_reason=StopReason.CONSENT_DENIED,
    )


Asked = PauseRecording | ResumeRecording | StopRecording
EFFECTS: dict[str, Callable[[CallFacts], Asked]] = {
    "pause": pause_of,
    "resume": resume_of,
    "stop": stop_of,
}


async def not_found(world: World, verb: str, recording: Recording, seconds: float) -> Recording:
    """Carry out an effect that is answered "not found", so long after the start was accepted."""
    facts = make_facts(make_call(), recordings=(recording,))
    world.clock.advance(seconds)
    world.cloud.faults[verb] = [GONE]
    ended: Ended = await control(EFFECTS[verb](facts), facts, make_context(), world.executor.tools)
    return ended.change(facts, world.clock.now).recordings[0]


NEVER_SEEN = replace(make_running(), active_seen_at=None, active_since=None, observed_at=None)


@pytest.mark.parametrize("verb", EFFECTS)
@pytest.mark.parametrize(
    ("seconds", "is_over"),
    [(START_WINDOW - 0.001, False), (START_WINDOW, True), (START_WINDOW + 0.001, True)],
)
def test_absence_proves_an_end_only_after_the_start_window(
    play: Play, verb: str, seconds: float, *, is_over: bool
) -> None:
    async def story(world: World) -> None:
        recording = await not_found(world, verb, NEVER_SEEN, seconds)
        assert (recording.stopped_at is not None) is is_over

    play(story)


@pytest.mark.parametrize("verb", EFFECTS)
def test_absence_of_what_was_seen_active_is_its_end(play: Play, verb: str) -> None:
    async def story(world: World) -> None:
        recording = await not_found(world, verb, make_running(), 2)
        assert recording.stopped_at == after(2)

    play(story)


async def start_twice(world: World, first: Exception, second: CloudFault) -> None:
    world.cloud.faults["start"] = [first, second]
    world.say(call_started())
    await world.settle()
    world.clock.advance(1)
    await world.settle()


def test_start_without_an_answer_is_not_refused_when_its_call_is_gone(play: Play) -> None:
    async def story(world: World) -> None:
        lost = AmbiguousFault(FaultDetail(operation="start"))
        await start_twice(world, lost, GONE)
        facts = world.facts()
        assert facts.call.has_ended
        assert facts.recordings[0].is_open
        world.clock.advance(20)
        # No recording id was ever learnt, and the file is fetched all the same.
        world.say(file_ready(recording="never-told"))
        await world.settle()
        facts = world.facts()
        assert derive(facts).files[facts.files[0].id] is FileState.KEPT

    play(story)


def test_start_that_failed_unexpectedly_is_never_sent_under_another_id(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.faults["start"] = [ZeroDivisionError("a bug")] * 100
        world.say(call_started())
        for _ in range(60):
            await world.settle()
            world.clock.advance(10)
        ids = {getattr(what, "request_id", None) for _, what in world.cloud.asked}
        assert len(ids) == 1
        assert world.facts().attempts[0].outcome is AttemptOutcome.AMBIGUOUS

    play(story)
