"""Who wins, case by case: one line says which policies a call falls under and what comes of it.

A policy is written `name decision`, and then in any order: a priority; the dimensions that its
matcher constrains, joined by `+`; `over:NAME` for a forbid that it overrides; `?` where it is not
known whether it matches, `no` where it does not; `observed`; `from:HOUR` and `until:HOUR` for its
validity. It is 12 o'clock.

What comes of it is the winner `>` the runner-up, or `-` for nobody. `maybe` is undecided with a
policy that may record, `open` undecided without; `?` marks a winner whose match is not known. In
brackets stand the requires that a forbid defeated, and the forbids; after `~` the observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import TypedDict

import pytest

from recordingd.domain.calls import Call, Participant, ServerCallId, call_id_of
from recordingd.domain.matchers import (
    AllOf,
    AnyOf,
    Condition,
    DirectionIs,
    ParticipantsFit,
    PartyField,
    PartyIs,
    Pattern,
    Quantifier,
    Selector,
    Source,
    StartedBetween,
    TagIs,
)
from recordingd.domain.parties import Direction, Party, RawId
from recordingd.domain.policies import Captured, Decision, PolicyName, PolicySet, RecordingPolicy
from recordingd.planning.matching import Verdict, compile_policies

SETTLED = [
    # One policy or none.
    ("no policy at all", "", "-"),
    ("none that matches", "r record no", "-"),
    ("one that records", "r record", "r"),
    ("one that requires", "m require", "m"),
    ("one that skips", "s skip", "s"),
    ("one that forbids", "f forbid", "f"),
    ("what does not match does not count", "f forbid no | m require no | r record", "r"),
    # Decisions before anything else.
    ("forbid beats require, and both are named", "m require | f forbid", "f > m (m f)"),
    ("every defeated require is named", "m require | n require | f forbid", "f > m (m n f)"),
    ("every forbid that did it is named", "m require | f forbid | g forbid", "f > g (m f g)"),
    ("forbid beats record without a conflict", "r record | f forbid", "f > r"),
    ("forbid beats skip", "s skip | f forbid", "f > s"),
    ("forbid beats every priority", "f forbid -9 | r record 9", "f > r"),
    ("forbid beats what is more specific", "f forbid | r record participant+tag", "f > r"),
    ("require beats record", "r record | m require", "m > r"),
    ("require beats skip", "s skip | m require", "m > s"),
    ("require beats every priority", "m require -9 | s skip 9", "m > s"),
    ("require beats what is more specific", "m require | s skip participant+tag", "m > s"),
    ("among forbids priority decides", "f forbid | g forbid 1", "g > f"),
    ("among requires priority decides", "m require | n require 1", "n > m"),
    ("among requires the specific one", "m require | n require tag", "n > m"),
    # Priority before specificity.
    ("higher priority records", "a record 2 | b record 1", "a > b"),
    ("higher priority skips", "s skip 2 | r record 1", "s > r"),
    ("record and skip are one tier", "s skip 1 | r record 2", "r > s"),
    ("no priority is 0", "a record -1 | b record", "b > a"),
    ("no priority is below 1", "a record 1 | b record", "a > b"),
    ("priority beats every dimension", "a record 1 | b record participant+dialled+tag", "a > b"),
    ("runner-up is the next in rank", "c record | a record 2 | b skip 1", "a > b"),
    ("runner-up of a forbid is the require", "r record 9 | m require | f forbid", "f > m (m f)"),
    # Specificity: how many dimensions, then which.
    ("something beats nothing", "a record | b record time", "b > a"),
    ("participant beats dialled", "a record dialled | b record participant", "b > a"),
    ("dialled beats tag", "a record tag | b record dialled", "b > a"),
    ("tag beats direction", "a record direction | b record tag", "b > a"),
    ("direction beats time", "a record time | b record direction", "b > a"),
    ("participant beats time", "a record time | b record participant", "b > a"),
    ("two beat the best one", "a record participant | b record direction+time", "b > a"),
    ("three beat two", "a record participant+dialled | b record tag+direction+time", "b > a"),
    ("of two the better first one", "a record dialled+tag | b record participant+time", "b > a"),
    ("of two with one in common", "a record tag+time | b record tag+direction", "b > a"),
    ("the specific skip beats the record", "r record | s skip tag", "s > r"),
    ("the specific record beats the skip", "s skip tag | r record dialled", "r > s"),
    ("equals, which validate refuses, go by name", "b record | a record", "a > b"),
    # Overrides.
    ("a forbid that is overridden is out", "m require over:f | f forbid", "m"),
    ("runner-up without the forbid", "m require over:f | f forbid | r record", "m > r"),
    ("only the named forbid is out", "m require over:f | f forbid | g forbid", "g > m (m g)"),
    ("both may be named", "m require over:f over:g | f forbid | g forbid", "m"),
    ("a require that does not match overrides nothing", "m require over:f no | f forbid", "f"),
    ("it is out for other requires too", "n require 1 | m require over:f | f forbid", "n > m"),
    ("an observed require overrides nothing", "m require over:f observed | f forbid", "f ~m"),
    ("an expired require overrides nothing", "m require over:f until:12 | f forbid", "f"),
    ("a doubtful require that is settled overrides", "m require over:f ? | f forbid", "m"),
    ("a doubtful forbid is overridden as well", "m require over:f | f forbid ?", "m"),
    # Policies that are only observed.
    ("an observed record is a shadow", "o record 9 observed | r record", "r ~o"),
    ("an observed forbid is a shadow", "o forbid observed | r record", "r ~o"),
    ("an observed policy alone decides nothing", "o record observed", "- ~o"),
    ("one that does not match casts no shadow", "o forbid observed no | r record", "r"),
    ("one in doubt casts no shadow", "o forbid observed ? | r record", "r"),
    ("a settled doubtful require casts one", "o require observed ?", "- ~o"),
    # Validity.
    ("in force exactly from its beginning", "r record from:12", "r"),
    ("not before its beginning", "r record from:13", "-"),
    ("in force just before its end", "r record until:13", "r"),
    ("no longer exactly at its end", "r record until:12", "-"),
    ("within both", "r record from:11 until:13", "r"),
    ("a forbid that is over forbids nothing", "f forbid until:12 | r record", "r"),
    ("a forbid to come forbids nothing", "f forbid from:13 | r record", "r"),
    ("an observed policy that is over casts no shadow", "o record observed until:12", "-"),
    # What stays unknown when nothing more is waited for.
    ("unknown is yes for require", "m require ?", "m"),
    ("unknown is no for record", "r record ?", "-"),
    ("unknown is no for skip", "s skip 1 ? | r record", "r"),
    ("a doubtful require beats a certain record", "m require ? | r record 9", "m > r"),
    ("a doubtful forbid alone stays in doubt", "f forbid ?", "open -"),
    ("a doubtful forbid holds a record back", "f forbid ? | r record", "maybe f? > r"),
    ("a doubtful forbid holds a require back", "f forbid ? | m require", "maybe f? > m"),
    ("and a doubtful require", "f forbid ? | m require ?", "maybe f? > m"),
    ("a doubtful record needs no holding back", "f forbid ? | r record ?", "open -"),
    ("over a skip the doubt stays", "f forbid ? | s skip", "open s"),
    ("a certain forbid ends the doubt", "f forbid 1 ? | g forbid", "g > f"),
    ("even below a doubtful one", "f forbid 1 ? | g forbid | m require", "g > f (m g)"),
]

WAITING = [
    ("a doubtful record may start", "r record ?", "maybe r?"),
    ("a doubtful require may start", "m require ?", "maybe m?"),
    ("a doubtful skip starts nothing", "s skip ?", "-"),
    ("a doubtful forbid starts nothing", "f forbid ?", "open -"),
    ("doubt below the winner is none", "a record 1 | b record ?", "a > b"),
    ("doubt above the winner is some", "a record 1 ? | b record", "maybe a?"),
    ("a doubtful skip above a record", "s skip 1 ? | r record", "maybe r > s"),
    ("a doubtful record above a skip", "r record 1 ? | s skip", "maybe r?"),
    ("two doubtful skips above a skip", "s skip 2 ? | t skip 1 ? | u skip", "u"),
    ("a doubtful forbid above a record", "f forbid ? | r record", "maybe r > f"),
    ("a doubtful forbid above a doubtful record", "f forbid ? | r record ?", "maybe r? > f"),
    ("a certain forbid above a doubtful record", "f forbid | r record ?", "f > r"),
    ("a certain forbid below a doubtful one", "f forbid 1 ? | g forbid", "g > f"),
    ("a doubtful require above a skip", "m require ? | s skip", "maybe m?"),
    ("a doubtful require above a certain one", "m require 1 ? | n require", "maybe m?"),
    ("a doubtful override leaves doubt", "m require over:f ? | f forbid", "maybe m? > f"),
    ("a certain override leaves none", "m require over:f | f forbid ?", "m"),
]

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SERVER_CALL_ID = ServerCallId("call")
ALICE = Party(raw_id=RawId("8:acs:alice"))
IS_ALICE = (Selector(ids=(Pattern("8:acs:alice"),)),)
HERE = Source(file="p.yaml", line=1)


class _At(TypedDict):
    path: str
    source: Source


AT: _At = {"path": "match", "source": HERE}
# What a matcher can constrain; each of these fits the call.
DIMENSIONS: dict[str, Condition] = {
    "participant": ParticipantsFit(quantifier=Quantifier.SOME, selectors=IS_ALICE, **AT),
    "dialled": PartyIs(field=PartyField.TO, selectors=IS_ALICE, **AT),
    "tag": TagIs(tag="queue", patterns=(Pattern("sales"),), **AT),
    "direction": DirectionIs(directions=(Direction.INCOMING,), **AT),
    "time": StartedBetween(start=NOON, end=NOON.replace(hour=13), **AT),
}
NEVER = TagIs(tag="queue", patterns=(), **AT)
NOBODY = ParticipantsFit(quantifier=Quantifier.NONE, selectors=IS_ALICE, **AT)
# Not known while the list of participants may be incomplete. What only one alternative constrains
# is no dimension.
NOT_KNOWN = AnyOf(parts=(NOBODY, NEVER), **AT)


def read_policy(text: str) -> RecordingPolicy:
    name, decision, *words = text.split()
    conditions = [DIMENSIONS[d] for w in words for d in w.split("+") if d in DIMENSIONS]
    conditions += [{"?": NOT_KNOWN, "no": NEVER}[w] for w in words if w in {"?", "no"}]
    hours = {w.partition(":")[0]: int(w.partition(":")[2]) for w in words if w[0] in "fu"}
    priority = next((int(w) for w in words if w.lstrip("-").isdigit()), 0)
    return RecordingPolicy(
        name=PolicyName(name),
        source=HERE,
        match=AllOf(parts=tuple(conditions), **AT),
        decision=Decision(decision),
        captured=Captured.DELETE if decision == "forbid" else None,
        priority=priority,
        overrides=tuple(PolicyName(w[5:]) for w in words if w.startswith("over:")),
        is_observed="observed" in words,
        valid_from=NOON.replace(hour=hours["from"]) if "from" in hours else None,
        valid_until=NOON.replace(hour=hours["until"]) if "until" in hours else None,
    )


def decide(policies: Sequence[RecordingPolicy], *, settled: bool) -> Verdict:
    call = Call(
        call_id=call_id_of(SERVER_CALL_ID),
        server_call_id=SERVER_CALL_ID,
        first_seen_at=NOON,
        started_at=NOON,
        to_party=ALICE,
        tags={"queue": "sales"},
        direction=Direction.INCOMING,
    )
    compiled = compile_policies(PolicySet(policies=tuple(policies), groups={}, texts={}, digest=""))
    present = [Participant(party=ALICE, joined_at=NOON)]
    return compiled.decide(call, present, now=NOON, settled=settled)


def in_words(verdict: Verdict) -> str:
    start = "maybe " if verdict.may_record else "open " if verdict.is_undecided else ""
    winner = "-" if verdict.winner is None else str(verdict.winner.name)
    doubt = "" if verdict.winner_is_certain else "?"
    runner_up = "" if verdict.runner_up is None else f" > {verdict.runner_up.name}"
    conflict = f" ({' '.join(verdict.conflicts)})" if verdict.conflicts else ""
    shadow = "".join(f" ~{policy.name}" for policy in verdict.shadow)
    assert verdict.is_undecided or not verdict.may_record
    return f"{start}{winner}{doubt}{runner_up}{conflict}{shadow}"


def outcomes(policies: str, *, settled: bool) -> set[str]:
    """Return what comes of some policies in every order that they can be read in."""
    read = [read_policy(text) for text in policies.split("|") if text.strip()]
    return {in_words(decide(order, settled=settled)) for order in permutations(read)}


@pytest.mark.parametrize(("why", "policies", "expected"), SETTLED)
def test_settled_call_falls_under(why: str, policies: str, expected: str) -> None:
    assert outcomes(policies, settled=True) == {expected}, why


@pytest.mark.parametrize(("why", "policies", "expected"), WAITING)
def test_call_of_which_more_may_become_known_falls_under(
    why: str, policies: str, expected: str
) -> None:
    assert outcomes(policies, settled=False) == {expected}, why
