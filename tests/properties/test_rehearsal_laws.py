"""What a dry run shows is what then happens, at every moment of any call under any policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    ABOUT,
    ALICE,
    BOB,
    CAROL,
    T0,
    changed,
    keep,
    make_consent_rule,
    make_context,
    make_facts,
    make_hold,
    make_party,
    make_pause_rule,
    make_policy,
    make_retention_rule,
    make_rule_of_consent,
    make_spec,
)
from tests.properties.test_matching_laws import CONDITIONS, GROUPS, policy_lists

from recordingd.domain.calls import (
    CallConnected,
    CallEnded,
    CallEvent,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantsUpdated,
    RawId,
)
from recordingd.domain.consent import Parties
from recordingd.domain.durations import parse_duration, parse_finite_duration
from recordingd.domain.plans import VERBS, Mode, ObserveRecording, target_of
from recordingd.domain.policies import PolicySet, RecordingPolicy, Until
from recordingd.planning.context import PlanningContext
from recordingd.planning.forecast import SHOWN_LEDGER_ACTIONS, plan_lines
from recordingd.planning.matching import compile_policies
from recordingd.planning.precedence import RECORDING_DECISIONS
from recordingd.planning.rehearsal import Happening, Turn, rehearse

T = TypeVar("T")
LAWS = settings(max_examples=30, deadline=None)
WHO = st.sampled_from([ALICE, BOB, CAROL, RawId("8:acs:a"), RawId("4:+12")])
GAPS = st.sampled_from(
    [
        timedelta(milliseconds=1),
        timedelta(seconds=3),
        timedelta(seconds=40),
        timedelta(minutes=20),
        timedelta(hours=9),
        timedelta(days=3),
    ]
)
NEW = "new"


@st.composite
def contexts(draw: st.DrawFn, mode: Mode = Mode.ENFORCE) -> PlanningContext:
    """Draw policies that record in several ways, and rules of every other kind beside them."""
    # One that wants every call, so that most of them live to the end of what they recorded.
    everything = make_policy("everything", priority=-1)
    policies = [_whole(draw, policy) for policy in [*draw(policy_lists()), everything]]
    written = PolicySet(
        policies=tuple(policies),
        groups=GROUPS,
        texts={},
        digest="",
        consent_rules=draw(_rules(make_rule_of_consent)),
        pause_rules=draw(_rules(partial(make_pause_rule, auto_resume="3m"))),
        retention_rules=draw(_rules(make_retention_rule)),
        holds=draw(_rules(make_hold)),
    )
    ceiling = draw(st.sampled_from([None, parse_duration("8y")]))
    return make_context(policies=compile_policies(written), mode=mode, ceiling=ceiling)


def _rules(make: Callable[..., T]) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw at most one rule of a kind, on some calls."""
    return st.lists(CONDITIONS.map(lambda match: make(match=match)), max_size=1).map(tuple)


def _whole(draw: st.DrawFn, policy: RecordingPolicy) -> RecordingPolicy:
    if policy.decision not in RECORDING_DECISIONS:
        return policy
    consent = st.none() | st.builds(make_consent_rule, st.sampled_from(Parties))
    retention = st.sampled_from([None, keep("1d"), keep("1d", "2d"), keep(None, "1d")])
    fields = {
        "record": replace(
            make_spec(assign=draw(st.sampled_from([{}, {0: ALICE}, {1: BOB}]))),
            rotate_every=draw(st.sampled_from([None, parse_finite_duration("20h")])),
        ),
        "consent": draw(consent),
        "retention": draw(retention),
        "until": draw(st.sampled_from(Until)),
    }
    return changed(policy, fields)


@st.composite
def happenings(draw: st.DrawFn) -> list[Happening]:
    """Draw what happens in a call: it begins, it may end, and time passes."""
    now, played = T0, []
    for gap in draw(st.lists(GAPS, min_size=1, max_size=7)):
        now += gap
        events = draw(st.lists(_events(now), max_size=3))
        played.append(Happening(at=now, events=tuple(events)))
    return played


def _events(now: datetime) -> st.SearchStrategy[CallEvent]:
    return st.one_of(
        st.builds(lambda w: ParticipantAdded(about=ABOUT, at=now, party=make_party(w)), WHO),
        st.builds(lambda w: ParticipantRemoved(about=ABOUT, at=now, party=make_party(w)), WHO),
        st.builds(lambda w, a: _answer(w, a, now), st.none() | WHO, st.sampled_from(ConsentAnswer)),
        st.builds(
            lambda tag, value: CallTagged(about=ABOUT, at=now, tags={tag: value}, roles={}),
            st.sampled_from(["a", "ab", "b"]),
            st.sampled_from(["a", "ab", "b"]),
        ),
        st.builds(lambda is_resume: _request(is_resume=is_resume, at=now), st.booleans()),
        st.builds(lambda everybody: _listed(everybody, now), st.lists(WHO, max_size=3)),
        st.just(CallConnected(about=ABOUT, at=now)),
        st.just(CallEnded(about=ABOUT, at=now)),
    )


