"""Policy decisions per second, against a scan of every compiled policy of the same set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

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


def compare(count: int, target: str) -> Row:
    """Decide calls under `count` policies, four participants in each call."""
    policies = _policies(count)
    compiled = compile_policies(PolicySet(policies=policies, groups={}, texts={}, digest=""))
    checks = [(p, rank_of(p), compile_condition(p.match, Groups({}))) for p in policies]
    calls = [_call(n, count) for n in range(CALLS)]
    scanned = calls[: max(1, min(CALLS, SCANNED_CHECKS // count))]
    turns = TURN_DECISIONS // CALLS

    def ours() -> None:
        for _ in range(turns):
            for call, participants in calls:
                compiled.decide(call, participants, now=NOON, settled=True)

    def scan() -> None:
        for call, participants in scanned:
            facts = Facts(call, participants, settled=True)
            answers = ((p, rank, check(facts)) for p, rank, check in checks)
            rule(
                [Matched(policy=p, rank=r, truth=t) for p, r, t in answers if t is not NO],
                settled=True,
            )

    by_index, by_scan = seconds_of(ours, scan)
    return Row(
        what=f"decisions, {count:,} policies (against a plain scan)",
        unit="/s",
        ours=turns * CALLS / by_index,
        baseline=len(scanned) / by_scan,
        target=target,
    )


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
