"""Laws of pauses: whoever asks for silence gets it, until nobody asks any more; and of seams."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    T0,
    TICK,
    after,
    keep,
    make_call,
    make_context,
    make_facts,
    make_party,
    make_pause_rule,
    make_policy,
    make_spec,
)
from tests.properties.model import Dice, World

from recordingd.domain.calls import (
    CallEnded,
    CallStarted,
    CallTagged,
    CaptureRequested,
    ParticipantAdded,
)
from recordingd.domain.durations import Duration
from recordingd.domain.pauses import PauseRule
from recordingd.domain.plans import ResumeRecording, StartRecording
from recordingd.domain.recordings import CallFacts, CaptureRequest, PauseReason
from recordingd.planning.advance import Advance
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import derive
from recordingd.planning.pauses import silence_of

LAWS = settings(max_examples=150, deadline=None)
WALKS = settings(max_examples=20, deadline=None)
SEEDS = st.integers(min_value=0, max_value=2**32)

# --- what is open ---------------------------------------------------------------------------------


def _request(number: int, second: int, *, is_resume: bool) -> CaptureRequest:
    at = after(second)
    return CaptureRequest(
        id=f"r{number}", is_resume=is_resume, reporter="app", at=at, received_at=at
    )


REQUESTS = st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=6).map(
    lambda drawn: tuple(_request(n, s, is_resume=r) for n, (s, r) in enumerate(drawn))
)
RULES = st.lists(
    st.builds(
        make_pause_rule,
        st.sampled_from(["card", "health"]),
        tags=st.none() | st.just({"payment": "active"}),
        auto_resume=st.none() | st.sampled_from(["10s", "2m"]),
        alarm_after=st.none() | st.just("1m"),
    ),
    max_size=2,
    unique_by=lambda rule: rule.name,
).map(tuple)
TAGS = st.sampled_from([{}, {"payment": "active"}, {"payment": "done"}])
MOMENTS = st.integers(300, 500).map(after)


def reasons(facts: CallFacts, rules: Sequence[PauseRule], now: datetime) -> frozenset[PauseReason]:
    return frozenset(silence_of(facts, rules, rules, now).reasons)


@given(data=st.data(), requests=REQUESTS, rules=RULES, tags=TAGS, now=MOMENTS)
@LAWS
def test_order_of_requests_and_rules_never_matters(
    data: st.DataObject,
    requests: tuple[CaptureRequest, ...],
    rules: tuple[PauseRule, ...],
    tags: dict[str, str],
    now: datetime,
) -> None:
    facts = make_facts(make_call(tags=tags), requests=requests)
    shuffled = replace(facts, requests=tuple(data.draw(st.permutations(requests))))
    mixed = data.draw(st.permutations(rules))
    one, other = silence_of(facts, rules, rules, now), silence_of(shuffled, mixed, rules, now)
    assert (dict(one.reasons), one.changes_at) == (dict(other.reasons), other.changes_at)
    assert set(one.alarms) == set(other.alarms)


@given(requests=REQUESTS, rules=RULES, tags=TAGS, now=MOMENTS)
@LAWS
def test_request_for_silence_is_always_answered_by_somebody(
    requests: tuple[CaptureRequest, ...],
    rules: tuple[PauseRule, ...],
    tags: dict[str, str],
    now: datetime,
) -> None:
    asked = _request(99, int((now - T0).total_seconds()), is_resume=False)
    facts = make_facts(make_call(tags=tags), requests=(*requests, asked))
    assert reasons(facts, rules, now)


@given(requests=REQUESTS, rules=RULES, tags=TAGS, now=MOMENTS)
@LAWS
def test_another_rule_closes_no_reason_but_that_of_nobody(
    requests: tuple[CaptureRequest, ...],
    rules: tuple[PauseRule, ...],
    tags: dict[str, str],
    now: datetime,
) -> None:
    facts = make_facts(make_call(tags=tags), requests=requests)
    before = reasons(facts, rules[:1], now)
    assert before - reasons(facts, rules, now) <= {PauseReason.OPERATOR}


@given(requests=REQUESTS, rules=RULES, tags=TAGS, now=MOMENTS)
@LAWS
def test_nothing_changes_before_the_moment_that_was_told(
    requests: tuple[CaptureRequest, ...],
    rules: tuple[PauseRule, ...],
    tags: dict[str, str],
    now: datetime,
) -> None:
    facts = make_facts(make_call(tags=tags), requests=requests)
    found = silence_of(facts, rules, rules, now)
    changes_at = found.changes_at
    assert changes_at is None or changes_at > now
    before = now + timedelta(days=1) if changes_at is None else changes_at - TICK
    assert set(found.reasons) == reasons(facts, rules, before)


# --- whole calls ----------------------------------------------------------------------------------

AUTO_RESUME = timedelta(seconds=20)
PAUSED_WITHIN = timedelta(seconds=1)
SILENCING = (
    make_pause_rule(auto_resume="20s"),
    make_pause_rule("health-data", tags={"topic": "health"}),
)


def asks_for_silence(world: World) -> bool:
    """Whether a pause is asked for as far as is known; apart from the planner."""
    newest = max(world.facts.requests, key=lambda r: r.received_at, default=None)
    is_requested = newest is not None and not newest.is_resume
    has_run_out = newest is not None and world.now >= newest.received_at + AUTO_RESUME
    return (is_requested and not has_run_out) or world.facts.call.tags.get("topic") == "health"


def audio_begins_only_where_nobody_asks_for_silence(world: World, done: Advance) -> None:
    for effect in done.effects:
        if isinstance(effect, ResumeRecording):
            assert not asks_for_silence(world)
        if isinstance(effect, StartRecording) and not effect.start_paused:
            sent = next(r.first_sent_at for r in done.facts.recordings if r.id == effect.recording)
            assert sent != world.now or not asks_for_silence(world)


def open_reasons_are_those_that_ask(world: World, done: Advance) -> None:
    recording = done.facts.open_recording
    if recording is not None and recording.recording_id is not None:
        assert bool(done.facts.open_pauses(recording.id)) is asks_for_silence(world)


class Ear:
    """Notes at every step whether silence is asked for."""

    def __init__(self) -> None:
        self.notes: list[tuple[datetime, bool]] = []

    def __call__(self, world: World, _: Advance) -> None:
        self.notes.append((world.now, asks_for_silence(world)))

    def overheard(self, world: World) -> timedelta:
        """Return the longest audio captured at a stretch while silence was asked for."""
        longest, since = timedelta(0), None
        for at, is_silence in [*self.notes, (world.now, False)]:
            if since is None and is_silence:
                since = at
            elif since is not None and not is_silence:
                longest = max(longest, captured_between(world, since, at))
                since = None
        return longest


def captured_between(world: World, start: datetime, end: datetime) -> timedelta:
    spans = [s for r in world.service for s in r.captured]
    inside = [min(e, end) - max(b, start) for b, e in spans]
    return sum((i for i in inside if i > timedelta(0)), timedelta(0))


def live(world: World, *, length: timedelta, happenings: int) -> World:
    """Live one call in which somebody asks for silence, and for its end, now and then."""
    dice, ends_at = world.dice, T0 + length
    world.tell(CallStarted(about=ABOUT, at=T0))
    for raw_id in (ALICE, BOB):
        world.tell(ParticipantAdded(about=ABOUT, at=T0, party=make_party(raw_id)))
    for _ in range(happenings):
        at = T0 + dice.seconds(0, length.total_seconds())
        if dice.is_lucky(70):
            world.tell(
                CaptureRequested(about=ABOUT, at=at, is_resume=dice.is_lucky(50), reporter="app")
            )
        else:
            topic = "health" if dice.is_lucky(50) else "weather"
            world.tell(CallTagged(about=ABOUT, at=at, tags={"topic": topic}, roles={}))
    world.at(ends_at, lambda: _end(world, ends_at))
    world.run(after(days=3))
    return world


def _end(world: World, at: datetime) -> None:
    world.has_ended = True
    running = world.running()
    if running is not None:
        world.end(running)
    world.tell(CallEnded(about=ABOUT, at=at))


def make_world(seed: int, context: PlanningContext, *, fault_percent: int = 0) -> World:
    return World(context=context, dice=Dice(seed), fault_percent=fault_percent)


@given(seed=SEEDS)
@WALKS
def test_audio_stops_at_once_when_silence_is_asked_for(seed: int) -> None:
    ear = Ear()
    policy = make_policy(retention=keep(delete_after="1d"))
    world = make_world(seed, make_context(policy, pause_rules=SILENCING))
    world.audits = (
        audio_begins_only_where_nobody_asks_for_silence,
        open_reasons_are_those_that_ask,
        ear,
    )

    live(world, length=timedelta(minutes=4), happenings=8)

    assert ear.overheard(world) <= PAUSED_WITHIN
    assert len(world.service) == 1
    assert not derive(world.facts).needs_attention


@given(seed=SEEDS)
@WALKS
def test_seams_lose_hardly_any_audio_and_no_file(seed: int) -> None:
    every = replace(make_spec(), rotate_every=Duration(seconds=60))
    policy = make_policy(record=every, retention=keep(delete_after="1d"))
    world = make_world(seed, make_context(policy))

    live(world, length=timedelta(seconds=330), happenings=0)

    assert len(world.service) == 6
    ends = [(r.started_at, r.ended_at) for r in world.service]
    for (_, ended_at), (started_at, _) in itertools.pairwise(ends):
        assert ended_at is not None
        assert timedelta(0) <= started_at - ended_at <= timedelta(milliseconds=250)
    assert {r.document_id for r in world.facts.receipts} == set(world.documents)
    assert not derive(world.facts).needs_attention


@given(seed=SEEDS)
@WALKS
def test_faults_at_seams_neither_lose_a_file_nor_make_two_recordings_at_once(seed: int) -> None:
    every = replace(make_spec(), rotate_every=Duration(seconds=60))
    policy = make_policy(record=every, retention=keep(delete_after="1d"))
    world = make_world(seed, make_context(policy, pause_rules=SILENCING), fault_percent=25)

    live(world, length=timedelta(seconds=330), happenings=5)

    spans = sorted((r.started_at, r.ended_at or world.now) for r in world.service)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    assert {r.document_id for r in world.facts.receipts} == set(world.documents)
    assert not derive(world.facts).needs_attention
