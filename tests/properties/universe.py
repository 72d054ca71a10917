"""A universe small enough to try every call in it, and matchers that speak of nothing else.

For every matcher drawn here the universe holds a call of each kind that the matcher can tell apart:
what is true of all calls of the universe is true of all calls. A matcher is drawn as it is written
in a file.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from recordingd.domain.calls import Call, ServerCallId, call_id_of
from recordingd.domain.matchers import (
    Condition,
    DirectionIs,
    FlagIs,
    ParticipantCount,
    ParticipantsFit,
    PartyIs,
    TagIs,
    TextIs,
)
from recordingd.domain.parties import Direction, Participant, Party, PartyKind, RawId
from recordingd.planning.conditions import leaves_of
from recordingd.planning.truth import Facts

Written = dict[str, Any]

T0 = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SERVER_CALL_ID = ServerCallId("call")
# A moment at which policies begin or end to be in force, and one on either side of it.
MIDDLE = "2026-06-01T12:00:00Z"
MOMENTS = (T0 - timedelta(hours=1), T0)

# --- every call -----------------------------------------------------------------------------------

TEXTS = (None, "a", "ab", "ac", "b", "c")
# Of those who stand for many alike there are two: no matcher here counts further than that.
_CROWDED = tuple(
    f"{beginning}{number}"
    for beginning in ("8:acs:a", "8:acs:x", "8:orgid:t", "4:+1800555010", "4:+441234567")
    for number in (1, 2)
)
_SINGLE = ("8:acs:a", "8:acs:ab", "4:+18005550100")


def people(raw_ids: Iterable[str], roles: Sequence[str | None]) -> list[Party]:
    return [Party(raw_id=RawId(raw_id), role=role) for raw_id in raw_ids for role in roles]


_PARTIES = (
    None,
    *people((*_SINGLE, *_CROWDED, "4:anonymous", "x"), (None, "seller")),
    Party(raw_id=RawId("x"), kind=PartyKind.TEAMS_USER),
)
_GUESTS = people((*_SINGLE, *_CROWDED), (None,))
_ROSTERS = [
    (some, is_complete)
    for size in range(4)
    for some in itertools.combinations(_GUESTS, size)
    for is_complete in (True, False)
]


def every_call(conditions: Iterable[Condition], *, settled: bool = True) -> Iterator[Facts]:
    """Yield every call of the universe, as far as some conditions can tell them apart."""
    fields = sorted({_field_of(leaf) for c in conditions for leaf in leaves_of(c)})
    rosters = _ROSTERS if "participants" in fields else [((), False)]
    single = [field for field in fields if field != "participants"]
    for values in itertools.product(*(_VALUES[field] for field in single)):
        call = _call(dict(zip(single, values, strict=True)))
        for parties, is_complete in rosters:
            present = [Participant(party=party, joined_at=T0) for party in parties]
            facts = Facts(call, present, settled=settled)
            facts.is_complete = is_complete
            yield facts


_VALUES: Mapping[str, Sequence[Any]] = {
    "tags.q": TEXTS,
    "tags.d": TEXTS,
    "room": TEXTS,
    "isRoomsCall": (None, True, False),
    "direction": (None, *Direction),
    "to": _PARTIES,
}


def _field_of(leaf: Condition) -> str:
    match leaf:
        case TagIs():
            return f"tags.{leaf.tag}"
        case TextIs(field=field) | FlagIs(field=field) | PartyIs(field=field):
            return str(field.value)
        case DirectionIs():
            return "direction"
        case ParticipantsFit() | ParticipantCount():
            return "participants"
        case _:
            raise AssertionError(leaf)


def _call(values: Mapping[str, Any]) -> Call:
    tags = {key: values[f"tags.{key}"] for key in "qd" if values.get(f"tags.{key}") is not None}
    return Call(
        call_id=call_id_of(SERVER_CALL_ID),
        server_call_id=SERVER_CALL_ID,
        first_seen_at=T0,
        started_at=T0,
        tags=tags,
        room_id=values.get("room"),
        is_rooms_call=values.get("isRoomsCall"),
        direction=values.get("direction"),
        to_party=values.get("to"),
    )


# --- matchers -------------------------------------------------------------------------------------


def _listed(values: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """Draw some values; seldom none, which fits nothing."""
    few = st.lists(st.sampled_from(values), min_size=1, max_size=2)
    return st.integers(0, 9).flatmap(lambda n: st.just([]) if n == 9 else few)


_PATTERNS = _listed(["a", "a*", "ab", "b", "*"])
_GUESTS_MEANT: list[Written] = [
    {"id": "8:acs:a"},
    {"id": "8:acs:a*"},
    {"id": "4:+18005550100"},
    {"phone": "+1800*"},
    {"phone": "+18005550100"},
    {"in": "agents"},
    {"notIn": "agents"},
    {"kind": "microsoftTeamsUser"},
    {"kind": "phoneNumber", "notIn": "agents"},
    {"id": "8:acs:a", "phone": "+1800*"},
    {"id": "*"},
]
_PARTIES_MEANT: list[Written] = [
    {"in": "sales"},
    {"notIn": ["sales", "agents"]},
    {"role": "seller"},
]


_FEWEST, _MOST = st.integers(0, 2), st.integers(0, 1)
_PARTICIPANTS = st.one_of(
    *(
        st.builds(lambda s, q=quantifier: {q: s}, _listed(_GUESTS_MEANT))
        for quantifier in ("some", "every", "none")
    ),
    st.builds(lambda n: {"count": {"min": n}}, _FEWEST),
    st.builds(lambda n: {"count": {"max": n}}, _MOST),
    st.builds(lambda m, n: {"count": {"min": m, "max": n}}, _FEWEST, _MOST),
)
_QUEUES = st.builds(lambda p: {"tags": {"q": p}}, _PATTERNS)
_DIRECTIONS = st.builds(lambda d: {"direction": d}, st.sampled_from(["incoming", "outgoing"]))
# What the matchers of one example speak of: all at once would be too many calls to try.
SUBJECTS: Mapping[str, st.SearchStrategy[Written]] = {
    "labels": st.one_of(
        _QUEUES,
        _DIRECTIONS,
        st.builds(lambda p: {"tags": {"d": p}}, _PATTERNS),
        st.builds(lambda v: {"isRoomsCall": v}, st.booleans()),
    ),
    "parties": st.one_of(
        _DIRECTIONS,
        st.builds(lambda s: {"to": s}, _listed([*_GUESTS_MEANT, *_PARTIES_MEANT])),
        st.builds(lambda p: {"room": p}, _PATTERNS),
    ),
    "participants": st.one_of(
        _QUEUES, *[st.builds(lambda p: {"participants": p}, _PARTICIPANTS)] * 2
    ),
}


def matchers(subject: str) -> st.SearchStrategy[Written]:
    """Draw matchers as they are written, about one of `SUBJECTS`."""
    return st.recursive(
        SUBJECTS[subject],
        lambda inner: st.one_of(
            st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {"not": part}, inner),
            st.builds(lambda one, other: {**one, **other}, inner, inner),
        ),
        max_leaves=4,
    )


# --- trees ----------------------------------------------------------------------------------------


def document(kind: str, fields: Written) -> str:
    """Write a document; JSON is YAML."""
    return json.dumps({"apiVersion": "recordingd/v1", "kind": kind, **fields}) + "\n"


GROUPS = "---\n".join(
    (
        document("Group", {"name": "agents", "members": [{"id": "8:acs:ab"}, {"phone": "+1800*"}]}),
        document("Group", {"name": "sales", "members": [{"id": "8:acs:a*", "role": "seller"}]}),
    )
)


@st.composite
def policies(draw: st.DrawFn, subject: str) -> list[Written]:
    """Draw some policies as they are written, sorted by name."""
    names = [f"p{n}" for n in range(draw(st.integers(2, 4)))]
    return [_policy(draw, name, names, matchers(subject)) for name in names]


DECISIONS = ("record", "record", "skip", "require", "require", "forbid", "forbid")
_VALIDITIES: list[Written] = [{}, {}, {}, {"validFrom": MIDDLE}, {"validUntil": MIDDLE}]


def _policy(
    draw: st.DrawFn, name: str, names: Sequence[str], matches: st.SearchStrategy[Written]
) -> Written:
    decision = draw(st.sampled_from(DECISIONS))
    policy: Written = {"name": name, "match": draw(matches), "decision": decision}
    policy["priority"] = int(draw(st.integers(0, 3)) == 3)
    if decision in {"record", "require"}:
        policy["record"] = {}
    if decision == "forbid":
        policy["captured"] = draw(st.sampled_from(["keep", "delete"]))
    if decision == "require":
        policy["overrides"] = draw(st.lists(st.sampled_from(names), max_size=1))
    policy["observe"] = draw(st.integers(0, 4)) == 4
    return policy | draw(st.sampled_from(_VALIDITIES))