def _answer(who: str | None, answer: ConsentAnswer, now: datetime) -> CallEvent:
    return ConsentAnswered(
        about=ABOUT,
        at=now,
        answer=answer,
        participant=who,
        purpose="recording",
        method="app",
        reporter="app",
    )


def _request(*, is_resume: bool, at: datetime) -> CallEvent:
    return CaptureRequested(about=ABOUT, at=at, is_resume=is_resume, reporter="app")


def _listed(everybody: Sequence[str], now: datetime) -> CallEvent:
    sequence = (now - T0) // timedelta(milliseconds=1)
    parties = tuple(make_party(who) for who in dict.fromkeys(everybody))
    return ParticipantsUpdated(about=ABOUT, at=now, parties=parties, sequence=sequence)


def turns_of(context: PlanningContext, played: Sequence[Happening]) -> list[Turn]:
    return [turn for snapshot in rehearse(make_facts(), played, context) for turn in snapshot.turns]


def shown(turn: Turn, context: PlanningContext, *, blocked: bool = False) -> Counter[str]:
    """Return what a dry run at the moment of a turn says is to be done, or is held back."""
    lines = plan_lines(turn.facts, context, now=turn.at, horizon=turn.at)
    wanted = [line for line in lines if (line.blocked_by is not None if blocked else line.is_due)]
    return Counter(f"{line.verb} {_known(turn, line.target)}" for line in wanted)


def done(turn: Turn) -> Counter[str]:
    """Return what the planner did at a turn, in the words of a dry run."""
    rows = [
        f"{verb} {_known(turn, getattr(action, 'recording', getattr(action, 'file', NEW)))}"
        for action in turn.done.applied
        if (verb := SHOWN_LEDGER_ACTIONS.get(type(action))) is not None
    ]
    return Counter(rows) + _effects(turn)


def _effects(turn: Turn, *, withheld: bool = False) -> Counter[str]:
    effects = turn.done.withheld if withheld else turn.done.effects
    return Counter(
        f"{VERBS[type(e)].value} {_known(turn, target_of(e))}"
        for e in effects
        if not isinstance(e, ObserveRecording)
    )


def _known(turn: Turn, target: str) -> str:
    """Return a target that is known before the turn; a new one has a name of its own each time."""
    known = {*(r.id for r in turn.facts.recordings), *(f.id for f in turn.facts.files)}
    return target if target in known else NEW


@given(context=contexts(), played=happenings())
@LAWS
def test_dry_run_shows_exactly_what_is_then_done(
    context: PlanningContext, played: list[Happening]
) -> None:
    for turn in turns_of(context, played):
        assert shown(turn, context) == done(turn)


@given(context=contexts(Mode.RETAIN), played=happenings())
@LAWS
def test_dry_run_marks_exactly_what_the_mode_then_holds_back(
    context: PlanningContext, played: list[Happening]
) -> None:
    for turn in turns_of(context, played):
        assert shown(turn, context) == done(turn)
        assert shown(turn, context, blocked=True) == _effects(turn, withheld=True)


@given(context=contexts(Mode.OBSERVE), played=happenings())
@LAWS
def test_observing_changes_nothing_and_shows_nothing_as_due(
    context: PlanningContext, played: list[Happening]
) -> None:
    for turn in turns_of(context, played):
        assert done(turn) == Counter()
        assert shown(turn, context) == Counter()


@given(context=contexts(), played=happenings())
@LAWS
def test_rehearsal_is_repeatable(context: PlanningContext, played: list[Happening]) -> None:
    first = [snapshot.facts for snapshot in rehearse(make_facts(), played, context)]
    assert first == [snapshot.facts for snapshot in rehearse(make_facts(), played, context)]


@given(context=contexts(), played=happenings(), looks=st.lists(GAPS, max_size=3))
@LAWS
def test_looking_on_the_way_changes_nothing(
    context: PlanningContext, played: list[Happening], looks: list[timedelta]
) -> None:
    """A moment at which nothing happens leaves the call as it would have been without it."""
    looked = sorted(
        [*played, *(Happening(at=played[0].at + look) for look in looks)],
        key=lambda happening: happening.at,
    )
    end = Happening(at=looked[-1].at + timedelta(days=9))
    assert _outcome([*looked, end], context) == _outcome([*played, end], context)


def _outcome(played: Sequence[Happening], context: PlanningContext) -> tuple[object, ...]:
    *_, last = rehearse(make_facts(), played, context)
    return last.capture, last.flowed, last.verdict.winner, last.dates
