from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from recordingd.domain.calls import (
    CallId,
    CallReference,
    ConsentAnswer,
    Direction,
    Party,
    PartyKind,
    Phone,
    RawId,
    ServerCallId,
)
from recordingd.domain.consent import (
    Ask,
    AskedBy,
    BeforeDecision,
    ConsentMode,
    ConsentSpec,
    LateJoin,
    Parties,
    Refusal,
    Satisfaction,
    WithdrawnKept,
    WithdrawnLive,
)
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.errors import InvariantBroken, StaleSnapshot
from recordingd.domain.matchers import GroupName, Pattern, RuleName, Selector
from recordingd.domain.recordings import (
    CallFacts,
    CaptureRequest,
    Consent,
    Outcome,
    Pause,
    PauseReason,
    RecordingId,
)
from recordingd.domain.retention import Basis, EventClock
from recordingd.ledger.engine import LedgerDatabase

if TYPE_CHECKING:
    from tests.contracts.ledger.conftest import Make


FULL_CONSENT = ConsentSpec(
    mode=ConsentMode.EXPLICIT,
    parties=(
        Selector(
            ids=(Pattern("8:acs:*"),),
            kinds=(PartyKind.PHONE_NUMBER,),
            phones=(Pattern("+1415*"),),
            roles=(Pattern("customer"),),
            display_names=(Pattern("Ada*"),),
            in_groups=(GroupName("customers"),),
            not_in=(GroupName("agents"),),
            places=("all-party-us", "unknown"),
        ),
        Selector(ids=(Pattern("8:acs:b"),)),
    ),
    satisfied_by=frozenset({Satisfaction.LIVE}),
    before_decision=BeforeDecision.NOT_STARTED,
    timeout=Duration(seconds=45),
    ask=Ask(
        by=AskedBy.DAEMON,
        prompts={"en": "en.wav", "de": "de.wav"},
        language_tag="lang",
        default_language="en",
        accept="1",
        reject="2",
    ),
    denied=Refusal.END_CALL,
    no_response=Refusal.CONTINUE_UNRECORDED,
    late_join=LateJoin.NOTICE_ONLY,
    withdrawn_live=WithdrawnLive.END_CALL,
    withdrawn_kept=WithdrawnKept.KEEP,
    evidence_keep=FOREVER,
)


def full_facts(make: Make) -> CallFacts:
    """One call with a row of every kind, and every column of the call set."""
    party = Party(
        raw_id=RawId("4:+18005550100"),
        kind=PartyKind.PHONE_NUMBER,
        phone=Phone("+18005550100"),
        display_name="Ada 📞",
        role="caller",
    )
    recording = make.recording(
        consent=FULL_CONSENT,
        rotate_every=Duration(seconds=8 * 3600),
        asked={"all-parties@0123456789ab": make.now},
        keeping=(
            make.keeping(keep_at_least=FOREVER, delete_after=Duration(months=84, days=1)),
            replace(
                make.keeping(
                    "mifid-ii",
                    keep_at_least=Duration(months=60),
                    count_from=EventClock("contractEnd"),
                    basis=Basis.LEGAL_OBLIGATION,
                    decide_after=Duration(days=3),
                ),
                source=None,
                priority=-5,
                is_certain=False,
            ),
        ),
        keeping_revision=2,
        erase_at=make.now + timedelta(days=2),
        delete_moved_at=make.now + timedelta(days=1),
        affinity={0: RawId("8:acs:a"), 4: RawId("4:+18005550100")},
        stopped_at=make.now,
    )
    return make.facts(
        correlation_id="corr",
        connection_id="conn",
        started_at=make.now,
        ended_at=make.now + timedelta(minutes=3),
        direction=Direction.INCOMING,
        started_by=party,
        from_party=party,
        to_party=replace(party, phone=None),
        group_id="g",
        room_id="room",
        resource="acs",
        is_two_party=True,
        is_rooms_call=False,
        context={"X-Case": "7"},
        tags={"queue": "sales"},
        roles={"8:acs:a": "agent"},
        participants_seq=3,
        roster_complete_at=make.now,
        participants=(make.participant(party=party), make.participant("8:acs:b")),
        recordings=(recording,),
        pauses=(
            Pause(recording=recording.id, reason=PauseReason.CONSENT, opened_at=make.now),
            Pause(
                recording=recording.id,
                reason=PauseReason.of_rule(RuleName("card-payment")),
                opened_at=make.now,
            ),
        ),
        files=(make.file(),),
        copies=(make.copy(),),
        attempts=(make.attempt(),),
        consents=(
            Consent(
                id="c1",
                answer=ConsentAnswer.GRANTED,
                participant="8:acs:b",
                purpose="recording",
                method="ivr",
                reporter="app",
                answered_at=make.now,
                received_at=make.now,
                valid_until=make.now + timedelta(days=365),
            ),
        ),
        requests=(
            CaptureRequest(
                id="r1", is_resume=False, reporter="app", at=make.now, received_at=make.now
            ),
            CaptureRequest(
                id="r2", is_resume=True, reporter="app", at=make.now, received_at=make.now
            ),
        ),
        receipts=(make.receipt(),),
    )


