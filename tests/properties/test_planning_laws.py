"""Laws of planning over whole lives of calls: seeded walks of a daemon against a model service."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    CAROL,
    T0,
    after,
    keep,
    make_consent_rule,
    make_context,
    make_party,
    make_policy,
    make_supplies,
)
from tests.properties.model import Dice, World

from recordingd.domain.calls import (
    CallConnected,
    CallDisconnected,
    CallEnded,
    CallReference,
    CallStarted,
    ConsentAnswer,
    ConsentAnswered,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    RawId,
)
from recordingd.domain.consent import ConsentSpec, Parties
from recordingd.domain.plans import (
    PurgeFile,
    RemoveFile,
    ResumeRecording,
    StartRecording,
    StopRecording,
    target_of,
)
from recordingd.domain.recordings import Outcome, Verb
from recordingd.planning.advance import Advance, advance
from recordingd.planning.derivation import FileState, derive
from recordingd.planning.planner import plan_call

WALKS = settings(max_examples=25, deadline=None)
SEEDS = st.integers(min_value=0, max_value=2**32)
KEPT_FOR = "1d"
# How long audio may go on after we know that it may not: one request, while another is answered.
PAUSED_WITHIN = timedelta(seconds=1)
PAUSED_WITHIN_DESPITE_FAULTS = timedelta(seconds=30)
WITH_CONNECTION = CallReference(server_call_id=ABOUT.server_call_id, connection_id="connection-1")


def says_yes(world: World) -> bool:
    """Whether everybody who is in the call as we know it has agreed; apart from the planner."""
    latest: dict[str | None, ConsentAnswer] = {}
    for consent in sorted(world.facts.consents, key=lambda c: c.received_at):
        latest[consent.participant] = consent.answer
    present = {p.party.raw_id for p in world.facts.participants if p.left_at is None}
    granted = {who for who, answer in latest.items() if answer is ConsentAnswer.GRANTED}
    return present <= granted


# --- laws that every step keeps -------------------------------------------------------------------


def planning_is_repeatable(world: World, done: Advance) -> None:
    first = plan_call(done.facts, world.context, world.now)
    assert first == plan_call(done.facts, world.context, world.now)


def order_of_rows_is_free(world: World, done: Advance) -> None:
    facts = done.facts
    mixed = replace(
        facts,
        consents=facts.consents[::-1],
        attempts=facts.attempts[::-1],
        copies=facts.copies[::-1],
        pauses=facts.pauses[::-1],
        files=facts.files[::-1],
    )
    one = plan_call(facts, world.context, world.now)
    other = plan_call(mixed, world.context, world.now)
    assert {target_of(e): e for e in one.effects} == {target_of(e): e for e in other.effects}
    assert one.wake_at == other.wake_at


def one_recording_at_a_time(_: World, done: Advance) -> None:
    assert sum(r.is_open for r in done.facts.recordings) <= 1


def nothing_is_left_for_the_ledger(world: World, done: Advance) -> None:
    busy = {target_of(e) for e in done.effects}
    again = advance(done.facts, world.context, make_supplies(), busy=busy, now=world.now)
    assert again.applied == ()
    assert not {target_of(e) for e in again.effects} & busy


def deleting_is_safe(world: World, done: Advance) -> None:
    derived = derive(done.facts)
    for effect in done.effects:
        if isinstance(effect, RemoveFile):
            assert derived.files[effect.file] is FileState.VERIFIED
        if isinstance(effect, PurgeFile):
            assert derived.files[effect.file] is FileState.KEPT
            assert effect.due_at <= world.now


def audio_begins_only_with_consent(world: World, done: Advance) -> None:
    """A start that is sent again is the same one as before, whatever was answered since."""
    for effect in done.effects:
        if isinstance(effect, ResumeRecording):
            assert says_yes(world)
        if isinstance(effect, StartRecording) and not effect.start_paused:
            sent = next(r.first_sent_at for r in done.facts.recordings if r.id == effect.recording)
            assert sent != world.now or says_yes(world)


LAWS = (
    planning_is_repeatable,
    order_of_rows_is_free,
    one_recording_at_a_time,
    nothing_is_left_for_the_ledger,
    deleting_is_safe,
)


# --- walks ----------------------------------------------------------------------------------------


def walk(world: World, *, ends_by_itself: bool = False, agrees: bool = False) -> World:
    """Live one call to the end of everything it recorded; `agrees` says that everybody does."""
    dice = world.dice
    ends_at = T0 + dice.seconds(20, 300)
    late = (0.0, 2.0)
    world.tell(CallStarted(about=ABOUT, at=T0), delays=late)
    world.tell(CallConnected(about=WITH_CONNECTION, at=T0), delays=late)
    for raw_id in (ALICE, BOB, CAROL)[: 1 + dice.below(3)]:
        _take_part(world, raw_id, ends_at, agrees=agrees)
    if ends_by_itself:
        world.at(T0 + dice.seconds(5, 100), lambda: _end_recording(world))
    for _ in range(dice.below(3) if world.fault_percent else 0):
        world.at(T0 + dice.seconds(0, 400), world.restart)
    world.at(ends_at, lambda: _end_call(world, ends_at))
    world.run(after(days=4))
    return world


def _take_part(world: World, raw_id: RawId, ends_at: datetime, *, agrees: bool) -> None:
    dice, party = world.dice, make_party(raw_id)
    joins_at = T0 + dice.seconds(0, 1) if raw_id == ALICE else T0 + dice.seconds(0, 60)
    world.tell(ParticipantAdded(about=ABOUT, at=joins_at, party=party))
    leaves_at = joins_at + dice.seconds(5, 400)
    if leaves_at < ends_at:
        world.tell(ParticipantRemoved(about=ABOUT, at=leaves_at, party=party), delays=(0, 2))
    if agrees or dice.is_lucky(90):
        answer = ConsentAnswer.GRANTED if agrees or dice.is_lucky(90) else ConsentAnswer.DENIED
        _answer(world, raw_id, answer, joins_at + dice.seconds(0.5, 25))


def _answer(world: World, raw_id: RawId, answer: ConsentAnswer, at: datetime) -> None:
    said = ConsentAnswered(
        about=ABOUT,
        at=at,
        answer=answer,
        participant=raw_id,
        purpose="recording",
        method="voice",
        reporter="app",
    )
    world.tell(said)


def _end_recording(world: World) -> None:
    running = world.running()
    if running is not None:
        world.end(running)


def _end_call(world: World, at: datetime) -> None:
    """End a call as the service does: everybody leaves, the connection closes, the event comes."""
    world.has_ended = True
    _end_recording(world)
    for row in world.facts.participants:
        if row.left_at is None:
            world.tell(ParticipantRemoved(about=ABOUT, at=at, party=row.party), delays=(0, 1))
    world.tell(CallDisconnected(about=WITH_CONNECTION, at=at), delays=(0, 1))
    world.tell(CallEnded(about=ABOUT, at=at), delays=(1, 20))


def make_world(seed: int, *, fault_percent: int = 0, consent: ConsentSpec | None = None) -> World:
    policy = make_policy(retention=keep(delete_after=KEPT_FOR), consent=consent)
    return World(
        context=make_context(policy), dice=Dice(seed), fault_percent=fault_percent, audits=LAWS
    )


def assert_everything_came_home(world: World) -> None:
    facts = world.facts
    assert not derive(facts).needs_attention
    assert all(a.finished_at is not None for a in facts.attempts)
    captured = {r.id for r in world.service if r.captured}
    assert not {r.recording_id for r in facts.recordings if r.outcome is Outcome.LOST} & captured
    assert world.running() is None
    assert {r.document_id for r in facts.receipts} == set(world.documents)


@given(seed=SEEDS)
@WALKS
def test_undisturbed_call_is_recorded_once_kept_and_purged(seed: int) -> None:
    world = walk(make_world(seed))

    assert len(world.service) == 1
    assert world.service[0].captured
    assert_everything_came_home(world)


@given(seed=SEEDS)
@WALKS
def test_faults_neither_lose_a_recording_nor_make_a_second_one(seed: int) -> None:
    world = walk(make_world(seed, fault_percent=30))

    assert len(world.service) <= 1
    assert_everything_came_home(world)


@given(seed=SEEDS)
@WALKS
def test_recording_that_ends_by_itself_is_followed_by_another(seed: int) -> None:
    world = walk(make_world(seed, fault_percent=15), ends_by_itself=True)

    assert len(world.service) <= 2
    assert_everything_came_home(world)


@given(seed=SEEDS)
@WALKS
def test_kept_recording_is_never_purged_before_its_time(seed: int) -> None:
    world = walk(make_world(seed, fault_percent=15))

    ended_at = world.facts.call.ended_at
    assert ended_at is not None
    purges = [at for at, effect in world.effects_run if isinstance(effect, PurgeFile)]
    assert all(at >= ended_at + timedelta(days=1) for at in purges)


# --- consent --------------------------------------------------------------------------------------


class Ear:
    """Notes at every step whether audio may flow as far as we know."""

    def __init__(self) -> None:
        self.notes: list[tuple[datetime, bool]] = []

    def __call__(self, world: World, _: Advance) -> None:
        self.notes.append((world.now, says_yes(world)))

    def overheard(self, world: World) -> timedelta:
        """Return the longest audio captured at a stretch after it was known that it may not be."""
        longest = timedelta(0)
        since: datetime | None = None
        for at, is_allowed in [*self.notes, (world.now, True)]:
            if since is None and not is_allowed:
                since = at
            elif since is not None and is_allowed:
                longest = max(longest, _captured_between(world, since, at))
                since = None
        return longest


def _captured_between(world: World, start: datetime, end: datetime) -> timedelta:
    spans = [s for r in world.service for s in r.captured]
    inside = [min(e, end) - max(b, start) for b, e in spans]
    return sum((i for i in inside if i > timedelta(0)), timedelta(0))


def consent_walk(seed: int, *, fault_percent: int, agrees: bool = False) -> tuple[World, timedelta]:
    ear = Ear()
    world = make_world(seed, fault_percent=fault_percent, consent=make_consent_rule(Parties.KNOWN))
    world.audits = (*LAWS, audio_begins_only_with_consent, ear)
    walk(world, agrees=agrees)
    return world, ear.overheard(world)


@given(seed=SEEDS)
@WALKS
def test_audio_stops_at_once_when_consent_is_missing(seed: int) -> None:
    world, overheard = consent_walk(seed, fault_percent=0)

    assert overheard <= PAUSED_WITHIN
    assert_everything_came_home(world)


@given(seed=SEEDS)
@WALKS
def test_faults_delay_silence_and_never_prevent_it(seed: int) -> None:
    world, overheard = consent_walk(seed, fault_percent=30)

    assert overheard <= PAUSED_WITHIN_DESPITE_FAULTS
    assert_everything_came_home(world)


@given(seed=SEEDS)
@WALKS
def test_refused_recording_is_erased_and_never_begun_again(seed: int) -> None:
    world = make_world(seed, fault_percent=15, consent=make_consent_rule(Parties.KNOWN))
    world.tell(ParticipantAdded(about=ABOUT, at=T0, party=make_party(ALICE)))
    _answer(world, ALICE, ConsentAnswer.GRANTED, after(1))
    _answer(world, ALICE, ConsentAnswer.DENIED, after(12))
    walk(world)

    stops = [at for at, effect in world.effects_run if isinstance(effect, StopRecording)]
    starts = [a for a in world.facts.attempts if a.verb is Verb.START]
    assert len(starts) <= 1
    assert_everything_came_home(world)
    for receipt in world.facts.receipts:
        assert stops
        assert receipt.due_at < after(hours=1)


@given(seed=SEEDS)
@WALKS
def test_what_everybody_agreed_to_is_never_erased(seed: int) -> None:
    world, _ = consent_walk(seed, fault_percent=15, agrees=True)

    assert all(r.erase_at is None for r in world.facts.recordings)


@given(seed=SEEDS)
@WALKS
def test_agreed_recording_outlives_the_way_its_call_ends(seed: int) -> None:
    """The list of participants empties and its connection closes before the call's end is told."""
    dice = Dice(seed)
    world = make_world(seed, consent=make_consent_rule(Parties.ALL))
    parties = (make_party(ALICE), make_party(BOB))
    world.tell(CallStarted(about=ABOUT, at=T0))
    world.tell(ParticipantsUpdated(about=WITH_CONNECTION, at=after(1), parties=parties, sequence=1))
    for raw_id in (ALICE, BOB):
        _answer(world, raw_id, ConsentAnswer.GRANTED, T0 + dice.seconds(2, 20))
    ends_at = T0 + dice.seconds(40, 300)
    world.at(ends_at, lambda: _end_call(world, ends_at))
    world.run(after(hours=1))

    assert world.service[0].captured
    assert all(r.erase_at is None for r in world.facts.recordings)
