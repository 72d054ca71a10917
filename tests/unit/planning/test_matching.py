"""Which policy a call falls under, asked of whole policy sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.domain.calls import (
    Call,
    Direction,
    Participant,
    Party,
    PartyKind,
    Phone,
    RawId,
    ServerCallId,
    call_id_of,
)
from recordingd.domain.policies import Decision
from recordingd.planning.matching import CompiledPolicies, Truth, Verdict, compile_policies

T0 = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def policy(name: str, match: str, **fields: str) -> str:
    decision = fields.get("decision", "record")
    if decision in {"record", "require"}:
        fields.setdefault("record", "{}")
    if decision == "forbid":
        fields.setdefault("captured", "delete")
    lines = "\n".join(f"{key}: {value}" for key, value in fields.items())
    head = "apiVersion: recordingd/v1\nkind: RecordingPolicy"
    return f"{head}\nname: {name}\nmatch: {match}\n{lines}\n"


def group(name: str, members: str, *, internal: bool = False) -> str:
    flag = "internal: true\n" if internal else ""
    return f"apiVersion: recordingd/v1\nkind: Group\nname: {name}\n{flag}members: {members}\n"


def compiled(*documents: str) -> CompiledPolicies:
    return compile_policies(load_texts({"p.yaml": "---\n".join(documents)}))


def party(raw_id: str, **fields: str) -> Party:
    phone = fields.get("phone")
    return Party(
        raw_id=RawId(raw_id),
        phone=None if phone is None else Phone(phone),
        display_name=fields.get("display_name"),
        role=fields.get("role"),
        kind=PartyKind(fields.get("kind", "unknown")),
    )


def present(*raw_ids: str) -> list[Participant]:
    return [Participant(party=party(raw_id), joined_at=T0) for raw_id in raw_ids]


def make_call(
    *,
    to: str | None = None,
    tags: Mapping[str, str] | None = None,
    server_call_id: str = "aHR0cHM6Ly9jYWxs",
    is_complete: bool = False,
    started_at: datetime | None = T0,
) -> Call:
    scid = ServerCallId(server_call_id)
    return Call(
        call_id=call_id_of(scid),
        server_call_id=scid,
        first_seen_at=T0,
        started_at=started_at,
        is_rooms_call=False,
        is_two_party=False,
        to_party=None if to is None else party(f"4:{to}"),
        tags=dict(tags or {}),
        roster_complete_at=T0 if is_complete else None,
    )


def decide(
    policies: CompiledPolicies,
    call: Call,
    participants: list[Participant] | None = None,
    *,
    settled: bool = True,
    now: datetime = T0,
) -> Verdict:
    return policies.decide(call, participants or [], now=now, settled=settled)


def winner_of(verdict: Verdict) -> str | None:
    return None if verdict.winner is None else verdict.winner.name


# --- single matchers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("{}", True),
        ('{to: {phone: "+18005550100"}}', True),
        ('{to: {phone: "+1800*"}}', True),
        ('{to: {phone: "+1900*"}}', False),
        ('{to: [{phone: "+1900*"}, {phone: "+1800*"}]}', True),
        ('{to: {phone: "+1800*", kind: communicationUser}}', False),
        ('{to: {phone: "+1800*", kind: phoneNumber}}', True),
        ('{to: {id: "4:+1800*"}}', True),
        ("{tags: {queue: sales}}", True),
        ("{tags: {queue: [support, sales]}}", True),
        ('{tags: {queue: "sa*"}}', True),
        ("{tags: {queue: sales, desk: equities}}", False),
        ("{not: {tags: {desk: equities}}}", True),
        ("{any: [{tags: {queue: support}}, {tags: {queue: sales}}]}", True),
        ("{all: [{tags: {queue: support}}, {tags: {queue: sales}}]}", False),
        ('{participants: {some: {id: "8:acs:agent-*"}}}', True),
        ('{participants: {some: {id: "8:acs:boss-*"}}}', False),
        ("{participants: {some: {in: agents}}}", True),
        ("{participants: {some: {notIn: agents}}}", True),
        ('{participants: {some: {in: agents, id: "8:acs:customer"}}}', False),
        ("{isRoomsCall: false}", True),
        ("{isRoomsCall: true}", False),
        ("{isTwoParty: false, isRoomsCall: false}", True),
        ("{room: lobby}", False),
        ("{sample: 100%}", True),
        ('{startedBetween: ["2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z"]}', True),
        ('{startedBetween: ["2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z"]}', False),
    ],
)
def test_matcher_says_whether_a_settled_call_is_meant(match: str, *, matches: bool) -> None:
    policies = compiled(policy("p", match), group("agents", '[{id: "8:acs:agent-*"}]'))
    call = make_call(to="+18005550100", tags={"queue": "sales"})
    verdict = decide(policies, call, present("8:acs:agent-7", "8:acs:customer"))
    assert (verdict.decision is Decision.RECORD) is matches


def test_fields_of_one_selector_bind_one_participant() -> None:
    policies = compiled(policy("p", '{participants: {some: {id: "8:acs:a", role: agent}}}'))
    other = Participant(party=party("8:acs:b", role="agent"), joined_at=T0)
    assert decide(policies, make_call(), [*present("8:acs:a"), other]).decision is None


def test_role_from_a_signal_outranks_the_role_of_an_event() -> None:
    policies = compiled(policy("p", "{participants: {some: {role: agent}}}"))
    customer = Participant(party=party("8:acs:a", role="customer"), joined_at=T0)
    signalled = replace(make_call(), roles={"8:acs:a": "agent"})
    assert decide(policies, make_call(), [customer]).decision is None
    assert decide(policies, signalled, [customer]).decision is Decision.RECORD


def test_participant_who_left_no_longer_matches() -> None:
    policies = compiled(policy("p", '{participants: {some: {id: "8:acs:a"}}}'))
    left = [replace(p, left_at=T0) for p in present("8:acs:a")]
    assert decide(policies, make_call(), left).decision is None


def test_call_that_is_over_is_judged_by_everybody_who_was_in_it() -> None:
    policies = compiled(policy("p", '{participants: {some: {id: "8:acs:a"}}}'))
    left = [replace(p, left_at=T0) for p in present("8:acs:a")]
    over = replace(make_call(), ended_at=T0)
    assert decide(policies, over, left).decision is Decision.RECORD


@pytest.mark.parametrize("raw_id", ["4:+18005550100", "4:18005550100", "4:+18005550100_asserted"])
def test_number_is_read_from_the_raw_id_of_a_telephone(raw_id: str) -> None:
    policies = compiled(policy("p", '{participants: {some: {phone: "+18005550100"}}}'))
    assert decide(policies, make_call(), present(raw_id)).decision is Decision.RECORD


def test_anonymous_caller_has_no_number() -> None:
    policies = compiled(policy("p", '{participants: {some: {phone: "+*"}}}'))
    assert decide(policies, make_call(), present("4:anonymous")).decision is None


@pytest.mark.parametrize(
    ("started", "is_open"),
    [
        ("2026-06-01T20:59:59+00:00", False),  # Monday 21:59:59 in London
        ("2026-06-01T21:00:00+00:00", True),
        ("2026-06-02T04:59:59+00:00", True),  # Tuesday 05:59:59, still Monday's night
        ("2026-06-02T05:00:00+00:00", False),
        ("2026-06-02T22:00:00+00:00", False),  # Tuesday's night is not wanted
        ("2026-06-08T22:00:00+00:00", False),  # an excepted Monday
        ("2026-06-09T01:00:00+00:00", False),  # and the morning that belongs to it
        ("2026-12-07T22:00:00+00:00", True),  # winter time: 22:00 in London
    ],
)
def test_hours_across_midnight_belong_to_their_first_day(started: str, *, is_open: bool) -> None:
    match = (
        '{hours: {days: [mon], between: ["22:00", "06:00"], timezone: Europe/London,'
        ' except: ["2026-06-08"]}}'
    )
    call = make_call(started_at=datetime.fromisoformat(started))
    assert (decide(compiled(policy("p", match)), call).decision is not None) is is_open


def test_sample_takes_about_its_share_and_always_the_same_calls() -> None:
    policies = compiled(policy("p", "{sample: 25%}"))
    calls = [make_call(server_call_id=f"call-{n}") for n in range(2000)]
    taken = [decide(policies, call).decision is not None for call in calls]
    assert taken == [decide(policies, call).decision is not None for call in calls]
    assert 400 < sum(taken) < 600


def test_samples_of_two_policies_are_independent() -> None:
    one = compiled(policy("one", "{sample: 50%}"))
    two = compiled(policy("two", "{sample: 50%}"))
    calls = [make_call(server_call_id=f"call-{n}") for n in range(400)]
    both = sum(
        decide(one, c).decision is not None and decide(two, c).decision is not None for c in calls
    )
    assert 50 < both < 150


# --- three values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "match",
    [
        '{participants: {every: {id: "8:acs:*"}}}',
        '{participants: {none: {id: "8:orgid:*"}}}',
        "{participants: {count: {min: 1}}}",
        '{not: {participants: {every: {id: "8:orgid:*"}}}}',
    ],
)
def test_statement_about_everybody_is_unknown_until_the_list_is_complete(match: str) -> None:
    policies = compiled(policy("p", match))
    people = present("8:acs:a", "8:acs:b")
    [vote] = decide(policies, make_call(), people, settled=False).votes
    assert vote.matched is Truth.UNKNOWN
    complete = decide(policies, make_call(is_complete=True), people, settled=False)
    assert complete.decision is Decision.RECORD
    assert not complete.is_undecided


def test_counterexample_in_an_incomplete_list_proves_nothing() -> None:
    policies = compiled(policy("p", '{participants: {none: {id: "8:acs:a"}}}'))
    [vote] = decide(policies, make_call(), present("8:acs:a")).votes
    assert vote.matched is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("minimum", "maximum", "matches"),
    [(2, 2, True), (3, 9, False), (0, 1, False), (1, 3, True)],
)
def test_count_is_inclusive_and_counts_heads(minimum: int, maximum: int, *, matches: bool) -> None:
    match = f"{{participants: {{count: {{min: {minimum}, max: {maximum}}}}}}}"
    people = [*present("8:acs:a", "8:acs:b"), *present("8:acs:a")]
    verdict = decide(compiled(policy("p", match)), make_call(is_complete=True), people)
    assert (verdict.decision is not None) is matches


def test_unknown_dialled_number_leaves_a_young_call_undecided() -> None:
    policies = compiled(policy("p", '{to: {phone: "+1800*"}}'))
    verdict = decide(policies, make_call(), settled=False)
    assert verdict.is_undecided
    assert verdict.may_record
    assert winner_of(verdict) == "p"
    assert not verdict.winner_is_certain


def test_unknown_dialled_number_of_a_settled_call_is_a_no() -> None:
    verdict = decide(compiled(policy("p", '{to: {phone: "+1800*"}}')), make_call())
    assert verdict.decision is None
    assert not verdict.is_undecided


def test_rooms_call_waits_for_no_dialled_number() -> None:
    policies = compiled(
        policy("line", '{to: {phone: "+1800*"}}', priority="9"),
        policy("room", "{isRoomsCall: true}"),
    )
    room = replace(make_call(), is_rooms_call=True)
    verdict = decide(policies, room, settled=False)
    assert winner_of(verdict) == "room"
    assert not verdict.is_undecided


def test_missing_tag_is_a_no_at_once() -> None:
    verdict = decide(compiled(policy("p", "{tags: {queue: sales}}")), make_call(), settled=False)
    assert verdict.decision is None
    assert not verdict.is_undecided


@pytest.mark.parametrize(
    "field", ["group: g", "room: r", "isTwoParty: true", "startedBy: {role: x}"]
)
def test_what_the_start_says_is_awaited_only_until_the_start(field: str) -> None:
    policies = compiled(policy("p", f"{{{field}}}"))
    ringing = replace(make_call(started_at=None), is_two_party=None)
    assert decide(policies, ringing, settled=False).is_undecided
    started = replace(ringing, started_at=T0)
    assert not decide(policies, started, settled=False).is_undecided


def test_direction_matches_once_it_is_known() -> None:
    policies = compiled(policy("p", "{direction: incoming}"))
    assert decide(policies, make_call(), settled=False).is_undecided
    incoming = replace(make_call(), direction=Direction.INCOMING)
    assert decide(policies, incoming, settled=False).decision is Decision.RECORD


EVERYBODY_IS_OURS = '{participants: {every: {id: "8:acs:*"}}}'


@pytest.mark.parametrize(
    ("decision", "expected"), [("require", Decision.REQUIRE), ("record", None), ("skip", None)]
)
def test_unknown_of_a_settled_call_is_yes_to_require_only(
    decision: str, expected: Decision | None
) -> None:
    policies = compiled(policy("p", EVERYBODY_IS_OURS, decision=decision))
    verdict = decide(policies, make_call())
    assert verdict.decision is expected
    assert not verdict.is_undecided


def test_forbid_in_doubt_keeps_even_a_settled_call_undecided() -> None:
    policies = compiled(
        policy("no", EVERYBODY_IS_OURS, decision="forbid"), policy("yes", "{tags: {queue: a}}")
    )
    verdict = decide(policies, make_call(tags={"queue": "a"}))
    assert verdict.is_undecided
    assert verdict.may_record
    assert winner_of(verdict) == "no"
    assert verdict.runner_up is not None
    assert verdict.runner_up.name == "yes"


def test_forbid_in_doubt_starts_a_young_call_under_the_policy_that_would_record_it() -> None:
    policies = compiled(
        policy("no", EVERYBODY_IS_OURS, decision="forbid"), policy("yes", "{tags: {queue: a}}")
    )
    verdict = decide(policies, make_call(tags={"queue": "a"}), settled=False)
    assert winner_of(verdict) == "yes"
    assert verdict.is_undecided
    assert verdict.winner_is_certain


def test_forbid_in_doubt_where_nobody_records_cannot_record() -> None:
    verdict = decide(compiled(policy("no", EVERYBODY_IS_OURS, decision="forbid")), make_call())
    assert verdict.decision is None
    assert not verdict.may_record
    assert verdict.is_undecided


def test_empty_group_is_as_unknown_as_the_party_it_is_asked_of() -> None:
    policies = compiled(policy("p", "{to: {in: nobody}}"), group("nobody", "[]"))
    assert decide(policies, make_call(), settled=False).is_undecided
    assert decide(policies, make_call(to="+18005550100"), settled=False).decision is None


# --- validity and observation ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "is_in_force"), [(-1, False), (0, True), (59, True), (60, False), (61, False)]
)
def test_validity_is_half_open(offset: int, *, is_in_force: bool) -> None:
    policies = compiled(
        policy("p", "{}", validFrom="2026-06-01T12:00:00Z", validUntil="2026-06-01T12:01:00Z")
    )
    verdict = decide(policies, make_call(), now=T0 + timedelta(seconds=offset))
    assert (verdict.decision is not None) is is_in_force


def test_observed_policy_is_shown_and_never_wins() -> None:
    policies = compiled(policy("new", "{}", observe="true", priority="9"), policy("old", "{}"))
    verdict = decide(policies, make_call())
    assert winner_of(verdict) == "old"
    assert [p.name for p in verdict.shadow] == ["new"]


# --- explanations ---------------------------------------------------------------------------------


def test_votes_show_every_policy_and_every_leaf() -> None:
    policies = compiled(
        policy("a", '{tags: {queue: sales}, to: {phone: "+1800*"}}'), policy("b", EVERYBODY_IS_OURS)
    )
    call = make_call(to="+19005550100", tags={"queue": "sales"})
    votes = {str(vote.policy.name): vote for vote in decide(policies, call).votes}
    assert votes["a"].matched is Truth.NO
    assert votes["b"].matched is Truth.UNKNOWN
    leaves = {leaf.path: leaf for leaf in votes["a"].leaves()}
    assert leaves["match.tags.queue"].matched is Truth.YES
    assert leaves["match.to"].matched is Truth.NO
    assert leaves["match.to"].expected == "phone +1800*"
    assert leaves["match.to"].actual == "+19005550100"
    assert str(leaves["match.to"].source) == "p.yaml:4"


def test_expired_policy_says_so_in_its_vote() -> None:
    policies = compiled(policy("p", "{}", validUntil="2026-06-01T12:00:00Z"))
    [vote] = decide(policies, make_call()).votes
    assert vote.matched is Truth.NO
    assert [(leaf.path, leaf.matched) for leaf in vote.leaves()] == [("validUntil", Truth.NO)]


# --- parties --------------------------------------------------------------------------------------


def test_internal_is_who_belongs_to_an_internal_group() -> None:
    policies = compiled(
        group("agents", '[{id: "8:acs:agent-*"}]', internal=True),
        group("partners", '[{id: "8:acs:partner-*"}]'),
    )
    assert policies.is_internal(party("8:acs:agent-7"))
    assert not policies.is_internal(party("8:acs:partner-7"))


def test_channel_is_given_to_who_fits_its_selector() -> None:
    policies = compiled(
        policy("p", "{}", record="{channels: unmixed, assign: {0: {in: [agents], role: lead}}}"),
        group("agents", '[{id: "8:acs:agent-*"}]'),
    )
    found = policies.by_name("p")
    assert found is not None
    assert found.record is not None
    [assignment] = found.record.assign
    agent = party("8:acs:agent-7")
    assert not policies.fits(assignment.selectors, agent, {})
    assert policies.fits(assignment.selectors, agent, {"8:acs:agent-7": "lead"})


def test_unknown_name_finds_no_policy() -> None:
    assert compiled(policy("p", "{}")).by_name("q") is None


@pytest.mark.parametrize(
    ("raw_id", "kind"),
    [
        ("8:acs:x_y", "communicationUser"),
        ("8:orgid:x", "microsoftTeamsUser"),
        ("28:orgid:x", "microsoftTeamsApp"),
        ("4:+18005550100", "phoneNumber"),
        ("weird", "unknown"),
    ],
)
def test_kind_is_read_from_the_raw_id_where_no_event_says_it(raw_id: str, kind: str) -> None:
    policies = compiled(policy("p", f"{{participants: {{some: {{kind: {kind}}}}}}}"))
    assert decide(policies, make_call(), present(raw_id)).decision is Decision.RECORD
