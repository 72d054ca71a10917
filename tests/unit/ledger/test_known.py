from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recordingd.domain.calls import ServerCallId
from recordingd.ledger.known import KNOWN_MAX, KnownCalls, StoredCall
from recordingd.planning.facts import new_call

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stored(name: str = "one", *, facts_version: int = 3, fence: int = 1) -> StoredCall:
    facts = new_call(ServerCallId(name), seen_at=NOON)
    call = replace(facts.call, facts_version=facts_version, fence=fence)
    return StoredCall(facts=replace(facts, call=call), derived=(), rows={})


@pytest.mark.parametrize(
    ("facts_version", "fence", "is_found"),
    [(3, 1, True), (2, 1, False), (4, 1, False), (3, 0, False), (3, 2, False)],
)
def test_call_is_known_in_exactly_its_state(
    facts_version: int, fence: int, *, is_found: bool
) -> None:
    known, call = KnownCalls(), stored()
    call_id = call.facts.call.call_id
    known.keep({call_id: call})
    found = known.find(call_id, facts_version=facts_version, fence=fence)
    assert (found is call) is is_found


def test_oldest_calls_are_forgotten_first() -> None:
    known = KnownCalls()
    calls = [stored(str(n)) for n in range(KNOWN_MAX + 1)]
    ids = [c.facts.call.call_id for c in calls]
    for call_id, call in zip(ids[:-1], calls[:-1], strict=True):
        known.keep({call_id: call})
    known.keep({ids[0]: calls[0]})
    known.keep({ids[-1]: calls[-1]})
    assert [n for n, call_id in enumerate(ids) if call_id not in known] == [1]
