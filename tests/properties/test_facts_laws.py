"""Laws of folding: events that come twice or in another order leave the same facts.

The documented exceptions are left out of the comparison: of two tags or two lists of participants
the later delivered counts, an empty presence remembers a leaving that came before its join, and
since when a recording reads as it does is known only from what came in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import (
    ABOUT,
    ABOUT_RECORDING,
    ALICE,
    BOB,
    SERVER_CALL_ID,
    T0,
    after,
    make_announcement,
    make_call,
    make_consent_rule,
    make_facts,
    make_party,
    make_reading,
    make_sent,
)

from recordingd.domain.calls import (
    CallConnected,
    CallEnded,
    CallEvent,
    CallReference,
    CallStarted,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    IncomingCall,
    MomentTold,
    ParticipantAdded,
    ParticipantRemoved,
    RawId,
    RecordingStateChanged,
)
from recordingd.domain.consent import ConsentMode
from recordingd.domain.matchers import RuleName
from recordingd.domain.recordings import CallFacts, FileId, Recording
from recordingd.planning.consent import ConsentQuestion, assess
from recordingd.planning.consent_rules import combine
from recordingd.planning.facts import fold

LAWS = settings(max_examples=150, deadline=None)
SECONDS = st.integers(0, 12)
OWN_ID = CallReference(server_call_id=SERVER_CALL_ID, recording_id=ABOUT_RECORDING.recording_id)


def _joins(second: int, who: RawId) -> ParticipantAdded:
    return ParticipantAdded(about=ABOUT, at=after(second), party=make_party(who))


def _leaves(second: int, who: RawId) -> ParticipantRemoved:
    return ParticipantRemoved(about=ABOUT, at=after(second), party=make_party(who))


WHO = st.sampled_from([ALICE, BOB])
PRESENCE = st.lists(
    st.one_of(st.builds(_joins, SECONDS, WHO), st.builds(_leaves, SECONDS, WHO)), max_size=9
)
LIFE: st.SearchStrategy[list[CallEvent]] = st.lists(
    st.one_of(
        st.builds(lambda s: CallStarted(about=ABOUT, at=after(s), group_id="g"), SECONDS),
        st.builds(lambda s: CallEnded(about=ABOUT, at=after(s)), SECONDS),
        st.builds(lambda s: CallConnected(about=ABOUT, at=after(s)), SECONDS),
        st.builds(_joins, SECONDS, WHO),
        st.builds(_leaves, SECONDS, WHO),
        st.builds(
            lambda s: IncomingCall(
                about=ABOUT,
                at=after(s),
                from_party=make_party(ALICE),
                to_party=make_party(BOB),
                context={"X-Queue": "sales"},
            ),
            SECONDS,
        ),
        st.just(CallTagged(about=ABOUT, at=T0, tags={"queue": "support"}, roles={})),
        st.builds(
            lambda s, is_resume: CaptureRequested(
                about=ABOUT, at=after(s), is_resume=is_resume, reporter="app"
            ),
            SECONDS,
            st.booleans(),
        ),
        st.builds(
            lambda s: MomentTold(about=ABOUT, at=T0, name="contractEnded", moment=after(s)),
            SECONDS,
        ),
        st.builds(
            lambda s, is_active: RecordingStateChanged(
                about=OWN_ID, at=after(s), is_active=is_active
            ),
            SECONDS,
            st.booleans(),
        ),
        st.builds(lambda n: make_announcement(f"document-{n}"), st.integers(1, 3)),
    ),
    max_size=12,
)


def fold_all(events: Sequence[CallEvent]) -> CallFacts:
    facts = make_facts(make_call(started_at=None), recordings=make_sent())
    reading = make_reading()
    for event in events:
        facts = fold(facts, event, reading)
    return facts


def essence(facts: CallFacts) -> CallFacts:
    """Return the facts without what depends on the order of arrival, as documented."""
    presences = tuple(p for p in facts.participants if p.joined_at != p.left_at)
    files = tuple(
        replace(f, id=FileId(f.document_id))
        for f in sorted(facts.files, key=lambda f: f.document_id)
    )
    requests = tuple(
        replace(r, id="") for r in sorted(facts.requests, key=lambda r: (r.at, r.is_resume))
    )
    return replace(
        facts,
        participants=presences,
        files=files,
        requests=requests,
        recordings=tuple(_without_since(r) for r in facts.recordings),
    )


def _without_since(recording: Recording) -> Recording:
    return replace(
        recording, active_since=None, inactive_since=None, accepted_at=None, active_seen_at=None
    )


@given(data=st.data())
@LAWS
def test_order_of_delivery_does_not_matter(data: st.DataObject) -> None:
    events = data.draw(LIFE)
    shuffled = data.draw(st.permutations(events))

    assert essence(fold_all(shuffled)) == essence(fold_all(events))


@given(data=st.data())
@LAWS
def test_event_delivered_again_changes_nothing(data: st.DataObject) -> None:
    events = data.draw(LIFE)
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []

    assert essence(fold_all([*events, *repeated])) == essence(fold_all(events))


@given(data=st.data())
@LAWS
def test_who_is_in_a_call_does_not_depend_on_the_order_of_delivery(data: st.DataObject) -> None:
    events = data.draw(PRESENCE)
    told = fold_all(data.draw(st.permutations(events)))

    present = {p.party.raw_id for p in told.participants if p.is_present}
    assert present == {who for who in (ALICE, BOB) if _stayed(events, who)}


def _stayed(events: Sequence[ParticipantAdded | ParticipantRemoved], who: RawId) -> bool:
    """Whether the last thing somebody did was to join; written apart from the code."""
    joins = [e.at for e in events if isinstance(e, ParticipantAdded) and e.party.raw_id == who]
    leaves = [e.at for e in events if isinstance(e, ParticipantRemoved) and e.party.raw_id == who]
    return bool(joins) and (not leaves or max(joins) > max(leaves))


@given(events=PRESENCE)
@LAWS
def test_presences_have_one_row_each_and_never_vanish(
    events: list[ParticipantAdded | ParticipantRemoved],
) -> None:
    keys: set[tuple[object, str]] = set()
    for count in range(len(events) + 1):
        rows = fold_all(events[:count]).participants
        now = [(p.joined_at, p.party.raw_id) for p in rows]
        assert len(set(now)) == len(now)
        assert keys <= set(now)
        assert all(p.left_at is None or p.left_at >= p.joined_at for p in rows)
        keys = set(now)


@given(data=st.data())
@LAWS
def test_order_of_delivery_does_not_change_whether_audio_may_flow(data: st.DataObject) -> None:
    events: list[CallEvent] = [*data.draw(PRESENCE)]
    for who in (ALICE, BOB):
        answer = data.draw(st.sampled_from([None, *ConsentAnswer]))
        if answer is not None:
            said = ConsentAnswered(
                about=ABOUT,
                at=after(20),
                answer=answer,
                participant=who,
                purpose="recording",
                method="voice",
                reporter="app",
            )
            events.append(said)
    mode = data.draw(st.sampled_from([ConsentMode.NOTICE, ConsentMode.EXPLICIT]))
    need = combine([(RuleName("rule"), make_consent_rule(mode=mode))])
    assert need is not None
    question = ConsentQuestion(
        need=need,
        purpose="recording",
        asked_at=T0,
        is_internal=lambda _: False,
    )

    one = assess(fold_all(events), question, after(21))
    other = assess(fold_all(data.draw(st.permutations(events))), question, after(21))

    assert one.state is other.state
