"""The calls that the demo plays: who, when, what goes wrong, and what must come of it.

Used by `cli.demo`. Data, and the few lines that play it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from recordingd.cli.demo_stage import Stage

SUPPORT = "+18005550100"
CUSTOMER = "+14155550100"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """One call of the demo.

    `begins` is seconds after the demo's start, `lasts` its length. `joins` are participants (raw id
    -> seconds after the call's start). `faults` are switched on for this call alone. `expects` is
    (content type, channels of the file), None when the call must not be recorded.
    """

    name: str
    begins: float
    lasts: float
    expects: tuple[str, int] | None
    to: str | None = None
    room: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    joins: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[Mapping[str, object], ...] = ()
    consents_at: float | None = None


CALLS = (
    DemoCall(
        name="support, one channel per speaker",
        begins=0.0,
        lasts=6.0,
        to=SUPPORT,
        joins={"8:acs:customer-1": 0.0, "8:acs:agent-1": 0.0},
        expects=("wav", 2),
    ),
    DemoCall(
        name="sales, mixed mp3",
        begins=1.0,
        lasts=6.0,
        to="+18005550199",
        context={"X-MS-Custom-Queue": "sales"},
        joins={"8:acs:customer-2": 0.0, "8:acs:agent-2": 0.0},
        expects=("mp3", 1),
    ),
    DemoCall(
        name="video meeting, mp4",
        begins=2.0,
        lasts=6.0,
        room="99412345678901",
        joins={"8:acs:guest-1": 0.0, "8:acs:agent-3": 0.0},
        expects=("mp4", 1),
    ),
    DemoCall(
        name="works council, forbidden",
        begins=3.0,
        lasts=4.0,
        to=SUPPORT,
        joins={"8:acs:works-council-1": 0.0, "8:acs:agent-4": 0.0},
        expects=None,
    ),
    DemoCall(
        name="two at once, the first",
        begins=5.0,
        lasts=7.0,
        to=SUPPORT,
        joins={"8:acs:customer-5": 0.0, "8:acs:agent-5": 0.0},
        expects=("wav", 2),
    ),
    DemoCall(
        name="two at once, the second",
        begins=6.0,
        lasts=7.0,
        to=SUPPORT,
        joins={"8:acs:customer-6": 0.0, "8:acs:agent-6": 0.0},
        expects=("wav", 2),
    ),
    DemoCall(
        name="the agent joins late",
        begins=8.0,
        lasts=8.0,
        to=SUPPORT,
        joins={"8:acs:customer-7": 0.0, "8:acs:agent-7": 3.0},
        expects=("wav", 2),
    ),
    DemoCall(
        name="events twice and out of order",
        begins=10.0,
        lasts=6.0,
        to=SUPPORT,
        joins={"8:acs:customer-8": 0.0, "8:acs:agent-8": 0.0},
        faults=(
            {"name": "events.duplicate", "count": None},
            {"name": "events.reorder", "count": 3},
        ),
        expects=("wav", 2),
    ),
    DemoCall(
        name="download cut half way",
        begins=12.0,
        lasts=6.0,
        to=SUPPORT,
        joins={"8:acs:customer-9": 0.0, "8:acs:agent-9": 0.0},
        faults=({"name": "download.truncate", "count": 1},),
        expects=("wav", 2),
    ),
    DemoCall(
        name="silent until consent",
        begins=13.0,
        lasts=7.0,
        to="+18005550142",
        context={"X-MS-Custom-Consent": "ask"},
        joins={"8:acs:customer-10": 0.0, "8:acs:agent-10": 0.0},
        consents_at=3.0,
        expects=("wav", 1),
    ),
)


async def play(stage: Stage, call: DemoCall) -> str:
    """Play one call to its end; return its server call id."""
    await asyncio.sleep(call.begins)
    server_call_id = f"demo/{call.name.replace(' ', '-').replace(',', '')}=="
    for fault in call.faults:
        await stage.ask("POST", "/faults", {**fault, "match": {"serverCallId": server_call_id}})
    first = [raw_id for raw_id, after in call.joins.items() if after == 0]
    await stage.ask(
        "POST",
        "/calls",
        {
            "serverCallId": server_call_id,
            "from": CUSTOMER,
            "to": call.to,
            "room": call.room,
            "context": dict(call.context),
            "participants": [{"id": raw_id} for raw_id in first],
        },
    )
    path = "/calls/" + quote(server_call_id, safe="")
    events = [(after, "join", raw_id) for raw_id, after in call.joins.items() if after > 0]
    if call.consents_at is not None:
        events.append((call.consents_at, "consent", ""))
    passed = 0.0
    for after, what, raw_id in sorted(events):
        await asyncio.sleep(after - passed)
        passed = after
        if what == "join":
            await stage.ask("POST", f"{path}/participants", {"id": raw_id})
        else:
            await stage.signal(_consent(server_call_id))
    await asyncio.sleep(call.lasts - passed)
    await stage.ask("DELETE", path)
    return server_call_id


def _consent(server_call_id: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"consent-{server_call_id}",
        "source": "demo",
        "type": "recordingd.consent.granted",
        "subject": server_call_id,
        "data": {"serverCallId": server_call_id, "method": "app"},
    }