def save(ledger: LedgerDatabase, facts: CallFacts) -> CallFacts:
    with ledger.transaction() as store:
        return store.save(facts, audit=())


def load(ledger: LedgerDatabase, call_id: CallId) -> CallFacts:
    with ledger.transaction() as store:
        found = store.load(call_id)
    assert found is not None
    return found


def test_unknown_call_loads_as_none(ledger: LedgerDatabase) -> None:
    with ledger.transaction() as store:
        assert store.load(CallId("call-none")) is None


def test_saved_call_loads_as_it_was_one_version_on(ledger: LedgerDatabase, make: Make) -> None:
    facts = full_facts(make)
    saved = save(ledger, facts)
    assert saved == replace(facts, call=replace(facts.call, facts_version=1))
    assert load(ledger, facts.call.call_id) == saved


def test_call_can_be_loaded_in_the_transaction_that_saved_it(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        saved = store.save(full_facts(make), audit=())
        assert store.load(saved.call.call_id) == saved


@pytest.mark.parametrize(
    "consent",
    [
        None,
        ConsentSpec(mode=ConsentMode.NONE),
        ConsentSpec(mode=ConsentMode.NOTICE, parties=Parties.EXTERNAL),
        ConsentSpec(mode=ConsentMode.EXPLICIT, parties=(), satisfied_by=frozenset()),
    ],
)
def test_consent_reads_back_with_what_it_does_not_say(
    ledger: LedgerDatabase, make: Make, consent: ConsentSpec | None
) -> None:
    saved = save(ledger, make.facts(recordings=(make.recording(consent=consent),)))
    assert load(ledger, saved.call.call_id).recordings[0].consent == consent


def test_collections_load_in_order_of_time_then_id(ledger: LedgerDatabase, make: Make) -> None:
    late = make.now + timedelta(seconds=1)
    rows = (
        make.participant("c", joined_at=late),
        make.participant("b"),
        make.participant("a", joined_at=late),
    )
    saved = save(ledger, make.facts(participants=rows))
    found = load(ledger, saved.call.call_id).participants
    assert [p.party.raw_id for p in found] == ["b", "a", "c"]


def test_changed_added_and_kept_rows_are_all_there_after_a_second_save(
    ledger: LedgerDatabase, make: Make
) -> None:
    first = save(ledger, full_facts(make))
    second = replace(
        first,
        call=replace(first.call, tags={"queue": "support"}),
        participants=(
            replace(first.participants[0], left_at=make.now),
            first.participants[1],
            make.participant("8:acs:late", joined_at=make.now + timedelta(hours=1)),
        ),
        pauses=(replace(first.pauses[0], closed_at=make.now), *first.pauses[1:]),
        copies=(replace(first.copies[0], deleted_at=make.now, answer="gone"),),
    )
    saved = save(ledger, second)
    assert saved.call.facts_version == 2
    assert load(ledger, first.call.call_id) == saved


def test_several_saves_in_one_transaction_build_on_each_other(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        facts = store.save(make.facts(), audit=())
        facts = store.save(replace(facts, participants=(make.participant(),)), audit=())
        facts = store.save(replace(facts, recordings=(make.recording(),)), audit=())
    assert facts.call.facts_version == 3
    assert load(ledger, facts.call.call_id) == facts


def test_save_of_an_older_version_is_stale_and_writes_nothing(
    ledger: LedgerDatabase, make: Make
) -> None:
    first = save(ledger, make.facts())
    second = save(ledger, replace(first, participants=(make.participant(),)))
    with pytest.raises(StaleSnapshot):
        save(ledger, replace(first, recordings=(make.recording(),)))
    assert load(ledger, first.call.call_id) == second


def test_save_of_a_version_that_never_was_is_stale(ledger: LedgerDatabase, make: Make) -> None:
    with pytest.raises(StaleSnapshot):
        save(ledger, make.facts(facts_version=4))


def test_second_new_call_of_the_same_id_is_stale(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, make.facts())
    with pytest.raises(StaleSnapshot):
        save(ledger, make.facts())


def test_save_under_another_fence_is_stale(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, make.facts(fence=3))
    for fence in (2, 4):
        with pytest.raises(StaleSnapshot):
            save(ledger, replace(saved, call=replace(saved.call, fence=fence)))
    assert save(ledger, saved).call.facts_version == 2


def test_two_open_recordings_of_one_call_are_refused(ledger: LedgerDatabase, make: Make) -> None:
    facts = make.facts(recordings=(make.recording("r1"), make.recording("r2")))
    with pytest.raises(InvariantBroken):
        save(ledger, facts)


@pytest.mark.parametrize("ended", ["stopped_at", "outcome"])
def test_ended_recording_makes_room_for_another_in_one_save(
    ledger: LedgerDatabase, make: Make, ended: str
) -> None:
    first = save(ledger, make.facts(recordings=(make.recording("r2"),)))
    value = {"stopped_at": make.now, "outcome": Outcome.REFUSED}[ended]
    over = make.recording("r2", **{ended: value})
    after = save(ledger, replace(first, recordings=(make.recording("r1"), over)))
    assert {r.id for r in load(ledger, after.call.call_id).recordings} == {"r1", "r2"}


def test_two_unfinished_attempts_on_one_target_are_refused(
    ledger: LedgerDatabase, make: Make
) -> None:
    facts = make.facts(attempts=(make.attempt("a1"), make.attempt("a2")))
    with pytest.raises(InvariantBroken):
        save(ledger, facts)


def test_unfinished_attempts_on_two_targets_are_accepted(
    ledger: LedgerDatabase, make: Make
) -> None:
    facts = make.facts(attempts=(make.attempt("a1"), make.attempt("a2", target="f1")))
    assert len(load(ledger, save(ledger, facts).call.call_id).attempts) == 2


def test_finished_attempt_makes_room_for_the_next_in_one_save(
    ledger: LedgerDatabase, make: Make
) -> None:
    first = save(ledger, make.facts(attempts=(make.attempt("a2"),)))
    done = replace(first.attempts[0], finished_at=make.now)
    save(ledger, replace(first, attempts=(make.attempt("a1"), done)))
    assert len(load(ledger, first.call.call_id).attempts) == 2


def test_document_of_another_call_is_refused(ledger: LedgerDatabase, make: Make) -> None:
    save(ledger, make.facts("one", recordings=(make.recording("r1"),), files=(make.file("f1"),)))
    other = make.file("f2", document_id="document-f1", recording=RecordingId("r2"))
    with pytest.raises(InvariantBroken):
        save(ledger, make.facts("two", recordings=(make.recording("r2"),), files=(other,)))


def test_two_rows_with_one_key_are_refused(ledger: LedgerDatabase, make: Make) -> None:
    rows = (make.participant(), make.participant(left_at=make.now))
    with pytest.raises(InvariantBroken):
        save(ledger, make.facts(participants=rows))


def test_row_that_refers_to_nothing_is_refused(ledger: LedgerDatabase, make: Make) -> None:
    with pytest.raises(InvariantBroken):
        save(ledger, make.facts(files=(make.file(),)))


WITHOUT: dict[str, Callable[[CallFacts], CallFacts]] = {
    "recordings": lambda f: replace(f, recordings=(), files=(), pauses=()),
    "pauses": lambda f: replace(f, pauses=()),
    "files": lambda f: replace(f, files=()),
    "copies": lambda f: replace(f, copies=()),
    "attempts": lambda f: replace(f, attempts=()),
    "consents": lambda f: replace(f, consents=()),
    "receipts": lambda f: replace(f, receipts=()),
}


@pytest.mark.parametrize("collection", sorted(WITHOUT))
def test_row_that_vanished_is_refused(ledger: LedgerDatabase, make: Make, collection: str) -> None:
    saved = save(ledger, full_facts(make))
    with pytest.raises(InvariantBroken, match="vanished"):
        save(ledger, WITHOUT[collection](saved))
    assert load(ledger, saved.call.call_id) == saved


def test_participants_vanish_with_a_purge(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, full_facts(make))
    wiped = save(ledger, replace(saved, participants=()))
    assert load(ledger, saved.call.call_id) == wiped


def test_participants_do_not_vanish_without_a_purge(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, replace(full_facts(make), receipts=()))
    with pytest.raises(InvariantBroken, match="vanished"):
        save(ledger, replace(saved, participants=saved.participants[:1]))


def test_rolled_back_save_is_forgotten_by_the_next_job(ledger: LedgerDatabase, make: Make) -> None:
    saved = save(ledger, make.facts())

    def fail(store: object) -> None:
        assert hasattr(store, "save")
        store.save(replace(saved, participants=(make.participant("lost"),)), audit=())
        raise RuntimeError

    bad, good = ledger.run_batch(
        [fail, lambda store: store.save(replace(saved, participants=()), audit=())]
    )
    assert isinstance(bad.error, RuntimeError)
    assert good.error is None
    assert load(ledger, saved.call.call_id).participants == ()


REFERENCES: dict[str, Callable[[], CallReference]] = {
    "callback": lambda: CallReference(callback_token_hash="token"),
    "recording": lambda: CallReference(recording_id="service-r"),
    "recording, padded": lambda: CallReference(recording_id="service-r=="),
    "server call": lambda: CallReference(server_call_id=ServerCallId("server-one")),
    "connection": lambda: CallReference(connection_id="conn"),
    "correlation": lambda: CallReference(correlation_id="corr"),
}


@pytest.mark.parametrize("by", sorted(REFERENCES))
def test_call_is_found_by_each_reference(ledger: LedgerDatabase, make: Make, by: str) -> None:
    recording = make.recording(callback_token_hash="token", recording_id="service-r")
    facts = make.facts(connection_id="conn", correlation_id="corr", recordings=(recording,))
    with ledger.transaction() as store:
        assert store.find_call(REFERENCES[by]()) is None
        store.save(facts, audit=())
        assert store.find_call(REFERENCES[by]()) == facts.call.call_id


def test_recording_saved_with_padding_is_found_without(ledger: LedgerDatabase, make: Make) -> None:
    facts = make.facts(recordings=(make.recording(recording_id="service-r="),))
    with ledger.transaction() as store:
        store.save(facts, audit=())
        reference = CallReference(recording_id="service-r")
        assert store.find_call(reference) == facts.call.call_id


def test_stronger_reference_wins(ledger: LedgerDatabase, make: Make) -> None:
    recording = make.recording("r1", callback_token_hash="token", recording_id="service-1")
    with ledger.transaction() as store:
        one = store.save(make.facts("one", recordings=(recording,)), audit=())
        other = make.recording("r2", recording_id="service-2")
        two = store.save(
            make.facts("two", recordings=(other,), connection_id="c2", correlation_id="x"), audit=()
        )
        three = store.save(make.facts("three", connection_id="c3", correlation_id="y"), audit=())
        by_connection = CallReference(connection_id="c3", correlation_id="x")
        by_server_call = replace(by_connection, server_call_id=one.call.server_call_id)
        by_recording = replace(by_server_call, recording_id="service-2")
        by_token = replace(by_recording, callback_token_hash="token")
        found = [
            store.find_call(r) for r in (by_token, by_recording, by_server_call, by_connection)
        ]
    assert found == [f.call.call_id for f in (one, two, one, three)]


def test_weaker_reference_is_used_when_the_stronger_is_unknown(
    ledger: LedgerDatabase, make: Make
) -> None:
    with ledger.transaction() as store:
        saved = store.save(make.facts(correlation_id="corr"), audit=())
        reference = CallReference(
            recording_id="unknown", connection_id="unknown", correlation_id="corr"
        )
        assert store.find_call(reference) == saved.call.call_id


def test_newest_call_of_a_shared_correlation_id_is_found(
    ledger: LedgerDatabase, make: Make
) -> None:
    later = make.now + timedelta(seconds=1)
    with ledger.transaction() as store:
        for name, seen in (("one", make.now), ("two", later), ("three", make.now)):
            store.save(make.facts(name, correlation_id="c", first_seen_at=seen), audit=())
        expected = make.facts("two").call.call_id
        assert store.find_call(CallReference(correlation_id="c")) == expected
