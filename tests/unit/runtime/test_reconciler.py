from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.factories import after, make_context, make_policy, make_silent_context
from tests.unit.runtime.conftest import World
from tests.unit.runtime.events import call_ended, call_started, file_ready

from recordingd.domain.calls import CallId
from recordingd.domain.errors import FaultDetail, LedgerFault, NotFoundFault, RetryableFault
from recordingd.domain.plans import Mode
from recordingd.domain.recordings import AttemptOutcome
from recordingd.planning.derivation import RecordingState, derive
from recordingd.ports.ledger import InboxEvent, InboxState
from recordingd.runtime.reconciler import FAILED_STEPS_MAX, TURN_MAX

Play = Callable[..., None]


def state_of(world: World) -> RecordingState:
    facts = world.facts()
    return derive(facts).recordings[facts.recordings[-1].id].state


def test_committed_event_leads_to_one_start(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        assert world.cloud.verbs("start") == ["start"]
        assert world.facts().recordings[0].recording_id == "service-1"

    play(story)


def test_duplicate_event_starts_nothing_more(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.say(call_started())
        world.say(call_started(number="the same again under another id"))
        await world.settle()
        assert world.cloud.verbs("start") == ["start"]
        assert len(world.facts().recordings) == 1

    play(story)


def test_call_nobody_wants_is_known_and_left_alone(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        assert world.cloud.asked == []
        assert world.facts().recordings == ()

    play(story, context=make_silent_context())


def test_whole_life_ends_kept_and_off_the_service(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.clock.advance(10)
        world.say(call_ended())
        await world.settle()
        world.clock.advance(10)
        world.say(file_ready())
        await world.settle()
        assert state_of(world) is RecordingState.KEPT
        assert world.cloud.verbs("start", "stop", "metadata", "download", "remove") == [
            "start",
            "stop",
            "download",
            "metadata",
            "remove",
        ]
        (copy,) = world.facts().copies
        assert world.archive.hash_of(copy.uri) == world.facts().files[0].sha256

    play(story)


def test_call_at_rest_is_not_kept_in_memory(play: Play) -> None:
    async def story(world: World) -> None:
        for event in (call_started(), call_ended(), file_ready()):
            world.say(event)
            await world.settle()
            world.clock.advance(10)
        assert state_of(world) is RecordingState.KEPT
        assert world.reconciler.timers == {}

    play(story)


def test_end_before_start_forbids_a_start(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_ended())
        await world.settle()
        world.say(call_started())
        await world.settle()
        assert world.cloud.asked == []

    play(story)


def test_event_that_cannot_be_understood_is_kept_as_poison(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started().replace(b"serverCallId", b"serverCallName"))
        world.say(call_started(number="good"))
        await world.settle()
        counts = world.read(lambda ledger: ledger.inbox_counts())
        assert counts[InboxState.POISON] == 1
        assert len(world.poisoned) == 1
        assert world.cloud.verbs("start") == ["start"]

    play(story)


def test_refused_request_is_sent_again_under_the_same_id(play: Play) -> None:
    async def story(world: World) -> None:
        busy = FaultDetail(operation="start", status=503)
        world.cloud.faults["start"] = [RetryableFault(busy)]
        world.say(call_started())
        await world.settle()
        assert world.cloud.verbs("start") == ["start"]
        world.clock.advance(1)
        await world.settle()
        first, second = (what for _, what in world.cloud.asked)
        assert first == second

    play(story)


def test_effect_that_fails_unexpectedly_is_tried_again(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.faults["start"] = [ZeroDivisionError("a bug")]
        world.say(call_started())
        await world.settle()
        (attempt,) = world.facts().attempts
        # It may have failed after the request was sent, so that a recording may be running.
        assert attempt.outcome is AttemptOutcome.AMBIGUOUS
        world.clock.advance(1)
        await world.settle()
        assert world.facts().recordings[0].recording_id == "service-1"

    play(story)


def test_ledger_that_refuses_an_outcome_is_offered_it_again(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        world.say(call_started())
        await world.settle(5)
        world.runner.refuse = [LedgerFault("locked")]
        world.cloud.held_up.set()
        await asyncio.sleep(0.01)
        assert world.facts().recordings[0].recording_id is None
        world.clock.advance(2)
        await world.settle()
        assert world.facts().recordings[0].recording_id == "service-1"
        assert world.cloud.verbs("start") == ["start"]

    play(story)


def test_event_stays_pending_when_its_step_fails(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        # The first job reads the inbox, the second one is the call's step.
        world.runner.refuse = []
        await world.reconciler.run_once()
        world.say(call_ended())
        counts = world.read(lambda ledger: ledger.inbox_counts())
        assert counts[InboxState.NEW] == 1

    play(story)


def test_effect_under_way_is_not_planned_again(play: Play) -> None:
    async def story(world: World) -> None:
        world.cloud.held_up = asyncio.Event()
        world.say(call_started())
        await world.settle(5)
        for _ in range(3):
            world.clock.advance(60)
            await world.settle(5)
        assert world.cloud.verbs("start") == ["start"]
        world.cloud.held_up.set()
        await world.settle()
        assert world.cloud.verbs("start") == ["start"]

    play(story)


def test_observing_daemon_only_reads(play: Play) -> None:
    async def story(world: World) -> None:
        for event in (call_started(), call_ended(), file_ready()):
            world.say(event)
            await world.settle()
        assert world.cloud.asked == []
        assert world.facts().recordings == ()

    play(story, mode=Mode.OBSERVE)


def test_retaining_daemon_deletes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        for event in (call_started(), call_ended(), file_ready()):
            world.say(event)
            await world.settle()
            world.clock.advance(10)
        assert "download" in world.cloud.verbs()
        assert "remove" not in world.cloud.verbs()

    play(story, mode=Mode.RETAIN)


def test_file_of_a_recording_that_is_not_ours_is_listed_only(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(file_ready(recording="somebody else's"))
        await world.settle()
        (foreign,) = world.read(lambda ledger: ledger.list_foreign(10))
        assert foreign.document_id == "0-wus-d1-1"
        assert world.cloud.asked == []

    play(story)


def test_file_announced_before_its_recording_is_known_is_claimed_later(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(file_ready(with_call=False))
        await world.settle()
        assert len(world.read(lambda ledger: ledger.list_foreign(10))) == 1
        world.say(call_started())
        await world.settle()
        assert world.read(lambda ledger: ledger.list_foreign(10)) == []
        assert [f.document_id for f in world.facts().files] == ["0-wus-d1-1"]

    play(story)


def test_recording_that_ended_by_itself_is_not_found_and_counts_as_stopped(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.clock.advance(1)
        await world.settle()
        world.cloud.is_over = True
        world.clock.advance(31)
        await world.settle()
        assert world.facts().recordings[0].stopped_at is not None

    play(story)


def test_start_refused_because_the_call_is_gone_ends_the_call(play: Play) -> None:
    async def story(world: World) -> None:
        gone = FaultDetail(operation="start", status=404, subcode="8522")
        world.cloud.faults["start"] = [NotFoundFault(gone)]
        world.say(call_started())
        await world.settle()
        assert world.facts().call.has_ended
        assert "RecordingRefused" in {alarm.name for alarm in world.alarms}

    play(story)


def test_reload_judges_live_calls_by_the_new_policies(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.clock.advance(1)
        world.reconciler.touch_all()
        await world.settle()
        assert "state" in world.cloud.verbs()

    play(story, context=make_context(make_policy()))


def test_event_that_breaks_its_reader_is_put_away(play: Play) -> None:
    async def story(world: World) -> None:
        # A number that no reader was written for: it is read as JSON and is no event at all.
        broken = InboxEvent(
            channel="eventgrid",
            source="test",
            event_id="broken",
            body=b"\xff\xfe",
            context=None,
            received_at=world.clock.now,
        )
        world.commit(broken)
        world.say(call_started())
        await world.settle()
        assert world.read(lambda ledger: ledger.inbox_counts())[InboxState.POISON] == 1
        assert world.cloud.verbs("start") == ["start"]

    play(story)


def test_events_that_fail_their_call_again_and_again_are_put_away(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        world.runner.refuse_steps = 1_000
        for _ in range(FAILED_STEPS_MAX):
            await world.reconciler.run_once()
            world.clock.advance(10)
        world.runner.refuse_steps = 0
        counts = world.read(lambda ledger: ledger.inbox_counts())
        assert counts[InboxState.POISON] == 1
        assert world.poisoned == ["ZeroDivisionError"]
        world.say(call_started(number="the next one"))
        await world.settle()
        assert world.cloud.verbs("start") == ["start"]

    play(story)


def test_event_of_a_type_that_nobody_reads_is_kept_as_poison(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started().replace(b"CallStarted", b"ChatMessageReceived"))
        await world.settle()
        assert world.read(lambda ledger: ledger.inbox_counts())[InboxState.POISON] == 1
        assert "ChatMessageReceived" in world.poisoned[0]

    play(story)


def test_failures_without_events_are_not_held_against_the_next_event(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.runner.refuse_steps = FAILED_STEPS_MAX + 1
        for _ in range(FAILED_STEPS_MAX):
            world.clock.advance(10)
            await world.reconciler.run_once()
        world.say(call_ended())
        await world.reconciler.run_once()
        counts = world.read(lambda ledger: ledger.inbox_counts())
        assert counts[InboxState.NEW] == 1
        assert counts[InboxState.POISON] == 0

    play(story, context=make_context(make_policy()))


def test_events_of_a_failing_call_wait_between_tries(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        world.runner.refuse_steps = 1_000
        for _ in range(FAILED_STEPS_MAX * 2):
            await world.reconciler.run_once()
        assert world.read(lambda ledger: ledger.inbox_counts())[InboxState.POISON] == 0

    play(story)


def test_event_that_fails_its_call_takes_no_other_event_with_it(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        world.say(call_ended())
        # Five times both together, then the first one alone.
        world.runner.refuse_steps = FAILED_STEPS_MAX + 1
        for _ in range(FAILED_STEPS_MAX):
            await world.reconciler.run_once()
            world.clock.advance(10)
        counts = world.read(lambda ledger: ledger.inbox_counts())
        assert (counts[InboxState.POISON], counts[InboxState.APPLIED]) == (1, 1)
        assert world.facts().call.has_ended

    play(story)


def test_very_many_due_calls_do_not_hold_up_one_that_just_became_due(play: Play) -> None:
    async def story(world: World) -> None:
        world.say(call_started())
        await world.settle()
        world.clock.advance(60)
        asked = len(world.cloud.verbs("state"))
        crowd = {CallId(f"call-{n:024x}"): after(-60) for n in range(TURN_MAX * 2)}
        world.reconciler.timers.update(crowd)
        next_at = await world.reconciler.run_once()
        await asyncio.sleep(0.01)
        assert len(world.cloud.verbs("state")) == asked + 1
        # The others are left for the next turns, which come at once.
        assert next_at == after(-60)
        assert len(crowd.keys() & world.reconciler.timers.keys()) == TURN_MAX + 1

    play(story, context=make_context(make_policy()))
