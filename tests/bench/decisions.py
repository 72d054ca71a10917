"""Policy decisions per second, against a plain scan and the same rules in the hands of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tests.bench import peers
from tests.bench.measure import Row, seconds_of

from recordingd.domain.calls import Call, CallId, Participant, Party, Phone, RawId, ServerCallId
from recordingd.domain.matchers import (
    AllOf,
    Condition,
    PartyField,
    PartyIs,
    Pattern,
    Selector,
    Source,
    TagIs,
)
from recordingd.domain.policies import (
    Channels,
    Content,
    Decision,
    MediaFormat,
    PolicyName,
    PolicySet,
    RecordingPolicy,
    RecordSpec,
)
from recordingd.planning.conditions import compile_condition
from recordingd.planning.matching import compile_policies
from recordingd.planning.precedence import Matched, rank_of, rule
from recordingd.planning.selectors import Groups
from recordingd.planning.truth import NO, Facts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALLS = 200
# Decisions per timed turn: the scan of a large set is slow, so it decides fewer calls.
TURN_DECISIONS = 20_000
SCANNED_CHECKS = 200_000
RECORD = RecordSpec(content=Content.AUDIO, channels=Channels.MIXED, format=MediaFormat.WAV)


def compare(count: int, target: str) -> list[Row]:
    """Decide calls of four participants under `count` policies, in one run with the peers."""
    policies = _policies(count)
    compiled = compile_policies(PolicySet(policies=policies, groups={}, texts={}, digest=""))
    calls = [_call(n, count) for n in range(CALLS)]
    turns = TURN_DECISIONS // CALLS

    def ours() -> None:
        for _ in range(turns):
            for call, participants in calls:
                compiled.decide(call, participants, now=NOON, settled=True)

    rules = [_rule_text(n) for n in range(count)]
    few = calls[: max(1, min(CALLS, SCANNED_CHECKS // count))]
    values = [_values(call, participants) for call, participants in few]
    others = {
        "a plain scan": (_scan(policies, few), ""),
        "a dictionary walk": (_asked(peers.walk(rules), values), ""),
        "CEL": (_asked(peers.by_cel(rules), values), "10 x"),
        "Cedar": (_asked(peers.by_cedar(rules), values), "20 x"),
    }
    seconds, *theirs = seconds_of(ours, *(job for job, _ in others.values()))
    return [
        Row(
            what=f"decisions, {count:,} policies (against {name})",
            unit="/s",
            ours=turns * CALLS / seconds,
            baseline=len(few) / taken,
            target=wanted or target,
        )
        for (name, (_, wanted)), taken in zip(others.items(), theirs, strict=True)
    ]


def _scan(
    policies: Sequence[RecordingPolicy], calls: Sequence[tuple[Call, Sequence[Participant]]]
) -> Callable[[], None]:
    checks = [(p, rank_of(p), compile_condition(p.match, Groups({}))) for p in policies]

    def scan() -> None:
        for call, participants in calls:
            facts = Facts(call, participants, settled=True)
            answers = ((p, rank, check(facts)) for p, rank, check in checks)
            rule(
                [Matched(policy=p, rank=r, truth=t) for p, r, t in answers if t is not NO],
                settled=True,
            )

    return scan


def _asked(decide: peers.Decide, calls: Sequence[peers.Values]) -> Callable[[], None]:
    """Make the job that asks a peer about every call; that each finds its rule is checked first."""
    assert all(len(decide(call)) == 1 for call in calls)

    def ask() -> None:
        for call in calls:
            decide(call)

    return ask


def _rule_text(n: int) -> peers.RuleText:
    return peers.RuleText(to=_number(n), queue=f"queue-{n % 20}" if n % 2 else None)


def _values(call: Call, participants: Sequence[Participant]) -> peers.Values:
    assert call.to_party is not None
    return {
        "to": {"phone": call.to_party.phone},
        "tags": dict(call.tags),
        "participants": [p.party.raw_id for p in participants],
    }


def _policies(count: int) -> tuple[RecordingPolicy, ...]:
    return tuple(_policy(n) for n in range(count))


def _policy(n: int) -> RecordingPolicy:
    """Make a policy for one dialled number; every second one also asks for a queue."""
    source = Source(file="bench.yaml", line=n + 1)
    dialled = PartyIs(
        path="match.to",
        source=source,
        field=PartyField.TO,
        selectors=(Selector(phones=(Pattern(_number(n)),)),),
    )
    queue = TagIs(
        path="match.tags.queue", source=source, tag="queue", patterns=(Pattern(f"queue-{n % 20}"),)
    )
    match: Condition = dialled
    if n % 2:
        match = AllOf(path="match", source=source, parts=(dialled, queue))
    return RecordingPolicy(
        name=PolicyName(f"policy-{n}"),
        source=source,
        match=match,
        decision=Decision.RECORD,
        record=RECORD,
    )


def _call(n: int, policies: int) -> tuple[Call, Sequence[Participant]]:
    """Make a call to one of the numbers; the tag is the one that its policy asks for."""
    wanted = n * 7 % policies
    number = _number(wanted)
    call = Call(
        call_id=CallId(f"call-{n}"),
        server_call_id=ServerCallId(f"server-{n}"),
        first_seen_at=NOON,
        started_at=NOON,
        to_party=Party(raw_id=RawId(f"4:{number}"), phone=Phone(number)),
        tags={"queue": f"queue-{wanted % 20}"},
    )
    parties = [Party(raw_id=RawId(f"8:acs:contoso_{n}-{i}")) for i in range(4)]
    return call, [Participant(party=party, joined_at=NOON) for party in parties]


def _number(n: int) -> str:
    return f"+1800{n:07d}"
