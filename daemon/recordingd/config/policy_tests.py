"""Tests of policies as values of `domain.policy_tests`.

Called by `config.policy_files` for a document without faults of its shape: steps and expectations
count each other, so that a test is read whole or not at all. What a test says that its own call
contradicts is found here; the names it uses are `policy_test_checks`'. Never plays a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.heads import source_of
from recordingd.config.rule_scalars import (
    parse_deletion,
    parse_number,
    parse_party,
    parse_raw_id,
    party_of,
)
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.calls import Call, ConsentAnswer, ServerCallId, call_id_of
from recordingd.domain.durations import parse_duration, parse_finite_duration
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.parties import Direction, Party, PartyKind, RawId
from recordingd.domain.policies import Decision, PolicyName
from recordingd.domain.policy_tests import (
    Answers,
    AnyStep,
    AsksForPause,
    Ends,
    Expectation,
    ExpectedCapture,
    ExpectedRetention,
    IsTagged,
    Joins,
    Leaves,
    PolicyTest,
    TimePasses,
)

# When a call of a test starts that does not say: a Monday morning, so that office hours hold.
DEFAULT_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
# The word for "no policy" and "no decision".
NONE = "none"


def read_policy_test(document: Document, data: Plain, findings: Findings) -> PolicyTest | None:
    """Build a test from its document; None where its shape has faults."""
    if data is not document.data:
        return None
    given = data["given"]
    call, name = given["call"], RuleName(data["name"])
    parties = tuple(_party(p) for p in call.get("participants", ()))
    started_at = DEFAULT_START
    if "startedAt" in call:
        started_at = scalars.parse_moment(call["startedAt"])
    steps = tuple(
        _step(document, ("given", "steps", n), step)
        for n, step in enumerate(given.get("steps", ()))
    )
    _check_presence(document, parties, steps, findings)
    return PolicyTest(
        name=name,
        source=source_of(document),
        call=_call(call, name=name, started_at=started_at),
        parties=parties,
        started_at=started_at,
        is_list_complete=call.get("complete", False),
        steps=steps,
        expect=tuple(
            _expectation(document, ("expect", n), wanted, findings)
            for n, wanted in enumerate(data["expect"])
        ),
        description=data.get("description"),
    )


# --- the call -------------------------------------------------------------------------------------


def _call(data: Plain, *, name: RuleName, started_at: datetime) -> Call:
    server_call_id = ServerCallId(data.get("serverCallId", f"policy-test-{name}"))
    room, participants = data.get("room"), data.get("participants", ())
    return Call(
        call_id=call_id_of(server_call_id),
        server_call_id=server_call_id,
        first_seen_at=started_at,
        started_at=started_at,
        direction=_direction(data),
        started_by=_named_party(data.get("startedBy")),
        from_party=_named_party(data.get("from")),
        to_party=_named_party(data.get("to")),
        group_id=data.get("group"),
        room_id=room,
        resource=data.get("resource"),
        is_two_party=data.get("isTwoParty", len(participants) == 2),
        is_rooms_call=data.get("isRoomsCall", room is not None),
        tags=dict(data.get("tags", {})),
    )


def _direction(data: Plain) -> Direction | None:
    # Caller and dialled party are told by an incoming ring alone, and that tells the direction.
    if "direction" in data:
        return Direction(data["direction"])
    return Direction.INCOMING if {"from", "to"} & data.keys() else None


def _named_party(value: Plain) -> Party | None:
    if value is None:
        return None
    return parse_party(value) if isinstance(value, str) else _party(value)


def _party(data: Plain) -> Party:
    raw_id, phone = data.get("id"), data.get("phone")
    party = party_of(
        raw_id=None if raw_id is None else parse_raw_id(raw_id),
        phone=None if phone is None else parse_number(phone),
    )
    return Party(
        raw_id=party.raw_id,
        kind=PartyKind(data["kind"]) if "kind" in data else party.kind,
        phone=party.phone,
        display_name=data.get("displayName"),
        role=data.get("role"),
    )


def _id_of(text: str) -> RawId:
    return parse_party(text).raw_id


# --- steps ----------------------------------------------------------------------------------------


def _step(document: Document, path: PathParts, data: Plain) -> AnyStep:
    source = _source(document, path)
    [(kind, value)] = data.items()
    match kind:
        case "consent":
            who = value.get("participant")
            return Answers(
                source=source,
                answer=ConsentAnswer(value["answer"]),
                participant=None if who is None else _id_of(who),
                purpose=value.get("purpose", "recording"),
                method=value.get("method", "app"),
            )
        case "join":
            return Joins(source=source, party=_party(value))
        case "leave":
            return Leaves(source=source, participant=_id_of(value))
        case "tag":
            return IsTagged(source=source, tags=dict(value))
        case "role":
            return IsTagged(source=source, roles={_id_of(who): role for who, role in value.items()})
        case "signal":
            return AsksForPause(source=source, is_resume=value == "resumeRequested")
        case "wait":
            return TimePasses(source=source, duration=parse_finite_duration(value))
        case _:
            return Ends(source=source)


def _check_presence(
    document: Document, parties: tuple[Party, ...], steps: tuple[AnyStep, ...], findings: Findings
) -> None:
    """Refuse a second joining of somebody who is there, and the leaving of somebody who is not."""
    present: set[RawId] = set()
    for n, party in enumerate(parties):
        if party.raw_id in present:
            place = document.at("given", "call", "participants", n)
            findings.error(place, "test/there-already", f"{party.raw_id} is listed already")
        present.add(party.raw_id)
    for n, step in enumerate(steps):
        if isinstance(step, Joins):
            who = step.party.raw_id
            if who in present:
                place = document.at("given", "steps", n, "join")
                findings.error(place, "test/there-already", f"{who} is in the call already")
            present.add(who)
        elif isinstance(step, Leaves):
            if step.participant not in present:
                place = document.at("given", "steps", n, "leave")
                message = f"{step.participant} is not in the call"
                findings.error(place, "test/not-there", message)
            present.discard(step.participant)


def _source(document: Document, path: PathParts) -> Source:
    return Source(file=document.file.path, line=document.at(*path).span.line)


# --- expectations ---------------------------------------------------------------------------------


def _expectation(
    document: Document, path: PathParts, data: Plain, findings: Findings
) -> Expectation:
    if set(data) == {"after"}:
        place = document.at(*path)
        findings.error(place, "test/expects-nothing", "nothing is expected here")
    record = dict(data.get("record", {}))
    assign = record.pop("assign", None)
    pauses, holds = data.get("pauses"), data.get("holds")
    return Expectation(
        source=_source(document, path),
        after=data["after"],
        policy=_policy(document, path, data, findings),
        decision=Decision(word) if (word := data.get("decision", NONE)) != NONE else None,
        record=record or None,
        assign=None if assign is None else _assignment(assign),
        capture=ExpectedCapture(data["capture"]) if "capture" in data else None,
        pauses=None if pauses is None else frozenset(pauses),
        consent=data.get("consent"),
        retention=_retention(data["retention"]) if "retention" in data else None,
        holds=None if holds is None else frozenset(RuleName(name) for name in holds),
    )


def _policy(
    document: Document, path: PathParts, data: Plain, findings: Findings
) -> PolicyName | None:
    """Return which policy is expected to win; "" is none, which no decision says as well."""
    policy, decision = data.get("policy"), data.get("decision")
    if policy is None:
        return PolicyName("") if decision == NONE else None
    if decision is not None and (policy == NONE) is not (decision == NONE):
        findings.error(
            document.at(*path, "decision"),
            "test/contradiction",
            f"decision {decision} and policy {policy} cannot both be",
            related=(document.at(*path, "policy").related("the policy that is expected"),),
        )
    return PolicyName("" if policy == NONE else policy)


def _assignment(data: Mapping[str, str]) -> dict[int, RawId]:
    return {int(channel): _id_of(who) for channel, who in data.items()}


def _retention(data: Plain) -> ExpectedRetention:
    keep, delete, rule = data.get("keepUntil"), data.get("deleteAfter"), data.get("rule")
    return ExpectedRetention(
        keep_until=None if keep is None else parse_duration(keep),
        delete_after=None if delete is None else parse_deletion(delete),
        rule=None if rule is None else RuleName(rule),
    )
